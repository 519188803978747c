//! Namespace lifecycle: nothing is created in a namespace that is missing or going, and the first namespaces stay.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::admission::{Attributes, Operation};
use crate::error::{ApiError, Cause};
use crate::names::GroupResource;
use crate::object;
use crate::partition::Partition;
use crate::resource::StoragePrefix;
use crate::server::ApiServer;
use crate::store::{ObjectKey, encode};

/// Namespaces that cannot be deleted while their partition lives.
pub const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

/// Where namespaces are stored.
pub fn namespaces_prefix() -> StoragePrefix {
    StoragePrefix::new("", "namespaces")
}

/// A new namespace as the server makes it.
pub(crate) fn namespace_object(server: &ApiServer, name: &str) -> Value {
    let parts = server.parts();
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {
            "name": name, "uid": parts.ids.uid(), "creationTimestamp": object::time_text(parts.clock.now()),
            "labels": {"kubernetes.io/metadata.name": name},
        },
        "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
    })
}

/// Makes a namespace if it is missing.
pub fn ensure_namespace(server: &ApiServer, partition: &Partition, name: &str) {
    let key = ObjectKey::new(partition.clone(), "", name);
    let prefix = namespaces_prefix();
    if server.store().get(&prefix, &key).is_none() {
        // Losing the race against another writer is as good as winning it.
        let _ = server.store().create(&prefix, key, encode(namespace_object(server, name)));
    }
}

/// Checks a write against the namespaces of its partition.
pub(crate) fn check(server: &ApiServer, attributes: &Attributes<'_>) -> Result<(), ApiError> {
    let parts = server.parts();
    let resource = attributes.resource.group_resource();
    let is_namespace = resource.group.is_empty() && &*resource.resource == "namespaces";
    if is_namespace && attributes.operation == Operation::Delete && IMMORTAL.contains(&attributes.name) {
        if (parts.protects_namespaces)(attributes.partition) {
            return Err(ApiError::forbidden(&resource, attributes.name, "this namespace may not be deleted"));
        }
        return Ok(());
    }
    let enters = attributes.operation == Operation::Create && attributes.resource.namespaced;
    if !enters || !parts.namespace_lifecycle {
        return Ok(());
    }
    if attributes.namespace == "default" {
        ensure_namespace(server, attributes.partition, "default");
    }
    let key = ObjectKey::new(attributes.partition.clone(), "", attributes.namespace);
    let Some(stored) = server.store().get(&namespaces_prefix(), &key) else {
        return Err(ApiError::not_found(&GroupResource::new("", "namespaces"), attributes.namespace));
    };
    let namespace = stored.value();
    let terminating = object::is_deleting(&namespace)
        || namespace.pointer("/status/phase").and_then(Value::as_str) == Some("Terminating");
    if terminating { Err(going(&resource, attributes)) } else { Ok(()) }
}

fn going(resource: &GroupResource, attributes: &Attributes<'_>) -> ApiError {
    let namespace = attributes.namespace;
    let name = object::name(&attributes.object);
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let mut error = ApiError::forbidden(resource, name, why);
    if let Some(details) = &mut error.details {
        let text = format!("namespace {namespace} is being terminated");
        details.causes.push(Cause::field("NamespaceTerminating", "metadata.namespace", text));
    }
    error
}

/// Says for a partition whether its first namespaces are protected.
pub type ProtectsNamespaces = Arc<dyn Fn(&Partition) -> bool + Send + Sync>;
