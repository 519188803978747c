//! WorkspaceTypes and Workspaces.

use serde_json::{Value, json};

use super::{
    Parameters,
    content::orgs_authentication,
    step::{Step, Wait},
};
use crate::names;

/// What must be there before the exports: the types that need none, and the workspace that holds them.
pub(super) fn foundations(parameters: &Parameters) -> Vec<Step> {
    vec![
        Step::new(names::ROOT, orgs_authentication(parameters, json!([]))),
        workspace_type(security_type(parameters), parameters),
        workspace_type(
            json!({
                "metadata": {"name": "providers"},
                "spec": {
                    "defaultAPIBindings": [root_export("tenancy.kcp.io"), root_export("topology.kcp.io")],
                    "limitAllowedChildren": {"types": [reference("provider")]},
                },
            }),
            parameters,
        ),
        workspace(names::ROOT, "platform-mesh-system", "universal"),
        workspace(names::ROOT, "providers", "providers"),
        workspace(names::ROOT, "runtime", "universal"),
    ]
}

/// The types of the account tree, and the workspaces that stand on them.
pub(super) fn tree(parameters: &Parameters) -> Vec<Step> {
    let account_bindings = || {
        json!([
            platform_export(names::CORE_EXPORT),
            root_export("tenancy.kcp.io"),
            root_export("topology.kcp.io")
        ])
    };
    let types = [
        json!({
            "metadata": {"name": "orgs"},
            "spec": {
                "extend": {"with": [reference("universal")]},
                "defaultAPIBindings": [platform_export(names::CORE_EXPORT), platform_export(names::SYSTEM_EXPORT)],
                "defaultChildWorkspaceType": reference("org"),
                "limitAllowedChildren": {"types": [reference("org")]},
                "authenticationConfigurations": [{"name": names::ORGS_AUTHENTICATION}],
            },
        }),
        json!({
            "metadata": {"name": "org"},
            "spec": {
                "extend": {"with": [reference("security")]},
                "defaultAPIBindings": account_bindings(),
                "defaultChildWorkspaceType": reference("account"),
                "limitAllowedChildren": {"types": [reference("account")]},
                "limitAllowedParents": {"types": [reference("orgs")]},
            },
        }),
        json!({
            "metadata": {"name": "account"},
            "spec": {
                "extend": {"with": [reference("universal"), reference("security")]},
                "defaultAPIBindings": account_bindings(),
                "defaultChildWorkspaceType": reference("account"),
                "limitAllowedChildren": {"types": [reference("account")]},
                "limitAllowedParents": {"types": [reference("org"), reference("account")]},
            },
        }),
        json!({
            "metadata": {"name": "provider"},
            "spec": {
                "defaultAPIBindings": [platform_export(names::CORE_EXPORT), platform_export(names::PROVIDERS_EXPORT)],
                "limitAllowedParents": {"types": [reference("providers")]},
            },
        }),
    ];
    let mut steps: Vec<Step> = types.into_iter().map(|object| workspace_type(object, parameters)).collect();
    steps.push(workspace(names::ROOT, "orgs", "orgs"));
    steps.push(workspace(names::PROVIDERS, "system", "provider"));
    steps
}

fn security_type(parameters: &Parameters) -> Value {
    let mut object = json!({
        "metadata": {"name": names::SECURITY_TYPE},
        "spec": {"initializer": true, "terminator": true},
    });
    if parameters.lifecycle_permissions {
        object["spec"]["initializerPermissions"] = json!([
            {"apiGroups": [names::GROUP], "resources": ["accountinfos"], "verbs": ["get", "list", "watch", "update", "patch"]},
            {"apiGroups": [names::GROUP], "resources": ["accountinfos/status"], "verbs": ["get"]},
            {"apiGroups": [names::GROUP], "resources": ["invites"],
                "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"]},
            discovery(),
        ]);
        object["spec"]["terminatorPermissions"] = json!([
            {"apiGroups": [names::GROUP], "resources": ["accountinfos"], "verbs": ["get", "list", "watch"]},
            discovery(),
        ]);
    }
    object
}

fn discovery() -> Value {
    json!({"nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", "/version"], "verbs": ["get"]})
}

fn workspace_type(mut object: Value, parameters: &Parameters) -> Step {
    object["apiVersion"] = json!("tenancy.kcp.io/v1alpha1");
    object["kind"] = json!("WorkspaceType");
    let name = object["metadata"]["name"].clone();
    let extra: Vec<Value> = parameters
        .extra_default_bindings
        .iter()
        .filter(|binding| name == binding.workspace_type.as_str())
        .map(|binding| export_reference(&binding.path, &binding.export))
        .collect();
    if !extra.is_empty() {
        match object["spec"]["defaultAPIBindings"].as_array_mut() {
            Some(bindings) => bindings.extend(extra),
            None => object["spec"]["defaultAPIBindings"] = Value::Array(extra),
        }
    }
    Step::new(names::ROOT, object).wait_for(Wait::Condition(names::READY))
}

fn workspace(parent: &str, name: &str, workspace_type: &str) -> Step {
    let object = json!({
        "apiVersion": "tenancy.kcp.io/v1alpha1",
        "kind": "Workspace",
        "metadata": {"name": name},
        "spec": {"type": reference(workspace_type)},
    });
    Step::new(parent, object).wait_for(Wait::Phase("Ready"))
}

fn reference(name: &str) -> Value {
    json!({"name": name, "path": names::ROOT})
}

fn root_export(export: &str) -> Value {
    export_reference(names::ROOT, export)
}

fn platform_export(export: &str) -> Value {
    export_reference(names::SYSTEM, export)
}

fn export_reference(path: &str, export: &str) -> Value {
    json!({"path": path, "export": export})
}
