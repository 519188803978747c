//! The acceptance walk of a Platform Mesh against an empty control plane: upstream's bootstrap, then a provider.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use scenarios::{Answer, Plane, Values, Webhook, bootstrap, documents, fixtures, path_of};
use serde_json::{Value, json};

const SYSTEM: &str = "root:platform-mesh-system";

fn values(webhook: &Webhook) -> Values {
    let ca = STANDARD.encode(webhook.ca_pem());
    let hooks = ["identityproviderconfiguration-validator", "organization-validator", "account-operator"];
    let bundles = hooks.map(|hook| (format!("{hook}.webhooks.core.platform-mesh.io.ca-bundle"), ca.clone()));
    let plain = [
        ("baseDomain", "mesh.test"),
        ("baseDomainPort", "mesh.test:8443"),
        ("port", "8443"),
        ("protocol", "https"),
        ("registrationAllowed", "true"),
        ("featureDisableEmailVerification", "true"),
        ("featureEnableTerminalControllerManager", "false"),
        ("domainCADec", webhook.ca_pem().trim_end()),
    ];
    bundles.into_iter().chain(plain.map(|(key, value)| (key.to_owned(), value.to_owned()))).collect()
}

/// Upstream's tree with the webhooks' host replaced by a reachable one.
fn reachable(tree: &Path, into: &Path, webhook: &Webhook) {
    std::fs::create_dir_all(into).unwrap();
    for entry in std::fs::read_dir(tree).unwrap() {
        let path = entry.unwrap().path();
        let target = into.join(path.file_name().unwrap());
        if path.is_dir() {
            reachable(&path, &target, webhook);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let hosts = ["security-operator-webhook", "account-operator-webhook"]
            .map(|service| format!("https://{service}.platform-mesh-system.svc.cluster.local:9443"));
        let text = hosts.iter().fold(text, |text, host| text.replace(host.as_str(), webhook.url()));
        std::fs::write(target, text).unwrap();
    }
}

/// A plane with the whole upstream bootstrap, and the webhook that it names.
async fn bootstrapped(fixtures: &Path) -> (Plane, Webhook, scenarios::Applied) {
    let (plane, webhook) = (Plane::start().await, Webhook::start().await);
    let tree = plane.folder().join("bootstrap");
    reachable(&fixtures.join("platform-mesh/kcp-bootstrap"), &tree, &webhook);
    let applied = bootstrap(&plane, &tree, &values(&webhook)).await;
    (plane, webhook, applied)
}

async fn read(plane: &Plane, path: &str) -> Value {
    plane.get(plane.admin(), path).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn walk_01_admin_reads_the_root_exports_and_their_identities_in_v1alpha1() {
    let plane = Plane::start().await;
    let mut hashes = Vec::new();
    for export in ["tenancy.kcp.io", "shards.core.kcp.io", "topology.kcp.io"] {
        let found =
            read(&plane, &format!("/clusters/root/apis/apis.kcp.io/v1alpha1/apiexports/{export}")).await;
        assert_eq!(found["apiVersion"], "apis.kcp.io/v1alpha1");
        assert!(found["spec"]["latestResourceSchemas"].is_array(), "{found:#}");
        assert!(found["spec"]["resources"].is_null(), "{found:#}");
        let hash = found["status"]["identityHash"].as_str().unwrap().to_owned();
        assert_eq!(hash.len(), 64, "{hash}");
        hashes.push(hash);
    }
    hashes.dedup();
    assert_eq!(hashes.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn walk_02_bodies_with_empty_status_and_null_timestamps_are_applied_and_workspaces_become_ready() {
    let plane = Plane::start().await;
    let apply = async |path: &str, body: Value| plane.apply(plane.admin(), path, &body).await;
    let tenancy = "/clusters/root/apis/tenancy.kcp.io/v1alpha1";
    let configuration = json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "WorkspaceAuthenticationConfiguration",
        "metadata": {"name": "orgs-authentication", "creationTimestamp": null},
        "spec": {"jwt": [{"issuer": {"url": "https://mesh.test:8443/keycloak/realms/welcome", "audiences": [],
            "audienceMatchPolicy": "MatchAny"}, "claimMappings": {"groups": {"claim": "groups", "prefix": ""},
            "username": {"claim": "email", "prefix": ""}}}]}});
    let path = format!("{tenancy}/workspaceauthenticationconfigurations/orgs-authentication");
    apply(&path, configuration).await.expect(201);
    for (name, spec) in [
        ("security", json!({"initializer": true, "terminator": true})),
        ("providers", json!({"limitAllowedChildren": {"types": [{"name": "provider", "path": "root"}]}})),
    ] {
        let body = json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "WorkspaceType",
            "metadata": {"name": name, "creationTimestamp": null}, "spec": spec, "status": {}});
        let path = format!("{tenancy}/workspacetypes/{name}");
        let first = apply(&path, body.clone()).await.expect(201);
        let again = apply(&path, body).await.expect(200);
        assert_eq!(first["metadata"]["generation"], again["metadata"]["generation"]);
        let managers = again["metadata"]["managedFields"].as_array().unwrap();
        assert!(
            managers.iter().any(|m| m["manager"] == "platform-mesh-operator" && m["operation"] == "Apply"),
            "{managers:#?}"
        );
    }
    let security = read(&plane, &format!("{tenancy}/workspacetypes/security")).await;
    assert_eq!(security["spec"]["terminator"], true);
    for (name, kind) in [("platform-mesh-system", "universal"), ("providers", "providers")] {
        let body = json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace",
            "metadata": {"name": name, "creationTimestamp": null},
            "spec": {"type": {"name": kind, "path": "root"}}, "status": {}});
        let path = format!("{tenancy}/workspaces/{name}");
        apply(&path, body).await.expect(201);
        plane.until(&path, "ready", |w| w["status"]["phase"] == "Ready").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn walk_03_upstream_bootstrap_applies_and_its_samples_are_judged_by_upstreams_schemas() {
    let Some(fixtures) = fixtures() else { return };
    let (plane, webhook, applied) = bootstrapped(&fixtures).await;
    // The first binding comes before its export, so that one pass is never enough.
    assert!(applied.passes > 1);
    assert!(
        applied.refused.iter().any(|r| r.contains("apibinding-core") && r.contains(": 403 ")),
        "{:#?}",
        applied.refused
    );
    let count = |kind: &str| applied.objects.iter().filter(|(_, title)| title.starts_with(kind)).count();
    assert_eq!(
        ["Workspace/", "WorkspaceType/", "APIResourceSchema/", "APIExport/", "APIBinding/"].map(count),
        [4, 6, 11, 3, 2],
        "{:#?}",
        applied.objects
    );
    let again = bootstrap(&plane, &plane.folder().join("bootstrap"), &values(&webhook)).await;
    assert_eq!((again.passes, again.objects.len()), (1, applied.objects.len()));

    // A claim without verbs in v1alpha1 is every verb in v1alpha2, and `all` survives the way back.
    let path = format!("/clusters/{SYSTEM}/apis/apis.kcp.io");
    let export = read(&plane, &format!("{path}/v1alpha2/apiexports/core.platform-mesh.io")).await;
    let claims = export["spec"]["permissionClaims"].as_array().unwrap();
    assert!(claims.iter().all(|c| c["verbs"] == json!(["*"])), "{claims:#?}");
    let export = read(&plane, &format!("{path}/v1alpha1/apiexports/core.platform-mesh.io")).await;
    let claims = export["spec"]["permissionClaims"].as_array().unwrap();
    assert!(claims.iter().all(|c| c["all"] == true), "{claims:#?}");
    for binding in ["core.platform-mesh.io", "system.platform-mesh.io"] {
        plane
            .until(&format!("{path}/v1alpha2/apibindings/{binding}"), "bound", |b| {
                b["status"]["phase"] == "Bound"
            })
            .await;
    }

    judge_samples(&fixtures, &plane).await;
    let asked = webhook.asked();
    assert!(asked.iter().any(|(path, _)| path.starts_with("/mutate-core")), "{asked:#?}");
    let (_, review) =
        asked.iter().find(|(path, _)| path == "/validate-core-platform-mesh-io-v1alpha1-account").unwrap();
    assert_eq!(review["request"]["resource"]["resource"], "accounts");
}

