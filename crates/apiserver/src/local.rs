//! The verbs in process: controllers use them without HTTP and without authorization, with admission.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::Value;

use crate::error::ApiError;
use crate::names::{GroupVersionResource, Verb};
use crate::object;
use crate::partition::{Partition, Scope};
use crate::query::{DeleteOptions, FieldValidation, ListOptions, Propagation, WriteOptions};
use crate::resource::ServedResource;
use crate::selector::LabelSelector;
use crate::server::{ApiServer, RequestCx};
use crate::subresource::SubresourceRequest;
use crate::verbs::collection::{self, Filter};
use crate::verbs::delete::Deleted;
use crate::verbs::patch::Patch;
use crate::verbs::watch::Frame;
use crate::verbs::{self, Target, Writer};

/// What a list shows.
#[derive(Clone, Debug, Default)]
pub struct ListParams {
    /// Only this namespace; empty: all.
    pub namespace: String,
    /// Only this name; empty: all.
    pub name: String,
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
    /// Who deletes the dependents; none: the default of the resource.
    pub propagation: Option<Propagation>,
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

    fn target(
        &self,
        gvr: &GroupVersionResource,
        namespace: &str,
        name: &str,
        subresource: &str,
    ) -> Result<Target, ApiError> {
        let resource = self.resource(gvr)?;
        let namespace = if resource.namespaced { namespace.to_owned() } else { String::new() };
        Ok(Target {
            partition: self.cx.partition()?.clone(),
            namespace,
            name: name.to_owned(),
            subresource: subresource.to_owned(),
            resource,
        })
    }

