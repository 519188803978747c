//! What the engine promises beyond OpenFGA's answers: grounds, limits, the log.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fga_engine::{
    CheckAnswer, CheckRequest, Engine, EngineError, EngineParts, Limits, ListUsersRequest, LogEntry,
    LogError, TupleFilter, TupleLog, UserFilter, WriteRequest,
};
use fga_model::{ErrorCode, StoreId, TupleCondition, TupleKey, parse_model};
use runtime::Clock;
use verdict::Missing;

const MODEL: &str = "
model
  schema 1.1
type user
type role
  relations
    define assignee: [user]
type account
  relations
    define parent: [account]
    define owner: [role#assignee] or owner from parent
    define member: [role#assignee] or owner
    define get: member
    define suspended: [user]
    define enter: member but not suspended
";

fn key(text: &str) -> TupleKey {
    text.parse().unwrap()
}

fn setup(engine: &Engine, tuples: &[&str]) -> StoreId {
    let store = engine.create_store("acme").unwrap().id;
    engine.write_model(&store, &parse_model(MODEL).unwrap()).unwrap();
    engine.write(&store, &WriteRequest::writes(tuples.iter().map(|t| key(t)))).unwrap();
    store
}

const ACME: [&str; 4] = [
    "role:acme-owner#assignee@user:alice",
    "account:acme#owner@role:acme-owner#assignee",
    "account:dev#parent@account:acme",
    "account:dev#suspended@user:alice",
];

#[test]
fn fga_05_an_allow_shows_the_path_from_object_to_user() {
    let engine = Engine::default();
    let store = setup(&engine, &ACME);
    let answer = engine.check(&store, &CheckRequest::new("account:dev", "get", "user:alice")).unwrap();
    let CheckAnswer::Allowed(grounds) = answer else { panic!("{answer:?}") };
    let path: Vec<String> = grounds.path.iter().map(ToString::to_string).collect();
    assert_eq!(
        path,
        [
            "account:dev#get@account:dev#member",
            "account:dev#member@account:dev#owner",
            "account:dev#owner@account:acme#owner",
            "account:dev#parent@account:acme",
            "account:acme#owner@role:acme-owner#assignee",
            "role:acme-owner#assignee@user:alice",
        ]
    );
}

#[test]
fn fga_05_a_denial_names_the_nearest_missing_relationship_and_it_is_enough() {
    let engine = Engine::default();
    let store = setup(&engine, &ACME);
    let question = CheckRequest::new("account:dev", "get", "user:bob");
    let denied = engine.check(&store, &question).unwrap();
    let missing = denied.grounds().missing.clone().expect("a missing fact");
    assert_eq!(missing, Missing::relation("role:acme-owner", "assignee", "user:bob"));
    engine.write(&store, &WriteRequest::writes([key(&missing.to_string())])).unwrap();
    assert!(engine.check(&store, &question).unwrap().is_allowed());
}

#[test]
fn fga_05_an_exclusion_is_named() {
    let engine = Engine::default();
    let store = setup(&engine, &ACME);
    let denied = engine.check(&store, &CheckRequest::new("account:dev", "enter", "user:alice")).unwrap();
    assert!(!denied.is_allowed());
    let missing = denied.grounds().missing.as_ref().map(ToString::to_string);
    assert_eq!(missing.as_deref(), Some("`account:dev#enter` excludes `user:alice`"));
}

#[test]
fn fga_02_a_tuple_that_the_model_no_longer_allows_is_not_seen_but_can_be_deleted() {
    let engine = Engine::default();
    let store = setup(&engine, &ACME);
    let question = CheckRequest::new("account:dev", "suspended", "user:alice");
    assert!(engine.check(&store, &question).unwrap().is_allowed());
    engine
        .write_model(&store, &parse_model(&MODEL.replace("suspended: [user]", "suspended: [role]")).unwrap())
        .unwrap();
    assert!(!engine.check(&store, &question).unwrap().is_allowed());
    engine.write(&store, &WriteRequest::deletes([key("account:dev#suspended@user:alice")])).unwrap();
    assert_eq!(engine.read(&store, &TupleFilter::everything(), &Default::default()).unwrap().items.len(), 3);
}

const CONDITIONS: &str = "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define editor: [user]\n    define viewer: [user with c] or editor\n\ncondition c(x: int, y: int) {\n  x < y\n}\n";

#[test]
fn fga_02_a_condition_is_asked_with_the_values_of_tuple_and_request() {
    let engine = Engine::default();
    let store = engine.create_store("conditions").unwrap().id;
    engine.write_model(&store, &parse_model(CONDITIONS).unwrap()).unwrap();
    let three = serde_json::json!({"y": 3});
    let conditional = key("doc:1#viewer@user:anne").with_condition("c", three.as_object().unwrap().clone());
    engine.write(&store, &WriteRequest::writes([conditional, key("doc:1#editor@user:bob")])).unwrap();
    let check = |user: &str, context: serde_json::Value| {
        let context = context.as_object().unwrap().clone();
        engine.check(&store, &CheckRequest { context, ..CheckRequest::new("doc:1", "viewer", user) })
    };
    assert!(check("user:anne", serde_json::json!({"x": 2})).unwrap().is_allowed());
    // The tuple's value wins.
    assert!(!check("user:anne", serde_json::json!({"x": 5, "y": 9})).unwrap().is_allowed());
    assert!(check("user:bob", serde_json::json!({})).unwrap().is_allowed());
    assert!(!check("user:eve", serde_json::json!({})).unwrap().is_allowed());
    let refused = check("user:anne", serde_json::json!({})).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ValidationError);
    assert!(refused.to_string().contains('c') && refused.to_string().contains('x'), "{refused}");
}

#[test]
fn fga_02_a_condition_that_cannot_be_one_is_refused_when_written() {
    let engine = Engine::default();
    let store = engine.create_store("conditions").unwrap().id;
    for body in ["x + y", "x < 'a'", "x <", "z < 1"] {
        let model = parse_model(&CONDITIONS.replace("x < y", body)).unwrap();
        let refused = engine.write_model(&store, &model).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidAuthorizationModel, "{body}: {refused}");
    }
    engine.write_model(&store, &parse_model(CONDITIONS).unwrap()).unwrap();
    let write = |condition: &str, context: serde_json::Value| {
        let context = context.as_object().unwrap().clone();
        let tuple = key("doc:1#viewer@user:anne").with_condition(condition, context);
        engine.write(&store, &WriteRequest::writes([tuple])).map_err(|error| error.code())
    };
    assert_eq!(write("c", serde_json::json!({"x": "many"})), Err(ErrorCode::ValidationError));
    assert_eq!(write("c", serde_json::json!({"other": 1})), Err(ErrorCode::ValidationError));
    assert_eq!(write("d", serde_json::json!({})), Err(ErrorCode::ValidationError));
    assert_eq!(write("c", serde_json::json!({"x": 1})), Ok(()));
}

