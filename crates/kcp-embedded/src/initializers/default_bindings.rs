//! Default bindings: each export that the workspace's types name is bound once, with all its claims accepted.

use std::collections::BTreeMap;

use apiserver::{ApiError, GroupVersionResource, Partition, local::WriteParams};
use kcp_api::{Condition, Severity, labels};
use serde_json::{Value, json};

use super::API_BINDINGS;
use crate::{
    core::Core,
    identity, logical_clusters,
    reconcile::Next,
    records::{self, condition_is_true, strings},
    workspace_types,
};

const APIS: &str = "apis.kcp.io";
const V1ALPHA2: &str = "v1alpha2";

fn bindings() -> GroupVersionResource {
    GroupVersionResource::new(APIS, V1ALPHA2, "apibindings")
}

/// One export to bind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Export {
    path: String,
    name: String,
}

/// Creates missing default bindings and, while the workspace initializes, waits for them.
pub(super) async fn reconcile(core: &Core, cluster: &Partition, object: &Value) -> Result<Next, ApiError> {
    let initializing = object["status"]["phase"] == "Initializing"
        && strings(&object["status"]["initializers"]).contains(&API_BINDINGS);
    let ready = object["status"]["phase"] == "Ready";
    let maintaining = ready && maintained(core, cluster);
    if !(initializing || maintaining) {
        return Ok(Next::Wait);
    }
    let wanted = match wanted(core, cluster) {
        Ok(wanted) => wanted,
        Err(why) => {
            wait(core, cluster, initializing, "WorkspaceTypesInvalid", Severity::Error, &why)?;
            // A type that comes later wakes nobody here, so this asks again.
            return Err(ApiError::unavailable(why));
        }
    };
    let existing = existing(core, cluster).await?;
    let (mut waiting, mut errors) = (Vec::new(), Vec::new());
    for export in wanted {
        let display = format!("{}:{}", export.path, export.name);
        match existing.get(&export) {
            Some(binding) if is_complete(binding) => {}
            Some(_) => waiting.push(display),
            None => match create(core, cluster, &export).await {
                Ok(()) => waiting.push(display),
                Err(error) => errors.push(error.message),
            },
        }
    }
    if let Some(error) = errors.first() {
        wait(core, cluster, initializing, "APIBindingErrors", Severity::Error, error)?;
        return Err(ApiError::unavailable(error.clone()));
    }
    if !waiting.is_empty() {
        let message = format!("APIBinding(s) not yet fully bound: {}", waiting.join(", "));
        return wait(core, cluster, initializing, "WaitingOnAPIBindings", Severity::Info, &message);
    }
    let type_ = if initializing { "APIBindingsInitialized" } else { "APIBindingsReconciled" };
    logical_clusters::modify(core, cluster, |object| {
        records::set_conditions(object, [Condition::is_true(type_)], core.clock.now());
        if initializing {
            let rest: Vec<String> = strings(&object["status"]["initializers"])
                .into_iter()
                .filter(|name| *name != API_BINDINGS)
                .map(str::to_owned)
                .collect();
            records::set_strings(&mut object["status"], "initializers", &rest);
        }
        Ok(())
    })?;
    Ok(Next::Wait)
}

fn wait(
    core: &Core,
    cluster: &Partition,
    initializing: bool,
    reason: &str,
    severity: Severity,
    message: &str,
) -> Result<Next, ApiError> {
    let type_ = if initializing { "APIBindingsInitialized" } else { "APIBindingsReconciled" };
    // Waiting for a moment is the rule and not worth a write; only what went wrong is.
    if severity == Severity::Error {
        logical_clusters::modify(core, cluster, |object| {
            let condition = Condition::is_false(type_, reason, severity.clone(), message);
            records::set_conditions(object, [condition], core.clock.now());
            Ok(())
        })?;
    }
    Ok(Next::Wait)
}

/// Whether any type of the workspace keeps its bindings up to date after initialization.
fn maintained(core: &Core, cluster: &Partition) -> bool {
    let Ok(own) = workspace_types::of_cluster(core, cluster) else { return false };
    let Ok(types) = workspace_types::with_extended(core, &own) else { return false };
    types.iter().any(|t| t.object["spec"]["defaultAPIBindingLifecycle"] == "Maintain")
}

