//! What Kubernetes checks of every object, whatever its kind: type, names, metadata.

use serde_json::{Map, Value};

use super::Target;
use crate::error::{ApiError, Cause};
use crate::name_rules::{label_value_fault, qualified_name_fault};
use crate::names::split_api_version;
use crate::object;

const ANNOTATIONS_BYTES_MAX: usize = 256 * 1024;

/// The body must be an object of the kind and version of the URL.
pub(crate) fn check_type(target: &Target, body: &mut Value) -> Result<(), ApiError> {
    let resource = &target.resource;
    let Some(map) = body.as_object_mut() else {
        return Err(ApiError::bad_request("the body of the request is not an object"));
    };
    let (wanted_version, wanted_kind) = (resource.api_version(), &resource.gvk.kind);
    if let Some(fault) = type_fault(map) {
        return Err(ApiError::bad_request(format!(
            "{wanted_kind} in version \"{}\" cannot be handled as a {wanted_kind}: json: cannot unmarshal {fault}",
            resource.gvk.version
        )));
    }
    let version = map.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let kind = map.get("kind").and_then(Value::as_str).unwrap_or_default();
    if !version.is_empty() && version != wanted_version {
        let (group, _) = split_api_version(version);
        let why = if group == &*resource.gvk.group { "version" } else { "group version" };
        return Err(ApiError::bad_request(format!(
            "the API {why} in the data ({version}) does not match the expected API {why} ({wanted_version})"
        )));
    }
    if !kind.is_empty() && kind != &**wanted_kind {
        return Err(ApiError::bad_request(format!(
            "{kind} in version \"{}\" cannot be handled as a {wanted_kind}: kind does not match the resource of the request",
            resource.gvk.version
        )));
    }
    map.insert("apiVersion".to_owned(), wanted_version.into());
    map.insert("kind".to_owned(), (&**wanted_kind).into());
    Ok(())
}

/// The first field that names the object and is no text, in the words of Go's decoder.
fn type_fault(object: &Map<String, Value>) -> Option<String> {
    let found = |value: &Value| match value {
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Null | Value::Object(_) => "object",
    };
    let is_text = |value: &&Value| value.is_string() || value.is_null();
    let own = ["apiVersion", "kind"].iter().find_map(|field| {
        let value = object.get(*field).filter(|value| !is_text(value))?;
        Some(format!("{} into Go struct field TypeMeta.{field} of type string", found(value)))
    });
    let metadata = match object.get("metadata") {
        None | Some(Value::Null) => return own,
        Some(Value::Object(metadata)) => metadata,
        Some(other) => {
            return Some(format!("{} into Go struct field .metadata of type v1.ObjectMeta", found(other)));
        }
    };
    let texts = ["name", "generateName", "namespace", "uid", "resourceVersion"];
    own.or_else(|| {
        texts.iter().find_map(|field| {
            let value = metadata.get(*field).filter(|value| !is_text(value))?;
            Some(format!("{} into Go struct field ObjectMeta.metadata.{field} of type string", found(value)))
        })
    })
}

/// The namespace of the body must be that of the URL; an empty one is filled.
pub(crate) fn check_namespace(target: &Target, body: &mut Value) -> Result<(), ApiError> {
    let given = object::namespace(body).to_owned();
    if !target.resource.namespaced {
        if !given.is_empty() {
            object::unset(body, "namespace");
        }
        return Ok(());
    }
    if given.is_empty() {
        object::set(body, "namespace", target.namespace.clone());
    } else if given != target.namespace {
        return Err(ApiError::bad_request(format!(
            "the namespace of the provided object does not match the namespace sent on the request: {given} != {}",
            target.namespace
        )));
    }
    Ok(())
}

/// The name of the body must be that of the URL; an empty one is filled.
pub(crate) fn check_name(target: &Target, body: &mut Value) -> Result<(), ApiError> {
    let given = object::name(body).to_owned();
    if given.is_empty() {
        object::set(body, "name", target.name.clone());
    } else if given != target.name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({})",
            target.name
        )));
    }
    Ok(())
}

/// Faults of the metadata of any object; `old` on updates.
pub(crate) fn metadata_faults(target: &Target, new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let Some(metadata) = object::metadata(new) else {
        return vec![Cause::required("metadata", "")];
    };
    name_faults(target, metadata, old.is_some(), &mut causes);
    string_map_faults(metadata, "labels", &mut causes);
    string_map_faults(metadata, "annotations", &mut causes);
    owner_faults(metadata, &mut causes);
    finalizer_faults(metadata, &mut causes);
    if let Some(old) = old {
        immutable_faults(new, old, &mut causes);
    }
    causes
}