#[derive(Default)]
struct Recorder {
    entries: Mutex<Vec<LogEntry>>,
    full: Mutex<bool>,
}

impl TupleLog for Recorder {
    fn append(&self, entries: &[LogEntry]) -> Result<(), LogError> {
        if *self.full.lock().unwrap() {
            return Err(LogError("no space left".to_owned()));
        }
        self.entries.lock().unwrap().extend_from_slice(entries);
        Ok(())
    }

    fn replay(&self, apply: &mut dyn FnMut(LogEntry)) -> Result<(), LogError> {
        self.entries.lock().unwrap().iter().cloned().for_each(apply);
        Ok(())
    }
}

#[test]
fn fga_04_an_engine_opened_from_its_log_answers_the_same_and_a_failed_log_changes_nothing() {
    let log = Arc::new(Recorder::default());
    let parts = || EngineParts { log: log.clone(), ..EngineParts::default() };
    let engine = Engine::open(parts()).unwrap();
    let store = setup(&engine, &ACME);
    engine.write(&store, &WriteRequest::deletes([key("account:dev#suspended@user:alice")])).unwrap();
    *log.full.lock().unwrap() = true;
    let bob = WriteRequest::writes([key("role:acme-owner#assignee@user:bob")]);
    assert!(matches!(engine.write(&store, &bob), Err(EngineError::Log { .. })));
    assert!(
        !engine.check(&store, &CheckRequest::new("account:dev", "get", "user:bob")).unwrap().is_allowed()
    );
    *log.full.lock().unwrap() = false;

    let again = Engine::open(parts()).unwrap();
    assert_eq!(again.get_store(&store).unwrap(), engine.get_store(&store).unwrap());
    let read =
        |engine: &Engine| engine.read(&store, &TupleFilter::everything(), &Default::default()).unwrap().items;
    assert_eq!(read(&again), read(&engine));
    let changes = |engine: &Engine| engine.read_changes(&store, &Default::default()).unwrap();
    assert_eq!(changes(&again), changes(&engine));
    assert!(
        again.check(&store, &CheckRequest::new("account:dev", "enter", "user:alice")).unwrap().is_allowed()
    );
    again.write(&store, &bob).unwrap();
    assert_eq!(changes(&again).items.len(), 6);
}

