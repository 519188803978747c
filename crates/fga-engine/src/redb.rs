//! A log on disk: one redb file that holds stores, models, tuples as they stand, and the changelog.
//!
//! Callers that come while a commit is under way share the next one, so many writers cost one sync.

mod codec; // entries to bytes and back

use std::{
    collections::{HashMap, VecDeque},
    path::Path,
};

use fga_model::StoreId;
use parking_lot::Mutex;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use crate::log::{LogEntry, LogError, TupleLog};
use codec::{Edit, StoreNumber, Table};

/// The form of the file that this program writes.
const VERSION: u64 = 1;
/// Name of the file in the data folder.
const FILE: &str = "relationships.redb";
/// Tuples or changes given at once when the file is read.
const CHUNK: usize = 10_000;

type Bytes = TableDefinition<'static, &'static [u8], &'static [u8]>;

const META: TableDefinition<'static, &'static str, u64> = TableDefinition::new("meta");
const STORES: Bytes = TableDefinition::new("stores");
const MODELS: Bytes = TableDefinition::new("models");
const TUPLES: Bytes = TableDefinition::new("tuples");
const CHANGES: Bytes = TableDefinition::new("changes");
const ASSERTIONS: Bytes = TableDefinition::new("assertions");

impl Table {
    fn definition(self) -> Bytes {
        match self {
            Table::Stores => STORES,
            Table::Models => MODELS,
            Table::Tuples => TUPLES,
            Table::Changes => CHANGES,
            Table::Assertions => ASSERTIONS,
        }
    }
}

/// A log in one file. Every acknowledged entry is synced to the disk.
pub struct RedbLog {
    database: Database,
    numbers: Mutex<Numbers>,
    waiting: Mutex<Waiting>,
    settled: Mutex<Settled>,
}

/// What the log counts.
#[derive(Default)]
struct Numbers {
    stores: HashMap<StoreId, StoreNumber>,
    last_store: u32,
    /// Written tuples so far: their order.
    last_tuple: u64,
}

/// Edits that wait for a commit.
#[derive(Default)]
struct Waiting {
    last: u64,
    edits: Vec<Edit>,
}

/// How far edits are settled.
#[derive(Default)]
struct Settled {
    through: u64,
    /// Runs that failed, first to last, and why.
    failed: VecDeque<(u64, u64, LogError)>,
}

/// Failed runs that are remembered; each ends before the next call can begin another.
const FAILED_KEPT: usize = 1_024;

fn broken(error: impl std::fmt::Display) -> LogError {
    LogError(format!("the file of relationships: {error}"))
}

impl RedbLog {
    /// Opens the log in a folder, or makes it. Changes older than the newest `changes_kept` of a store are forgotten.
    ///
    /// # Errors
    /// The folder cannot be used, another process has the file, or a newer version of this program wrote it.
    pub fn open(folder: &Path, changes_kept: usize) -> Result<Self, LogError> {
        std::fs::create_dir_all(folder)
            .map_err(|error| LogError(format!("data folder `{}`: {error}", folder.display())))?;
        let file = folder.join(FILE);
        let database = Database::create(&file).map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen => {
                LogError(format!("`{}` is in use by another process", file.display()))
            }
            redb::DatabaseError::UpgradeRequired(version) => LogError(format!(
                "`{}` has form {version} of its database, which this version cannot read",
                file.display()
            )),
            error => LogError(format!("`{}`: {error}", file.display())),
        })?;
        let log = Self {
            database,
            numbers: Mutex::default(),
            waiting: Mutex::default(),
            settled: Mutex::default(),
        };
        log.prepare(&file)?;
        log.forget_changes(changes_kept)?;
        Ok(log)
    }

    fn prepare(&self, file: &Path) -> Result<(), LogError> {
        let transaction = self.database.begin_write().map_err(broken)?;
        {
            let mut meta = transaction.open_table(META).map_err(broken)?;
            let version = meta.get("version").map_err(broken)?.map(|value| value.value());
            match version {
                None => drop(meta.insert("version", VERSION).map_err(broken)?),
                Some(VERSION) => {}
                Some(newer) => {
                    return Err(LogError(format!(
                        "`{}` was written by a newer version (form {newer}, this one reads {VERSION}): use that version, or another data folder",
                        file.display()
                    )));
                }
            }
            for table in Table::ALL {
                transaction.open_table(table.definition()).map_err(broken)?;
            }
            let stores = transaction.open_table(STORES).map_err(broken)?;
            let mut numbers = self.numbers.lock();
            for entry in stores.iter().map_err(broken)? {
                let (key, value) = entry.map_err(broken)?;
                let (number, store) = codec::store(key.value(), value.value())?;
                numbers.last_store = numbers.last_store.max(number.0);
                numbers.stores.insert(store.id, number);
            }
        }
        transaction.commit().map_err(broken)
    }

    fn forget_changes(&self, kept: usize) -> Result<(), LogError> {
        let stores: Vec<StoreNumber> = self.numbers.lock().stores.values().copied().collect();
        let transaction = self.database.begin_write().map_err(broken)?;
        {
            let mut changes = transaction.open_table(CHANGES).map_err(broken)?;
            for store in stores {
                let (from, to) = store.range();
                let count = changes.range(from.as_slice()..to.as_slice()).map_err(broken)?.count();
                let mut spare = count.saturating_sub(kept);
                changes
                    .retain_in(from.as_slice()..to.as_slice(), |_, _| {
                        let keep = spare == 0;
                        spare = spare.saturating_sub(1);
                        keep
                    })
                    .map_err(broken)?;
            }
        }
        transaction.commit().map_err(broken)
    }

    fn edits(&self, entries: &[LogEntry]) -> Result<Vec<Edit>, LogError> {
        let mut numbers = self.numbers.lock();
        let Numbers { stores, last_store, last_tuple } = &mut *numbers;
        let mut edits = Vec::new();
        for entry in entries {
            let store = match entry {
                LogEntry::Store(store) => *stores.entry(store.id.clone()).or_insert_with(|| {
                    *last_store += 1;
                    StoreNumber(*last_store)
                }),
                LogEntry::StoreDeleted(store)
                | LogEntry::Model { store, .. }
                | LogEntry::Tuples { store, .. }
                | LogEntry::Assertions { store, .. }
                | LogEntry::Loaded { store, .. } => {
                    let missing = || LogError(format!("store `{store}` was never logged"));
                    *stores.get(store).ok_or_else(missing)?
                }
            };
            if let LogEntry::StoreDeleted(gone) = entry {
                stores.remove(gone);
            }
            codec::edits(store, entry, last_tuple, &mut edits)?;
        }
        Ok(edits)
    }

    fn commit(&self, edits: &[Edit]) -> Result<(), LogError> {
        let transaction = self.database.begin_write().map_err(broken)?;
        for table in Table::ALL {
            let mut of_table = edits.iter().filter(|edit| edit.touches(table)).peekable();
            if of_table.peek().is_some() {
                apply(&transaction, table, of_table).map_err(broken)?;
            }
        }
        transaction.commit().map_err(broken)
    }
}

