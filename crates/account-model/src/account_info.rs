//! What an account workspace says about itself.

use platform_mesh_api::{Account, AccountInfo, AccountInfoSpec, AccountLocation, ClusterInfo, names};
use serde_json::{Value, json};

use crate::{
    merge::{exactly, overlay},
    workspace::WorkspaceView,
};

/// Where the account stands; `cluster` holds the Account object.
pub(crate) fn own_location(
    account: &Account,
    cluster: &str,
    workspace: WorkspaceView<'_>,
    path: &str,
) -> AccountLocation {
    AccountLocation {
        name: account.metadata.name.clone().unwrap_or_default(),
        generated_cluster_id: workspace.cluster().to_owned(),
        origin_cluster_id: cluster.to_owned(),
        path: path.to_owned(),
        url: workspace.url().to_owned(),
        kind: account.spec.kind.clone(),
        ..AccountLocation::default()
    }
}

/// AccountInfo of an organisation. Store and login are not ours: the security operator writes them.
pub(crate) fn for_organization(own: AccountLocation, ca: &str) -> AccountInfo {
    let spec = AccountInfoSpec {
        account: own.clone(),
        organization: own,
        cluster_info: ClusterInfo { ca: ca.to_owned(), ..ClusterInfo::default() },
        ..AccountInfoSpec::default()
    };
    AccountInfo::new(names::ACCOUNT_INFO_NAME, spec)
}

/// AccountInfo of an account below another one: organisation, store and login are those of the parent.
pub(crate) fn for_account(own: AccountLocation, parent: &AccountInfo, ca: &str) -> AccountInfo {
    let spec = AccountInfoSpec {
        account: own,
        parent_account: Some(parent.spec.account.clone()),
        organization: parent.spec.organization.clone(),
        fga: parent.spec.fga.clone(),
        oidc: parent.spec.oidc.clone(),
        cluster_info: ClusterInfo { ca: ca.to_owned(), ..ClusterInfo::default() },
        ..AccountInfoSpec::default()
    };
    AccountInfo::new(names::ACCOUNT_INFO_NAME, spec)
}

/// A merge patch that makes the managed fields of `existing` those of `desired`, or none. For an organisation these are
/// its own place and the certificates; below, also all that comes from the parent.
pub(crate) fn repair(existing: &Value, desired: &AccountInfo) -> Option<Value> {
    let is_organization = desired.spec.parent_account.is_none();
    let desired = serde_json::to_value(&desired.spec).unwrap_or_default();
    let mut wanted = json!({
        "account": desired["account"],
        "organization": desired["organization"],
        "clusterInfo": desired["clusterInfo"],
        "parentAccount": desired.get("parentAccount").cloned().unwrap_or_default(),
    });
    if !is_organization {
        wanted["fga"] = desired["fga"].clone();
        // The clients are a map: one that the parent has lost has to go here too.
        wanted["oidc"] =
            desired.get("oidc").map_or(Value::Null, |oidc| exactly(existing["spec"].get("oidc"), oidc));
    }
    overlay(&existing["spec"], &wanted).map(|spec| json!({"spec": spec}))
}
