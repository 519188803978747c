//! The workspace of an account: what it is made like, whose it is, how far it is.

use platform_mesh_api::{Account, names};
use serde_json::{Value, json};

use crate::workspace_type::TypeRef;

/// Reads the few fields of a Workspace that matter here; the object stays as it is.
#[derive(Clone, Copy, Debug)]
pub struct WorkspaceView<'a>(pub &'a Value);

impl<'a> WorkspaceView<'a> {
    /// `status.phase`, empty while kcp has not set it.
    pub fn phase(&self) -> &'a str {
        self.0["status"]["phase"].as_str().unwrap_or_default()
    }
    /// The logical cluster behind it, empty while not scheduled.
    pub fn cluster(&self) -> &'a str {
        self.0["spec"]["cluster"].as_str().unwrap_or_default()
    }
    /// The URL of its contents, empty while not scheduled.
    pub fn url(&self) -> &'a str {
        self.0["spec"]["URL"].as_str().unwrap_or_default()
    }
    /// Name of its type.
    pub fn type_name(&self) -> &'a str {
        self.0["spec"]["type"]["name"].as_str().unwrap_or_default()
    }
    /// Path of its type.
    pub fn type_path(&self) -> &'a str {
        self.0["spec"]["type"]["path"].as_str().unwrap_or_default()
    }
    /// Its uid.
    pub fn uid(&self) -> Option<&'a str> {
        self.0["metadata"]["uid"].as_str()
    }
    /// Whether it is being deleted.
    pub fn is_deleting(&self) -> bool {
        !self.0["metadata"]["deletionTimestamp"].is_null()
    }
}

/// The workspace of an account as it is created. Not a controller's reference: the Account is finalised by the
/// operator, not collected.
pub(crate) fn desired_workspace(account: &Account, workspace_type: &TypeRef) -> Value {
    let name = account.metadata.name.as_deref().unwrap_or_default();
    json!({
        "apiVersion": "tenancy.kcp.io/v1alpha1",
        "kind": "Workspace",
        "metadata": {
            "name": name,
            "annotations": {names::OWNED_BY_ANNOTATION: names::ACCOUNT_OPERATOR},
            "ownerReferences": [{
                "apiVersion": names::api_version(),
                "kind": "Account",
                "name": name,
                "uid": account.metadata.uid.as_deref().unwrap_or_default(),
            }],
        },
        "spec": {"type": workspace_type.to_value()},
    })
}

/// Whether an object names this very Account, by uid, as its owner. A namesake of an earlier Account does not count.
pub fn is_owned_by(object: &Value, account: &Account) -> bool {
    let Some(uid) = account.metadata.uid.as_deref().filter(|uid| !uid.is_empty()) else { return false };
    object["metadata"]["ownerReferences"].as_array().is_some_and(|owners| {
        owners.iter().any(|owner| {
            owner["kind"] == "Account"
                && owner["uid"] == uid
                && owner["apiVersion"]
                    .as_str()
                    .is_some_and(|version| version.split('/').next() == Some(names::GROUP))
        })
    })
}

/// The path of a workspace, from the URL of its contents: the last segment.
///
/// # Errors
/// The texts that conditions carry: `workspace URL is empty`, `workspace URL is invalid`.
pub fn path_of_url(url: &str) -> Result<&str, &'static str> {
    if url.is_empty() {
        return Err("workspace URL is empty");
    }
    let segments: Vec<&str> = url.split('/').collect();
    match segments.as_slice() {
        [_, _, .., last] if last.trim().is_empty() => Err("workspace URL is empty"),
        [_, _, .., last] => Ok(last),
        _ => Err("workspace URL is invalid"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acc_w7_paths_come_from_the_last_segment_of_the_url() {
        assert_eq!(path_of_url("https://kcp.acme.test:8443/clusters/root:orgs:acme"), Ok("root:orgs:acme"));
        assert_eq!(path_of_url(""), Err("workspace URL is empty"));
        assert_eq!(path_of_url("a"), Err("workspace URL is invalid"));
        assert_eq!(path_of_url("https://kcp/clusters/"), Err("workspace URL is empty"));
    }
}
