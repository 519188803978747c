//! Server-side apply.

use serde_json::Value;

use super::{
    Conflicts, ManagedFields, ManagerId, ObjectSchema, Operation, Tracking, conform,
    engine::{Engine, EngineError, Force},
    last_applied,
    managed::without,
    update::{blank, untracked, updated},
};

/// The manager whose applies also care for the annotation of client-side apply.
const KUBECTL: &str = "kubectl";
/// Who owns the fields of an object that was never tracked before its first apply.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// The result of an apply.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The object to store, entries included. Not yet defaulted, pruned or validated.
    pub object: Value,
    /// Whether anything differs from the live object, ownership included.
    pub changed: bool,
}

/// Why an apply was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// Other managers own what would change (409, cause `FieldManagerConflict` for each).
    #[error("{0}")]
    Conflicts(Conflicts),
    /// The body speaks another version than the URL (400).
    #[error(
        "Incorrect version specified in apply patch. Specified patch version: {sent}, expected: {expected}"
    )]
    Version {
        /// Version of the body.
        sent: String,
        /// Version of the request.
        expected: String,
    },
    /// The body carries entries (400).
    #[error("metadata.managedFields must be nil")]
    ManagedFieldsInBody,
    /// The body is no object (400).
    #[error("the applied configuration is not an object")]
    NotAnObject,
    /// The body does not fit the schema (500 in Kubernetes).
    #[error("failed to create typed patch object ({object}): {faults}")]
    Shape {
        /// The object, as `namespace/name; version, Kind=…`.
        object: String,
        /// What does not fit.
        faults: String,
    },
    /// The entries of the live object cannot be read.
    #[error("failed to decode managed fields: {0}")]
    ManagedFields(String),
    /// A conversion between versions failed.
    #[error("failed to convert the object to version `{api_version}`: {why}")]
    Conversion {
        /// The version that could not be reached.
        api_version: String,
        /// The converter's words.
        why: String,
    },
}

impl ApplyError {
    /// The HTTP status that Kubernetes answers with.
    pub fn status(&self) -> u16 {
        match self {
            ApplyError::Conflicts(_) => 409,
            ApplyError::Version { .. } | ApplyError::ManagedFieldsInBody | ApplyError::NotAnObject => 400,
            ApplyError::Shape { .. } | ApplyError::ManagedFields(_) | ApplyError::Conversion { .. } => 500,
        }
    }
}

impl From<EngineError> for ApplyError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Conflicts(conflicts) => ApplyError::Conflicts(conflicts),
            EngineError::Conversion { api_version, why } => ApplyError::Conversion { api_version, why },
        }
    }
}

/// Applies a configuration: merges it into the live object (none: creates), removes what this manager applied before
/// and nobody owns now, and moves ownership. Without `force`, fields of other managers are not taken.
///
/// # Errors
/// Conflicts with other managers; bodies of another version, with entries, or that do not fit the schema.
pub fn apply(
    cx: &Tracking<'_>,
    live: Option<&Value>,
    applied: &Value,
    force: bool,
) -> Result<Applied, ApplyError> {
    check_body(cx, applied)?;
    let applied = &without_null_timestamp(applied);
    let before = live.map_or_else(|| Ok(ManagedFields::default()), ManagedFields::of);
    let before = before.map_err(|e| ApplyError::ManagedFields(e.to_string()))?;
    let old = live.map_or_else(|| blank(applied), without);
    let start = if before.owners.is_empty() { first_apply(cx, &old, live.is_some()) } else { before.clone() };

    let force = if force { Force::Yes } else { Force::No };
    let (outcome, mut managed) = attempt(cx, &old, applied, start, force)?;
    let id = ManagerId::new(cx.manager(), Operation::Apply, cx.api_version, cx.subresource);
    if let Some(own) = managed.owners.get_mut(&id) {
        own.set = own.set.difference(&untracked());
    }
    managed.owners.retain(|_, fields| !fields.set.is_empty());

    let content_changed = outcome.is_some() || live.is_none();
    if content_changed {
        managed.times.insert(id, cx.stamp());
    }
    let mut object = outcome.unwrap_or(old);
    let untouched = object.clone();
    if cx.manager() == KUBECTL {
        last_applied::follow(&mut object, applied);
    }
    let changed = content_changed || managed.owners != before.owners || object != untouched;
    if let (false, Some(live)) = (changed, live) {
        return Ok(Applied { object: live.clone(), changed });
    }
    managed.write_to(&mut object);
    Ok(Applied { object, changed })
}

