//! The resources Kubernetes itself brings, as a workspace without nodes serves them.
//!
//! No pods, services or other things that need machines. Reviews are answered by handlers of the host.

mod admission_configurations; // webhook configurations
mod admission_policies; // admission policies and their bindings
mod cells; // printed columns that are no plain paths
mod coordination; // leases
mod core; // namespaces, configmaps, secrets, service accounts, events, quotas
mod crd; // custom resource definitions
mod plain; // the strategy of kinds without rules of their own
mod rbac; // roles and bindings
mod reviews; // virtual creates answered by the host
mod row; // how a built-in resource is written down here

use std::sync::Arc;

pub use crd::CLEANUP as DEFINITION_CLEANUP;
pub use reviews::{Reviews, SelfSubjectReview};

use crate::resource::ServedResource;
use crate::tokens::TokenIssuer;

/// What the host brings to the built-in resources.
#[derive(Clone, Default)]
pub struct BuiltIns {
    /// Who answers reviews; a missing handler leaves the resource out.
    pub reviews: Reviews,
    /// Who signs service account tokens; without one `serviceaccounts/token` is not served.
    pub tokens: Option<Arc<dyn TokenIssuer>>,
}

impl BuiltIns {
    /// Every built-in resource, in the order of discovery.
    pub fn resources(&self) -> Vec<Arc<ServedResource>> {
        let mut all = core::resources(self.tokens.clone());
        all.extend(admission_configurations::resources());
        all.push(crd::resource());
        all.extend(self.reviews.resources());
        all.extend(coordination::resources());
        all.push(core::new_events());
        all.extend(rbac::resources());
        all.into_iter().map(Arc::new).collect()
    }
}
