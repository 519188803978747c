//! APIExport: schema names and resources, claims.

use serde_json::{Map, Value, json};

use super::claims::{self, Scope};
use super::{ConversionError, put_list, retained, take_list};
use crate::schemas::{SchemaNameError, split_name};

pub(super) fn to_v1alpha2(object: &mut Value) -> Result<(), ConversionError> {
    let other_resources = retained::take(object, retained::RESOURCES)?;
    let mut exact = retained::take(object, retained::EXACT_RESOURCES)?;
    let verbs = retained::take(object, retained::CLAIMS)?;

    let names = take_list(object, "spec", "latestResourceSchemas")?;
    if names.is_some() || !other_resources.is_empty() {
        let names = names.unwrap_or_default();
        let mut resources = Vec::with_capacity(names.len() + other_resources.len());
        for (index, name) in names.iter().enumerate() {
            let path = || format!("spec.latestResourceSchemas[{index}]");
            let name = name.as_str().ok_or_else(|| ConversionError::field(path(), "a text"))?;
            match split_name(name) {
                Some((_, resource, group)) => resources.push(stored(name, resource, group)),
                None if exact.iter().any(|entry| entry["schema"] == *name) => {
                    resources.push(json!({"schema": name}));
                }
                None => {
                    let source = SchemaNameError::parts(name);
                    return Err(ConversionError::SchemaName { path: path(), source });
                }
            }
        }
        resources.extend(other_resources);
        put_list(object, "spec", "resources", reorder(resources, &mut exact));
    }

    if let Some(mut list) = take_list(object, "spec", "permissionClaims")? {
        let keep = claims::to_v1alpha2(&mut list, &verbs, Scope::Asked, "spec.permissionClaims")?;
        put_list(object, "spec", "permissionClaims", list);
        retained::put(object, retained::V1_CLAIMS, &keep);
    }
    Ok(())
}

pub(super) fn to_v1alpha1(object: &mut Value) -> Result<(), ConversionError> {
    let originals = retained::take(object, retained::V1_CLAIMS)?;

    if let Some(resources) = take_list(object, "spec", "resources")? {
        let mut names = Vec::new();
        let mut others = Vec::new();
        let mut is_exact = true;
        for (index, resource) in resources.iter().enumerate() {
            let path = |field: &str| format!("spec.resources[{index}]{field}");
            if !resource.is_object() {
                return Err(ConversionError::field(path(""), "an object"));
            }
            if is_stored(resource) {
                let name = resource["schema"].as_str();
                let name = name.ok_or_else(|| ConversionError::field(path(".schema"), "a text"))?;
                is_exact &= others.is_empty() && is_implied(resource, name);
                names.push(Value::String(name.to_owned()));
            } else {
                others.push(resource.clone());
            }
        }
        put_list(object, "spec", "latestResourceSchemas", names);
        retained::put(object, retained::RESOURCES, &others);
        if !is_exact {
            retained::put(object, retained::EXACT_RESOURCES, &resources);
        }
    }

    if let Some(mut list) = take_list(object, "spec", "permissionClaims")? {
        let keep = claims::to_v1alpha1(&mut list, &originals, Scope::Asked, "spec.permissionClaims")?;
        put_list(object, "spec", "permissionClaims", list);
        retained::put(object, retained::CLAIMS, &keep);
    }
    Ok(())
}

/// The resource that a schema name stands for.
fn stored(name: &str, resource: &str, group: &str) -> Value {
    let mut out = Map::new();
    out.insert("name".to_owned(), Value::String(resource.to_owned()));
    out.insert("group".to_owned(), Value::String(group.to_owned()));
    out.insert("schema".to_owned(), Value::String(name.to_owned()));
    out.insert("storage".to_owned(), json!({"crd": {}}));
    Value::Object(out)
}

/// Whether a resource is just what its schema name stands for.
fn is_implied(resource: &Value, name: &str) -> bool {
    let text = |field: &str| resource.get(field).and_then(Value::as_str);
    let storage = resource.get("storage").and_then(Value::as_object);
    let is_plain = storage.is_some_and(|storage| {
        let crd = storage.get("crd").and_then(Value::as_object);
        storage.len() == 1 && crd.is_some_and(Map::is_empty)
    });
    let has_no_more = resource.as_object().is_some_and(|map| map.len() == 4);
    let fits = split_name(name)
        .is_some_and(|(_, resource, group)| text("name") == Some(resource) && text("group") == Some(group));
    is_plain && has_no_more && fits
}

/// Whether instances are stored as custom resources, which is the default.
fn is_stored(resource: &Value) -> bool {
    match resource.get("storage") {
        None | Some(Value::Null) => true,
        Some(storage) => storage.get("crd").is_some_and(|crd| !crd.is_null()),
    }
}

/// Puts back entries and their order as they were; what is new stands at the end.
fn reorder(resources: Vec<Value>, exact: &mut [Value]) -> Vec<Value> {
    if exact.is_empty() {
        return resources;
    }
    let mut ordered: Vec<(usize, Value)> = Vec::with_capacity(resources.len());
    for resource in resources {
        let stored = is_stored(&resource);
        let at = exact.iter().position(|entry| {
            entry.is_object() && entry["schema"] == resource["schema"] && is_stored(entry) == stored
        });
        match at {
            // Taken entries become null, so that positions stay and nothing is used twice.
            Some(at) => ordered.push((at, std::mem::take(&mut exact[at]))),
            None => ordered.push((usize::MAX, resource)),
        }
    }
    ordered.sort_by_key(|(at, _)| *at);
    ordered.into_iter().map(|(_, resource)| resource).collect()
}
