//! From modes, options and parts to running controllers, in the order in which they stop.

use std::sync::Arc;

use fga_client::RelationshipStore;
use identity_provider::IdentityProvider;
use kube::Client;
use multicluster::{
    ControllerHandle, Election, Fleet, FleetLimits, Local, Provider, ProviderName, prefix_client,
};
use multicluster_kcp::{ApiExport, Connection, InitializingWorkspaces, TerminatingWorkspaces};
use platform_mesh_api::names;
use runtime::{Clock, End, Ids, Metrics, Ops, ServeOptions, ServerTls, Stop, Tasks, serve_https};
use tokio::net::TcpListener;

use crate::{
    account, account_info,
    admission::RealmAdmission,
    api_binding, api_export_policy,
    app::App,
    authorization_model,
    error::RunError,
    identity_provider_configuration, invite,
    metrics::SecurityMetrics,
    options::Options,
    organization,
    orgs::{self, Orgs},
    store::{self, Judgements},
};

/// A share of the work that may run as a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Stores, AuthorizationModels, AccountInfos, Invites; organisations and accounts that are ready; admission.
    Fga,
    /// IdentityProviderConfigurations and APIExportPolicies.
    System,
    /// APIBindings.
    ModelGenerator,
    /// New workspaces.
    Initializer,
    /// Workspaces that go.
    Terminator,
}

impl Mode {
    /// All five.
    pub const ALL: [Mode; 5] =
        [Mode::Fga, Mode::System, Mode::ModelGenerator, Mode::Initializer, Mode::Terminator];

    /// The sub-command that runs it.
    pub fn command(self) -> &'static str {
        match self {
            Mode::Fga => "fga",
            Mode::System => "system",
            Mode::ModelGenerator => "model-generator",
            Mode::Initializer => "initializer",
            Mode::Terminator => "terminator",
        }
    }

    /// Name of the Lease that its replicas elect a leader by.
    pub fn lease(self) -> &'static str {
        match self {
            Mode::Fga => "security-operator.platform-mesh.io",
            Mode::System => "security-operator-system.platform-mesh.io",
            Mode::ModelGenerator => "security-operator-generator.platform-mesh.io",
            Mode::Initializer => "security-operator-initializer.platform-mesh.io",
            Mode::Terminator => "security-operator-terminator.platform-mesh.io",
        }
    }
}

/// Where clusters come from; a mode uses some of them.
#[derive(Clone)]
pub struct Sources {
    /// Workspaces that bind the core export, with their paths as aliases.
    pub core: Arc<dyn Provider>,
    /// Workspaces that bind the system export.
    pub system: Arc<dyn Provider>,
    /// Workspaces that wait for the initializer.
    pub initializing: Arc<dyn Provider>,
    /// Workspaces that wait for the terminator.
    pub terminating: Arc<dyn Provider>,
}

impl Sources {
    /// kcp's virtual workspaces: those of the exports are found in `exports`, those of the WorkspaceType in `types`.
    /// Nothing is asked of kcp yet.
    pub fn new(exports: &Connection, types: &Connection, options: &Options) -> Self {
        let (core, system) =
            (&options.api_export_endpoint_slice_name, &options.system_api_export_endpoint_slice_name);
        let type_ = options.workspace_type_name.as_str();
        Self {
            core: Arc::new(ApiExport::new(exports.clone(), core.as_str()).named("core")),
            system: Arc::new(ApiExport::new(exports.clone(), system.as_str()).named("system")),
            initializing: Arc::new(InitializingWorkspaces::new(types.clone(), type_)),
            terminating: Arc::new(TerminatingWorkspaces::new(types.clone(), type_)),
        }
    }
}

/// What the modes work with; in one process these are handed in, elsewhere [`serve`](crate::serve) makes them.
pub struct Parts {
    /// Where clusters come from.
    pub sources: Sources,
    /// A client at the root of kcp, not at a workspace.
    pub kcp: Client,
    /// Stores, models and tuples.
    pub relationships: Arc<dyn RelationshipStore>,
    /// Realms, clients and users.
    pub identities: Arc<dyn IdentityProvider>,
    /// The core module of organisations; none: the built-in one.
    pub core_module: Option<String>,
    /// Certificates of the issuer, PEM; none: the system's.
    pub domain_ca: Option<String>,
    /// The cluster that holds the Lease; needed with leader election only.
    pub runtime: Option<Client>,
    /// The admission server's socket; needed where mode `fga` serves admission.
    pub webhook: Option<WebhookServer>,
    /// The time of day.
    pub clock: Clock,
    /// The random source.
    pub ids: Ids,
    /// Health and metrics; the operator adds its own.
    pub ops: Ops,
}

