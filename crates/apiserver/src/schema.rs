//! Structural schemas: what objects of a kind may hold.
//!
//! One value, [`StructuralSchema`], serves custom resources and built-in kinds alike: it prunes and names unknown fields,
//! fills in defaults, validates with the sentences of Kubernetes, and tells server-side apply how lists are merged.
//!
//! ```
//! use apiserver::schema::StructuralSchema;
//! use serde_json::json;
//!
//! let schema = StructuralSchema::parse(&json!({
//!     "type": "object",
//!     "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer", "default": 1, "maximum": 5}}}},
//! }), "openAPIV3Schema").map_err(|errors| format!("{errors:?}"))?;
//! let mut object = json!({"apiVersion": "x.io/v1", "kind": "Bucket", "metadata": {"name": "a"}, "spec": {"colour": "red"}});
//! assert_eq!(schema.unknown_fields(&object), ["spec.colour"]);
//! schema.prune(&mut object);
//! schema.default(&mut object);
//! assert_eq!(object["spec"], json!({"size": 1}));
//! object["spec"]["size"] = json!(9);
//! assert_eq!(
//!     schema.validate(&object, None)[0].to_string(),
//!     "spec.size: Invalid value: 9: spec.size in body should be less than or equal to 5",
//! );
//! # Ok::<(), String>(())
//! ```

mod defaulting;
mod error; // field errors and paths
mod formats; // date-time, uri, …
mod lists; // sets, maps, and who is who in them
mod meta; // the fields of every object
mod node; // one place of an object
mod parse; // from JSON, refusing what is not structural
mod prune;
mod rules; // x-kubernetes-validations
mod validate;

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Weak},
};

use parking_lot::Mutex;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

pub use error::{FieldError, FieldPath, FieldReason, type_name};
pub use formats::Format;
pub use lists::entry_identity;
pub use meta::object_meta;
pub use node::{Additional, Checks, Kind, ListType, MapType, Node, PatchMeta};
pub use parse::SCHEMA_DEPTH_MAX;
pub use rules::Rule;

/// A compiled schema of a whole resource. A clone shares the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct StructuralSchema {
    root: Arc<Node>,
    source: Arc<Value>,
    fingerprint: Arc<str>,
}

/// Schemas that are remembered while somebody holds them.
const COMPILED_MAX: usize = 4096;

/// Many partitions define the same resource; the compiled tree is the largest part of a definition in memory.
static COMPILED: LazyLock<Mutex<HashMap<Arc<str>, Remembered>>> = LazyLock::new(Mutex::default);

/// A schema that does not live longer than its users.
struct Remembered {
    root: Weak<Node>,
    source: Weak<Value>,
}

impl Remembered {
    fn of(schema: &StructuralSchema) -> Self {
        Self { root: Arc::downgrade(&schema.root), source: Arc::downgrade(&schema.source) }
    }

    fn revive(&self) -> Option<StructuralSchema> {
        let (root, source) = (self.root.upgrade()?, self.source.upgrade()?);
        Some(StructuralSchema { root, source, fingerprint: Arc::from("") })
    }
}

impl StructuralSchema {
    /// Compiles the `openAPIV3Schema` of a CustomResourceDefinition; schemas written the same share one tree. `path` is where the schema stands in its definition
    /// (`spec.validation.openAPIV3Schema`); errors are reported below it.
    ///
    /// # Errors
    /// Every reason why the schema is not structural, has a malformed rule or pattern, or defaults that it refuses itself.
    pub fn parse(json: &Value, path: &str) -> Result<Self, Vec<FieldError>> {
        let fingerprint = fingerprint(json);
        if let Some(known) = COMPILED.lock().get(&fingerprint).and_then(Remembered::revive) {
            return Ok(Self { fingerprint, ..known });
        }
        let schema = Self {
            root: Arc::new(parse::parse_root(json, path)?),
            source: Arc::new(json.clone()),
            fingerprint: fingerprint.clone(),
        };
        let mut compiled = COMPILED.lock();
        if compiled.len() >= COMPILED_MAX {
            compiled.retain(|_, known| known.root.strong_count() > 0);
        }
        if compiled.len() < COMPILED_MAX {
            compiled.insert(fingerprint, Remembered::of(&schema));
        }
        Ok(schema)
    }

    /// A schema made in code or by a generator; `source` is what OpenAPI documents show.
    #[must_use]
    pub fn from_node(mut root: Node, source: Value) -> Self {
        meta::add_root_fields(&mut root);
        root.seal();
        Self { root: Arc::new(root), fingerprint: fingerprint(&source), source: Arc::new(source) }
    }

    /// A schema that accepts and keeps every field.
    #[must_use]
    pub fn anything() -> Self {
        let root = Node { kind: Kind::Object, ..Node::anything() };
        let source = serde_json::json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        Self::from_node(root, source)
    }

    /// The tree itself.
    #[must_use]
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The schema as it was written.
    #[must_use]
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// A text that is the same for schemas written the same.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Removes fields that the schema does not know. Object metadata is held to its own fields.
    pub fn prune(&self, object: &mut Value) {
        prune::prune(&self.root, object);
    }

    /// Paths of fields that [`prune`](Self::prune) would remove, such as `spec.list[0].name`; at most 100.
    #[must_use]
    pub fn unknown_fields(&self, object: &Value) -> Vec<String> {
        let mut found = Vec::new();
        prune::unknown_fields(&self.root, object, &FieldPath::Root, &mut found);
        found
    }

    /// Fills in defaults of absent fields and drops nulls where none are allowed.
    pub fn default(&self, object: &mut Value) {
        defaulting::default(&self.root, object);
    }

    /// Everything wrong with `object`. With `old`, the stored object of an update, unchanged parts are not refused again,
    /// and transition rules run.
    #[must_use]
    pub fn validate(&self, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = validate::validate(&self.root, object, old, &FieldPath::Root);
        lists::check_duplicates(&self.root, object, old, &FieldPath::Root, &mut errors);
        rules::check(&self.root, object, old, &mut errors);
        errors
    }

    /// The node at a path of field names; list entries and map values need no step of their own name (`*`).
    #[must_use]
    pub fn node_at<'n>(&'n self, path: &[&str]) -> Option<&'n Node> {
        let mut node: &Node = &self.root;
        for step in path {
            node = match (&node.items, *step) {
                (Some(items), "*") => items,
                (_, name) => node.child(name)?,
            };
        }
        Some(node)
    }
}

fn fingerprint(source: &Value) -> Arc<str> {
    let digest = Sha256::digest(source.to_string());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>().into()
}
