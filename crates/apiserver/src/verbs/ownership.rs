//! Managed fields: who owns which field after a write, and server-side apply.

use serde_json::Value;

use super::{Target, Writer};
use crate::apply::{self, ObjectSchema, Tracking};
use crate::error::ApiError;
use crate::fields::MergeSchema;
use crate::patching::merge_schema;
use crate::resource::ServedResource;

fn with_tracking<T>(writer: &Writer<'_>, target: &Target, run: impl FnOnce(&Tracking<'_>) -> T) -> T {
    let resource = &target.resource;
    let api_version = resource.api_version();
    let root = ObjectSchema(merge_schema(resource));
    let others = OtherVersions { resource, root: &root };
    let mut tracking = Tracking::new(&api_version, &root, &writer.manager, writer.server.parts().clock.now());
    if resource.subresources.status && (target.subresource.is_empty() || target.is_status()) {
        tracking = tracking.with_status_subresource(&target.subresource);
    }
    tracking.subresource = &target.subresource;
    tracking.versions = Some(&others);
    run(&tracking)
}

/// Versions besides that of the request. They are taken to have the shape of the served one: exact where only `apiVersion` changes.
struct OtherVersions<'a> {
    resource: &'a ServedResource,
    root: &'a dyn MergeSchema,
}

impl apply::Versions for OtherVersions<'_> {
    fn schema(&self, api_version: &str) -> Option<&dyn MergeSchema> {
        self.knows(api_version).then_some(self.root)
    }

    fn convert(&self, object: &Value, api_version: &str) -> Option<Result<Value, String>> {
        if !self.knows(api_version) {
            return None;
        }
        let version = api_version.rsplit('/').next().unwrap_or_default();
        if let Some(converter) = &self.resource.converter {
            return Some(converter.convert(object.clone(), version).map_err(|e| e.message));
        }
        let mut object = object.clone();
        if let Some(map) = object.as_object_mut() {
            map.insert("apiVersion".to_owned(), api_version.into());
        }
        Some(Ok(object))
    }
}

impl OtherVersions<'_> {
    fn knows(&self, api_version: &str) -> bool {
        let (group, version) = crate::names::split_api_version(api_version);
        group == &*self.resource.gvk.group && self.resource.versions.iter().any(|v| v == version)
    }
}

/// Moves ownership after a create (no `old`), an update or a patch.
pub(crate) fn track(writer: &Writer<'_>, target: &Target, old: Option<&Value>, new: &mut Value) {
    with_tracking(writer, target, |tracking| apply::track_update(tracking, old, new));
}

/// Gives back old time stamps of ownership where nothing else changed, so that a write without effect is none.
pub(crate) fn keep_times(old: &Value, new: &mut Value) {
    apply::keep_timestamps(old, new);
}

/// Server-side apply onto the live object.
pub(crate) fn apply(
    writer: &Writer<'_>,
    target: &Target,
    live: Option<&Value>,
    wish: &Value,
    force: bool,
) -> Result<Value, ApiError> {
    let applied = with_tracking(writer, target, |tracking| apply::apply(tracking, live, wish, force));
    applied.map(|a| a.object).map_err(ApiError::from)
}
