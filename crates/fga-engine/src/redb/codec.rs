//! Entries as bytes. Every key begins with the number of its store.

use fga_model::{AuthorizationModel, ModelId, StoreId, TupleCondition, TupleKey};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    answer::{Assertion, Change, Operation, Store, StoredTuple},
    log::{LogEntry, LogError},
    ulid::Ulid,
};

/// A store's number in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StoreNumber(pub u32);

/// A table of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Stores,
    Models,
    Tuples,
    Changes,
    Assertions,
}

impl Table {
    pub const ALL: [Table; 5] =
        [Table::Stores, Table::Models, Table::Tuples, Table::Changes, Table::Assertions];
}

/// One edit of the file.
#[derive(Debug)]
pub(super) enum Edit {
    Put {
        table: Table,
        key: Vec<u8>,
        value: Vec<u8>,
    },
    Remove {
        table: Table,
        key: Vec<u8>,
    },
    /// Everything of a store, in every table.
    RemoveStore(StoreNumber),
}

impl Edit {
    pub fn touches(&self, table: Table) -> bool {
        match self {
            Edit::Put { table: of, .. } | Edit::Remove { table: of, .. } => *of == table,
            Edit::RemoveStore(_) => true,
        }
    }
}

impl StoreNumber {
    /// The keys of the store: from, and up to.
    pub fn range(self) -> ([u8; 4], [u8; 4]) {
        (self.0.to_be_bytes(), self.0.saturating_add(1).to_be_bytes())
    }

    fn key(self, rest: &[u8]) -> Vec<u8> {
        [self.0.to_be_bytes().as_slice(), rest].concat()
    }
}

/// Between the parts of a tuple: no part has a zero byte.
const SEPARATOR: u8 = 0;

fn damaged(what: &str) -> LogError {
    LogError(format!("the file of relationships is damaged: {what}"))
}

fn tuple_text(key: &TupleKey) -> Vec<u8> {
    [key.object.as_bytes(), &[SEPARATOR], key.relation.as_bytes(), &[SEPARATOR], key.user.as_bytes()].concat()
}

fn condition_text(condition: &Option<TupleCondition>) -> Result<Vec<u8>, LogError> {
    match condition {
        None => Ok(Vec::new()),
        Some(condition) => serde_json::to_vec(condition).map_err(|e| LogError(e.to_string())),
    }
}

/// The edits of an entry. `last_tuple` counts written tuples.
pub(super) fn edits(
    store: StoreNumber,
    entry: &LogEntry,
    last_tuple: &mut u64,
    edits: &mut Vec<Edit>,
) -> Result<(), LogError> {
    let id_key = |id: &str| {
        let ulid = Ulid::parse(id).ok_or_else(|| LogError(format!("`{id}` is no id")))?;
        Ok::<_, LogError>(store.key(&ulid.0.to_be_bytes()))
    };
    match entry {
        LogEntry::Store(about) => edits.push(Edit::Put {
            table: Table::Stores,
            key: store.key(&[]),
            value: json!({
                "id": about.id.as_str(),
                "name": about.name,
                "created_at": about.created_at,
                "updated_at": about.updated_at,
            })
            .to_string()
            .into_bytes(),
        }),
        LogEntry::StoreDeleted(_) => edits.push(Edit::RemoveStore(store)),
        LogEntry::Model { id, model, .. } => edits.push(Edit::Put {
            table: Table::Models,
            key: id_key(id.as_str())?,
            value: model.to_json().to_string().into_bytes(),
        }),
        LogEntry::Assertions { model, assertions, .. } => edits.push(Edit::Put {
            table: Table::Assertions,
            key: id_key(model.as_str())?,
            value: Value::from_iter(assertions.iter().map(assertion_json)).to_string().into_bytes(),
        }),
        LogEntry::Loaded { .. } => return Err(LogError("what was loaded is not written again".into())),
        LogEntry::Tuples { changes, .. } => {
            for (id, change) in changes {
                let text = tuple_text(&change.key);
                let condition = condition_text(&change.key.condition)?;
                let time = change.timestamp.as_microsecond().to_be_bytes();
                let key = store.key(&text);
                let operation = match change.operation {
                    Operation::Write => {
                        *last_tuple += 1;
                        let value = [last_tuple.to_be_bytes().as_slice(), &time, &condition].concat();
                        edits.push(Edit::Put { table: Table::Tuples, key, value });
                        0
                    }
                    Operation::Delete => {
                        edits.push(Edit::Remove { table: Table::Tuples, key });
                        1
                    }
                };
                let value = [[operation].as_slice(), &time, &text, &[SEPARATOR], &condition].concat();
                edits.push(Edit::Put { table: Table::Changes, key: id_key(id)?, value });
            }
        }
    }
    Ok(())
}

