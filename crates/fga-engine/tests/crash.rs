//! A process that is killed while it writes: what it acknowledged is there, and nothing half.
//!
//! `MESH_CRASH_ROUNDS` says how often (5 unless set).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use fga_engine::{
    ChangesRequest, Engine, EngineParts, Operation, PageRequest, RedbLog, TupleFilter, WriteRequest,
};
use fga_model::{StoreId, TupleKey, parse_model};

/// Folder of the process that writes.
const FOLDER: &str = "MESH_CRASH_FOLDER";
const ROUNDS: &str = "MESH_CRASH_ROUNDS";
/// Tuples of one write.
const BATCH: usize = 10;
const WRITERS: usize = 4;

fn open(folder: &Path) -> Engine {
    let log = Arc::new(RedbLog::open(folder, 1_000_000).unwrap());
    Engine::open(EngineParts { log, ..EngineParts::default() }).unwrap()
}

fn store(engine: &Engine) -> StoreId {
    engine.list_stores(Some("crash"), &PageRequest::default()).unwrap().items[0].id.clone()
}

/// Not a test: the process that is killed. Writes until then, and says what was acknowledged.
#[test]
#[ignore = "run by the test below"]
fn child_writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let engine = open(&folder);
    let store = store(&engine);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (engine, store) = (&engine, &store);
            let process = std::process::id();
            scope.spawn(move || {
                for number in 0.. {
                    let role = format!("role:r-{process}-{writer}-{number}");
                    let tuples =
                        (0..BATCH).map(|at| TupleKey::new(role.clone(), "assignee", format!("user:u-{at}")));
                    engine.write(store, &WriteRequest::writes(tuples)).unwrap();
                    writeln!(std::io::stdout().lock(), "ack {role}").unwrap();
                }
            });
        }
    });
}

#[test]
fn fga_04_kill_9_loses_no_acknowledged_write_and_leaves_none_half() {
    let rounds: usize = std::env::var(ROUNDS).ok().and_then(|n| n.parse().ok()).unwrap_or(5);
    let folder = tempfile::tempdir().unwrap();
    {
        let engine = open(folder.path());
        let id = engine.create_store("crash").unwrap().id;
        let model = "model\n  schema 1.1\ntype user\ntype role\n  relations\n    define assignee: [user]\n";
        engine.write_model(&id, &parse_model(model).unwrap()).unwrap();
    }
    let mut acknowledged = BTreeSet::new();
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_writes_until_it_is_killed", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Killed after a number of acknowledgements that differs from round to round.
        let wanted = 1 + round * 7 % 40;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        while let Some(Ok(line)) = lines.next() {
            let Some((_, role)) = line.split_once("ack ") else { continue };
            acknowledged.insert(role.to_owned());
            seen += 1;
            if seen == wanted {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen >= wanted, "the child ended early in round {round}");
        check(folder.path(), &acknowledged);
    }
}

/// Every acknowledged batch is whole, no batch is half, and the changelog tells the same.
fn check(folder: &Path, acknowledged: &BTreeSet<String>) {
    let engine = open(folder);
    let store = store(&engine);
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let mut page = PageRequest::default().sized(100);
    loop {
        let answer = engine.read(&store, &TupleFilter::everything(), &page).unwrap();
        answer.items.into_iter().for_each(|tuple| *found.entry(tuple.key.object).or_default() += 1);
        if answer.token.is_empty() {
            break;
        }
        page = PageRequest::after(answer.token).sized(100);
    }
    for role in acknowledged {
        assert_eq!(found.get(role), Some(&BATCH), "{role} was acknowledged");
    }
    assert!(found.values().all(|count| *count == BATCH), "a batch is half");
    let mut changed: BTreeMap<String, usize> = BTreeMap::new();
    let mut request = ChangesRequest { page: PageRequest::default().sized(100), ..Default::default() };
    loop {
        let answer = engine.read_changes(&store, &request).unwrap();
        if answer.items.is_empty() {
            break;
        }
        for change in answer.items {
            assert_eq!(change.operation, Operation::Write);
            *changed.entry(change.key.object).or_default() += 1;
        }
        request.page = PageRequest::after(answer.token).sized(100);
    }
    assert_eq!(changed, found, "tuples and changelog differ");
}
