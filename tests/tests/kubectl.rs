//! What a person types: stock kubectl against the written `admin.kubeconfig`.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use scenarios::{Kubectl, Plane};
use serde_json::{Value, json};

const CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: accounts.demo.example.io}
spec:
  group: demo.example.io
  scope: Cluster
  names: {plural: accounts, singular: account, kind: Account, listKind: AccountList, shortNames: [acc]}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns:
    - {name: Type, type: string, jsonPath: .spec.type}
    schema:
      openAPIV3Schema:
        type: object
        description: Account is a place of work.
        properties:
          spec:
            type: object
            description: What is wanted of the account.
            required: [type]
            properties:
              type: {type: string, description: Kind of account., enum: [org, account]}
              displayName: {type: string, default: nameless}
";

const ACCOUNT: &str = "
apiVersion: demo.example.io/v1
kind: Account
metadata: {name: acme}
spec: {type: org}
";

/// A plane with a ready workspace `root:team`, and kubectl in it.
async fn in_team() -> Option<(Plane, Kubectl)> {
    let plane = Plane::start().await;
    let kubectl = Kubectl::of(&plane)?.at("root:team");
    plane.workspace("root", "team", "universal").await;
    Some((plane, kubectl))
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_01_workspaces_are_listed_as_on_kcp() {
    let Some((_plane, kubectl)) = in_team().await else { return };
    let table = kubectl.clone().at("root").run(&["get", "workspaces"]).await.fine();
    let mut lines = table.lines();
    let titles: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(titles, ["NAME", "TYPE", "REGION", "PHASE", "URL", "AGE"], "{table}");
    let row: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!((row[0], row[1], row[2]), ("team", "universal", "Ready"), "{table}");
    let short = kubectl.clone().at("root").run(&["get", "ws", "team", "-o", "name"]).await.fine();
    assert_eq!(short.trim(), "workspace.tenancy.kcp.io/team");
    let contexts = kubectl.run(&["config", "get-contexts", "-o", "name"]).await.fine();
    let mut contexts: Vec<&str> = contexts.lines().collect();
    contexts.sort_unstable();
    assert_eq!(contexts, ["base", "root", "shard-base", "system:admin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn api_01_resources_are_discovered_and_explained() {
    let Some((_plane, kubectl)) = in_team().await else { return };
    let resources = kubectl.run(&["api-resources"]).await.fine();
    for line in [
        "configmaps cm v1 true ConfigMap",
        "namespaces ns v1 false Namespace",
        "serviceaccounts sa v1 true ServiceAccount",
        "workspaces ws tenancy.kcp.io/v1alpha1 false Workspace",
        "apibindings apis.kcp.io/v1alpha2 false APIBinding",
        "clusterroles rbac.authorization.k8s.io/v1 false ClusterRole",
        "logicalclusters core.kcp.io/v1alpha1 false LogicalCluster",
    ] {
        let found = resources.lines().any(|l| l.split_whitespace().collect::<Vec<_>>().join(" ") == line);
        assert!(found, "`{line}` is not in\n{resources}");
    }
    assert!(!resources.contains("pods"), "{resources}");
    let told = kubectl.run(&["explain", "configmap.data"]).await.fine();
    assert!(told.contains("map[string]string"), "{told}");
    let told = kubectl.run(&["explain", "workspace.spec.type"]).await.fine();
    assert!(told.contains("GROUP:") && told.contains("tenancy.kcp.io"), "{told}");

    kubectl.run_with(&["apply", "-f", "-"], CRD).await.fine();
    kubectl.run(&["wait", "--for=condition=Established", "crd/accounts.demo.example.io"]).await.fine();
    let told = kubectl.run(&["explain", "account.spec"]).await.fine();
    assert!(told.contains("What is wanted of the account.") && told.contains("-required-"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn api_02_create_makes_what_it_is_told() {
    let Some((plane, kubectl)) = in_team().await else { return };
    for words in [
        vec!["create", "namespace", "lab"],
        vec!["create", "configmap", "settings", "--from-literal=colour=blue", "-n", "lab"],
        vec!["create", "serviceaccount", "robot", "-n", "lab"],
        vec!["create", "secret", "generic", "key", "--from-literal=a=b", "-n", "lab"],
        vec!["create", "role", "reader", "--verb=get,list", "--resource=configmaps", "-n", "lab"],
        vec!["create", "rolebinding", "readers", "--role=reader", "--serviceaccount=lab:robot", "-n", "lab"],
        vec!["create", "clusterrole", "viewer", "--verb=get", "--non-resource-url=/metrics"],
        vec!["create", "clusterrolebinding", "viewers", "--clusterrole=viewer", "--user=alice"],
    ] {
        let told = kubectl.run(&words).await.fine();
        assert!(told.trim().ends_with(" created"), "{told}");
    }
    let colour = kubectl.run(&["get", "cm", "settings", "-n", "lab", "-o", "jsonpath={.data.colour}"]).await;
    assert_eq!(colour.fine(), "blue");
    let token = kubectl.run(&["create", "token", "robot", "-n", "lab", "--duration=1h"]).await.fine();
    let robot = kubectl.clone().by(token.trim());
    assert!(robot.run(&["get", "cm", "-n", "lab", "-o", "name"]).await.fine().contains("configmap/settings"));
    let refused = robot.run(&["get", "secrets", "-n", "lab"]).await;
    assert!(!refused.ok && refused.err.contains("system:serviceaccount:lab:robot"), "{refused:?}");
    let twice = kubectl.run(&["create", "namespace", "lab"]).await;
    assert!(twice.err.contains("AlreadyExists"), "{twice:?}");

    kubectl.run(&["delete", "namespace", "lab"]).await.fine();
    let path = "/clusters/root:team/api/v1/namespaces/lab/configmaps/settings";
    assert_eq!(plane.get(plane.admin(), path).await.code, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn ssa_01_apply_works_on_the_client_and_on_the_server() {
    let Some((plane, kubectl)) = in_team().await else { return };
    assert!(kubectl.run_with(&["apply", "-f", "-"], CRD).await.fine().contains("created"));
    assert!(kubectl.run_with(&["apply", "-f", "-"], CRD).await.fine().contains("unchanged"));
    kubectl.run(&["wait", "--for=condition=Established", "crd/accounts.demo.example.io"]).await.fine();

    assert!(kubectl.run_with(&["apply", "-f", "-"], ACCOUNT).await.fine().contains("created"));
    let changed = ACCOUNT.replace("org", "account");
    assert!(kubectl.run_with(&["apply", "-f", "-"], &changed).await.fine().contains("configured"));
    let diff = kubectl.run_with(&["diff", "-f", "-"], ACCOUNT).await;
    assert!(!diff.ok && diff.out.contains("+  type: org"), "{diff:?}");
    let table = kubectl.run(&["get", "acc"]).await.fine();
    assert!(table.contains("TYPE") && table.contains("account"), "{table}");

    let server = ["apply", "--server-side", "-f", "-"];
    let map = |colour: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "default"},
            "data": {"colour": colour}})
        .to_string()
    };
    assert!(kubectl.run_with(&server, &map("blue")).await.fine().contains("serverside-applied"));
    let other: Vec<&str> = server.into_iter().chain(["--field-manager=other"]).collect();
    let conflict = kubectl.run_with(&other, &map("red")).await;
    assert!(!conflict.ok && conflict.err.contains("conflict with \"kubectl\": .data.colour"), "{conflict:?}");
    let forced: Vec<&str> = other.into_iter().chain(["--force-conflicts"]).collect();
    kubectl.run_with(&forced, &map("red")).await.fine();
    let path = "/clusters/root:team/api/v1/namespaces/default/configmaps/m";
    assert_eq!(plane.get(plane.admin(), path).await.expect(200)["data"]["colour"], "red");

    let wrong = kubectl.run_with(&["apply", "-f", "-"], &ACCOUNT.replace("org", "castle")).await;
    assert!(
        wrong
            .err
            .contains("spec.type: Unsupported value: \"castle\": supported values: \"org\", \"account\""),
        "{wrong:?}"
    );
    let typo =
        kubectl.run_with(&["apply", "-f", "-"], &ACCOUNT.replace("type: org", "type: org, tpe: x")).await;
    assert!(typo.err.contains("unknown field \"spec.tpe\""), "{typo:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn auz_06_can_i_lists_what_a_plain_user_may_do() {
    let Some((plane, kubectl)) = in_team().await else { return };
    let alice = kubectl.clone().by("alice-token");
    let closed = alice.run(&["get", "configmaps"]).await;
    assert!(!closed.ok && closed.err.contains("Forbidden"), "{closed:?}");
    plane.bind("root:team", "system:kcp:workspace:access", "alice").await;
    plane.bind("root:team", "view", "alice").await;
    let told = alice.run(&["auth", "can-i", "--list"]).await.fine();
    assert!(told.contains("selfsubjectaccessreviews.authorization.k8s.io"), "{told}");
    assert!(told.lines().any(|l| l.starts_with("configmaps ") && l.contains("[get list watch]")), "{told}");
    assert!(alice.run(&["auth", "can-i", "list", "configmaps"]).await.fine().contains("yes"));
    assert!(alice.run(&["auth", "can-i", "create", "configmaps"]).await.out.contains("no"));
    let who = alice.run(&["auth", "whoami", "-o", "json"]).await.fine();
    let who: Value = serde_json::from_str(&who).unwrap();
    assert_eq!(who["status"]["userInfo"]["username"], "alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn sto_02_watching_kubectl_sees_changes_as_they_come() {
    let Some((_plane, kubectl)) = in_team().await else { return };
    kubectl.run(&["create", "configmap", "a", "--from-literal=x=1"]).await.fine();
    let mut lines = kubectl.follow(&["get", "configmaps", "-w", "--output-watch-events"]).await;
    lines.until("ADDED").await;
    kubectl.run(&["create", "configmap", "b"]).await.fine();
    let line = lines.until("b ").await;
    assert!(line.starts_with("ADDED"), "{line}");
    kubectl.run(&["patch", "configmap", "a", "--type=merge", "-p", r#"{"data":{"y":"2"}}"#]).await.fine();
    let line = lines.until("MODIFIED").await;
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(&words[1..3], ["a", "2"], "{line}");
    kubectl.run(&["delete", "configmap", "a"]).await.fine();
    lines.until("DELETED").await;
}
