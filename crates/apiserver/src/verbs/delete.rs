//! Delete: at once, or marked first and finished by the last finalizer.

use serde_json::{Value, json};

use super::{Target, Writer, create, current, served, store_error};
use crate::admission::Operation;
use crate::error::ApiError;
use crate::object;
use crate::query::{DeleteOptions, Propagation};
use crate::store::{Stored, encode};

const RACE_ATTEMPTS: usize = 8;
/// Finalizer of an owner that waits for its dependents.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// Finalizer of an owner whose dependents are to be released first.
pub(crate) const ORPHAN: &str = "orphan";

/// What a delete left.
pub(crate) enum Deleted {
    /// The object is gone; its last state.
    Gone(Value),
    /// The object is marked and waits for finalizers.
    Waits(Value),
}

impl Deleted {
    pub(crate) fn object(&self) -> &Value {
        match self {
            Self::Gone(object) | Self::Waits(object) => object,
        }
    }
}

/// Deletes an object.
pub(crate) async fn delete(
    writer: &Writer<'_>,
    target: &Target,
    options: &DeleteOptions,
) -> Result<Deleted, ApiError> {
    let mut attempt = 1;
    loop {
        let stored = current(writer.server, target).ok_or_else(|| target.not_found())?;
        match delete_once(writer, target, options, &stored).await {
            Err(error)
                if error.is_conflict() && attempt < RACE_ATTEMPTS && raced(writer, target, &stored) =>
            {
                attempt += 1
            }
            answer => return answer,
        }
    }
}

/// Whether the object changed since it was read: then the conflict was a race, not a precondition.
fn raced(writer: &Writer<'_>, target: &Target, seen: &Stored) -> bool {
    current(writer.server, target).is_some_and(|now| now.revision != seen.revision)
}

async fn delete_once(
    writer: &Writer<'_>,
    target: &Target,
    options: &DeleteOptions,
    stored: &Stored,
) -> Result<Deleted, ApiError> {
    let old = served(&target.resource, stored)?;
    check_preconditions(target, options, &old)?;
    let mut attributes = create::attributes(
        writer,
        target,
        Operation::Delete,
        Value::Null,
        writer.leaving(target, old.clone()),
    );
    writer.server.admit(&mut attributes).await?;
    writer.server.admit_final(&mut attributes).await?;

    let finalizers = finalizers_for(&old, options.policy());
    let mut body = old.clone();
    object::set_finalizers(&mut body, &finalizers);
    if !object::is_deleting(&old) {
        object::set(&mut body, "deletionTimestamp", object::time_text(writer.server.parts().clock.now()));
        object::set(&mut body, "deletionGracePeriodSeconds", 0);
        let generation = object::generation(&old);
        if generation > 0 {
            object::set(&mut body, "generation", generation + 1);
        }
        target.resource.strategy.begin_delete(&mut body);
    }
    if object::finalizers(&body).is_empty() && target.resource.strategy.may_vanish(&body) {
        return remove(writer, target, options, stored, old);
    }
    mark(writer, target, options, stored, &old, body)
}

fn check_preconditions(target: &Target, options: &DeleteOptions, old: &Value) -> Result<(), ApiError> {
    let conflict = |why: String| Err(ApiError::conflict(&target.group_resource(), &target.name, &why));
    if let Some(uid) = options.uid.as_deref().filter(|uid| *uid != object::uid(old)) {
        return conflict(format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            object::uid(old)
        ));
    }
    if let Some(version) = options.resource_version.as_deref().filter(|v| *v != object::resource_version(old))
    {
        return conflict(format!(
            "Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in object meta: {}",
            object::resource_version(old)
        ));
    }
    Ok(())
}

/// The finalizers of a deleted object: its own, with those of the garbage collector set as the policy wants them.
fn finalizers_for(old: &Value, policy: Option<Propagation>) -> Vec<String> {
    let mut finalizers: Vec<String> = object::finalizers(old).into_iter().map(str::to_owned).collect();
    let Some(policy) = policy else { return finalizers };
    finalizers.retain(|f| f != FOREGROUND && f != ORPHAN);
    match policy {
        Propagation::Background => {}
        Propagation::Foreground => finalizers.push(FOREGROUND.to_owned()),
        Propagation::Orphan => finalizers.push(ORPHAN.to_owned()),
    }
    finalizers
}

fn remove(
    writer: &Writer<'_>,
    target: &Target,
    options: &DeleteOptions,
    stored: &Stored,
    mut old: Value,
) -> Result<Deleted, ApiError> {
    if !options.dry_run && !writer.dry_run {
        let revision = writer
            .server
            .store()
            .delete(&target.resource.storage, &target.key(), stored.revision)
            .map_err(|e| store_error(target, &e))?;
        object::set(&mut old, "resourceVersion", revision.to_string());
    }
    Ok(Deleted::Gone(writer.leaving(target, old)))
}

fn mark(
    writer: &Writer<'_>,
    target: &Target,
    options: &DeleteOptions,
    stored: &Stored,
    old: &Value,
    mut body: Value,
) -> Result<Deleted, ApiError> {
    if body == *old || options.dry_run || writer.dry_run {
        return Ok(Deleted::Waits(writer.leaving(target, body)));
    }
    let bytes = encode(target.resource.to_stored(body.clone())?);
    let revision = writer
        .server
        .store()
        .update(&target.resource.storage, &target.key(), stored.revision, bytes)
        .map_err(|e| store_error(target, &e))?;
    object::set(&mut body, "resourceVersion", revision.to_string());
    Ok(Deleted::Waits(writer.leaving(target, body)))
}

/// The `Status` of a finished delete.
pub(crate) fn success(target: &Target, object: &Value) -> Value {
    let mut details =
        json!({"name": target.name, "kind": &*target.resource.plural, "uid": object::uid(object)});
    if let Some(map) = details.as_object_mut()
        && !target.resource.gvk.group.is_empty()
    {
        map.insert("group".to_owned(), (&*target.resource.gvk.group).into());
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
