//! A kcp in a few hundred lines: enough of its API, and of what it does with workspaces, to run the operator against.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, dead_code)]

mod objects;

use std::{
    convert::Infallible,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use account_controller::{Options, Parts, run};
use bytes::Bytes;
use clap::Parser as _;
use futures::{StreamExt as _, stream::BoxStream};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use kube::{Client, client::Body};
use multicluster::{
    ClientSpec, ClusterId, ClusterSeed, Demux, FleetEvent, Gone, Provider, ProviderError, ProviderName,
    ScopeId, WatchScope, prefix_client,
};
use objects::State;
use runtime::{Clock, Metrics, Ops, Seed, Stop};
use serde_json::{Value, json};
use tokio::sync::watch;

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

pub const ORGS: &str = "orgsid";

#[derive(Clone)]
pub struct FakeKcp {
    state: Arc<Mutex<State>>,
    clusters: watch::Sender<Vec<(String, String)>>,
    engage_after: Duration,
}

impl FakeKcp {
    /// A kcp with `root:orgs` and nothing in it.
    pub fn new() -> Self {
        let clusters = watch::Sender::new(vec![(ORGS.to_owned(), "root:orgs".to_owned())]);
        Self { state: Arc::default(), clusters, engage_after: Duration::ZERO }
    }

    /// Providers hear of a new workspace only after this long.
    pub fn engaging_after(mut self, delay: Duration) -> Self {
        self.engage_after = delay;
        self
    }

    pub fn create(&self, cluster: &str, plural: &str, object: Value) {
        let made = self.state.lock().unwrap().create(cluster, plural, object);
        assert!(made.is_ok(), "{made:?}");
        self.settle();
    }

    pub fn create_account(&self, cluster: &str, name: &str, kind: &str) {
        let spec = json!({"type": kind, "displayName": name, "creator": "ann@acme.test"});
        self.create(
            cluster,
            "accounts",
            json!({"apiVersion": "core.platform-mesh.io/v1alpha1", "kind": "Account",
            "metadata": {"name": name}, "spec": spec}),
        );
    }

    pub fn get(&self, cluster: &str, plural: &str, name: &str) -> Option<Value> {
        self.state.lock().unwrap().get(cluster, plural, name)
    }

    /// Logical cluster of a workspace.
    pub fn cluster_of(&self, parent: &str, workspace: &str) -> String {
        self.get(parent, "workspaces", workspace).unwrap()["spec"]["cluster"].as_str().unwrap().to_owned()
    }

    pub fn merge(&self, cluster: &str, plural: &str, name: &str, patch: Value) {
        let done = self.state.lock().unwrap().patch(cluster, plural, name, patch, false);
        assert!(done.is_ok(), "{done:?}");
        self.settle();
    }

    pub fn delete(&self, cluster: &str, plural: &str, name: &str) {
        let done = self.state.lock().unwrap().delete(cluster, plural, name, None);
        assert!(done.is_ok(), "{done:?}");
        self.settle();
    }

    /// Every write that a client sent: `POST orgsid/workspaces`.
    pub fn writes(&self) -> Vec<String> {
        self.state.lock().unwrap().writes.clone()
    }

    /// Whether an object was ever as described.
    pub fn ever_saw(&self, plural: &str, holds: impl Fn(&Value) -> bool) -> bool {
        self.state.lock().unwrap().history(plural).any(holds)
    }

    /// Answers the next write of this kind with a conflict.
    pub fn conflict_once(&self, method: &str, plural: &str) {
        self.state.lock().unwrap().conflicts.push(format!("{method} {plural}"));
    }

    /// Waits until a predicate on an object holds, in simulated time.
    #[track_caller]
    pub fn sees<'a>(
        &'a self,
        cluster: &'a str,
        plural: &'a str,
        name: &'a str,
        what: &'a str,
        holds: impl Fn(Option<&Value>) -> bool + 'a,
    ) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            for _ in 0..4000 {
                let object = self.get(cluster, plural, name);
                if holds(object.as_ref()) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            panic!(
                "{caller}: {plural}/{name} in {cluster} never {what}: {:#?}",
                self.get(cluster, plural, name)
            );
        }
    }

    #[track_caller]
    pub fn is_ready<'a>(&'a self, cluster: &'a str, account: &'a str) -> impl Future<Output = ()> + 'a {
        self.sees(cluster, "accounts", account, "is ready", |object| {
            object.is_some_and(|object| condition(object, "Ready")["status"] == "True")
        })
    }

    #[track_caller]
    pub fn is_gone<'a>(
        &'a self,
        cluster: &'a str,
        plural: &'a str,
        name: &'a str,
    ) -> impl Future<Output = ()> + 'a {
        self.sees(cluster, plural, name, "is gone", |object| object.is_none())
    }

    /// What kcp's own controllers do after each write.
    fn settle(&self) {
        let paths = self.clusters.borrow().clone();
        let (engage, disengage) = self.state.lock().unwrap().react(&paths);
        if !engage.is_empty() || !disengage.is_empty() {
            self.clusters.send_modify(|clusters| {
                clusters.extend(engage);
                clusters.retain(|(id, _)| !disengage.contains(id));
            });
        }
    }

    pub fn client(&self) -> Client {
        let kcp = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let kcp = kcp.clone();
            async move { Ok::<_, Infallible>(kcp.answer(request).await) }
        });
        Client::new(service, "default")
    }

    async fn answer(&self, request: Request<Body>) -> Answer {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body: Value = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        let path: Vec<String> = parts.uri.path().trim_matches('/').split('/').map(str::to_owned).collect();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let [_, cluster, _, _, _, plural, rest @ ..] = path.as_slice() else {
            return status(404, "NotFound", parts.uri.path());
        };
        if parts.method == Method::GET && query.contains("watch=true") {
            return self.watch(plural, &query);
        }
        let answer = {
            let mut state = self.state.lock().unwrap();
            if parts.method != Method::GET {
                state.writes.push(format!("{} {cluster}/{plural}", parts.method));
            }
            let wish = format!("{} {plural}", parts.method);
            if let Some(at) = state.conflicts.iter().position(|conflict| *conflict == wish) {
                state.conflicts.remove(at);
                Err((409, "Conflict"))
            } else {
                let name = rest.first().map_or("", String::as_str);
                match parts.method {
                    Method::GET if name.is_empty() => Ok(state.list(cluster, plural)),
                    Method::GET => state.get(cluster, plural, name).ok_or((404, "NotFound")),
                    Method::POST => state.create(cluster, plural, body),
                    Method::PATCH => state.patch(cluster, plural, name, body, rest.len() > 1),
                    Method::DELETE => {
                        state.delete(cluster, plural, name, body["preconditions"]["uid"].as_str())
                    }
                    _ => Err((405, "MethodNotAllowed")),
                }
            }
        };
        self.settle();
        match answer {
            Ok(object) => whole(&object),
            Err((code, reason)) => status(code, reason, parts.uri.path()),
        }
    }

    fn watch(&self, plural: &str, query: &str) -> Answer {
        let from = query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion=")).unwrap_or("0");
        let (past, live) = self.state.lock().unwrap().watch(plural, from.parse().unwrap_or(0));
        let live =
            futures::stream::unfold(
                live,
                |mut live| async move { live.recv().await.map(|event| (event, live)) },
            );
        let stream = futures::stream::iter(past).chain(live).map(|event: Value| {
            Ok::<_, Infallible>(http_body::Frame::data(Bytes::from(format!("{event}\n"))))
        });
        Response::new(StreamBody::new(stream).boxed_unsync())
    }
}

