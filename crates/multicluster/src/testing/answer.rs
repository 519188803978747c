//! From a request to an answer.

use std::{collections::HashMap, convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use serde_json::{Value, json};

use super::{
    Inner, Streaming, Visible,
    objects::{Address, Event, Objects},
};

pub(super) type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// What a path means.
struct Target {
    cluster: String,
    group: String,
    version: String,
    plural: String,
    namespace: Option<String>,
    name: Option<String>,
    status: bool,
}

impl Target {
    fn parse(rest: &str) -> Option<Self> {
        let mut parts = rest.split('/');
        let cluster = parts.next()?.to_owned();
        let (group, version) = match parts.next()? {
            "api" => (String::new(), parts.next()?.to_owned()),
            "apis" => (parts.next()?.to_owned(), parts.next()?.to_owned()),
            _ => return None,
        };
        let rest: Vec<&str> = parts.collect();
        let (namespace, rest) = match rest.as_slice() {
            ["namespaces", namespace, tail @ ..] if !tail.is_empty() => {
                (Some((*namespace).to_owned()), tail.to_vec())
            }
            all => (None, all.to_vec()),
        };
        let mut rest = rest.into_iter();
        let plural = rest.next()?.to_owned();
        let name = rest.next().map(str::to_owned);
        let status = rest.next() == Some("status");
        Some(Target { cluster, group, version, plural, namespace, name, status })
    }

    fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    fn address(&self, name: &str) -> Address {
        Address::new(&self.cluster, &self.group, &self.plural, self.namespace.as_deref(), name)
    }

    fn has(&self, address: &Address) -> bool {
        address.group == self.group
            && address.plural == self.plural
            && (self.cluster == "*" || self.cluster == address.cluster)
            && (self.namespace.is_none() || self.namespace == address.namespace)
    }
}

pub(super) async fn answer<B>(inner: Arc<Inner>, request: Request<B>) -> Result<Answer, Infallible>
where
    B: http_body::Body<Data = Bytes> + Send,
{
    let (parts, body) = request.into_parts();
    let path_and_query = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    inner.requests.lock().push(format!("{} {path_and_query}", parts.method));
    // Clients in Go write `%2A` for the `*` of all clusters.
    let Some(path) = decoded(parts.uri.path()) else {
        return Ok(failure(400, "BadRequest", "the path is not valid"));
    };
    let path = path.as_str();
    if let Some((_, rest)) = inner.route(path)
        && rest.split_once('/').is_some_and(|(_, rest)| rest == "version")
    {
        return Ok(ok(200, &version()));
    }
    if let Some((_, rest)) = inner.route(path)
        && let Some(document) = discovery(&inner, rest)
    {
        return Ok(document.map_or_else(|| not_found(path), |document| ok(200, &document)));
    }
    let Some((visible, target)) =
        inner.route(path).and_then(|(visible, rest)| Some((visible, Target::parse(rest)?)))
    else {
        return Ok(failure(404, "NotFound", &format!("no such path `{path}`")));
    };
    let query: HashMap<String, String> =
        parts.uri.query().unwrap_or_default().split('&').filter_map(pair).collect();
    let data = body.collect().await.ok().map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let value: Value = serde_json::from_slice(&data).unwrap_or_default();
    let content =
        parts.headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    Ok(match (&parts.method, &target.name) {
        (&Method::GET, None) if query.get("watch").is_some_and(|watch| watch == "true" || watch == "1") => {
            watch(inner, target, visible, &query)
        }
        (&Method::GET, None) => list(&inner, &target, &visible, &query),
        (&Method::GET, Some(name)) => {
            let found = inner.objects.lock().stored(&target.address(name));
            let found = found.filter(|object| visible.sees(&object.value));
            found.map_or_else(|| not_found(name), |object| text(200, object.text().to_owned()))
        }
        (&Method::POST, None) => create(&inner, &target, value),
        (&Method::PUT | &Method::PATCH, Some(name)) => {
            let apply = content.contains("apply-patch");
            let result = write(&inner, &target, name, &parts.method, content, value, &visible);
            inner.tick.send_modify(|tick| *tick += 1);
            match result {
                Err((404, _)) if apply => {
                    create(&inner, &target, serde_json::from_slice(&data).unwrap_or_default())
                }
                Err((404, _)) => not_found(name),
                Err((409, why)) => failure(409, "Conflict", &why),
                Err((code, why)) => failure(code, "Invalid", &why),
                Ok(object) => ok(200, &object),
            }
        }
        (&Method::DELETE, Some(name)) => delete(&inner, &target, name),
        (method, _) => failure(405, "MethodNotAllowed", &format!("{method} is not served here")),
    })
}

/// What a path of discovery says: nothing where it is none, and an empty answer where nothing of the kind is served.
#[expect(
    clippy::option_option,
    reason = "not a path of discovery, and a path that leads nowhere, are answered differently"
)]
fn discovery(inner: &Inner, rest: &str) -> Option<Option<Value>> {
    let kinds = &inner.objects.lock().kinds;
    let parts: Vec<&str> = rest.split('/').skip(1).collect();
    Some(match parts.as_slice() {
        ["api"] => Some(kinds.versions()),
        ["apis"] => Some(kinds.groups()),
        ["apis", group] => kinds.group(group),
        ["api", version] => kinds.resources("", version),
        ["apis", group, version] => kinds.resources(group, version),
        _ => return None,
    })
}

