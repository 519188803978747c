//! Flags and environment of the webhook, with upstream's names and defaults.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use fga_model::Naming;

/// What the webhook is started with.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Address of the metrics endpoint.
    #[arg(long, default_value = ":9090")]
    pub metrics_bind_address: String,
    /// Address of the health endpoint.
    #[arg(long, default_value = ":8090")]
    pub health_probe_bind_address: String,
    /// Address of the authorization endpoint; upstream's is fixed.
    #[arg(long, default_value = ":9443")]
    pub webhook_bind_address: String,
    /// gRPC address of OpenFGA.
    #[arg(long, default_value = "openfga.platform-mesh-system:8081")]
    pub openfga_addr: String,
    /// Folder with tls.crt and tls.key.
    #[arg(long, default_value = "config")]
    pub webhook_cert_dir: PathBuf,
    /// Extra field of a review that names the logical cluster; kcp's canonical one is read where it is missing.
    #[arg(long, default_value = "authorization.kubernetes.io/cluster-name")]
    pub webhook_cluster_key: String,
    /// Paths that everybody may read.
    #[arg(long, value_delimiter = ',', default_value = "/api,/openapi,/version")]
    pub webhook_allowed_nonresource_prefixes: Vec<String>,
    /// How often a caller is told to come back while a workspace is unknown.
    #[arg(long, default_value_t = 1)]
    pub webhook_cache_miss_max_retries: u32,
    /// The window in which that is counted.
    #[arg(long, default_value = "5m", value_parser = runtime::parse_go_duration)]
    pub webhook_cache_miss_ttl: Duration,
    /// Accepted for upstream's sake; nothing has to be cleaned up.
    #[arg(long, default_value = "2m", value_parser = runtime::parse_go_duration)]
    pub webhook_cache_miss_cleanup_interval: Duration,
    /// The pause a caller is told.
    #[arg(long, default_value = "1s", value_parser = runtime::parse_go_duration)]
    pub webhook_cache_miss_retry_after: Duration,
    /// Name of the endpoint slice through which workspaces are found.
    #[arg(long, default_value = "core.platform-mesh.io")]
    pub kcp_api_export_endpoint_slice_name: String,
    /// How long names are cut: `injective`, or `compat` beside Go components.
    #[arg(long, default_value = "injective", value_parser = naming)]
    pub naming: Naming,
    /// Kubeconfig of the workspace that holds the endpoint slice.
    #[arg(long, env = "KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            metrics_bind_address: ":9090".into(),
            health_probe_bind_address: ":8090".into(),
            webhook_bind_address: ":9443".into(),
            openfga_addr: "openfga.platform-mesh-system:8081".into(),
            webhook_cert_dir: "config".into(),
            webhook_cluster_key: "authorization.kubernetes.io/cluster-name".into(),
            webhook_allowed_nonresource_prefixes: crate::authorizer::NON_RESOURCE_PREFIXES
                .map(str::to_owned)
                .to_vec(),
            webhook_cache_miss_max_retries: 1,
            webhook_cache_miss_ttl: Duration::from_secs(300),
            webhook_cache_miss_cleanup_interval: Duration::from_secs(120),
            webhook_cache_miss_retry_after: Duration::from_secs(1),
            kcp_api_export_endpoint_slice_name: "core.platform-mesh.io".into(),
            naming: Naming::Injective,
            kubeconfig: None,
        }
    }
}

impl Options {
    /// The extra fields that may name the cluster, the configured one first.
    pub fn cluster_keys(&self) -> Vec<String> {
        vec![self.webhook_cluster_key.clone(), "authorization.kcp.io/cluster-name".to_owned()]
    }
}

/// Reads Go's spelling of an address: `:9090` is every interface.
///
/// # Errors
/// A sentence for an address that is none.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let full = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    full.parse().map_err(|_| format!("`{text}` is no address: `:9443` or `127.0.0.1:9443` is"))
}

fn naming(text: &str) -> Result<Naming, String> {
    match text {
        "injective" => Ok(Naming::Injective),
        "compat" => Ok(Naming::Compat),
        other => Err(format!("`{other}` is no naming: `injective` and `compat` are")),
    }
}

#[cfg(test)]
mod tests {
    use runtime::parse_go_duration;

    use super::*;

    #[test]
    fn rbw_12_durations_and_addresses_are_read_as_go_writes_them() {
        assert_eq!(parse_go_duration("1h30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(parse_go_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_go_duration("1.5s"), Ok(Duration::from_millis(1_500)));
        for bad in ["", "5", "5 minutes", "m", "1.2.3s"] {
            assert!(parse_go_duration(bad).is_err(), "{bad}");
        }
        assert_eq!(address(":9443").unwrap().to_string(), "0.0.0.0:9443");
        assert!(address("9443").is_err());
    }
}
