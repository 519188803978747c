//! Update of an object or of its status: isolation, generation, and the removal that follows the last finalizer.

use serde_json::{Map, Value};

use super::{Target, Writer, Written, checks, create, current, ownership, served, shape, store_error};
use crate::admission::Operation;
use crate::error::{ApiError, Cause};
use crate::object;
use crate::store::{Stored, encode};

const RACE_ATTEMPTS: usize = 5;

/// How a new state came about; decides about ownership.
pub(crate) enum Origin {
    /// The client sent it whole, or it was patched.
    Written,
    /// Server-side apply made it, with ownership already in it.
    Applied,
}

/// Replaces an object by what a client sent.
pub(crate) async fn update(writer: &Writer<'_>, target: &Target, body: Value) -> Result<Written, ApiError> {
    for _ in 0..RACE_ATTEMPTS {
        match update_once(writer, target, body.clone()).await {
            Err(error) if error.is_conflict() && object::resource_version(&body).is_empty() => {}
            answer => return answer,
        }
    }
    Err(ApiError::modified(&target.group_resource(), &target.name))
}

async fn update_once(writer: &Writer<'_>, target: &Target, mut body: Value) -> Result<Written, ApiError> {
    writer.server.parts().decorator.strip(&target.partition, &mut body);
    checks::check_type(target, &mut body)?;
    checks::check_namespace(target, &mut body)?;
    checks::check_name(target, &mut body)?;
    let Some(stored) = current(writer.server, target) else {
        if target.subresource.is_empty()
            && target.resource.strategy.allows_create_on_update()
            && object::uid(&body).is_empty()
        {
            return create::create(writer, target, body).await;
        }
        return Err(target.not_found());
    };
    let mut warnings = shape::clean(&target.resource, &mut body, writer.strict)?;
    target.resource.strategy.default(&mut body);
    check_preconditions(target, &stored, &body)?;
    let mut written = replace(writer, target, &stored, body, Origin::Written).await?;
    warnings.append(&mut written.warnings);
    Ok(Written { warnings, ..written })
}

/// resourceVersion and uid of the body must be those of the stored object, where they are given.
fn check_preconditions(target: &Target, stored: &Stored, body: &Value) -> Result<(), ApiError> {
    let gr = target.group_resource();
    let version = object::resource_version(body);
    if version.is_empty() || version == "0" {
        if !target.resource.strategy.allows_unconditional_update() {
            let cause = Cause::field(
                "FieldValueInvalid",
                "metadata.resourceVersion",
                "Invalid value: 0: must be specified for an update",
            );
            return Err(ApiError::invalid(&target.resource.gvk, &target.name, vec![cause]));
        }
    } else if version.parse::<u64>().is_err() {
        let why = format!("strconv.ParseUint: parsing \"{version}\": invalid syntax");
        let cause = Cause::invalid("metadata.resourceVersion", &version.into(), why);
        return Err(ApiError::invalid(&target.resource.gvk, &target.name, vec![cause]));
    } else if version != stored.revision.to_string() {
        return Err(ApiError::modified(&gr, &target.name));
    }
    let (given, actual) = (object::uid(body), stored.value());
    if !given.is_empty() && given != object::uid(&actual) {
        let why = format!(
            "Precondition failed: UID in precondition: {given}, UID in object meta: {}",
            object::uid(&actual)
        );
        return Err(ApiError::conflict(&gr, &target.name, &why));
    }
    Ok(())
}

/// Replaces the stored object by a new state in the version of the request. Loses with `Conflict` if it changed meanwhile.
pub(crate) async fn replace(
    writer: &Writer<'_>,
    target: &Target,
    stored: &Stored,
    mut body: Value,
    origin: Origin,
) -> Result<Written, ApiError> {
    let parts = writer.server.parts();
    let old = served(&target.resource, stored)?;
    keep_system_fields(&mut body, &old);
    isolate(target, &mut body, &old);
    if matches!(origin, Origin::Written) {
        ownership::track(writer, target, Some(&old), &mut body);
    }
    let mut attributes =
        create::attributes(writer, target, Operation::Update, body, writer.leaving(target, old.clone()));
    parts.decorator.decorate(&target.partition, &mut attributes.object);
    writer.server.admit(&mut attributes).await?;
    let mut body = std::mem::take(&mut attributes.object);
    parts.decorator.strip(&target.partition, &mut body);
    shape::reshape(&target.resource, &mut body);
    isolate(target, &mut body, &old);
    target.resource.strategy.prepare_for_update(&mut body, &old);
    count_generation(target, &mut body, &old);
    ownership::keep_times(&old, &mut body);
    validate(target, &body, &old)?;
    attributes.object = writer.leaving(target, body.clone());
    writer.server.admit_final(&mut attributes).await?;
    let warnings = std::mem::take(&mut attributes.warnings);
    let object = store(writer, target, stored, body, &old)?;
    Ok(Written { object, created: false, warnings })
}

