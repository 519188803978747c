//! A controller: one kind, reconciled in every cluster of the fleet.

mod routes;
mod shared;
mod worker;

use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, Stream, StreamExt as _, future::BoxFuture, stream::BoxStream};
use kube::{Resource, runtime::Predicate};
use runtime::{End, Lane, Stop};
use tokio::sync::{broadcast, watch};

use crate::{
    Action, Cached, Cluster, ClusterObjectRef, Cx, Exponential, Fleet, FleetStore, Gone, KeyBackoff,
    ObjectKey, ProviderName, Reconciled, Results,
    fleet::Inspect,
    store::{Form, StoreCore, StoreListener, Wanted},
};
use routes::{Mapped, Primary};
use shared::{Property, Rules, Shared};
use worker::{Job, Verdict, Worker};

/// How many reconciles of a controller run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concurrency {
    total: usize,
    per_cluster: usize,
    per_scope: usize,
}

impl Concurrency {
    /// `total` over the whole fleet; at most 2 of one cluster and half of the total of one scope.
    pub fn total(total: usize) -> Self {
        let total = total.max(1);
        Concurrency { total, per_cluster: total.min(2), per_scope: total.div_ceil(2).max(1) }
    }

    /// At most this many of one cluster.
    #[must_use]
    pub fn per_cluster(self, per_cluster: usize) -> Self {
        Concurrency { per_cluster: per_cluster.max(1), ..self }
    }

    /// At most this many of one scope, for example of one shard.
    #[must_use]
    pub fn per_scope(self, per_scope: usize) -> Self {
        Concurrency { per_scope: per_scope.max(1), ..self }
    }
}

impl Default for Concurrency {
    /// 64 in total, 2 of one cluster, no bound for a scope.
    fn default() -> Self {
        Concurrency { total: 64, per_cluster: 2, per_scope: 64 }
    }
}

type Filter = Box<dyn Fn(&Cluster) -> bool + Send + Sync>;
type Hook<A> = Arc<dyn Fn(A) -> BoxFuture<'static, ()> + Send + Sync>;
type Attach<K> = Box<dyn FnOnce(&Fleet, &Wanted, &Arc<Shared<K>>) -> Route<K> + Send>;
/// Whether a secondary kind is synced in a scope, and how to go through all its objects in a cluster again.
struct Route<K: Cached> {
    gate: shared::Gate,
    replay: shared::Replay<K>,
    detach: Box<dyn FnOnce() + Send>,
}

/// Builds a controller of one kind. Kinds known at compile time start with [`new`](Controller::new), dynamic ones with
/// [`new_with`](Controller::new_with).
pub struct Controller<K: Cached> {
    name: &'static str,
    fleet: Fleet,
    dt: K::DynamicType,
    wanted: Wanted,
    filters: Vec<Filter>,
    predicates: Vec<Property<K>>,
    attach: Vec<Attach<K>>,
    concurrency: Concurrency,
    backoff: Arc<dyn KeyBackoff>,
    grace: Duration,
    timeout: Option<Duration>,
    debounce: Option<Duration>,
    triggers: Vec<BoxStream<'static, ClusterObjectRef>>,
    on_deleted: Option<Hook<(Cluster, ObjectKey, Arc<K>)>>,
    on_cluster_gone: Option<Hook<(Cluster, Gone)>>,
}

impl<K: Cached<DynamicType = ()>> Controller<K> {
    /// A controller with a name for logs and metrics.
    pub fn new(name: &'static str, fleet: &Fleet) -> Self {
        Self::new_with(name, fleet, ())
    }
}

impl<K: Cached> Controller<K> {
    /// The twin of [`new`](Controller::new) for dynamic kinds.
    pub fn new_with(name: &'static str, fleet: &Fleet, dt: K::DynamicType) -> Self {
        Controller {
            name,
            fleet: fleet.clone(),
            dt,
            wanted: Wanted::All,
            filters: Vec::new(),
            predicates: Vec::new(),
            attach: Vec::new(),
            concurrency: Concurrency::default(),
            backoff: Arc::new(Exponential::default()),
            grace: Duration::from_secs(30),
            timeout: Some(Duration::from_secs(300)),
            debounce: None,
            triggers: Vec::new(),
            on_deleted: None,
            on_cluster_gone: None,
        }
    }

    /// Only clusters of this provider; its kinds are watched there only. Give it before the kinds.
    #[must_use]
    pub fn provider(mut self, name: impl Into<ProviderName>) -> Self {
        let name = name.into();
        self.wanted = Wanted::one(name.clone());
        self.clusters(move |cluster| cluster.key().provider == name)
    }

