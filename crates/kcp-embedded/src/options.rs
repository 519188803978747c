//! What a server is started with: plain values, and the flags of `kcp start` that give them.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use clap::Args;

use crate::authorization::{DEFAULT_ORDER, Step, webhook::CacheTtls};

/// Why options cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// A feature gate nobody knows.
    #[error("feature gate `{0}` is not known")]
    UnknownGate(String),
    /// A feature gate without `=true` or `=false`.
    #[error("feature gate `{0}` needs `=true` or `=false`")]
    GateValue(String),
    /// A battery nobody knows.
    #[error("battery `{0}` is not known")]
    UnknownBattery(String),
    /// A duration that cannot be read.
    #[error("duration `{0}` is not valid")]
    Duration(String),
    /// An authorization step nobody knows, or a list without any.
    #[error("authorization order `{0}` is not valid")]
    Order(String),
    /// Only v1 of the webhook's API is spoken.
    #[error("authorization webhook version `{0}` is not supported")]
    WebhookVersion(String),
}

impl OptionsError {
    /// The next step.
    pub fn help(&self) -> &'static str {
        match self {
            OptionsError::UnknownGate(_) | OptionsError::GateValue(_) => {
                "known gates: WorkspaceAuthentication, CacheAPIs, WorkspaceMounts, EnableDeprecatedAPIExportVirtualWorkspacesUrls, LogicalClusterMigration"
            }
            OptionsError::UnknownBattery(_) => {
                "known batteries: workspace-types, admin, user, cluster-workspaces"
            }
            OptionsError::Duration(_) => "write it as 30s, 5m or 1h30m",
            OptionsError::Order(_) => "a list of AlwaysAllowGroups, AlwaysAllowPaths, RBAC, Webhook",
            OptionsError::WebhookVersion(_) => "use v1",
        }
    }
}

/// Feature gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureGates {
    /// Issuers per workspace; on unless switched off.
    pub workspace_authentication: bool,
    /// Accepted, without effect: there is no cache server in one process.
    pub cache_apis: bool,
    /// Publish virtual workspace URLs in `APIExport.status` too.
    pub deprecated_export_urls: bool,
}

impl Default for FeatureGates {
    fn default() -> Self {
        Self { workspace_authentication: true, cache_apis: false, deprecated_export_urls: false }
    }
}

impl FeatureGates {
    /// Reads `Name=true,Other=false`.
    ///
    /// # Errors
    /// [`OptionsError`] for an unknown gate or a value that is no boolean.
    pub fn parse(text: &str) -> Result<Self, OptionsError> {
        let mut gates = Self::default();
        for entry in text.split(',').map(str::trim).filter(|e| !e.is_empty()) {
            let (name, value) =
                entry.split_once('=').ok_or_else(|| OptionsError::GateValue(entry.to_owned()))?;
            let value: bool = value.trim().parse().map_err(|_| OptionsError::GateValue(entry.to_owned()))?;
            match name.trim() {
                "WorkspaceAuthentication" => gates.workspace_authentication = value,
                "CacheAPIs" => gates.cache_apis = value,
                "EnableDeprecatedAPIExportVirtualWorkspacesUrls" => gates.deprecated_export_urls = value,
                "WorkspaceMounts" | "LogicalClusterMigration" if !value => {}
                "WorkspaceMounts" | "LogicalClusterMigration" => {
                    tracing::warn!(gate = name, "feature gate has no effect here: the feature is not served");
                }
                other => return Err(OptionsError::UnknownGate(other.to_owned())),
            }
        }
        if gates.cache_apis {
            tracing::warn!("feature gate CacheAPIs has no effect here: one process needs no cache server");
        }
        Ok(gates)
    }
}

/// Batteries: what root holds beyond the necessary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batteries {
    /// WorkspaceTypes `organization` and `team`.
    pub workspace_types: bool,
    /// User `kcp-admin` and its kubeconfig contexts.
    pub admin: bool,
    /// User `user` with a token.
    pub user: bool,
}

impl Default for Batteries {
    fn default() -> Self {
        Self { workspace_types: true, admin: true, user: false }
    }
}

impl Batteries {
    /// Reads a comma list.
    ///
    /// # Errors
    /// [`OptionsError::UnknownBattery`].
    pub fn parse(text: &str) -> Result<Self, OptionsError> {
        let mut batteries = Self { workspace_types: false, admin: false, user: false };
        for name in text.split(',').map(str::trim).filter(|n| !n.is_empty()) {
            match name {
                "workspace-types" => batteries.workspace_types = true,
                "admin" => batteries.admin = true,
                "user" => batteries.user = true,
                // Kept by kcp for old command lines.
                "cluster-workspaces" | "root-compute-workspace" | "metrics-viewer" => {}
                other => return Err(OptionsError::UnknownBattery(other.to_owned())),
            }
        }
        Ok(batteries)
    }
}