impl Parts {
    /// Parts for a control plane in this process; `kcp` is a client at its root.
    pub fn in_process(
        options: &Options,
        kcp: Client,
        relationships: Arc<dyn RelationshipStore>,
        identities: Arc<dyn IdentityProvider>,
    ) -> Self {
        let exports = Connection::in_process(&kcp, names::SYSTEM);
        let types = Connection::in_process(&kcp, &options.workspace_path);
        Self {
            sources: Sources::new(&exports, &types, options),
            kcp,
            relationships,
            identities,
            core_module: None,
            domain_ca: None,
            runtime: None,
            webhook: None,
            clock: Clock::system(),
            ids: Ids::random(),
            ops: Ops::new(Metrics::new()),
        }
    }
}

/// An open socket and its certificate.
pub struct WebhookServer {
    /// The socket.
    pub listener: TcpListener,
    /// The certificate; may be replaced while the server runs.
    pub tls: ServerTls,
}

/// Runs mode `fga` alone; see [`run`].
pub async fn run_fga(options: Options, parts: Parts, stop: Stop) -> Result<(), RunError> {
    run(&[Mode::Fga], options, parts, stop).await
}

/// Runs mode `system` alone; see [`run`].
pub async fn run_system(options: Options, parts: Parts, stop: Stop) -> Result<(), RunError> {
    run(&[Mode::System], options, parts, stop).await
}

/// Runs mode `model-generator` alone; see [`run`].
pub async fn run_model_generator(options: Options, parts: Parts, stop: Stop) -> Result<(), RunError> {
    run(&[Mode::ModelGenerator], options, parts, stop).await
}

/// Runs mode `initializer` alone; see [`run`].
pub async fn run_initializer(options: Options, parts: Parts, stop: Stop) -> Result<(), RunError> {
    run(&[Mode::Initializer], options, parts, stop).await
}

/// Runs mode `terminator` alone; see [`run`].
pub async fn run_terminator(options: Options, parts: Parts, stop: Stop) -> Result<(), RunError> {
    run(&[Mode::Terminator], options, parts, stop).await
}

/// Runs modes side by side over one set of watches, until `stop`, or until a part ends that must not.
///
/// # Errors
/// A lost Lease, or the part that ended.
///
/// # Cancellation
/// Dropping the future stops all parts without draining. A later run goes on where this one stood: every step looks at
/// what is there.
pub async fn run(modes: &[Mode], options: Options, parts: Parts, stop: Stop) -> Result<(), RunError> {
    for flag in options.without_effect() {
        tracing::warn!(flag, "flag has no effect");
    }
    let (fleet, names) = fleet(modes, &options, &parts)?;
    let tasks = Tasks::with_grace(options.shutdown_timeout);
    let observed = fleet.clone();
    parts.ops.readiness_fn("fleet", move || observed.health().check());
    if options.webhooks_enabled && modes.contains(&Mode::Fga) {
        let admission = RealmAdmission::new(parts.identities.clone(), options.idp_realm_deny_list.clone());
        let server = parts.webhook.ok_or_else(|| RunError::Connect {
            what: "the admission server's socket",
            why: "none was opened".to_owned(),
        })?;
        tasks.spawn_graceful("admission server", End::StopProcess, move |stop| async move {
            serve_https(server.listener, server.tls, admission.service(), ServeOptions::default(), stop).await
        });
    }
    let election = match (options.leader_elect, parts.runtime) {
        (false, _) => None,
        (true, Some(client)) => {
            let namespace = client.default_namespace().to_owned();
            let lease = modes.first().copied().unwrap_or(Mode::Fga).lease();
            Some(Election::new(client, &namespace, lease, parts.clock, parts.ids))
        }
        (true, None) => return Err(RunError::NoRuntimeCluster("no runtime cluster was given".to_owned())),
    };
    let core_module = parts.core_module.unwrap_or_else(|| fga_model::core_module(&options.fga_object_type));
    let app = Arc::new(App::new(
        options,
        core_module,
        parts.domain_ca,
        parts.relationships,
        parts.identities,
        parts.kcp,
        names.core.clone(),
        SecurityMetrics::new(parts.ops.metrics()),
    ));
    let result = drive(modes, &fleet, &tasks, election, &names, app, stop).await;
    tasks.shutdown().await;
    result
}

