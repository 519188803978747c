//! One organisation and one account below it, object by object, as the specification of the operator shows them.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use account_model::{Action, Seen, Step, Write, plan};
use platform_mesh_api::{Account, AccountInfo, AccountSpec};
use serde_json::{Value, json};

const ORGS: &str = "orgsid0000000001";
const ACME: &str = "acmeid0000000001";
const DEV: &str = "deviid0000000001";
const SERVER: &str = "https://kcp.acme.test:8443/clusters";

fn account(name: &str, kind: &str, uid: &str) -> Account {
    let spec = AccountSpec {
        kind: kind.into(),
        display_name: "Acme Inc.".into(),
        creator: Some("ann@acme.test".into()),
        ..AccountSpec::default()
    };
    let mut account = Account::new(name, spec);
    account.metadata.uid = Some(uid.into());
    account
}

#[track_caller]
fn created(step: Step) -> Vec<Value> {
    let Step::Write(writes) = step else { panic!("{step:?}") };
    let object = |write: Write| match write.action {
        Action::Create(object) => object,
        other => panic!("{other:?}"),
    };
    writes.into_iter().map(object).collect()
}

/// What kcp makes of a Workspace that we created.
fn scheduled(mut workspace: Value, cluster: &str, path: &str) -> Value {
    workspace["spec"]["cluster"] = json!(cluster);
    workspace["spec"]["URL"] = json!(format!("{SERVER}/{path}"));
    workspace["status"] = json!({"phase": "Initializing"});
    workspace
}

fn location(name: &str, kind: &str, origin: &str, generated: &str, path: &str) -> Value {
    json!({"name": name, "type": kind, "originClusterId": origin, "generatedClusterId": generated, "path": path,
        "url": format!("{SERVER}/{path}")})
}

#[test]
fn acc_02_to_05_objects_of_the_worked_example() {
    let acme = account("acme", "org", "uid-acme");
    let mut seen = Seen {
        cluster: ORGS.into(),
        orgs_cluster: Some(ORGS.into()),
        ca: "-----BEGIN CERTIFICATE-----".into(),
        ..Seen::default()
    };
    let [org_type, account_type] = created(plan::workspace_types(&acme, &seen)).try_into().unwrap();
    let reference = |name: &str| json!({"name": name, "path": "root:orgs"});
    assert_eq!(
        org_type["spec"],
        json!({
            "extend": {"with": [{"name": "org", "path": "root"}]},
            "defaultChildWorkspaceType": reference("acme-account"),
            "limitAllowedParents": {"types": [{"name": "orgs", "path": "root"}]},
            "limitAllowedChildren": {"types": [reference("acme-account")]},
        })
    );
    assert_eq!(account_type["metadata"]["name"], "acme-account");
    assert_eq!(account_type["metadata"]["labels"], json!({"core.platform-mesh.io/org": "acme"}));
    assert_eq!(
        account_type["spec"],
        json!({
            "extend": {"with": [{"name": "account", "path": "root"}]},
            "defaultChildWorkspaceType": reference("acme-account"),
            "limitAllowedParents": {"types": [reference("acme-org"), reference("acme-account")]},
            "limitAllowedChildren": {"types": [reference("acme-account")]},
        })
    );
    for mut object in [org_type, account_type] {
        object["status"] = json!({"conditions": [{"type": "Ready", "status": "True"}]});
        // The security operator's field is preserved.
        object["spec"]["authenticationConfigurations"] = json!([{"name": "acme"}]);
        seen.workspace_types.insert(object["metadata"]["name"].as_str().unwrap().to_owned(), object);
    }
    assert_eq!(plan::workspace_types(&acme, &seen), Step::Done);

    let [workspace] = created(plan::workspace(&acme, &seen)).try_into().unwrap();
    assert_eq!(
        workspace["metadata"]["ownerReferences"],
        json!([{"apiVersion": "core.platform-mesh.io/v1alpha1", "kind": "Account", "name": "acme", "uid": "uid-acme"}])
    );
    assert_eq!(workspace["spec"], json!({"type": reference("acme-org")}));
    seen.workspace = Some(scheduled(workspace, ACME, "root:orgs:acme"));

    let [info] = created(plan::account_info(&acme, &seen)).try_into().unwrap();
    let acme_location = location("acme", "org", ORGS, ACME, "root:orgs:acme");
    assert_eq!(
        info["spec"],
        json!({"account": acme_location, "organization": acme_location, "fga": {"store": {"id": ""}},
            "clusterInfo": {"ca": "-----BEGIN CERTIFICATE-----"}})
    );

    // The security operator writes how people log in; the account below takes it over.
    let oidc = json!({"issuerUrl": "https://portal.acme.test/keycloak/realms/acme",
        "clients": {"acme": {"clientId": "1b9d"}, "kubectl": {"clientId": "77aa"}}});
    let mut parent = info;
    parent["spec"]["oidc"] = oidc.clone();
    let parent: AccountInfo = serde_json::from_value(parent).unwrap();
    let dev = account("dev", "account", "uid-dev");
    let mut below = Seen { cluster: ACME.into(), parent_info: Some(parent), workspace: None, ..seen };
    let [workspace] = created(plan::workspace(&dev, &below)).try_into().unwrap();
    assert_eq!(workspace["spec"], json!({"type": reference("acme-account")}));
    below.workspace = Some(scheduled(workspace, DEV, "root:orgs:acme:dev"));
    let [info] = created(plan::account_info(&dev, &below)).try_into().unwrap();
    assert_eq!(info["metadata"], json!({"name": "account"}));
    assert_eq!(
        info["spec"],
        json!({
            "account": location("dev", "account", ACME, DEV, "root:orgs:acme:dev"),
            "parentAccount": acme_location,
            "organization": acme_location,
            "clusterInfo": {"ca": "-----BEGIN CERTIFICATE-----"},
            "fga": {"store": {"id": ""}},
            "oidc": oidc,
        })
    );
}