    fn writer(&self, params: &WriteParams, kind: &str) -> Writer<'_> {
        let manager = if params.manager.is_empty() { &self.cx.user.name } else { &params.manager };
        let options = WriteOptions {
            dry_run: params.dry_run,
            manager: manager.clone(),
            force: params.force.then_some(true),
            validation: FieldValidation::Ignore,
        };
        Writer {
            server: &self.server,
            user: &self.cx.user,
            manager: manager.clone(),
            dry_run: params.dry_run,
            strict: FieldValidation::Ignore,
            options: options.to_value(kind),
        }
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
        verbs::read::get(&self.server, &self.target(gvr, namespace, name, "")?)
    }

    /// Reads all objects that match.
    ///
    /// # Errors
    /// As the verb over HTTP.
    pub async fn list(&self, gvr: &GroupVersionResource, params: &ListParams) -> Result<List, ApiError> {
        let filter = self.filter(gvr, params)?;
        let listed = collection::list(&self.server, &filter, &ListOptions::default())?;
        Ok(List { items: listed.items, revision: listed.revision })
    }

    fn filter(&self, gvr: &GroupVersionResource, params: &ListParams) -> Result<Filter, ApiError> {
        let options = ListOptions::default();
        let mut filter = Filter::new(
            self.resource(gvr)?,
            self.cx.scope.clone(),
            &params.namespace,
            &params.name,
            &options,
        )?;
        filter.labels = params.labels.clone();
        Ok(filter)
    }

    /// Creates an object; its namespace stands in its metadata. With a subresource, its name too.
    ///
    /// # Errors
    /// As the verb over HTTP.
    pub async fn create(
        &self,
        gvr: &GroupVersionResource,
        body: Value,
        params: &WriteParams,
    ) -> Result<Value, ApiError> {
        let namespace = object::namespace(&body).to_owned();
        let target = self.target(gvr, &namespace, object::name(&body), "")?;
        if let Some(handler) = &target.resource.virtual_create {
            return handler.create(&self.cx, Some(namespace.as_str()).filter(|n| !n.is_empty()), body).await;
        }
        let written = verbs::create::create(&self.writer(params, "CreateOptions"), &target, body).await?;
        Ok(written.object)
    }

    /// Replaces an object, or its subresource; namespace, name and resourceVersion stand in its metadata.
    ///
    /// # Errors
    /// As the verb over HTTP.
    pub async fn update(
        &self,
        gvr: &GroupVersionResource,
        body: Value,
        params: &WriteParams,
    ) -> Result<Value, ApiError> {
        let target = self.target(gvr, object::namespace(&body), object::name(&body), &params.subresource)?;
        if let Some(route) =
            target.resource.route(&params.subresource).filter(|r| r.verbs.contains(&Verb::Update))
        {
            let request = SubresourceRequest {
                server: &self.server,
                cx: &self.cx,
                resource: &target.resource,
                namespace: &target.namespace,
                name: &target.name,
                verb: Verb::Update,
                body,
                dry_run: params.dry_run,
            };
            return route.handler.handle(request).await;
        }
        let written = verbs::update::update(&self.writer(params, "UpdateOptions"), &target, body).await?;
        Ok(written.object)
    }

    /// Replaces the status of an object.
    ///
    /// # Errors
    /// As the verb over HTTP.
    pub async fn update_status(&self, gvr: &GroupVersionResource, body: Value) -> Result<Value, ApiError> {
        let params = WriteParams { subresource: "status".to_owned(), ..WriteParams::default() };
        self.update(gvr, body, &params).await
    }

    /// Patches an object, or its subresource.
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
        let target = self.target(gvr, namespace, name, &params.subresource)?;
        let patch = Patch { kind, body: patch.clone(), force: params.force };
        let written = verbs::patch::patch(&self.writer(params, "PatchOptions"), &target, &patch).await?;
        Ok(written.object)
    }

    /// Server-side apply of an object by a manager, taking over fields of others; namespace and name stand in its metadata.
    ///
    /// # Errors
    /// As the verb over HTTP.
    pub async fn apply(
        &self,
        gvr: &GroupVersionResource,
        body: &Value,
        manager: &str,
    ) -> Result<Value, ApiError> {
        let params = WriteParams { manager: manager.to_owned(), force: true, ..WriteParams::default() };
        self.patch(gvr, object::namespace(body), object::name(body), PatchKind::Apply, body, &params).await
    }

    /// Deletes an object. The answer is the object as long as finalizers hold it, else its last state with `true`.
    ///
    /// # Errors
    /// As the verb over HTTP.
    pub async fn delete(
        &self,
        gvr: &GroupVersionResource,
        namespace: &str,
        name: &str,
        params: &DeleteParams,
    ) -> Result<(Value, bool), ApiError> {
        let target = self.target(gvr, namespace, name, "")?;
        let options = DeleteOptions {
            uid: params.uid.clone(),
            resource_version: params.resource_version.clone(),
            propagation: params.propagation,
            ..DeleteOptions::default()
        };
        let writer =
            Writer { options: options.to_value(), ..self.writer(&WriteParams::default(), "DeleteOptions") };
        match verbs::delete::delete(&writer, &target, &options).await? {
            Deleted::Gone(object) => Ok((object, true)),
            Deleted::Waits(object) => Ok((object, false)),
        }
    }

    /// Follows changes after `revision` (0: begins with the present state). The stream ends with an error when the history
    /// is lost, and without one when the watch was too slow; bookmarks come about every minute.
    ///
    /// # Errors
    /// As the verb over HTTP.
    pub fn watch(
        &self,
        gvr: &GroupVersionResource,
        params: &ListParams,
        revision: u64,
    ) -> Result<BoxStream<'static, Result<WatchEvent, ApiError>>, ApiError> {
        let options = ListOptions {
            watch: true,
            bookmarks: true,
            resource_version: if revision == 0 { String::new() } else { revision.to_string() },
            ..ListOptions::default()
        };
        let watch =
            verbs::watch::open(&self.server, self.filter(gvr, params)?, &options, self.cx.stop.clone())?;
        let events = watch.frames().map(|frame| {
            frame.map(|frame| match frame {
                Frame::Added(partition, object) => WatchEvent::Added(partition, object),
                Frame::Modified(partition, object) => WatchEvent::Modified(partition, object),
                Frame::Deleted(partition, object) => WatchEvent::Deleted(partition, object),
                Frame::Bookmark(revision, _) => WatchEvent::Bookmark(revision),
            })
        });
        Ok(events.boxed())
    }
}