fn check_body(cx: &Tracking<'_>, applied: &Value) -> Result<(), ApplyError> {
    let body = applied.as_object().ok_or(ApplyError::NotAnObject)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("apiVersion") != cx.api_version {
        let (sent, expected) = (text("apiVersion").to_owned(), cx.api_version.to_owned());
        return Err(ApplyError::Version { sent, expected });
    }
    let metadata = |name: &str| body.get("metadata").and_then(|m| m.get(name));
    if metadata("managedFields").is_some_and(|m| !m.is_null()) {
        return Err(ApplyError::ManagedFieldsInBody);
    }
    let faults = conform::faults(&ObjectSchema(cx.schema), applied);
    if faults.is_empty() {
        return Ok(());
    }
    let part = |name: &str| metadata(name).and_then(Value::as_str).unwrap_or_default();
    let object = format!("{}/{}; {}, Kind={}", part("namespace"), part("name"), cx.api_version, text("kind"));
    let faults = match faults.as_slice() {
        [one] => one.to_string(),
        many => many.iter().fold("errors:".to_owned(), |text, fault| format!("{text}\n  {fault}")),
    };
    Err(ApplyError::Shape { object, faults })
}

/// Typed clients send `creationTimestamp: null` with every object; it must not look like a change.
fn without_null_timestamp(applied: &Value) -> Value {
    let mut applied = applied.clone();
    if let Some(metadata) = applied.get_mut("metadata").and_then(Value::as_object_mut)
        && metadata.get("creationTimestamp").is_some_and(Value::is_null)
    {
        metadata.remove("creationTimestamp");
    }
    applied
}

/// The entries of an object that was never tracked: all it holds belongs to one updater.
fn first_apply(cx: &Tracking<'_>, old: &Value, exists: bool) -> ManagedFields {
    if !exists {
        return ManagedFields::default();
    }
    let cx = Tracking { manager: BEFORE_FIRST_APPLY, reset: cx.reset.clone(), ..*cx };
    updated(&cx, &blank(old), old, ManagedFields::default()).unwrap_or_default()
}

/// Applies; where kubectl meets only conflicts that its own client-side apply caused, takes those fields over.
fn attempt(
    cx: &Tracking<'_>,
    old: &Value,
    applied: &Value,
    start: ManagedFields,
    force: Force,
) -> Result<(Option<Value>, ManagedFields), ApplyError> {
    let id = ManagerId::new(cx.manager(), Operation::Apply, cx.api_version, cx.subresource);
    let mut managed = start.clone();
    let conflicts = match Engine(cx).apply(old, applied, &mut managed, &id, force) {
        Ok(outcome) => return Ok((outcome, managed)),
        Err(EngineError::Conflicts(conflicts)) => conflicts,
        Err(other) => return Err(other.into()),
    };
    let allowed = if cx.manager() == KUBECTL { last_applied::allowed(cx, old) } else { None };
    let Some(allowed) = allowed else { return Err(ApplyError::Conflicts(conflicts)) };
    let rest: Vec<_> = conflicts.0.into_iter().filter(|c| !allowed.has(&c.path)).collect();
    if !rest.is_empty() {
        return Err(ApplyError::Conflicts(Conflicts(rest)));
    }
    let mut managed = start;
    let outcome = Engine(cx).apply(old, applied, &mut managed, &id, Force::Yes)?;
    Ok((outcome, managed))
}

impl From<ApplyError> for crate::ApiError {
    fn from(error: ApplyError) -> Self {
        match (error.status(), &error) {
            (_, ApplyError::Conflicts(conflicts)) => {
                let cause = |c: &super::Conflict| crate::Cause {
                    reason: "FieldManagerConflict".to_owned(),
                    message: c.message(),
                    field: c.field(),
                };
                crate::ApiError::apply_conflict(
                    conflicts.to_string(),
                    conflicts.0.iter().map(cause).collect(),
                )
            }
            (400, _) => crate::ApiError::bad_request(error.to_string()),
            // Not `Internal error occurred: …`: Kubernetes gives these texts bare.
            _ => crate::ApiError::new(500, "", error.to_string()),
        }
    }
}
