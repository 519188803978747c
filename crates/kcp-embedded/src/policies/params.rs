//! The objects that a binding hands to its policy, one judgement each.

use std::sync::Arc;

use apiserver::{ApiSets as _, GroupVersionResource, Partition, Scope, local::ListParams};
use serde_json::Value;

use super::index::{Binding, Entry, ParamRef};
use crate::core::Core;

/// The parameters of a policy under a binding: a single null where it has none. `namespace` is the one of the write.
///
/// # Errors
/// Why the binding cannot be used, or that its parameters are missing and that counts as a refusal.
pub(super) async fn of(
    core: &Core,
    home: &Partition,
    entry: &Entry,
    binding: &Binding,
    namespace: &str,
) -> Result<Vec<Arc<Value>>, String> {
    let (Some((api_version, kind)), Some(reference)) = (&entry.param_kind, &binding.params) else {
        return Ok(vec![Arc::new(Value::Null)]);
    };
    let (gvr, namespaced) = resource_of(core, home, api_version, kind)
        .ok_or_else(|| format!("failed to configure policy: failed to find resource referenced by paramKind: '{api_version}, Kind={kind}'"))?;
    let namespace = match (namespaced, reference.namespace.as_deref()) {
        (false, None) => "",
        (false, Some(_)) => {
            return Err("failed to configure binding: paramRef.namespace must not be provided for a cluster-scoped `paramKind`".to_owned());
        }
        (true, Some(own)) => own,
        (true, None) if namespace.is_empty() => {
            return Err("failed to configure binding: cannot use namespaced paramRef in policy binding that matches cluster-scoped resources".to_owned());
        }
        (true, None) => namespace,
    };
    let found = fetch(core, home, &gvr, namespace, reference).await;
    if found.is_empty() && reference.denies_missing {
        return Err("failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction".to_owned());
    }
    Ok(found)
}

async fn fetch(
    core: &Core,
    home: &Partition,
    gvr: &GroupVersionResource,
    namespace: &str,
    reference: &ParamRef,
) -> Vec<Arc<Value>> {
    let local = core.controller(home, "admission-policies");
    if let Some(name) = &reference.name {
        return local.get(gvr, namespace, name).await.ok().map(Arc::new).into_iter().collect();
    }
    let params = ListParams {
        namespace: namespace.to_owned(),
        labels: reference.selector.clone(),
        ..ListParams::default()
    };
    let list = local.list(gvr, &params).await;
    list.map(|list| list.items.into_iter().map(|(_, object)| Arc::new(object)).collect()).unwrap_or_default()
}

fn resource_of(
    core: &Core,
    cluster: &Partition,
    api_version: &str,
    kind: &str,
) -> Option<(GroupVersionResource, bool)> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let catalog = core.apis.catalog(&Scope::One(cluster.clone()));
    let found = catalog.version(group, version)?;
    let resource = found.resources.iter().find(|resource| &*resource.gvk.kind == kind)?;
    Some((GroupVersionResource::new(group, version, &resource.plural), resource.namespaced))
}
