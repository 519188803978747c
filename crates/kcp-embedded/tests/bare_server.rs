//! One bare server: what root holds, who gets in, what the answers carry.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod harness;

use harness::{admin, server, user};
use http::Request;
use http_body_util::Full;
use serde_json::json;

#[tokio::test]
async fn walk_01_root_holds_exports_with_identities_types_and_namespaces() {
    let server = server().await;
    let exports = server.get(&admin(), "/clusters/root/apis/apis.kcp.io/v1alpha1/apiexports").await;
    assert_eq!(exports.code, 200, "{:#}", exports.body);
    let hashes: Vec<_> = exports.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["status"]["identityHash"].as_str().unwrap().len())
        .collect();
    assert_eq!(hashes, [64, 64, 64]);
    let types =
        server.get(&admin(), "/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspacetypes/universal").await;
    assert_eq!(types.code, 200, "{:#}", types.body);
    assert_eq!(types.body["metadata"]["annotations"]["kcp.io/cluster"], "root");
    assert_eq!(types.body["status"]["virtualWorkspaces"].as_array().unwrap().len(), 2);
    let namespace = server.get(&admin(), "/clusters/root/api/v1/namespaces/default").await;
    assert_eq!(namespace.code, 200, "{:#}", namespace.body);
    let root = server.get(&admin(), "/clusters/root/apis/core.kcp.io/v1alpha1/logicalclusters/cluster").await;
    assert_eq!(root.body["status"]["phase"], "Ready", "{:#}", root.body);
}

#[tokio::test]
async fn dev_02_tokens_lead_to_users_and_a_bad_one_is_refused_wherever_it_goes() {
    let server = server().await;
    let token = server.0.tokens().kcp_admin.clone();
    assert_eq!(server.with_token(&token, "/clusters/root/api/v1/namespaces").await.code, 200);
    for path in [
        "/clusters/root/version",
        "/clusters/root:nowhere/api",
        "/clusters/unknown1/api",
        "/services/apiexport/a/b",
    ] {
        assert_eq!(server.with_token("wrong", path).await.code, 401, "{path}");
    }
    for path in ["/healthz", "/livez", "/readyz", "/clusters/root/readyz"] {
        assert_eq!(server.with_token("wrong", path).await.body, "ok", "{path}");
    }
    assert_eq!(server.with_token(&server.0.tokens().shard_admin, "/version").await.code, 200);
    assert_eq!(server.with_token(&token, "/version").await.code, 403);
}

#[tokio::test]
async fn auz_03_unknown_and_closed_workspaces_answer_alike_to_outsiders() {
    let server = server().await;
    let bob = user("bob", &[]);
    server.ready("root", "closed", json!({"name": "universal", "path": "root"})).await;
    let mut messages = Vec::new();
    for path in ["root:closed", "root:nowhere", "nowhere1"] {
        let answer = server.get(&bob, &format!("/clusters/{path}/api/v1/namespaces")).await;
        assert_eq!(answer.code, 403, "{path}: {:#}", answer.body);
        messages.push(answer.body["message"].clone());
    }
    assert_eq!(messages[0], messages[1]);
    assert_eq!(messages[1], messages[2]);
    let missing = server.get(&admin(), "/clusters/root:nowhere/api/v1/namespaces").await;
    assert_eq!(
        (missing.code, missing.body["message"].as_str()),
        (404, Some("workspaces \"root:nowhere\" not found"))
    );
}

#[tokio::test]
async fn auz_07_operators_read_why_and_others_do_not() {
    let server = server().await;
    let bob = user("bob", &[]);
    let refused = server.get(&bob, "/clusters/root/api/v1/secrets").await;
    assert_eq!(refused.code, 403);
    assert!(refused.body["message"].as_str().unwrap().ends_with("access denied"), "{:#}", refused.body);
    let path = format!("/debug/decisions/{}", refused.audit_id);
    assert_eq!(server.get(&bob, &path).await.code, 403);
    let record = server.get(&admin(), &path).await;
    assert_eq!(record.code, 200, "{:#}", record.body);
    assert_eq!((record.body["allowed"].as_bool(), record.body["user"].as_str()), (Some(false), Some("bob")));
    assert!(record.body["trace"]["verdicts"].as_array().unwrap().len() > 3, "{:#}", record.body);
}

