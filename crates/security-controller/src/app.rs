//! What all controllers share: options, backends, waits, metrics.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use account_model::{AccountPath, TupleNames};
use fga_client::RelationshipStore;
use fga_model::Naming;
use identity_provider::IdentityProvider;
use kcp_api::core::v1alpha1::LogicalCluster;
use kube::{Client, Resource};
use multicluster::{
    Action, Cached, Cluster, ClusterKey, ClusterObjectRef, Concurrency, Controller, ControllerHandle, Cx,
    Fleet, KeyedWaits, ProviderName, StaticThenExponential,
    lifecycle::{Lifecycle, LifecycleError, Outcome},
    prefix_client,
};
use platform_mesh_api::names;

use crate::{metrics::SecurityMetrics, options::Options};

/// A step of one object that waits.
type WaitKey = (ClusterObjectRef, &'static str);

pub(crate) struct App {
    pub(crate) options: Options,
    pub(crate) names: TupleNames,
    pub(crate) naming: Naming,
    pub(crate) core_module: String,
    /// Certificates of the issuer, PEM.
    pub(crate) domain_ca: Option<String>,
    pub(crate) relationships: Arc<dyn RelationshipStore>,
    pub(crate) identities: Arc<dyn IdentityProvider>,
    /// A client at the root of kcp.
    pub(crate) kcp: Client,
    /// Where the consumers of the core export are.
    pub(crate) core: ProviderName,
    pub(crate) metrics: SecurityMetrics,
    waits: KeyedWaits<WaitKey, StaticThenExponential>,
}

/// Waits for what another process does: people wait for it, and looking costs next to nothing.
fn quick() -> StaticThenExponential {
    StaticThenExponential {
        fixed: Duration::from_millis(40),
        window: Duration::from_secs(15),
        first: Duration::from_millis(500),
        max: Duration::from_secs(60),
    }
}

/// After an error, soon first, then ever later.
pub(crate) fn backoff() -> StaticThenExponential {
    StaticThenExponential {
        fixed: Duration::from_millis(250),
        window: Duration::from_secs(10),
        first: Duration::from_secs(2),
        max: Duration::from_secs(1000),
    }
}

impl App {
    #[expect(clippy::too_many_arguments, reason = "called once, each argument is a field")]
    pub(crate) fn new(
        options: Options,
        core_module: String,
        domain_ca: Option<String>,
        relationships: Arc<dyn RelationshipStore>,
        identities: Arc<dyn IdentityProvider>,
        kcp: Client,
        core: ProviderName,
        metrics: SecurityMetrics,
    ) -> Self {
        Self {
            names: options.tuple_names(),
            naming: options.fga_naming.into(),
            options,
            core_module,
            domain_ca,
            relationships,
            identities,
            kcp,
            core,
            metrics,
            waits: KeyedWaits::new(quick()),
        }
    }

    /// A client for a workspace by path or cluster name, past every virtual workspace.
    pub(crate) fn direct(&self, workspace: &str) -> Client {
        prefix_client(&self.kcp, &format!("/clusters/{workspace}"))
    }

    /// A client for a consumer of the core export: through its virtual workspace where that shows it.
    pub(crate) fn consumer(&self, fleet: &Fleet, cluster: &str) -> Client {
        let key = ClusterKey::new(self.core.clone(), cluster);
        match fleet.cluster(&key).engaged() {
            Some(cluster) => cluster.client(),
            None => self.direct(cluster),
        }
    }

    /// Whether this process handles an object with these labels.
    pub(crate) fn handles(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        labels.and_then(|labels| labels.get(names::DEBUG_LABEL)).map_or("", String::as_str)
            == self.options.debug_label_value
    }

    fn wait(&self, subroutine: &'static str, cx: &Cx<App>) -> Duration {
        self.waits.next((cx.object_ref(), subroutine))
    }

    /// Waits; the steps behind go on.
    pub(crate) fn pending(&self, subroutine: &'static str, cx: &Cx<App>, why: impl Into<String>) -> Outcome {
        Outcome::pending(self.wait(subroutine, cx), why)
    }

    /// Waits; the steps behind need what it waits for.
    pub(crate) fn stop(&self, subroutine: &'static str, cx: &Cx<App>, why: impl Into<String>) -> Outcome {
        Outcome::stop_for(self.wait(subroutine, cx), why)
    }

    /// Done; a later wait starts short again.
    pub(crate) fn done(&self, subroutine: &'static str, cx: &Cx<App>) -> Outcome {
        self.waits.forget(&(cx.object_ref(), subroutine));
        Outcome::ok()
    }

    pub(crate) fn forget(&self, object: &ClusterObjectRef, subroutines: &[&'static str]) {
        for subroutine in subroutines {
            self.waits.forget(&(object.clone(), *subroutine));
        }
    }
}

/// A controller before it runs, with what all of them have in common.
pub(crate) fn controller<K: Cached<DynamicType = ()>>(
    name: &'static str,
    fleet: &Fleet,
    provider: &ProviderName,
    app: &Arc<App>,
    subroutines: &'static [&'static str],
) -> Controller<K> {
    let forgetting = app.clone();
    Controller::<K>::new(name, fleet)
        .provider(provider.clone())
        .concurrency(Concurrency::total(app.options.max_concurrent_reconciles))
        .backoff(backoff())
        .on_deleted(move |cluster, key, _| {
            forgetting.forget(&cluster.object(key), subroutines);
            async {}
        })
}

/// Runs a lifecycle for each object that `wanted` accepts, counted under a label.
pub(crate) fn run<K: Cached<DynamicType = ()>>(
    controller: Controller<K>,
    label: &'static str,
    lifecycle: Lifecycle<K, App>,
    app: Arc<App>,
    wanted: impl Fn(&K, &Cx<App>) -> bool + Send + Sync + 'static,
) -> ControllerHandle {
    let shared = Arc::new((lifecycle, wanted));
    controller.run(
        move |object: Arc<K>, cx: Cx<App>| {
            let shared = shared.clone();
            async move {
                let (lifecycle, wanted) = shared.as_ref();
                if !cx.handles(object.meta().labels.as_ref()) || !wanted(object.as_ref(), &cx) {
                    return Ok(Action::await_change());
                }
                let started = tokio::time::Instant::now();
                let metrics = cx.metrics.clone();
                let result = lifecycle.reconcile(object, cx).await;
                metrics.reconciled(label, result.is_ok(), started.elapsed());
                result
            }
        },
        |_, _: &LifecycleError, _| Action::backoff(),
        app,
    )
}

/// What of an object can make a difference: everything but its status.
pub(crate) fn without_status<K: Resource>(object: &K) -> Option<u64> {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let meta = object.meta();
    let mut hasher = DefaultHasher::new();
    (meta.generation, meta.deletion_timestamp.is_some()).hash(&mut hasher);
    (&meta.finalizers, &meta.labels, &meta.annotations).hash(&mut hasher);
    Some(hasher.finish())
}

/// The account path of a workspace; none for workspaces that are none of an account.
pub(crate) fn account_path(cluster: &LogicalCluster, engaged: &Cluster) -> Option<AccountPath> {
    let annotated = kcp_api::path_of(cluster).map(|path| path.to_string());
    let path = annotated.or_else(|| engaged.alias().map(|alias| alias.to_string()))?;
    AccountPath::parse(&path).ok()
}

/// Whether an object is on its way out.
pub(crate) fn is_deleting(object: &impl Resource) -> bool {
    object.meta().deletion_timestamp.is_some()
}
