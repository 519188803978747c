//! The list and watch of one kind at one endpoint: its own backoff, resuming from the last resource version.

mod wire; // what servers send

use std::{sync::Arc, time::Duration};

use http_body_util::BodyExt as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{
    Client,
    api::{ListParams, WatchParams},
    client::Body,
    core::{Request, Status},
};
use parking_lot::Mutex;
use runtime::{Backoff as _, FullJitter, Ids};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::{
    Cached, Redial,
    kind::{fill_types, kind_label},
};
use wire::{Ended, OnlyMeta, RawEvent, RawList, WatchError};

/// Longest line of a watch, that is the longest object: 64 MiB.
const LINE_MAX: usize = 64 << 20;
/// The server ends a watch after this long, so that load spreads over restarted servers.
const WATCH_SECONDS: u32 = 290;
/// After this long without an event or bookmark, a second watch is opened and replaces the first.
const SILENCE: Duration = Duration::from_secs(45);
/// A request that got no answer in this long has failed.
const ANSWER: Duration = Duration::from_secs(30);
/// A streaming list that did not send its end in this long will not: some views of kcp never do.
const STREAMING: Duration = Duration::from_secs(30);
/// A watch that lasted this long worked.
const LIVED: Duration = Duration::from_secs(1);
/// The longest a server may ask us to stay away.
const STAY_AWAY: Duration = Duration::from_secs(300);

/// What a list and watch reports.
#[derive(Debug)]
pub enum Seen<K> {
    /// A complete list begins: what is not applied before its end is gone.
    ListBegin,
    /// An object exists, as it is now.
    Applied(Box<K>),
    /// An object is gone.
    Deleted(Box<ObjectMeta>),
    /// A complete list ends.
    ListEnd,
    /// The resource version was too old; a complete list follows.
    Expired,
    /// An object could not be read as `K`; the others go on.
    Unreadable {
        /// Its metadata, where at least that was readable.
        meta: Option<Box<ObjectMeta>>,
        /// The parser's words.
        why: String,
    },
    /// Listing or watching does not work; tried again with backoff.
    Fault {
        /// Verb, kind and cause.
        reason: String,
        /// The HTTP code, 0 where there was no answer.
        code: u16,
    },
    /// A watch is open.
    Healthy,
    /// A streaming list never came to its end; from now on lists are read in pages.
    FellBack,
}

/// How complete lists are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lists {
    /// In pages of 500: every server has it.
    #[default]
    Paged,
    /// As the beginning of the watch; falls back to pages for good where the server refuses or never ends it.
    Streaming,
}

/// How far a watch is, for people.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<Option<(Instant, String)>>>);

impl Progress {
    /// When the last event or bookmark came, and its resource version; none before the first complete list.
    pub fn last(&self) -> Option<(Instant, String)> {
        self.0.lock().clone()
    }

    fn note(&self, version: &str) {
        let mut last = self.0.lock();
        match &mut *last {
            Some((at, known)) => {
                *at = Instant::now();
                known.clear();
                known.push_str(version);
            }
            None => *last = Some((Instant::now(), version.to_owned())),
        }
    }
}

/// Takes what a list and watch reports.
pub trait WatchSink<K>: Send {
    /// Called for each report, in order. Waiting here slows the watch down.
    fn seen(&mut self, seen: Seen<K>) -> impl Future<Output = ()> + Send;

    /// Waits for permission to read a complete list; the permit is held until the list ended.
    fn list_permit(&mut self) -> impl Future<Output = Option<tokio::sync::OwnedSemaphorePermit>> + Send {
        async { None }
    }
}

/// Where and what to list and watch.
#[derive(Clone)]
pub struct ListWatch<K: Cached> {
    /// The endpoint.
    pub client: Client,
    /// How to connect anew when a watch goes silent.
    pub redial: Option<Redial>,
    /// The kind.
    pub dt: K::DynamicType,
    /// Only objects that match; sent with each request, for example `metadata.name=core.platform-mesh.io`.
    pub field_selector: Option<String>,
    /// Only objects whose labels match, for example `tier=gold`.
    pub label_selector: Option<String>,
    /// Only objects of this namespace.
    pub namespace: Option<String>,
    /// How complete lists are read.
    pub lists: Lists,
    /// Told how far the watch is.
    pub progress: Progress,
}

impl<K: Cached> ListWatch<K> {
    /// All objects of a kind at an endpoint, in paged lists.
    pub fn new(client: Client, dt: K::DynamicType) -> Self {
        ListWatch {
            client,
            redial: None,
            dt,
            field_selector: None,
            label_selector: None,
            namespace: None,
            lists: Lists::Paged,
            progress: Progress::default(),
        }
    }

