//! What to do next for an account that goes: first its workspace, then the types of its organisation; AccountInfo stays
//! until no child account is left.

use platform_mesh_api::Account;

use crate::{
    plan::name_of,
    seen::{Seen, Step, Target, Write},
    workspace::{WorkspaceView, is_owned_by},
    workspace_type::{names_of, org_label},
};

/// The workspace is on its way.
pub const WAITING_FOR_WORKSPACE: &str = "Waiting for Workspace deletion";
/// Child accounts keep AccountInfo alive.
pub const ACCOUNTS_EXIST: &str = "Accounts still exist";

/// Deletes the account's workspace and waits for its end. A workspace that belongs to somebody else is left alone.
pub fn workspace(account: &Account, seen: &Seen) -> Step {
    let Some(existing) = &seen.workspace else { return Step::Done };
    if !is_owned_by(existing, account) {
        return Step::Done;
    }
    if WorkspaceView(existing).is_deleting() {
        return Step::Wait(WAITING_FOR_WORKSPACE.to_owned());
    }
    Step::Write(vec![Write::delete(Target::Workspace, name_of(account), existing)])
}

/// Deletes the types of an organisation, once no workspace is made of them. Types of others are left alone, and so are
/// all types if the Account is not in `root:orgs`.
pub fn workspace_types(account: &Account, seen: &Seen) -> Step {
    let Some(orgs) = &seen.orgs_cluster else {
        return Step::Wait("workspace root:orgs not known yet".to_owned());
    };
    if *orgs != seen.cluster {
        return Step::Done;
    }
    let name = name_of(account);
    let mut writes = Vec::new();
    for type_name in names_of(name) {
        let Some(existing) = seen.workspace_types.get(&type_name) else { continue };
        if org_label(existing).is_some_and(|org| org != name)
            || !existing["metadata"]["deletionTimestamp"].is_null()
        {
            continue;
        }
        let user =
            seen.orgs_workspaces.iter().find(|workspace| WorkspaceView(workspace).type_name() == type_name);
        if let Some(user) = user {
            let user = user["metadata"]["name"].as_str().unwrap_or_default();
            return Step::Wait(format!("Workspace type {type_name} is still used by workspace {user}"));
        }
        writes.push(Write::delete(Target::WorkspaceType, &type_name, existing));
    }
    Step::write(writes)
}

/// Lets AccountInfo go once no Account is left beside it.
pub fn account_info(accounts_beside: usize) -> Step {
    if accounts_beside == 0 { Step::Done } else { Step::Wait(ACCOUNTS_EXIST.to_owned()) }
}
