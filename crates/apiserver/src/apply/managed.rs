//! `metadata.managedFields` as a value: who owns what, since when.

use std::{cmp::Ordering, collections::BTreeMap, fmt};

use serde_json::{Map, Value, json};

use crate::fields::{FieldSet, FieldsError};

/// How a manager came to own fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Through server-side apply.
    Apply,
    /// Through create, update or another patch.
    Update,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        })
    }
}

/// What tells one entry from another. Appliers are the same in every version; updaters are not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ManagerId {
    /// Name of the field manager.
    pub manager: String,
    /// Apply or update.
    pub operation: Operation,
    /// The version, for updates; empty for applies.
    pub api_version: String,
    /// The subresource; empty for the object itself.
    pub subresource: String,
}

impl ManagerId {
    /// The identity of a manager that writes in `api_version` through `subresource`.
    pub fn new(manager: &str, operation: Operation, api_version: &str, subresource: &str) -> Self {
        let api_version = if operation == Operation::Apply { "" } else { api_version };
        Self {
            manager: manager.to_owned(),
            operation,
            api_version: api_version.to_owned(),
            subresource: subresource.to_owned(),
        }
    }

    /// The identity as Kubernetes writes it, by which it sorts managers in messages.
    pub(super) fn identity(&self) -> String {
        let mut text = format!("{{\"manager\":{:?},\"operation\":\"{}\"", self.manager, self.operation);
        for (name, part) in [("apiVersion", &self.api_version), ("subresource", &self.subresource)] {
            if !part.is_empty() {
                text.push_str(&format!(",\"{name}\":{part:?}"));
            }
        }
        text.push('}');
        text
    }
}

impl fmt::Display for ManagerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.manager)?;
        if !self.subresource.is_empty() {
            write!(f, " with subresource {:?}", self.subresource)?;
        }
        if self.operation == Operation::Update {
            write!(f, " using {}", self.api_version)?;
        }
        Ok(())
    }
}

/// The fields of one manager, in the version in which they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedFields {
    /// The fields.
    pub set: FieldSet,
    /// `group/version` of the paths.
    pub api_version: String,
}

/// All entries of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManagedFields {
    /// Fields by manager.
    pub owners: BTreeMap<ManagerId, OwnedFields>,
    /// Time of the last change by manager, RFC 3339; may outlive the owner while a write is computed.
    pub times: BTreeMap<ManagerId, String>,
}

/// Why a list of entries was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManagedError {
    /// The list or an entry is of the wrong kind.
    #[error("managed fields entry {index} is not an object")]
    NotAnObject {
        /// Position in the list.
        index: usize,
    },
    /// An operation other than apply or update.
    #[error("operation must be `Apply` or `Update`")]
    Operation,
    /// No version.
    #[error("apiVersion must not be empty")]
    NoVersion,
    /// A type of fields other than `FieldsV1`.
    #[error("invalid fieldsType {kind:?} in managed fields entry {index}")]
    FieldsType {
        /// What was sent.
        kind: String,
        /// Position in the list.
        index: usize,
    },
    /// The fields themselves.
    #[error(transparent)]
    Fields(#[from] FieldsError),
}

impl ManagedFields {
    /// The entries of an object, none if it has none.
    ///
    /// # Errors
    /// Entries that Kubernetes would refuse as well.
    pub fn of(object: &Value) -> Result<ManagedFields, ManagedError> {
        match raw(object) {
            None | Some(Value::Null) => Ok(ManagedFields::default()),
            Some(Value::Array(entries)) => Self::decode(entries),
            Some(_) => Err(ManagedError::NotAnObject { index: 0 }),
        }
    }

    fn decode(entries: &[Value]) -> Result<ManagedFields, ManagedError> {
        let mut managed = ManagedFields::default();
        for (index, entry) in entries.iter().enumerate() {
            let entry = entry.as_object().ok_or(ManagedError::NotAnObject { index })?;
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            let operation = match text("operation") {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return Err(ManagedError::Operation),
            };
            if text("apiVersion").is_empty() {
                return Err(ManagedError::NoVersion);
            }
            if text("fieldsType") != "FieldsV1" {
                return Err(ManagedError::FieldsType { kind: text("fieldsType").to_owned(), index });
            }
            let id = ManagerId::new(text("manager"), operation, text("apiVersion"), text("subresource"));
            let set = FieldSet::from_json(entry.get("fieldsV1").unwrap_or(&Value::Null))?;
            if !text("time").is_empty() {
                managed.times.insert(id.clone(), text("time").to_owned());
            }
            managed.owners.insert(id, OwnedFields { set, api_version: text("apiVersion").to_owned() });
        }
        Ok(managed)
    }

    /// The entries as Kubernetes lists them: applies first, then by time, manager, version, subresource.
    pub fn encode(&self) -> Vec<Value> {
        let mut owners: Vec<(&ManagerId, &OwnedFields)> = self.owners.iter().collect();
        owners.sort_by(|(a, af), (b, bf)| self.order(a, af, b, bf));
        owners.into_iter().map(|(id, fields)| self.entry(id, fields)).collect()
    }

    fn order(&self, a: &ManagerId, af: &OwnedFields, b: &ManagerId, bf: &OwnedFields) -> Ordering {
        let time = |id: &ManagerId| self.times.get(id).map_or("", String::as_str).to_owned();
        a.operation
            .cmp(&b.operation)
            .then_with(|| time(a).cmp(&time(b)))
            .then_with(|| a.manager.cmp(&b.manager))
            .then_with(|| af.api_version.cmp(&bf.api_version))
            .then_with(|| a.subresource.cmp(&b.subresource))
    }

    fn entry(&self, id: &ManagerId, fields: &OwnedFields) -> Value {
        let mut entry = Map::new();
        entry.insert("manager".to_owned(), id.manager.as_str().into());
        entry.insert("operation".to_owned(), id.operation.to_string().into());
        entry.insert("apiVersion".to_owned(), fields.api_version.as_str().into());
        if let Some(time) = self.times.get(id) {
            entry.insert("time".to_owned(), time.as_str().into());
        }
        entry.insert("fieldsType".to_owned(), json!("FieldsV1"));
        entry.insert("fieldsV1".to_owned(), fields.set.to_json());
        if !id.subresource.is_empty() {
            entry.insert("subresource".to_owned(), id.subresource.as_str().into());
        }
        Value::Object(entry)
    }

    /// Writes the entries into an object; removes the list if there are none.
    pub fn write_to(&self, object: &mut Value) {
        let entries = self.encode();
        let Some(metadata) = object.as_object_mut().and_then(|o| {
            let metadata = o.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
            metadata.as_object_mut()
        }) else {
            return;
        };
        if entries.is_empty() {
            metadata.remove("managedFields");
        } else {
            metadata.insert("managedFields".to_owned(), Value::Array(entries));
        }
    }

    /// All fields of updaters and appliers whose paths speak `api_version`.
    pub(super) fn owned_at(&self, api_version: &str) -> FieldSet {
        let mut all = FieldSet::new();
        let of_version = self.owners.values().filter(|f| f.api_version == api_version);
        of_version.for_each(|f| all.add_all(&f.set));
        all
    }
}

/// The list as it stands in an object.
pub(super) fn raw(object: &Value) -> Option<&Value> {
    object.get("metadata")?.get("managedFields")
}

/// The object without the list.
pub(super) fn without(object: &Value) -> Value {
    let mut object = object.clone();
    strip(&mut object);
    object
}

/// Takes the list out of an object.
pub(super) fn strip(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}
