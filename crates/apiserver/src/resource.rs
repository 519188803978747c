//! A resource as it is served in one version: names, verbs, where it is stored, and which rules its objects obey.

use std::sync::Arc;

use serde_json::Value;

use crate::error::ApiError;
use crate::names::{GroupResource, GroupVersionKind, GroupVersionResource, Verb, api_version};
use crate::selector::LabelSelector;
use crate::strategy::{Plain, ResourceStrategy};
use crate::subresource::{SubresourceRoute, VirtualCreate};

/// Where objects of a resource are stored: the same prefix, the same objects, whatever group or version they are served in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoragePrefix {
    /// API group of the stored objects.
    pub group: Arc<str>,
    /// Plural of the stored objects.
    pub resource: Arc<str>,
    /// Identity of the owner of the API (kcp: the export identity hash); none for built-ins and local CRDs.
    pub identity: Option<Arc<str>>,
}

impl StoragePrefix {
    /// A prefix without identity.
    pub fn new(group: &str, resource: &str) -> Self {
        Self { group: group.into(), resource: resource.into(), identity: None }
    }

    /// A prefix of an API with an identity.
    pub fn with_identity(group: &str, resource: &str, identity: &str) -> Self {
        Self { group: group.into(), resource: resource.into(), identity: Some(identity.into()) }
    }
}

/// Who defined the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Kubernetes itself: strategic merge patches, protobuf bodies, unconditional updates.
    BuiltIn,
    /// A CustomResourceDefinition or an API export.
    Custom,
}

/// The scale subresource of a custom resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// JSON path of the desired replicas, for example `.spec.replicas`.
    pub spec_replicas_path: String,
    /// JSON path of the observed replicas.
    pub status_replicas_path: String,
    /// JSON path of the serialized label selector, if there is one.
    pub label_selector_path: Option<String>,
}

/// Which subresources exist.
#[derive(Clone, Default)]
pub struct Subresources {
    /// `/status`: the main endpoint then ignores status, and this one everything else.
    pub status: bool,
    /// `/scale`.
    pub scale: Option<Scale>,
    /// Further ones, each a row of data and a handler.
    pub routes: Vec<SubresourceRoute>,
}

/// One printed column of `kubectl get`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrinterColumn {
    /// Header.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub kind: String,
    /// OpenAPI format, may be empty.
    pub format: String,
    /// Help text.
    pub description: String,
    /// Columns above 0 show only with `-o wide`.
    pub priority: i32,
    /// JSON path below the object, for example `.spec.size`.
    pub json_path: String,
}

/// Translates objects between the versions of a resource.
pub trait Converter: Send + Sync {
    /// Converts an object to `version` of the same group. The object's own `apiVersion` says where it comes from.
    ///
    /// # Errors
    /// Where the object cannot be represented.
    fn convert(&self, object: Value, version: &str) -> Result<Value, ApiError>;
}

/// A resource as served in one version in one partition.
#[derive(Clone)]
pub struct ServedResource {
    /// Group, version and kind of the objects served here.
    pub gvk: GroupVersionKind,
    /// Plural name, the one in URLs.
    pub plural: Arc<str>,
    /// Singular name.
    pub singular: String,
    /// Kind of lists.
    pub list_kind: String,
    /// Short names for kubectl.
    pub short_names: Vec<String>,
    /// Categories for kubectl, for example `all`.
    pub categories: Vec<String>,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Verbs of the main resource.
    pub verbs: Vec<Verb>,
    /// Where objects are stored.
    pub storage: StoragePrefix,
    /// The `apiVersion` objects are stored in, for example `example.com/v1`.
    pub storage_api_version: Arc<str>,
    /// Every version of the kind that objects and field ownership may speak, for example `v1alpha1` and `v1`.
    pub versions: Vec<String>,
    /// The schema of this version; `None` accepts and keeps every field.
    pub schema: Option<Arc<crate::schema::StructuralSchema>>,
    /// Which subresources exist.
    pub subresources: Subresources,
    /// Printed columns; empty for `NAME` and `AGE`.
    pub columns: Vec<PrinterColumn>,
    /// JSON paths that field selectors may use besides `metadata.name` and `metadata.namespace`, without leading dot.
    pub selectable_fields: Vec<String>,
    /// How versions are translated; `None`: only `apiVersion` changes.
    pub converter: Option<Arc<dyn Converter>>,
    /// Who defined the resource.
    pub origin: Origin,
    /// A selector that every visible object fulfils; others are as if they did not exist.
    pub restrict: Option<LabelSelector>,
    /// Rules of this resource.
    pub strategy: Arc<dyn ResourceStrategy>,
    /// For resources without storage (reviews): answers a create.
    pub virtual_create: Option<Arc<dyn VirtualCreate>>,
    /// Hash of the storage version for discovery; may be empty.
    pub storage_version_hash: String,
    /// Warning given with every answer, for deprecated versions.
    pub deprecation_warning: Option<String>,
}

