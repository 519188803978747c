//! Callers: service accounts at home and abroad, reviews, webhooks that fail, tokens that end.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod harness;

use std::sync::Arc;

use async_trait::async_trait;
use harness::{Server, admin, server, server_with, user};
use kcp_embedded::{AuthorizationAttributes, Authorizer, Options, Parts, options::WebhookOptions};
use serde_json::{Value, json};
use verdict::{Stage, Verdict};

const RBAC: &str = "apis/rbac.authorization.k8s.io/v1";

async fn bind(server: &Server, cluster: &str, name: &str, role: &str, subject: Value) {
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}, "subjects": [subject]});
    let answer =
        server.post(&admin(), &format!("/clusters/{cluster}/{RBAC}/clusterrolebindings"), binding).await;
    assert_eq!(answer.code, 201, "{:#}", answer.body);
}

fn group(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name})
}

async fn token_of_default_account(server: &Server, cluster: &str) -> String {
    let account = format!("/clusters/{cluster}/api/v1/namespaces/default/serviceaccounts/default");
    server.until(&account, |a| a.code == 200).await;
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 604_800}});
    let answer = server.post(&admin(), &format!("{account}/token"), request).await;
    assert_eq!(answer.code, 201, "{:#}", answer.body);
    answer.body["status"]["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn walk_05_service_account_works_at_home_and_abroad_by_its_cluster_group() {
    let server = server().await;
    let home =
        server.ready("root", "home", Value::Null).await["spec"]["cluster"].as_str().unwrap().to_owned();
    server.ready("root", "abroad", Value::Null).await;
    let token = token_of_default_account(&server, &home).await;
    let secrets = |cluster: &str| format!("/clusters/{cluster}/api/v1/secrets");
    assert_eq!(server.with_token(&token, &secrets(&home)).await.code, 403);
    let account = json!({"kind": "ServiceAccount", "name": "default", "namespace": "default"});
    bind(&server, &home, "sa", "cluster-admin", account.clone()).await;
    assert_eq!(server.with_token(&token, &secrets(&home)).await.code, 200);
    // Without a cluster in the URL, the token says where it belongs.
    let at_home = server.with_token(&token, "/api/v1/namespaces/default").await;
    assert_eq!(at_home.body["metadata"]["annotations"]["kcp.io/cluster"], home.as_str());
    bind(&server, "root:abroad", "local-name", "cluster-admin", account).await;
    assert_eq!(server.with_token(&token, &secrets("root:abroad")).await.code, 403);
    bind(&server, "root:abroad", "by-cluster", "cluster-admin", group(&format!("system:cluster:{home}")))
        .await;
    assert_eq!(server.with_token(&token, &secrets("root:abroad")).await.code, 200);
    let gone = server
        .call(
            &admin(),
            http::Method::DELETE,
            &format!("/clusters/{home}/api/v1/namespaces/default/serviceaccounts/default"),
            Value::Null,
        )
        .await;
    assert_eq!(gone.code, 200, "{:#}", gone.body);
    assert_eq!(server.with_token(&token, &secrets("root:abroad")).await.code, 401);
}

#[tokio::test]
async fn auz_06_reviews_answer_as_the_chain_of_their_cluster_would() {
    let server = server().await;
    server.ready("root", "one", Value::Null).await;
    let review = |user: &str, verb: &str| {
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": user, "groups": ["system:authenticated"], "resourceAttributes": {"verb": verb, "resource": "secrets"}}})
    };
    let path = "/clusters/root:one/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let bob = server.post(&admin(), path, review("bob", "list")).await;
    assert_eq!((bob.code, bob.body["status"]["allowed"].as_bool()), (201, Some(false)), "{:#}", bob.body);
    let owner = server.post(&admin(), path, review("kcp-admin", "list")).await;
    assert_eq!(owner.body["status"]["allowed"], true, "{:#}", owner.body);
    let rules = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": "default"}});
    let rules = server
        .post(&admin(), "/clusters/root:one/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", rules)
        .await;
    assert!(rules.body["status"]["resourceRules"].to_string().contains("\"*\""), "{:#}", rules.body);
    let token = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": server.0.tokens().kcp_admin}});
    let path = "/clusters/root:one/apis/authentication.k8s.io/v1/tokenreviews";
    let known = server.post(&admin(), path, token).await;
    assert_eq!(known.body["status"]["user"]["username"], "kcp-admin", "{:#}", known.body);
    let token = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": "nobody's"}});
    let unknown = server.post(&admin(), path, token).await;
    assert_eq!(unknown.body["status"]["error"], "invalid bearer token", "{:#}", unknown.body);
}

