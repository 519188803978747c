//! The operator of a mesh: a service account that keeps providers and their policies, invites people, and reads
//! decisions. It is no administrator: nobody is, once the mesh is ready.

use platform_mesh_api::names;
use serde_json::{Value, json};

/// Name of the service account, in the namespace of the platform's own.
pub(crate) const MESH_OPERATOR: &str = "mesh-operator";

/// Its objects, by workspace. `home` is the logical cluster of [`names::SYSTEM`].
pub(crate) fn objects(home: &str) -> Vec<(&'static str, Value)> {
    let global = json!({
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "User",
        "name": format!("system:kcp:serviceaccount:{home}:{}:{MESH_OPERATOR}", names::SYSTEM_NAMESPACE),
    });
    let local =
        json!({"kind": "ServiceAccount", "namespace": names::SYSTEM_NAMESPACE, "name": MESH_OPERATOR});
    let read = ["get", "list", "watch"];
    let all = ["get", "list", "watch", "create", "update", "patch", "delete"];
    let discovery =
        json!({"nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/version"], "verbs": ["get"]});
    let mut objects = vec![(
        names::SYSTEM,
        json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": MESH_OPERATOR, "namespace": names::SYSTEM_NAMESPACE},
        }),
    )];
    let mut grant = |workspace: &'static str, subject: &Value, rules: Value| {
        objects.push((workspace, role(rules)));
        objects.push((workspace, binding("", "platform-mesh:mesh-operator", subject)));
    };
    grant(
        names::SYSTEM,
        &local,
        json!([
            {"apiGroups": [names::GROUP], "resources": ["apiexportpolicies"], "verbs": all},
            // Reads where accounts stand, and invites people: what access management does elsewhere.
            {"apiGroups": ["apis.kcp.io"], "resources": ["apiexports/content"],
                "resourceNames": [names::CORE_EXPORT], "verbs": ["get", "list", "watch", "create"]},
            {"apiGroups": ["apis.kcp.io"], "resources": ["apiexportendpointslices"], "verbs": read},
            // kcp binds the default exports of a new workspace in the name of who made it.
            {"apiGroups": ["apis.kcp.io"], "resources": ["apiexports"],
                "resourceNames": [names::CORE_EXPORT, names::PROVIDERS_EXPORT], "verbs": ["bind"]},
            discovery,
        ]),
    );
    grant(
        names::ROOT,
        &global,
        json!([
            {"apiGroups": ["tenancy.kcp.io"], "resources": ["workspacetypes"],
                "resourceNames": ["provider"], "verbs": ["use", "get"]},
            {"nonResourceURLs": ["/debug/decisions/*"], "verbs": ["get"]},
            discovery,
        ]),
    );
    grant(
        names::PROVIDERS,
        &global,
        json!([
            {"apiGroups": ["tenancy.kcp.io"], "resources": ["workspaces"], "verbs": all},
            discovery,
        ]),
    );
    // Organisations belong to people; taking one away is the operator's business, since no relation speaks of it.
    grant(
        names::ORGS,
        &global,
        json!([
            {"apiGroups": [names::GROUP], "resources": ["accounts"], "verbs": ["get", "list", "watch", "delete"]},
            {"apiGroups": [names::GROUP], "resources": ["stores", "identityproviderconfigurations"], "verbs": read},
            {"apiGroups": ["tenancy.kcp.io"],
                "resources": ["workspaces", "workspacetypes", "workspaceauthenticationconfigurations"],
                "verbs": read},
            discovery,
        ]),
    );
    for workspace in [names::PROVIDERS, names::ORGS] {
        objects.push((workspace, binding(":access", "system:kcp:workspace:access", &global)));
    }
    objects
}

fn role(rules: Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "platform-mesh:mesh-operator"},
        "rules": rules,
    })
}

fn binding(suffix: &str, role: &str, subject: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": format!("platform-mesh:mesh-operator{suffix}")},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operator_is_no_administrator() {
        for (workspace, object) in objects("2x") {
            assert_ne!(object["roleRef"]["name"], "cluster-admin", "{workspace}");
            let rules = object["rules"].as_array().cloned().unwrap_or_default();
            for rule in rules {
                let everything =
                    |field: &str| rule[field].as_array().is_some_and(|all| all.contains(&json!("*")));
                assert!(
                    !everything("verbs") && !everything("resources") && !everything("apiGroups"),
                    "{rule}"
                );
            }
        }
    }
}