    /// Only clusters for which `f` holds when they are engaged.
    #[must_use]
    pub fn clusters(mut self, f: impl Fn(&Cluster) -> bool + Send + Sync + 'static) -> Self {
        self.filters.push(Box::new(f));
        self
    }

    /// Changes for which every predicate's value stays the same trigger nothing. Deletions always trigger.
    #[must_use]
    pub fn predicate(mut self, predicate: impl Predicate<K> + Send + Sync + 'static) -> Self {
        self.predicates.push(Box::new(move |object| predicate.hash_property(object)));
        self
    }

    /// Also runs the controlling owner of each changed object of kind `O`.
    #[must_use]
    pub fn owns<O: Cached<DynamicType = ()>>(self) -> Self {
        self.owns_with::<O>(())
    }

    /// The twin of [`owns`](Controller::owns) for dynamic kinds.
    #[must_use]
    pub fn owns_with<O: Cached>(self, dt: O::DynamicType) -> Self {
        let (group, kind) = (K::group(&self.dt).into_owned(), K::kind(&self.dt).into_owned());
        let map = move |cluster: &Cluster, object: &Arc<O>| owner(&group, &kind, cluster, object.as_ref());
        let wanted = self.wanted.clone();
        self.route(dt, wanted, map)
    }

    /// Also runs what `map` gives for each changed or deleted object of kind `O`; it may name objects of other clusters.
    ///
    /// `map` is called by watch tasks: it must be quick and must not wait.
    #[must_use]
    pub fn watches<O, I>(self, map: impl Fn(&Cluster, &Arc<O>) -> I + Send + Sync + 'static) -> Self
    where
        O: Cached<DynamicType = ()>,
        I: IntoIterator<Item = ClusterObjectRef>,
    {
        self.watches_with((), map)
    }

    /// The twin of [`watches`](Controller::watches) for dynamic kinds.
    #[must_use]
    pub fn watches_with<O, I>(
        self,
        dt: O::DynamicType,
        map: impl Fn(&Cluster, &Arc<O>) -> I + Send + Sync + 'static,
    ) -> Self
    where
        O: Cached,
        I: IntoIterator<Item = ClusterObjectRef>,
    {
        let wanted = self.wanted.clone();
        self.route(dt, wanted, map)
    }

    /// As [`watches`](Controller::watches), for a kind that another provider serves: it is watched there only, and nothing waits for it
    /// where it is not served. `map` gets the other provider's cluster.
    #[must_use]
    pub fn watches_in<O, I>(
        self,
        provider: impl Into<ProviderName>,
        map: impl Fn(&Cluster, &Arc<O>) -> I + Send + Sync + 'static,
    ) -> Self
    where
        O: Cached<DynamicType = ()>,
        I: IntoIterator<Item = ClusterObjectRef>,
    {
        self.watches_in_with(provider, (), map)
    }

    /// The twin of [`watches_in`](Controller::watches_in) for dynamic kinds.
    #[must_use]
    pub fn watches_in_with<O, I>(
        self,
        provider: impl Into<ProviderName>,
        dt: O::DynamicType,
        map: impl Fn(&Cluster, &Arc<O>) -> I + Send + Sync + 'static,
    ) -> Self
    where
        O: Cached,
        I: IntoIterator<Item = ClusterObjectRef>,
    {
        self.route(dt, Wanted::one(provider.into()), map)
    }

    /// Waits for a store to be synced where a cluster is served, before anything of that scope runs; triggers nothing.
    #[must_use]
    pub fn reads<O: Cached>(mut self, store: &FleetStore<O>) -> Self {
        let core = store.core.clone();
        self.attach.push(Box::new(move |_, _, shared| {
            let (listener, gated) = (Arc::new(routes::Gate { shared: shared.clone() }), core.clone());
            let id = core.listen(listener);
            Route {
                gate: Box::new(move |scope| gated.synced_in(scope)),
                replay: Box::new(|_, _| {}),
                detach: Box::new(move || core.unlisten(id)),
            }
        }));
        self
    }

    /// Also runs each object that a stream names, from outside of the fleet: a webhook, a queue, a timer.
    #[must_use]
    pub fn triggers(mut self, objects: impl Stream<Item = ClusterObjectRef> + Send + 'static) -> Self {
        self.triggers.push(objects.boxed());
        self
    }

    /// A change runs its object this long after the first change of a burst, once for all of them. Off unless set.
    #[must_use]
    pub fn debounce(mut self, quiet: Duration) -> Self {
        self.debounce = Some(quiet);
        self
    }

    /// How many reconciles run at once.
    #[must_use]
    pub fn concurrency(mut self, concurrency: Concurrency) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// How long a key waits after it failed.
    #[must_use]
    pub fn backoff(mut self, backoff: impl KeyBackoff) -> Self {
        self.backoff = Arc::new(backoff);
        self
    }

    /// How long a running reconcile may go on after its cluster went. 30 seconds unless set.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The longest a reconcile may take; none for long work. 5 minutes unless set.
    #[must_use]
    pub fn reconcile_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = timeout;
        self
    }

