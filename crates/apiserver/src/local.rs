//! The verbs in process: controllers use them without HTTP and without authorization, with admission.

use std::sync::Arc;

use futures::stream::BoxStream;
use serde_json::Value;

use crate::error::ApiError;
use crate::names::GroupVersionResource;
use crate::partition::{Partition, Scope};
use crate::resource::ServedResource;
use crate::selector::LabelSelector;
use crate::server::{ApiServer, RequestCx};

/// What a list shows.
#[derive(Clone, Debug, Default)]
pub struct ListParams {
    /// Only this namespace; empty: all.
    pub namespace: String,
    /// Only objects with these labels.
    pub labels: LabelSelector,
}

/// A list of one moment.
#[derive(Clone, Debug)]
pub struct List {
    /// Objects with their partitions, in key order.
    pub items: Vec<(Partition, Value)>,
    /// The revision to watch from.
    pub revision: u64,
}

/// What a watch gives.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchEvent {
    /// The object is new, or newly matches.
    Added(Partition, Value),
    /// The object changed.
    Modified(Partition, Value),
    /// The object is gone, or no longer matches. The value is its last state.
    Deleted(Partition, Value),
    /// Everything up to this revision has been given.
    Bookmark(u64),
}

/// How to write.
#[derive(Clone, Debug, Default)]
pub struct WriteParams {
    /// `status`, … or empty for the object itself.
    pub subresource: String,
    /// Field manager; empty: the user name.
    pub manager: String,
    /// Take over fields of other managers (apply only).
    pub force: bool,
    /// Validate and admit, store nothing.
    pub dry_run: bool,
}

/// How to delete.
#[derive(Clone, Debug, Default)]
pub struct DeleteParams {
    /// The uid it must have.
    pub uid: Option<String>,
    /// The resourceVersion it must have.
    pub resource_version: Option<String>,
    /// `Background`, `Foreground` or `Orphan`; none: the default of the resource.
    pub propagation: Option<String>,
}

/// How a patch reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// RFC 7386.
    Merge,
    /// RFC 6902.
    Json,
    /// Kubernetes strategic merge (built-in kinds only).
    Strategic,
    /// Server-side apply.
    Apply,
}

/// A handle on the server for one caller.
#[derive(Clone)]
pub struct Local {
    server: ApiServer,
    cx: Arc<RequestCx>,
}

impl Local {
    pub(crate) fn new(server: ApiServer, cx: RequestCx) -> Self {
        Self { server, cx: Arc::new(cx) }
    }

    /// The same caller in one partition.
    pub fn at(&self, partition: &Partition) -> Self {
        let cx = RequestCx { scope: Scope::One(partition.clone()), ..(*self.cx).clone() };
        Self { server: self.server.clone(), cx: Arc::new(cx) }
    }

    /// The server behind the handle.
    pub fn server(&self) -> &ApiServer {
        &self.server
    }

    /// The context requests run in.
    pub fn cx(&self) -> &RequestCx {
        &self.cx
    }

    /// Finds a resource; `resource` may end in `:<identity>`.
    ///
    /// # Errors
    /// As [`crate::ApiSets::lookup`].
    pub fn resource(&self, gvr: &GroupVersionResource) -> Result<Arc<ServedResource>, ApiError> {
        let (plural, identity) = match gvr.resource.split_once(':') {
            Some((plural, identity)) => (plural, Some(identity)),
            None => (&*gvr.resource, None),
        };
        self.cx.apis.lookup(&self.cx.scope, &gvr.group, &gvr.version, plural, identity)
    }

    /// Reads one object; `namespace` is empty for cluster-wide ones.
    ///
    /// # Errors
    /// As the verb over HTTP.
    pub async fn get(
        &self,
        gvr: &GroupVersionResource,
        namespace: &str,
        name: &str,
    ) -> Result<Value, ApiError> {
        let _ = (gvr,);
        Err(ApiError::unavailable("this verb is not connected in this build"))
    }

    /// Reads all objects that match.
    ///
    /// # Errors
    /// As the verb over HTTP.
    pub async fn list(&self, gvr: &GroupVersionResource, params: &ListParams) -> Result<List, ApiError> {
        let _ = (gvr,);
        Err(ApiError::unavailable("this verb is not connected in this build"))
    }

    /// Creates an object; its namespace stands in its metadata.
    ///
    /// # Errors
    /// As the verb over HTTP.
    pub async fn create(
        &self,
        gvr: &GroupVersionResource,
        object: Value,
        params: &WriteParams,
    ) -> Result<Value, ApiError> {
        let _ = (gvr,);
        Err(ApiError::unavailable("this verb is not connected in this build"))
    }

    /// Replaces an object, or its subresource; namespace, name and resourceVersion stand in its metadata.
    ///
    /// # Errors
    /// As the verb over HTTP.
    pub async fn update(
        &self,
        gvr: &GroupVersionResource,
        object: Value,
        params: &WriteParams,
    ) -> Result<Value, ApiError> {
        let _ = (gvr,);
        Err(ApiError::unavailable("this verb is not connected in this build"))
    }

    /// Patches an object.
    ///
    /// # Errors
    /// As the verb over HTTP.
    pub async fn patch(
        &self,
        gvr: &GroupVersionResource,
        namespace: &str,
        name: &str,
        kind: PatchKind,
        patch: &Value,
        params: &WriteParams,
    ) -> Result<Value, ApiError> {
        let _ = (gvr,);
        Err(ApiError::unavailable("this verb is not connected in this build"))
    }

    /// Deletes an object. The answer is the object as long as finalizers hold it, else a `Status`.
    ///
    /// # Errors
    /// As the verb over HTTP.
    pub async fn delete(
        &self,
        gvr: &GroupVersionResource,
        namespace: &str,
        name: &str,
        params: &DeleteParams,
    ) -> Result<Value, ApiError> {
        let _ = (gvr,);
        Err(ApiError::unavailable("this verb is not connected in this build"))
    }

    /// Follows changes after `revision`. The stream ends with an error when the history is lost.
    ///
    /// # Errors
    /// As the verb over HTTP.
    pub fn watch(
        &self,
        gvr: &GroupVersionResource,
        params: &ListParams,
        revision: u64,
    ) -> Result<BoxStream<'static, Result<WatchEvent, ApiError>>, ApiError> {
        let _ = (gvr,);
        Err(ApiError::unavailable("this verb is not connected in this build"))
    }
}