fn apply<'e>(
    transaction: &WriteTransaction,
    table: Table,
    edits: impl Iterator<Item = &'e Edit>,
) -> Result<(), redb::Error> {
    let mut open = transaction.open_table(table.definition())?;
    for edit in edits {
        match edit {
            Edit::Put { key, value, .. } => drop(open.insert(key.as_slice(), value.as_slice())?),
            Edit::Remove { key, .. } => drop(open.remove(key.as_slice())?),
            Edit::RemoveStore(store) => {
                let (from, to) = store.range();
                open.retain_in(from.as_slice()..to.as_slice(), |_, _| false)?;
            }
        }
    }
    Ok(())
}

impl TupleLog for RedbLog {
    fn append(&self, entries: &[LogEntry]) -> Result<(), LogError> {
        let ticket = {
            // Numbers and edits are given in one order.
            let mut waiting = self.waiting.lock();
            let edits = self.edits(entries)?;
            waiting.edits.extend(edits);
            waiting.last += 1;
            waiting.last
        };
        let mut settled = self.settled.lock();
        if settled.through < ticket {
            let (through, edits) = {
                let mut waiting = self.waiting.lock();
                (waiting.last, std::mem::take(&mut waiting.edits))
            };
            if let Err(error) = self.commit(&edits) {
                let first = settled.through + 1;
                settled.failed.push_back((first, through, error));
                if settled.failed.len() > FAILED_KEPT {
                    settled.failed.pop_front();
                }
            }
            settled.through = through;
        }
        match settled.failed.iter().find(|(first, last, _)| (*first..=*last).contains(&ticket)) {
            Some((_, _, error)) => Err(error.clone()),
            None => Ok(()),
        }
    }

    fn replay(&self, apply: &mut dyn FnMut(LogEntry)) -> Result<(), LogError> {
        let reading = self.database.begin_read().map_err(broken)?;
        let stores = reading.open_table(STORES).map_err(broken)?;
        let models = reading.open_table(MODELS).map_err(broken)?;
        let tuples = reading.open_table(TUPLES).map_err(broken)?;
        let changes = reading.open_table(CHANGES).map_err(broken)?;
        let assertions = reading.open_table(ASSERTIONS).map_err(broken)?;
        for entry in stores.iter().map_err(broken)? {
            let (key, value) = entry.map_err(broken)?;
            let (number, store) = codec::store(key.value(), value.value())?;
            let id = store.id.clone();
            apply(LogEntry::Store(store));
            let (from, to) = number.range();
            let range = from.as_slice()..to.as_slice();
            for entry in models.range(range.clone()).map_err(broken)? {
                let (key, value) = entry.map_err(broken)?;
                apply(codec::model(&id, key.value(), value.value())?);
            }
            for entry in assertions.range(range.clone()).map_err(broken)? {
                let (key, value) = entry.map_err(broken)?;
                apply(codec::assertions(&id, key.value(), value.value())?);
            }
            let mut chunk = Vec::new();
            let loaded = |tuples, changes| LogEntry::Loaded { store: id.clone(), tuples, changes };
            for entry in tuples.range(range.clone()).map_err(broken)? {
                let (key, value) = entry.map_err(broken)?;
                let (place, tuple) = codec::tuple(key.value(), value.value())?;
                let mut numbers = self.numbers.lock();
                numbers.last_tuple = numbers.last_tuple.max(place);
                chunk.push((place, tuple));
                if chunk.len() >= CHUNK {
                    apply(loaded(std::mem::take(&mut chunk), Vec::new()));
                }
            }
            apply(loaded(chunk, Vec::new()));
            let mut chunk = Vec::new();
            for entry in changes.range(range).map_err(broken)? {
                let (key, value) = entry.map_err(broken)?;
                chunk.push(codec::change(key.value(), value.value())?);
                if chunk.len() >= CHUNK {
                    apply(loaded(Vec::new(), std::mem::take(&mut chunk)));
                }
            }
            apply(loaded(Vec::new(), chunk));
        }
        Ok(())
    }
}
