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

struct SaysAlice;

#[async_trait]
impl kcp_embedded::authentication::workspace_oidc::JwtVerifier for SaysAlice {
    async fn verify(
        &self,
        authenticator: &Value,
        token: &str,
    ) -> Result<kcp_embedded::authentication::workspace_oidc::MappedUser, String> {
        if authenticator["issuer"]["audiences"] != json!(["kubectl"]) || !token.ends_with(".sig") {
            return Err("not mine".into());
        }
        Ok(kcp_embedded::authentication::workspace_oidc::MappedUser {
            name: "alice@example.io".into(),
            ..Default::default()
        })
    }
}

#[tokio::test]
async fn walk_09_organization_token_counts_in_workspaces_of_its_type_only() {
    let parts = Parts { verifier: Some(Arc::new(SaysAlice)), ..Parts::default() };
    let server = server_with(Options::default(), parts).await;
    let issuer = "https://issuer.example.io/realms/acme";
    let configuration = |audiences: Value| {
        json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "WorkspaceAuthenticationConfiguration", "metadata": {"name": "acme"},
            "spec": {"jwt": [{"issuer": {"url": issuer, "audiences": audiences}, "claimMappings": {"username": {"claim": "email", "prefix": ""}}}]}})
    };
    let path = "/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspaceauthenticationconfigurations";
    let made = server.post(&admin(), path, configuration(json!([]))).await;
    assert_eq!(made.code, 201, "{:#}", made.body);
    server
        .workspace_type(
            "root",
            "acme",
            json!({"extend": {"with": [{"name": "universal", "path": "root"}]},
        "authenticationConfigurations": [{"name": "missing"}, {"name": "acme"}]}),
        )
        .await;
    server.ready("root", "acme", json!({"name": "acme", "path": "root"})).await;
    server.ready("root:acme", "child", json!({"name": "universal", "path": "root"})).await;
    let payload = base64::Engine::encode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        json!({"iss": issuer}).to_string(),
    );
    let token = format!("e30.{payload}.sig");
    let probe = "/clusters/root:acme/version";
    assert_eq!(server.with_token(&token, probe).await.code, 401);
    let patch = json!({"spec": configuration(json!(["kubectl"]))["spec"]});
    let changed = server.call(&admin(), http::Method::PATCH, &format!("{path}/acme"), patch).await;
    assert_eq!(changed.code, 200, "{:#}", changed.body);
    assert_eq!(server.with_token(&token, probe).await.code, 403);
    bind(
        &server,
        "root:acme",
        "alice",
        "cluster-admin",
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice@example.io"}),
    )
    .await;
    assert_eq!(server.with_token(&token, "/clusters/root:acme/api/v1/namespaces").await.code, 200);
    for elsewhere in ["root", "root:acme:child"] {
        assert_eq!(
            server.with_token(&token, &format!("/clusters/{elsewhere}/version")).await.code,
            401,
            "{elsewhere}"
        );
    }
    assert_eq!(server.with_token(&format!("e30.{payload}.forged"), probe).await.code, 401);
}

#[tokio::test]
async fn auz_06_webhook_is_asked_over_https_with_the_cluster_in_both_extras() {
    runtime::install_crypto();
    let clock = runtime::Clock::system();
    let authority = runtime::Authority::new("test", &clock).unwrap();
    let identity = authority.issue_server("webhook", &runtime::ServerNames::local_and([])).unwrap();
    let tls = runtime::ServerTls::new(&identity, None).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked: Arc<std::sync::Mutex<Vec<Value>>> = Arc::default();
    let seen = asked.clone();
    let webhook = tower::service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let seen = seen.clone();
        async move {
            let path = request.uri().path().to_owned();
            let body = http_body_util::BodyExt::collect(request.into_body()).await.unwrap().to_bytes();
            let review: Value = serde_json::from_slice(&body).unwrap();
            let allowed = path == "/authz" && review["spec"]["user"] == "alice";
            seen.lock().unwrap().push(review);
            let answer = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "status": {"allowed": allowed}});
            Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Full::new(
                bytes::Bytes::from(answer.to_string()),
            )))
        }
    });
    let tasks = runtime::Tasks::new();
    tasks.spawn_graceful("webhook", runtime::End::MayEnd, move |stop| {
        runtime::serve_https(listener, tls, webhook, runtime::ServeOptions::default(), stop)
    });
    let folder = tempfile::tempdir().unwrap();
    let config_file = folder.path().join("webhook.kubeconfig");
    let file = runtime::Kubeconfig::single(
        "w",
        &format!("https://127.0.0.1:{port}/authz"),
        Some(authority.certificate_pem()),
        &runtime::Credential::Token("t".into()),
    );
    file.write(&config_file).await.unwrap();
    let options = Options {
        webhook: Some(WebhookOptions { config_file, ttls: Default::default() }),
        ..Options::default()
    };
    let server = server_with(options, Parts::default()).await;
    for _ in 0..2 {
        assert_eq!(server.get(&user("alice", &[]), "/clusters/root/api/v1/secrets").await.code, 200);
    }
    assert_eq!(server.get(&user("bob", &[]), "/clusters/root/api/v1/secrets").await.code, 403);
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 2, "the second question of alice is answered from memory");
    for key in ["authorization.kcp.io/cluster-name", "authorization.kubernetes.io/cluster-name"] {
        assert_eq!(asked[0]["spec"]["extra"][key], json!(["root"]), "{:#}", asked[0]);
    }
    assert_eq!(asked[0]["spec"]["resourceAttributes"]["resource"], "secrets");
    tasks.shutdown().await;
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
