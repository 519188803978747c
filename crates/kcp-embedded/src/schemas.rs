//! APIResourceSchemas as served resources: compiled once, shared by every consumer of an identity.

use std::{collections::HashMap, sync::Arc};

use apiserver::{ApiError, Cause, Partition, ServedResource, crd, store::ObjectKey};
use kcp_api::schemas::crd_of;
use parking_lot::RwLock;
use serde_json::Value;

use crate::{
    definitions::{Placement, served_resources},
    feeds::Sink,
};

/// Schemas kept after their object is gone, for bindings that still use them.
const RETIRED_MAX: usize = 4_096;

/// A schema that bindings may use.
#[derive(Debug)]
pub struct SchemaEntry {
    /// Uid of the APIResourceSchema: what bound resources refer to.
    pub uid: Arc<str>,
    /// Its name.
    pub name: String,
    /// API group.
    pub group: String,
    /// Names it takes: plural, kind, singular, list kind, short names.
    pub names: Names,
    /// The version in which objects are stored.
    pub storage_version: String,
    crd: Value,
}

/// The names a resource takes in its group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Plural, the resource name.
    pub plural: String,
    /// Singular and short names: they share the space of plurals.
    pub others: Vec<String>,
    /// Kind and list kind.
    pub kinds: Vec<String>,
}

impl Names {
    /// Reads `spec.names` of a schema or a CustomResourceDefinition.
    pub fn of(names: &Value) -> Self {
        let text = |field: &str| names[field].as_str().filter(|t| !t.is_empty()).map(str::to_owned);
        let short =
            names["shortNames"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        Self {
            plural: text("plural").unwrap_or_default(),
            others: text("singular").into_iter().chain(short).collect(),
            kinds: text("kind").into_iter().chain(text("listKind")).collect(),
        }
    }

    /// The names of a resource that is served already.
    pub fn of_served(resource: &ServedResource) -> Self {
        Self {
            plural: resource.plural.to_string(),
            others: std::iter::once(&resource.singular).chain(&resource.short_names).cloned().collect(),
            kinds: vec![resource.gvk.kind.to_string(), resource.list_kind.clone()],
        }
    }

    /// The first name that both take, as kcp words it.
    pub fn clash(&self, other: &Names) -> Option<String> {
        let mine = || std::iter::once(&self.plural).chain(&self.others);
        let theirs = || std::iter::once(&other.plural).chain(&other.others);
        mine()
            .find(|name| theirs().any(|t| t == *name))
            .map(|name| format!("spec.names={name} is already in use"))
            .or_else(|| {
                let kind = self.kinds.iter().find(|kind| other.kinds.contains(kind))?;
                Some(format!("spec.names.kind={kind} is already in use"))
            })
    }
}

type Served = Arc<[Arc<ServedResource>]>;

/// All schemas, by object and by uid.
#[derive(Default)]
pub struct Schemas {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    by_key: HashMap<ObjectKey, Arc<SchemaEntry>>,
    by_uid: HashMap<Arc<str>, Arc<SchemaEntry>>,
    served: HashMap<(Arc<str>, Arc<str>), Served>,
    retired: usize,
}

impl Schemas {
    /// A schema by its cluster and name.
    pub fn find(&self, cluster: &Partition, name: &str) -> Option<Arc<SchemaEntry>> {
        self.inner.read().by_key.get(&ObjectKey::new(cluster.clone(), "", name)).cloned()
    }

    /// A schema by uid, also when its object is gone.
    pub fn by_uid(&self, uid: &str) -> Option<Arc<SchemaEntry>> {
        self.inner.read().by_uid.get(uid).cloned()
    }

    /// The resources of a schema under an identity, a version each; compiled at the first question.
    ///
    /// # Errors
    /// 503 if the schema is not there or cannot be compiled.
    pub fn served(&self, uid: &str, identity: &str) -> Result<Served, ApiError> {
        let key = (Arc::<str>::from(uid), Arc::<str>::from(identity));
        if let Some(found) = self.inner.read().served.get(&key) {
            return Ok(found.clone());
        }
        let entry = self.by_uid(uid).ok_or_else(|| {
            ApiError::unavailable(format!("the schema `{uid}` of this bound resource is not there"))
        })?;
        let compiled = entry.compile(identity)?;
        self.inner.write().served.insert(key, compiled.clone());
        Ok(compiled)
    }
}

impl SchemaEntry {
    fn read(object: &Value) -> Option<Self> {
        let crd = crd_of(object).ok()?;
        let storage = crd["spec"]["versions"].as_array()?.iter().find(|v| v["storage"] == true)?;
        Some(Self {
            uid: object["metadata"]["uid"].as_str()?.into(),
            name: object["metadata"]["name"].as_str()?.to_owned(),
            group: object["spec"]["group"].as_str().unwrap_or_default().to_owned(),
            names: Names::of(&object["spec"]["names"]),
            storage_version: storage["name"].as_str()?.to_owned(),
            crd,
        })
    }

    /// Compiles the schema.
    ///
    /// # Errors
    /// 503 with the reason: a schema that admission took always compiles.
    pub fn compile(&self, identity: &str) -> Result<Served, ApiError> {
        let placement = Placement { identity: Some(identity.into()), converter: None };
        let resources = served_resources(&self.crd, &placement).map_err(|error| {
            ApiError::unavailable(format!("schema `{}` cannot be served: {error}", self.name))
        })?;
        Ok(resources.into())
    }
}

impl Sink for Schemas {
    fn upsert(&self, key: &ObjectKey, object: &Value) {
        let Some(entry) = SchemaEntry::read(object) else { return };
        let entry = Arc::new(entry);
        let mut inner = self.inner.write();
        inner.by_uid.insert(entry.uid.clone(), entry.clone());
        inner.by_key.insert(key.clone(), entry);
    }

    fn remove(&self, key: &ObjectKey) {
        let mut inner = self.inner.write();
        let Some(entry) = inner.by_key.remove(key) else { return };
        // Consumers keep what they bound until they bind something newer.
        inner.retired += 1;
        if inner.retired > RETIRED_MAX {
            inner.by_uid.remove(&entry.uid);
            inner.served.retain(|(uid, _), _| *uid != entry.uid);
        }
    }

    fn clear(&self) {
        self.inner.write().by_key.clear();
    }
}

/// What is wrong with a new APIResourceSchema; nothing for one that can be served.
pub(crate) fn faults(object: &Value) -> Vec<Cause> {
    let shape = kcp_api::schemas::check_resource_schema(object);
    let mut causes: Vec<Cause> =
        shape.into_iter().map(|fault| Cause::field("FieldValueInvalid", fault.path, fault.why)).collect();
    let versions = crd::validate_bare_versions(object.pointer("/spec/versions"), "spec.versions");
    let names = crd::validate_names(&crd::names_of(object), "spec.names");
    causes.extend(names.into_iter().chain(versions).map(Cause::from));
    // Both look at names and versions; a fault is told once.
    let mut seen = std::collections::BTreeSet::new();
    causes.retain(|cause| seen.insert((cause.field.clone(), cause.message.clone())));
    causes
}
