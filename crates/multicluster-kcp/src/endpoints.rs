//! From an object that holds endpoint URLs, to the markers at those URLs, to clusters.
//!
//! One watch of the object, one watch of the markers for each URL; both are driven by the stream itself, so dropping it stops everything.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::{
    StreamExt as _,
    future::BoxFuture,
    stream::{BoxStream, FuturesUnordered},
};
use kcp_api::{core::v1alpha1::LogicalCluster, keys::PATH};
use kube::{Api, Client};
use multicluster::{
    Cached, ClusterId, Demux, FleetEvent, ListWatch, ProviderError, ScopeId, Seen, WatchScope, WatchSink,
    prefix_client,
};
use parking_lot::Mutex;
use runtime::{Ids, Stop};
use tokio::{sync::mpsc, time::Instant};

use crate::{
    Connection,
    state::{Judge, Lapse, Qualifies, State, Todo, annotation, cluster_of},
};

/// Clients over all clusters of each open URL, for the lister.
pub(crate) type Scopes = Arc<Mutex<BTreeMap<ScopeId, Client>>>;

/// Reads the URLs from the endpoint object.
pub(crate) type Urls<E> = Arc<dyn Fn(&E) -> Vec<String> + Send + Sync>;

/// Where the URLs come from.
pub(crate) enum Source<E> {
    /// An object of the workspace.
    Object { name: String, urls: Urls<E> },
    /// Known beforehand.
    Fixed(Vec<String>),
}

/// All that the providers of this crate differ in.
pub(crate) struct Endpoints<E, M> {
    pub(crate) connection: Connection,
    pub(crate) source: Source<E>,
    pub(crate) qualifies: Qualifies<M>,
    pub(crate) lapse: Lapse,
    pub(crate) flap_window: Duration,
    pub(crate) scopes: Scopes,
    /// The last URL that was opened, for reading the marker's name from it.
    pub(crate) last_url: Arc<OnceLock<String>>,
}

/// Hold-back of vanished URLs unless set otherwise.
pub(crate) const FLAP_WINDOW: Duration = Duration::from_secs(10);
/// Before a path is looked up, its annotation has this long to arrive.
const PATH_DELAY: Duration = Duration::from_secs(2);

enum Heard<E, M> {
    Source(Seen<E>),
    Marker(u64, Seen<M>),
    Path(u64, ClusterId, String),
}

/// Sends what a watch sees to the stream that drives it.
struct ToStream<T, F> {
    send: mpsc::Sender<T>,
    wrap: F,
}

impl<K: Send, T: Send, F: Fn(Seen<K>) -> T + Send> WatchSink<K> for ToStream<T, F> {
    async fn seen(&mut self, seen: Seen<K>) {
        // The receiver lives as long as the stream that drives this watch.
        let _ = self.send.send((self.wrap)(seen)).await;
    }
}

type Work = FuturesUnordered<BoxFuture<'static, ()>>;

impl<E: Cached<DynamicType = ()>, M: Cached<DynamicType = ()>> Endpoints<E, M> {
    pub(crate) fn stream(self: Arc<Self>) -> BoxStream<'static, Result<FleetEvent, ProviderError>> {
        let events = async_stream::stream! {
            let (send, mut heard) = mpsc::channel(256);
            let work = Work::new();
            let mut run = Run { state: self.state(), send, work, set: self, exists: false, unreadable: false };
            yield Ok(FleetEvent::Init);
            for event in run.start() {
                yield event;
            }
            loop {
                let due = run.state.next_due();
                let events = tokio::select! {
                    Some(heard) = heard.recv() => run.heard(heard),
                    Some(()) = run.work.next(), if !run.work.is_empty() => continue,
                    () = sleep_until(due), if due.is_some() => {
                        let todo = run.state.due(Instant::now());
                        run.follow(todo)
                    }
                };
                for event in events {
                    yield event;
                }
            }
        };
        events.boxed()
    }

    fn state(&self) -> State<M> {
        State::new(Judge {
            qualifies: self.qualifies.clone(),
            lapse: self.lapse,
            flap_window: self.flap_window,
        })
    }
}

struct Run<E, M> {
    set: Arc<Endpoints<E, M>>,
    state: State<M>,
    send: mpsc::Sender<Heard<E, M>>,
    work: Work,
    /// Whether the complete list that is being read held the endpoint object.
    exists: bool,
    /// Whether the endpoint object's last state could not be read.
    unreadable: bool,
}

type Events = Vec<Result<FleetEvent, ProviderError>>;

impl<E: Cached<DynamicType = ()>, M: Cached<DynamicType = ()>> Run<E, M> {
    fn start(&mut self) -> Events {
        self.set.scopes.lock().clear();
        match &self.set.source {
            Source::Fixed(urls) => {
                let todo = self.state.set_urls(urls.clone());
                self.follow(todo)
            }
            Source::Object { name, .. } => {
                let what = ListWatch::<E> {
                    field_selector: Some(format!("metadata.name={name}")),
                    redial: self.set.connection.redial.clone(),
                    ..ListWatch::new(self.set.connection.workspace.clone(), ())
                };
                let mut sink = ToStream { send: self.send.clone(), wrap: Heard::Source };
                self.work.push(Box::pin(async move { what.run(Ids::random(), &mut sink).await }));
                Vec::new()
            }
        }
    }

