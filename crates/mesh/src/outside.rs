//! Parts that somebody else runs: what they need lies in the folder of the mesh, and `operators.env` says where.

use std::path::{Path, PathBuf};

use identity_provider::KEYCLOAK_PATH;
use platform_mesh_api::{bootstrap::WebhookEndpoint, names};
use runtime::{Authority, Credential, Kubeconfig, write_private, write_public};

use crate::{
    MeshError, MeshFile, MeshPart,
    front::{issue, listen_anywhere, local_port},
};

/// Name of the file with all addresses.
pub(crate) const OPERATORS_FILE: &str = "operators.env";
/// Kubeconfig by which the control plane reaches a webhook outside.
const AUTHORIZATION_FILE: &str = "authorization-webhook.kubeconfig";
/// Certificates that clients trust.
const CA_FILE: &str = "ca.crt";

/// Where a server outside is expected: its port on loopback, and the folder with its certificate.
pub(crate) struct Place {
    pub(crate) port: u16,
    certificates: PathBuf,
}

impl Place {
    /// A port that is free now, and a fresh certificate.
    pub(crate) async fn choose(folder: &Path, authority: &Authority, name: &str) -> Result<Self, MeshError> {
        // The port is given back at once, for the operator to take.
        let port = local_port(&listen_anywhere().await?)?;
        let certificates = absolute(folder)?.join("certs").join(name);
        let identity = issue(authority, name, [])?;
        write_public(&certificates.join("tls.crt"), &identity.certificate_pem).await?;
        write_private(&certificates.join("tls.key"), &identity.key_pem).await?;
        Ok(Self { port, certificates })
    }

    /// As admission is registered.
    pub(crate) fn endpoint(&self, authority: &Authority) -> WebhookEndpoint {
        let ca = Some(authority.certificate_pem().to_owned());
        WebhookEndpoint { base_url: format!("https://127.0.0.1:{}", self.port), ca }
    }
}

/// Places of the servers outside.
#[derive(Default)]
pub(crate) struct Places {
    pub(crate) account_operator: Option<Place>,
    pub(crate) security_operator: Option<Place>,
    pub(crate) webhook: Option<Place>,
}

/// Writes the kubeconfig by which the control plane asks the webhook.
pub(crate) async fn authorization_file(
    folder: &Path,
    authority: &Authority,
    place: &Place,
) -> Result<PathBuf, MeshError> {
    let path = folder.join(AUTHORIZATION_FILE);
    let server = format!("https://127.0.0.1:{}/authz", place.port);
    Kubeconfig::single("webhook", &server, Some(authority.certificate_pem()), &Credential::Anonymous)
        .write(&path)
        .await?;
    Ok(path)
}

/// A service account's kubeconfigs: for the exports, the root workspace, and the runtime workspace.
pub(crate) async fn kubeconfigs(
    folder: &Path,
    file: &MeshFile,
    account: &str,
    token: &str,
) -> Result<(), MeshError> {
    for (suffix, workspace) in [("", names::SYSTEM), ("-root", names::ROOT), ("-runtime", names::RUNTIME)] {
        let server = format!("{}/clusters/{workspace}", file.url);
        let credential = Credential::Token(token.to_owned());
        Kubeconfig::single(account, &server, Some(&file.ca), &credential)
            .write(&folder.join(format!("{account}{suffix}.kubeconfig")))
            .await?;
    }
    Ok(())
}

