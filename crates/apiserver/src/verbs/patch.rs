//! Patch: merge, JSON, strategic merge, server-side apply. All but the first create of an apply end as an update.

use serde_json::Value;

use super::update::{self, Origin};
use super::{Target, Writer, Written, checks, create, current, ownership, served, shape};
use crate::error::{ApiError, Cause};
use crate::local::PatchKind;
use crate::object;
use crate::patching::patched as patched_value;
use crate::query::FieldValidation;
use crate::resource::Origin as ResourceOrigin;

const RACE_ATTEMPTS: usize = 5;

/// A decoded patch.
pub(crate) struct Patch {
    pub kind: PatchKind,
    pub body: Value,
    pub force: bool,
}

/// Patches an object; an apply creates it where it is missing.
pub(crate) async fn patch(writer: &Writer<'_>, target: &Target, patch: &Patch) -> Result<Written, ApiError> {
    if patch.kind == PatchKind::Strategic && target.resource.origin == ResourceOrigin::Custom {
        return Err(ApiError::unsupported_media_type(
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        ));
    }
    let mut lost = None;
    for _ in 0..RACE_ATTEMPTS {
        match patch_once(writer, target, patch).await {
            // Only races are retried: a conflict over fields or over a version in the patch stays one.
            Err(Refusal::Raced(error)) => lost = Some(error),
            Err(Refusal::Final(error)) => return Err(error),
            Ok(written) => return Ok(written),
        }
    }
    Err(lost.unwrap_or_else(|| ApiError::modified(&target.group_resource(), &target.name)))
}

enum Refusal {
    Raced(ApiError),
    Final(ApiError),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Final(error)
    }
}

async fn patch_once(writer: &Writer<'_>, target: &Target, patch: &Patch) -> Result<Written, Refusal> {
    let Some(stored) = current(writer.server, target) else {
        if patch.kind == PatchKind::Apply && target.subresource.is_empty() {
            return create_by_apply(writer, target, patch).await.map_err(|error| {
                if error.is_already_exists() { Refusal::Raced(error) } else { Refusal::Final(error) }
            });
        }
        return Err(target.not_found().into());
    };
    let old = served(&target.resource, &stored)?;
    if patch.kind == PatchKind::Apply {
        check_same(target, &patch.body, &old)?;
    }
    let (mut body, origin) = match patch.kind {
        PatchKind::Apply => (apply(writer, target, Some(&old), patch)?, Origin::Applied),
        _ => (patched(writer, target, &old, patch)?, Origin::Written),
    };
    checks::check_name(target, &mut body).map_err(|_| name_changed(target, &body))?;
    checks::check_namespace(target, &mut body)?;
    let mut warnings = clean(writer, target, &mut body)?;
    // As on every way in: an apply that replaces an atomic list brings items without their defaults.
    target.resource.strategy.default(&mut body);
    check_same(target, &body, &old)?;
    let mut written = match update::replace(writer, target, &stored, body, origin).await {
        Err(error) if error.is_conflict() => return Err(Refusal::Raced(error)),
        other => other?,
    };
    warnings.append(&mut written.warnings);
    Ok(Written { warnings, ..written })
}

/// A version or uid that a patch names must be that of the object: both are preconditions.
fn check_same(target: &Target, wanted: &Value, old: &Value) -> Result<(), ApiError> {
    let (version, uid) = (object::resource_version(wanted), object::uid(wanted));
    if !version.is_empty() && version != object::resource_version(old) {
        return Err(ApiError::modified(&target.group_resource(), &target.name));
    }
    if !uid.is_empty() && uid != object::uid(old) {
        let actual = object::uid(old);
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {actual}");
        return Err(ApiError::conflict(&target.group_resource(), &target.name, &why));
    }
    Ok(())
}

fn name_changed(target: &Target, body: &Value) -> ApiError {
    ApiError::invalid(
        &target.resource.gvk,
        &target.name,
        vec![Cause::invalid("metadata.name", &object::name(body).into(), "field is immutable")],
    )
}

fn clean(writer: &Writer<'_>, target: &Target, body: &mut Value) -> Result<Vec<String>, ApiError> {
    match shape::clean(&target.resource, body, writer.strict) {
        // Unknown fields of patches are faults of the patch, which Kubernetes calls Invalid.
        Err(error) if writer.strict == FieldValidation::Strict => {
            let texts = error
                .message
                .rsplit_once("strict decoding error: ")
                .map_or(error.message.as_str(), |(_, t)| t);
            let cause = Cause {
                reason: "FieldValueInvalid".to_owned(),
                field: "patch".to_owned(),
                message: format!("Invalid value: strict decoding error: {texts}"),
            };
            Err(ApiError::invalid(&target.resource.gvk, &target.name, vec![cause]))
        }
        other => other,
    }
}

/// The object after a merge, JSON or strategic merge patch.
fn patched(writer: &Writer<'_>, target: &Target, old: &Value, patch: &Patch) -> Result<Value, ApiError> {
    // A patch sees what a client sees, the decoration included.
    let seen = writer.leaving(target, old.clone());
    let mut object = patched_value(&target.resource, patch.kind, &seen, &patch.body)?;
    writer.server.parts().decorator.strip(&target.partition, &mut object);
    checks::check_type(target, &mut object)?;
    Ok(object)
}

/// The object after a server-side apply; `live` is none for a create.
fn apply(
    writer: &Writer<'_>,
    target: &Target,
    live: Option<&Value>,
    patch: &Patch,
) -> Result<Value, ApiError> {
    let mut wish = patch.body.clone();
    writer.server.parts().decorator.strip(&target.partition, &mut wish);
    let kind = object::kind(&wish);
    if !wish.is_object() || object::api_version(&wish).is_empty() || kind.is_empty() {
        return Err(ApiError::bad_request("apiVersion and kind must be set in an apply patch"));
    }
    if kind != &*target.resource.gvk.kind {
        return Err(ApiError::bad_request(format!(
            "invalid object type: {}, Kind={kind}",
            object::api_version(&wish)
        )));
    }
    checks::check_name(target, &mut wish)?;
    checks::check_namespace(target, &mut wish)?;
    if writer.manager.is_empty() {
        return Err(ApiError::invalid(
            &crate::names::GroupVersionKind::new("meta.k8s.io", "v1", "PatchOptions"),
            "",
            vec![Cause::required("fieldManager", "is required for apply patch")],
        ));
    }
    ownership::apply(writer, target, live, &wish, patch.force)
}

async fn create_by_apply(writer: &Writer<'_>, target: &Target, patch: &Patch) -> Result<Written, ApiError> {
    if !object::uid(&patch.body).is_empty() {
        let why = format!(
            "uid mismatch: the provided object specified uid {}, and no existing object was found",
            object::uid(&patch.body)
        );
        return Err(ApiError::conflict(&target.group_resource(), &target.name, &why));
    }
    if !object::resource_version(&patch.body).is_empty() {
        return Err(target.not_found());
    }
    let mut body = apply(writer, target, None, patch)?;
    let mut warnings = clean(writer, target, &mut body)?;
    create::stamp(writer, target, &mut body);
    target.resource.strategy.default(&mut body);
    let object = create::finish(writer, target, body, &mut warnings).await?;
    Ok(Written { object, created: true, warnings })
}
