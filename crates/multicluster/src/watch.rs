//! The list and watch of one kind in one scope: one task, its own backoff, resuming from the last resource version.

use std::{collections::HashMap, sync::Arc, time::Duration};

use http_body_util::BodyExt as _;
use kube::{
    Client, ResourceExt as _,
    api::{ListParams, WatchParams},
    client::Body,
    core::{Request, Status},
};
use runtime::{Backoff as _, End, FullJitter};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    ClusterId, Fleet, ObjectKey,
    fleet::Scope,
    kind::{Cached, fill_types},
    store::{Place, StoreCore},
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
    metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
}

/// Starts the task; it ends when the scope closes.
pub(crate) fn start<K: Cached>(fleet: &Fleet, store: Arc<StoreCore<K>>, scope: &Arc<Scope>) {
    let watcher = Watcher {
        client: scope.client.clone(),
        store,
        scope: scope.clone(),
        fleet: fleet.clone(),
        listed: 0,
        places: HashMap::new(),
    };
    let name = format!("watch {} {}", watcher.store.label, scope.id);
    let stop = scope.stop.clone();
    fleet.tasks().spawn(name, End::MayEnd, async move {
        stop.or(watcher.run()).await;
    });
}

struct Watcher<K: Cached> {
    store: Arc<StoreCore<K>>,
    scope: Arc<Scope>,
    fleet: Fleet,
    client: Client,
    /// Which complete list is the current one.
    listed: u32,
    /// One `ClusterId` for each cluster, so that places share their text.
    places: HashMap<ClusterId, Place>,
}

impl<K: Cached> Watcher<K> {
    async fn run(mut self) {
        let ids = self.fleet.ids().part(&format!("watch/{}/{}", self.store.label, self.scope.id));
        let mut usual = FullJitter::new(Duration::from_millis(200), Duration::from_secs(30), ids.clone());
        // Above the denial caches of kcp, which keep a refusal for 5 to 30 seconds.
        let mut refused = FullJitter::new(Duration::from_secs(5), Duration::from_secs(300), ids);
        let mut version: Option<String> = None;
        loop {
            let result = match version.take() {
                None => self.list().await.map(Some),
                Some(from) => {
                    let mut at = from;
                    let ended = self.watch(&mut at).await;
                    match ended {
                        Ok(Ended::Closed) => Ok(Some(at)),
                        Ok(Ended::Expired) => {
                            self.fleet.metrics().relist(&self.store.label, "expired");
                            Ok(None)
                        }
                        Err(error) if error.code() == 410 => {
                            self.fleet.metrics().relist(&self.store.label, "expired");
                            Ok(None)
                        }
                        Err(error) => {
                            version = Some(at);
                            Err(error)
                        }
                    }
                }
            };
            match result {
                Ok(next) => {
                    usual.reset();
                    refused.reset();
                    version = next;
                    self.store.fault(self.scope.index, None);
                }
                Err(error) => {
                    let wait = if error.code() == 403 { refused.next_delay() } else { usual.next_delay() };
                    tracing::warn!(scope = %self.scope.id, %error, wait_ms = wait.as_millis() as u64, "watch interrupted");
                    self.store.fault(self.scope.index, Some(error.to_string()));
                    tokio::time::sleep(wait).await;
                    // A refusal may have changed what is visible, and old versions may be gone: be sure.
                    if error.code() == 403 || error.code() == 404 {
                        version = None;
                    }
                }
            }
        }
    }

