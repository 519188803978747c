//! What is known of each endpoint and of the markers in it, and what changes when something is seen. No I/O.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use kube::{Client, Resource, api::ObjectMeta};
use multicluster::{ClientSpec, ClusterId, ClusterSeed, FleetEvent, Gone, ScopeId, Seen};
use runtime::Stop;
use tokio::time::Instant;

use kcp_api::keys::{CLUSTER, PATH};

/// Until all first endpoints have listed their markers, or for this long, the fleet counts as not reported.
const FIRST_REPORT: Duration = Duration::from_secs(10);
/// A URL that cannot be dialed is tried again after this long, doubled each time.
const REDIAL_FIRST: Duration = Duration::from_secs(1);
/// … up to this long.
const REDIAL_MAX: Duration = Duration::from_secs(60);

/// A cluster as its markers show it.
#[derive(Default)]
struct Known {
    /// Markers that stand for the cluster, and when one that does not qualify any more ceases to.
    qualified: HashMap<String, Option<Instant>>,
    path: Option<Arc<str>>,
    meta: Arc<ObjectMeta>,
}

/// One URL.
pub(crate) struct Endpoint {
    pub(crate) number: u64,
    pub(crate) root: Client,
    pub(crate) stop: Stop,
    clusters: HashMap<ClusterId, Known>,
    listing: Option<HashSet<(ClusterId, String)>>,
    listed: bool,
    healthy: bool,
    leaves_at: Option<Instant>,
}

/// What the caller has to do beside reporting.
pub(crate) enum Todo {
    Report(FleetEvent),
    /// Follow the markers of a new URL.
    Open(String),
    /// Look up the path of a cluster whose marker does not carry it.
    FindPath {
        number: u64,
        id: ClusterId,
    },
}

/// Whether a marker, seen at a URL, stands for its cluster.
pub(crate) type Qualifies<M> = Arc<dyn Fn(&M, &str) -> bool + Send + Sync>;

/// What becomes of a marker that qualified once and does not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lapse {
    /// It stands for its cluster until it is deleted.
    Never,
    /// It stands for its cluster for this long, unless it qualifies again.
    After(Duration),
    /// It does not stand for its cluster.
    AtOnce,
}

/// How markers are judged.
pub(crate) struct Judge<M> {
    /// Whether a marker stands for its cluster; the URL is that of its endpoint.
    pub(crate) qualifies: Qualifies<M>,
    pub(crate) lapse: Lapse,
    /// A URL that vanished is kept for this long while its watch works.
    pub(crate) flap_window: Duration,
}

pub(crate) struct State<M> {
    judge: Judge<M>,
    endpoints: BTreeMap<String, Endpoint>,
    next: u64,
    /// Markers that cease to stand for their clusters, by time.
    lapsing: BTreeSet<(Instant, u64, ClusterId, String)>,
    /// URLs that could not be dialed: how often, and when again.
    undialed: BTreeMap<String, (u32, Instant)>,
    wanted: Option<Vec<String>>,
    reported: bool,
    report_by: Instant,
}

impl<M: Resource> State<M> {
    pub(crate) fn new(judge: Judge<M>) -> Self {
        State {
            judge,
            endpoints: BTreeMap::new(),
            next: 0,
            lapsing: BTreeSet::new(),
            undialed: BTreeMap::new(),
            wanted: None,
            reported: false,
            report_by: Instant::now() + FIRST_REPORT,
        }
    }

    pub(crate) fn endpoint(&self, number: u64) -> Option<(&str, &Endpoint)> {
        self.endpoints
            .iter()
            .find(|(_, endpoint)| endpoint.number == number)
            .map(|(url, endpoint)| (url.as_str(), endpoint))
    }

    /// The URLs that the endpoint object holds now.
    pub(crate) fn set_urls(&mut self, mut urls: Vec<String>) -> Vec<Todo> {
        let now = Instant::now();
        urls.sort_unstable();
        urls.dedup();
        let mut todo = Vec::new();
        for url in &urls {
            match self.endpoints.get_mut(url) {
                Some(endpoint) => endpoint.leaves_at = None,
                // One that waits to be dialed again is left to its turn.
                None if self.undialed.contains_key(url) => {}
                None => todo.push(Todo::Open(url.clone())),
            }
        }
        self.undialed.retain(|url, _| {
            let wanted = urls.contains(url);
            if !wanted {
                todo.push(Todo::Report(FleetEvent::Recovered { scope: Some(ScopeId::from(url.as_str())) }));
            }
            wanted
        });
        for (url, endpoint) in &mut self.endpoints {
            if !urls.contains(url) && endpoint.leaves_at.is_none() {
                // A URL comes and goes with the first and the last consumer of a shard; a dead one is not worth waiting for.
                let window = if endpoint.healthy { self.judge.flap_window } else { Duration::ZERO };
                endpoint.leaves_at = Some(now + window);
            }
        }
        self.wanted = Some(urls);
        todo.extend(self.due(now));
        todo
    }

