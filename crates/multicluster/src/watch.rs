//! The list and watch of one kind at one endpoint: its own backoff, resuming from the last resource version.

use std::{sync::Arc, time::Duration};

use http_body_util::BodyExt as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{
    Client,
    api::{ListParams, WatchParams},
    client::Body,
    core::{Request, Status},
};
use runtime::{Backoff as _, FullJitter, Ids};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    Cached, Redial,
    kind::{fill_types, kind_label},
};

/// Longest line of a watch, that is the longest object: 64 MiB.
const LINE_MAX: usize = 64 << 20;
/// The server ends a watch after this long, so that load spreads over restarted servers.
const WATCH_SECONDS: u32 = 290;
/// After this long without an event or bookmark, a second watch is opened and replaces the first.
const SILENCE: Duration = Duration::from_secs(45);
/// A request that got no answer in this long has failed.
const ANSWER: Duration = Duration::from_secs(30);

/// Why a list or watch did not go on.
#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error("{verb} of `{kind}` was refused with {code}: {message}")]
    Refused { verb: &'static str, kind: Arc<str>, code: u16, message: String },
    #[error("{verb} of `{kind}` failed: {source}")]
    Request { verb: &'static str, kind: Arc<str>, source: Box<kube::Error> },
    #[error("{verb} of `{kind}` got no answer in time")]
    Timeout { verb: &'static str, kind: Arc<str> },
    #[error("{verb} of `{kind}` sent what does not parse: {why}")]
    Garbled { verb: &'static str, kind: Arc<str>, why: String },
}

impl WatchError {
    fn code(&self) -> u16 {
        match self {
            WatchError::Refused { code, .. } => *code,
            _ => 0,
        }
    }
}

/// Why a watch ended without an error.
enum Ended {
    /// The server closed it; go on from the last resource version.
    Closed,
    /// The resource version is too old: list again.
    Expired,
}

#[derive(Deserialize)]
struct RawList {
    #[serde(default)]
    metadata: RawListMeta,
    // Servers write null for an empty list.
    #[serde(default)]
    items: Option<Vec<Box<RawValue>>>,
}

#[derive(Default, Deserialize)]
struct RawListMeta {
    #[serde(rename = "resourceVersion", default)]
    resource_version: String,
    #[serde(rename = "continue", default)]
    continue_token: String,
}

#[derive(Deserialize)]
struct RawEvent<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct OnlyMeta {
    metadata: ObjectMeta,
}

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
}

impl<K: Cached> ListWatch<K> {
    /// Lists and watches for ever, in pages of 500, from the last resource version after every interruption.
    ///
    /// # Cancellation
    /// May be dropped at any time; started anew, it begins with a complete list.
    pub async fn run(self, ids: Ids, sink: &mut impl WatchSink<K>) {
        let label: Arc<str> = kind_label::<K>(&self.dt).into();
        Watcher { client: self.client.clone(), label, what: self }.run(ids, sink).await;
    }
}

struct Watcher<K: Cached> {
    what: ListWatch<K>,
    label: Arc<str>,
    client: Client,
}

impl<K: Cached> Watcher<K> {
    async fn run(mut self, ids: Ids, sink: &mut impl WatchSink<K>) {
        let mut usual = FullJitter::new(Duration::from_millis(200), Duration::from_secs(30), ids.clone());
        // Above the denial caches of kcp, which keep a refusal for 5 to 30 seconds.
        let mut refused = FullJitter::new(Duration::from_secs(5), Duration::from_secs(300), ids);
        let mut version: Option<String> = None;
        loop {
            let result = match version.take() {
                None => self.list(sink).await.map(Some),
                Some(mut at) => match self.watch(&mut at, sink).await {
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
                    usual.reset();
                    refused.reset();
                    if next.is_none() {
                        sink.seen(Seen::Expired).await;
                    }
                    version = next;
                }
                Err(error) => {
                    let code = error.code();
                    let wait = if code == 403 { refused.next_delay() } else { usual.next_delay() };
                    sink.seen(Seen::Fault { reason: error.to_string(), code }).await;
                    tokio::time::sleep(wait).await;
                    // A refusal may have changed what is visible, and old versions may be gone: be sure.
                    if code == 403 || code == 404 {
                        version = None;
                    }
                }
            }
        }
    }

    /// A complete list in pages; the resource version to watch from.
    async fn list(&mut self, sink: &mut impl WatchSink<K>) -> Result<String, WatchError> {
        let _permit = sink.list_permit().await;
        let request = Request::new(K::url_path(&self.what.dt, None));
        let mut params = ListParams {
            field_selector: self.what.field_selector.clone(),
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
                return Err(self.refused(verb, status.code, status.message));
            }
            Ok(Err(error)) => return Err(self.request_error(verb, error)),
            Err(_) => return Err(WatchError::Timeout { verb, kind: self.label.clone() }),
        };
        if response.status().is_success() {
            return Ok(response);
        }
        let code = response.status().as_u16();
        let body = tokio::time::timeout(ANSWER, response.into_body().collect()).await;
        let text =
            body.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let message = match serde_json::from_slice::<Status>(&text) {
            Ok(status) => status.message,
            Err(_) => String::from_utf8_lossy(&text[..text.len().min(200)]).trim().to_owned(),
        };
        Err(self.refused(verb, code, message))
    }

    /// Watches until the server or an error ends it; `version` always names the last event seen.
    async fn watch(
        &mut self,
        version: &mut String,
        sink: &mut impl WatchSink<K>,
    ) -> Result<Ended, WatchError> {
        let mut stream = self.open(version).await?;
        sink.seen(Seen::Healthy).await;
        let mut buffer = bytes::BytesMut::new();
        loop {
            let frame = match tokio::time::timeout(SILENCE, stream.frame()).await {
                Ok(frame) => frame,
                Err(_) => {
                    // The connection may be dead without anybody having said so. A second watch from the last version misses nothing.
                    if let Some(redial) = &self.what.redial {
                        self.client = redial().map_err(|error| self.request_error("watch", error))?;
                    }
                    stream = self.open(version).await?;
                    buffer.clear();
                    continue;
                }
            };
            let data = match frame {
                None => return Ok(Ended::Closed),
                Some(Err(error)) => return Err(self.request_error("watch", error)),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => data,
                    Err(_) => continue,
                },
            };
            buffer.extend_from_slice(&data);
            while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                let line = buffer.split_to(end + 1);
                if let Some(ended) = self.event(&line, version, sink).await? {
                    return Ok(ended);
                }
            }
            if buffer.len() > LINE_MAX {
                return Err(self.garbled("watch", "an event is longer than 64 MiB"));
            }
        }
    }

    async fn open(&self, version: &str) -> Result<Body, WatchError> {
        let request = Request::new(K::url_path(&self.what.dt, None));
        let params = WatchParams {
            timeout: Some(WATCH_SECONDS),
            field_selector: self.what.field_selector.clone(),
            ..WatchParams::default()
        };
        let built = request
            .watch(&params, version)
            .map_err(|source| self.request_error("watch", kube::Error::BuildRequest(source)))?;
        Ok(self.send("watch", &self.client, built).await?.into_body())
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
                return Err(self.refused("watch", status.code, status.message));
            }
            other => {
                tracing::debug!(event = other, "watch sent an event of a type that is not known");
                None
            }
        };
        if let Some(seen) = seen {
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

    fn refused(&self, verb: &'static str, code: u16, message: String) -> WatchError {
        WatchError::Refused { verb, kind: self.label.clone(), code, message }
    }

    fn request_error(&self, verb: &'static str, source: kube::Error) -> WatchError {
        WatchError::Request { verb, kind: self.label.clone(), source: Box::new(source) }
    }

    fn garbled(&self, verb: &'static str, why: &str) -> WatchError {
        WatchError::Garbled { verb, kind: self.label.clone(), why: why.to_owned() }
    }
}