/// Exports named by the workspace's type and all it extends, each once.
fn wanted(core: &Core, cluster: &Partition) -> Result<Vec<Export>, String> {
    let own = workspace_types::of_cluster(core, cluster).map_err(|e| e.to_string())?;
    let types = workspace_types::with_extended(core, &own).map_err(|e| e.to_string())?;
    let mut wanted = Vec::new();
    for workspace_type in types {
        let list =
            workspace_type.object["spec"]["defaultAPIBindings"].as_array().cloned().unwrap_or_default();
        for reference in list {
            let name = reference["export"].as_str().unwrap_or_default().to_owned();
            let path = match reference["path"].as_str().filter(|path| !path.is_empty()) {
                Some(path) => core.tree.find(path).map_or_else(|| path.to_owned(), |e| e.path.to_string()),
                None => workspace_type.path.to_string(),
            };
            let export = Export { path, name };
            if !wanted.contains(&export) {
                wanted.push(export);
            }
        }
    }
    Ok(wanted)
}

/// Bindings of the cluster by export, the path in canonical form.
async fn existing(core: &Core, cluster: &Partition) -> Result<BTreeMap<Export, Value>, ApiError> {
    let local = core.controller(cluster, "default-bindings");
    let list = local.list(&bindings(), &apiserver::local::ListParams::default()).await?;
    let home = core.tree.path_of(cluster);
    let items = list.items.into_iter().filter_map(|(_, binding)| {
        let export = &binding["spec"]["reference"]["export"];
        let path = match export["path"].as_str().filter(|path| !path.is_empty()) {
            Some(path) => core.tree.find(path).map_or_else(|| path.to_owned(), |e| e.path.to_string()),
            None => home.to_string(),
        };
        let name = export["name"].as_str()?.to_owned();
        Some((Export { path, name }, binding))
    });
    Ok(items.collect())
}

/// Bound, and its accepted claims in force.
fn is_complete(binding: &Value) -> bool {
    let claims = binding["spec"]["permissionClaims"].as_array().is_some_and(|claims| !claims.is_empty());
    condition_is_true(binding, "InitialBindingCompleted")
        && (!claims || condition_is_true(binding, "PermissionClaimsApplied"))
}

/// Binds in the name of the bootstrapper: whoever may use the type may have what it brings.
async fn create(core: &Core, cluster: &Partition, export: &Export) -> Result<(), ApiError> {
    let home = core.tree.find(&export.path).ok_or_else(|| {
        ApiError::unavailable(format!("export `{}:{}` cannot be resolved", export.path, export.name))
    })?;
    let exports = GroupVersionResource::new(APIS, V1ALPHA2, "apiexports");
    let object = core.read(&home.name, &exports, &export.name).await.ok_or_else(|| {
        ApiError::unavailable(format!("export `{}:{}` is not there", export.path, export.name))
    })?;
    let claims: Vec<Value> = object["spec"]["permissionClaims"]
        .as_array()
        .map(|claims| claims.iter().map(accepted).collect())
        .unwrap_or_default();
    let consumer: kcp_api::ClusterName =
        cluster.as_str().parse().map_err(|error| ApiError::internal(format!("{error}")))?;
    let mut binding = json!({
        "apiVersion": "apis.kcp.io/v1alpha2",
        "kind": "APIBinding",
        "metadata": {"name": labels::default_binding_name(&consumer, &export.path, &export.name)},
        "spec": {"reference": {"export": {"path": export.path, "name": export.name}}},
    });
    if !claims.is_empty() {
        binding["spec"]["permissionClaims"] = claims.into();
    }
    let local = core.local(cluster, identity::bootstrapper());
    match local.create(&bindings(), binding, &WriteParams::default()).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_already_exists() => Ok(()),
        Err(error) => Err(error),
    }
}

/// An export's claim as a binding accepts it.
fn accepted(claim: &Value) -> Value {
    let mut accepted = claim.clone();
    let selector = match claim["defaultSelector"].is_object() {
        true => claim["defaultSelector"].clone(),
        false => json!({"matchAll": true}),
    };
    if let Some(map) = accepted.as_object_mut() {
        map.remove("defaultSelector");
    }
    accepted["selector"] = selector;
    accepted["state"] = "Accepted".into();
    accepted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clm_10_default_selector_counts_for_bindings_made_from_a_type() {
        let claim = json!({"group": "", "resource": "configmaps", "verbs": ["get"],
            "defaultSelector": {"matchLabels": {"a": "b"}}});
        let accepted = accepted(&claim);
        assert_eq!(accepted["selector"], json!({"matchLabels": {"a": "b"}}));
        assert_eq!(
            (accepted["state"].as_str(), accepted["defaultSelector"].is_null()),
            (Some("Accepted"), true)
        );
        assert_eq!(super::accepted(&json!({"resource": "x"}))["selector"], json!({"matchAll": true}));
    }
}