/// Where the authorization webhook is described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookOptions {
    /// A kubeconfig file.
    pub config_file: PathBuf,
    /// How long answers are kept.
    pub ttls: CacheTtls,
}

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder for certificates, keys and `admin.kubeconfig`; without one nothing is written.
    pub root_directory: Option<PathBuf>,
    /// Address of the HTTPS listener; `None`: no listener, in-process calls only.
    pub listen: Option<(IpAddr, u16)>,
    /// Host name in published URLs; default `localhost`-reachable address of the listener.
    pub external_hostname: Option<String>,
    /// CA file of client certificates.
    pub client_ca_file: Option<PathBuf>,
    /// File of static tokens.
    pub token_auth_file: Option<PathBuf>,
    /// AuthenticationConfiguration file: issuers for the whole server.
    pub authentication_config: Option<PathBuf>,
    /// Where `admin.kubeconfig` is written; default in the root directory.
    pub kubeconfig_path: Option<PathBuf>,
    /// The authorization webhook.
    pub webhook: Option<WebhookOptions>,
    /// Order of the authorization chain.
    pub authorization_order: Vec<Step>,
    /// Feature gates.
    pub gates: FeatureGates,
    /// Batteries.
    pub batteries: Batteries,
    /// Drop privileged groups from client certificates, as a front proxy does.
    pub drop_privileged_groups: bool,
    /// Refuse CRDs over bound resources (kcp has this off by default).
    pub refuse_overlapping_crds: bool,
    /// Names of hosts the serving certificate is good for, besides loopback and the external host name.
    pub certificate_hosts: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            root_directory: None,
            listen: None,
            external_hostname: None,
            client_ca_file: None,
            token_auth_file: None,
            authentication_config: None,
            kubeconfig_path: None,
            webhook: None,
            authorization_order: DEFAULT_ORDER.to_vec(),
            gates: FeatureGates::default(),
            batteries: Batteries::default(),
            drop_privileged_groups: false,
            refuse_overlapping_crds: true,
            certificate_hosts: Vec::new(),
        }
    }
}

/// The flags of `kcp start` that are understood here; those of etcd are accepted and have no effect.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// Folder for certificates, keys and kubeconfig files.
    #[arg(long, default_value = ".kcp")]
    pub root_directory: PathBuf,
    /// Port of the HTTPS listener; 0 takes a free one.
    #[arg(long, default_value_t = 6443)]
    pub secure_port: u16,
    /// Address of the HTTPS listener.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::UNSPECIFIED))]
    pub bind_address: IpAddr,
    /// Host name used in all published URLs.
    #[arg(long)]
    pub external_hostname: Option<String>,
    /// CA bundle for client certificates.
    #[arg(long)]
    pub client_ca_file: Option<PathBuf>,
    /// CSV file of static tokens: token,user,uid,"group1,group2".
    #[arg(long)]
    pub token_auth_file: Option<PathBuf>,
    /// AuthenticationConfiguration file.
    #[arg(long)]
    pub authentication_config: Option<PathBuf>,
    /// Comma list of batteries.
    #[arg(long, default_value = "workspace-types,admin")]
    pub batteries_included: String,
    /// Comma list of Gate=true|false.
    #[arg(long, default_value = "")]
    pub feature_gates: String,
    /// Where admin.kubeconfig is written.
    #[arg(long)]
    pub kubeconfig_path: Option<PathBuf>,
    /// Kubeconfig file of the authorization webhook.
    #[arg(long)]
    pub authorization_webhook_config_file: Option<PathBuf>,
    /// Version of the webhook's SubjectAccessReview.
    #[arg(long, default_value = "v1")]
    pub authorization_webhook_version: String,
    /// How long grants of the webhook are kept.
    #[arg(long, default_value = "5m")]
    pub authorization_webhook_cache_authorized_ttl: String,
    /// How long refusals of the webhook are kept.
    #[arg(long, default_value = "30s")]
    pub authorization_webhook_cache_unauthorized_ttl: String,
    /// Order of the authorizers.
    #[arg(long, default_value = "AlwaysAllowGroups,AlwaysAllowPaths,RBAC,Webhook")]
    pub authorization_order: String,
    /// Accepted, without effect.
    #[arg(long, hide = true)]
    pub embedded_etcd_client_port: Option<u16>,
    /// Accepted, without effect.
    #[arg(long, hide = true)]
    pub embedded_etcd_peer_port: Option<u16>,
    /// Accepted, without effect.
    #[arg(long, hide = true)]
    pub embedded_etcd_wal_size_bytes: Option<u64>,
    /// Accepted, without effect: audit events are not written.
    #[arg(long, hide = true)]
    pub audit_log_path: Option<PathBuf>,
}

