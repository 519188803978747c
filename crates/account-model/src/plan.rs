//! What to do next for an account that stays. Four steps in this order; each is asked on its own, so that a controller
//! can say of each how far it is, and [`plan`] asks all.

use platform_mesh_api::{Account, names};

use crate::{
    account_info,
    names::{check_label, check_org_name},
    seen::{Seen, Step, Target, Write},
    workspace::{WorkspaceView, desired_workspace, is_owned_by, path_of_url},
    workspace_type::{TypeRef, desired_types, names_of, org_label, repair, type_is_ready},
};

/// The AccountInfo beside a non-organisation Account is missing.
pub const NO_ACCOUNT_INFO: &str = "AccountInfo not found yet";
/// … or does not name an organisation.
pub const NO_ORGANIZATION: &str = "AccountInfo organization name not set yet";
/// kcp cannot make workspaces of the type yet.
pub const TYPE_NOT_READY: &str = "Workspace type not ready yet";
/// kcp has not finished the workspace.
pub const WORKSPACE_NOT_READY: &str = "Workspace not ready yet";
/// AccountInfo cannot be derived without that of the parent.
pub const NO_PARENT_INFO: &str = "Parent AccountInfo does not exist yet";

/// The steps for an account that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepName {
    /// The two types of an organisation.
    WorkspaceType,
    /// The workspace.
    Workspace,
    /// AccountInfo in the workspace.
    AccountInfo,
    /// kcp says that the workspace is ready.
    WorkspaceReady,
}

/// All steps up to the first that is not done, with what it has to do.
pub fn plan(account: &Account, seen: &Seen) -> Vec<(StepName, Step)> {
    let mut all = Vec::new();
    for (name, step) in [
        (StepName::WorkspaceType, workspace_types as fn(&Account, &Seen) -> Step),
        (StepName::Workspace, workspace),
        (StepName::AccountInfo, account_info),
        (StepName::WorkspaceReady, workspace_ready),
    ] {
        let next = step(account, seen);
        let done = next == Step::Done;
        all.push((name, next));
        if !done {
            break;
        }
    }
    all
}

/// Names of the WorkspaceTypes in `root:orgs` that the plan wants to see.
pub fn workspace_types_to_see(account: &Account, seen: &Seen) -> Vec<String> {
    if is_org(account) {
        return names_of(name_of(account)).to_vec();
    }
    workspace_type_of(account, seen).map(|reference| vec![reference.name]).unwrap_or_default()
}

/// Step one: the types of an organisation. Nothing for other accounts.
pub fn workspace_types(account: &Account, seen: &Seen) -> Step {
    if !is_org(account) {
        return Step::Done;
    }
    if let Some(stop) = misplaced(account, seen) {
        return stop;
    }
    let name = name_of(account);
    if let Err(fault) = check_org_name(name) {
        return Step::Stop(format!("organization name \"{name}\" {fault}"));
    }
    let mut writes = Vec::new();
    for desired in desired_types(name) {
        let type_name = desired["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        match seen.workspace_types.get(&type_name) {
            None => writes.push(Write::create(Target::WorkspaceType, &type_name, desired)),
            Some(existing) => match org_label(existing) {
                // A missing label may have been taken away; another organisation's is a clash of names.
                Some(other) if other != name => {
                    return Step::Stop(format!("workspace type {type_name} belongs to organization {other}"));
                }
                _ => writes.extend(
                    repair(existing, &desired)
                        .map(|patch| Write::patch(Target::WorkspaceType, &type_name, patch, existing)),
                ),
            },
        }
    }
    Step::write(writes)
}