    /// Lists and watches for ever, from the last resource version after every interruption.
    ///
    /// # Cancellation
    /// May be dropped at any time; started anew, it begins with a complete list.
    pub async fn run(self, ids: Ids, sink: &mut impl WatchSink<K>) {
        let label: Arc<str> = kind_label::<K>(&self.dt).into();
        Watcher { client: self.client.clone(), lists: self.lists, label, what: self }.run(ids, sink).await;
    }
}

struct Watcher<K: Cached> {
    what: ListWatch<K>,
    label: Arc<str>,
    client: Client,
    lists: Lists,
}

/// A watch that is open: its body, and what came of the next line.
struct Open {
    body: Body,
    buffer: bytes::BytesMut,
}

impl<K: Cached> Watcher<K> {
    async fn run(mut self, ids: Ids, sink: &mut impl WatchSink<K>) {
        let mut usual = FullJitter::new(Duration::from_millis(200), Duration::from_secs(30), ids.clone());
        // Above the denial caches of kcp, which keep a refusal for 5 to 30 seconds.
        let mut refused = FullJitter::new(Duration::from_secs(5), Duration::from_secs(300), ids);
        let mut version: Option<String> = None;
        loop {
            let (started, resumed) = (Instant::now(), version.is_some());
            let result = match version.take() {
                None => self.begin(sink).await,
                Some(mut at) => match self.resume(&mut at, sink).await {
                    Ok(Ended::Closed) => Ok(Some(at)),
                    Ok(Ended::Expired) => Ok(None),
                    Err(error) if error.code() == 410 => Ok(None),
                    Err(error) => {
                        version = Some(at);
                        Err(error)
                    }
                },
            };
            match result {
                Ok(next) => {
                    if next.is_none() {
                        sink.seen(Seen::Expired).await;
                    }
                    version = next;
                    // Only a watch that lived tells of a server that works; one that ends at once must not become a loop of lists.
                    if started.elapsed() >= LIVED {
                        usual.reset();
                        refused.reset();
                    } else if resumed {
                        tokio::time::sleep(usual.next_delay()).await;
                    }
                }
                Err(error) => {
                    let code = error.code();
                    let wait = if code == 403 { refused.next_delay() } else { usual.next_delay() };
                    let asked = error.retry_after().unwrap_or_default().min(STAY_AWAY);
                    sink.seen(Seen::Fault { reason: error.to_string(), code }).await;
                    tokio::time::sleep(wait.max(asked)).await;
                    // A refusal may have changed what is visible, and old versions may be gone: be sure.
                    if code == 403 || code == 404 {
                        version = None;
                    }
                }
            }
        }
    }

    /// A complete list; the resource version to go on from, none if it is too old already.
    async fn begin(&mut self, sink: &mut impl WatchSink<K>) -> Result<Option<String>, WatchError> {
        if self.lists == Lists::Paged {
            return self.list(sink).await.map(Some);
        }
        let mut version = String::new();
        match self.stream(&mut version, sink).await {
            Ok(Ended::Closed) => Ok(Some(version)),
            Ok(Ended::Expired) => Ok(None),
            // A server that does not know streaming lists refuses them; one that cannot end them says nothing at all.
            Err(error)
                if matches!(error, WatchError::Unfinished { .. })
                    || [400, 405, 422].contains(&error.code()) =>
            {
                self.lists = Lists::Paged;
                sink.seen(Seen::FellBack).await;
                self.list(sink).await.map(Some)
            }
            Err(error) => Err(error),
        }
    }

