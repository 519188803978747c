//! The lifecycle's contract: results, conditions, finalizers, markers, guarded writes. Against the in-process server, without a fleet.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{sync::Arc, time::Duration};

use kube::{api::DynamicObject, core::ApiResource};
use multicluster::{
    Action, Cluster, ClusterKey, Cx, Fleet, ObjectKey, dynamic_kind,
    lifecycle::{Lifecycle, LifecycleError, Outcome, Roles, SubError, Subroutine},
    testing::FakeServer,
};
use parking_lot::Mutex;
use serde_json::{Value, json};

type Script = Arc<dyn Fn() -> Result<Outcome, SubError> + Send + Sync>;

#[derive(Clone)]
struct Step {
    name: &'static str,
    finalizer: Option<&'static str>,
    log: Arc<Mutex<Vec<String>>>,
    says: Script,
}

impl Subroutine<DynamicObject, ()> for Step {
    fn name(&self) -> &'static str {
        self.name
    }
    fn roles(&self) -> Roles {
        let all = Roles::PROCESS.and(Roles::INITIALIZE).and(Roles::TERMINATE);
        if self.finalizer.is_some() { all.and(Roles::FINALIZE) } else { all }
    }
    fn finalizers(&self, _: &DynamicObject) -> Vec<&'static str> {
        self.finalizer.into_iter().collect()
    }
    async fn process(&self, object: &mut DynamicObject, _: &Cx<()>) -> Result<Outcome, SubError> {
        self.log.lock().push(format!("process {}", self.name));
        object.data["status"]["by"] = json!(self.name);
        (self.says)()
    }
    async fn finalize(&self, _: &mut DynamicObject, _: &Cx<()>) -> Result<Outcome, SubError> {
        self.log.lock().push(format!("finalize {}", self.name));
        (self.says)()
    }
    async fn initialize(&self, _: &mut DynamicObject, _: &Cx<()>) -> Result<Outcome, SubError> {
        self.log.lock().push(format!("initialize {}", self.name));
        (self.says)()
    }
}

struct Bench {
    server: FakeServer,
    log: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    fn new(object: Value) -> Self {
        let server = FakeServer::new();
        server.put("c", object, "accounts");
        Bench { server, log: Arc::default() }
    }

    fn step(
        &self,
        name: &'static str,
        says: impl Fn() -> Result<Outcome, SubError> + Send + Sync + 'static,
    ) -> Step {
        Step { name, finalizer: None, log: self.log.clone(), says: Arc::new(says) }
    }

    fn now(&self) -> Value {
        self.server.get("c", "test.io", "accounts", None, "a").unwrap()
    }

    async fn pass(&self, lifecycle: &Lifecycle<DynamicObject, ()>) -> Result<Action, LifecycleError> {
        self.pass_on(lifecycle, self.now()).await
    }

    async fn pass_on(
        &self,
        lifecycle: &Lifecycle<DynamicObject, ()>,
        seen: Value,
    ) -> Result<Action, LifecycleError> {
        let cluster = Cluster::detached(ClusterKey::new("core", "c"), self.server.cluster("c"));
        let cx = Cx::detached(Arc::new(()), Fleet::empty(), cluster, ObjectKey::named("a"));
        lifecycle.reconcile(Arc::new(serde_json::from_value(seen).unwrap()), cx).await
    }

    fn condition(&self, type_: &str) -> (String, String, String) {
        let now = self.now();
        let list = now["status"]["conditions"].as_array().unwrap();
        let found = list.iter().find(|condition| condition["type"] == type_).unwrap();
        let text = |field: &str| found[field].as_str().unwrap().to_owned();
        (text("status"), text("reason"), text("message"))
    }
}

/// What the first step says; then the requeue, its condition, `Ready`, and whether the chain goes on.
type Case = (fn() -> Result<Outcome, SubError>, Option<u64>, [&'static str; 3], [&'static str; 3], bool);

fn kind() -> ApiResource {
    dynamic_kind("test.io", "v1", "Account", "accounts")
}

fn lifecycle() -> Lifecycle<DynamicObject, ()> {
    Lifecycle::new_with("account", kind()).conditions()
}

fn account(extra: Value) -> Value {
    let mut object = json!({"apiVersion": "test.io/v1", "kind": "Account", "metadata": {"name": "a"}, "spec": {"kept": {"x": 1}}});
    json_patch::merge(&mut object, &extra);
    object
}

fn triple(status: &str, reason: &str, message: &str) -> (String, String, String) {
    (status.into(), reason.into(), message.into())
}

