//! The loops that keep objects consistent: namespaces empty themselves, dependents follow their owners, accounts get
//! tokens, definitions get conditions. One loop of a kind serves all partitions.

mod definitions; // conditions and clean-up of custom resource definitions
mod garbage; // dependents follow their owners
mod graph; // who depends on whom
mod namespaces; // terminating namespaces empty themselves
mod queue; // keys that are due
mod service_accounts; // default accounts, token secrets, root certificates
mod upkeep; // history and events end

use std::sync::Arc;

use runtime::Stop;

use crate::catalog::{ApiSets, Catalog};
use crate::error::ApiError;
use crate::local::Local;
use crate::partition::{Partition, Scope};
use crate::resource::{ServedResource, StoragePrefix};
use crate::server::ApiServer;
use crate::tokens::TokenIssuer;
use crate::user::UserInfo;

/// What the controllers need.
#[derive(Clone)]
pub struct Controllers {
    /// The server whose objects they keep.
    pub server: ApiServer,
    /// The resources of every partition.
    pub apis: Arc<dyn ApiSets>,
    /// PEM certificates for `kube-root-ca.crt`; empty: no such ConfigMap.
    pub root_certificates: String,
    /// Signs tokens for token secrets; none: they stay empty.
    pub tokens: Option<Arc<dyn TokenIssuer>>,
    /// Whether every namespace gets a service account `default`.
    pub default_accounts: bool,
}

impl Controllers {
    /// Runs all loops until stopped. Each handles its faults itself and retries.
    pub async fn run(&self, stop: Stop) {
        let loops = async {
            tokio::join!(
                namespaces::run(self),
                garbage::run(self),
                service_accounts::run(self),
                definitions::run(self),
                upkeep::run(self),
            );
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = loops => {}
        }
    }

    /// A caller in one partition, named as the controllers of Kubernetes are.
    fn caller(&self, partition: &Partition, name: &str) -> Local {
        let user = UserInfo::system(format!("system:serviceaccount:kube-system:{name}"));
        self.server.local(Scope::One(partition.clone()), self.apis.clone(), user)
    }

    fn catalog(&self, partition: &Partition) -> Arc<Catalog> {
        self.apis.catalog(&Scope::One(partition.clone()))
    }
}

/// The resource that shows what is stored under a prefix.
fn resource_of<'c>(catalog: &'c Catalog, prefix: &StoragePrefix) -> Option<&'c Arc<ServedResource>> {
    let mut found = catalog.resources().filter(|r| r.storage == *prefix && r.virtual_create.is_none());
    let first = found.next()?;
    // The group it is stored in is its own face; others only show it too.
    Some(if first.gvk.group == prefix.group {
        first
    } else {
        found.find(|r| r.gvk.group == prefix.group).unwrap_or(first)
    })
}

/// Whether a fault means that somebody else was faster, so that the next look will settle it.
fn is_settled(error: &ApiError) -> bool {
    error.is_not_found() || error.is_conflict() || error.is_already_exists()
}
