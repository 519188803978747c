//! Logical clusters: the singleton `cluster` of each, its phases, initializers and terminators handed over, its end.

mod admission; // what callers may change
mod controller; // phases, deletion

use apiserver::{ApiError, GroupVersionResource, Partition, StoragePrefix, store::ObjectKey};
use kcp_api::{InitializerName, keys::INITIALIZER_PREFIX, keys::TERMINATOR_PREFIX, labels};
use serde_json::{Value, json};

pub use admission::LogicalClusterAdmission;
pub(crate) use controller::start;
pub(crate) use kcp_api::keys::{
    LOGICAL_CLUSTER_DELETION_FINALIZER as DELETION_FINALIZER, LOGICAL_CLUSTER_NAME as NAME,
    TERMINATORS_FINALIZER,
};

use crate::{
    core::Core,
    records::{self, strings},
    tree::Phase,
    workspaces::PHASE_LABEL,
};

/// API group.
pub const CORE: &str = "core.kcp.io";
/// `logicalclusters.v1alpha1.core.kcp.io`.
pub fn gvr() -> GroupVersionResource {
    GroupVersionResource::new(CORE, "v1alpha1", "logicalclusters")
}

/// Where logical clusters are stored.
pub fn prefix() -> StoragePrefix {
    StoragePrefix::new(CORE, "logicalclusters")
}

fn key(cluster: &Partition) -> ObjectKey {
    ObjectKey::new(cluster.clone(), "", NAME)
}

/// What a new logical cluster starts with.
#[derive(Clone, Debug, Default)]
pub struct Fresh {
    /// Annotations.
    pub annotations: Vec<(String, String)>,
    /// Initializers, in spec and status.
    pub initializers: Vec<String>,
    /// Terminators, in spec and status.
    pub terminators: Vec<String>,
    /// `spec.owner`.
    pub owner: Option<Value>,
    /// `spec.createdBy`: UserInfo of the creator, null where unknown.
    pub created_by: Value,
    /// First phase.
    pub phase: Phase,
}

/// Creates the logical cluster, or returns the one there is.
///
/// # Errors
/// As [`records::create`].
pub fn create(core: &Core, cluster: &Partition, fresh: Fresh) -> Result<Value, ApiError> {
    let mut object = json!({
        "apiVersion": "core.kcp.io/v1alpha1",
        "kind": "LogicalCluster",
        "metadata": {"name": NAME, "finalizers": [DELETION_FINALIZER]},
        "spec": {},
        "status": {"phase": fresh.phase.as_str(), "URL": core.cluster_url(cluster.as_str())},
    });
    for (name, value) in &fresh.annotations {
        records::set_annotation(&mut object, name, value.as_str());
    }
    if let Some(owner) = fresh.owner {
        object["spec"]["owner"] = owner;
    }
    if fresh.created_by.is_object() {
        object["spec"]["createdBy"] = fresh.created_by;
    }
    for part in ["spec", "status"] {
        records::set_strings(&mut object[part], "initializers", &fresh.initializers);
        records::set_strings(&mut object[part], "terminators", &fresh.terminators);
    }
    normalize(core, &mut object);
    records::create(core, &prefix(), key(cluster), object)
}

/// The logical cluster of a cluster.
pub fn get(core: &Core, cluster: &Partition) -> Option<Value> {
    core.store().get(&prefix(), &key(cluster)).map(|stored| stored.value())
}

/// Changes a logical cluster; labels, phase and finalizers follow in the same write.
///
/// # Errors
/// As [`records::modify`].
pub fn modify(
    core: &Core,
    cluster: &Partition,
    mut change: impl FnMut(&mut Value) -> Result<(), ApiError>,
) -> Result<Option<Value>, ApiError> {
    records::modify(core, &prefix(), &key(cluster), |object| {
        change(object)?;
        normalize(core, object);
        Ok(())
    })
}

/// Takes an initializer off the list; the phase becomes Ready with the last one.
///
/// # Errors
/// As [`records::modify`].
pub fn remove_initializer(core: &Core, cluster: &Partition, initializer: &str) -> Result<(), ApiError> {
    modify(core, cluster, |object| {
        let rest: Vec<String> = strings(&object["status"]["initializers"])
            .into_iter()
            .filter(|name| *name != initializer)
            .map(str::to_owned)
            .collect();
        records::set_strings(&mut object["status"], "initializers", &rest);
        Ok(())
    })
    .map(|_| ())
}

/// Marks a logical cluster for deletion; `None` if it is gone.
///
/// # Errors
/// As [`records::modify`].
pub fn begin_deletion(core: &Core, cluster: &Partition) -> Result<Option<Value>, ApiError> {
    modify(core, cluster, |object| {
        if !object["metadata"]["deletionTimestamp"].is_string() {
            object["metadata"]["deletionTimestamp"] = records::now(core).into();
            object["metadata"]["deletionGracePeriodSeconds"] = 0.into();
        }
        Ok(())
    })
}

/// Brings what is derived in line with what it is derived from: phase, labels, finalizers, conditions.
pub(crate) fn normalize(core: &Core, object: &mut Value) {
    let list = |object: &Value, field: &str| -> Vec<String> {
        strings(&object["status"][field]).into_iter().map(str::to_owned).collect()
    };
    let (initializers, terminators) = (list(object, "initializers"), list(object, "terminators"));
    let deleting = object["metadata"]["deletionTimestamp"].is_string();
    let phase = Phase::parse(object["status"]["phase"].as_str().unwrap_or_default());
    let phase = match phase {
        _ if deleting && terminators.is_empty() => Phase::Deleting,
        _ if deleting => Phase::Terminating,
        Phase::Initializing if initializers.is_empty() => Phase::Ready,
        other => other,
    };
    if !object["status"].is_object() {
        object["status"] = json!({});
    }
    object["status"]["phase"] = phase.as_str().into();
    if terminators.is_empty() {
        records::remove_finalizer(object, TERMINATORS_FINALIZER);
    } else if !deleting || records::finalizers(object).contains(&TERMINATORS_FINALIZER) {
        records::add_finalizer(object, TERMINATORS_FINALIZER);
    }
    relabel(object, &initializers, &terminators, phase);
    let initialized = if initializers.is_empty() {
        kcp_api::Condition::is_true("WorkspaceInitialized")
    } else {
        let message = format!("Initializers still exist: {initializers:?}");
        kcp_api::Condition::is_false(
            "WorkspaceInitialized",
            "InitializerExists",
            kcp_api::Severity::Info,
            message,
        )
    };
    records::set_conditions(object, [initialized], core.clock.now());
}

fn relabel(object: &mut Value, initializers: &[String], terminators: &[String], phase: Phase) {
    let named =
        |names: &[String], label: fn(&InitializerName) -> (String, String)| -> Vec<(String, String)> {
            names
                .iter()
                .filter_map(|name| name.parse::<InitializerName>().ok())
                .map(|name| label(&name))
                .collect()
        };
    let mut wanted = named(initializers, labels::initializer_label);
    wanted.extend(named(terminators, labels::terminator_label));
    wanted.push((PHASE_LABEL.to_owned(), phase.as_str().to_owned()));
    records::retain_labels(object, |key| {
        let ours = key.starts_with(INITIALIZER_PREFIX) || key.starts_with(TERMINATOR_PREFIX);
        !ours || wanted.iter().any(|(wanted, _)| wanted == key)
    });
    for (key, value) in wanted {
        records::set_label(object, &key, value);
    }
}