impl TryFrom<Flags> for Options {
    type Error = OptionsError;

    fn try_from(flags: Flags) -> Result<Self, OptionsError> {
        let webhook = match flags.authorization_webhook_config_file {
            None => None,
            Some(_) if flags.authorization_webhook_version != "v1" => {
                return Err(OptionsError::WebhookVersion(flags.authorization_webhook_version));
            }
            Some(config_file) => Some(WebhookOptions {
                config_file,
                ttls: CacheTtls {
                    allowed: parse_duration(&flags.authorization_webhook_cache_authorized_ttl)?,
                    denied: parse_duration(&flags.authorization_webhook_cache_unauthorized_ttl)?,
                },
            }),
        };
        Ok(Self {
            root_directory: Some(flags.root_directory),
            listen: Some((flags.bind_address, flags.secure_port)),
            external_hostname: flags.external_hostname,
            client_ca_file: flags.client_ca_file,
            token_auth_file: flags.token_auth_file,
            authentication_config: flags.authentication_config,
            kubeconfig_path: flags.kubeconfig_path,
            webhook,
            authorization_order: parse_order(&flags.authorization_order)?,
            gates: FeatureGates::parse(&flags.feature_gates)?,
            batteries: Batteries::parse(&flags.batteries_included)?,
            ..Self::default()
        })
    }
}

/// Reads a list of authorization steps.
///
/// # Errors
/// [`OptionsError::Order`] for an unknown or repeated step, or none.
pub fn parse_order(text: &str) -> Result<Vec<Step>, OptionsError> {
    let invalid = || OptionsError::Order(text.to_owned());
    let mut order = Vec::new();
    for name in text.split(',').map(str::trim) {
        let step = match name {
            "AlwaysAllowGroups" => Step::AlwaysAllowGroups,
            "AlwaysAllowPaths" => Step::AlwaysAllowPaths,
            "RBAC" => Step::Rbac,
            "Webhook" => Step::Webhook,
            _ => return Err(invalid()),
        };
        if order.contains(&step) {
            return Err(invalid());
        }
        order.push(step);
    }
    Ok(order)
}

/// Reads a duration as Go writes it: `30s`, `5m0s`, `1h30m`, `250ms`.
///
/// # Errors
/// [`OptionsError::Duration`].
pub fn parse_duration(text: &str) -> Result<Duration, OptionsError> {
    runtime::parse_go_duration(text).map_err(|_| OptionsError::Duration(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dev_01_gates_batteries_order_and_durations_are_read_or_refused_by_name() {
        assert_eq!(
            FeatureGates::parse("WorkspaceAuthentication=false").map(|g| g.workspace_authentication),
            Ok(false)
        );
        assert_eq!(FeatureGates::parse("Nope=true"), Err(OptionsError::UnknownGate("Nope".into())));
        assert_eq!(Batteries::parse("admin").map(|b| (b.admin, b.workspace_types)), Ok((true, false)));
        assert!(Batteries::parse("x").is_err());
        assert_eq!(parse_order("Webhook,RBAC"), Ok(vec![Step::Webhook, Step::Rbac]));
        assert!(parse_order("RBAC,RBAC").is_err());
        assert_eq!(parse_duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert!(parse_duration("").is_err() && parse_duration("5").is_err() && parse_duration("5d").is_err());
    }

    /// A configuration file and a flag mean the same by the same text, though two crates read them.
    #[test]
    fn acf_durations_of_flags_and_of_configurations_are_one_grammar() {
        let numbers = ["", "0", "1", "1.5", ".5", "1.", ".", "007", "1e3", "99999999999999999999999"];
        let units = ["", "h", "m", "s", "ms", "us", "µs", "ns", "d", " s"];
        for first in numbers.iter().flat_map(|number| units.iter().map(move |unit| format!("{number}{unit}")))
        {
            for text in [first.clone(), format!("{first}.5s"), format!("1m{first}"), format!("-{first}")] {
                let flag = runtime::parse_go_duration(&text).ok();
                assert_eq!(oidc_config::parse_duration(&text).ok(), flag, "{text}");
            }
        }
    }
}
