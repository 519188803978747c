//! Admission over HTTPS, beside the running operator: places are known from the fleet, and a signal ends everything.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod fake;

use std::{sync::Arc, time::Duration};

use account_controller::{Options, Parts, WebhookServer, run};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Parser as _;
use fake::{FakeKcp, ORGS, parts};
use kube::{Client, Config};
use platform_mesh_api::names;
use runtime::{Authority, Clock, Metrics, Ops, ServerNames, ServerTls, Stop, install_crypto};
use serde_json::{Value, json};
use tokio::net::TcpListener;

async fn post(client: &Client, path: &str, cluster: &str, kind: &str) -> Value {
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {"uid": "u1", "operation": "CREATE", "userInfo": {"username": "bob"},
            "object": {"metadata": {"name": "acme", "annotations": {"kcp.io/cluster": cluster}}, "spec": {"type": kind}}},
    });
    let request = http::Request::post(path).body(serde_json::to_vec(&review).unwrap()).unwrap();
    client.request::<Value>(request).await.unwrap()["response"].clone()
}

#[tokio::test]
async fn acc_n6_o7_admission_knows_places_and_a_signal_ends_everything() {
    install_crypto();
    let authority = Authority::new("test", &Clock::system()).unwrap();
    let identity = authority.issue_server("webhook", &ServerNames::local_and([])).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let tls = ServerTls::new(&identity, None).unwrap();

    let kcp = FakeKcp::new();
    let ops = Ops::new(Metrics::new());
    let parts = Parts {
        webhook: Some(WebhookServer { listener, tls }),
        ops: ops.clone(),
        clock: Clock::system(),
        ..parts(&kcp)
    };
    let options = Options::parse_from([
        "x",
        "--webhooks-enabled",
        "--webhooks-additional-account-types=account",
        "--shutdown-timeout=2s",
    ]);
    let stop = Stop::new();

    let body: String = authority.certificate_pem().lines().filter(|line| !line.starts_with("---")).collect();
    let mut config = Config::new(format!("https://127.0.0.1:{port}").parse().unwrap());
    config.root_cert = Some(vec![STANDARD.decode(body).unwrap()]);
    let client = Client::try_from(config).unwrap();

    let story = async {
        while !ops.is_ready() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let stamped = post(&client, names::ACCOUNT_MUTATE_PATH, ORGS, "org").await;
        assert_eq!(stamped["patchType"], "JSONPatch");
        for (cluster, kind, allowed) in [
            (ORGS, "org", true),
            (ORGS, "account", false),
            ("elsewhere", "org", false),
            ("elsewhere", "account", true),
        ] {
            let answer = post(&client, names::ACCOUNT_VALIDATE_PATH, cluster, kind).await;
            assert_eq!(answer["allowed"], allowed, "{kind} in {cluster}: {answer}");
        }
        stop.stop();
    };
    let both = async { tokio::join!(run(options, parts, stop.clone()), story) };
    let (ended, ()) = tokio::time::timeout(Duration::from_secs(30), both).await.unwrap();
    ended.unwrap();
}

#[tokio::test(start_paused = true)]
async fn acc_o5_leader_election_without_a_cluster_for_the_lease_is_refused() {
    let kcp = Arc::new(FakeKcp::new());
    let options = Options::parse_from(["x", "--leader-elect"]);
    let error = run(options, parts(&kcp), Stop::new()).await.unwrap_err();
    assert!(error.help().unwrap().contains("--runtime-kubeconfig"), "{error}");
}