/// Names of the providers.
struct Names {
    core: ProviderName,
    system: ProviderName,
    initializing: ProviderName,
    terminating: ProviderName,
}

/// A fleet of the providers that the modes need.
fn fleet(modes: &[Mode], options: &Options, parts: &Parts) -> Result<(Fleet, Names), RunError> {
    let sources = &parts.sources;
    let any = |wanted: &[Mode]| modes.iter().any(|mode| wanted.contains(mode));
    let mut builder = Fleet::builder()
        .limits(FleetLimits { drain: options.shutdown_timeout, ..FleetLimits::default() })
        .clock(parts.clock.clone())
        .ids(parts.ids.clone())
        .metrics(parts.ops.metrics().clone())
        // Every mode reads consumers through the core export, where its rights are.
        .shared_provider(sources.core.clone());
    if any(&[Mode::System]) {
        builder = builder.shared_provider(sources.system.clone());
    }
    if any(&[Mode::Initializer]) {
        builder = builder.shared_provider(sources.initializing.clone());
    }
    if any(&[Mode::Terminator]) {
        builder = builder.shared_provider(sources.terminating.clone());
    }
    if any(&[Mode::Fga, Mode::Initializer, Mode::Terminator]) {
        let client = prefix_client(&parts.kcp, &format!("/clusters/{}", names::ORGS));
        builder = builder.provider(Local::named(orgs::PROVIDER, client));
    }
    let names = Names {
        core: sources.core.name(),
        system: sources.system.name(),
        initializing: sources.initializing.name(),
        terminating: sources.terminating.name(),
    };
    Ok((builder.build()?, names))
}

/// Runs fleet and controllers side by side until something ends.
async fn drive(
    modes: &[Mode],
    fleet: &Fleet,
    tasks: &Tasks,
    election: Option<Election>,
    names: &Names,
    app: Arc<App>,
    stop: Stop,
) -> Result<(), RunError> {
    let ending = stop.child();
    let fleet_end = ending.clone();
    let running = fleet.run_until(async move { fleet_end.cancelled().await });
    let leading = async {
        let led = match election {
            Some(election) => {
                election.lead(stop.clone(), |stop| work(modes, fleet, names, app, stop)).await.map(drop)
            }
            None => {
                work(modes, fleet, names, app, stop.clone()).await;
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
async fn work(modes: &[Mode], fleet: &Fleet, names: &Names, app: Arc<App>, stop: Stop) {
    let drain = app.options.shutdown_timeout;
    let mut controllers: Vec<ControllerHandle> =
        modes.iter().flat_map(|mode| start(*mode, fleet, names, &app)).collect();
    stop.cancelled().await;
    for controller in &controllers {
        controller.stop();
    }
    let settled = async {
        for controller in &mut controllers {
            controller.settled().await;
        }
    };
    if tokio::time::timeout(drain, settled).await.is_err() {
        tracing::warn!("reconciles did not end in time");
    }
}

/// The controllers of a mode.
fn start(mode: Mode, fleet: &Fleet, names: &Names, app: &Arc<App>) -> Vec<ControllerHandle> {
    let core = &names.core;
    match mode {
        Mode::Fga => {
            let (orgs, judgements) = (Orgs::new(fleet), Judgements::default());
            vec![
                store::start(fleet, core, &judgements, app.clone()),
                authorization_model::start(fleet, core, &judgements, app.clone()),
                invite::start(fleet, core, app.clone()),
                organization::start_reconciler(fleet, core, &orgs, app.clone()),
                account::start_reconciler(fleet, core, &orgs, app.clone()),
                account_info::start(fleet, core, app.clone()),
            ]
        }
        Mode::System => {
            let mut all = vec![identity_provider_configuration::start(fleet, &names.system, app.clone())];
            all.extend(api_export_policy::start(fleet, &names.system, core, app.clone()));
            all
        }
        Mode::ModelGenerator => vec![api_binding::start(fleet, core, app.clone())],
        Mode::Initializer => {
            let (orgs, of) = (Orgs::new(fleet), &names.initializing);
            vec![
                organization::start_initializer(fleet, of, &orgs, app.clone()),
                account::start_initializer(fleet, of, &orgs, app.clone()),
            ]
        }
        Mode::Terminator => {
            let (orgs, of) = (Orgs::new(fleet), &names.terminating);
            vec![
                organization::start_terminator(fleet, of, app.clone()),
                account::start_terminator(fleet, of, &orgs, app.clone()),
            ]
        }
    }
}
