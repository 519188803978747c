//! Admission of LogicalClusters: made by the server, ended through their owner, phases forward only.

use apiserver::{Admission, ApiError, Attributes, Cause, Operation, UserInfo};
use async_trait::async_trait;
use serde_json::Value;

use super::CORE;
use crate::{
    identity::{
        GROUP_BOOTSTRAPPER, GROUP_EXTERNAL_LOGICAL_CLUSTER_ADMIN, GROUP_LOGICAL_CLUSTER_ADMIN, GROUP_MASTERS,
        in_group,
    },
    records::strings,
    tree::Phase,
};

/// The plugin.
pub struct LogicalClusterAdmission;

const PRIVILEGED: [&str; 4] =
    [GROUP_MASTERS, GROUP_LOGICAL_CLUSTER_ADMIN, GROUP_EXTERNAL_LOGICAL_CLUSTER_ADMIN, GROUP_BOOTSTRAPPER];

fn privileged(user: &UserInfo) -> bool {
    PRIVILEGED.iter().any(|group| in_group(user, group))
}

#[async_trait]
impl Admission for LogicalClusterAdmission {
    /// Clients whose types are older than `spec.createdBy` drop it when they write an object back; it stays.
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        let concerned = attributes.resource.gvk.group.as_ref() == CORE
            && attributes.resource.plural.as_ref() == "logicalclusters"
            && attributes.operation == Operation::Update;
        let kept = &attributes.old["spec"]["createdBy"];
        if concerned && !kept.is_null() && attributes.object["spec"]["createdBy"].is_null() {
            attributes.object["spec"]["createdBy"] = kept.clone();
        }
        Ok(())
    }

    async fn validate(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        let concerned = attributes.resource.gvk.group.as_ref() == CORE
            && attributes.resource.plural.as_ref() == "logicalclusters";
        if !concerned {
            return Ok(());
        }
        let forbidden =
            |why: &str| ApiError::forbidden(&attributes.resource.group_resource(), attributes.name, why);
        match attributes.operation {
            Operation::Create if !privileged(attributes.user) => {
                Err(forbidden("LogicalCluster cannot be created"))
            }
            Operation::Delete => {
                let direct = attributes.old["spec"]["directlyDeletable"] == true;
                if direct || privileged(attributes.user) {
                    Ok(())
                } else {
                    Err(forbidden("LogicalCluster cannot be deleted"))
                }
            }
            Operation::Update => {
                match fault(&attributes.old, &attributes.object, privileged(attributes.user)) {
                    None => Ok(()),
                    Some(cause) => {
                        Err(ApiError::invalid(&attributes.resource.gvk, attributes.name, vec![cause]))
                    }
                }
            }
            _ => Ok(()),
        }
    }
}

/// What is wrong with a change.
fn fault(old: &Value, new: &Value, privileged: bool) -> Option<Cause> {
    let same = |field: &str| {
        let list = |object: &Value| {
            strings(&object["spec"][field]).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        list(old) == list(new)
    };
    if !same("initializers") {
        return Some(Cause::invalid(
            "spec.initializers",
            &new["spec"]["initializers"],
            "spec.initializers is immutable",
        ));
    }
    if old["spec"]["createdBy"] != new["spec"]["createdBy"] {
        return Some(Cause::invalid(
            "spec.createdBy",
            &new["spec"]["createdBy"],
            "spec.createdBy is immutable",
        ));
    }
    if privileged {
        return None;
    }
    let phase = |object: &Value| Phase::parse(object["status"]["phase"].as_str().unwrap_or_default());
    let (from, to) = (phase(old), phase(new));
    if rank(to) < rank(from) {
        let why = format!("cannot transition from \"{}\" to \"{}\"", from.as_str(), to.as_str());
        return Some(Cause::invalid("status.phase", &new["status"]["phase"], why));
    }
    let (before, after) = (strings(&old["status"]["initializers"]), strings(&new["status"]["initializers"]));
    if from == Phase::Initializing && to != Phase::Initializing && !after.is_empty() {
        return Some(Cause::invalid(
            "status.initializers",
            &new["status"]["initializers"],
            "status.initializers is not empty",
        ));
    }
    let shrinks = after.iter().all(|name| before.contains(name));
    if (from == Phase::Initializing && !shrinks) || (from > Phase::Initializing && before != after) {
        return Some(Cause::invalid(
            "status.initializers",
            &new["status"]["initializers"],
            "status.initializers must only shrink",
        ));
    }
    None
}

fn rank(phase: Phase) -> u8 {
    match phase {
        Phase::Scheduling => 1,
        Phase::Initializing => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cluster(phase: &str, initializers: &[&str]) -> Value {
        json!({"spec": {"initializers": ["a:b", "c:d"]}, "status": {"phase": phase, "initializers": initializers}})
    }

    #[test]
    fn wsp_05_initializers_only_shrink_and_phases_only_advance() {
        let before = cluster("Initializing", &["a:b", "c:d"]);
        assert!(fault(&before, &cluster("Initializing", &["c:d"]), false).is_none());
        assert!(fault(&cluster("Initializing", &["c:d"]), &before, false).is_some());
        assert!(fault(&before, &cluster("Ready", &["c:d"]), false).is_some());
        assert!(fault(&cluster("Ready", &[]), &cluster("Initializing", &[]), false).is_some());
        assert!(fault(&cluster("Ready", &[]), &cluster("Initializing", &[]), true).is_none());
        let mut spec = before.clone();
        spec["spec"]["initializers"] = json!([]);
        assert!(fault(&before, &spec, true).is_some());
    }
}
