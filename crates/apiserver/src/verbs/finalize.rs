//! `namespaces/finalize`: replaces the finalizers of the spec.

use serde_json::{Value, json};

use super::{Target, current, store_error};
use crate::error::ApiError;
use crate::object;
use crate::store::encode;
use crate::subresource::SubresourceRequest;

/// Takes `spec.finalizers` of the body over; a marked namespace without any finalizer is gone.
pub(crate) fn finalize(request: &SubresourceRequest<'_>) -> Result<Value, ApiError> {
    let target = Target {
        resource: request.resource.clone(),
        partition: request.cx.partition()?.clone(),
        namespace: String::new(),
        name: request.name.to_owned(),
        subresource: String::new(),
    };
    let stored = current(request.server, &target).ok_or_else(|| target.not_found())?;
    let mut namespace = stored.value();
    let version = object::resource_version(&request.body);
    if !version.is_empty() && version != object::resource_version(&namespace) {
        return Err(ApiError::modified(&target.group_resource(), &target.name));
    }
    let wanted = request.body.pointer("/spec/finalizers").cloned().unwrap_or_else(|| json!([]));
    let none = wanted.as_array().is_none_or(Vec::is_empty);
    namespace["spec"] = if none { json!({}) } else { json!({"finalizers": wanted}) };
    if request.dry_run {
        return Ok(namespace);
    }
    let store = request.server.store();
    let (prefix, key) = (&target.resource.storage, target.key());
    let vanishes = object::is_deleting(&namespace) && none && object::finalizers(&namespace).is_empty();
    let bytes = encode(namespace.clone());
    let revision = if vanishes {
        store.delete_as(prefix, &key, stored.revision, Some(bytes))
    } else {
        store.update(prefix, &key, stored.revision, bytes)
    };
    let revision = revision.map_err(|e| store_error(&target, &e))?;
    object::set(&mut namespace, "resourceVersion", revision.to_string());
    request.server.parts().decorator.decorate(&target.partition, &mut namespace);
    Ok(namespace)
}
