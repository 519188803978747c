//! Every verb on one resource, below HTTP: values in, values out.

pub(crate) mod checks; // what Kubernetes checks of every object
pub(crate) mod collection; // list and deletecollection
pub(crate) mod create; // create
pub(crate) mod delete; // delete in two phases
pub(crate) mod finalize; // finalizers of a namespace
pub(crate) mod ownership; // who manages which field
pub(crate) mod patch; // merge, JSON, strategic and apply patches
pub(crate) mod read; // get
pub(crate) mod scale; // the scale subresource
pub(crate) mod shape; // prune, default and validate by schema
pub(crate) mod update; // update, status included
pub(crate) mod watch; // watch

use std::sync::Arc;

use serde_json::Value;

use crate::error::ApiError;
use crate::names::GroupResource;
use crate::partition::Partition;
use crate::resource::ServedResource;
use crate::server::ApiServer;
use crate::store::{ObjectKey, StoreError, Stored};
use crate::user::UserInfo;

/// The object a call is about.
#[derive(Clone)]
pub(crate) struct Target {
    pub resource: Arc<ServedResource>,
    pub partition: Partition,
    pub namespace: String,
    pub name: String,
    pub subresource: String,
}

impl Target {
    pub(crate) fn key(&self) -> ObjectKey {
        ObjectKey::new(self.partition.clone(), &self.namespace, &self.name)
    }

    pub(crate) fn group_resource(&self) -> GroupResource {
        self.resource.group_resource()
    }

    pub(crate) fn not_found(&self) -> ApiError {
        ApiError::not_found(&self.group_resource(), &self.name)
    }

    pub(crate) fn subresource(&self) -> Option<&str> {
        (!self.subresource.is_empty()).then_some(self.subresource.as_str())
    }

    pub(crate) fn is_status(&self) -> bool {
        self.subresource == "status"
    }
}

/// Who writes and how.
#[derive(Clone)]
pub(crate) struct Writer<'a> {
    pub server: &'a ApiServer,
    pub user: &'a UserInfo,
    pub manager: String,
    pub dry_run: bool,
    pub strict: crate::query::FieldValidation,
    pub options: Value,
}

/// What a write left behind, decorated and in the version of the request.
pub(crate) struct Written {
    pub object: Value,
    pub created: bool,
    pub warnings: Vec<String>,
}

impl Writer<'_> {
    /// The object as it leaves: decorated.
    pub(crate) fn leaving(&self, target: &Target, mut object: Value) -> Value {
        self.server.parts().decorator.decorate(&target.partition, &mut object);
        object
    }
}

/// The object in the served version, with defaults of the schema, without decoration.
pub(crate) fn served(resource: &ServedResource, stored: &Stored) -> Result<Value, ApiError> {
    let mut object = resource.to_served(stored.value())?;
    if let Some(schema) = &resource.schema {
        schema.default(&mut object);
    }
    Ok(object)
}

/// The same, decorated.
pub(crate) fn leaving(
    server: &ApiServer,
    resource: &ServedResource,
    stored: &Stored,
) -> Result<Value, ApiError> {
    let mut object = served(resource, stored)?;
    server.parts().decorator.decorate(stored.key.partition(), &mut object);
    Ok(object)
}

/// The current object, if it exists and the resource shows it.
pub(crate) fn current(server: &ApiServer, target: &Target) -> Option<Stored> {
    let stored = server.store().get(&target.resource.storage, &target.key())?;
    match &target.resource.restrict {
        Some(selector) if !selector.matches(&stored.value()) => None,
        _ => Some(stored),
    }
}

/// What a failed guarded write means to a client.
pub(crate) fn store_error(target: &Target, error: &StoreError) -> ApiError {
    match error {
        StoreError::AlreadyExists(_) => ApiError::already_exists(&target.group_resource(), &target.name),
        StoreError::NotFound(_) => target.not_found(),
        StoreError::Conflict { .. } => ApiError::modified(&target.group_resource(), &target.name),
        StoreError::Expired { .. } => ApiError::expired("The provided resource version is too old."),
        StoreError::Future { requested, current } => {
            ApiError::timeout(format!("Too large resource version: {requested}, current: {current}"), 1)
        }
    }
}
