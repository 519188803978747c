//! APIResourceSchemas, APIExports, endpoint slices, and the bindings of the exporting workspace itself.

use serde_json::{Value, json};

use super::{
    Lookup, Parameters,
    step::{Step, Wait},
};
use crate::{Definition, definitions, names};

const KCP: &str = "apis.kcp.io/v1alpha2";
/// Kinds of the system export; all others of the group belong to the core export.
const SYSTEM_KINDS: [&str; 2] = ["IdentityProviderConfiguration", "APIExportPolicy"];

pub(super) fn steps(_: &Parameters) -> Vec<Step> {
    let mut steps: Vec<Step> = definitions()
        .iter()
        .map(|definition| Step::new(names::SYSTEM, definition.api_resource_schema()))
        .collect();
    // Exports before bindings: kcp refuses a binding to an export that is not there.
    for (name, claims) in [
        (names::SYSTEM_EXPORT, platform_claims()),
        (names::CORE_EXPORT, platform_claims()),
        (names::PROVIDERS_EXPORT, provider_claims()),
    ] {
        steps.push(export(name, claims).wait_for(Wait::Filled("/status/identityHash")));
    }
    for name in [names::SYSTEM_EXPORT, names::CORE_EXPORT] {
        steps.push(binding(name).wait_for(Wait::Phase("Bound")));
        steps.push(slice(name).wait_for(Wait::Filled("/status/endpoints")));
    }
    steps
}

fn export_of(definition: &Definition) -> &'static str {
    match definition.group {
        names::PROVIDERS_GROUP => names::PROVIDERS_EXPORT,
        _ if SYSTEM_KINDS.contains(&definition.kind) => names::SYSTEM_EXPORT,
        _ => names::CORE_EXPORT,
    }
}

fn export(name: &str, claims: Value) -> Step {
    let resources: Vec<Value> = definitions()
        .iter()
        .filter(|definition| export_of(definition) == name)
        .map(|definition| {
            json!({
                "group": definition.group,
                "name": definition.plural,
                "schema": definition.api_resource_schema_name(),
                "storage": {"crd": {}},
            })
        })
        .collect();
    let object = json!({
        "apiVersion": KCP,
        "kind": "APIExport",
        "metadata": {"name": name},
        "spec": {"resources": resources, "permissionClaims": claims},
    });
    Step::new(names::SYSTEM, object)
}

/// What the operators need in the workspaces that bind the core or the system export.
fn platform_claims() -> Value {
    let tenancy = Lookup::identity_hash(names::ROOT, "tenancy.kcp.io").to_string();
    json!([
        {"group": "tenancy.kcp.io", "resource": "workspaces", "identityHash": tenancy, "verbs": ["*"]},
        {"group": "tenancy.kcp.io", "resource": "workspacetypes", "identityHash": tenancy, "verbs": ["*"]},
        {"group": "apis.kcp.io", "resource": "apibindings", "verbs": ["*"]},
        {"group": "apis.kcp.io", "resource": "apiexports", "verbs": ["*"]},
        {"group": "apis.kcp.io", "resource": "apiresourceschemas", "verbs": ["*"]},
        {"group": "core.kcp.io", "resource": "logicalclusters", "verbs": ["*"]},
        {"group": "", "resource": "secrets", "verbs": ["*"]},
    ])
}

/// What is needed to give a provider credentials in its own workspace.
fn provider_claims() -> Value {
    let verbs = json!(["get", "list", "watch", "create", "update", "patch", "delete"]);
    let claims: Vec<Value> = [
        ("", "namespaces"),
        ("", "serviceaccounts"),
        ("", "secrets"),
        ("rbac.authorization.k8s.io", "roles"),
        ("rbac.authorization.k8s.io", "rolebindings"),
    ]
    .into_iter()
    .map(|(group, resource)| json!({"group": group, "resource": resource, "verbs": verbs}))
    .collect();
    Value::Array(claims)
}

fn binding(name: &str) -> Step {
    let mut claims = platform_claims();
    for claim in claims.as_array_mut().into_iter().flatten() {
        claim["state"] = json!("Accepted");
        claim["selector"] = json!({"matchAll": true});
    }
    let object = json!({
        "apiVersion": KCP,
        "kind": "APIBinding",
        "metadata": {"name": name},
        "spec": {
            "reference": {"export": {"path": names::SYSTEM, "name": name}},
            "permissionClaims": claims,
        },
    });
    Step::new(names::SYSTEM, object)
}

fn slice(name: &str) -> Step {
    let object = json!({
        "apiVersion": "apis.kcp.io/v1alpha1",
        "kind": "APIExportEndpointSlice",
        "metadata": {"name": name},
        "spec": {"export": {"path": names::SYSTEM, "name": name}},
    });
    Step::new(names::SYSTEM, object)
}