    /// A new URL was dialed; its number names it from here on.
    pub(crate) fn opened(&mut self, url: &str, root: Client) -> (u64, Stop) {
        self.next += 1;
        self.undialed.remove(url);
        let stop = Stop::new();
        let endpoint = Endpoint {
            number: self.next,
            root,
            stop: stop.clone(),
            clusters: HashMap::new(),
            listing: None,
            listed: false,
            healthy: false,
            leaves_at: None,
        };
        self.endpoints.insert(url.to_owned(), endpoint);
        (self.next, stop)
    }

    /// A URL could not be dialed; it is tried again, ever later, as long as it is wanted.
    pub(crate) fn undialed(&mut self, url: &str) {
        let (times, again) = self.undialed.entry(url.to_owned()).or_insert((0, Instant::now()));
        *again = Instant::now() + REDIAL_FIRST.saturating_mul(1 << (*times).min(16)).min(REDIAL_MAX);
        *times += 1;
    }

    /// Something was seen among the markers of an endpoint.
    pub(crate) fn seen(&mut self, number: u64, seen: Seen<M>) -> Vec<Todo> {
        let Some((url, endpoint)) = self.endpoints.iter_mut().find(|(_, endpoint)| endpoint.number == number)
        else {
            return Vec::new();
        };
        let scope = ScopeId::from(url.as_str());
        let mut todo = Vec::new();
        match seen {
            Seen::ListBegin => endpoint.listing = Some(HashSet::new()),
            Seen::Applied(marker) => {
                let Some(id) = cluster_of(marker.meta()) else {
                    tracing::warn!(%scope, "marker names no cluster, left out");
                    return todo;
                };
                let name = marker.meta().name.clone().unwrap_or_default();
                if let Some(listed) = &mut endpoint.listing {
                    listed.insert((id.clone(), name.clone()));
                }
                let qualifies = (self.judge.qualifies)(&marker, url);
                match self.judge.lapse {
                    _ if qualifies => {
                        if let Some(at) = endpoint.lapses(&id, &name) {
                            self.lapsing.remove(&(at, number, id.clone(), name.clone()));
                        }
                        endpoint.qualified(&scope, id, name, marker.meta(), &mut todo);
                    }
                    Lapse::Never => {}
                    Lapse::AtOnce => endpoint.lost(&scope, &id, &name, &mut todo),
                    Lapse::After(window) => {
                        let at = Instant::now() + window;
                        if endpoint.lapse(&id, &name, at) {
                            self.lapsing.insert((at, number, id, name));
                        }
                    }
                }
            }
            Seen::Deleted(meta) => {
                if let Some(id) = cluster_of(&meta) {
                    endpoint.lost(&scope, &id, meta.name.as_deref().unwrap_or_default(), &mut todo);
                }
            }
            Seen::ListEnd => {
                let listed = endpoint.listing.take().unwrap_or_default();
                let mut vanished = Vec::new();
                for (id, known) in &endpoint.clusters {
                    let gone = known
                        .qualified
                        .keys()
                        .filter(|name| !listed.contains(&(id.clone(), (*name).clone())));
                    vanished.extend(gone.map(|name| (id.clone(), name.clone())));
                }
                for (id, name) in vanished {
                    endpoint.lost(&scope, &id, &name, &mut todo);
                }
                endpoint.listed = true;
                endpoint.healthy = true;
                todo.push(Todo::Report(FleetEvent::Recovered { scope: Some(scope) }));
                todo.extend(self.first_report(Instant::now()));
            }
            Seen::Fault { reason, .. } => {
                endpoint.healthy = false;
                todo.push(Todo::Report(FleetEvent::Degraded { scope: Some(scope), reason }));
                if let Some(leaves_at) = &mut endpoint.leaves_at {
                    *leaves_at = Instant::now();
                }
            }
            Seen::Healthy => {
                endpoint.healthy = true;
                todo.push(Todo::Report(FleetEvent::Recovered { scope: Some(scope) }));
            }
            Seen::Unreadable { why, .. } => tracing::warn!(%scope, why, "marker does not parse, left out"),
            Seen::Expired | Seen::FellBack => {}
        }
        todo
    }

    /// The path of a cluster was looked up.
    pub(crate) fn found_path(&mut self, number: u64, id: &ClusterId, path: &str) -> Vec<Todo> {
        let Some((url, endpoint)) = self.endpoints.iter_mut().find(|(_, endpoint)| endpoint.number == number)
        else {
            return Vec::new();
        };
        let root = endpoint.root.clone();
        let Some(known) = endpoint.clusters.get_mut(id).filter(|known| known.path.is_none()) else {
            return Vec::new();
        };
        known.path = Some(path.into());
        vec![Todo::Report(FleetEvent::Changed(seed(&ScopeId::from(url.as_str()), &root, id, known)))]
    }

