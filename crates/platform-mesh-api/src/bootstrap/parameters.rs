//! What differs from mesh to mesh.

/// What differs from mesh to mesh; the rest of the list is always the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Host, with port unless 443, under which portal and issuer are reached: `https://<base domain>/keycloak`.
    pub base_domain: String,
    /// Certificates that the issuer's certificate is checked against, PEM; none: the system's.
    pub domain_ca: Option<String>,
    /// Accept people whose mail address is not verified.
    pub allow_unverified_emails: bool,
    /// Whether people may register themselves in realm `welcome`.
    pub registration_allowed: bool,
    /// Where a login at realm `welcome` may return to, besides the portal.
    pub welcome_redirect_uris: Vec<String>,
    /// Where a logout from realm `welcome` may return to, besides the portal.
    pub welcome_post_logout_redirect_uris: Vec<String>,
    /// Server that answers the two admission paths of Accounts; none: no admission is registered.
    pub account_webhook: Option<WebhookEndpoint>,
    /// Server that answers the admission path of IdentityProviderConfigurations; none: no admission is registered.
    pub identity_webhook: Option<WebhookEndpoint>,
    /// Give lifecycle controllers rights of their own on WorkspaceType `security`. kcp knows the two fields since 0.32
    /// and refuses to apply them before.
    pub lifecycle_permissions: bool,
    /// Exports that workspaces of a type bind besides the usual ones.
    pub extra_default_bindings: Vec<ExtraDefaultBinding>,
}

impl Parameters {
    /// A mesh under this base domain, with verified mail addresses, self-registration, and no admission.
    pub fn new(base_domain: impl Into<String>) -> Self {
        Self {
            base_domain: base_domain.into(),
            domain_ca: None,
            allow_unverified_emails: false,
            registration_allowed: true,
            welcome_redirect_uris: Vec::new(),
            welcome_post_logout_redirect_uris: Vec::new(),
            account_webhook: None,
            identity_webhook: None,
            lifecycle_permissions: true,
            extra_default_bindings: Vec::new(),
        }
    }

    /// URL of a realm's issuer, as tokens carry it.
    pub fn issuer(&self, realm: &str) -> String {
        format!("https://{}/keycloak/realms/{realm}", self.base_domain)
    }
}

/// An HTTPS server that answers AdmissionReviews.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEndpoint {
    /// `https://host:port`; the paths are fixed.
    pub base_url: String,
    /// Certificates that its certificate is checked against, PEM; none: the system's.
    pub ca: Option<String>,
}

/// An export that every workspace of a type binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraDefaultBinding {
    /// Name of a WorkspaceType in root.
    pub workspace_type: String,
    /// Path of the workspace that holds the export.
    pub path: String,
    /// Name of the export.
    pub export: String,
}
