//! The scale subresource: replicas through JSON paths.

use serde_json::{Map, Value, json};

use super::update::{self, Origin};
use super::{Target, Writer, Written, current, served};
use crate::error::{ApiError, Cause};
use crate::names::GroupVersionKind;
use crate::object::{self, at_path, split_path};
use crate::resource::Scale;
use crate::server::ApiServer;

/// The kind of scale bodies.
pub(crate) fn kind() -> GroupVersionKind {
    GroupVersionKind::new("autoscaling", "v1", "Scale")
}

fn rules(target: &Target) -> Result<&Scale, ApiError> {
    target.resource.subresources.scale.as_ref().ok_or_else(ApiError::no_such_resource)
}

/// The scale of an object.
pub(crate) fn scale_of(target: &Target, object: &Value) -> Result<Value, ApiError> {
    let rules = rules(target)?;
    let number = |path: &str| at_path(object, path).and_then(Value::as_i64).unwrap_or(0);
    let mut metadata = Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object::metadata(object).and_then(|m| m.get(field)) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    let mut status = json!({"replicas": number(&rules.status_replicas_path)});
    if let Some(selector) = rules.label_selector_path.as_deref().and_then(|p| at_path(object, p)) {
        status["selector"] = selector.clone();
    }
    Ok(json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
        "spec": {"replicas": number(&rules.spec_replicas_path)}, "status": status,
    }))
}

/// Reads the scale.
pub(crate) fn get(server: &ApiServer, target: &Target) -> Result<Value, ApiError> {
    let stored = current(server, target).ok_or_else(|| target.not_found())?;
    scale_of(target, &served(&target.resource, &stored)?)
}

/// Changes the scale: `change` makes the new scale of the present one.
pub(crate) async fn change(
    writer: &Writer<'_>,
    target: &Target,
    change: impl Fn(Value) -> Result<Value, ApiError>,
) -> Result<Written, ApiError> {
    let rules = rules(target)?;
    let stored = current(writer.server, target).ok_or_else(|| target.not_found())?;
    let mut object = served(&target.resource, &stored)?;
    let before = scale_of(target, &object)?;
    let wanted = change(before.clone())?;
    let version = object::resource_version(&wanted);
    if !version.is_empty() && version != object::resource_version(&before) {
        return Err(ApiError::modified(&target.group_resource(), &target.name));
    }
    let replicas = wanted.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(0);
    if replicas < 0 {
        let cause = Cause::invalid("spec.replicas", &replicas.into(), "must be greater than or equal to 0");
        return Err(ApiError::invalid(&kind(), &target.name, vec![cause]));
    }
    set_path(&mut object, &rules.spec_replicas_path, replicas.into());
    let written = update::replace(writer, target, &stored, object, Origin::Written).await?;
    Ok(Written { object: scale_of(target, &written.object)?, ..written })
}

fn set_path(object: &mut Value, path: &str, value: Value) {
    let mut here = object;
    for part in split_path(path) {
        if !here.is_object() {
            *here = Value::Object(Map::new());
        }
        let Some(map) = here.as_object_mut() else { return };
        here = map.entry(part).or_insert(Value::Null);
    }
    *here = value;
}
