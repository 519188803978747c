//! Flags of the account operator, with upstream's names and defaults.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{ArgAction, Parser};

/// Flags of the account operator. Those that upstream only keeps for the record are accepted and kept too.
#[derive(Clone, Debug, Parser)]
#[command(name = "account-operator", about = "Turns Accounts into workspaces")]
pub struct Options {
    /// Handle only objects whose label `debug.platform-mesh.io` has this value; absent counts as empty.
    #[arg(long, default_value = "")]
    pub debug_label_value: String,
    /// Reconciles at once, for each controller.
    #[arg(long, default_value_t = 10)]
    pub max_concurrent_reconciles: usize,
    /// Name of the environment; for the record.
    #[arg(long, default_value = "")]
    pub environment: String,
    /// Name of the region; for the record.
    #[arg(long, default_value = "local")]
    pub region: String,
    /// Kubeconfig of the workspace that holds the export; before KUBECONFIG, in-cluster, and the home folder.
    #[arg(long, default_value = "")]
    pub kubeconfig: String,
    /// Kubeconfig of the cluster that holds the Lease; where empty, the cluster that the process runs in.
    #[arg(long, default_value = "", env = "RUNTIME_KUBECONFIG")]
    pub runtime_kubeconfig: String,
    /// Without effect.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub is_local: bool,
    /// Name of the image; for the record.
    #[arg(long, default_value = "")]
    pub image_name: String,
    /// Tag of the image; for the record.
    #[arg(long, default_value = "")]
    pub image_tag: String,
    /// Least level of the log: trace, debug, info, warn, error.
    #[arg(long, default_value = "info")]
    pub log_level: String,
    /// Log for people instead of JSON.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub no_json: bool,
    /// How long running reconciles may go on after a signal.
    #[arg(long, default_value = "1m", value_parser = runtime::parse_go_duration)]
    pub shutdown_timeout: Duration,
    /// Where metrics are served; `0` serves none.
    #[arg(long, default_value = ":9090")]
    pub metrics_bind_address: String,
    /// Without effect: metrics are served in plain text.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub metrics_secure: bool,
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
    /// Without effect: HTTP/2 is offered always.
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub enable_http2: bool,
    /// Where health is served; `0` serves none.
    #[arg(long, default_value = ":8090")]
    pub health_probe_bind_address: String,
    /// Work only while holding the Lease.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub leader_elect: bool,
    /// Serve admission.
    #[arg(long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub webhooks_enabled: bool,
    /// Folder of `tls.crt` and `tls.key`; they may be replaced at any time.
    #[arg(long, default_value = "certs")]
    pub webhooks_cert_dir: PathBuf,
    /// Port of the admission server.
    #[arg(long, default_value_t = 9443)]
    pub webhooks_port: u16,
    /// Names that no organisation may have, separated by commas.
    #[arg(long, default_value = "")]
    pub webhooks_deny_list: String,
    /// Types that accounts may have besides `org`; repeated, or separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub webhooks_additional_account_types: Vec<String>,
    /// Keep the WorkspaceTypes of organisations.
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub subroutines_workspace_type_enabled: bool,
    /// Keep the Workspaces of accounts.
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub subroutines_workspace_enabled: bool,
    /// Wait for Workspaces to be ready.
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub subroutines_workspace_ready_enabled: bool,
    /// Keep AccountInfo.
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub subroutines_account_info_enabled: bool,
    /// Hold AccountInfo while child accounts exist.
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub controllers_account_info_enabled: bool,
    /// The endpoint slice of the export.
    #[arg(long, default_value = "core.platform-mesh.io")]
    pub kcp_api_export_endpoint_slice_name: String,
    /// Without effect: the kubeconfig says which workspace.
    #[arg(long, default_value = "root")]
    pub kcp_provider_workspace: String,
}

impl Default for Options {
    fn default() -> Self {
        // Every flag has a default, so an empty command line always parses.
        Self::try_parse_from(["account-operator"]).unwrap_or_else(|error| error.exit())
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
            (self.kcp_provider_workspace != "root", "--kcp-provider-workspace"),
        ];
        defaults.into_iter().filter(|(given, _)| *given).map(|(_, name)| name).collect()
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
    fn acc_o8_every_flag_of_upstreams_chart_parses() {
        let options = Options::try_parse_from([
            "operator",
            "--leader-elect",
            "--metrics-bind-address=:9090",
            "--health-probe-bind-address=:8090",
            "--log-level=warn",
            "--no-json",
            "--region=local",
            "--environment=local",
            "--image-tag=1",
            "--image-name=x",
            "--shutdown-timeout=1m",
            "--max-concurrent-reconciles=10",
            "--enable-http2=false",
            "--subroutines-workspace-enabled=true",
            "--subroutines-workspace-type-enabled=true",
            "--subroutines-workspace-ready-enabled=true",
            "--subroutines-account-info-enabled=false",
            "--controllers-account-info-enabled=true",
            "--kcp-api-export-endpoint-slice-name=core.platform-mesh.io",
            "--webhooks-enabled",
            "--webhooks-cert-dir=/certs",
            "--webhooks-deny-list=a,b",
            "--webhooks-additional-account-types=x,y",
            "--webhooks-additional-account-types=z",
        ])
        .unwrap();
        assert!(options.leader_elect && options.webhooks_enabled && !options.enable_http2);
        assert_eq!(options.shutdown_timeout, Duration::from_secs(60));
        assert_eq!(options.webhooks_additional_account_types, ["x", "y", "z"]);
        assert_eq!(options.webhooks_deny_list, "a,b");
        assert!(!options.subroutines_account_info_enabled);
        assert_eq!(options.without_effect(), ["--enable-http2"]);
    }

    #[test]
    fn acc_o8_defaults_are_upstreams() {
        let options = Options::default();
        assert_eq!((options.max_concurrent_reconciles, options.webhooks_port), (10, 9443));
        assert!(
            options.subroutines_workspace_enabled
                && options.controllers_account_info_enabled
                && options.enable_http2
        );
        assert!(!options.webhooks_enabled && !options.leader_elect);
        assert_eq!(options.kcp_api_export_endpoint_slice_name, "core.platform-mesh.io");
        assert_eq!(bind_address(&options.metrics_bind_address).unwrap(), "0.0.0.0:9090".parse().ok());
        assert_eq!(bind_address("0").unwrap(), None);
        assert!(bind_address("x").is_err());
    }
}