    /// A complete list as the beginning of a watch, and that watch until it ends.
    async fn stream(
        &mut self,
        version: &mut String,
        sink: &mut impl WatchSink<K>,
    ) -> Result<Ended, WatchError> {
        let permit = sink.list_permit().await;
        let deadline = Instant::now() + STREAMING;
        let mut open = self.open(None).await?;
        sink.seen(Seen::ListBegin).await;
        loop {
            let line = match tokio::time::timeout_at(deadline, self.line(&mut open)).await {
                Ok(Ok(Some(line))) => line,
                Ok(Ok(None)) => {
                    let source = kube::Error::Service("the stream closed before its list ended".into());
                    return Err(self.request_error("watch", source));
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(WatchError::Unfinished { kind: self.label.clone() }),
            };
            if let Some(ended) = self.event(&line, version, sink).await? {
                return Ok(ended);
            }
            if is_end(&line) {
                break;
            }
        }
        sink.seen(Seen::ListEnd).await;
        drop(permit);
        sink.seen(Seen::Healthy).await;
        self.follow(open, version, sink).await
    }

    /// A complete list in pages; the resource version to watch from.
    async fn list(&mut self, sink: &mut impl WatchSink<K>) -> Result<String, WatchError> {
        let _permit = sink.list_permit().await;
        let request = Request::new(K::url_path(&self.what.dt, self.what.namespace.as_deref()));
        let mut params = ListParams {
            field_selector: self.what.field_selector.clone(),
            label_selector: self.what.label_selector.clone(),
            ..ListParams::default().limit(500)
        };
        let mut begun = false;
        loop {
            let fault = |source| self.request_error("list", kube::Error::BuildRequest(source));
            let built = request.list(&params).map_err(fault)?;
            let text = self.answer(built).await?;
            let page: RawList =
                serde_json::from_slice(&text).map_err(|error| self.garbled("list", &error.to_string()))?;
            if !std::mem::replace(&mut begun, true) {
                sink.seen(Seen::ListBegin).await;
            }
            for item in page.items.iter().flatten() {
                sink.seen(self.read(item).0).await;
            }
            if page.metadata.continue_token.is_empty() {
                sink.seen(Seen::ListEnd).await;
                self.what.progress.note(&page.metadata.resource_version);
                return Ok(page.metadata.resource_version);
            }
            params.continue_token = Some(page.metadata.continue_token);
        }
    }

    /// The whole body of an answer that is a success.
    async fn answer(&self, request: http::Request<Vec<u8>>) -> Result<bytes::Bytes, WatchError> {
        let response = self.send("list", &self.client, request).await?;
        let body = tokio::time::timeout(Duration::from_secs(120), response.into_body().collect()).await;
        match body {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) => Err(self.request_error("list", error)),
            Err(_) => Err(WatchError::Timeout { verb: "list", kind: self.label.clone() }),
        }
    }

