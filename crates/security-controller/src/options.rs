//! Flags of the security operator, with upstream's names and defaults.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use account_model::TupleNames;
use clap::{ArgAction, Parser, ValueEnum};
use fga_model::Naming;
use identity_provider::{MailServer, RealmSettings};

/// How names are made to fit OpenFGA's limits, as a flag says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FlagNaming {
    /// As the Go components name.
    #[default]
    Compat,
    /// No two resources share a name.
    Injective,
}

impl From<FlagNaming> for Naming {
    fn from(naming: FlagNaming) -> Self {
        match naming {
            FlagNaming::Compat => Naming::Compat,
            FlagNaming::Injective => Naming::Injective,
        }
    }
}

/// Flags of every mode of the security operator. Those that upstream only keeps for the record are accepted and kept too.
#[derive(Clone, Debug, Parser)]
#[command(name = "security-operator", about = "Stores, models, tuples, realms and invites of organisations")]
pub struct Options {
    /// Handle only objects whose label `debug.platform-mesh.io` has this value; absent counts as empty.
    #[arg(long, default_value = "")]
    pub debug_label_value: String,
    /// Reconciles at once, for each controller.
    #[arg(long, default_value_t = 10)]
    pub max_concurrent_reconciles: usize,
    /// Work only while holding the Lease.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub leader_elect: bool,
    /// Where metrics are served; `0` serves none.
    #[arg(long, default_value = ":9090")]
    pub metrics_bind_address: String,
    /// Where health is served; `0` serves none.
    #[arg(long, default_value = ":8090")]
    pub health_probe_bind_address: String,
    /// Least level of the log: trace, debug, info, warn, error.
    #[arg(long, default_value = "info")]
    pub log_level: String,
    /// Log for people instead of JSON.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub no_json: bool,
    /// Name of the environment; for the record.
    #[arg(long, default_value = "")]
    pub environment: String,
    /// Name of the region; for the record.
    #[arg(long, default_value = "local")]
    pub region: String,
    /// Name of the image; for the record.
    #[arg(long, default_value = "")]
    pub image_name: String,
    /// Tag of the image; for the record.
    #[arg(long, default_value = "")]
    pub image_tag: String,
    /// How long running reconciles may go on after a signal.
    #[arg(long, default_value = "1m", value_parser = runtime::parse_go_duration)]
    pub shutdown_timeout: Duration,
    /// Kubeconfig of the cluster that holds Lease and certificates; where empty, the cluster the process runs in.
    #[arg(long, default_value = "", env = "KUBECONFIG")]
    pub kubeconfig: String,
    /// Without effect.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub is_local: bool,
    /// Without effect: metrics are served in plain text.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub metrics_secure: bool,
    /// Without effect: HTTP/2 is offered always.
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub enable_http2: bool,
    /// Without effect: traces are not exported.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub tracing_enabled: bool,
    /// Without effect.
    #[arg(long, default_value = "")]
    pub tracing_config_service_name: String,
    /// Without effect.
    #[arg(long, default_value = "")]
    pub tracing_config_service_version: String,
    /// Without effect.
    #[arg(long, default_value = "")]
    pub tracing_config_collector_endpoint: String,
    /// Kubeconfig of kcp; its URL names the workspace of the exports, or of the WorkspaceType.
    #[arg(long, default_value = "/api-kubeconfig/kubeconfig")]
    pub kcp_kubeconfig: String,
    /// Endpoint slice of the core export.
    #[arg(long, default_value = "core.platform-mesh.io")]
    pub api_export_endpoint_slice_name: String,
    /// Endpoint slice of the system export.
    #[arg(long, default_value = "system.platform-mesh.io")]
    pub system_api_export_endpoint_slice_name: String,
    /// Workspace of the WorkspaceType whose initializer and terminator are served.
    #[arg(long, default_value = "root")]
    pub workspace_path: String,
    /// Name of that WorkspaceType.
    #[arg(long, default_value = "security")]
    pub workspace_type_name: String,
    /// Address of OpenFGA, `host:port`.
    #[arg(long, default_value = "")]
    pub fga_target: String,
    /// Type of accounts in models and tuples.
    #[arg(long, default_value = "core_platform-mesh_io_account")]
    pub fga_object_type: String,
    /// Relation between an account and its parent.
    #[arg(long, default_value = "parent")]
    pub fga_parent_relation: String,
    /// Relation between an account and its creator's role.
    #[arg(long, default_value = "owner")]
    pub fga_creator_relation: String,
    /// Without effect: store ids are read from Stores, not remembered.
    #[arg(long, default_value = "24h", value_parser = runtime::parse_go_duration)]
    pub fga_store_id_cache_ttl: Duration,
    /// How names that do not fit OpenFGA's limits are made to fit; `compat` is as the Go components name.
    #[arg(long, value_enum, default_value_t = FlagNaming::Compat)]
    pub fga_naming: FlagNaming,
    /// File of the core module; where empty, the built-in one.
    #[arg(long, default_value = "")]
    pub core_module_path: String,
    /// Make everybody who has logged in a member of every organisation.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub allow_member_tuples_enabled: bool,
    /// Without effect.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub migrate_authorization_models: bool,
    /// Domain of the portal, with its port where it has one.
    #[arg(long, default_value = "portal.dev.local:8443")]
    pub base_domain: String,
    /// Claim that holds groups.
    #[arg(long, default_value = "groups")]
    pub group_claim: String,
    /// Claim that holds the user's name.
    #[arg(long, default_value = "email")]
    pub user_claim: String,
    /// Further audiences of tokens.
    #[arg(long, value_delimiter = ',')]
    pub additional_audiences: Vec<String>,
    /// Let people in whose mail address is not verified.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub development_allow_unverified_emails: bool,
    /// Trust the certificates of Secret `platform-mesh-system/domain-certificate-ca` as those of the issuer.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub domain_ca_lookup: bool,
    /// Give invited users the temporary password `password`. For development.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub set_default_password: bool,
    /// Deadline of one call to the identity provider, in seconds.
    #[arg(long, default_value_t = 30)]
    pub http_client_timeout_seconds: u64,
    /// URL of the identity provider, with its path.
    #[arg(long, default_value = "")]
    pub keycloak_base_url: String,
    /// Client that administers the identity provider; its secret is KEYCLOAK_CLIENT_SECRET.
    #[arg(long, default_value = "security-operator")]
    pub keycloak_client_id: String,
    /// Realms that nobody may ask for.
    #[arg(long, value_delimiter = ',')]
    pub idp_realm_deny_list: Vec<String>,
    /// Let people register themselves.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub idp_registration_allowed: bool,
    /// Life of tokens, in seconds.
    #[arg(long, default_value_t = 28800)]
    pub idp_access_token_lifespan: u32,
    /// Where logins of an organisation may also return to.
    #[arg(long, value_delimiter = ',')]
    pub idp_additional_redirect_urls: Vec<String>,
    /// Where logins of kubectl may return to.
    #[arg(long, value_delimiter = ',', default_value = "http://localhost:8000,http://localhost:18000")]
    pub idp_kubectl_client_redirect_urls: Vec<String>,
    /// Host of the mail server; none where empty.
    #[arg(long, default_value = "")]
    pub idp_smtp_server: String,
    /// Port of the mail server.
    #[arg(long, default_value_t = 0)]
    pub idp_smtp_port: u16,
    /// Sender of mail.
    #[arg(long, default_value = "")]
    pub idp_from_address: String,
    /// User at the mail server.
    #[arg(long, default_value = "")]
    pub idp_smtp_user: String,
    /// Password at the mail server.
    #[arg(long, default_value = "", env = "IDP_SMTP_PASSWORD", hide_env_values = true)]
    pub idp_smtp_password: String,
    /// Speak TLS with the mail server from the first byte.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub idp_smtp_ssl: bool,
    /// Speak TLS with the mail server by STARTTLS.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub idp_smtp_starttls: bool,
    /// Keep the Stores of organisations.
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub initializer_workspace_enabled: bool,
    /// Keep the IdentityProviderConfigurations of organisations.
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub initializer_idp_enabled: bool,
    /// Invite the creators of organisations.
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub initializer_invite_enabled: bool,
    /// Keep the authentication of organisations' workspaces.
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub initializer_workspace_auth_enabled: bool,
    /// Serve admission.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub webhooks_enabled: bool,
    /// Port of the admission server.
    #[arg(long, default_value_t = 9443)]
    pub webhooks_port: u16,
    /// Folder of `tls.crt` and `tls.key`; they may be replaced at any time.
    #[arg(long, default_value = "/tmp/k8s-webhook-server/serving-certs")]
    pub webhooks_cert_dir: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        // Every flag has a default, so an empty command line always parses.
        Self::try_parse_from(["security-operator"]).unwrap_or_else(|error| error.exit())
    }
}

