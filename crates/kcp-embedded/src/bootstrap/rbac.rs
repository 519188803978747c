//! Roles and bindings of `system:admin`: Kubernetes' own policy for what is served here, and kcp's.

use apiserver::{ApiError, StoragePrefix};
use serde_json::{Value, json};

use super::put;
use crate::core::{Core, SYSTEM_ADMIN};

const RBAC: &str = "rbac.authorization.k8s.io";
const READ: &[&str] = &["get", "list", "watch"];
const ALL: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

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
    let mut roles = kubernetes_roles();
    roles.extend(kcp_roles());
    for role in &mut roles {
        role["metadata"]["labels"]["kubernetes.io/bootstrapping"] = "rbac-defaults".into();
        role["metadata"]["annotations"]["rbac.authorization.kubernetes.io/autoupdate"] = "true".into();
    }
    put_all(core, SYSTEM_ADMIN, roles, bindings())
}

fn kubernetes_roles() -> Vec<Value> {
    let discovery = [
        "/api",
        "/api/*",
        "/apis",
        "/apis/*",
        "/healthz",
        "/livez",
        "/openapi",
        "/openapi/*",
        "/readyz",
        "/version",
        "/version/",
    ];
    let view = vec![
        rule(
            READ,
            &[""],
            &[
                "configmaps",
                "events",
                "limitranges",
                "namespaces",
                "namespaces/status",
                "resourcequotas",
                "resourcequotas/status",
                "serviceaccounts",
            ],
        ),
        rule(READ, &["coordination.k8s.io"], &["leases"]),
        rule(READ, &["events.k8s.io"], &["events"]),
    ];
    let edit = vec![
        rule(ALL, &[""], &["configmaps", "events", "secrets", "serviceaccounts"]),
        rule(&["impersonate"], &[""], &["serviceaccounts"]),
        rule(&["create"], &[""], &["serviceaccounts/token"]),
        rule(ALL, &["coordination.k8s.io"], &["leases"]),
        rule(ALL, &["events.k8s.io"], &["events"]),
    ];
    let admin = vec![
        rule(&["create"], &["authorization.k8s.io"], &["localsubjectaccessreviews"]),
        rule(ALL, &[RBAC], &["roles", "rolebindings"]),
    ];
    let edit_all: Vec<Value> = view.iter().chain(&edit).cloned().collect();
    let admin_all: Vec<Value> = edit_all.iter().chain(&admin).cloned().collect();
    vec![
        cluster_role("cluster-admin", &[rule(&["*"], &["*"], &["*"]), paths(&["*"], &["*"])]),
        cluster_role("system:discovery", &[paths(&["get"], &discovery)]),
        cluster_role(
            "system:basic-user",
            &[
                rule(
                    &["create"],
                    &["authorization.k8s.io"],
                    &["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
                ),
                rule(&["create"], &["authentication.k8s.io"], &["selfsubjectreviews"]),
            ],
        ),
        cluster_role(
            "system:public-info-viewer",
            &[paths(&["get"], &["/healthz", "/livez", "/readyz", "/version", "/version/"])],
        ),
        cluster_role(
            "system:auth-delegator",
            &[
                rule(&["create"], &["authentication.k8s.io"], &["tokenreviews"]),
                rule(&["create"], &["authorization.k8s.io"], &["subjectaccessreviews"]),
            ],
        ),
        aggregated("view", &["view"], &view),
        aggregated("edit", &["edit", "view"], &edit_all),
        aggregated("admin", &["admin", "edit", "view"], &admin_all),
        part("system:aggregate-to-view", "view", &view),
        part("system:aggregate-to-edit", "edit", &edit),
        part("system:aggregate-to-admin", "admin", &admin),
    ]
}

fn label(of: &str) -> String {
    format!("rbac.authorization.k8s.io/aggregate-to-{of}")
}

/// A role whose rules are collected from others by label.
fn aggregated(name: &str, from: &[&str], rules: &[Value]) -> Value {
    let mut role = cluster_role(name, rules);
    let selectors: Vec<Value> = from.iter().map(|of| json!({"matchLabels": {label(of): "true"}})).collect();
    role["aggregationRule"] = json!({"clusterRoleSelectors": selectors});
    role
}

/// A role that others collect.
fn part(name: &str, of: &str, rules: &[Value]) -> Value {
    let mut role = cluster_role(name, rules);
    role["metadata"]["labels"] = json!({label(of): "true"});
    role
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
        group_binding("cluster-admin", "cluster-admin", &["system:masters"]),
        group_binding("system:discovery", "system:discovery", &["system:authenticated"]),
        group_binding("system:basic-user", "system:basic-user", &["system:authenticated"]),
        group_binding(
            "system:public-info-viewer",
            "system:public-info-viewer",
            &["system:authenticated", "system:unauthenticated"],
        ),
        group_binding("system:kcp:admin:cluster-admin", "cluster-admin", &["system:kcp:admin"]),
        group_binding(bootstrapper, bootstrapper, &[bootstrapper, &bound_bootstrapper]),
        same("system:kcp:logical-cluster-admin"),
        same("system:kcp:external-logical-cluster-admin"),
    ]
}
