//! The acceptance walk inside a whole mesh: what the operators made of an organisation, an account and a binding.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use http::{Method, Request};
use kube::Client;
use mesh::{DEMO_STEPS, Mesh, MeshOptions, Reach, demo};
use serde_json::Value;

const CORE: &str = "apis/core.platform-mesh.io/v1alpha1";
const TENANCY: &str = "apis/tenancy.kcp.io/v1alpha1";

struct Told {
    mesh: Mesh,
    folder: tempfile::TempDir,
    reader: Client,
}

/// A mesh in which the story was told up to a step.
async fn told(until: usize) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let mesh = Mesh::up(MeshOptions::new(folder.path())).await.unwrap();
    let reach = Reach::to(folder.path()).await.unwrap();
    assert!(demo(&reach, until, |_| ()).await.is_ok());
    let reader = apiserver::UserInfo {
        name: "reader".into(),
        groups: vec!["system:masters".into()],
        ..apiserver::UserInfo::default()
    };
    let reader = Client::new(mesh.kcp().service_as(reader), "default");
    Told { mesh, folder, reader }
}

impl Told {
    async fn get(&self, path: &str) -> Result<Value, u16> {
        let request = Request::builder().method(Method::GET).uri(path).body(Vec::new()).unwrap();
        match self.reader.request::<Value>(request).await {
            Ok(value) => Ok(value),
            Err(kube::Error::Api(status)) => Err(status.code),
            Err(other) => panic!("{path}: {other}"),
        }
    }

    /// An object in a workspace.
    async fn read(&self, workspace: &str, path: &str) -> Value {
        self.get(&format!("/clusters/{workspace}/{path}"))
            .await
            .unwrap_or_else(|code| panic!("{workspace} {path}: {code}"))
    }
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|o| o["metadata"]["name"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn walk_06_account_operator_makes_types_workspace_and_account_info_of_an_organisation() {
    let told = told(2).await;
    for kind in ["org", "account"] {
        let made = told.read("root:orgs", &format!("{TENANCY}/workspacetypes/acme-{kind}")).await;
        assert_eq!(made["metadata"]["labels"]["core.platform-mesh.io/org"], "acme");
        assert_eq!(made["spec"]["extend"]["with"][0]["name"], kind);
        assert_eq!(made["spec"]["extend"]["with"][0]["path"], "root");
    }
    let account = told.read("root:orgs", &format!("{CORE}/accounts/acme")).await;
    let workspace = told.read("root:orgs", &format!("{TENANCY}/workspaces/acme")).await;
    assert_eq!(workspace["metadata"]["ownerReferences"][0]["uid"], account["metadata"]["uid"]);
    assert_eq!(workspace["spec"]["type"], serde_json::json!({"name": "acme-org", "path": "root:orgs"}));
    assert_eq!(workspace["status"]["phase"], "Ready");
    let info = told.read("root:orgs:acme", &format!("{CORE}/accountinfos/account")).await;
    let own = &info["spec"]["account"];
    assert_eq!((&own["name"], &own["path"]), (&"acme".into(), &"root:orgs:acme".into()));
    assert_eq!(own["generatedClusterId"], workspace["spec"]["cluster"]);
    assert_eq!(own["url"], workspace["spec"]["URL"]);
    let below = told.read("root:orgs:acme:dev", &format!("{CORE}/accountinfos/account")).await;
    assert_eq!(below["spec"]["parentAccount"], info["spec"]["account"]);
    assert_eq!(below["spec"]["organization"], info["spec"]["organization"]);
    told.mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn walk_07_initializer_makes_store_realm_and_issuers_of_an_organisation_and_lets_it_go() {
    let told = told(2).await;
    let info = told.read("root:orgs:acme", &format!("{CORE}/accountinfos/account")).await;
    let store = told.read("root:orgs", &format!("{CORE}/stores/acme")).await;
    assert_eq!(info["spec"]["fga"]["store"]["id"], store["status"]["storeId"]);
    assert!(store["status"]["authorizationModelId"].is_string(), "{store}");
    told.read("root:orgs", &format!("{CORE}/identityproviderconfigurations/acme")).await;
    told.read("root:orgs:acme", &format!("{CORE}/invites")).await;
    let issuers =
        told.read("root:orgs", &format!("{TENANCY}/workspaceauthenticationconfigurations/acme")).await;
    assert_eq!(issuers["spec"]["jwt"][0]["issuer"]["url"], told.mesh.issuer().issuer("acme"));
    for kind in ["org", "account"] {
        let made = told.read("root:orgs", &format!("{TENANCY}/workspacetypes/acme-{kind}")).await;
        assert_eq!(made["spec"]["authenticationConfigurations"][0]["name"], "acme");
    }
    for path in ["root:orgs:acme", "root:orgs:acme:dev"] {
        let cluster = told.read(path, "apis/core.kcp.io/v1alpha1/logicalclusters/cluster").await;
        assert!(cluster["status"]["initializers"].as_array().is_none_or(Vec::is_empty), "{cluster}");
    }
    told.mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn walk_08_binding_carries_the_generators_finalizer_and_its_module_stands_beside_the_export() {
    let told = told(4).await;
    let bindings = told.read("root:orgs:acme:dev", "apis/apis.kcp.io/v1alpha2/apibindings").await;
    let bound = bindings["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|b| b["spec"]["reference"]["export"]["name"] == "storage.example.io")
        .unwrap();
    let finalizers = bound["metadata"]["finalizers"].as_array().unwrap();
    assert!(finalizers.iter().any(|f| f.as_str().unwrap().contains("platform-mesh.io")), "{finalizers:?}");
    let models = told.read("root:providers:storage", &format!("{CORE}/authorizationmodels")).await;
    assert!(names(&models).iter().any(|name| name.contains("acme")), "{models}");
    told.mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn walk_09_organisations_tokens_are_known_in_its_workspace_and_nowhere_else() {
    let told = told(2).await;
    let reach = Reach::to(told.folder.path()).await.unwrap();
    let token = reach.login("alice", "acme", "password").await.unwrap().id_token;
    let status = async |path: &str, token: &str| {
        let request = Request::builder()
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .body(apiserver::body::empty())
            .unwrap();
        let answer = tower::ServiceExt::oneshot(told.mesh.kcp().service(), request).await.unwrap();
        answer.status().as_u16()
    };
    let accounts = format!("/clusters/root:orgs:acme/{CORE}/accounts");
    assert_eq!(status(&accounts, &token).await, 200);
    assert!([200, 403].contains(&status("/clusters/root:orgs:acme/version", &token).await));
    assert_eq!(status("/clusters/root:orgs:acme/version", "forged").await, 401);
    assert_eq!(status("/clusters/root/version", &token).await, 401, "the realm is not known in root");
    told.mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn walk_11_deleted_organisation_leaves_no_workspace_store_realm_or_tuple() {
    let told = told(DEMO_STEPS).await;
    assert_eq!(told.get("/clusters/root:orgs:acme/api/v1/namespaces").await, Err(404));
    for path in [format!("{CORE}/stores"), format!("{CORE}/identityproviderconfigurations")] {
        let left = told.read("root:orgs", &path).await;
        assert!(!names(&left).contains(&"acme"), "{left}");
    }
    assert!(told.mesh.relationships().find_store("acme").await.unwrap().is_none());
    assert!(!told.mesh.issuer().realms().iter().any(|realm| realm == "acme"));
    told.mesh.stop().await;
}
