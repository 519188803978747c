//! What is done, waited for and left alone, for accounts that stay and accounts that go.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use account_model::{Action, Seen, Step, Target, deletion, plan};
use platform_mesh_api::{Account, AccountInfo, AccountInfoSpec, AccountLocation, AccountSpec};
use serde_json::{Value, json};

fn account(name: &str, kind: &str) -> Account {
    let spec = AccountSpec {
        kind: kind.into(),
        display_name: name.into(),
        creator: Some("ann@acme.test".into()),
        ..AccountSpec::default()
    };
    let mut account = Account::new(name, spec);
    account.metadata.uid = Some(format!("uid-{name}"));
    account
}

fn in_orgs() -> Seen {
    Seen { cluster: "orgs".into(), orgs_cluster: Some("orgs".into()), ..Seen::default() }
}

fn below(org: &str) -> Seen {
    let location = AccountLocation { name: org.into(), kind: "org".into(), ..AccountLocation::default() };
    let spec =
        AccountInfoSpec { account: location.clone(), organization: location, ..AccountInfoSpec::default() };
    Seen { cluster: "acme".into(), parent_info: Some(AccountInfo::new("account", spec)), ..in_orgs() }
}

fn ready_type(name: &str) -> (String, Value) {
    (
        name.into(),
        json!({"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
    )
}

fn workspace_of(account: &Account, type_name: &str, phase: &str) -> Value {
    let name = account.metadata.name.as_deref().unwrap();
    json!({
        "metadata": {"name": name, "uid": "w", "ownerReferences": [{"apiVersion": "core.platform-mesh.io/v1alpha1",
            "kind": "Account", "name": name, "uid": account.metadata.uid}]},
        "spec": {"type": {"name": type_name, "path": "root:orgs"}, "cluster": "c", "URL": format!("https://k/clusters/root:orgs:{name}")},
        "status": {"phase": phase},
    })
}

#[track_caller]
fn waits(step: Step, text: &str) {
    assert_eq!(step, Step::Wait(text.into()));
}

#[test]
fn acc_w_each_wait_says_what_is_missing() {
    let dev = account("dev", "account");
    waits(plan::workspace(&dev, &Seen { parent_info: None, ..below("acme") }), "AccountInfo not found yet");
    waits(plan::workspace(&dev, &below("")), "AccountInfo organization name not set yet");
    waits(plan::workspace(&dev, &below("acme")), "Workspace type not ready yet");
    let mut seen = below("acme");
    seen.workspace_types.insert(
        "acme-account".into(),
        json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}),
    );
    waits(plan::workspace(&dev, &seen), "Workspace type not ready yet");
    seen.workspace_types.extend([ready_type("acme-account")]);
    assert!(matches!(plan::workspace(&dev, &seen), Step::Write(_)));

    for phase in ["Scheduling", "Unavailable", "Inactive", "Terminating", "Deleting", ""] {
        seen.workspace = Some(workspace_of(&dev, "acme-account", phase));
        waits(plan::account_info(&dev, &seen), "Workspace not ready yet");
    }
    seen.workspace = Some(workspace_of(&dev, "acme-account", "Initializing"));
    assert!(
        matches!(plan::account_info(&dev, &seen), Step::Write(_)),
        "AccountInfo comes while the workspace initializes"
    );
    waits(plan::workspace_ready(&dev, &seen), "Workspace not ready yet");
    waits(
        plan::account_info(&dev, &Seen { parent_info: None, ..seen.clone() }),
        "Parent AccountInfo does not exist yet",
    );
    seen.workspace.as_mut().unwrap()["spec"]["URL"] = json!("a");
    assert_eq!(plan::account_info(&dev, &seen), Step::Fail("workspace URL is invalid".into()));
    waits(
        plan::workspace(&dev, &Seen { orgs_cluster: None, ..below("acme") }),
        "workspace root:orgs not known yet",
    );
}

#[test]
fn acc_n5_a_workspace_of_somebody_else_is_neither_used_nor_deleted() {
    let dev = account("dev", "account");
    let mut seen = below("acme");
    seen.workspace_types.extend([ready_type("acme-account")]);
    let mut namesake = account("dev", "account");
    namesake.metadata.uid = Some("an earlier one".into());
    for foreign in [workspace_of(&namesake, "acme-account", "Ready"), json!({"metadata": {"name": "dev"}})] {
        seen.workspace = Some(foreign);
        assert!(matches!(plan::workspace(&dev, &seen), Step::Stop(_)));
        assert_eq!(deletion::workspace(&dev, &seen), Step::Done);
    }
    seen.workspace = Some(workspace_of(&dev, "other", "Ready"));
    assert!(matches!(plan::workspace(&dev, &seen), Step::Stop(text) if text.contains("cannot be changed")));
}

#[test]
fn acc_n6_an_organisation_elsewhere_touches_no_types() {
    let acme = account("acme", "org");
    let mut seen = Seen { cluster: "evil".into(), ..in_orgs() };
    seen.workspace_types.extend([ready_type("acme-org"), ready_type("acme-account")]);
    assert!(matches!(plan::workspace_types(&acme, &seen), Step::Stop(_)));
    assert!(matches!(plan::workspace(&acme, &seen), Step::Stop(_)));
    assert_eq!(deletion::workspace_types(&acme, &seen), Step::Done);
}