    /// Called with the last known state of objects that are deleted, in turn with the object's reconciles.
    #[must_use]
    pub fn on_deleted<F, Fut>(mut self, f: F) -> Self
    where
        F: Fn(Cluster, ObjectKey, Arc<K>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.on_deleted = Some(Arc::new(move |(cluster, key, last)| f(cluster, key, last).boxed()));
        self
    }

    /// Called once for each epoch that ended, after the last of its reconciles.
    #[must_use]
    pub fn on_cluster_gone<F, Fut>(mut self, f: F) -> Self
    where
        F: Fn(Cluster, Gone) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.on_cluster_gone = Some(Arc::new(move |(cluster, why)| f(cluster, why).boxed()));
        self
    }

    /// Starts reconciling; before or after the fleet runs. Reconciles of a scope begin once the kind and all kinds added above are synced
    /// there.
    ///
    /// `error_policy` says what follows an error, usually [`Action::backoff`].
    pub fn run<C, E, F, Fut>(
        self,
        reconcile: F,
        error_policy: impl Fn(&Arc<K>, &E, &Cx<C>) -> Action + Send + Sync + 'static,
        app: Arc<C>,
    ) -> ControllerHandle
    where
        C: Send + Sync + 'static,
        E: std::error::Error + Send + 'static,
        F: Fn(Arc<K>, Cx<C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Action, E>> + Send + 'static,
    {
        let (name, fleet) = (self.name, self.fleet.clone());
        let policy = Arc::new(error_policy);
        let job: Job<K> = Arc::new(move |object: Arc<K>, run: worker::Run| {
            let cx = Cx {
                app: app.clone(),
                cluster: run.cluster,
                fleet: fleet.clone(),
                object: run.key,
                attempt: run.attempt,
                cancelled: run.cancelled,
                fence: Some(run.fence),
                controller: name,
            };
            let future = reconcile(object.clone(), cx.clone());
            let policy = policy.clone();
            async move {
                match future.await {
                    Ok(action) => Verdict::Done(action),
                    Err(error) => {
                        let early = is_early_access(&error);
                        let cluster = cx.cluster.key();
                        tracing::warn!(controller = name, %cluster, object = %cx.object, attempt = cx.attempt, error = %Chain(&error), "reconcile failed");
                        let action = policy(&object, &error, &cx);
                        Verdict::Failed { action, early, error: Chain(&error).to_string() }
                    }
                }
            }
            .boxed()
        });
        self.start(job)
    }

    fn route<O, I>(
        mut self,
        dt: O::DynamicType,
        wanted: Wanted,
        map: impl Fn(&Cluster, &Arc<O>) -> I + Send + Sync + 'static,
    ) -> Self
    where
        O: Cached,
        I: IntoIterator<Item = ClusterObjectRef>,
    {
        self.attach.push(Box::new(move |fleet, _, shared| {
            let store = fleet.declare::<O>(dt, wanted, Form::default());
            let map = move |cluster: &Cluster, object: &Arc<O>| map(cluster, object).into_iter().collect();
            let listener =
                Arc::new(Mapped { shared: shared.clone(), fleet: fleet.weak(), map: Box::new(map) });
            let id = store.core.listen(listener.clone() as Arc<dyn StoreListener<O>>);
            let (gated, replayed, detached) = (store.core.clone(), store.core.clone(), store.core);
            Route {
                gate: Box::new(move |scope| gated.synced_in(scope)),
                replay: Box::new(move |shared, cluster| listener.replay(&replayed, shared, cluster)),
                detach: Box::new(move || detached.unlisten(id)),
            }
        }));
        self
    }

    fn start(self, job: Job<K>) -> ControllerHandle {
        let fleet = self.fleet.clone();
        let store: Arc<StoreCore<K>> = fleet.declare::<K>(self.dt, self.wanted.clone(), Form::default()).core;
        let filters = self.filters;
        let (idle, settled) = watch::channel(true);
        let rules = Rules {
            name: self.name,
            accepts: Box::new(move |cluster| filters.iter().all(|filter| filter(cluster))),
            predicates: self.predicates,
            keeps_deleted: self.on_deleted.is_some(),
            base: self.backoff.base(),
            debounce: self.debounce,
        };
        let limits = runtime::Limits {
            total: self.concurrency.total,
            per_group: self.concurrency.per_cluster,
            per_bucket: self.concurrency.per_scope,
        };
        let shared = Arc::new(Shared::new(rules, fleet.weak(), store.clone(), limits, idle));
        let id = store.listen(Arc::new(Primary { shared: shared.clone() }));
        let (mut detach, mut gates, mut replays) = (Vec::new(), Vec::new(), Vec::new());
        for attach in self.attach {
            let route = attach(&fleet, &self.wanted, &shared);
            gates.push(route.gate);
            replays.push(route.replay);
            detach.push(route.detach);
        }
        shared.set_routes(gates, replays);
        let inspected: Arc<dyn Inspect> = shared.clone();
        fleet.inspect(Arc::downgrade(&inspected));
        // From here on, clusters that are engaged already are heard of as well.
        let engaged = fleet.listen(shared.clone());
        let stop = fleet.stopping().child();
        for mut objects in self.triggers {
            let (heard, ends) = (shared.clone(), stop.clone());
            fleet.tasks().spawn(format!("triggers {}", self.name), End::MayEnd, async move {
                let follow = async {
                    while let Some(object) = objects.next().await {
                        heard.enqueue_ref(object, Lane::Fresh);
                    }
                };
                ends.or(follow).await;
            });
        }
        // A handle must not keep the results of a controller open that ended.
        let results = shared.results.downgrade();
        let worker = Worker {
            metrics: fleet.metrics().of_controller(self.name, limits.total),
            shared,
            fleet: fleet.clone(),
            job,
            backoff: self.backoff,
            grace: self.grace,
            timeout: self.timeout,
            on_deleted: self.on_deleted,
            on_cluster_gone: self.on_cluster_gone,
        };
        let told = stop.clone();
        fleet.clone().tasks().spawn_graceful(format!("controller {}", self.name), End::MayEnd, move |end| async move {
            let stop = told;
            tokio::select! {
                biased;
                () = worker.run(stop.clone()) => {}
                () = async { end.cancelled().await; stop.stop(); std::future::pending::<()>().await } => {}
            }
            fleet.unlisten(engaged);
            store.unlisten(id);
            detach.into_iter().for_each(|detach| detach());
        });
        ControllerHandle { name: self.name, stop, settled, results }
    }
}