#[tokio::test]
async fn finalizers_are_added_all_at_once_before_any_work() {
    let bench = Bench::new(account(json!({"metadata": {"finalizers": ["other"]}})));
    let with =
        |name, finalizer| Step { finalizer: Some(finalizer), ..bench.step(name, || Ok(Outcome::ok())) };
    let lifecycle = lifecycle().with(with("One", "f/one")).with(with("Two", "f/two"));
    assert_eq!(bench.pass(&lifecycle).await.unwrap(), Action::await_change());
    assert_eq!(bench.now()["metadata"]["finalizers"], json!(["other", "f/one", "f/two"]));
    assert!(bench.log.lock().is_empty());
    bench.pass(&lifecycle).await.unwrap();
    assert_eq!(*bench.log.lock(), ["process One", "process Two"]);
}

#[tokio::test]
async fn deletion_runs_in_reverse_and_releases_only_what_is_done() {
    let deleting =
        json!({"metadata": {"finalizers": ["f/one", "f/two"], "deletionTimestamp": "2024-01-01T00:00:00Z"}});
    let bench = Bench::new(account(deleting));
    let blocked = Arc::new(Mutex::new(true));
    let asks = blocked.clone();
    let one = bench.step("One", move || {
        Ok(if *asks.lock() {
            Outcome::stop_for(Duration::from_secs(5), "children left")
        } else {
            Outcome::ok()
        })
    });
    let two = bench.step("Two", || Ok(Outcome::ok()));
    let lifecycle = lifecycle()
        .with(Step { finalizer: Some("f/one"), ..one })
        .with(Step { finalizer: Some("f/two"), ..two });
    assert_eq!(bench.pass(&lifecycle).await.unwrap(), Action::requeue(Duration::from_secs(5)));
    assert_eq!(*bench.log.lock(), ["finalize Two", "finalize One"]);
    assert_eq!(bench.now()["metadata"]["finalizers"], json!(["f/one"]));
    assert_eq!(bench.condition("OneFinalize"), triple("False", "Stopped", "children left"));
    assert_eq!(bench.condition("TwoFinalize"), triple("True", "Complete", ""));
    *blocked.lock() = false;
    assert_eq!(bench.pass(&lifecycle).await.unwrap(), Action::await_change());
    assert!(bench.server.get("c", "test.io", "accounts", None, "a").is_none());
}

#[tokio::test]
async fn results_become_conditions_requeues_and_ready() {
    let says: [Case; 7] = [
        (
            || Ok(Outcome::ok()),
            None,
            ["True", "Complete", ""],
            ["True", "Complete", "all subroutines completed successfully"],
            true,
        ),
        (
            || Ok(Outcome::ok_after(Duration::from_secs(9))),
            Some(7),
            ["True", "Complete", ""],
            ["True", "Complete", "all subroutines completed successfully"],
            true,
        ),
        (
            || Ok(Outcome::pending(Duration::from_secs(3), "waits")),
            Some(3),
            ["Unknown", "Pending", "waits"],
            ["Unknown", "Pending", "one or more subroutines are pending"],
            true,
        ),
        (
            || Ok(Outcome::stop("no")),
            None,
            ["False", "Stopped", "no"],
            ["False", "Stopped", "one or more subroutines stopped the chain"],
            false,
        ),
        (
            || Ok(Outcome::skipped("none here")),
            None,
            ["True", "Skipped", "none here"],
            ["True", "Complete", "all subroutines completed successfully"],
            true,
        ),
        (
            || Ok(Outcome::skip_rest(false, "not now")),
            None,
            ["False", "Stopped", "not now"],
            ["False", "Stopped", "one or more subroutines stopped the chain"],
            false,
        ),
        (
            || Err("broken".into()),
            None,
            ["False", "Error", "broken"],
            ["False", "Error", "one or more subroutines encountered an error"],
            false,
        ),
    ];
    for (at, (say, requeue, own, ready, goes_on)) in says.into_iter().enumerate() {
        let bench = Bench::new(account(json!({})));
        let second =
            move || Ok(if at == 1 { Outcome::ok_after(Duration::from_secs(7)) } else { Outcome::ok() });
        let lifecycle = lifecycle().with(bench.step("One", say)).with(bench.step("Two", second));
        let action = bench.pass(&lifecycle).await;
        assert_eq!(bench.condition("One"), triple(own[0], own[1], own[2]), "case {at}");
        assert_eq!(bench.condition("Ready"), triple(ready[0], ready[1], ready[2]), "case {at}");
        assert_eq!(bench.log.lock().len() == 2, goes_on, "case {at}");
        match at {
            6 => assert_eq!(action.unwrap_err().to_string(), "subroutine `One` failed to process: broken"),
            _ => assert_eq!(action.unwrap().requeue_after(), requeue.map(Duration::from_secs), "case {at}"),
        }
        if at == 5 {
            assert_eq!(bench.condition("Two"), triple("False", "Skipped", "not now"));
        }
        assert!(bench.now()["status"]["by"].is_string(), "progress is written even after a failure");
        assert_eq!(bench.now()["spec"], json!({"kept": {"x": 1}}));
    }
}