#[test]
fn acc_a6_drift_of_types_is_repaired_and_the_fields_of_others_stay() {
    let acme = account("acme", "org");
    let mut seen = in_orgs();
    let Step::Write(writes) = plan::workspace_types(&acme, &seen) else { panic!() };
    for write in writes {
        let Action::Create(mut object) = write.action else { panic!() };
        object["spec"]["authenticationConfigurations"] = json!([{"name": "acme"}]);
        object["metadata"]["labels"]["theirs"] = json!("x");
        seen.workspace_types.insert(write.name, object);
    }
    assert_eq!(plan::workspace_types(&acme, &seen), Step::Done);
    let drifted = seen.workspace_types.get_mut("acme-account").unwrap();
    drifted["spec"]["limitAllowedChildren"] = json!({"none": true});
    drifted["metadata"]["resourceVersion"] = json!("7");
    let Step::Write(writes) = plan::workspace_types(&acme, &seen) else { panic!() };
    assert_eq!(writes.len(), 1);
    assert_eq!(
        writes[0].action,
        Action::Patch(json!({
            "metadata": {"resourceVersion": "7"},
            "spec": {"limitAllowedChildren": {"none": null, "types": [{"name": "acme-account", "path": "root:orgs"}]}},
        }))
    );
}

#[test]
fn acc_w14_account_info_follows_the_parent_and_keeps_what_others_wrote() {
    let dev = account("dev", "account");
    let mut seen = below("acme");
    seen.workspace = Some(workspace_of(&dev, "acme-account", "Ready"));
    let Step::Write(writes) = plan::account_info(&dev, &seen) else { panic!() };
    let Action::Create(mut info) = writes[0].action.clone() else { panic!() };
    info["spec"]["later"] = json!({"kept": true});
    info["spec"]["oidc"] = json!({"issuerUrl": "old", "clients": {"gone": {"clientId": "1"}}});
    seen.own_info = Some(info);
    let parent = seen.parent_info.as_mut().unwrap();
    parent.spec.oidc = Some(
        serde_json::from_value(json!({"issuerUrl": "new", "clients": {"x": {"clientId": "2"}}})).unwrap(),
    );
    let Step::Write(writes) = plan::account_info(&dev, &seen) else { panic!() };
    assert_eq!(
        writes[0].action,
        Action::Patch(
            json!({"spec": {"oidc": {"issuerUrl": "new", "clients": {"gone": null, "x": {"clientId": "2"}}}}})
        )
    );

    // For an organisation, login and store belong to the security operator.
    let acme = account("acme", "org");
    let mut seen =
        Seen { workspace: Some(workspace_of(&acme, "acme-org", "Ready")), ca: "new".into(), ..in_orgs() };
    let Step::Write(writes) = plan::account_info(&acme, &seen) else { panic!() };
    let Action::Create(mut info) = writes[0].action.clone() else { panic!() };
    assert_eq!(info["spec"]["fga"], json!({"store": {"id": ""}}));
    info["spec"]["oidc"] = json!({"issuerUrl": "u", "clients": {}});
    info["spec"]["fga"]["store"]["id"] = json!("s");
    info["spec"]["clusterInfo"]["ca"] = json!("old");
    seen.own_info = Some(info);
    let Step::Write(writes) = plan::account_info(&acme, &seen) else { panic!() };
    assert_eq!(writes[0].action, Action::Patch(json!({"spec": {"clusterInfo": {"ca": "new"}}})));
}

#[test]
fn acc_d_deletion_goes_from_workspace_to_types_and_waits_in_between() {
    let acme = account("acme", "org");
    let mut seen = in_orgs();
    for name in ["acme-org", "acme-account"] {
        seen.workspace_types.insert(
            name.into(),
            json!({"metadata": {"name": name, "uid": name, "labels": {"core.platform-mesh.io/org": "acme"}}}),
        );
    }
    seen.workspace = Some(workspace_of(&acme, "acme-org", "Ready"));
    let Step::Write(writes) = deletion::workspace(&acme, &seen) else { panic!() };
    assert_eq!(writes[0].action, Action::Delete { uid: Some("w".into()) });
    seen.workspace.as_mut().unwrap()["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    waits(deletion::workspace(&acme, &seen), "Waiting for Workspace deletion");
    seen.orgs_workspaces = vec![seen.workspace.clone().unwrap()];
    assert!(matches!(deletion::workspace_types(&acme, &seen), Step::Wait(_)));
    seen.workspace = None;
    seen.orgs_workspaces.clear();
    assert_eq!(deletion::workspace(&acme, &seen), Step::Done);
    let Step::Write(writes) = deletion::workspace_types(&acme, &seen) else { panic!() };
    assert!(writes.iter().all(|write| write.target == Target::WorkspaceType));
    assert_eq!(writes.len(), 2);
    // A clash of names: the type is another organisation's.
    seen.workspace_types.get_mut("acme-org").unwrap()["metadata"]["labels"]["core.platform-mesh.io/org"] =
        json!("other");
    let Step::Write(writes) = deletion::workspace_types(&acme, &seen) else { panic!() };
    assert_eq!(writes.iter().map(|write| write.name.as_str()).collect::<Vec<_>>(), ["acme-account"]);
    waits(deletion::account_info(1), "Accounts still exist");
    assert_eq!(deletion::account_info(0), Step::Done);
}

#[test]
fn acc_g8_an_organisation_without_creator_says_so() {
    let mut acme = account("acme", "org");
    acme.spec.creator = None;
    let mut seen = in_orgs();
    seen.workspace_types.extend([ready_type("acme-org")]);
    assert!(matches!(plan::workspace(&acme, &seen), Step::Stop(text) if text.contains("spec.creator")));
}