/// Step two: the workspace.
pub fn workspace(account: &Account, seen: &Seen) -> Step {
    if let Some(stop) = misplaced(account, seen) {
        return stop;
    }
    let name = name_of(account);
    if let Err(fault) = check_label(name) {
        return Step::Stop(format!("account name \"{name}\" {fault}"));
    }
    let reference = match workspace_type_of(account, seen) {
        Ok(reference) => reference,
        Err(wait) => return wait,
    };
    if let Some(existing) = &seen.workspace {
        let view = WorkspaceView(existing);
        if !is_owned_by(existing, account) {
            return Step::Stop(format!("workspace {name} exists and does not belong to this account"));
        }
        if view.type_name() != reference.name || view.type_path() != reference.path {
            return Step::Stop(format!(
                "workspace {name} has type {}:{}, which cannot be changed to {}:{}",
                view.type_path(),
                view.type_name(),
                reference.path,
                reference.name
            ));
        }
        return Step::Done;
    }
    if !seen.workspace_types.get(&reference.name).is_some_and(type_is_ready) {
        return Step::Wait(TYPE_NOT_READY.to_owned());
    }
    if is_org(account) && account.spec.creator.as_deref().unwrap_or_default().is_empty() {
        // Without a creator the organisation would have no owner, and its initialization would never end.
        return Step::Stop("spec.creator is not set: was the mutating webhook registered?".to_owned());
    }
    Step::Write(vec![Write::create(Target::Workspace, name, desired_workspace(account, &reference))])
}

/// Step three: AccountInfo, as soon as the workspace can be written to. It must be there before the workspace is ready,
/// because the security operator's initializer waits for it.
pub fn account_info(account: &Account, seen: &Seen) -> Step {
    let Some(workspace) = &seen.workspace else { return Step::Wait(WORKSPACE_NOT_READY.to_owned()) };
    let view = WorkspaceView(workspace);
    if !matches!(view.phase(), "Initializing" | "Ready") {
        return Step::Wait(WORKSPACE_NOT_READY.to_owned());
    }
    let path = match path_of_url(view.url()) {
        Ok(path) => path,
        Err(fault) => return Step::Fail(fault.to_owned()),
    };
    let own = account_info::own_location(account, &seen.cluster, view, path);
    let desired = if is_org(account) {
        account_info::for_organization(own, &seen.ca)
    } else {
        let Some(parent) = &seen.parent_info else { return Step::Wait(NO_PARENT_INFO.to_owned()) };
        account_info::for_account(own, parent, &seen.ca)
    };
    match &seen.own_info {
        None => {
            let object = serde_json::to_value(&desired).unwrap_or_default();
            Step::Write(vec![Write::create(Target::AccountInfo, names::ACCOUNT_INFO_NAME, object)])
        }
        Some(existing) => Step::write(
            account_info::repair(existing, &desired)
                .map(|patch| Write::patch(Target::AccountInfo, names::ACCOUNT_INFO_NAME, patch, existing))
                .into_iter()
                .collect(),
        ),
    }
}

/// Step four: kcp says that the workspace is ready.
pub fn workspace_ready(_: &Account, seen: &Seen) -> Step {
    match &seen.workspace {
        Some(workspace) if WorkspaceView(workspace).phase() == "Ready" => Step::Done,
        _ => Step::Wait(WORKSPACE_NOT_READY.to_owned()),
    }
}

/// The type of the account's workspace, or what is missing to know it.
fn workspace_type_of(account: &Account, seen: &Seen) -> Result<TypeRef, Step> {
    if is_org(account) {
        return Ok(TypeRef::of(name_of(account), names::ACCOUNT_TYPE_ORG));
    }
    let info = seen.parent_info.as_ref().ok_or_else(|| Step::Wait(NO_ACCOUNT_INFO.to_owned()))?;
    let org = info.spec.organization.name.as_str();
    if org.is_empty() {
        return Err(Step::Wait(NO_ORGANIZATION.to_owned()));
    }
    Ok(TypeRef::of(org, &account.spec.kind))
}

/// An organisation anywhere but in `root:orgs` could take over the types of a namesake; any other account there would
/// have no organisation.
fn misplaced(account: &Account, seen: &Seen) -> Option<Step> {
    let Some(orgs) = &seen.orgs_cluster else {
        return Some(Step::Wait(format!("workspace {} not known yet", names::ORGS)));
    };
    match (is_org(account), *orgs == seen.cluster) {
        (true, false) => Some(Step::Stop(format!("an account of type org belongs in {}", names::ORGS))),
        (false, true) => Some(Step::Stop(format!("only accounts of type org belong in {}", names::ORGS))),
        _ => None,
    }
}

pub(crate) fn is_org(account: &Account) -> bool {
    account.spec.kind == names::ACCOUNT_TYPE_ORG
}

pub(crate) fn name_of(account: &Account) -> &str {
    account.metadata.name.as_deref().unwrap_or_default()
}
