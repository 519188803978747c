//! A mode as a process: connections from kubeconfigs, certificates from files, health and metrics on their ports.

use std::{path::Path, sync::Arc, time::Duration};

use fga_client::{OpenFga, OpenFgaOptions, RelationshipStore};
use identity_provider::{HttpsTransport, Keycloak};
use k8s_openapi::api::core::v1::Secret;
use kcp_api::ClusterTarget;
use kube::{Api, Client, Config};
use multicluster_kcp::{Connection, config_of, workspace_config};
use platform_mesh_api::names;
use runtime::{Clock, End, Ids, Metrics, Ops, ServerTls, Stop, Tasks, TlsFiles, install_crypto, serve_ops};
use tokio::net::TcpListener;

use crate::{
    error::{RunError, in_words},
    options::{Options, bind_address},
    run::{Mode, Parts, Sources, WebhookServer, run},
};

/// How often certificate files are compared with what is served.
const RELOAD: Duration = Duration::from_secs(10);
/// Workspace of the core and system exports.
const EXPORTS: &str = "root:platform-mesh-system";
/// Secret of the issuer's certificates, in the runtime cluster.
const DOMAIN_CA: &str = "domain-certificate-ca";

/// Runs a mode as a process of its own, until `stop`. `client_secret` is that of the identity provider's admin client.
///
/// # Errors
/// What keeps it from starting, in words, or the part that ended.
///
/// # Cancellation
/// As [`run`].
pub async fn serve(
    mode: Mode,
    options: Options,
    relationships: Arc<dyn RelationshipStore>,
    client_secret: &str,
    stop: Stop,
) -> Result<(), RunError> {
    install_crypto();
    let config = kcp_config(&options).await?;
    let connection = Connection::from_config(config.clone()).map_err(|error| refused("kcp", &error))?;
    let exports = match mode {
        // Their kubeconfig leads to the workspace of the WorkspaceType, not to that of the exports.
        Mode::Initializer | Mode::Terminator => exports_of(&config)?,
        _ => connection.clone(),
    };
    let kcp = root_client(&config)?;
    let uses_issuer = matches!(mode, Mode::Fga | Mode::Initializer) && options.domain_ca_lookup;
    let runtime =
        if options.leader_elect || uses_issuer { Some(runtime_client(&options).await?) } else { None };
    let domain_ca = match &runtime {
        Some(runtime) if uses_issuer => Some(domain_ca(runtime).await?),
        _ => None,
    };
    let core_module = core_module(&options)?;
    let deadline = Duration::from_secs(options.http_client_timeout_seconds.max(1));
    let transport = HttpsTransport::new(deadline, None)
        .map_err(|why| RunError::Connect { what: "the identity provider", why })?;
    let identities = Keycloak::new(
        &options.keycloak_base_url,
        &options.keycloak_client_id,
        client_secret,
        Arc::new(transport),
    );

    let ops = Ops::new(Metrics::new());
    let tasks = Tasks::new();
    let mut addresses =
        vec![bind_address(&options.metrics_bind_address)?, bind_address(&options.health_probe_bind_address)?];
    addresses.dedup();
    for address in addresses.into_iter().flatten() {
        let listener = listen(&address.to_string()).await?;
        let ops = ops.clone();
        tasks.spawn_graceful("health and metrics", End::StopProcess, move |stop| {
            serve_ops(listener, ops, stop)
        });
    }
    let admission = options.webhooks_enabled && mode == Mode::Fga;
    let webhook = if admission { Some(webhook(&options, &tasks).await?) } else { None };
    let parts = Parts {
        sources: Sources::new(&exports, &connection, &options),
        kcp,
        relationships,
        identities: Arc::new(identities),
        core_module,
        domain_ca,
        runtime,
        webhook,
        clock: Clock::system(),
        ids: Ids::random(),
        ops,
    };
    let modes = [mode];
    let result = tokio::select! {
        ended = run(&modes, options, parts, stop) => ended,
        failure = tasks.failed() => Err(failure.into()),
    };
    tasks.shutdown().await;
    result
}