fn number_of(key: &[u8]) -> Result<(StoreNumber, &[u8]), LogError> {
    let (number, rest) = key.split_first_chunk::<4>().ok_or_else(|| damaged("a key is too short"))?;
    Ok((StoreNumber(u32::from_be_bytes(*number)), rest))
}

fn id_of(key: &[u8]) -> Result<String, LogError> {
    let (_, rest) = number_of(key)?;
    let bytes: [u8; 16] = rest.try_into().map_err(|_| damaged("an id has not 16 bytes"))?;
    Ok(Ulid(u128::from_be_bytes(bytes)).to_string())
}

fn parsed(value: &[u8]) -> Result<Value, LogError> {
    serde_json::from_slice(value).map_err(|error| damaged(&error.to_string()))
}

/// A store and its number.
pub(super) fn store(key: &[u8], value: &[u8]) -> Result<(StoreNumber, Store), LogError> {
    let value = parsed(value)?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let time = |name: &str| text(name).parse::<Timestamp>().map_err(|_| damaged("a time of a store"));
    let store = Store {
        id: StoreId::new(text("id")),
        name: text("name").to_owned(),
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
    };
    Ok((number_of(key)?.0, store))
}

pub(super) fn model(store: &StoreId, key: &[u8], value: &[u8]) -> Result<LogEntry, LogError> {
    let text = std::str::from_utf8(value).map_err(|_| damaged("a model is no text"))?;
    let model = AuthorizationModel::from_json(text).map_err(|error| damaged(&error.to_string()))?;
    Ok(LogEntry::Model { store: store.clone(), id: ModelId::new(id_of(key)?), model })
}

fn assertion_json(assertion: &Assertion) -> Value {
    json!({
        "key": assertion.key,
        "expectation": assertion.expectation,
        "contextual": assertion.contextual,
        "context": assertion.context,
    })
}

pub(super) fn assertions(store: &StoreId, key: &[u8], value: &[u8]) -> Result<LogEntry, LogError> {
    let fault = |error: serde_json::Error| damaged(&error.to_string());
    let Value::Array(items) = parsed(value)? else { return Err(damaged("assertions are no list")) };
    let mut assertions = Vec::new();
    for item in items {
        let part = |name: &str| item.get(name).cloned().unwrap_or_default();
        assertions.push(Assertion {
            key: serde_json::from_value(part("key")).map_err(fault)?,
            expectation: part("expectation") == Value::Bool(true),
            contextual: serde_json::from_value(part("contextual")).map_err(fault)?,
            context: serde_json::from_value(part("context")).map_err(fault)?,
        });
    }
    Ok(LogEntry::Assertions { store: store.clone(), model: ModelId::new(id_of(key)?), assertions })
}

fn text(bytes: &[u8]) -> Result<String, LogError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| damaged("a name is no text"))
}

fn condition(bytes: &[u8]) -> Result<Option<TupleCondition>, LogError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(bytes).map(Some).map_err(|error| damaged(&error.to_string()))
}

fn time(bytes: [u8; 8]) -> Result<Timestamp, LogError> {
    Timestamp::from_microsecond(i64::from_be_bytes(bytes)).map_err(|_| damaged("a time is out of range"))
}

/// Object, relation, user, and what comes behind them.
fn key_of(bytes: &[u8]) -> Result<(TupleKey, &[u8]), LogError> {
    let mut parts = bytes.splitn(4, |byte| *byte == SEPARATOR);
    let mut part = || parts.next().ok_or_else(|| damaged("a tuple has too few parts"));
    let key = TupleKey::new(text(part()?)?, text(part()?)?, text(part()?)?);
    Ok((key, parts.next().unwrap_or_default()))
}

/// A tuple, with its place in the order of writes.
pub(super) fn tuple(key: &[u8], value: &[u8]) -> Result<(u64, StoredTuple), LogError> {
    let short = || damaged("a tuple is too short");
    let (key, _) = key_of(number_of(key)?.1)?;
    let (place, value) = value.split_first_chunk::<8>().ok_or_else(short)?;
    let (written, rest) = value.split_first_chunk::<8>().ok_or_else(short)?;
    let key = TupleKey { condition: condition(rest)?, ..key };
    Ok((u64::from_be_bytes(*place), StoredTuple { key, timestamp: time(*written)? }))
}

/// A change with its id.
pub(super) fn change(key: &[u8], value: &[u8]) -> Result<(String, Change), LogError> {
    let short = || damaged("a change is too short");
    let (operation, value) = value.split_first().ok_or_else(short)?;
    let operation = match operation {
        0 => Operation::Write,
        1 => Operation::Delete,
        _ => return Err(damaged("a change of no known kind")),
    };
    let (written, rest) = value.split_first_chunk::<8>().ok_or_else(short)?;
    let (tuple, rest) = key_of(rest)?;
    let change = Change {
        key: TupleKey { condition: condition(rest)?, ..tuple },
        operation,
        timestamp: time(*written)?,
    };
    Ok((id_of(key)?, change))
}
