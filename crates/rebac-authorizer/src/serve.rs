//! The webhook as a process: connections from a kubeconfig, certificates from files, health and metrics on their ports.

use std::{sync::Arc, time::Duration};

use fga_client::{OpenFga, OpenFgaOptions, RelationshipStore};
use kube::{Client, Config};
use multicluster::prefix_client;
use multicluster_kcp::{ApiExport, Connection, config_of};
use runtime::{
    Check, Clock, End, Ids, Metrics, Ops, ServerTls, Stop, Tasks, TlsFiles, install_crypto, serve_ops,
};
use tokio::net::TcpListener;

use crate::{
    Options, RunError,
    api_tables::ClientOf,
    options::address,
    run::{Parts, run},
};

/// How often certificate files are compared with what is served.
const RELOAD: Duration = Duration::from_secs(10);
/// Pause between two looks for the first store.
const LOOK: Duration = Duration::from_millis(250);

/// Runs the webhook as a process of its own, until `stop`.
///
/// # Errors
/// What keeps it from starting, in words, or the part that ended.
///
/// # Cancellation
/// As [`run`].
pub async fn serve(options: Options, stop: Stop) -> Result<(), RunError> {
    install_crypto();
    let config = kcp_config(&options).await?;
    let connection = Connection::from_config(config.clone()).map_err(|error| unreachable("kcp", &error))?;
    let client_of = workspaces(config)?;
    let store: Arc<dyn RelationshipStore> = Arc::new(
        OpenFga::new(OpenFgaOptions::plain(&options.openfga_addr))
            .map_err(|error| unreachable("OpenFGA", &error))?,
    );
    let ops = Ops::new(Metrics::new());
    let tasks = Tasks::new();
    let (looked_at, orgs) = (store.clone(), ops.readiness("relationships"));
    tasks.spawn_graceful("relationships", End::MayEnd, move |stop| async move {
        stop.or(wait_for_orgs(looked_at, orgs)).await;
    });
    let mut addresses = vec![
        listen_on("metrics-bind-address", &options.metrics_bind_address)?,
        listen_on("health-probe-bind-address", &options.health_probe_bind_address)?,
    ];
    addresses.dedup();
    for address in addresses.into_iter().flatten() {
        let listener = listen(&address).await?;
        let ops = ops.clone();
        tasks.spawn_graceful("health and metrics", End::StopProcess, move |stop| {
            serve_ops(listener, ops, stop)
        });
    }
    let files = TlsFiles {
        certificate: options.webhook_cert_dir.join("tls.crt"),
        key: options.webhook_cert_dir.join("tls.key"),
        client_authorities: None,
    };
    let tls =
        ServerTls::from_files(&files).await.map_err(|error| RunError::Certificate(error.to_string()))?;
    let followed = tls.clone();
    tasks
        .spawn_graceful("webhook certificate", End::MayEnd, move |stop| followed.follow(files, RELOAD, stop));
    let at = listen_on("webhook-bind-address", &options.webhook_bind_address)?;
    let Some(at) = at else {
        let why = "the endpoint cannot be turned off".to_owned();
        return Err(RunError::Option { option: "webhook-bind-address", why });
    };
    let listener = listen(&at).await?;
    let provider = ApiExport::new(connection, options.kcp_api_export_endpoint_slice_name.as_str());
    let parts = Parts {
        provider: Arc::new(provider),
        store,
        client_of,
        listener,
        tls,
        ops,
        clock: Clock::system(),
        ids: Ids::random(),
    };
    let result = tokio::select! {
        ended = run(options, parts, stop) => ended,
        failure = tasks.failed() => Err(failure.into()),
    };
    tasks.shutdown().await;
    result
}

async fn kcp_config(options: &Options) -> Result<Config, RunError> {
    match &options.kubeconfig {
        Some(path) => config_of(path, None).await.map_err(|error| unreachable("kcp", &error)),
        None => Config::infer().await.map_err(|error| unreachable("kcp", &error)),
    }
}

/// Clients of workspaces by cluster name: the server of the kubeconfig, without what names a workspace in its URL.
fn workspaces(mut config: Config) -> Result<ClientOf, RunError> {
    let url = config.cluster_url.clone();
    let path = url.path();
    let cut =
        ["/clusters/", "/services/"].iter().filter_map(|part| path.find(part)).min().unwrap_or(path.len());
    let base = path[..cut].trim_end_matches('/').to_owned();
    let mut parts = url.into_parts();
    let joined = if base.is_empty() { "/".to_owned() } else { base };
    parts.path_and_query = joined.parse().ok();
    config.cluster_url = http::Uri::from_parts(parts)
        .map_err(|error| RunError::Connect { what: "kcp", why: error.to_string() })?;
    let client = Client::try_from(config).map_err(|error| unreachable("kcp", &error))?;
    Ok(Arc::new(move |cluster: &str| prefix_client(&client, &format!("/clusters/{cluster}"))))
}

/// Not ready before OpenFGA answers and holds what Platform Mesh puts there first; a start before that recovers by itself.
async fn wait_for_orgs(store: Arc<dyn RelationshipStore>, ready: Check) {
    loop {
        match store.find_store("orgs").await {
            Ok(Some(_)) => return ready.ready(),
            Ok(None) => ready.waiting("OpenFGA has no store `orgs` yet"),
            Err(error) => ready.waiting(format!("OpenFGA does not answer: {error}")),
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// An address, or none for `0`, which turns an endpoint off.
fn listen_on(option: &'static str, text: &str) -> Result<Option<String>, RunError> {
    if text == "0" {
        return Ok(None);
    }
    address(text).map(|a| Some(a.to_string())).map_err(|why| RunError::Option { option, why })
}

async fn listen(address: &str) -> Result<TcpListener, RunError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| RunError::Listen { address: address.to_owned(), why: error.to_string() })
}

/// An error with its causes, for people who do not see the chain.
fn unreachable(what: &'static str, error: &(dyn std::error::Error + 'static)) -> RunError {
    let mut why = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !why.contains(&text) {
            why = format!("{why}: {text}");
        }
        next = cause.source();
    }
    RunError::Connect { what, why }
}