/// A chain and a ring of mutual exclusions must end within the budget, not hang.
#[test]
fn fga_02_adversarial_graphs_end() {
    let limits = Limits { steps_max: 20_000, ..Limits::default() };
    let engine = Engine::open(EngineParts { limits, ..EngineParts::default() }).unwrap();
    let store = engine.create_store("rings").unwrap().id;
    let dsl = "model\n  schema 1.1\ntype user\ntype n\n  relations\n    define a: [user, n#b, n#a] and c\n    define b: [user, n#a, n#b] but not c\n    define c: [user, user:*]\n";
    engine.write_model(&store, &parse_model(dsl).unwrap()).unwrap();
    let mut tuples = Vec::new();
    for i in 0..8 {
        for j in 0..8 {
            tuples.push(key(&format!("n:{i}#a@n:{j}#b")));
            tuples.push(key(&format!("n:{i}#b@n:{j}#a")));
        }
        tuples.push(key(&format!("n:{i}#c@user:*")));
    }
    for chunk in tuples.chunks(100) {
        engine.write(&store, &WriteRequest::writes(chunk.iter().cloned())).unwrap();
    }
    let answer = engine.check(&store, &CheckRequest::new("n:0", "a", "user:x"));
    assert!(!answer.is_ok_and(|a| a.is_allowed()));
}

/// A model takes a relation with a control character; neither questions nor tuples may name it.
#[test]
fn fga_03_a_relation_that_no_tuple_may_carry_is_refused_in_questions_and_their_tuples() {
    let engine = Engine::default();
    let store = engine.create_store("strange").unwrap().id;
    let mut model =
        parse_model("model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define a: [user]\n").unwrap();
    let relations = &mut model.types.last_mut().unwrap().relations;
    let plain = relations.get("a").cloned().unwrap();
    relations.insert("a\u{1}".into(), plain);
    engine.write_model(&store, &model).unwrap();
    let strange = TupleKey::new("doc:1", "a\u{1}", "user:ann");
    let ask = |request: CheckRequest| engine.check(&store, &request).map_err(|error| error.code());
    let asked = ask(CheckRequest::new("doc:1", "a\u{1}", "user:ann"));
    assert_eq!(asked, Err(ErrorCode::ValidationError));
    let beside = ask(CheckRequest::new("doc:1", "a", "user:ann").with_contextual([strange.clone()]));
    assert_eq!(beside, Err(ErrorCode::InvalidTuple));
    let written = engine.write(&store, &WriteRequest::writes([strange])).map_err(|error| error.code());
    assert_eq!(written, Err(ErrorCode::ValidationError));
}

/// A list of users over the budget has whom it found; where somebody may be excluded nobody is listed on half the evidence.
#[test]
fn fga_02_a_list_of_users_over_the_budget_is_a_part_of_it_or_refused() {
    let limits = Limits { steps_max: 50, ..Limits::default() };
    let engine = Engine::open(EngineParts { limits, ..EngineParts::default() }).unwrap();
    let store = engine.create_store("wide").unwrap().id;
    let dsl = "model\n  schema 1.1\ntype user\ntype group\n  relations\n    define member: [user]\n    define all: [user, group#member]\n    define barred: [group#member]\n    define fine: all but not barred\n";
    engine.write_model(&store, &parse_model(dsl).unwrap()).unwrap();
    let many = (0..100).flat_map(|i| {
        let member = key(&format!("group:{i}#member@user:{i}"));
        [member, key(&format!("group:top#all@group:{i}#member"))]
    });
    let tuples: Vec<TupleKey> = many.chain([key("group:top#all@user:ann")]).collect();
    for chunk in tuples.chunks(100) {
        engine.write(&store, &WriteRequest::writes(chunk.iter().cloned())).unwrap();
    }
    let list = |relation: &str| {
        let filter = UserFilter { type_name: "user".into(), relation: None };
        let (object, relation) = ("group:top".to_owned(), relation.to_owned());
        let request = ListUsersRequest { object, relation, filter, ..ListUsersRequest::default() };
        engine.list_users(&store, &request)
    };
    let some = list("all").unwrap();
    assert!(some.contains(&"user:ann".to_owned()) && (2..100).contains(&some.len()), "{some:?}");
    let refused = list("fine").unwrap_err();
    assert_eq!(refused.code(), ErrorCode::DeadlineExceeded, "{refused}");
}

