//! Guarded writes: JSON merge patches of what differs, tested against the resource version that was read.

use kube::{
    Client, Resource,
    api::{Patch, PatchParams},
    core::Request,
};
use serde_json::{Map, Value, json};

/// What a write did.
pub(crate) enum Written {
    /// Nothing differed.
    Nothing,
    /// The server's answer.
    Object(Value),
    /// Somebody else wrote meanwhile.
    Conflict,
    /// The object does not exist any more.
    NotFound,
}

/// `status` as a map, made where it is missing.
pub(crate) fn status_of(object: &mut Value) -> Option<&mut Map<String, Value>> {
    let object = object.as_object_mut()?;
    let status = object.entry("status").or_insert_with(|| json!({}));
    if status.is_null() {
        *status = json!({});
    }
    status.as_object_mut()
}

/// The merge patch that turns `old` into `new`; none where they are equal.
pub(crate) fn diff(old: &Value, new: &Value) -> Option<Value> {
    let patch = match (old, new) {
        _ if old == new => return None,
        (Value::Object(old), Value::Object(new)) => {
            let mut patch = Map::new();
            for key in old.keys().filter(|key| !new.contains_key(*key)) {
                patch.insert(key.clone(), Value::Null);
            }
            for (key, value) in new {
                match old.get(key) {
                    None => {
                        patch.insert(key.clone(), value.clone());
                    }
                    Some(before) => {
                        if let Some(part) = diff(before, value) {
                            patch.insert(key.clone(), part);
                        }
                    }
                }
            }
            Value::Object(patch)
        }
        _ => new.clone(),
    };
    Some(patch)
}

/// Where objects of a kind are patched.
pub(crate) struct Target {
    client: Client,
    url: String,
    name: String,
}

impl Target {
    pub(crate) fn of<K: Resource>(client: Client, object: &K, dt: &K::DynamicType) -> Self {
        let namespace = object.meta().namespace.as_deref().filter(|namespace| !namespace.is_empty());
        Target {
            client,
            url: K::url_path(dt, namespace),
            name: object.meta().name.clone().unwrap_or_default(),
        }
    }

    /// Patches the object, or its status, at a resource version.
    pub(crate) async fn patch(
        &self,
        mut body: Value,
        version: Option<&str>,
        status: bool,
    ) -> Result<Written, kube::Error> {
        if body.as_object().is_none_or(Map::is_empty) {
            return Ok(Written::Nothing);
        }
        if let Some(version) = version {
            body["metadata"]["resourceVersion"] = json!(version);
        }
        let request = Request::new(&self.url);
        let (params, patch) = (PatchParams::default(), Patch::Merge(&body));
        let built = if status {
            request.patch_subresource("status", &self.name, &params, &patch)
        } else {
            request.patch(&self.name, &params, &patch)
        };
        match self.client.request::<Value>(built.map_err(kube::Error::BuildRequest)?).await {
            Ok(object) => Ok(Written::Object(object)),
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(Written::Conflict),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Written::NotFound),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_names_only_what_differs_and_removes_with_null() {
        let old = json!({"a": 1, "b": {"c": [1], "d": 2}, "e": 3});
        let new = json!({"a": 1, "b": {"c": [1, 2], "d": 2}, "f": {}});
        assert_eq!(diff(&old, &new), Some(json!({"b": {"c": [1, 2]}, "e": null, "f": {}})));
        assert_eq!(diff(&old, &old), None);
    }
}
