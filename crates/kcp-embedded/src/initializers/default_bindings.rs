//! Default bindings: each export that the workspace's types name is bound once, with all its claims accepted; where a
//! type maintains them, later bindings and claims come too.

use std::collections::BTreeMap;

use apiserver::{ApiError, GroupVersionResource, Partition, local::WriteParams, store::ObjectKey};
use kcp_api::{
    Condition, Severity,
    apis::v1alpha2::{AcceptablePermissionClaim, PermissionClaim},
    claims, labels,
    tenancy::v1alpha1::ApiBindingLifecycleMode,
    workspaces,
};
use serde_json::{Value, json};

use super::API_BINDINGS;
use crate::{
    core::Core,
    exports::ExportEntry,
    identity, kinds, logical_clusters,
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
    if !initializing && object["status"]["phase"] != "Ready" {
        return Ok(Next::Wait);
    }
    let wanted = match wanted(core, cluster, !initializing) {
        Ok(wanted) if wanted.is_empty() && !initializing => return Ok(Next::Wait),
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
            Some(binding) => {
                let changed = !initializing && accept_new_claims(core, cluster, &export, binding)?;
                if changed || !is_complete(binding) {
                    waiting.push(display);
                }
            }
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

/// Exports named by the workspace's type and all it extends, each once; of a workspace in use only those that a type
/// maintains.
fn wanted(core: &Core, cluster: &Partition, only_maintained: bool) -> Result<Vec<Export>, String> {
    let types = workspace_types::all_of_cluster(core, cluster).map_err(|refusal| refusal.to_string())?;
    let mut wanted = Vec::new();
    for binding in workspaces::default_bindings(&types) {
        if only_maintained && binding.lifecycle != ApiBindingLifecycleMode::Maintain {
            continue;
        }
        let path = core.tree.find(&binding.path).map_or(binding.path, |entry| entry.path.to_string());
        let export = Export { path, name: binding.export };
        if !wanted.contains(&export) {
            wanted.push(export);
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

/// Name of the binding that is made for an export.
fn binding_name(cluster: &Partition, export: &Export) -> Result<String, ApiError> {
    let consumer: kcp_api::ClusterName =
        cluster.as_str().parse().map_err(|error| ApiError::internal(format!("{error}")))?;
    Ok(labels::default_binding_name(&consumer, &export.path, &export.name))
}

/// What an export asks for now.
fn claims_of(export: &ExportEntry) -> Vec<PermissionClaim> {
    serde_json::from_value(export.claims.clone()).unwrap_or_default()
}

fn resolve(
    core: &Core,
    cluster: &Partition,
    export: &Export,
) -> Result<std::sync::Arc<ExportEntry>, ApiError> {
    let reference = json!({"path": export.path, "name": export.name});
    core.bound.resolve_export(cluster, &reference).ok_or_else(|| {
        ApiError::unavailable(format!("export `{}:{}` cannot be resolved", export.path, export.name))
    })
}

/// Accepts claims that came into the export after the binding was made; answers that are there stay as they are, so
/// that what a consumer rejected stays rejected. Whether anything was written.
fn accept_new_claims(
    core: &Core,
    cluster: &Partition,
    export: &Export,
    binding: &Value,
) -> Result<bool, ApiError> {
    let name = binding_name(cluster, export)?;
    if binding["metadata"]["name"] != name.as_str() {
        return Ok(false);
    }
    let asked = claims_of(&*resolve(core, cluster, export)?);
    let key = ObjectKey::new(cluster.clone(), "", &name);
    let mut changed = false;
    records::modify(core, &kinds::api_bindings(), &key, |object| {
        let answers: Vec<AcceptablePermissionClaim> =
            serde_json::from_value(object["spec"]["permissionClaims"].clone()).unwrap_or_default();
        let pending: Vec<PermissionClaim> = claims::pending(&asked, &answers).into_iter().cloned().collect();
        changed = !pending.is_empty();
        if changed {
            let list = object["spec"]["permissionClaims"].as_array().cloned().unwrap_or_default();
            let new = claims::accept_all(&pending).into_iter().map(|claim| json!(claim));
            object["spec"]["permissionClaims"] = list.into_iter().chain(new).collect();
        }
        Ok(())
    })?;
    Ok(changed)
}

/// Binds in the name of the bootstrapper: whoever may use the type may have what it brings.
async fn create(core: &Core, cluster: &Partition, export: &Export) -> Result<(), ApiError> {
    let entry = resolve(core, cluster, export)?;
    let mut binding = json!({
        "apiVersion": "apis.kcp.io/v1alpha2",
        "kind": "APIBinding",
        "metadata": {"name": binding_name(cluster, export)?},
        "spec": {"reference": {"export": {"path": export.path, "name": export.name}}},
    });
    let claims = claims::accept_all(&claims_of(&entry));
    if !claims.is_empty() {
        binding["spec"]["permissionClaims"] = json!(claims);
    }
    let local = core.local(cluster, identity::bootstrapper());
    match local.create(&bindings(), binding, &WriteParams::default()).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_already_exists() => Ok(()),
        Err(error) => Err(error),
    }
}
