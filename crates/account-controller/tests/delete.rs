//! Accounts go, and take what is theirs with them.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod fake;

use std::time::Duration;

use fake::{FakeKcp, ORGS, condition, with_operator};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn acc_d6_d7_d12_an_organisation_goes_with_its_children_and_may_come_again() {
    let kcp = FakeKcp::new();
    with_operator(&kcp, &[], async {
        kcp.create_account(ORGS, "acme", "org");
        kcp.is_ready(ORGS, "acme").await;
        let inside = kcp.cluster_of(ORGS, "acme");
        kcp.create_account(&inside, "dev", "account");
        kcp.is_ready(&inside, "dev").await;
        let child = kcp.cluster_of(&inside, "dev");
        kcp.create_account(&child, "eu", "account");
        kcp.is_ready(&child, "eu").await;

        kcp.delete(ORGS, "accounts", "acme");
        kcp.is_gone(ORGS, "accounts", "acme").await;
        assert!(kcp.ever_saw("accounts", |object| {
            let waiting = condition(object, "WorkspaceSubroutineFinalize");
            waiting["reason"] == "Stopped" && waiting["message"] == "Waiting for Workspace deletion"
        }));
        for (cluster, plural, name) in [
            (ORGS, "workspaces", "acme"),
            (ORGS, "workspacetypes", "acme-org"),
            (ORGS, "workspacetypes", "acme-account"),
            (&inside, "accounts", "dev"),
            (&inside, "accountinfos", "account"),
            (&child, "accounts", "eu"),
        ] {
            assert!(kcp.get(cluster, plural, name).is_none(), "{plural}/{name}");
        }
        kcp.create_account(ORGS, "acme", "org");
        kcp.is_ready(ORGS, "acme").await;
        assert_ne!(kcp.cluster_of(ORGS, "acme"), inside);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn acc_n5_a_workspace_that_was_there_before_is_neither_used_nor_deleted() {
    let kcp = FakeKcp::new();
    with_operator(&kcp, &[], async {
        kcp.create(ORGS, "workspaces", json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"name": "acme"}, "spec": {"type": {"name": "other", "path": "root"}}}));
        kcp.create_account(ORGS, "acme", "org");
        kcp.sees(ORGS, "accounts", "acme", "says why", |object| {
            condition(object.unwrap(), "WorkspaceSubroutine")["message"] == "workspace acme exists and does not belong to this account"
        })
        .await;
        kcp.delete(ORGS, "accounts", "acme");
        kcp.is_gone(ORGS, "accounts", "acme").await;
        assert!(kcp.get(ORGS, "workspaces", "acme").unwrap()["metadata"]["deletionTimestamp"].is_null());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn acc_n6_an_organisation_elsewhere_harms_nobody() {
    let kcp = FakeKcp::new();
    with_operator(&kcp, &[], async {
        kcp.create_account(ORGS, "acme", "org");
        kcp.create_account(ORGS, "evil", "org");
        kcp.is_ready(ORGS, "acme").await;
        kcp.is_ready(ORGS, "evil").await;
        let types = kcp.get(ORGS, "workspacetypes", "acme-account");
        let evil = kcp.cluster_of(ORGS, "evil");
        kcp.create_account(&evil, "acme", "org");
        kcp.sees(&evil, "accounts", "acme", "says why", |object| {
            condition(object.unwrap(), "WorkspaceTypeSubroutine")["message"]
                == "an account of type org belongs in root:orgs"
        })
        .await;
        kcp.delete(&evil, "accounts", "acme");
        kcp.is_gone(&evil, "accounts", "acme").await;
        assert_eq!(kcp.get(ORGS, "workspacetypes", "acme-account"), types);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn acc_d8_account_info_stays_while_child_accounts_exist() {
    let kcp = FakeKcp::new();
    with_operator(&kcp, &[], async {
        kcp.create_account(ORGS, "acme", "org");
        kcp.is_ready(ORGS, "acme").await;
        let inside = kcp.cluster_of(ORGS, "acme");
        kcp.create_account(&inside, "dev", "account");
        kcp.is_ready(&inside, "dev").await;
        let uid = kcp.get(&inside, "accountinfos", "account").unwrap()["metadata"]["uid"].clone();
        kcp.delete(&inside, "accountinfos", "account");
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(kcp.get(&inside, "accountinfos", "account").unwrap()["metadata"]["uid"], uid);
        kcp.delete(&inside, "accounts", "dev");
        kcp.sees(&inside, "accountinfos", "account", "was released", |object| {
            object.is_some_and(|object| object["metadata"]["uid"] != uid)
        })
        .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn acc_b10_a_step_that_was_switched_off_still_cleans_up() {
    let kcp = FakeKcp::new();
    with_operator(&kcp, &[], async {
        kcp.create_account(ORGS, "acme", "org");
        kcp.is_ready(ORGS, "acme").await;
    })
    .await;
    let off = [
        "--subroutines-workspace-type-enabled=false",
        "--subroutines-workspace-enabled=false",
        "--controllers-account-info-enabled=false",
    ];
    with_operator(&kcp, &off, async {
        kcp.delete(ORGS, "accounts", "acme");
        kcp.is_gone(ORGS, "accounts", "acme").await;
        assert!(kcp.get(ORGS, "workspaces", "acme").is_none());
    })
    .await;
}