/// The clock ends what the budget would still allow, also inside one reading of many conditions; what is small is not late.
#[test]
fn fga_02_a_question_ends_at_its_deadline() {
    let limits = Limits { time_max: Duration::ZERO, ..Limits::default() };
    let clock = Clock::manual("2026-01-26T10:00:00Z".parse().unwrap());
    let engine = Engine::open(EngineParts { limits, clock, ..EngineParts::default() }).unwrap();
    let store = engine.create_store("wide").unwrap().id;
    let dsl = "model\n  schema 1.1\ntype user\ntype n\n  relations\n    define a: [user, n#a]\n    define b: [n#a with never]\n    define c: [n#a] but not b\n\ncondition never(x: int) {\n  x < 0\n}\n";
    engine.write_model(&store, &parse_model(dsl).unwrap()).unwrap();
    let context = serde_json::Map::from_iter([("x".to_owned(), 1.into())]);
    let never = TupleCondition { name: "never".into(), context };
    let mut tuples = vec![key("n:1#a@user:ann"), key("n:big#c@n:1#a")];
    for i in 0..3_000 {
        tuples.push(key(&format!("n:big#a@n:{i}#a")));
        let mut under = key(&format!("n:big#b@n:{i}#a"));
        under.condition = Some(never.clone());
        tuples.push(under);
    }
    for chunk in tuples.chunks(100) {
        engine.write(&store, &WriteRequest::writes(chunk.iter().cloned())).unwrap();
    }
    let ask = |object: &str, relation: &str, user: &str| {
        engine.check(&store, &CheckRequest::new(object, relation, user))
    };
    for relation in ["a", "b", "c"] {
        let late = ask("n:big", relation, if relation == "c" { "user:ann" } else { "user:bob" });
        assert!(matches!(late, Err(EngineError::Late { .. })), "{relation}: {late:?}");
    }
    assert!(ask("n:1", "a", "user:ann").unwrap().is_allowed());
}

/// Computed relations cost no hops: a long chain of them ends in OpenFGA's error, not at the end of the stack.
#[test]
fn fga_02_a_long_chain_of_computed_relations_ends_in_an_error() {
    let engine = Engine::default();
    let store = engine.create_store("chain").unwrap().id;
    let mut dsl = String::from(
        "model\n  schema 1.1\ntype user\ntype n\n  relations\n    define x: [user]\n    define r1000: [user]\n",
    );
    for i in 0..1_000 {
        dsl.push_str(&format!("    define r{i}: r{} and x\n", i + 1));
    }
    engine.write_model(&store, &parse_model(&dsl).unwrap()).unwrap();
    let both = [key("n:1#x@user:a"), key("n:1#r1000@user:a")];
    engine.write(&store, &WriteRequest::writes(both)).unwrap();
    let check = |relation: &str| engine.check(&store, &CheckRequest::new("n:1", relation, "user:a"));
    assert_eq!(check("r0").unwrap_err().code(), ErrorCode::ResolutionTooComplex);
    assert!(check("r900").unwrap().is_allowed());
}

#[test]
fn fga_02_models_that_pile_up_are_forgotten_oldest_first() {
    let limits = Limits { relations_kept: 10, ..Limits::default() };
    let engine = Engine::open(EngineParts { limits, ..EngineParts::default() }).unwrap();
    let store = engine.create_store("many").unwrap().id;
    let first = engine.write_model(&store, &parse_model(MODEL).unwrap()).unwrap();
    let second = engine.write_model(&store, &parse_model(MODEL).unwrap()).unwrap();
    let third = engine.write_model(&store, &parse_model(MODEL).unwrap()).unwrap();
    assert_eq!(engine.read_model(&store, &first).unwrap_err().code(), ErrorCode::AuthorizationModelNotFound);
    assert!(engine.read_model(&store, &second).is_ok() && engine.read_model(&store, &third).is_ok());
}

#[test]
fn fga_02_what_a_cycle_excludes_excludes_nothing_for_certain_further_up() {
    let model = "
model
  schema 1.1
type user
type group
  relations
    define parent: [group]
    define owner: [user]
    define editor: ([user] but not member from parent) or owner
    define member: ([user] but not editor from parent) or owner
";
    let engine = Engine::default();
    let store = engine.create_store("cycles").unwrap().id;
    engine.write_model(&store, &parse_model(model).unwrap()).unwrap();
    let tuples = ["group:1#parent@group:1", "group:1#editor@user:anne", "group:1#member@user:anne"];
    engine.write(&store, &WriteRequest::writes(tuples.map(key))).unwrap();
    // Whether anne is a member depends on whether she is an editor: neither is certain, so she is denied both.
    for relation in ["editor", "member"] {
        let answer = engine.check(&store, &CheckRequest::new("group:1", relation, "user:anne")).unwrap();
        assert!(!answer.is_allowed(), "{relation}");
    }
}