    async fn send(
        &self,
        verb: &'static str,
        client: &Client,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Body>, WatchError> {
        let sent = tokio::time::timeout(ANSWER, client.send(request.map(Body::from))).await;
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(kube::Error::Api(status))) => {
                return Err(self.refused(verb, status.code, status.message, None));
            }
            Ok(Err(error)) => return Err(self.request_error(verb, error)),
            Err(_) => return Err(WatchError::Timeout { verb, kind: self.label.clone() }),
        };
        if response.status().is_success() {
            return Ok(response);
        }
        let code = response.status().as_u16();
        let asked = response.headers().get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = asked.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let body = tokio::time::timeout(ANSWER, response.into_body().collect()).await;
        let text =
            body.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let message = match serde_json::from_slice::<Status>(&text) {
            Ok(status) => status.message,
            Err(_) => String::from_utf8_lossy(&text[..text.len().min(200)]).trim().to_owned(),
        };
        Err(self.refused(verb, code, message, retry_after))
    }

    /// Watches until the server or an error ends it; `version` always names the last event seen.
    async fn resume(
        &mut self,
        version: &mut String,
        sink: &mut impl WatchSink<K>,
    ) -> Result<Ended, WatchError> {
        let open = self.open(Some(version)).await?;
        sink.seen(Seen::Healthy).await;
        self.follow(open, version, sink).await
    }

    async fn follow(
        &mut self,
        mut open: Open,
        version: &mut String,
        sink: &mut impl WatchSink<K>,
    ) -> Result<Ended, WatchError> {
        loop {
            let Ok(line) = tokio::time::timeout(SILENCE, self.line(&mut open)).await else {
                // The connection may be dead without anybody having said so. A second watch from the last version misses nothing.
                if let Some(redial) = &self.what.redial {
                    self.client = redial().map_err(|error| self.request_error("watch", error))?;
                }
                open = self.open(Some(version)).await?;
                continue;
            };
            let Some(line) = line? else { return Ok(Ended::Closed) };
            if let Some(ended) = self.event(&line, version, sink).await? {
                return Ok(ended);
            }
        }
    }

    /// The next line of a watch; none when the server closed it.
    ///
    /// # Cancellation
    /// What was read of the line stays in the buffer.
    async fn line(&self, open: &mut Open) -> Result<Option<bytes::BytesMut>, WatchError> {
        let mut looked = 0;
        loop {
            if let Some(end) = open.buffer[looked..].iter().position(|byte| *byte == b'\n') {
                return Ok(Some(open.buffer.split_to(looked + end + 1)));
            }
            looked = open.buffer.len();
            if looked > LINE_MAX {
                return Err(self.garbled("watch", "an event is longer than 64 MiB"));
            }
            match open.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(self.request_error("watch", error)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        open.buffer.extend_from_slice(&data);
                    }
                }
            }
        }
    }

    /// Opens a watch from a version, or one that begins with a complete list.
    async fn open(&self, version: Option<&str>) -> Result<Open, WatchError> {
        let request = Request::new(K::url_path(&self.what.dt, self.what.namespace.as_deref()));
        let params = WatchParams {
            timeout: Some(WATCH_SECONDS),
            field_selector: self.what.field_selector.clone(),
            label_selector: self.what.label_selector.clone(),
            send_initial_events: version.is_none(),
            ..WatchParams::default()
        };
        let built = request
            .watch(&params, version.unwrap_or_default())
            .map_err(|source| self.request_error("watch", kube::Error::BuildRequest(source)))?;
        let body = self.send("watch", &self.client, built).await?.into_body();
        Ok(Open { body, buffer: bytes::BytesMut::new() })
    }

    /// One line of a watch.
    async fn event(
        &self,
        line: &[u8],
        version: &mut String,
        sink: &mut impl WatchSink<K>,
    ) -> Result<Option<Ended>, WatchError> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(None);
        }
        let event: RawEvent<'_> =
            serde_json::from_slice(line).map_err(|error| self.garbled("watch", &error.to_string()))?;
        let seen = match event.kind {
            "ADDED" | "MODIFIED" => {
                let (seen, at) = self.read(event.object);
                sink.seen(seen).await;
                at
            }
            "DELETED" => match serde_json::from_str(event.object.get()) {
                Ok(OnlyMeta { metadata }) => {
                    let at = metadata.resource_version.clone();
                    sink.seen(Seen::Deleted(Box::new(metadata))).await;
                    at
                }
                Err(error) => return Err(self.garbled("watch", &error.to_string())),
            },
            "BOOKMARK" => {
                let read: Result<OnlyMeta, _> = serde_json::from_str(event.object.get());
                read.ok().and_then(|only| only.metadata.resource_version)
            }
            "ERROR" => {
                let status: Status = serde_json::from_str(event.object.get()).unwrap_or_default();
                if status.code == 410 {
                    return Ok(Some(Ended::Expired));
                }
                return Err(self.refused("watch", status.code, status.message, None));
            }
            other => {
                tracing::debug!(event = other, "watch sent an event of a type that is not known");
                None
            }
        };
        if let Some(seen) = seen {
            self.what.progress.note(&seen);
            *version = seen;
        }
        Ok(None)
    }

    /// An object with its resource version. Managed fields go: nothing reads them, and they are most of an object's memory.
    fn read(&self, raw: &RawValue) -> (Seen<K>, Option<String>) {
        match serde_json::from_str::<K>(raw.get()) {
            Ok(mut object) => {
                fill_types(&mut object, &self.what.dt);
                object.meta_mut().managed_fields = None;
                let version = object.meta().resource_version.clone();
                (Seen::Applied(Box::new(object)), version)
            }
            Err(error) => {
                let read: Result<OnlyMeta, _> = serde_json::from_str(raw.get());
                let meta = read.ok().map(|only| Box::new(only.metadata));
                let version = meta.as_ref().and_then(|meta| meta.resource_version.clone());
                (Seen::Unreadable { meta, why: error.to_string() }, version)
            }
        }
    }

    fn refused(
        &self,
        verb: &'static str,
        code: u16,
        message: String,
        retry_after: Option<Duration>,
    ) -> WatchError {
        WatchError::Refused { verb, kind: self.label.clone(), code, message, retry_after }
    }

    fn request_error(&self, verb: &'static str, source: kube::Error) -> WatchError {
        WatchError::Request { verb, kind: self.label.clone(), source: Box::new(source) }
    }

    fn garbled(&self, verb: &'static str, why: &str) -> WatchError {
        WatchError::Garbled { verb, kind: self.label.clone(), why: why.to_owned() }
    }
}

/// Whether a line is the bookmark that ends a streaming list.
fn is_end(line: &[u8]) -> bool {
    let event: Result<RawEvent<'_>, _> = serde_json::from_slice(line);
    let meta = |event: RawEvent<'_>| serde_json::from_str::<OnlyMeta>(event.object.get()).ok();
    event
        .ok()
        .filter(|event| event.kind == "BOOKMARK")
        .and_then(meta)
        .is_some_and(|only| only.ends_initial_events())
}