fn validate(target: &Target, body: &Value, old: &Value) -> Result<(), ApiError> {
    let mut causes = checks::metadata_faults(target, body, Some(old));
    causes.extend(shape::faults(&target.resource, body, Some(old)));
    causes.extend(target.resource.strategy.validate(body, Some(old)));
    create::refuse(target, &target.name, causes)?;
    match &target.resource.restrict {
        Some(selector) if !selector.matches(body) => {
            let why = format!("the object must keep matching the label selector {selector}");
            Err(ApiError::forbidden(&target.group_resource(), &target.name, why))
        }
        _ => Ok(()),
    }
}

fn store(
    writer: &Writer<'_>,
    target: &Target,
    stored: &Stored,
    mut body: Value,
    old: &Value,
) -> Result<Value, ApiError> {
    let store = writer.server.store();
    object::set(&mut body, "resourceVersion", stored.revision.to_string());
    let vanishes = object::is_deleting(&body)
        && object::finalizers(&body).is_empty()
        && target.resource.strategy.may_vanish(&body);
    if writer.dry_run || (body == *old && !vanishes && same_version(target, stored)) {
        return Ok(writer.leaving(target, body));
    }
    let bytes = encode(target.resource.to_stored(body.clone())?);
    let (prefix, key) = (&target.resource.storage, target.key());
    let revision = if vanishes {
        store.delete_as(prefix, &key, stored.revision, Some(bytes))
    } else {
        store.update(prefix, &key, stored.revision, bytes)
    };
    let revision = revision.map_err(|e| store_error(target, &e))?;
    object::set(&mut body, "resourceVersion", revision.to_string());
    Ok(writer.leaving(target, body))
}

/// Whether the stored bytes are in the storage version already; if not, a write that changes nothing still migrates them.
fn same_version(target: &Target, stored: &Stored) -> bool {
    target.resource.converter.is_none()
        || object::api_version(&stored.value()) == &*target.resource.storage_api_version
}

fn keep_system_fields(body: &mut Value, old: &Value) {
    for field in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "resourceVersion",
    ] {
        object::take_over(body, field, old);
    }
}

/// The main endpoint leaves the status as it was; the status endpoint leaves everything else as it was.
fn isolate(target: &Target, body: &mut Value, old: &Value) {
    if target.is_status() {
        let mut kept = old.clone();
        object::take_over(&mut kept, "managedFields", body);
        put(&mut kept, "status", body.get("status").cloned());
        *body = kept;
    } else if target.resource.subresources.status && target.subresource.is_empty() {
        put(body, "status", old.get("status").cloned());
    }
}

fn put(object: &mut Value, key: &str, value: Option<Value>) {
    if let Some(map) = object.as_object_mut() {
        match value {
            Some(value) => map.insert(key.to_owned(), value),
            None => map.remove(key),
        };
    }
}

/// Generation counts changes outside of metadata and, where it is a subresource, status.
fn count_generation(target: &Target, body: &mut Value, old: &Value) {
    if !target.resource.strategy.counts_generation() {
        return;
    }
    let before = object::generation(old);
    let after = if same_content(target, body, old) { before } else { before + 1 };
    if after > 0 {
        object::set(body, "generation", after);
    }
}

fn same_content(target: &Target, a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return a == b };
    let counts = |key: &str| {
        !matches!(key, "metadata" | "apiVersion" | "kind")
            && (key != "status" || !target.resource.subresources.status)
    };
    let size = |map: &Map<String, Value>| map.keys().filter(|k| counts(k)).count();
    size(a) == size(b) && a.iter().filter(|(k, _)| counts(k)).all(|(k, v)| b.get(k) == Some(v))
}
