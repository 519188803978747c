//! Accounts become workspaces.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod fake;

use std::time::Duration;

use fake::{FakeKcp, ORGS, condition, with_operator};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn acc_a1_a2_a4_a5_organisation_and_account_become_ready_and_then_nothing_is_written() {
    let kcp = FakeKcp::new();
    with_operator(&kcp, &[], async {
        kcp.create_account(ORGS, "acme", "org");
        kcp.is_ready(ORGS, "acme").await;
        let acme = kcp.get(ORGS, "accounts", "acme").unwrap();
        assert_eq!(
            acme["metadata"]["finalizers"],
            json!([
                "workspacetype.core.platform-mesh.io/finalizer",
                "account.core.platform-mesh.io/finalizer"
            ])
        );
        let types: Vec<_> = acme["status"]["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["type"].as_str().unwrap())
            .collect();
        assert_eq!(
            types,
            [
                "WorkspaceTypeSubroutine",
                "WorkspaceSubroutine",
                "ManageAccountInfoSubroutine",
                "WorkspaceReadySubroutine",
                "Ready"
            ]
        );
        assert_eq!(condition(&acme, "Ready")["message"], "all subroutines completed successfully");
        assert_eq!(acme["status"]["observedGeneration"], 1);
        let inside = kcp.cluster_of(ORGS, "acme");
        let info = kcp.get(&inside, "accountinfos", "account").unwrap();
        assert_eq!(info["spec"]["account"], info["spec"]["organization"]);
        assert_eq!(
            (&info["spec"]["account"]["path"], &info["spec"]["clusterInfo"]["ca"]),
            (&json!("root:orgs:acme"), &json!("CA"))
        );
        assert!(
            kcp.get(ORGS, "workspacetypes", "acme-org").is_some()
                && kcp.get(ORGS, "workspacetypes", "acme-account").is_some()
        );

        kcp.create_account(&inside, "dev", "account");
        kcp.is_ready(&inside, "dev").await;
        let dev = kcp.get(&inside, "accounts", "dev").unwrap();
        assert_eq!(dev["metadata"]["finalizers"], json!(["account.core.platform-mesh.io/finalizer"]));
        let workspace = kcp.get(&inside, "workspaces", "dev").unwrap();
        assert_eq!(workspace["spec"]["type"], json!({"name": "acme-account", "path": "root:orgs"}));
        assert_eq!(workspace["metadata"]["ownerReferences"][0]["uid"], dev["metadata"]["uid"]);
        let info = kcp.get(&kcp.cluster_of(&inside, "dev"), "accountinfos", "account").unwrap();
        assert_eq!(info["spec"]["parentAccount"]["name"], "acme");
        assert_eq!(info["metadata"]["finalizers"], json!(["account.core.platform-mesh.io/info"]));

        tokio::time::sleep(Duration::from_secs(10)).await;
        let writes = kcp.writes().len();
        tokio::time::sleep(Duration::from_secs(26 * 3600)).await;
        assert_eq!(kcp.writes()[writes..], [] as [String; 0], "in steady state nothing is written");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn acc_a6_d9_what_others_change_or_delete_comes_back_without_polling() {
    let kcp = FakeKcp::new();
    with_operator(&kcp, &[], async {
        kcp.create_account(ORGS, "acme", "org");
        kcp.is_ready(ORGS, "acme").await;
        kcp.merge(ORGS, "workspacetypes", "acme-account", json!({"spec": {"limitAllowedChildren": {"none": true}, "authenticationConfigurations": [{"name": "acme"}]}}));
        kcp.sees(ORGS, "workspacetypes", "acme-account", "is repaired", |object| {
            let spec = &object.unwrap()["spec"];
            spec["limitAllowedChildren"]["none"].is_null() && spec["authenticationConfigurations"][0]["name"] == "acme"
        })
        .await;
        let inside = kcp.cluster_of(ORGS, "acme");
        kcp.delete(&inside, "accountinfos", "account");
        kcp.sees(&inside, "accountinfos", "account", "is there again", |object| {
            object.is_some_and(|object| object["metadata"]["deletionTimestamp"].is_null())
        })
        .await;
        // The child follows what the security operator writes into the parent.
        kcp.create_account(&inside, "dev", "account");
        kcp.is_ready(&inside, "dev").await;
        kcp.merge(&inside, "accountinfos", "account", json!({"spec": {"oidc": {"issuerUrl": "u", "clients": {"acme": {"clientId": "1"}}}}}));
        let child = kcp.cluster_of(&inside, "dev");
        kcp.sees(&child, "accountinfos", "account", "has the clients", |object| object.unwrap()["spec"]["oidc"]["issuerUrl"] == "u").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn acc_w8_a_workspace_that_is_engaged_late_gets_its_account_info_without_a_further_event() {
    let kcp = FakeKcp::new().engaging_after(Duration::from_secs(90));
    with_operator(&kcp, &[], async {
        kcp.create_account(ORGS, "acme", "org");
        kcp.sees(ORGS, "accounts", "acme", "waits", |object| {
            let waiting = condition(object.unwrap(), "ManageAccountInfoSubroutine");
            waiting["reason"] == "Stopped" && waiting["message"] == "workspace cannot be reached yet"
        })
        .await;
        kcp.is_ready(ORGS, "acme").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn acc_e22_conflicts_are_tried_again_and_never_show_as_errors() {
    let kcp = FakeKcp::new();
    for (method, plural) in [
        ("PATCH", "accounts"),
        ("POST", "workspacetypes"),
        ("POST", "workspaces"),
        ("POST", "accountinfos"),
        ("PATCH", "accounts"),
    ] {
        kcp.conflict_once(method, plural);
    }
    with_operator(&kcp, &[], async {
        kcp.create_account(ORGS, "acme", "org");
        let errors = async {
            loop {
                let object = kcp.get(ORGS, "accounts", "acme").unwrap();
                assert_ne!(condition(&object, "Ready")["reason"], "Error", "{object:#}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! { () = errors => {} () = kcp.is_ready(ORGS, "acme") => {} }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn acc_o6_objects_of_another_instance_are_not_touched() {
    let kcp = FakeKcp::new();
    with_operator(&kcp, &["--debug-label-value=me"], async {
        kcp.create_account(ORGS, "acme", "org");
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(kcp.writes(), [] as [String; 0]);
        kcp.merge(
            ORGS,
            "accounts",
            "acme",
            json!({"metadata": {"labels": {"debug.platform-mesh.io": "me"}}}),
        );
        kcp.is_ready(ORGS, "acme").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn acc_w5_a_type_without_workspace_type_stays_stopped() {
    let kcp = FakeKcp::new();
    with_operator(&kcp, &["--webhooks-additional-account-types=team"], async {
        kcp.create_account(ORGS, "acme", "org");
        kcp.is_ready(ORGS, "acme").await;
        let inside = kcp.cluster_of(ORGS, "acme");
        kcp.create_account(&inside, "a", "team");
        kcp.sees(&inside, "accounts", "a", "waits", |object| {
            condition(object.unwrap(), "WorkspaceSubroutine")["message"] == "Workspace type not ready yet"
        })
        .await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert!(kcp.get(&inside, "workspaces", "a").is_none());
    })
    .await;
}