    /// A complete list in pages; the resource version to watch from.
    async fn list(&mut self) -> Result<String, WatchError> {
        let _permit = self.scope.list_permit().await;
        self.listed = self.listed.wrapping_add(1);
        // Clusters that left must not be remembered for ever.
        self.places.clear();
        let initial = !self.store.synced_in(&self.scope);
        let request = Request::new(K::url_path(&self.store.dt, None));
        let mut params = ListParams::default().limit(500);
        loop {
            let fault = |source| self.request_error("list", kube::Error::BuildRequest(source));
            let built = request.list(&params).map_err(fault)?;
            let text = self.answer(built).await?;
            let page: RawList = serde_json::from_slice(&text).map_err(|error| WatchError::Garbled {
                verb: "list",
                kind: self.store.label.clone(),
                why: error.to_string(),
            })?;
            for item in page.items.iter().flatten() {
                self.apply(item, initial);
            }
            if page.metadata.continue_token.is_empty() {
                self.store.list_done(&self.scope, self.listed);
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
            Err(_) => Err(WatchError::Timeout { verb: "list", kind: self.store.label.clone() }),
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
            Err(_) => return Err(WatchError::Timeout { verb, kind: self.store.label.clone() }),
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
    async fn watch(&mut self, version: &mut String) -> Result<Ended, WatchError> {
        let mut stream = self.open(version).await?;
        self.store.fault(self.scope.index, None);
        let mut buffer = bytes::BytesMut::new();
        loop {
            let frame = match tokio::time::timeout(SILENCE, stream.frame()).await {
                Ok(frame) => frame,
                Err(_) => {
                    // The connection may be dead without anybody having said so. A second watch from the last version misses nothing.
                    if let Some(redial) = &self.scope.redial {
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
                if let Some(ended) = self.event(&line, version)? {
                    return Ok(ended);
                }
            }
            if buffer.len() > LINE_MAX {
                return Err(self.garbled("an event is longer than 64 MiB"));
            }
        }
    }

    async fn open(&self, version: &str) -> Result<Body, WatchError> {
        let request = Request::new(K::url_path(&self.store.dt, None));
        let params = WatchParams { timeout: Some(WATCH_SECONDS), ..WatchParams::default() };
        let built = request
            .watch(&params, version)
            .map_err(|source| self.request_error("watch", kube::Error::BuildRequest(source)))?;
        Ok(self.send("watch", &self.client, built).await?.into_body())
    }

    /// One line of a watch.
    fn event(&mut self, line: &[u8], version: &mut String) -> Result<Option<Ended>, WatchError> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(None);
        }
        let event: RawEvent<'_> =
            serde_json::from_slice(line).map_err(|error| self.garbled(&error.to_string()))?;
        match event.kind {
            "ADDED" | "MODIFIED" => {
                if let Some(seen) = self.apply(event.object, false) {
                    *version = seen;
                }
            }
            "DELETED" => {
                if let Some(seen) = self.delete(event.object) {
                    *version = seen;
                }
            }
            "BOOKMARK" => {
                if let Ok(OnlyMeta { metadata }) = serde_json::from_str(event.object.get())
                    && let Some(seen) = metadata.resource_version
                {
                    *version = seen;
                }
            }
            "ERROR" => {
                let status: Status = serde_json::from_str(event.object.get()).unwrap_or_default();
                if status.code == 410 {
                    return Ok(Some(Ended::Expired));
                }
                return Err(self.refused("watch", status.code, status.message));
            }
            other => tracing::debug!(event = other, "watch sent an event of a type that is not known"),
        }
        Ok(None)
    }

    /// Stores an object; its resource version. An object that does not parse is counted and left out, the others go on.
    fn apply(&mut self, raw: &RawValue, initial: bool) -> Option<String> {
        let mut object: K = match serde_json::from_str(raw.get()) {
            Ok(object) => object,
            Err(error) => {
                self.fleet.metrics().dropped("does_not_parse");
                tracing::warn!(kind = %self.store.label, scope = %self.scope.id, %error, "object does not parse, left out");
                // An older copy that parsed would be stale for ever.
                return self.delete(raw);
            }
        };
        fill_types(&mut object, &self.store.dt);
        object.meta_mut().managed_fields = None;
        let version = object.resource_version();
        if let Some(place) = self.place(object.meta()) {
            self.store.apply(&place, object, self.listed, initial);
        }
        version
    }

    fn delete(&mut self, raw: &RawValue) -> Option<String> {
        let OnlyMeta { metadata } = serde_json::from_str(raw.get()).ok()?;
        let place = self.place(&metadata);
        let namespace = metadata.namespace.as_deref().filter(|namespace| !namespace.is_empty());
        let key = ObjectKey {
            namespace: namespace.map(Arc::from),
            name: metadata.name.as_deref().unwrap_or_default().into(),
        };
        if let Some(place) = place {
            self.store.delete(&place, &key);
        }
        metadata.resource_version
    }

    fn place(&mut self, meta: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) -> Option<Place> {
        let Some(id) = self.scope.demux.cluster(meta) else {
            self.fleet.metrics().dropped("no_cluster");
            self.scope.say_once_a_minute(|| {
                tracing::warn!(kind = %self.store.label, scope = %self.scope.id, "object names no cluster, left out");
            });
            return None;
        };
        if let Some(place) = self.places.get(&id) {
            return Some(place.clone());
        }
        let place = Place { scope: self.scope.index, id: id.clone() };
        self.places.insert(id, place.clone());
        Some(place)
    }

    fn refused(&self, verb: &'static str, code: u16, message: String) -> WatchError {
        WatchError::Refused { verb, kind: self.store.label.clone(), code, message }
    }

    fn request_error(&self, verb: &'static str, source: kube::Error) -> WatchError {
        WatchError::Request { verb, kind: self.store.label.clone(), source: Box::new(source) }
    }

    fn garbled(&self, why: &str) -> WatchError {
        WatchError::Garbled { verb: "watch", kind: self.store.label.clone(), why: why.to_owned() }
    }
}