impl Options {
    /// Flags that were given and do nothing, in words.
    pub fn without_effect(&self) -> Vec<&'static str> {
        let defaults = [
            (self.is_local, "--is-local"),
            (self.metrics_secure, "--metrics-secure"),
            (self.tracing_enabled, "--tracing-enabled"),
            (!self.enable_http2, "--enable-http2"),
            (self.migrate_authorization_models, "--migrate-authorization-models"),
        ];
        defaults.into_iter().filter(|(given, _)| *given).map(|(_, name)| name).collect()
    }

    /// Name of the initializer and terminator: `root:security`.
    pub fn marker(&self) -> String {
        format!("{}:{}", self.workspace_path, self.workspace_type_name)
    }

    /// URL of the issuer of a realm, as tokens carry it.
    pub fn issuer(&self, realm: &str) -> String {
        format!("https://{}/keycloak/realms/{realm}", self.base_domain)
    }

    /// Names that tuples are made of.
    pub fn tuple_names(&self) -> TupleNames {
        TupleNames {
            object_type: self.fga_object_type.clone(),
            creator_relation: self.fga_creator_relation.clone(),
            parent_relation: self.fga_parent_relation.clone(),
            naming: self.fga_naming.into(),
        }
    }

    /// What a realm should be.
    pub(crate) fn realm(&self, name: &str, registration_allowed: bool) -> RealmSettings {
        RealmSettings {
            name: name.to_owned(),
            registration_allowed,
            token_lifespan: self.idp_access_token_lifespan,
            mail_server: self.mail_server(),
        }
    }

    fn mail_server(&self) -> Option<MailServer> {
        if self.idp_smtp_server.is_empty() {
            return None;
        }
        let login = (!self.idp_smtp_user.is_empty())
            .then(|| (self.idp_smtp_user.clone(), self.idp_smtp_password.clone()));
        Some(MailServer {
            host: self.idp_smtp_server.clone(),
            port: self.idp_smtp_port,
            from: self.idp_from_address.clone(),
            ssl: self.idp_smtp_ssl,
            starttls: self.idp_smtp_starttls,
            login,
        })
    }

    /// Whether a name may not be asked for as a realm: Keycloak's own, and the denied ones.
    pub(crate) fn is_denied_realm(&self, name: &str) -> bool {
        name == "master" || self.idp_realm_deny_list.iter().any(|denied| denied.trim() == name)
    }
}