impl ServedResource {
    /// A custom, namespaced or cluster-wide resource with all verbs, stored under its own group and plural and in its own version.
    pub fn new(gvk: GroupVersionKind, plural: &str, namespaced: bool) -> Self {
        Self {
            plural: plural.into(),
            singular: gvk.kind.to_lowercase(),
            list_kind: format!("{}List", gvk.kind),
            short_names: Vec::new(),
            categories: Vec::new(),
            namespaced,
            verbs: Verb::ALL.to_vec(),
            storage: StoragePrefix { group: gvk.group.clone(), resource: plural.into(), identity: None },
            storage_api_version: gvk.api_version().into(),
            versions: vec![gvk.version.to_string()],
            schema: None,
            subresources: Subresources::default(),
            columns: Vec::new(),
            selectable_fields: Vec::new(),
            converter: None,
            origin: Origin::Custom,
            restrict: None,
            strategy: Arc::new(Plain),
            virtual_create: None,
            storage_version_hash: String::new(),
            deprecation_warning: None,
            gvk,
        }
    }

    /// Group and plural, the way errors and authorization name the resource.
    pub fn group_resource(&self) -> GroupResource {
        GroupResource { group: self.gvk.group.clone(), resource: self.plural.clone() }
    }

    /// Group, version and plural.
    pub fn gvr(&self) -> GroupVersionResource {
        GroupVersionResource {
            group: self.gvk.group.clone(),
            version: self.gvk.version.clone(),
            resource: self.plural.clone(),
        }
    }

    /// `apiVersion` of objects served here.
    pub fn api_version(&self) -> String {
        api_version(&self.gvk.group, &self.gvk.version)
    }

    /// Whether the verb is served on the main resource.
    pub fn serves(&self, verb: Verb) -> bool {
        self.verbs.contains(&verb)
    }

    /// The route of a subresource other than status and scale.
    pub fn route(&self, subresource: &str) -> Option<&SubresourceRoute> {
        self.subresources.routes.iter().find(|r| r.name == subresource)
    }

    /// Turns a stored object into the served version.
    ///
    /// # Errors
    /// Where the converter refuses.
    pub fn to_served(&self, object: Value) -> Result<Value, ApiError> {
        self.convert_to(object, &self.gvk.version, &self.api_version())
    }

    /// Turns a served object into the storage version.
    ///
    /// # Errors
    /// Where the converter refuses.
    pub fn to_stored(&self, object: Value) -> Result<Value, ApiError> {
        let version = self.storage_api_version.rsplit('/').next().unwrap_or_default();
        self.convert_to(object, version, &self.storage_api_version)
    }

    fn convert_to(&self, mut object: Value, version: &str, wanted: &str) -> Result<Value, ApiError> {
        if object.get("apiVersion").and_then(Value::as_str) == Some(wanted) {
            return Ok(object);
        }
        if let Some(converter) = &self.converter {
            return converter.convert(object, version);
        }
        if let Some(map) = object.as_object_mut() {
            map.insert("apiVersion".to_owned(), wanted.into());
        }
        Ok(object)
    }
}

impl std::fmt::Debug for ServedResource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServedResource")
            .field("gvk", &self.gvk)
            .field("plural", &self.plural)
            .field("storage", &self.storage)
            .finish_non_exhaustive()
    }
}
