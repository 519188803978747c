//! Admission of LogicalClusters: made by the server, ended through their owner, phases forward only.

use std::collections::BTreeSet;

use apiserver::{Admission, ApiError, Attributes, Cause, Operation, UserInfo};
use async_trait::async_trait;
use kcp_api::{
    core::v1alpha1::LogicalClusterPhase,
    workspaces::{LogicalClusterChange, PhaseRefusal, check_logical_cluster_change},
};
use serde_json::Value;

use super::CORE;
use crate::{
    identity::{
        GROUP_BOOTSTRAPPER, GROUP_EXTERNAL_LOGICAL_CLUSTER_ADMIN, GROUP_LOGICAL_CLUSTER_ADMIN, GROUP_MASTERS,
        in_group,
    },
    records::strings,
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
                let created_by = |object: &Value| object["spec"]["createdBy"].clone();
                if created_by(&attributes.old) != created_by(&attributes.object) {
                    let cause = Cause::invalid(
                        "spec.createdBy",
                        &attributes.object["spec"]["createdBy"],
                        "spec.createdBy is immutable",
                    );
                    return Err(ApiError::invalid(&attributes.resource.gvk, attributes.name, vec![cause]));
                }
                if privileged(attributes.user) {
                    return Ok(());
                }
                check_change(&attributes.old, &attributes.object)
                    .map_err(|refusal| forbidden(&refusal.to_string()))
            }
            _ => Ok(()),
        }
    }
}

/// The rules of kcp on two objects as they are stored.
fn check_change(old: &Value, new: &Value) -> Result<(), PhaseRefusal> {
    fn named(list: &Value) -> BTreeSet<&str> {
        strings(list).into_iter().collect()
    }
    let phase =
        |object: &Value| LogicalClusterPhase::from(object["status"]["phase"].as_str().unwrap_or_default());
    let (from, to) = (phase(old), phase(new));
    let (old_spec, new_spec) = (named(&old["spec"]["initializers"]), named(&new["spec"]["initializers"]));
    let (before, after) = (named(&old["status"]["initializers"]), named(&new["status"]["initializers"]));
    check_logical_cluster_change(
        &LogicalClusterChange { phase: &from, spec_initializers: &old_spec, initializers: &before },
        &LogicalClusterChange { phase: &to, spec_initializers: &new_spec, initializers: &after },
    )
}