struct OnlyAlice;

#[async_trait]
impl Authorizer for OnlyAlice {
    async fn authorize(&self, attributes: &AuthorizationAttributes) -> Verdict {
        if attributes.user.name == "alice" && attributes.cluster.is_some() {
            return Verdict::allow(Stage::Relationships, "owner");
        }
        Verdict::no_opinion(Stage::Relationships, "no path")
    }
}

#[tokio::test]
async fn auz_01_injected_authorizer_decides_where_rbac_has_no_opinion() {
    let parts = Parts { authorizers: vec![Arc::new(OnlyAlice)], ..Parts::default() };
    let server = server_with(Options::default(), parts).await;
    server.ready("root", "one", Value::Null).await;
    let path = "/clusters/root:one/api/v1/secrets";
    assert_eq!(server.get(&user("alice", &[]), path).await.code, 200);
    assert_eq!(server.get(&user("bob", &[]), path).await.code, 403);
    let record = server.get(&user("bob", &[]), path).await.audit_id;
    let record = server.get(&admin(), &format!("/debug/decisions/{record}")).await;
    assert_eq!(
        record.body["trace"]["verdicts"].as_array().unwrap().last().unwrap()["stage"],
        "Relationships",
        "{:#}",
        record.body
    );
}

#[tokio::test]
async fn auz_01_webhook_that_does_not_answer_has_no_opinion() {
    let folder = tempfile::tempdir().unwrap();
    let config_file = folder.path().join("webhook.kubeconfig");
    // Port 9 of loopback is not listened on: the connection is refused at once.
    std::fs::write(&config_file, "clusters: [{name: w, cluster: {server: 'https://127.0.0.1:9/authz'}}]\nusers: []\ncontexts: [{name: w, context: {cluster: w, user: ''}}]\ncurrent-context: w\n").unwrap();
    let options = Options {
        webhook: Some(WebhookOptions { config_file, ttls: Default::default() }),
        ..Options::default()
    };
    let server = server_with(options, Parts::default()).await;
    let refused = server.get(&user("bob", &[]), "/clusters/root/api/v1/secrets").await;
    assert_eq!(refused.code, 403);
    assert!(refused.body["message"].as_str().unwrap().ends_with("access denied"), "{:#}", refused.body);
    let record = server.get(&admin(), &format!("/debug/decisions/{}", refused.audit_id)).await;
    assert!(
        record.body["trace"]["verdicts"].as_array().unwrap().last().unwrap()["fault"].is_string(),
        "{:#}",
        record.body
    );
    assert_eq!(server.get(&admin(), "/clusters/root/api/v1/secrets").await.code, 200);
}

#[tokio::test]
async fn dev_01_listener_serves_https_and_writes_the_kubeconfig() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        root_directory: Some(folder.path().to_owned()),
        listen: Some(([127, 0, 0, 1].into(), 0)),
        ..Options::default()
    };
    let server = server_with(options.clone(), Parts::default()).await;
    let text = std::fs::read_to_string(folder.path().join("admin.kubeconfig")).unwrap();
    for context in ["root", "base", "system:admin", "shard-base"] {
        assert!(text.contains(context), "{context} in {text}");
    }
    let kubeconfig = kube::config::Kubeconfig::from_yaml(&text).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.unwrap();
    let client = kube::Client::try_from(config).unwrap();
    let spaces: kube::Api<k8s_openapi::api::core::v1::Namespace> = kube::Api::all(client);
    assert!(
        spaces
            .list(&Default::default())
            .await
            .unwrap()
            .items
            .iter()
            .any(|n| n.metadata.name.as_deref() == Some("default"))
    );
    let key = std::fs::read_to_string(folder.path().join("sa.key")).unwrap();
    server.0.stop().await;
    drop(server);
    let again = server_with(options, Parts::default()).await;
    assert_eq!(std::fs::read_to_string(folder.path().join("sa.key")).unwrap(), key);
    again.0.stop().await;
}
