//! What a plan is made from, and what it may answer.

use std::collections::BTreeMap;

use platform_mesh_api::AccountInfo;
use serde_json::Value;

/// What a controller has found for one Account. Objects of kcp stay raw, so that nothing of them is lost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Logical cluster that holds the Account.
    pub cluster: String,
    /// Logical cluster of `root:orgs`; none while it is not known.
    pub orgs_cluster: Option<String>,
    /// WorkspaceTypes in `root:orgs`, by name; those that were looked for and are not there are missing.
    pub workspace_types: BTreeMap<String, Value>,
    /// The Workspace of the account's name beside the Account.
    pub workspace: Option<Value>,
    /// The AccountInfo beside the Account: that of the parent.
    pub parent_info: Option<AccountInfo>,
    /// The AccountInfo inside the account's workspace.
    pub own_info: Option<Value>,
    /// Workspaces in `root:orgs`; needed only when types are about to be deleted.
    pub orgs_workspaces: Vec<Value>,
    /// Certificates of the control plane, PEM.
    pub ca: String,
}

/// What a step has to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing: all is as it should be.
    Done,
    /// These writes, in order; afterwards the step is done, unless it says otherwise when asked again.
    Write(Vec<Write>),
    /// Nothing until something else has changed; the text goes into the condition.
    Wait(String),
    /// Nothing until somebody changes the Account or what stands in its way.
    Stop(String),
    /// What was found makes no sense; try again later, more slowly each time.
    Fail(String),
}

/// One write. Every patch and deletion is guarded by what was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// What is written, and where.
    pub target: Target,
    /// Name of the object.
    pub name: String,
    /// What is done to it.
    pub action: Action,
}

/// A kind of object and the workspace it lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A WorkspaceType in `root:orgs`.
    WorkspaceType,
    /// A Workspace beside the Account.
    Workspace,
    /// An AccountInfo inside the account's workspace.
    AccountInfo,
}

/// What is done to an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Created as this.
    Create(Value),
    /// Changed by this JSON merge patch; it carries the resourceVersion that was seen.
    Patch(Value),
    /// Deleted, if it still has this uid.
    Delete {
        /// The uid that was seen.
        uid: Option<String>,
    },
}

impl Write {
    pub(crate) fn create(target: Target, name: &str, object: Value) -> Self {
        Self { target, name: name.to_owned(), action: Action::Create(object) }
    }

    pub(crate) fn patch(target: Target, name: &str, mut patch: Value, existing: &Value) -> Self {
        if let Some(version) = existing["metadata"]["resourceVersion"].as_str() {
            patch["metadata"]["resourceVersion"] = version.into();
        }
        Self { target, name: name.to_owned(), action: Action::Patch(patch) }
    }

    pub(crate) fn delete(target: Target, name: &str, existing: &Value) -> Self {
        let uid = existing["metadata"]["uid"].as_str().map(str::to_owned);
        Self { target, name: name.to_owned(), action: Action::Delete { uid } }
    }
}

impl Step {
    pub(crate) fn write(writes: Vec<Write>) -> Self {
        if writes.is_empty() { Self::Done } else { Self::Write(writes) }
    }
}
