//! The two WorkspaceTypes of an organisation, in `root:orgs`.

use platform_mesh_api::names;
use serde_json::{Value, json};

use crate::{
    merge::{exactly, overlay},
    names::workspace_type_name,
};

/// A WorkspaceType by name and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeRef {
    /// Name of the type.
    pub name: String,
    /// Path of the workspace that holds it.
    pub path: String,
}

impl TypeRef {
    /// The type of accounts of a type in an organisation.
    pub fn of(org: &str, account_type: &str) -> Self {
        Self { name: workspace_type_name(org, account_type), path: names::ORGS.to_owned() }
    }

    pub(crate) fn to_value(&self) -> Value {
        json!({"name": self.name, "path": self.path})
    }
}

/// Names of the types that every organisation has, the organisation's own first.
pub(crate) fn names_of(org: &str) -> [String; 2] {
    [workspace_type_name(org, names::ACCOUNT_TYPE_ORG), workspace_type_name(org, names::ACCOUNT_TYPE_ACCOUNT)]
}

/// The two types as they are created.
pub(crate) fn desired_types(org: &str) -> [Value; 2] {
    let root = |name: &str| json!({"name": name, "path": names::ROOT});
    let org_type = TypeRef::of(org, names::ACCOUNT_TYPE_ORG).to_value();
    let account_type = TypeRef::of(org, names::ACCOUNT_TYPE_ACCOUNT).to_value();
    let object = |name: &str, base: Value, parents: Value| {
        json!({
            "apiVersion": "tenancy.kcp.io/v1alpha1",
            "kind": "WorkspaceType",
            "metadata": {
                "name": name,
                "labels": {names::ORG_LABEL: org},
                "annotations": {names::OWNED_BY_ANNOTATION: names::ACCOUNT_OPERATOR},
            },
            "spec": {
                "extend": {"with": [base]},
                "defaultChildWorkspaceType": account_type,
                "limitAllowedParents": {"types": parents},
                "limitAllowedChildren": {"types": [account_type]},
            },
        })
    };
    let [org_name, account_name] = names_of(org);
    [
        object(&org_name, root("org"), json!([root("orgs")])),
        object(&account_name, root("account"), json!([org_type, account_type])),
    ]
}

/// The organisation that a type says it belongs to.
pub(crate) fn org_label(workspace_type: &Value) -> Option<&str> {
    workspace_type["metadata"]["labels"][names::ORG_LABEL].as_str()
}

/// A patch that repairs the label and the four managed fields, or none. Everything else on the object belongs to others:
/// `authenticationConfigurations` to the security operator.
pub(crate) fn repair(existing: &Value, desired: &Value) -> Option<Value> {
    let managed = ["extend", "defaultChildWorkspaceType", "limitAllowedParents", "limitAllowedChildren"];
    let spec: serde_json::Map<String, Value> = managed
        .into_iter()
        .map(|field| (field.to_owned(), exactly(existing["spec"].get(field), &desired["spec"][field])))
        .collect();
    let wanted = json!({"metadata": {"labels": desired["metadata"]["labels"]}, "spec": spec});
    overlay(existing, &wanted)
}

/// Whether kcp says that workspaces of a type can be made.
pub fn type_is_ready(workspace_type: &Value) -> bool {
    workspace_type["status"]["conditions"].as_array().is_some_and(|conditions| {
        conditions.iter().any(|condition| condition["type"] == names::READY && condition["status"] == "True")
    })
}