    /// The next instant at which [`due`](State::due) has something to do.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let report = (!self.reported).then_some(self.report_by);
        let leaves = self.endpoints.values().filter_map(|endpoint| endpoint.leaves_at);
        let dials = self.undialed.values().map(|(_, at)| *at);
        let lapses = self.lapsing.first().map(|(at, ..)| *at);
        leaves.chain(dials).chain(lapses).chain(report).min()
    }

    /// Closes URLs whose time is over, lets clusters go whose markers lapsed, dials URLs anew.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Todo> {
        let mut todo = Vec::new();
        while self.lapsing.first().is_some_and(|(at, ..)| *at <= now) {
            let Some((_, number, id, name)) = self.lapsing.pop_first() else { break };
            let found = self.endpoints.iter_mut().find(|(_, endpoint)| endpoint.number == number);
            let Some((url, endpoint)) = found else { continue };
            if endpoint.lapses(&id, &name).is_some_and(|at| at <= now) {
                endpoint.lost(&ScopeId::from(url.as_str()), &id, &name, &mut todo);
            }
        }
        let again = self.undialed.iter().filter(|(_, (_, at))| *at <= now);
        todo.extend(again.map(|(url, _)| Todo::Open(url.clone())));
        self.endpoints.retain(|url, endpoint| {
            let leaves = endpoint.leaves_at.is_some_and(|at| at <= now);
            if leaves {
                endpoint.stop.stop();
                todo.push(Todo::Report(FleetEvent::ScopeDown(ScopeId::from(url.as_str()))));
            }
            !leaves
        });
        todo.extend(self.first_report(now));
        todo
    }

    /// Ends the first complete report once every URL listed its markers, or took too long.
    fn first_report(&mut self, now: Instant) -> Option<Todo> {
        if self.reported {
            return None;
        }
        let known = self.wanted.as_ref();
        let all = known
            .is_some_and(|urls| urls.iter().all(|url| self.endpoints.get(url).is_some_and(|e| e.listed)));
        if !all && now < self.report_by {
            return None;
        }
        self.reported = true;
        Some(Todo::Report(FleetEvent::InitDone))
    }
}

impl Endpoint {
    fn qualified(
        &mut self,
        scope: &ScopeId,
        id: ClusterId,
        name: String,
        meta: &ObjectMeta,
        todo: &mut Vec<Todo>,
    ) {
        let root = self.root.clone();
        let path = annotation(meta, PATH).map(Arc::from);
        let new = !self.clusters.contains_key(&id);
        let known = self.clusters.entry(id.clone()).or_default();
        known.qualified.insert(name, None);
        let changed = path.is_some() && known.path != path;
        if changed {
            known.path = path;
        }
        if new || changed {
            known.meta = Arc::new(ObjectMeta {
                name: meta.name.clone(),
                labels: meta.labels.clone(),
                annotations: meta.annotations.clone(),
                ..ObjectMeta::default()
            });
            let seed = seed(scope, &root, &id, known);
            todo.push(Todo::Report(if new { FleetEvent::Up(seed) } else { FleetEvent::Changed(seed) }));
        }
        if new && known.path.is_none() {
            todo.push(Todo::FindPath { number: self.number, id });
        }
    }

    /// When a marker ceases to stand for its cluster, where it does.
    fn lapses(&self, id: &ClusterId, name: &str) -> Option<Instant> {
        *self.clusters.get(id)?.qualified.get(name)?
    }

    /// A marker does not qualify any more; says whether that is new.
    fn lapse(&mut self, id: &ClusterId, name: &str, at: Instant) -> bool {
        match self.clusters.get_mut(id).and_then(|known| known.qualified.get_mut(name)) {
            Some(lapses @ None) => {
                *lapses = Some(at);
                true
            }
            // The first word counts: further ones do not prolong its time.
            Some(Some(_)) | None => false,
        }
    }

    fn lost(&mut self, scope: &ScopeId, id: &ClusterId, name: &str, todo: &mut Vec<Todo>) {
        let Some(known) = self.clusters.get_mut(id) else { return };
        if known.qualified.remove(name).is_some() && known.qualified.is_empty() {
            self.clusters.remove(id);
            todo.push(Todo::Report(FleetEvent::Down {
                id: id.clone(),
                scope: scope.clone(),
                why: Gone::Removed,
            }));
        }
    }
}

fn seed(scope: &ScopeId, root: &Client, id: &ClusterId, known: &Known) -> ClusterSeed {
    ClusterSeed {
        id: id.clone(),
        scope: scope.clone(),
        aliases: known.path.iter().cloned().collect(),
        client: ClientSpec::Prefix { base: root.clone(), path: format!("/clusters/{id}").into() },
        meta: known.meta.clone(),
    }
}

/// The cluster that an object read from kcp lives in.
pub(crate) fn cluster_of(meta: &ObjectMeta) -> Option<ClusterId> {
    annotation(meta, CLUSTER).filter(|name| !name.is_empty()).map(ClusterId::from)
}

pub(crate) fn annotation<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.annotations.as_ref()?.get(key).map(String::as_str)
}
