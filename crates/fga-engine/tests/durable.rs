//! What the log on disk keeps, and what it refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::{path::Path, sync::Arc};

use fga_engine::{
    Assertion, CheckRequest, Engine, EngineParts, PageRequest, RedbLog, TupleFilter, WriteRequest,
};
use fga_model::{StoreId, TupleKey, parse_model};

const MODEL: &str = "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user, user:*, user with c, doc#viewer]\n\ncondition c(x: int) {\n  x < 3\n}\n";

fn open(folder: &Path) -> Engine {
    let log = Arc::new(RedbLog::open(folder, 1_000).unwrap());
    Engine::open(EngineParts { log, ..EngineParts::default() }).unwrap()
}

fn key(text: &str) -> TupleKey {
    text.parse().unwrap()
}

fn everything(engine: &Engine, store: &StoreId) -> Vec<TupleKey> {
    let page = PageRequest::default().sized(100);
    let found = engine.read(store, &TupleFilter::everything(), &page).unwrap();
    found.items.into_iter().map(|tuple| tuple.key).collect()
}

#[test]
fn fga_04_stores_models_tuples_changes_and_assertions_survive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let (kept, model, tuples, changes, gone);
    {
        let engine = open(folder.path());
        kept = engine.create_store("kept").unwrap().id;
        gone = engine.create_store("gone").unwrap().id;
        model = engine.write_model(&kept, &parse_model(MODEL).unwrap()).unwrap();
        engine.write_model(&gone, &parse_model(MODEL).unwrap()).unwrap();
        engine.write(&gone, &WriteRequest::writes([key("doc:1#viewer@user:anne")])).unwrap();
        engine.delete_store(&gone).unwrap();
        let two = serde_json::json!({"x": 2}).as_object().unwrap().clone();
        let conditional = key("doc:1#viewer@user:carl").with_condition("c", two);
        let all = [
            key("doc:1#viewer@user:zoe"),
            conditional,
            key("doc:2#viewer@doc:1#viewer"),
            key("doc:1#viewer@user:anne"),
        ];
        engine.write(&kept, &WriteRequest::writes(all)).unwrap();
        engine.write(&kept, &WriteRequest::deletes([key("doc:1#viewer@user:zoe")])).unwrap();
        engine.update_store(&kept, "renamed").unwrap();
        let assertion = Assertion {
            key: key("doc:1#viewer@user:anne"),
            expectation: true,
            contextual: vec![key("doc:3#viewer@user:*")],
            context: Default::default(),
        };
        engine.write_assertions(&kept, &model, &[assertion]).unwrap();
        tuples = everything(&engine, &kept);
        changes = engine.read_changes(&kept, &Default::default()).unwrap().items;
    }
    let engine = open(folder.path());
    assert_eq!(engine.get_store(&kept).unwrap().name, "renamed");
    assert!(engine.get_store(&gone).is_err());
    assert_eq!(engine.latest_model_id(&kept).unwrap(), model);
    assert_eq!(everything(&engine, &kept), tuples);
    assert_eq!(engine.read_changes(&kept, &Default::default()).unwrap().items, changes);
    assert_eq!(engine.read_assertions(&kept, &model).unwrap().len(), 1);
    let check =
        |user: &str| engine.check(&kept, &CheckRequest::new("doc:2", "viewer", user)).unwrap().is_allowed();
    assert!(check("user:anne") && check("user:carl") && !check("user:zoe"));
    // Writing goes on behind what was there.
    engine.write(&kept, &WriteRequest::writes([key("doc:1#viewer@user:zoe")])).unwrap();
    assert_eq!(everything(&engine, &kept).last(), Some(&key("doc:1#viewer@user:zoe")));
}

#[test]
fn fga_04_a_folder_in_use_and_one_of_a_newer_version_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let log = RedbLog::open(folder.path(), 1_000).unwrap();
    let refused = RedbLog::open(folder.path(), 1_000).err().unwrap().to_string();
    assert!(refused.contains("in use by another process"), "{refused}");
    drop(log);
    {
        let database = redb::Database::create(folder.path().join("relationships.redb")).unwrap();
        let transaction = database.begin_write().unwrap();
        let meta: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("meta");
        transaction.open_table(meta).unwrap().insert("version", 99).unwrap();
        transaction.commit().unwrap();
    }
    let refused = RedbLog::open(folder.path(), 1_000).err().unwrap().to_string();
    assert!(refused.contains("newer version") && refused.contains("99"), "{refused}");
    // Nothing was changed by the attempt.
    assert!(RedbLog::open(folder.path(), 1_000).is_err());
}

#[test]
fn fga_04_the_changelog_on_disk_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let store = {
        let engine = open(folder.path());
        let store = engine.create_store("many").unwrap().id;
        engine.write_model(&store, &parse_model(MODEL).unwrap()).unwrap();
        for number in 0..12 {
            let tuples = (0..100).map(|at| TupleKey::new("doc:1", "viewer", format!("user:u-{number}-{at}")));
            engine.write(&store, &WriteRequest::writes(tuples)).unwrap();
        }
        store
    };
    drop(open(folder.path()));
    let log = Arc::new(RedbLog::open(folder.path(), 1_000).unwrap());
    let engine = Engine::open(EngineParts { log, ..EngineParts::default() }).unwrap();
    let first = engine.read_changes(&store, &Default::default()).unwrap().items;
    assert_eq!(first.first().map(|change| change.key.user.as_str()), Some("user:u-2-0"));
    let filter = TupleFilter::key(&key("doc:1#viewer@user:u-0-0"));
    assert_eq!(engine.read(&store, &filter, &Default::default()).unwrap().items.len(), 1);
}

#[test]
fn fga_04_writers_of_one_store_share_commits_and_none_is_lost_or_written_twice() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let store = engine.create_store("shared").unwrap().id;
    engine.write_model(&store, &parse_model(MODEL).unwrap()).unwrap();
    let won: usize = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..6)
            .map(|writer| {
                let (engine, store) = (&engine, &store);
                scope.spawn(move || {
                    let own = (0..10).map(|at| key(&format!("doc:{writer}#viewer@user:u-{at}")));
                    engine.write(store, &WriteRequest::writes(own)).unwrap();
                    let contested = WriteRequest::writes([key("doc:all#viewer@user:first")]);
                    usize::from(engine.write(store, &contested).is_ok())
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    assert_eq!(won, 1, "one writer of the contested tuple wins");
    assert_eq!(everything(&engine, &store).len(), 61);
    drop(engine);
    assert_eq!(everything(&open(folder.path()), &store).len(), 61);
}
