//! From options to running parts, in the order in which they stop: admission last, so that a leader that drains can
//! still write Accounts.

use std::sync::Arc;

use account_model::{admission::AdmissionRules, names::AccountTypes};
use kube::Client;
use multicluster::{Election, Fleet, FleetLimits, Provider};
use runtime::{Clock, End, Ids, Ops, ServeOptions, ServerTls, Stop, Tasks, serve_https};
use tokio::net::TcpListener;

use crate::{
    LEASE, account, account_info, admission::Admission, app::App, error::RunError, metrics::AccountMetrics,
    options::Options,
};

/// What the operator works with; in one process these are handed in, elsewhere [`serve`](crate::serve) makes them.
pub struct Parts {
    /// Reports the workspaces that bind the core export, with their paths as aliases.
    pub provider: Arc<dyn Provider>,
    /// Certificates of the control plane, PEM; published in every AccountInfo.
    pub ca: String,
    /// The cluster that holds the Lease; needed with leader election only.
    pub runtime: Option<Client>,
    /// The admission server's socket; needed when webhooks are enabled.
    pub webhook: Option<WebhookServer>,
    /// The time of day.
    pub clock: Clock,
    /// The random source.
    pub ids: Ids,
    /// Health and metrics; the operator adds its own.
    pub ops: Ops,
}

/// An open socket and its certificate.
pub struct WebhookServer {
    /// The socket.
    pub listener: TcpListener,
    /// The certificate; may be replaced while the server runs.
    pub tls: ServerTls,
}

/// Runs the operator until `stop`, or until a part ends that must not.
///
/// # Errors
/// Options that contradict each other, a lost Lease, or the part that ended.
///
/// # Cancellation
/// Dropping the future stops all parts without draining. A later run goes on where this one stood: every step looks at
/// what is there.
pub async fn run(options: Options, parts: Parts, stop: Stop) -> Result<(), RunError> {
    for flag in options.without_effect() {
        tracing::warn!(flag, "flag has no effect");
    }
    let types = AccountTypes::new(&options.webhooks_additional_account_types)?;
    let provider = parts.provider.name();
    let metrics = AccountMetrics::new(
        parts.ops.metrics(),
        types.iter().map(str::to_owned).chain(["account".to_owned()]),
    );
    let fleet = Fleet::builder()
        .shared_provider(parts.provider)
        .limits(FleetLimits { drain: options.shutdown_timeout, ..FleetLimits::default() })
        .clock(parts.clock.clone())
        .ids(parts.ids.clone())
        .metrics(parts.ops.metrics().clone())
        .build()?;
    let tasks = Tasks::with_grace(options.shutdown_timeout);

    let observed = fleet.clone();
    parts.ops.readiness_fn("fleet", move || observed.health().check());
    if options.webhooks_enabled {
        let rules = AdmissionRules::new(types, &options.webhooks_deny_list);
        let admission = Admission::new(rules, Some((fleet.clone(), provider.clone())), metrics.clone());
        let server = parts.webhook.ok_or_else(|| RunError::Connect {
            what: "the admission server's socket",
            why: "none was opened".to_owned(),
        })?;
        tasks.spawn_graceful("admission server", End::StopProcess, move |stop| async move {
            let options = ServeOptions::default();
            serve_https(server.listener, server.tls, admission.service(), options, stop).await
        });
    }
    let election = match (options.leader_elect, parts.runtime) {
        (false, _) => None,
        (true, Some(client)) => {
            let namespace = client.default_namespace().to_owned();
            Some(Election::new(client, &namespace, LEASE, parts.clock, parts.ids))
        }
        (true, None) => return Err(RunError::NoRuntimeCluster("no runtime cluster was given".to_owned())),
    };
    let app =
        Arc::new(App::new(&fleet, provider, parts.ca.into(), options.debug_label_value.clone(), metrics));
    let result = drive(&fleet, &tasks, election, options, app, stop).await;
    tasks.shutdown().await;
    result
}

/// Runs fleet and controllers side by side until something ends.
async fn drive(
    fleet: &Fleet,
    tasks: &Tasks,
    election: Option<Election>,
    options: Options,
    app: Arc<App>,
    stop: Stop,
) -> Result<(), RunError> {
    let ending = stop.child();
    let fleet_end = ending.clone();
    let running = fleet.run_until(async move { fleet_end.cancelled().await });
    let leading = async {
        let led = match election {
            Some(election) => {
                election.lead(stop.clone(), |stop| work(fleet, &options, app, stop)).await.map(drop)
            }
            None => {
                work(fleet, &options, app, stop.clone()).await;
                Ok(())
            }
        };
        ending.stop();
        led
    };
    tokio::pin!(running);
    tokio::pin!(leading);
    tokio::select! {
        failure = tasks.failed() => Err(failure.into()),
        led = &mut leading => {
            let drained = running.await;
            led?;
            Ok(drained?)
        }
        ended = &mut running => {
            ended?;
            Ok(leading.await?)
        }
    }
}

/// Reconciles until `stop`; returns once the reconciles that were running have ended, so that the Lease goes last.
async fn work(fleet: &Fleet, options: &Options, app: Arc<App>, stop: Stop) {
    let mut controllers =
        [account::start(fleet, options, app.clone()), account_info::start(fleet, options, app)];
    stop.cancelled().await;
    for controller in &controllers {
        controller.stop();
    }
    let settled = async {
        for controller in &mut controllers {
            controller.settled().await;
        }
    };
    if tokio::time::timeout(options.shutdown_timeout, settled).await.is_err() {
        tracing::warn!("reconciles did not end in time");
    }
}