    fn heard(&mut self, heard: Heard<E, M>) -> Events {
        let todo = match heard {
            Heard::Marker(number, seen) => self.state.seen(number, seen),
            Heard::Path(number, id, path) => self.state.found_path(number, &id, &path),
            Heard::Source(seen) => return self.source(seen),
        };
        self.follow(todo)
    }

    fn source(&mut self, seen: Seen<E>) -> Events {
        let Source::Object { name, urls } = &self.set.source else { return Vec::new() };
        let recovered = || vec![Ok(FleetEvent::Recovered { scope: None })];
        let todo = match seen {
            // The field selector is a wish; servers that ignore it send others as well.
            Seen::Applied(object) if object.meta().name.as_deref() == Some(name) => {
                self.exists = true;
                let todo = self.state.set_urls(urls(&object));
                let mut events = if std::mem::take(&mut self.unreadable) { recovered() } else { Vec::new() };
                events.extend(self.follow(todo));
                return events;
            }
            Seen::ListBegin => {
                self.exists = false;
                return Vec::new();
            }
            // An object that does not exist holds no URL; what it held before goes after the flap window.
            Seen::ListEnd if !self.exists => self.state.set_urls(Vec::new()),
            Seen::Deleted(meta) if meta.name.as_deref() == Some(name) => self.state.set_urls(Vec::new()),
            // A failed read never tears a fleet down: what is known stays.
            Seen::Fault { reason, .. } => return vec![Ok(FleetEvent::Degraded { scope: None, reason })],
            Seen::Healthy if !self.unreadable => return recovered(),
            Seen::Unreadable { meta, why }
                if meta.as_ref().is_none_or(|meta| meta.name.as_deref() == Some(name)) =>
            {
                (self.exists, self.unreadable) = (true, true);
                let reason = format!("`{name}` does not parse: {why}");
                return vec![Ok(FleetEvent::Degraded { scope: None, reason })];
            }
            _ => return Vec::new(),
        };
        self.follow(todo)
    }

    fn follow(&mut self, todo: Vec<Todo>) -> Events {
        let mut events = Vec::new();
        for todo in todo {
            match todo {
                Todo::Report(event) => {
                    if let FleetEvent::ScopeDown(id) = &event {
                        self.set.scopes.lock().remove(id);
                    }
                    events.push(Ok(event));
                }
                Todo::Open(url) => events.extend(self.open(&url)),
                Todo::FindPath { number, id } => self.find_path(number, id),
            }
        }
        events
    }

    /// Dials a URL and follows its markers. One that cannot be dialed is reported, and tried again.
    fn open(&mut self, url: &str) -> Events {
        let scope = ScopeId::from(url);
        match self.dial(url) {
            Ok(opened) => vec![Ok(FleetEvent::ScopeUp(opened))],
            Err(why) => {
                self.state.undialed(url);
                let reason = format!("endpoint `{url}` cannot be dialed: {why}");
                vec![Ok(FleetEvent::Degraded { scope: Some(scope), reason })]
            }
        }
    }

    fn dial(&mut self, url: &str) -> Result<WatchScope, String> {
        let uri: http::Uri = url.parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
        if uri.scheme().is_none() || uri.host().is_none_or(str::is_empty) {
            return Err("a URL with scheme and host is wanted".into());
        }
        let dialer = self.set.connection.dialer.clone();
        let root = dialer.dial(&uri).map_err(|error| error.to_string())?;
        let wildcard = prefix_client(&root, "/clusters/*");
        let (number, stop) = self.state.opened(url, root);
        // Only the first URL counts: all URLs of one object end in the same name.
        let _ = self.set.last_url.set(url.to_owned());

        let redial = Arc::new(move || dialer.dial(&uri).map(|root| prefix_client(&root, "/clusters/*")));
        let what = ListWatch::<M> { redial: Some(redial.clone()), ..ListWatch::new(wildcard.clone(), ()) };
        let mut sink = ToStream { send: self.send.clone(), wrap: move |seen| Heard::Marker(number, seen) };
        self.work.push(Box::pin(async move {
            stop.or(what.run(Ids::random(), &mut sink)).await;
        }));

        let id = ScopeId::from(url);
        self.set.scopes.lock().insert(id.clone(), wildcard.clone());
        Ok(WatchScope {
            id,
            client: wildcard,
            redial: Some(redial),
            demux: Demux::Meta(Arc::new(cluster_of)),
        })
    }

    /// Reads the path of a cluster from its LogicalCluster, once, where its marker still lacks it after a while.
    fn find_path(&mut self, number: u64, id: ClusterId) {
        let Some((_, endpoint)) = self.state.endpoint(number) else { return };
        let (root, stop, send): (Client, Stop, _) =
            (endpoint.root.clone(), endpoint.stop.clone(), self.send.clone());
        let find = async move {
            tokio::time::sleep(PATH_DELAY).await;
            let client = prefix_client(&root, &format!("/clusters/{id}"));
            let read = Api::<LogicalCluster>::all(client).get_opt("cluster").await;
            // Without the claim to read it, the cluster simply has no path here.
            let path =
                read.ok().flatten().and_then(|found| annotation(&found.metadata, PATH).map(str::to_owned));
            if let Some(path) = path {
                let _ = send.send(Heard::Path(number, id, path)).await;
            }
        };
        self.work.push(Box::pin(async move {
            stop.or(find).await;
        }));
    }
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}
