//! From options to running parts, in the order in which they stop: the endpoint first, then what it asks.

use std::sync::Arc;

use fga_client::RelationshipStore;
use multicluster::{Fleet, FleetError, Provider, ProviderName};
use runtime::{Clock, End, Ids, Ops, ServeOptions, ServerTls, Stop, TaskFailure, Tasks, serve_https};
use tokio::net::TcpListener;

use crate::{
    Authorizer, DiscoveredTables, FleetWorkspaces, Metrics, Options, api_tables::ClientOf, server::service,
};

/// Why the webhook does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// An option cannot be used.
    #[error("option `--{option}`: {why}")]
    Option {
        /// Name of the flag.
        option: &'static str,
        /// What is wrong.
        why: String,
    },
    /// Something that must be reached is not.
    #[error("{what} cannot be reached: {why}")]
    Connect {
        /// What.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// An address cannot be listened on.
    #[error("address `{address}` cannot be listened on: {why}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        why: String,
    },
    /// The certificate cannot be served.
    #[error("serving certificate: {0}")]
    Certificate(String),
    /// The fleet of workspaces ended.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// A part ended that must not.
    #[error(transparent)]
    Task(#[from] TaskFailure),
}

impl RunError {
    /// The next step.
    pub fn help(&self) -> &'static str {
        match self {
            RunError::Option { .. } => "`rebac-authz-webhook serve --help` lists every flag with its default",
            RunError::Connect { .. } => {
                "check the address, and that the server runs and trusts these credentials"
            }
            RunError::Listen { .. } => "take another port, or stop what listens there",
            RunError::Certificate(_) => "the folder of --webhook-cert-dir needs tls.crt and tls.key in PEM",
            RunError::Fleet(_) | RunError::Task(_) => {
                "the log says what ended; a restart goes on where it stood"
            }
        }
    }
}

/// What the webhook works with.
pub struct Parts {
    /// Reports the workspaces that bind the core export, with their paths as aliases.
    pub provider: Arc<dyn Provider>,
    /// The relationship store.
    pub store: Arc<dyn RelationshipStore>,
    /// Clients of workspaces, for their discovery.
    pub client_of: ClientOf,
    /// The endpoint's socket and certificate.
    pub listener: TcpListener,
    /// The certificate; may be replaced while the server runs.
    pub tls: ServerTls,
    /// Health and metrics; the webhook adds its own.
    pub ops: Ops,
    /// The time of day.
    pub clock: Clock,
    /// The random source.
    pub ids: Ids,
}

/// An authorizer over a fleet, for a process that runs the fleet itself.
pub fn authorizer(
    fleet: &Fleet,
    provider: impl Into<ProviderName>,
    store: Arc<dyn RelationshipStore>,
    client_of: ClientOf,
    options: &Options,
) -> Authorizer {
    let workspaces = Arc::new(FleetWorkspaces::new(fleet, provider));
    let tables = Arc::new(DiscoveredTables::new(client_of));
    Authorizer::new(store, workspaces, tables, options.naming)
        .with_non_resource_prefixes(options.webhook_allowed_nonresource_prefixes.clone())
}

/// Runs the webhook until `stop`, or until a part ends that must not.
///
/// # Errors
/// [`RunError`].
///
/// # Cancellation
/// Dropping the future ends all parts without draining; nothing is left behind.
pub async fn run(options: Options, parts: Parts, stop: Stop) -> Result<(), RunError> {
    let provider = parts.provider.name();
    let fleet = Fleet::builder()
        .shared_provider(parts.provider)
        .clock(parts.clock)
        .ids(parts.ids)
        .metrics(parts.ops.metrics().clone())
        .build()?;
    let metrics = Metrics::default();
    parts.ops.metrics().with(|registry| metrics.register(registry));
    let authorizer = authorizer(&fleet, provider, parts.store, parts.client_of, &options)
        .with_metrics(metrics)
        .with_retries(
            options.webhook_cache_miss_max_retries,
            options.webhook_cache_miss_ttl,
            options.webhook_cache_miss_retry_after,
        );
    let observed = fleet.clone();
    parts.ops.readiness_fn("fleet", move || observed.health().check());
    let router = service(Arc::new(authorizer), options.cluster_keys());
    let tasks = Tasks::new();
    let (listener, tls) = (parts.listener, parts.tls);
    tasks.spawn_graceful("authorization endpoint", End::StopProcess, move |stop| async move {
        serve_https(listener, tls, router, ServeOptions::default(), stop).await
    });
    let result = tokio::select! {
        ended = fleet.run_until(async move { stop.cancelled().await }) => ended.map_err(RunError::from),
        failure = tasks.failed() => Err(failure.into()),
    };
    tasks.shutdown().await;
    result
}
