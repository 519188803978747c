//! Service accounts and what each may do. They live in `root:platform-mesh-system`; in every other workspace kcp knows
//! them by a global name that carries the logical cluster of their home.

use serde_json::{Value, json};

use super::{Lookup, step::Step};
use crate::names;

const READ: [&str; 3] = ["get", "list", "watch"];
const WRITE: [&str; 7] = ["get", "list", "watch", "create", "update", "patch", "delete"];
/// kcp's own role for entering a workspace; it resolves in every workspace.
const ACCESS_ROLE: &str = "system:kcp:workspace:access";

pub(super) fn in_system_workspace() -> Vec<Step> {
    let mut steps = vec![namespace(names::SYSTEM)];
    for account in [names::ACCOUNT_OPERATOR, names::SECURITY_OPERATOR, names::REBAC_AUTHZ_WEBHOOK] {
        steps.push(service_account(names::SYSTEM, names::SYSTEM_NAMESPACE, account));
    }
    let everything = ["*"];
    for (account, exports, verbs) in [
        (names::ACCOUNT_OPERATOR, &[names::CORE_EXPORT][..], &everything[..]),
        (names::SECURITY_OPERATOR, &[names::CORE_EXPORT, names::SYSTEM_EXPORT][..], &everything[..]),
        (names::REBAC_AUTHZ_WEBHOOK, &[names::CORE_EXPORT][..], &READ[..]),
    ] {
        let mut rules = exporter_rules(exports, verbs);
        if account != names::REBAC_AUTHZ_WEBHOOK {
            // kcp binds the default exports of a new workspace in the name of who made it.
            rules.push(rule("apis.kcp.io", &["apiexports"], exports, &["bind"]));
        }
        steps.extend(role_for(
            names::SYSTEM,
            account,
            rules,
            local_subject(names::SYSTEM_NAMESPACE, account),
        ));
    }
    steps
}

pub(super) fn in_other_workspaces() -> Vec<Step> {
    let mut steps = Vec::new();
    let types = "tenancy.kcp.io";
    let grant = |workspace: &str, account: &str, rules: Vec<Value>| {
        role_for(workspace, account, rules, global_subject(account))
    };
    let enter = |workspace: &str, account: &str| {
        binding(workspace, account, "access", ACCESS_ROLE, global_subject(account))
    };

    // Everybody who is authenticated may enter root.
    steps.extend(grant(
        names::ROOT,
        names::ACCOUNT_OPERATOR,
        vec![rule(types, &["workspacetypes"], &["org", "account", "security", "universal"], &["use", "get"])],
    ));
    steps.extend(grant(
        names::ROOT,
        names::SECURITY_OPERATOR,
        vec![
            rule(types, &["workspacetypes"], &[names::SECURITY_TYPE], &["initialize", "terminate", "get"]),
            rule(types, &["workspacetypes"], &[], &READ),
        ],
    ));

    steps.push(enter(names::ORGS, names::ACCOUNT_OPERATOR));
    steps.extend(grant(
        names::ORGS,
        names::ACCOUNT_OPERATOR,
        vec![rule(types, &["workspacetypes"], &[], &["use", "get", "list", "watch"])],
    ));
    steps.push(enter(names::ORGS, names::SECURITY_OPERATOR));
    steps.extend(grant(
        names::ORGS,
        names::SECURITY_OPERATOR,
        vec![
            rule(names::GROUP, &["accounts", "accountinfos"], &[], &READ),
            rule(
                names::GROUP,
                &["stores", "identityproviderconfigurations", "authorizationmodels"],
                &[],
                &WRITE,
            ),
            rule(types, &["workspaceauthenticationconfigurations"], &[], &WRITE),
            rule(types, &["workspacetypes"], &[], &["get", "list", "watch", "update", "patch"]),
            rule(types, &["workspaces"], &[], &READ),
            rule("core.kcp.io", &["logicalclusters"], &[], &READ),
            rule("", &["secrets"], &[], &WRITE),
            discovery(),
        ],
    ));

    steps.push(namespace(names::RUNTIME));
    for (account, resources) in [
        (names::ACCOUNT_OPERATOR, vec![leases(), events()]),
        (names::SECURITY_OPERATOR, vec![leases(), events(), rule("", &["secrets"], &[], &WRITE)]),
    ] {
        steps.push(enter(names::RUNTIME, account));
        let mut rules = resources;
        rules.push(discovery());
        steps.extend(grant(names::RUNTIME, account, rules));
    }
    steps
}

/// A service account for a provider, in the provider's own workspace: its export and nothing else.
pub fn provider_identity(workspace: &str, account: &str, export: &str) -> Vec<Step> {
    let mut steps = vec![service_account(workspace, "default", account)];
    steps.extend(role_for(
        workspace,
        account,
        exporter_rules(&[export], &["*"]),
        local_subject("default", account),
    ));
    steps
}

/// What a controller needs where its exports are: their content, and the means to find the endpoints.
fn exporter_rules(exports: &[&str], content_verbs: &[&str]) -> Vec<Value> {
    vec![
        rule("apis.kcp.io", &["apiexports/content"], exports, content_verbs),
        rule("apis.kcp.io", &["apiexports"], exports, &["get"]),
        rule("apis.kcp.io", &["apiexportendpointslices", "apibindings"], &[], &READ),
        rule("core.kcp.io", &["logicalclusters"], &[], &["get"]),
        discovery(),
    ]
}

fn leases() -> Value {
    rule("coordination.k8s.io", &["leases"], &[], &WRITE)
}

fn events() -> Value {
    json!({"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch", "update"]})
}

fn discovery() -> Value {
    json!({
        "nonResourceURLs": ["/", "/api", "/api/*", "/apis", "/apis/*", "/clusters/*", "/openapi", "/openapi/*",
            "/services/*", "/version"],
        "verbs": ["get"],
    })
}

fn rule(group: &str, resources: &[&str], names: &[&str], verbs: &[&str]) -> Value {
    let mut rule = json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
    if !names.is_empty() {
        rule["resourceNames"] = json!(names);
    }
    rule
}

/// A ClusterRole `platform-mesh:<account>` and its binding.
fn role_for(workspace: &str, account: &str, rules: Vec<Value>, subject: Value) -> Vec<Step> {
    let role = format!("platform-mesh:{account}");
    let object = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": role},
        "rules": rules,
    });
    vec![Step::new(workspace, object), binding(workspace, account, "", &role, subject)]
}

fn binding(workspace: &str, account: &str, suffix: &str, role: &str, subject: Value) -> Step {
    let name = if suffix.is_empty() {
        format!("platform-mesh:{account}")
    } else {
        format!("platform-mesh:{account}:{suffix}")
    };
    let object = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    });
    Step::new(workspace, object)
}

fn local_subject(namespace: &str, account: &str) -> Value {
    json!({"kind": "ServiceAccount", "namespace": namespace, "name": account})
}

fn global_subject(account: &str) -> Value {
    let home = Lookup::cluster(names::SYSTEM);
    json!({
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "User",
        "name": format!("system:kcp:serviceaccount:{home}:{}:{account}", names::SYSTEM_NAMESPACE),
    })
}

fn namespace(workspace: &str) -> Step {
    let object =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": names::SYSTEM_NAMESPACE}});
    Step::new(workspace, object)
}

fn service_account(workspace: &str, namespace: &str, account: &str) -> Step {
    let metadata = json!({"name": account, "namespace": namespace});
    Step::new(workspace, json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}))
}