/// The address of a listener; none where the flag turns it off.
pub(crate) fn bind_address(text: &str) -> Result<Option<SocketAddr>, crate::RunError> {
    runtime::parse_listen_address(text).map_err(|_| crate::RunError::Address { text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_flags_of_upstreams_chart_parse() {
        let options = Options::try_parse_from([
            "fga",
            "--leader-elect",
            "--core-module-path=/data/coreModule.fga",
            "--keycloak-base-url=https://127.0.0.1:1/keycloak",
            "--base-domain=portal.example.io",
            "--fga-target=openfga:8081",
            "--fga-store-id-cache-ttl=5m",
            "--kcp-kubeconfig=/k",
            "--domain-ca-lookup",
            "--development-allow-unverified-emails=true",
            "--idp-additional-redirect-urls=http://localhost:8000/callback*,http://localhost:4300/callback*",
            "--idp-smtp-server=mail",
            "--idp-smtp-port=25",
            "--idp-from-address=a@b",
            "--idp-realm-deny-list=a,b",
            "--webhooks-enabled=true",
        ])
        .unwrap();
        assert_eq!(options.idp_additional_redirect_urls.len(), 2);
        assert_eq!(
            options.idp_kubectl_client_redirect_urls,
            ["http://localhost:8000", "http://localhost:18000"]
        );
        assert_eq!(options.marker(), "root:security");
        assert_eq!(options.issuer("acme"), "https://portal.example.io/keycloak/realms/acme");
        let realm = options.realm("acme", true);
        assert_eq!((realm.token_lifespan, realm.registration_allowed), (28_800, true));
        assert_eq!(realm.mail_server.unwrap().login, None);
        assert!(
            options.is_denied_realm("b")
                && options.is_denied_realm("master")
                && !options.is_denied_realm("acme")
        );
        assert!(options.initializer_invite_enabled && !options.set_default_password);
    }
}
