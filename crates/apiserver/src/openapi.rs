//! OpenAPI v3: an index of group-versions with hashes, and a document for each.
//!
//! A document is made of what the catalog of a partition serves in one group-version, whoever defined it: kinds of several
//! exports stand in one document. What decides a document goes into its hash, so that partitions with the same resources
//! share one rendered copy.

mod builtin; // components of built-in kinds
mod components; // components of one resource
mod paths; // operations
mod words; // what built-in kinds are for

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use bytes::Bytes;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    catalog::{Catalog, CatalogVersion},
    names::api_version,
    resource::{Origin, ServedResource},
};

/// Bytes of rendered documents that are remembered; all are forgotten when it is full.
const REMEMBERED_BYTES_MAX: usize = 24 * 1024 * 1024;

static REMEMBERED: LazyLock<Mutex<Remembered>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Remembered {
    bytes: usize,
    by_hash: HashMap<String, Bytes>,
}

/// A rendered document.
#[derive(Debug, Clone)]
pub struct Document {
    /// JSON text.
    pub json: Bytes,
    /// Changes whenever the text does.
    pub hash: String,
}

/// The index: every group-version with the URL of its document.
#[must_use]
pub fn index(catalog: &Catalog) -> Value {
    let mut entries = Map::new();
    for group in catalog.groups() {
        for version in &group.versions {
            let path = root(&group.name, &version.name);
            let url = format!("/openapi/v3/{path}?hash={}", hash(&group.name, version));
            entries.insert(path, json!({"serverRelativeURL": url}));
        }
    }
    json!({"paths": entries})
}

/// The document of a group-version; none where the catalog does not serve it.
#[must_use]
pub fn document(catalog: &Catalog, group: &str, version: &str) -> Option<Document> {
    let found = catalog.version(group, version)?;
    let hash = hash(group, found);
    if let Ok(known) = REMEMBERED.lock()
        && let Some(json) = known.by_hash.get(&hash)
    {
        return Some(Document { json: json.clone(), hash });
    }
    let json = Bytes::from(render(group, found).to_string());
    if let Ok(mut known) = REMEMBERED.lock() {
        if known.bytes + json.len() > REMEMBERED_BYTES_MAX {
            *known = Remembered::default();
        }
        known.bytes += json.len();
        known.by_hash.insert(hash.clone(), json.clone());
    }
    Some(Document { json, hash })
}

/// `api/v1`, `apis/apps/v1`.
fn root(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

fn hash(group: &str, version: &CatalogVersion) -> String {
    let mut digest = Sha256::new();
    let mut add = |text: &str| {
        digest.update(text.as_bytes());
        digest.update([0]);
    };
    add(&api_version(group, &version.name));
    for resource in &version.resources {
        add(&resource.plural);
        add(&resource.gvk.kind);
        add(&resource.list_kind);
        add(if resource.namespaced { "n" } else { "c" });
        add(if resource.subresources.status { "s" } else { "-" });
        add(if resource.subresources.scale.is_some() { "s" } else { "-" });
        add(if resource.origin == Origin::BuiltIn { "b" } else { "c" });
        for verb in &resource.verbs {
            add(verb.as_str());
        }
        for route in &resource.subresources.routes {
            add(&route.name);
            add(&route.gvk.kind);
        }
        add(resource.schema.as_ref().map(|schema| schema.fingerprint()).unwrap_or_default());
    }
    digest.finalize().iter().take(16).map(|byte| format!("{byte:02X}")).collect()
}

fn render(group: &str, version: &CatalogVersion) -> Value {
    let mut schemas = Map::new();
    let mut paths = Map::new();
    let root = format!("/{}/", root(group, &version.name));
    for resource in &version.resources {
        components::add(resource, &mut schemas);
        paths::add(resource, &mut paths);
    }
    paths.insert(root, paths::discovery(group, &version.name));
    builtin::add_common(&mut schemas);
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": crate::discovery::VERSION.2},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"BearerToken": {"type": "apiKey", "name": "authorization", "in": "header", "description": "Bearer Token authentication"}},
        },
    })
}

/// The component of a kind, such as `io.example.storage.v1.Bucket`.
pub(crate) fn component_name(resource: &ServedResource) -> String {
    let kind = &resource.gvk.kind;
    if resource.schema.is_none()
        && let Some(name) = builtin::component_of(&resource.api_version(), kind)
    {
        return name;
    }
    named(&resource.gvk.group, &resource.gvk.version, kind)
}

/// Group reversed, version, kind.
fn named(group: &str, version: &str, kind: &str) -> String {
    let mut parts: Vec<&str> = group.split('.').rev().filter(|part| !part.is_empty()).collect();
    parts.extend([version, kind]);
    parts.join(".")
}

/// A reference to a component.
fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// The extension that says which kind something is of.
fn kind_of(resource: &Arc<ServedResource>) -> Value {
    json!({"group": &*resource.gvk.group, "version": &*resource.gvk.version, "kind": &*resource.gvk.kind})
}
