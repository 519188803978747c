//! Roles and bindings of `system:admin`: Kubernetes' own policy for what is served here, and kcp's.

use apiserver::{ApiError, StoragePrefix};
use serde_json::{Value, json};

use super::put;
use crate::core::{Core, SYSTEM_ADMIN};

const RBAC: &str = "rbac.authorization.k8s.io";
const READ: &[&str] = &["get", "list", "watch"];

/// A rule on resources.
pub(super) fn rule(verbs: &[&str], groups: &[&str], resources: &[&str]) -> Value {
    json!({"verbs": verbs, "apiGroups": groups, "resources": resources})
}

/// A rule on paths.
pub(super) fn paths(verbs: &[&str], urls: &[&str]) -> Value {
    json!({"verbs": verbs, "nonResourceURLs": urls})
}

/// A ClusterRole.
pub(super) fn cluster_role(name: &str, rules: &[Value]) -> Value {
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules})
}

/// A ClusterRoleBinding of groups.
pub(super) fn group_binding(name: &str, role: &str, groups: &[&str]) -> Value {
    let subjects: Vec<Value> =
        groups.iter().map(|group| json!({"apiGroup": RBAC, "kind": "Group", "name": group})).collect();
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role}, "subjects": subjects,
    })
}

/// Stores roles and bindings in a cluster.
pub(super) fn put_all(
    core: &Core,
    cluster: &str,
    roles: Vec<Value>,
    bindings: Vec<Value>,
) -> Result<(), ApiError> {
    for (resource, objects) in [("clusterroles", roles), ("clusterrolebindings", bindings)] {
        let prefix = StoragePrefix::new(RBAC, resource);
        for object in objects {
            put(core, cluster, &prefix, object)?;
        }
    }
    Ok(())
}

pub(super) fn create(core: &Core) -> Result<(), ApiError> {
    let of_kubernetes = apiserver::rbac::bootstrap_objects();
    let (mut roles, mut bound): (Vec<Value>, Vec<Value>) =
        of_kubernetes.into_iter().partition(|object| object["kind"] == "ClusterRole");
    roles.extend(kcp_roles());
    bound.extend(bindings());
    put_all(core, SYSTEM_ADMIN, roles, bound)
}

fn kcp_roles() -> Vec<Value> {
    let tenancy = "tenancy.kcp.io";
    let core = "core.kcp.io";
    let clusters = ["logicalclusters", "logicalclusters/status"];
    vec![
        cluster_role(
            "system:kcp:tenancy:reader",
            &[
                rule(READ, &[tenancy], &["workspaces", "workspacetypes"]),
                rule(READ, &[core], &["logicalclusters"]),
            ],
        ),
        cluster_role(
            "system:kcp:tenancy:workspace-bootstrapper",
            &[rule(&["*"], &["*"], &["*"]), paths(&["*"], &["*"])],
        ),
        cluster_role(
            "system:kcp:logical-cluster-admin",
            &[
                rule(&["*"], &[core], &clusters),
                rule(&["delete", "update", "get"], &[tenancy], &["workspaces"]),
            ],
        ),
        cluster_role(
            "system:kcp:external-logical-cluster-admin",
            &[
                rule(&["delete", "update", "get"], &[core], &clusters),
                rule(&["delete", "update", "patch", "get"], &[tenancy], &["workspaces"]),
                rule(&["get"], &[""], &["serviceaccounts", "secrets"]),
                paths(&["access"], &["/"]),
                rule(&["create"], &["authorization.k8s.io"], &["subjectaccessreviews"]),
                rule(&["get", "update", "patch"], &["apis.kcp.io"], &["apiexportendpointslices/status"]),
                rule(&["get"], &[tenancy], &["workspaceauthenticationconfigurations"]),
            ],
        ),
        cluster_role("system:kcp:workspace:access", &[paths(&["access"], &["/"])]),
        cluster_role("system:kcp:metrics-reader", &[paths(&["get"], &["/metrics"])]),
    ]
}

fn bindings() -> Vec<Value> {
    let same = |name: &str| group_binding(name, name, &[name]);
    let bootstrapper = "system:kcp:tenancy:workspace-bootstrapper";
    let bound_bootstrapper = format!("apis.kcp.io:binding:{bootstrapper}");
    vec![
        group_binding("system:kcp:admin:cluster-admin", "cluster-admin", &["system:kcp:admin"]),
        group_binding(bootstrapper, bootstrapper, &[bootstrapper, &bound_bootstrapper]),
        same("system:kcp:logical-cluster-admin"),
        same("system:kcp:external-logical-cluster-admin"),
    ]
}