pub fn condition(object: &Value, kind: &str) -> Value {
    let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|condition| condition["type"] == kind).unwrap_or_default()
}

fn whole(body: &Value) -> Answer {
    Response::new(Full::new(Bytes::from(body.to_string())).boxed_unsync())
}

fn status(code: u16, reason: &str, message: &str) -> Answer {
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "reason": reason, "message": message});
    let mut response = whole(&body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    response
}

impl Provider for FakeKcp {
    fn name(&self) -> ProviderName {
        "core".into()
    }

    fn fleet(self: Arc<Self>) -> BoxStream<'static, Result<FleetEvent, ProviderError>> {
        let base = self.client();
        let scope = ScopeId::from("fake");
        let seed = {
            let (base, scope) = (base.clone(), scope.clone());
            move |id: &str, path: &str| ClusterSeed {
                id: id.into(),
                scope: scope.clone(),
                aliases: vec![path.into()],
                client: ClientSpec::Prefix { base: base.clone(), path: format!("/clusters/{id}").into() },
                meta: Arc::default(),
            }
        };
        let demux = Demux::Meta(Arc::new(|meta| {
            meta.annotations
                .as_ref()
                .and_then(|all| all.get("kcp.io/cluster"))
                .map(|id| ClusterId::from(id.as_str()))
        }));
        let up = WatchScope {
            id: scope.clone(),
            client: prefix_client(&base, "/clusters/*"),
            redial: None,
            demux,
        };
        let mut changes = self.clusters.subscribe();
        let first = changes.borrow_and_update().clone();
        let mut start = vec![Ok(FleetEvent::Init), Ok(FleetEvent::ScopeUp(up))];
        start.extend(first.iter().map(|(id, path)| Ok(FleetEvent::Up(seed(id, path)))));
        start.push(Ok(FleetEvent::InitDone));
        let delay = self.engage_after;
        let later = futures::stream::unfold((changes, first), move |(mut changes, known)| {
            let (seed, scope) = (seed.clone(), scope.clone());
            async move {
                changes.changed().await.ok()?;
                tokio::time::sleep(delay).await;
                let now = changes.borrow_and_update().clone();
                let mut events: Vec<Result<FleetEvent, ProviderError>> = Vec::new();
                events.extend(
                    now.iter()
                        .filter(|one| !known.contains(one))
                        .map(|(id, path)| Ok(FleetEvent::Up(seed(id, path)))),
                );
                events.extend(known.iter().filter(|one| !now.contains(one)).map(|(id, _)| {
                    Ok(FleetEvent::Down { id: id.as_str().into(), scope: scope.clone(), why: Gone::Removed })
                }));
                Some((futures::stream::iter(events), (changes, now)))
            }
        });
        futures::stream::iter(start).chain(later.flatten()).boxed()
    }
}

pub fn parts(kcp: &FakeKcp) -> Parts {
    Parts {
        provider: Arc::new(kcp.clone()),
        ca: "CA".to_owned(),
        runtime: None,
        webhook: None,
        clock: Clock::simulated("2026-01-02T03:04:05Z".parse().unwrap()),
        ids: Seed::from(7).ids("operator"),
        ops: Ops::new(Metrics::new()),
    }
}

/// Runs the operator with these flags while `story` goes on, then stops it.
pub async fn with_operator(kcp: &FakeKcp, flags: &[&str], story: impl Future<Output = ()>) {
    let mut line =
        vec!["account-operator", "--webhooks-additional-account-types=account", "--shutdown-timeout=5s"];
    line.extend(flags);
    let stop = Stop::new();
    let operator = run(Options::parse_from(line), parts(kcp), stop.clone());
    let story = async {
        story.await;
        stop.stop();
    };
    let (ended, ()) = tokio::join!(operator, story);
    ended.unwrap();
}