/// Every sample against `root:orgs`, beside the golden file with the reasons.
async fn judge_samples(fixtures: &Path, plane: &Plane) {
    let mut found = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(fixtures.join("platform-mesh/samples"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        for object in documents(&std::fs::read_to_string(&file).unwrap()) {
            let path = format!("{}?dryRun=All", path_of("root:orgs", &object).0);
            let Answer { code, body } = plane.post(plane.admin(), &path, &object).await;
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            let why = body["message"].as_str().map(str::trim);
            found.push(json!({"sample": name, "code": code, "why": why}));
        }
    }
    let found = Value::Array(found);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/samples.json");
    if std::env::var_os("MESH_BLESS").is_some() {
        std::fs::write(&golden, format!("{found:#}\n")).unwrap();
    }
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(golden).unwrap()).unwrap();
    assert_eq!(found, golden, "if that is meant: cargo xtask bless\n{found:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn walk_04_endpoint_of_a_slice_keeps_its_path_under_another_host() {
    let Some(fixtures) = fixtures() else { return };
    let (plane, ..) = bootstrapped(&fixtures).await;
    let path =
        format!("/clusters/{SYSTEM}/apis/apis.kcp.io/v1alpha1/apiexportendpointslices/core.platform-mesh.io");
    let has_url = |slice: &Value| {
        slice["status"]["apiExportEndpoints"][0]["url"].is_string()
            || slice["status"]["endpoints"][0]["url"].is_string()
    };
    let slice = plane.until(&path, "published", has_url).await;
    let url = slice["status"]["endpoints"][0]["url"].as_str().unwrap_or_else(|| panic!("{slice:#}"));
    let rest = url.strip_prefix(plane.url()).unwrap_or_else(|| panic!("{url} is not below {}", plane.url()));
    let cluster =
        read(&plane, &format!("/clusters/{SYSTEM}/apis/core.kcp.io/v1alpha1/logicalclusters/cluster")).await
            ["metadata"]["annotations"]["kcp.io/cluster"]
            .clone();
    assert_eq!(rest, format!("/services/apiexport/{}/core.platform-mesh.io", cluster.as_str().unwrap()));
    let stores = read(&plane, &format!("{rest}/clusters/*/apis/core.platform-mesh.io/v1alpha1/stores")).await;
    let names: Vec<&str> =
        stores["items"].as_array().unwrap().iter().filter_map(|s| s["metadata"]["name"].as_str()).collect();
    assert_eq!(names, ["orgs"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn walk_05_provider_works_by_its_service_account_in_all_that_bound_its_export() {
    let Some(fixtures) = fixtures() else { return };
    let (plane, ..) = bootstrapped(&fixtures).await;
    let admin = plane.admin();
    let tenancy = "apis/tenancy.kcp.io/v1alpha1";
    let body = json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace",
        "metadata": {"name": "buckets"}, "spec": {"type": {"path": "root", "name": "provider"}}});
    let path = format!("/clusters/root:providers/{tenancy}/workspaces");
    plane.post(admin, &path, &body).await.expect(201);
    let workspace =
        plane.until(&format!("{path}/buckets"), "ready", |w| w["status"]["phase"] == "Ready").await;
    let home = workspace["spec"]["cluster"].as_str().unwrap().to_owned();
    let at = |rest: &str| format!("/clusters/root:providers:buckets/{rest}");

    let schema = json!({"apiVersion": "apis.kcp.io/v1alpha1", "kind": "APIResourceSchema",
        "metadata": {"name": "v1.buckets.storage.example.io"},
        "spec": {"group": "storage.example.io", "scope": "Cluster",
            "names": {"plural": "buckets", "singular": "bucket", "kind": "Bucket", "listKind": "BucketList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"region": {"type": "string"}}},
                    "status": {"type": "object", "properties": {"phase": {"type": "string"}}}}}}]}});
    plane.post(admin, &at("apis/apis.kcp.io/v1alpha1/apiresourceschemas"), &schema).await.expect(201);
    let export = json!({"apiVersion": "apis.kcp.io/v1alpha1", "kind": "APIExport",
        "metadata": {"name": "storage.example.io"},
        "spec": {"latestResourceSchemas": ["v1.buckets.storage.example.io"],
            "permissionClaims": [{"group": "", "resource": "configmaps", "all": true}]}});
    plane.post(admin, &at("apis/apis.kcp.io/v1alpha1/apiexports"), &export).await.expect(201);
    let slice = json!({"apiVersion": "apis.kcp.io/v1alpha1", "kind": "APIExportEndpointSlice",
        "metadata": {"name": "storage"}, "spec": {"export": {"path": "root:providers:buckets", "name": "storage.example.io"}}});
    plane.post(admin, &at("apis/apis.kcp.io/v1alpha1/apiexportendpointslices"), &slice).await.expect(201);

    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "provider"},
        "rules": [
            {"apiGroups": ["storage.example.io"], "resources": ["buckets", "buckets/status"], "verbs": ["*"]},
            {"apiGroups": ["apis.kcp.io"], "resources": ["apiexports/content"], "resourceNames": ["storage.example.io"], "verbs": ["*"]},
            {"apiGroups": ["apis.kcp.io"], "resources": ["apiexportendpointslices", "apibindings"], "verbs": ["get", "list", "watch"]},
            {"nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/clusters/*", "/services/*"], "verbs": ["get"]}]});
    let rbac = "apis/rbac.authorization.k8s.io/v1";
    plane.post(admin, &at(&format!("{rbac}/clusterroles")), &role).await.expect(201);
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "provider"}});
    plane.post(admin, &at("api/v1/namespaces/default/serviceaccounts"), &account).await.expect(201);
    for name in ["provider", "system:kcp:workspace:access"] {
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": format!("provider-{}", name.rsplit(':').next().unwrap())},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": "provider", "namespace": "default"}]});
        plane.post(admin, &at(&format!("{rbac}/clusterrolebindings")), &binding).await.expect(201);
    }
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {"expirationSeconds": 7 * 24 * 3600}});
    let path = at("api/v1/namespaces/default/serviceaccounts/provider/token");
    let granted = plane.post(admin, &path, &request).await.expect(201);
    let token = granted["status"]["token"].as_str().unwrap();

    let consumer = plane.workspace("root", "consumer", "universal").await;
    let consumer = consumer["spec"]["cluster"].as_str().unwrap();
    let binding = json!({"apiVersion": "apis.kcp.io/v1alpha2", "kind": "APIBinding", "metadata": {"name": "storage"},
        "spec": {"reference": {"export": {"path": "root:providers:buckets", "name": "storage.example.io"}},
            "permissionClaims": [{"group": "", "resource": "configmaps", "verbs": ["*"],
                "selector": {"matchAll": true}, "state": "Accepted"}]}});
    let path = "/clusters/root:consumer/apis/apis.kcp.io/v1alpha2/apibindings";
    plane.post(admin, path, &binding).await.expect(201);
    plane.until(&format!("{path}/storage"), "bound", |b| b["status"]["phase"] == "Bound").await;
    let buckets = "apis/storage.example.io/v1/buckets";
    let bucket = json!({"apiVersion": "storage.example.io/v1", "kind": "Bucket", "metadata": {"name": "b"}, "spec": {"region": "eu"}});
    plane.post(admin, &format!("/clusters/root:consumer/{buckets}"), &bucket).await.expect(201);

    let path = at("apis/apis.kcp.io/v1alpha1/apiexportendpointslices/storage");
    plane.until(&path, "published", |s| s["status"]["endpoints"][0]["url"].is_string()).await;
    let slice = plane.get(token, &path).await.expect(200);
    let view = slice["status"]["endpoints"][0]["url"].as_str().unwrap();
    assert!(view.ends_with(&format!("/services/apiexport/{home}/storage.example.io")), "{view}");
    let all = plane.get(token, &format!("{view}/clusters/*/{buckets}")).await.expect(200);
    assert_eq!(all["items"][0]["metadata"]["annotations"]["kcp.io/cluster"], consumer);
    let status = json!({"status": {"phase": "Made"}});
    plane.merge(token, &format!("{view}/clusters/{consumer}/{buckets}/b/status"), &status).await.expect(200);
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}, "data": {"url": "s3://b"}});
    let path = format!("{view}/clusters/{consumer}/api/v1/namespaces/default/configmaps");
    plane.post(token, &path, &map).await.expect(201);
    let seen = read(&plane, &format!("/clusters/root:consumer/{buckets}/b")).await;
    assert_eq!(seen["status"]["phase"], "Made");
    read(&plane, "/clusters/root:consumer/api/v1/namespaces/default/configmaps/b").await;

    // What nobody claimed, other exports and the consumer's front door stay closed.
    let secrets = format!("{view}/clusters/{consumer}/api/v1/namespaces/default/secrets");
    assert_eq!(plane.get(token, &secrets).await.code, 403);
    let core = format!("/services/apiexport/{home}/other.example.io/clusters/*/{buckets}");
    assert!(matches!(plane.get(token, &core).await.code, 403 | 404));
    assert_eq!(plane.get(token, &format!("/clusters/root:consumer/{buckets}")).await.code, 403);
}