fn name_faults(target: &Target, metadata: &Map<String, Value>, is_update: bool, causes: &mut Vec<Cause>) {
    let name = metadata.get("name").and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
    } else if !is_update && let Some(fault) = target.resource.strategy.name_fault(name) {
        causes.push(Cause::invalid("metadata.name", &name.into(), fault));
    }
    if target.resource.namespaced
        && metadata.get("namespace").and_then(Value::as_str).unwrap_or_default().is_empty()
    {
        causes.push(Cause::required("metadata.namespace", ""));
    }
}

fn string_map_faults(metadata: &Map<String, Value>, field: &str, causes: &mut Vec<Cause>) {
    let path = format!("metadata.{field}");
    let map = match metadata.get(field) {
        None => return,
        Some(Value::Object(map)) => map,
        Some(other) => {
            causes.push(Cause::invalid(path, other, "must be a map of strings"));
            return;
        }
    };
    let mut size = 0;
    for (key, value) in map {
        // Annotation keys are compared in lower case, label keys as they are.
        let checked = if field == "annotations" { key.to_lowercase() } else { key.clone() };
        if let Some(fault) = qualified_name_fault(&checked) {
            causes.push(Cause::invalid(path.clone(), &key.clone().into(), fault));
        }
        let Some(text) = value.as_str() else {
            causes.push(Cause::invalid(format!("{path}[{key}]"), value, "must be a string"));
            continue;
        };
        size += key.len() + text.len();
        if field == "labels"
            && let Some(fault) = label_value_fault(text)
        {
            causes.push(Cause::invalid(path.clone(), value, fault));
        }
    }
    if field == "annotations" && size > ANNOTATIONS_BYTES_MAX {
        let message = format!("Too long: may not be more than {ANNOTATIONS_BYTES_MAX} bytes");
        causes.push(Cause::field("FieldValueTooLong", path, message));
    }
}

fn owner_faults(metadata: &Map<String, Value>, causes: &mut Vec<Cause>) {
    let Some(list) = metadata.get("ownerReferences") else { return };
    let Some(list) = list.as_array() else {
        causes.push(Cause::invalid("metadata.ownerReferences", list, "must be a list"));
        return;
    };
    let mut controllers = 0;
    for (i, owner) in list.iter().enumerate() {
        for key in ["apiVersion", "kind", "name", "uid"] {
            if owner.get(key).and_then(Value::as_str).unwrap_or_default().is_empty() {
                let field = format!("metadata.ownerReferences[{i}].{key}");
                causes.push(Cause::invalid(field, &"".into(), "must not be empty"));
            }
        }
        if owner.get("controller").and_then(Value::as_bool).unwrap_or_default() {
            controllers += 1;
        }
    }
    if controllers > 1 {
        let why = "Only one reference can have Controller set to true";
        causes.push(Cause::invalid("metadata.ownerReferences", &list.clone().into(), why));
    }
}

fn finalizer_faults(metadata: &Map<String, Value>, causes: &mut Vec<Cause>) {
    let Some(list) = metadata.get("finalizers") else { return };
    let Some(list) = list.as_array() else {
        causes.push(Cause::invalid("metadata.finalizers", list, "must be a list of strings"));
        return;
    };
    for value in list {
        let fault = match value.as_str() {
            Some(text) => qualified_name_fault(text),
            None => Some("must be a string".to_owned()),
        };
        if let Some(fault) = fault {
            causes.push(Cause::invalid("metadata.finalizers", value, fault));
        }
    }
    let has = |name: &str| list.iter().any(|v| v.as_str() == Some(name));
    if has("orphan") && has("foregroundDeletion") {
        let why = "finalizer orphan and foregroundDeletion cannot be both set";
        causes.push(Cause::invalid("metadata.finalizers", &list.clone().into(), why));
    }
}

fn immutable_faults(new: &Value, old: &Value, causes: &mut Vec<Cause>) {
    for field in
        ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"]
    {
        let of = |o: &Value| object::metadata(o).and_then(|m| m.get(field)).cloned();
        let (after, before) = (of(new), of(old));
        if after != before {
            let value = after.unwrap_or(Value::Null);
            causes.push(Cause::invalid(format!("metadata.{field}"), &value, "field is immutable"));
        }
    }
    if object::is_deleting(old) {
        let before = object::finalizers(old);
        let added: Vec<&str> = object::finalizers(new).into_iter().filter(|f| !before.contains(f)).collect();
        if !added.is_empty() {
            let list: Vec<String> = added.iter().map(|f| format!("\"{f}\"")).collect();
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                list.join(", ")
            );
            causes.push(Cause::forbidden("metadata.finalizers", why));
        }
    }
}
