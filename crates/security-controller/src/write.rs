//! Creates or patches an object. Every patch is guarded by what was seen, and nothing is sent where nothing differs.

use std::fmt::Debug;

use kube::{
    Api, Resource,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use platform_mesh_api::names;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

const MANAGER: &str = names::SECURITY_OPERATOR;

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It was as wanted.
    Unchanged,
    /// It was created or patched.
    Done,
    /// What was seen is not there any more, or is too old; look again.
    Outdated,
}

/// Makes these fields of `spec` hold these values; `null` removes one. `new` is created where nothing was seen.
pub(crate) async fn ensure_spec<K>(
    api: &Api<K>,
    seen: Option<&K>,
    new: &K,
    fields: Value,
) -> Result<Written, kube::Error>
where
    K: Resource + Clone + Debug + Serialize + DeserializeOwned,
{
    let Some(seen) = seen else {
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        return match api.create(&params, new).await {
            Ok(_) => Ok(Written::Done),
            Err(error) if has_code(&error, &[409]) => Ok(Written::Outdated),
            Err(error) => Err(error),
        };
    };
    let existing = serde_json::to_value(seen).unwrap_or_default();
    let Some(spec) = difference(&existing["spec"], &fields) else { return Ok(Written::Unchanged) };
    let name = seen.meta().name.clone().unwrap_or_default();
    patch(api, &name, seen.meta().resource_version.as_deref(), json!({ "spec": spec })).await
}

/// Patches an object as it was seen.
pub(crate) async fn patch<K>(
    api: &Api<K>,
    name: &str,
    version: Option<&str>,
    mut body: Value,
) -> Result<Written, kube::Error>
where
    K: Clone + Debug + DeserializeOwned,
{
    if let Some(version) = version {
        body["metadata"]["resourceVersion"] = json!(version);
    }
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    match api.patch(name, &params, &Patch::Merge(body)).await {
        Ok(_) => Ok(Written::Done),
        Err(error) if has_code(&error, &[404, 409]) => Ok(Written::Outdated),
        Err(error) => Err(error),
    }
}

/// Deletes an object; says whether there was one.
pub(crate) async fn delete<K>(api: &Api<K>, name: &str) -> Result<bool, kube::Error>
where
    K: Clone + Debug + DeserializeOwned,
{
    match api.delete(name, &DeleteParams::default()).await {
        Ok(_) => Ok(true),
        Err(error) if has_code(&error, &[404]) => Ok(false),
        Err(error) => Err(error),
    }
}

/// An object, or none; also none where its kind is not served, or we are not let in: so it is with a workspace whose
/// bindings are not complete, or that is gone.
pub(crate) async fn find<K>(api: &Api<K>, name: &str) -> Result<Option<K>, kube::Error>
where
    K: Clone + Debug + DeserializeOwned,
{
    match api.get(name).await {
        Ok(object) => Ok(Some(object)),
        Err(error) if has_code(&error, &[403, 404]) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the server refused with one of these codes.
pub(crate) fn has_code(error: &kube::Error, codes: &[u16]) -> bool {
    matches!(error, kube::Error::Api(status) if codes.contains(&status.code))
}

/// A merge patch of the wanted fields that differ, or none. What only a server's defaults added does not count.
pub(crate) fn difference(existing: &Value, wanted: &Value) -> Option<Value> {
    let mut patch = Map::new();
    for (field, value) in wanted.as_object().into_iter().flatten() {
        let held = existing.get(field).unwrap_or(&Value::Null);
        if essence(held) != essence(value) {
            patch.insert(field.clone(), replacing(held, value));
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// The wanted value as a merge patch that also removes what is not wanted.
fn replacing(held: &Value, wanted: &Value) -> Value {
    let (Value::Object(held), Value::Object(wanted)) = (held, wanted) else { return wanted.clone() };
    let mut patch = Map::new();
    for (key, value) in wanted {
        patch.insert(key.clone(), replacing(held.get(key).unwrap_or(&Value::Null), value));
    }
    for key in held.keys().filter(|key| !wanted.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    Value::Object(patch)
}

/// A value without nulls, empty objects and empty lists: servers add and drop them.
fn essence(value: &Value) -> Value {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(map) => {
            let kept = map.iter().map(|(key, value)| (key.clone(), essence(value)));
            let kept: Map<String, Value> = kept.filter(|(_, value)| !is_empty(value)).collect();
            if kept.is_empty() { Value::Null } else { Value::Object(kept) }
        }
        Value::Array(list) if list.is_empty() => Value::Null,
        Value::Array(list) => Value::Array(list.iter().map(essence).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_adds_by_default_is_no_difference() {
        let held = json!({"jwt": [{"claimMappings": {"uid": {}, "username": {"claim": "email", "prefix": ""}}}], "other": 1});
        let wanted = json!({"jwt": [{"claimMappings": {"username": {"claim": "email", "prefix": ""}}}]});
        assert_eq!(difference(&held, &wanted), None);
        let changed = json!({"jwt": [{"claimMappings": {"username": {"claim": "sub", "prefix": ""}}}]});
        assert_eq!(difference(&held, &changed), Some(changed.clone()));
    }

    #[test]
    fn a_key_that_is_not_wanted_any_more_is_removed_and_a_field_beside_is_kept() {
        let held =
            json!({"oidc": {"clients": {"a": {"clientId": "1"}, "b": {"clientId": "2"}}}, "account": {}});
        let wanted = json!({"oidc": {"clients": {"a": {"clientId": "1"}}}});
        let patch = difference(&held, &wanted).unwrap();
        assert_eq!(patch, json!({"oidc": {"clients": {"a": {"clientId": "1"}, "b": null}}}));
        assert_eq!(difference(&held, &json!({"tuples": null})), None);
    }
}