/// The relationship store that `--fga-target` names. It is not contacted yet.
///
/// # Errors
/// An address that is none.
pub fn openfga(options: &Options) -> Result<Arc<dyn RelationshipStore>, RunError> {
    // The model generator asks nothing of it and may leave the flag out.
    let target = if options.fga_target.is_empty() { "localhost:8081" } else { options.fga_target.as_str() };
    let client = OpenFga::new(OpenFgaOptions::plain(target));
    let client = client.map_err(|error| RunError::Connect { what: "OpenFGA", why: error.to_string() })?;
    Ok(Arc::new(client))
}

async fn kcp_config(options: &Options) -> Result<Config, RunError> {
    if options.kcp_kubeconfig.is_empty() {
        let why = "--kcp-kubeconfig is empty".to_owned();
        return Err(RunError::Connect { what: "kcp", why });
    }
    config_of(Path::new(&options.kcp_kubeconfig), None).await.map_err(|error| refused("kcp", &error))
}

/// The workspace that holds the exports, with the same credentials.
fn exports_of(config: &Config) -> Result<Connection, RunError> {
    let target = EXPORTS.parse().map_err(|error| refused("kcp", &error))?;
    let config =
        workspace_config(config, &ClusterTarget::Path(target)).map_err(|error| refused("kcp", &error))?;
    Connection::from_config(config).map_err(|error| refused("kcp", &error))
}

/// A client at the root of kcp, with the credentials of a workspace's kubeconfig.
fn root_client(config: &Config) -> Result<Client, RunError> {
    let every = workspace_config(config, &ClusterTarget::Every).map_err(|error| refused("kcp", &error))?;
    let text = every.cluster_url.to_string();
    let root = text.trim_end_matches('/').trim_end_matches("/clusters/*").to_owned();
    let url = root.parse().map_err(|error: http::uri::InvalidUri| refused("kcp", &error))?;
    let mut config = config.clone();
    config.cluster_url = url;
    // A watch may be silent for minutes; each request carries its own deadline instead.
    config.read_timeout = None;
    Client::try_from(config).map_err(|error| refused("kcp", &error))
}

async fn runtime_client(options: &Options) -> Result<Client, RunError> {
    let config = if options.kubeconfig.is_empty() {
        Config::incluster().map_err(|error| RunError::NoRuntimeCluster(error.to_string()))?
    } else {
        let found = config_of(Path::new(&options.kubeconfig), None).await;
        found.map_err(|error| refused("the runtime cluster", &error))?
    };
    Client::try_from(config).map_err(|error| refused("the runtime cluster", &error))
}

async fn domain_ca(runtime: &Client) -> Result<String, RunError> {
    let api: Api<Secret> = Api::namespaced(runtime.clone(), names::SYSTEM_NAMESPACE);
    let secret = api.get(DOMAIN_CA).await.map_err(|error| refused("the issuer's certificates", &error))?;
    let text = secret
        .data
        .and_then(|mut data| data.remove("tls.crt"))
        .and_then(|bytes| String::from_utf8(bytes.0).ok());
    text.ok_or_else(|| RunError::Connect {
        what: "the issuer's certificates",
        why: format!("Secret {DOMAIN_CA} has no text in `tls.crt`"),
    })
}

fn core_module(options: &Options) -> Result<Option<String>, RunError> {
    if options.core_module_path.is_empty() {
        return Ok(None);
    }
    std::fs::read_to_string(&options.core_module_path).map(Some).map_err(|error| RunError::File {
        what: "core module",
        path: options.core_module_path.clone(),
        why: error.to_string(),
    })
}

async fn webhook(options: &Options, tasks: &Tasks) -> Result<WebhookServer, RunError> {
    let files = TlsFiles {
        certificate: options.webhooks_cert_dir.join("tls.crt"),
        key: options.webhooks_cert_dir.join("tls.key"),
        client_authorities: None,
    };
    let tls = ServerTls::from_files(&files).await?;
    let followed = tls.clone();
    tasks.spawn_graceful("admission certificate", End::MayEnd, move |stop| {
        followed.follow(files, RELOAD, stop)
    });
    let listener = listen(&format!("0.0.0.0:{}", options.webhooks_port)).await?;
    Ok(WebhookServer { listener, tls })
}

async fn listen(address: &str) -> Result<TcpListener, RunError> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|source| RunError::Listen { address: address.to_owned(), source })
}

fn refused(what: &'static str, error: &(dyn std::error::Error + 'static)) -> RunError {
    RunError::Connect { what, why: in_words(error) }
}
