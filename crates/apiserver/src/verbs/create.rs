//! Create.

use serde_json::Value;

use super::{Target, Writer, Written, checks, ownership, shape, store_error};
use crate::admission::{Attributes, Operation};
use crate::error::{ApiError, Cause};
use crate::object;
use crate::store::{StoreError, encode};

// Names are random; more collisions in a row than this mean that the name space is full.
const GENERATE_ATTEMPTS: usize = 8;
const GENERATED_NAME_BASE_MAX: usize = 58;

/// Creates an object, generating its name where only a prefix is given.
pub(crate) async fn create(writer: &Writer<'_>, target: &Target, body: Value) -> Result<Written, ApiError> {
    let generated = object::name(&body).is_empty()
        && object::metadata(&body).is_some_and(|m| m.contains_key("generateName"));
    let mut attempt = 1;
    loop {
        match create_once(writer, target.clone(), body.clone()).await {
            Err(error) if generated && error.is_already_exists() && attempt < GENERATE_ATTEMPTS => {
                attempt += 1
            }
            answer => return answer,
        }
    }
}

async fn create_once(writer: &Writer<'_>, mut target: Target, mut body: Value) -> Result<Written, ApiError> {
    writer.server.parts().decorator.strip(&target.partition, &mut body);
    checks::check_type(&target, &mut body)?;
    checks::check_namespace(&target, &mut body)?;
    if !object::resource_version(&body).is_empty() {
        return Err(ApiError::bad_request("resourceVersion should not be set on objects to be created"));
    }
    let mut warnings = shape::clean(&target.resource, &mut body, writer.strict)?;
    name(writer, &mut target, &mut body);
    stamp(writer, &target, &mut body);
    target.resource.strategy.default(&mut body);
    reset_status(&target, &mut body);
    ownership::track(writer, &target, None, &mut body);
    finish(writer, &target, body, &mut warnings).await.map(|object| Written {
        object,
        created: true,
        warnings,
    })
}

/// Everything after the object is complete: admission, validation, storing.
pub(crate) async fn finish(
    writer: &Writer<'_>,
    target: &Target,
    body: Value,
    warnings: &mut Vec<String>,
) -> Result<Value, ApiError> {
    let parts = writer.server.parts();
    let mut attributes = attributes(writer, target, Operation::Create, body, Value::Null);
    parts.decorator.decorate(&target.partition, &mut attributes.object);
    writer.server.admit(&mut attributes).await?;
    let mut body = std::mem::take(&mut attributes.object);
    parts.decorator.strip(&target.partition, &mut body);
    shape::reshape(&target.resource, &mut body);
    reset_status(target, &mut body);
    target.resource.strategy.prepare_for_create(&mut body);
    let mut causes = checks::metadata_faults(target, &body, None);
    causes.extend(shape::faults(&target.resource, &body, None));
    causes.extend(target.resource.strategy.validate(&body, None));
    refuse(target, object::name(&body), causes)?;
    if let Some(selector) = &target.resource.restrict
        && !selector.matches(&body)
    {
        let why = format!("the object must match the label selector {selector}");
        return Err(ApiError::forbidden(&target.group_resource(), object::name(&body), why));
    }
    attributes.object = writer.leaving(target, body.clone());
    writer.server.admit_final(&mut attributes).await?;
    warnings.append(&mut attributes.warnings);
    let target = Target { name: object::name(&body).to_owned(), ..target.clone() };
    store(writer, &target, body)
}

fn store(writer: &Writer<'_>, target: &Target, mut body: Value) -> Result<Value, ApiError> {
    let key = target.key();
    let store = writer.server.store();
    if writer.dry_run {
        if store.get(&target.resource.storage, &key).is_some() {
            return Err(store_error(target, &StoreError::AlreadyExists(key)));
        }
        return Ok(writer.leaving(target, body));
    }
    let bytes = encode(target.resource.to_stored(body.clone())?);
    let revision = store.create(&target.resource.storage, key, bytes).map_err(|e| store_error(target, &e))?;
    object::set(&mut body, "resourceVersion", revision.to_string());
    Ok(writer.leaving(target, body))
}

/// Gives the object its name: the given one, or the prefix and five random letters.
fn name(writer: &Writer<'_>, target: &mut Target, body: &mut Value) {
    if object::name(body).is_empty() {
        let base = object::metadata(body)
            .and_then(|m| m.get("generateName"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !base.is_empty() {
            let mut cut = base.len().min(GENERATED_NAME_BASE_MAX);
            while !base.is_char_boundary(cut) {
                cut -= 1;
            }
            let name = format!("{}{}", &base[..cut], writer.server.parts().ids.suffix());
            object::set(body, "name", name);
        }
    }
    target.name = object::name(body).to_owned();
}

/// System metadata of a new object; whatever the client sent there is replaced.
pub(crate) fn stamp(writer: &Writer<'_>, target: &Target, body: &mut Value) {
    let parts = writer.server.parts();
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink"] {
        object::unset(body, field);
    }
    object::set(body, "uid", parts.ids.uid());
    object::set(body, "creationTimestamp", object::time_text(parts.clock.now()));
    if target.resource.strategy.counts_generation() {
        object::set(body, "generation", 1);
    }
}

fn reset_status(target: &Target, body: &mut Value) {
    if target.resource.subresources.status
        && target.resource.strategy.drops_status_on_create()
        && let Some(map) = body.as_object_mut()
    {
        map.remove("status");
    }
}

/// 422 if there is any cause.
pub(crate) fn refuse(target: &Target, name: &str, causes: Vec<Cause>) -> Result<(), ApiError> {
    if causes.is_empty() { Ok(()) } else { Err(ApiError::invalid(&target.resource.gvk, name, causes)) }
}

/// The attributes admission sees.
pub(crate) fn attributes<'a>(
    writer: &'a Writer<'_>,
    target: &'a Target,
    operation: Operation,
    object: Value,
    old: Value,
) -> Attributes<'a> {
    Attributes {
        partition: &target.partition,
        resource: &target.resource,
        subresource: target.subresource(),
        operation,
        namespace: &target.namespace,
        name: &target.name,
        object,
        old,
        user: writer.user,
        dry_run: writer.dry_run,
        options: &writer.options,
        warnings: Vec::new(),
    }
}
