//! Workspaces that wait for an initializer or terminator: they appear, are completed, and go. Paused time.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::sync::Arc;

use common::{connection, engaged, run};
use multicluster::{Fleet, Provider, testing::FakeServer};
use multicluster_kcp::{InitializingWorkspaces, TerminatingWorkspaces};
use runtime::{Fault, FaultRule};
use serde_json::{Value, json};

const INITIALIZING: &str = "/services/initializingworkspaces/p1:security";
const TERMINATING: &str = "/services/terminatingworkspaces/p1:security";

fn holds(object: &Value, field: &str) -> bool {
    object["status"][field].as_array().is_some_and(|list| list.iter().any(|one| one == "p1:security"))
}

fn server(with_types: bool) -> FakeServer {
    let server = FakeServer::new();
    server.endpoint(INITIALIZING, |object| holds(object, "initializers"));
    server.endpoint(TERMINATING, |object| holds(object, "terminators"));
    let url = |path: &str, type_: &str| match with_types {
        true => json!({ "url": format!("https://kcp.test:6443{path}"), "type": type_ }),
        false => json!({ "url": format!("https://kcp.test:6443{path}") }),
    };
    let both = json!([url(INITIALIZING, "initializing"), url(TERMINATING, "terminating")]);
    let type_ = json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "WorkspaceType", "metadata": {"name": "security"},
        "spec": {}, "status": {"virtualWorkspaces": both}});
    server.put("p1", type_, "workspacetypes");
    server
}

fn logical(markers: Value) -> Value {
    json!({"apiVersion": "core.kcp.io/v1alpha1", "kind": "LogicalCluster",
        "metadata": {"name": "cluster", "annotations": {"kcp.io/path": "root:orgs:acme"}}, "spec": {}, "status": markers})
}

async fn story(
    types: bool,
    server: FakeServer,
    provider: Arc<dyn Provider>,
    field: &str,
    work: impl AsyncFn(&Fleet),
) {
    let others = json!({ field: ["other", "p1:security", "more"] });
    server.put("c1", logical(others), "logicalclusters");
    server.put("c2", logical(json!({ field: ["other"] })), "logicalclusters");
    let fleet = Fleet::builder().shared_provider(provider).build().unwrap();
    run(&fleet, async {
        engaged(&fleet, &["c1"]).await;
        assert_eq!(fleet.resolve("root:orgs:acme").unwrap().id().as_str(), "c1", "types told: {types}");
        work(&fleet).await;
        let now = server.get("c1", "core.kcp.io", "logicalclusters", None, "cluster").unwrap();
        assert_eq!(now["status"][field], json!(["other", "more"]));
        engaged(&fleet, &[]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_workspace_that_waits_for_the_initializer_goes_once_it_is_completed() {
    for types in [true, false] {
        let server = server(types);
        let provider = Arc::new(InitializingWorkspaces::new(connection(&server), "security"));
        assert_eq!(provider.discover().await.unwrap().to_string(), "p1:security");
        let completes = provider.clone();
        story(types, server, provider, "initializers", async move |fleet| {
            let cluster = fleet.clusters().remove(0);
            completes.complete(&cluster).await.unwrap();
            completes.complete(&cluster).await.unwrap();
            assert_eq!(completes.initializer().as_deref(), Some("p1:security"));
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn completing_survives_a_lost_answer_and_a_race() {
    let server = server(true);
    let provider = Arc::new(TerminatingWorkspaces::new(connection(&server), "security"));
    let completes = provider.clone();
    let faulty = server.clone();
    story(true, server, provider, "terminators", async move |fleet| {
        let cluster = fleet.clusters().remove(0);
        faulty.faults().add(FaultRule::new(Fault::Status(409)).path("/status").times(2));
        completes.complete(&cluster).await.unwrap();
        assert_eq!(completes.terminator().as_deref(), Some("p1:security"));
    })
    .await;
}

/// Once its initializer is gone, everything of a workspace answers 403. To whoever removed it that means done, to nobody else.
#[tokio::test(start_paused = true)]
async fn a_refusal_after_completion_means_done_and_before_it_an_error() {
    let server = server(true);
    for cluster in ["c1", "c2"] {
        server.put(cluster, logical(json!({ "initializers": ["p1:security"] })), "logicalclusters");
    }
    let provider = Arc::new(InitializingWorkspaces::new(connection(&server), "security"));
    let fleet = Fleet::builder().shared_provider(provider.clone()).build().unwrap();
    run(&fleet, async {
        engaged(&fleet, &["c1", "c2"]).await;
        let clusters = fleet.clusters();
        let (done, open) = (&clusters[0], &clusters[1]);
        provider.complete(done).await.unwrap();
        server.faults().add(FaultRule::new(Fault::Status(403)).path("/logicalclusters/cluster"));
        provider.complete(done).await.unwrap();
        let refused = provider.complete(open).await.unwrap_err();
        assert!(refused.help().contains("initialize"), "{refused}");
    })
    .await;
}
