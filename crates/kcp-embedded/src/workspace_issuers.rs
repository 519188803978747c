//! Which issuers a workspace trusts: its WorkspaceType names WorkspaceAuthenticationConfigurations beside it.

use apiserver::{Partition, StoragePrefix, store::ObjectKey};
use serde_json::Value;

use crate::{authentication::workspace_oidc::WorkspaceIssuers, core::WeakCore, workspace_types};

/// Reads types and configurations from the store at each use.
pub struct StoredIssuers(pub WeakCore);

impl WorkspaceIssuers for StoredIssuers {
    fn authenticators(&self, cluster: &Partition) -> Vec<Value> {
        let Some(core) = self.0.upgrade() else { return Vec::new() };
        let Ok(own) = workspace_types::of_cluster(&core, cluster) else { return Vec::new() };
        let home = Partition::from(own.cluster.as_str());
        let prefix = StoragePrefix::with_identity(
            workspace_types::TENANCY,
            "workspaceauthenticationconfigurations",
            core.tenancy_identity(),
        );
        let mut authenticators = Vec::new();
        for name in own.spec.authentication_configurations.iter().map(|reference| &reference.name) {
            match core.store().get(&prefix, &ObjectKey::new(home.clone(), "", name)) {
                Some(stored) => {
                    let configuration = stored.value();
                    authenticators
                        .extend(configuration["spec"]["jwt"].as_array().cloned().unwrap_or_default());
                }
                None => tracing::warn!(
                    cluster = cluster.as_str(),
                    object = name.as_str(),
                    "the workspace's type names an authentication configuration that is not there"
                ),
            }
        }
        authenticators
    }
}
