//! Kubernetes' standard policy, for the resources that exist here: no pods, no nodes, no workloads.

use serde_json::{Map, Value, json};

use super::{GROUP, Rule, aggregated_rules};

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];
const ALL: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const CREATE: &[&str] = &["create"];
const GET: &[&str] = &["get"];

const TO_ADMIN: &str = "rbac.authorization.k8s.io/aggregate-to-admin";
const TO_EDIT: &str = "rbac.authorization.k8s.io/aggregate-to-edit";
const TO_VIEW: &str = "rbac.authorization.k8s.io/aggregate-to-view";

/// What a cluster role is made of.
enum Content {
    Rules(Vec<Rule>),
    /// Every cluster role with this label.
    Aggregates(&'static str),
}

/// Cluster roles and their bindings, ready to be created. Aggregated roles carry their rules already.
pub fn bootstrap_objects() -> Vec<Value> {
    let mut roles: Vec<Value> =
        roles().into_iter().map(|(name, label, content)| role(name, label, content)).collect();
    // `edit` takes from `view`, `admin` from `edit`: each pass carries rules one step up.
    for _ in 0..3 {
        let all = roles.clone();
        for role in &mut roles {
            if let (Some(rules), Some(fields)) = (aggregated_rules(role, &all), role.as_object_mut()) {
                fields.insert("rules".to_owned(), Value::Array(rules));
            }
        }
    }
    roles.extend(bindings().into_iter().map(|(name, groups)| binding(name, groups)));
    roles
}

fn roles() -> Vec<(&'static str, Option<&'static str>, Content)> {
    use Content::{Aggregates, Rules};
    const ISSUER: &[&str] = &[
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/",
        "/openid/v1/jwks",
        "/openid/v1/jwks/",
    ];
    vec![
        (
            "cluster-admin",
            None,
            Rules(vec![Rule::of(&["*"], &["*"], &["*"]), Rule::of_paths(&["*"], &["*"])]),
        ),
        ("admin", None, Aggregates(TO_ADMIN)),
        ("edit", Some(TO_ADMIN), Aggregates(TO_EDIT)),
        ("view", Some(TO_EDIT), Aggregates(TO_VIEW)),
        ("system:aggregate-to-admin", Some(TO_ADMIN), Rules(admin_rules())),
        ("system:aggregate-to-edit", Some(TO_EDIT), Rules(edit_rules())),
        ("system:aggregate-to-view", Some(TO_VIEW), Rules(view_rules())),
        ("system:discovery", None, Rules(vec![Rule::of_paths(GET, DISCOVERY_PATHS)])),
        ("system:public-info-viewer", None, Rules(vec![Rule::of_paths(GET, PUBLIC_PATHS)])),
        ("system:monitoring", None, Rules(vec![Rule::of_paths(GET, MONITORING_PATHS)])),
        ("system:service-account-issuer-discovery", None, Rules(vec![Rule::of_paths(GET, ISSUER)])),
        (
            "system:basic-user",
            None,
            Rules(vec![
                Rule::of(
                    CREATE,
                    &["authorization.k8s.io"],
                    &["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
                ),
                Rule::of(CREATE, &["authentication.k8s.io"], &["selfsubjectreviews"]),
            ]),
        ),
        (
            "system:auth-delegator",
            None,
            Rules(vec![
                Rule::of(CREATE, &["authentication.k8s.io"], &["tokenreviews"]),
                Rule::of(CREATE, &["authorization.k8s.io"], &["subjectaccessreviews"]),
            ]),
        ),
    ]
}

const DISCOVERY_PATHS: &[&str] = &[
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
const PUBLIC_PATHS: &[&str] = &["/healthz", "/livez", "/readyz", "/version", "/version/"];
const MONITORING_PATHS: &[&str] =
    &["/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/metrics/slis", "/readyz", "/readyz/*"];

fn admin_rules() -> Vec<Rule> {
    vec![
        Rule::of(CREATE, &["authorization.k8s.io"], &["localsubjectaccessreviews"]),
        Rule::of(ALL, &[GROUP], &["rolebindings", "roles"]),
    ]
}

fn edit_rules() -> Vec<Rule> {
    vec![
        Rule::of(READ, &[""], &["secrets"]),
        Rule::of(&["impersonate"], &[""], &["serviceaccounts"]),
        Rule::of(WRITE, &[""], &["configmaps", "secrets", "serviceaccounts"]),
        Rule::of(CREATE, &[""], &["serviceaccounts/token"]),
        Rule::of(WRITE, &["", "events.k8s.io"], &["events"]),
        Rule::of(ALL, &["coordination.k8s.io"], &["leases"]),
    ]
}

fn view_rules() -> Vec<Rule> {
    vec![
        Rule::of(READ, &[""], &["configmaps", "serviceaccounts"]),
        Rule::of(
            READ,
            &[""],
            &["limitranges", "namespaces/status", "resourcequotas", "resourcequotas/status"],
        ),
        Rule::of(READ, &[""], &["namespaces"]),
        Rule::of(READ, &["", "events.k8s.io"], &["events"]),
    ]
}

fn bindings() -> Vec<(&'static str, &'static [&'static str])> {
    vec![
        ("cluster-admin", &["system:masters"]),
        ("system:basic-user", &["system:authenticated"]),
        ("system:discovery", &["system:authenticated"]),
        ("system:monitoring", &["system:monitoring"]),
        ("system:public-info-viewer", &["system:authenticated", "system:unauthenticated"]),
        ("system:service-account-issuer-discovery", &["system:serviceaccounts"]),
    ]
}

fn metadata(name: &str, label: Option<&str>) -> Value {
    let mut labels = Map::from_iter([("kubernetes.io/bootstrapping".to_owned(), json!("rbac-defaults"))]);
    labels.extend(label.map(|label| (label.to_owned(), json!("true"))));
    json!({"name": name, "labels": labels, "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"}})
}

fn role(name: &str, label: Option<&str>, content: Content) -> Value {
    let mut role = json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": "ClusterRole", "metadata": metadata(name, label), "rules": [],
    });
    let (field, value) = match content {
        Content::Rules(rules) => ("rules", rules.iter().map(Rule::to_value).collect()),
        Content::Aggregates(label) => {
            ("aggregationRule", json!({"clusterRoleSelectors": [{"matchLabels": {label: "true"}}]}))
        }
    };
    if let Some(fields) = role.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
    role
}

/// A binding of the cluster role of the same name.
fn binding(name: &str, groups: &[&str]) -> Value {
    let subjects: Vec<Value> =
        groups.iter().map(|group| json!({"kind": "Group", "apiGroup": GROUP, "name": group})).collect();
    json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": "ClusterRoleBinding", "metadata": metadata(name, None),
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": name}, "subjects": subjects,
    })
}