#[tokio::test]
async fn ann_04_impersonation_is_scoped_and_guarded() {
    let server = server().await;
    let ask = |who: &'static str, group: &'static str, path: &'static str| {
        Request::builder()
            .uri(path)
            .header("impersonate-user", who)
            .header("impersonate-group", group)
            .body(Full::default())
            .unwrap()
    };
    let masters =
        server.send(Some(&admin()), ask("eve", "system:masters", "/clusters/root/api/v1/secrets")).await;
    assert_eq!(masters.code, 403, "{:#}", masters.body);
    let plain = server.send(Some(&admin()), ask("eve", "developers", "/clusters/root/api/v1/secrets")).await;
    assert_eq!(plain.code, 403);
    assert!(plain.body["message"].as_str().unwrap().contains("User \"eve\""), "{:#}", plain.body);
    let own =
        server.send(Some(&admin()), ask("eve", "system:kcp:admin", "/clusters/root/api/v1/secrets")).await;
    assert_eq!(own.code, 200, "{:#}", own.body);
}

#[tokio::test]
async fn dev_02_kube_client_works_without_a_socket() {
    let server = server().await;
    let service = server.0.service_as(admin());
    let rooted = tower::service_fn(move |mut request: http::Request<kube::client::Body>| {
        let path = format!("/clusters/root{}", request.uri());
        *request.uri_mut() = path.parse().unwrap();
        tower::ServiceExt::oneshot(service.clone(), request)
    });
    let client = kube::Client::new(rooted, "default");
    let maps: kube::Api<k8s_openapi::api::core::v1::ConfigMap> = kube::Api::namespaced(client, "default");
    let mut map = k8s_openapi::api::core::v1::ConfigMap::default();
    map.metadata.name = Some("a".into());
    let created = maps.create(&Default::default(), &map).await.unwrap();
    assert_eq!(created.metadata.annotations.unwrap()["kcp.io/cluster"], "root");
    assert_eq!(maps.list(&Default::default()).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn dev_02_health_has_single_checks_and_a_long_form() {
    let server = server().await;
    for path in ["/livez/ping", "/readyz/poststarthook/kcp-bootstrap", "/healthz/"] {
        assert_eq!(server.with_token("", path).await.body, "ok", "{path}");
    }
    let long = server.with_token("", "/clusters/root/readyz?verbose").await;
    assert_eq!(long.body, "[+]ping ok\n[+]poststarthook/kcp-bootstrap ok\nreadyz check passed\n");
    assert_ne!(server.with_token("", "/livez/nothing").await.code, 200);
}

#[tokio::test]
async fn dev_02_the_version_names_kcp_as_clients_look_for_it() {
    let server = server().await;
    for (who, path) in [(admin(), "/clusters/root/version"), (user("root", &["system:masters"]), "/version")]
    {
        let version = server.get(&who, path).await.body;
        assert!(version["gitVersion"].as_str().unwrap().starts_with("v1.36.0+kcp-v"), "{version}");
        assert!(!version["platform"].as_str().unwrap().contains("x86_64"), "{version}");
    }
}

/// The codes a real kcp gives: definitions come and go, versions of built-in groups do not.
#[tokio::test]
async fn dev_02_discovery_of_what_nobody_defined_is_empty_or_missing_as_on_kcp() {
    let server = server().await;
    for path in ["apis/nobody.example.io/v1", "apis/apps/v1", "apis/apis.kcp.io/v1"] {
        let answer = server.get(&admin(), &format!("/clusters/root/{path}")).await;
        assert_eq!((answer.code, &answer.body["kind"]), (200, &"APIResourceList".into()), "{path}");
        assert_eq!(answer.body["resources"], json!([]), "{path}");
    }
    for path in [
        "apis/nobody.example.io",
        "apis/rbac.authorization.k8s.io/v1beta1",
        "api/v2",
        "apis/nobody.example.io/v1/things",
    ] {
        let answer = server.get(&admin(), &format!("/clusters/root/{path}")).await;
        assert_eq!((answer.code, &answer.body["reason"]), (404, &"NotFound".into()), "{path}");
    }
}

#[tokio::test]
async fn vws_05_a_marker_that_no_type_can_have_shows_masters_an_empty_view() {
    let server = server().await;
    let masters = user("root", &["system:masters"]);
    for stage in ["initializingworkspaces", "terminatingworkspaces"] {
        let base = format!("/services/{stage}/whatever/clusters/*/apis/core.kcp.io/v1alpha1");
        let found = server.get(&masters, &base).await;
        assert_eq!(
            (found.code, &found.body["resources"][0]["name"]),
            (200, &"logicalclusters".into()),
            "{:#}",
            found.body
        );
        let list = server.get(&masters, &format!("{base}/logicalclusters")).await;
        assert_eq!((list.code, &list.body["items"]), (200, &json!([])), "{:#}", list.body);
        assert_eq!(server.get(&admin(), &base).await.code, 404);
    }
}
