//! The request handler: one value that serves every verb of every resource, discovery and OpenAPI.

use std::sync::Arc;

use serde_json::Value;

use runtime::{Clock, Ids, Stop};

use crate::admission::{Admission, Attributes, NoAdmission};
use crate::body::Body;
use crate::catalog::ApiSets;
use crate::error::ApiError;
use crate::lifecycle::{self, ProtectsNamespaces};
use crate::local::Local;
use crate::partition::{Partition, Scope};
use crate::store::Store;
use crate::user::UserInfo;

/// What the host adds to objects on their way out and takes away on their way in (kcp: the annotation `kcp.io/cluster`).
pub trait Decorator: Send + Sync {
    /// Called on every object that leaves: answers, watch events, admission.
    fn decorate(&self, partition: &Partition, object: &mut Value);

    /// Called on every object that enters, before anything looks at it.
    fn strip(&self, partition: &Partition, object: &mut Value);
}

/// Adds nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDecorator;

impl Decorator for NoDecorator {
    fn decorate(&self, _partition: &Partition, _object: &mut Value) {}

    fn strip(&self, _partition: &Partition, _object: &mut Value) {}
}

/// What a server is made of.
#[derive(Clone)]
pub struct Parts {
    /// Where objects are.
    pub store: Store,
    /// What every write passes. Namespace lifecycle is built in and comes first.
    pub admission: Arc<dyn Admission>,
    /// What the host adds to objects.
    pub decorator: Arc<dyn Decorator>,
    /// Time of creation stamps.
    pub clock: Clock,
    /// Source of uids and generated names.
    pub ids: Ids,
    /// Whether writes need their namespace to exist (Kubernetes: yes).
    pub namespace_lifecycle: bool,
    /// Whether `default`, `kube-system` and `kube-public` of a partition may not be deleted.
    pub protects_namespaces: ProtectsNamespaces,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            store: Store::default(),
            admission: Arc::new(NoAdmission),
            decorator: Arc::new(NoDecorator),
            clock: Clock::system(),
            ids: Ids::random(),
            namespace_lifecycle: true,
            protects_namespaces: Arc::new(|_| true),
        }
    }
}

/// The context of one request, found by the host's pipeline.
#[derive(Clone)]
pub struct RequestCx {
    /// Which partitions it sees.
    pub scope: Scope,
    /// Which resources are served.
    pub apis: Arc<dyn ApiSets>,
    /// Who asks.
    pub user: UserInfo,
    /// Ends watches of this request when stopped, for example because the partition goes away.
    pub stop: Stop,
}

impl RequestCx {
    /// A context without an own stop.
    pub fn new(scope: impl Into<Scope>, apis: Arc<dyn ApiSets>, user: UserInfo) -> Self {
        Self { scope: scope.into(), apis, user, stop: Stop::new() }
    }

    /// The single partition of the request.
    ///
    /// # Errors
    /// 405 for a request over all partitions.
    pub fn partition(&self) -> Result<&Partition, ApiError> {
        self.scope.partition().ok_or_else(ApiError::method_not_allowed)
    }
}

/// The server; clones share everything.
#[derive(Clone)]
pub struct ApiServer {
    parts: Arc<Parts>,
}

impl ApiServer {
    /// A server of these parts.
    pub fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// Its parts.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Its store.
    pub fn store(&self) -> &Store {
        &self.parts.store
    }

    /// Answers a request. The path begins with `/api`, `/apis`, `/openapi` or `/version`: the host has taken off what names the partition.
    /// The caller has authenticated and authorized it.
    ///
    /// # Cancellation
    /// A write that has not reached the store leaves nothing; one that has, stands.
    pub async fn handle(&self, cx: RequestCx, request: http::Request<Body>) -> http::Response<Body> {
        crate::answer::respond(self, cx, request).await
    }

    /// The same verbs in process, with admission and without authorization.
    pub fn local(&self, scope: impl Into<Scope>, apis: Arc<dyn ApiSets>, user: UserInfo) -> Local {
        Local::new(self.clone(), RequestCx::new(scope, apis, user))
    }

    /// The mutating half of admission, namespace lifecycle first.
    pub(crate) async fn admit(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        lifecycle::check(self, attributes)?;
        self.parts.admission.mutate(attributes).await
    }

    /// The validating half of admission.
    pub(crate) async fn admit_final(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        self.parts.admission.validate(attributes).await
    }
}
