//! Admission: what every write passes, in-process writes included.
//!
//! Order: mutate, then schema and strategy validation, then validate, then the store.

mod expressions; // what CEL sees of a write; conditions
mod policy; // a ValidatingAdmissionPolicy, compiled

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::error::ApiError;
use crate::partition::Partition;
use crate::resource::ServedResource;
use crate::user::UserInfo;

pub use expressions::{
    Conditions, Seen, compile, expression_fault, policy_environment, request_of, webhook_environment,
};
pub use policy::{Policy, Reason, Refusal};

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A new object.
    Create,
    /// A changed object; patches and applies are updates.
    Update,
    /// A removal.
    Delete,
    /// A connection to a subresource.
    Connect,
}

impl Operation {
    /// The upper-case text of AdmissionReview.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// A write on its way to the store.
pub struct Attributes<'a> {
    /// The partition written to.
    pub partition: &'a Partition,
    /// The resource, in the version of the request.
    pub resource: &'a Arc<ServedResource>,
    /// `status`, `scale`, … or none.
    pub subresource: Option<&'a str>,
    /// What the write does.
    pub operation: Operation,
    /// Namespace; empty for cluster-wide resources.
    pub namespace: &'a str,
    /// Name of the object.
    pub name: &'a str,
    /// The object as it would be stored, in the version of the request; null on delete. Mutating admission changes it.
    pub object: Value,
    /// The object as it was; null on create.
    pub old: Value,
    /// Who asks.
    pub user: &'a UserInfo,
    /// Whether nothing will be stored.
    pub dry_run: bool,
    /// CreateOptions, UpdateOptions, PatchOptions or DeleteOptions of the request.
    pub options: &'a Value,
    /// Texts for `Warning` headers; admission appends.
    pub warnings: Vec<String>,
}

/// A link of the admission chain. Chains are made with [`Chain`].
#[async_trait]
pub trait Admission: Send + Sync {
    /// May change `attributes.object`.
    ///
    /// # Errors
    /// To refuse the write.
    async fn mutate(&self, _attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        Ok(())
    }

    /// Sees the final object. Only `warnings` may be changed.
    ///
    /// # Errors
    /// To refuse the write.
    async fn validate(&self, _attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Admission plugins in order; the first refusal ends it.
#[derive(Clone, Default)]
pub struct Chain(pub Vec<Arc<dyn Admission>>);

#[async_trait]
impl Admission for Chain {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        for plugin in &self.0 {
            plugin.mutate(attributes).await?;
        }
        Ok(())
    }

    async fn validate(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        for plugin in &self.0 {
            plugin.validate(attributes).await?;
        }
        Ok(())
    }
}

/// Lets everything pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAdmission;

#[async_trait]
impl Admission for NoAdmission {}