#[tokio::test]
async fn a_pass_that_changes_nothing_writes_nothing() {
    let bench = Bench::new(account(json!({})));
    let lifecycle = lifecycle().with(bench.step("One", || Ok(Outcome::ok())));
    bench.pass(&lifecycle).await.unwrap();
    let before = (bench.now(), bench.server.count("PATCH"));
    assert_eq!(before.1, 1, "metadata did not differ, so only the status was written");
    bench.pass(&lifecycle).await.unwrap();
    assert_eq!((bench.now(), bench.server.count("PATCH")), before);
}

#[tokio::test]
async fn a_write_over_somebody_elses_is_a_quick_retry_and_keeps_theirs() {
    let bench = Bench::new(account(json!({})));
    let seen = bench.now();
    let theirs = json!([{"type": "Foreign", "status": "True", "reason": "R", "message": "", "lastTransitionTime": "2024-01-01T00:00:00Z"}]);
    let mut newer = bench.now();
    newer["status"]["conditions"] = theirs.clone();
    bench.server.put("c", newer, "accounts");
    let lifecycle = lifecycle().with(bench.step("One", || Ok(Outcome::ok())));
    assert_eq!(bench.pass_on(&lifecycle, seen).await.unwrap(), Action::requeue(Duration::from_secs(1)));
    assert_eq!(bench.now()["status"]["conditions"], theirs);
    bench.pass(&lifecycle).await.unwrap();
    let conditions = bench.now()["status"]["conditions"].clone();
    let types: Vec<_> =
        conditions.as_array().unwrap().iter().map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["Foreign", "One", "Ready"]);
}

#[tokio::test]
async fn an_initializer_is_removed_once_everything_is_done_and_not_before() {
    let bench = Bench::new(account(json!({"status": {"initializers": ["x:security", "y"]}})));
    let ready = Arc::new(Mutex::new(false));
    let asks = ready.clone();
    let step = bench.step("One", move || {
        Ok(if *asks.lock() { Outcome::ok() } else { Outcome::pending(Duration::from_secs(1), "waits") })
    });
    let lifecycle = lifecycle().with(step).initializer("x:security");
    bench.pass(&lifecycle).await.unwrap();
    assert_eq!(bench.now()["status"]["initializers"], json!(["x:security", "y"]));
    *ready.lock() = true;
    bench.pass(&lifecycle).await.unwrap();
    assert_eq!(bench.now()["status"]["initializers"], json!(["y"]));
    bench.pass(&lifecycle).await.unwrap();
    assert_eq!(*bench.log.lock(), ["initialize One", "initialize One", "process One"]);
}

#[tokio::test]
async fn a_terminator_that_was_the_last_one_takes_the_field_with_it() {
    let deleting = json!({"metadata": {"finalizers": ["kcp"], "deletionTimestamp": "2024-01-01T00:00:00Z"}, "status": {"terminators": "x:security"}});
    let bench = Bench::new(account(deleting));
    let lifecycle = Lifecycle::new_with("lc", kind())
        .with(bench.step("One", || Ok(Outcome::ok())))
        .terminator("x:security");
    bench.pass(&lifecycle).await.unwrap();
    let now = bench.now();
    assert_eq!((&now["status"].get("terminators"), &now["metadata"]["finalizers"]), (&None, &json!(["kcp"])));
}

#[tokio::test]
async fn read_only_computes_and_writes_nothing() {
    let bench = Bench::new(account(json!({})));
    let step =
        Step { finalizer: Some("f"), ..bench.step("One", || Ok(Outcome::ok_after(Duration::from_secs(4)))) };
    let lifecycle = lifecycle().with(step).read_only();
    assert_eq!(bench.pass(&lifecycle).await.unwrap(), Action::requeue(Duration::from_secs(4)));
    assert_eq!((bench.server.count("PATCH"), bench.log.lock().len()), (0, 1));
}
