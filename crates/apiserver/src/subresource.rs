//! Subresources and virtual resources as rows of data with a handler.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::error::ApiError;
use crate::names::{GroupVersionKind, Verb};
use crate::resource::ServedResource;
use crate::server::{ApiServer, RequestCx};

/// One subresource: its name, kind and verbs, and who answers.
#[derive(Clone)]
pub struct SubresourceRoute {
    /// Last path segment, for example `token`.
    pub name: String,
    /// Kind of the bodies.
    pub gvk: GroupVersionKind,
    /// Verbs it serves.
    pub verbs: Vec<Verb>,
    /// Who answers.
    pub handler: Arc<dyn SubresourceHandler>,
}

/// A request to a subresource, parsed.
pub struct SubresourceRequest<'a> {
    /// The server.
    pub server: &'a ApiServer,
    /// Context of the request.
    pub cx: &'a RequestCx,
    /// The parent resource.
    pub resource: &'a Arc<ServedResource>,
    /// Namespace of the parent; empty for cluster-wide resources.
    pub namespace: &'a str,
    /// Name of the parent object.
    pub name: &'a str,
    /// What is asked.
    pub verb: Verb,
    /// The decoded body; null for reads.
    pub body: Value,
    /// Whether nothing may be stored.
    pub dry_run: bool,
}

/// Answers requests to a subresource.
#[async_trait]
pub trait SubresourceHandler: Send + Sync {
    /// Answers with an object; the status code is 201 for creates and 200 otherwise.
    ///
    /// # Errors
    /// As the subresource has them.
    async fn handle(&self, request: SubresourceRequest<'_>) -> Result<Value, ApiError>;
}

/// Answers creates of a resource that stores nothing, such as SubjectAccessReview.
#[async_trait]
pub trait VirtualCreate: Send + Sync {
    /// Answers with the object, its status filled.
    ///
    /// # Errors
    /// For malformed reviews.
    async fn create(&self, cx: &RequestCx, namespace: Option<&str>, object: Value)
    -> Result<Value, ApiError>;
}