/// What clients ask a server to see whether it is there.
fn version() -> Value {
    json!({"major": "1", "minor": "36", "gitVersion": "v1.36.0", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z", "goVersion": "none", "compiler": "none", "platform": "none"})
}

fn pair(text: &str) -> Option<(String, String)> {
    let (key, value) = text.split_once('=')?;
    Some((key.to_owned(), decoded(&value.replace('+', " "))?))
}

/// A text without its `%7E`.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let pair = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn list(inner: &Inner, target: &Target, visible: &Visible, query: &HashMap<String, String>) -> Answer {
    let limit = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
    let after = match query.get("continue").map(|token| Address::from_token(token)) {
        Some(None) => return failure(410, "Expired", "the continue token is too old"),
        token => token.flatten(),
    };
    let objects = inner.objects.lock();
    let mut found = objects
        .of_kind(&target.group, &target.plural, after)
        .filter(|(address, object)| target.has(address) && visible.sees(&object.value));
    let mut items = String::new();
    let (mut last, mut count) = (None, 0);
    for (address, object) in found.by_ref().take(limit) {
        if count > 0 {
            items.push(',');
        }
        items.push_str(object.text());
        (last, count) = (Some(address.clone()), count + 1);
    }
    let mut metadata = json!({ "resourceVersion": objects.revision.to_string() });
    if found.next().is_some()
        && let Some(last) = last
    {
        metadata["continue"] = json!(last.token());
    }
    let version = target.api_version();
    let kind = list_kind(&objects, target);
    text(
        200,
        format!(r#"{{"kind":"{kind}","apiVersion":"{version}","metadata":{metadata},"items":[{items}]}}"#),
    )
}

/// Clients in other languages check the kind of a list.
fn list_kind(objects: &Objects, target: &Target) -> String {
    let kind = objects.kinds.name(&target.group, &target.plural);
    kind.map_or_else(|| "List".to_owned(), |kind| format!("{kind}List"))
}

/// How far a watch has come: an object of the watched kind that has a version and nothing else.
fn bookmark(objects: &Objects, target: &Target, revision: u64) -> Value {
    let kind = objects.kinds.name(&target.group, &target.plural).unwrap_or("Bookmark");
    json!({"kind": kind, "apiVersion": target.api_version(), "metadata": {"resourceVersion": revision.to_string()}})
}

fn create(inner: &Inner, target: &Target, mut object: Value) -> Answer {
    if let Some(namespace) = &target.namespace {
        object["metadata"]["namespace"] = json!(namespace);
    }
    if target.cluster == "*" {
        return failure(405, "MethodNotAllowed", "create is not served over all clusters");
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let address = target.address(&name);
    let mut objects = inner.objects.lock();
    if name.is_empty() {
        return failure(422, "Invalid", "metadata.name is required");
    }
    if objects.get(&address).is_some() {
        return failure(409, "AlreadyExists", &format!("`{name}` already exists"));
    }
    let object = objects.put(address, object);
    drop(objects);
    inner.tick.send_modify(|tick| *tick += 1);
    ok(201, &object)
}

fn write(
    inner: &Inner,
    target: &Target,
    name: &str,
    method: &Method,
    content: &str,
    body: Value,
    visible: &Visible,
) -> Result<Value, (u16, String)> {
    let address = target.address(name);
    let mut objects = inner.objects.lock();
    let old = objects.get(&address).filter(|object| visible.sees(object)).ok_or((404, String::new()))?;
    let mut new = old.clone();
    if method == Method::PUT {
        new = body;
    } else if content.contains("json-patch") {
        let patch: json_patch::Patch =
            serde_json::from_value(body).map_err(|error| (400, error.to_string()))?;
        json_patch::patch(&mut new, &patch).map_err(|error| (422, error.to_string()))?;
    } else {
        json_patch::merge(&mut new, &body);
    }
    let version = &new["metadata"]["resourceVersion"];
    if !version.is_null() && *version != old["metadata"]["resourceVersion"] {
        return Err((
            409,
            "the object has been modified; please apply your changes to the latest version".into(),
        ));
    }
    // The status is written through its subresource only, and the rest never through it.
    if target.status {
        let status = new["status"].take();
        let finalizers = old["metadata"]["finalizers"].clone();
        new = old.clone();
        new["status"] = status;
        if !finalizers.is_null() {
            new["metadata"]["finalizers"] = finalizers;
        }
    } else if !old["status"].is_null() {
        new["status"] = old["status"].clone();
    }
    if same(&old, &new) {
        return Ok(old);
    }
    let gone = !new["metadata"]["deletionTimestamp"].is_null()
        && new["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty);
    let written = objects.put(address.clone(), new);
    if gone {
        objects.remove(&address);
    }
    Ok(written)
}

fn same(old: &Value, new: &Value) -> bool {
    let without = |object: &Value| {
        let mut object = object.clone();
        object["metadata"]["resourceVersion"] = Value::Null;
        object
    };
    without(old) == without(new)
}

fn delete(inner: &Inner, target: &Target, name: &str) -> Answer {
    let address = target.address(name);
    let mut objects = inner.objects.lock();
    let Some(mut object) = objects.get(&address) else { return not_found(name) };
    if object["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty) {
        objects.remove(&address);
    } else if object["metadata"]["deletionTimestamp"].is_null() {
        object["metadata"]["deletionTimestamp"] = json!("2024-01-01T00:00:00Z");
        object = objects.put(address, object);
    }
    drop(objects);
    inner.tick.send_modify(|tick| *tick += 1);
    ok(200, &object)
}

fn watch(inner: Arc<Inner>, target: Target, visible: Visible, query: &HashMap<String, String>) -> Answer {
    let from = query.get("resourceVersion").and_then(|version| version.parse().ok());
    let bookmarks = query.get("allowWatchBookmarks").is_some_and(|value| value == "true");
    let initial = query.get("sendInitialEvents").is_some_and(|value| value == "true");
    let streaming = *inner.streaming.lock();
    if initial && streaming == Streaming::Refused {
        return failure(
            422,
            "Invalid",
            "sendInitialEvents is forbidden for watch unless the WatchList feature is enabled",
        );
    }
    let mut first = String::new();
    let from: u64 = match from {
        Some(from) if !initial => from,
        _ => {
            // A watch without a version begins with what is there, whether it knows the parameter or not.
            let objects = inner.objects.lock();
            let there = objects.of_kind(&target.group, &target.plural, None);
            for (_, object) in
                there.filter(|(address, object)| target.has(address) && visible.sees(&object.value))
            {
                first.push_str(&line("ADDED", object.text()));
            }
            if initial && streaming == Streaming::Served {
                let mut end = bookmark(&objects, &target, objects.revision);
                end["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
                first.push_str(&line("BOOKMARK", &end.to_string()));
            }
            objects.revision
        }
    };
    let lines = lines(inner, target, visible, from, bookmarks);
    let first = futures::stream::iter((!first.is_empty()).then_some(first));
    let body = StreamBody::new(first.chain(lines).map(|line| Ok(Frame::data(Bytes::from(line)))));
    let mut response = Response::new(body.boxed_unsync());
    response.headers_mut().insert(http::header::CONTENT_TYPE, JSON);
    response
}

fn lines(
    inner: Arc<Inner>,
    target: Target,
    visible: Visible,
    from: u64,
    bookmarks: bool,
) -> impl Stream<Item = String> + Send {
    async_stream::stream! {
        let mut tick = inner.tick.subscribe();
        let mut at = from;
        loop {
            tick.mark_unchanged();
            if let Some(lag) = visible.lag() {
                tokio::time::sleep(lag).await;
            }
            if visible.is_gone() {
                return;
            }
            let events = inner.objects.lock().since(at);
            let Some(events) = events else {
                let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410, "message": "too old resource version" });
                yield line("ERROR", &status.to_string());
                return;
            };
            for event in events {
                at = event.revision;
                if let Some(line) = seen(&target, &visible, event) {
                    yield line;
                }
            }
            match tokio::time::timeout(Duration::from_secs(10), tick.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) if bookmarks => {
                    let revision = inner.objects.lock().revision;
                    // What happened since is not sent yet, so the bookmark must not pass it.
                    if inner.objects.lock().since(at).is_some_and(|events| events.iter().any(|event| target.has(&event.address))) {
                        continue;
                    }
                    at = at.max(revision);
                    let end = bookmark(&inner.objects.lock(), &target, at);
                    yield line("BOOKMARK", &end.to_string());
                }
                Err(_) => {}
            }
        }
    }
}

/// How a watch sees a change, if at all.
fn seen(target: &Target, visible: &Visible, event: Event) -> Option<String> {
    if !target.has(&event.address) {
        return None;
    }
    let was = event.old.as_ref().is_some_and(|old| visible.sees(&old.value));
    let is = event.new.as_ref().is_some_and(|new| visible.sees(&new.value));
    match (was, is) {
        (false, false) => None,
        (false, true) => event.new.map(|new| line("ADDED", new.text())),
        (true, true) => event.new.map(|new| line("MODIFIED", new.text())),
        (true, false) => {
            let mut last = event.new.or(event.old)?.value.clone();
            last["metadata"]["resourceVersion"] = json!(event.revision.to_string());
            Some(line("DELETED", &last.to_string()))
        }
    }
}

fn line(kind: &str, object: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}

const JSON: http::HeaderValue = http::HeaderValue::from_static("application/json");

fn ok(code: u16, body: &Value) -> Answer {
    text(code, body.to_string())
}

fn text(code: u16, body: String) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(body)).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(http::header::CONTENT_TYPE, JSON);
    response
}

fn failure(code: u16, reason: &str, message: &str) -> Answer {
    ok(
        code,
        &json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": reason, "code": code, "message": message }),
    )
}

fn not_found(name: &str) -> Answer {
    failure(404, "NotFound", &format!("`{name}` not found"))
}
