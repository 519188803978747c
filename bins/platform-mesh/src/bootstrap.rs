//! `platform-mesh bootstrap`: what makes a mesh of a kcp that somebody else runs.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use mesh::apply_bootstrap;
use platform_mesh_api::bootstrap::{Parameters, Phase, WebhookEndpoint, steps_of};

use crate::say::say;

/// Flags of `bootstrap`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Kubeconfig of a kcp administrator.
    #[arg(long)]
    kubeconfig: PathBuf,
    /// Host, with port unless 443, under which portal and issuer are reached.
    #[arg(long, default_value = "portal.dev.local:8443")]
    base_domain: String,
    /// PEM file of certificates that the issuer's certificate is checked against.
    #[arg(long)]
    domain_ca: Option<PathBuf>,
    /// Accept people whose mail address is not verified.
    #[arg(long)]
    allow_unverified_emails: bool,
    /// Let nobody register themselves in realm `welcome`.
    #[arg(long)]
    no_registration: bool,
    /// `https://host:port` that answers admission of Accounts; until it does, every write of an Account is refused.
    #[arg(long)]
    account_webhook: Option<String>,
    /// `https://host:port` that answers admission of realms.
    #[arg(long)]
    identity_webhook: Option<String>,
    /// PEM file of certificates that both webhooks' certificates are checked against.
    #[arg(long)]
    webhook_ca: Option<PathBuf>,
    /// Take the steps that need realm `welcome` as well: the security operator runs.
    #[arg(long)]
    with_identity: bool,
}

/// Applies the list; prints a line for each object.
pub async fn run(arguments: Arguments) -> Result<()> {
    runtime::install_crypto();
    let path = &arguments.kubeconfig;
    let file = kube::config::Kubeconfig::read_from(path)
        .with_context(|| format!("kubeconfig `{}` is not usable", path.display()))?;
    let options = kube::config::KubeConfigOptions::default();
    let mut config = kube::Config::from_custom_kubeconfig(file, &options)
        .await
        .with_context(|| format!("kubeconfig `{}` is not usable", path.display()))?;
    config.cluster_url = root_of(&config.cluster_url)?;
    let root = kube::Client::try_from(config)?;
    let webhook_ca = text_of(arguments.webhook_ca.as_deref())?;
    let endpoint =
        |url: Option<String>| url.map(|base_url| WebhookEndpoint { base_url, ca: webhook_ca.clone() });
    let parameters = Parameters {
        domain_ca: text_of(arguments.domain_ca.as_deref())?,
        allow_unverified_emails: arguments.allow_unverified_emails,
        registration_allowed: !arguments.no_registration,
        account_webhook: endpoint(arguments.account_webhook),
        identity_webhook: endpoint(arguments.identity_webhook),
        ..Parameters::new(arguments.base_domain)
    };
    let mut steps = steps_of(&parameters, Phase::Platform);
    if arguments.with_identity {
        steps.extend(steps_of(&parameters, Phase::Identity));
    }
    steps.extend(steps_of(&parameters, Phase::Admission));
    let mut said = Ok(());
    let applied = apply_bootstrap(&root, &steps, |step, change| {
        let line = format!("{change:<9}  {}  {}/{}\n", step.workspace, step.kind(), step.name());
        if let Err(error) = say(&line) {
            said = Err(error);
        }
    });
    applied.await?;
    said
}

/// The text of a file that was named.
fn text_of(path: Option<&Path>) -> Result<Option<String>> {
    let Some(path) = path else { return Ok(None) };
    let text = std::fs::read_to_string(path);
    text.map(Some).with_context(|| format!("file `{}` cannot be read", path.display()))
}

/// The server without the workspace that the kubeconfig names.
fn root_of(url: &http::Uri) -> Result<http::Uri> {
    let path = url.path();
    let cut = path.find("/clusters/").unwrap_or(path.len());
    let base = path[..cut].trim_end_matches('/');
    let mut parts = url.clone().into_parts();
    parts.path_and_query = Some(if base.is_empty() { "/".parse()? } else { base.parse()? });
    Ok(http::Uri::from_parts(parts)?)
}