/// A running controller.
#[derive(Clone, Debug)]
pub struct ControllerHandle {
    name: &'static str,
    stop: Stop,
    settled: watch::Receiver<bool>,
    results: broadcast::WeakSender<Reconciled>,
}

impl ControllerHandle {
    /// The controller's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Takes no new work; running reconciles may end. The fleet goes on.
    pub fn stop(&self) {
        self.stop.stop();
    }

    /// Every reconcile that ends from now on; ends with the controller.
    pub fn results(&self) -> Results {
        Results::new(self.results.upgrade().map(|sender| sender.subscribe()))
    }

    /// Waits until no key waits to run now and none runs; delayed keys do not count.
    pub async fn settled(&mut self) {
        // The sender lives as long as the controller; without it there is nothing to wait for.
        let _ = self.settled.wait_for(|idle| *idle).await;
    }
}

/// The controlling owner of an object, where it is of the reconciled kind.
fn owner<O: Resource>(group: &str, kind: &str, cluster: &Cluster, object: &O) -> Option<ClusterObjectRef> {
    let meta = object.meta();
    let owner = meta.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))?;
    let owner_group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
    if owner_group != group || owner.kind != kind {
        return None;
    }
    // A cluster-scoped owner may own namespaced objects; the key lookup tries the namespace first.
    let key = ObjectKey {
        namespace: meta.namespace.as_deref().filter(|namespace| !namespace.is_empty()).map(Arc::from),
        name: owner.name.as_str().into(),
    };
    Some(cluster.object(key))
}

/// Whether an error may only mean that a virtual workspace has not seen a fresh cluster yet.
fn is_early_access(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let status = match error.downcast_ref::<kube::Error>() {
            Some(kube::Error::Api(status)) => Some(status.as_ref()),
            // An error that passes its cause through shows the status only, boxed or not.
            _ => error
                .downcast_ref::<kube::core::Status>()
                .or_else(|| error.downcast_ref::<Box<kube::core::Status>>().map(AsRef::as_ref)),
        };
        if let Some(status) = status {
            return matches!(status.code, 404 | 500 | 503);
        }
        next = error.source();
    }
    false
}

/// An error with its causes, each once.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            let text = error.to_string();
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                said = text;
            }
            next = error.source();
        }
        Ok(())
    }
}