/// Writes `operators.env`: a shell reads it with `.`.
pub(crate) async fn operators_env(
    folder: &Path,
    file: &MeshFile,
    domain: &str,
    keycloak_secret: Option<&str>,
    places: &Places,
) -> Result<(), MeshError> {
    let folder = absolute(folder)?;
    write_public(&folder.join(CA_FILE), &file.ca).await?;
    let at = |name: &str| folder.join(name).display().to_string();
    let mut lines = vec![
        ("MESH_URL", file.url.clone()),
        ("MESH_BASE_DOMAIN", domain.to_owned()),
        ("MESH_CA_FILE", at(CA_FILE)),
        ("SSL_CERT_FILE", at(CA_FILE)),
        ("FGA_TARGET", file.relationships.clone()),
        ("FGA_API_URL", file.relationships_url.clone()),
        ("KEYCLOAK_BASE_URL", format!("https://{domain}{KEYCLOAK_PATH}")),
    ];
    if let Some(place) = &places.account_operator {
        let flags = format!(
            "--kubeconfig={} --runtime-kubeconfig={} --webhooks-enabled --webhooks-port={} --webhooks-cert-dir={} \
             --webhooks-additional-account-types=account --metrics-bind-address=0 --health-probe-bind-address=0",
            at("account-operator.kubeconfig"),
            at("account-operator-runtime.kubeconfig"),
            place.port,
            place.certificates.display(),
        );
        lines.push(("ACCOUNT_OPERATOR_FLAGS", flags));
    }
    if let Some(place) = &places.security_operator {
        let common = format!(
            "--kubeconfig={} --base-domain={domain} --fga-target={} --fga-naming=injective --domain-ca-lookup \
             --development-allow-unverified-emails --set-default-password --keycloak-base-url=https://{domain}{KEYCLOAK_PATH} \
             --keycloak-client-id={} --metrics-bind-address=0 --health-probe-bind-address=0",
            at("security-operator-runtime.kubeconfig"),
            file.relationships,
            names::SECURITY_OPERATOR,
        );
        let exports = format!("{common} --kcp-kubeconfig={}", at("security-operator.kubeconfig"));
        let types = format!("{common} --kcp-kubeconfig={}", at("security-operator-root.kubeconfig"));
        let admission = format!(
            "{exports} --webhooks-enabled --webhooks-port={} --webhooks-cert-dir={}",
            place.port,
            place.certificates.display(),
        );
        lines.push(("SECURITY_OPERATOR_FGA_FLAGS", admission));
        lines.push(("SECURITY_OPERATOR_FLAGS", exports));
        lines.push(("SECURITY_OPERATOR_LIFECYCLE_FLAGS", types));
        lines.push(("KEYCLOAK_CLIENT_SECRET", keycloak_secret.unwrap_or_default().to_owned()));
    }
    if let Some(place) = &places.webhook {
        let flags = format!(
            "--kubeconfig={} --openfga-addr={} --webhook-bind-address=127.0.0.1:{} --webhook-cert-dir={} \
             --naming=injective --metrics-bind-address=0 --health-probe-bind-address=0",
            at("rebac-authz-webhook.kubeconfig"),
            file.relationships,
            place.port,
            place.certificates.display(),
        );
        lines.push(("REBAC_AUTHZ_WEBHOOK_FLAGS", flags));
    }
    let mut text =
        String::from("# Addresses and flags for operators outside; read with `.`, then run e.g.\n");
    for part in MeshPart::ALL {
        let (here, command) = match part {
            MeshPart::AccountOperator => {
                (places.account_operator.is_some(), "account-operator operator $ACCOUNT_OPERATOR_FLAGS")
            }
            MeshPart::SecurityOperator => (
                places.security_operator.is_some(),
                "security-operator fga $SECURITY_OPERATOR_FGA_FLAGS\n#   (system and model-generator with \
                 $SECURITY_OPERATOR_FLAGS, initializer and terminator with $SECURITY_OPERATOR_LIFECYCLE_FLAGS)",
            ),
            MeshPart::Webhook => {
                (places.webhook.is_some(), "rebac-authz-webhook serve $REBAC_AUTHZ_WEBHOOK_FLAGS")
            }
        };
        if here {
            text.push_str(&format!("#   {command}\n"));
        }
    }
    for (name, value) in lines {
        text.push_str(&format!("export {name}={}\n", quoted(&value)));
    }
    Ok(write_private(&folder.join(OPERATORS_FILE), text).await?)
}

/// As a shell reads it back.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

fn absolute(folder: &Path) -> Result<PathBuf, MeshError> {
    std::path::absolute(folder)
        .map_err(|error| MeshError::Folder { path: folder.to_owned(), why: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_a_shell() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
