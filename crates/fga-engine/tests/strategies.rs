//! Where OpenFGA's ways of searching show in its answers, ours are the same: what is read together, what is a cycle, which
//! tuples a list needs.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use fga_engine::{
    Cap, CheckRequest, Engine, EngineError, ListObjectsRequest, ListUsersRequest, UserFilter, WriteRequest,
};
use fga_model::{StoreId, TupleKey, parse_model};
use serde_json::{Map, json};

const SMALL: &str = "
condition small(x: int) {
  x < 10
}
";

/// A store with a model and tuples such as `doc:1#viewer@user:1`, or with `if 7` behind it under the condition `small` with
/// that number, or `if` without a number.
#[track_caller]
fn store(engine: &Engine, model: &str, tuples: &[&str]) -> StoreId {
    let condition = if model.contains(" with small") { SMALL } else { "" };
    let model = parse_model(&format!("model\n  schema 1.1\ntype user\n{model}{condition}")).unwrap();
    let store = engine.create_store("strategies").unwrap().id;
    engine.write_model(&store, &model).unwrap();
    let key = |text: &&str| match text.split_once(" if") {
        None => text.parse::<TupleKey>().unwrap(),
        Some((text, number)) => {
            let number = number.trim().parse::<i64>().ok();
            let context: Map<_, _> = number.into_iter().map(|x| ("x".to_owned(), json!(x))).collect();
            text.parse::<TupleKey>().unwrap().with_condition("small", context)
        }
    };
    engine.write(&store, &WriteRequest::writes(tuples.iter().map(key))).unwrap();
    store
}

#[track_caller]
fn check(model: &str, tuples: &[&str], question: &str) -> Result<bool, EngineError> {
    let engine = Engine::default();
    let store = store(&engine, model, tuples);
    let TupleKey { object, relation, user, .. } = question.parse().unwrap();
    engine.check(&store, &CheckRequest::new(object, relation, user)).map(|answer| answer.is_allowed())
}

#[track_caller]
fn users(model: &str, tuples: &[&str], object: &str, relation: &str) -> Vec<String> {
    let engine = Engine::default();
    let store = store(&engine, model, tuples);
    let request = ListUsersRequest {
        object: object.to_owned(),
        relation: relation.to_owned(),
        filter: UserFilter { type_name: "user".to_owned(), relation: None },
        ..ListUsersRequest::default()
    };
    engine.list_users(&store, &request).unwrap()
}

/// Usersets of one reading, one whose condition holds and one whose condition cannot be evaluated: read apart the failure counts,
/// read together it does not. They are read together where OpenFGA cannot weigh the model.
#[test]
fn fga_02_a_hop_that_is_taken_from_itself_cannot_be_weighed_where_it_leads_to_one_type() {
    let tuples = [
        "group:1#guest@folder:1#blocked if 6",
        "group:1#guest@group:2#blocked if",
        "group:1#guest@user:1",
        "folder:1#blocked@user:1",
    ];
    let asked = |parents: &str, other: &str| {
        let model = format!(
            "
type group
  relations
    define blocked: [user]
    define parent: [{parents}]
    define part_of: [group]
    define other: {other}
    define guest: [group#blocked with small, folder#blocked with small, user]
type folder
  relations
    define blocked: [user]
"
        );
        check(&model, &tuples, "group:1#guest@user:2").ok()
    };
    let hop = "blocked from parent but not blocked from parent";
    for unweighed in [hop.to_owned(), format!("blocked but not ({hop})"), format!("({hop}) and blocked")] {
        assert_eq!(asked("group", &unweighed), Some(false), "{unweighed}");
        assert_eq!(asked("group, folder", &unweighed), None, "two types, {unweighed}");
    }
    for weighed in [
        "[user]",
        "blocked but not blocked",
        "blocked from parent and blocked from parent",
        "blocked from parent but not blocked from part_of",
        "(blocked or blocked from parent) but not blocked from parent",
        "(blocked from parent or blocked) but not (blocked from parent or blocked)",
    ] {
        assert_eq!(asked("group", weighed), None, "{weighed}");
    }
}

const ITS_OWN_FOLDER: [&str; 2] = ["folder:1#member@user:*", "folder:1#parent@folder:1"];

#[test]
fn fga_02_a_recursion_through_itself_alone_is_no_cycle_where_openfga_can_weigh_the_model() {
    let weighed = "
type folder
  relations
    define parent: [folder]
    define blocked: [user] or blocked from parent
    define member: [user:*] but not blocked
";
    assert!(check(weighed, &ITS_OWN_FOLDER, "folder:1#member@user:1").unwrap());
    // A parent that has no `blocked`, whether any folder has such a parent or not.
    let not_weighed = "
type org
  relations
    define owner: [user]
type folder
  relations
    define parent: [folder, org]
    define blocked: [user] or blocked from parent
    define member: [user:*] but not blocked
";
    assert!(!check(not_weighed, &ITS_OWN_FOLDER, "folder:1#member@user:1").unwrap());
    // A recursion through an intersection, anywhere in the model.
    let knot = format!(
        "{weighed}
type knot
  relations
    define loose: [user]
    define tied: [user, knot#tied] and loose
"
    );
    assert!(!check(&knot, &ITS_OWN_FOLDER, "folder:1#member@user:1").unwrap());
    // Operands that no one type reaches all.
    let apart = format!(
        "{weighed}
type robot
type shed
  relations
    define people: [user]
    define robots: [robot]
    define both: people and robots
"
    );
    assert!(!check(&apart, &ITS_OWN_FOLDER, "folder:1#member@user:1").unwrap());
}

#[test]
fn fga_02_a_cycle_over_tuples_that_do_not_hold_is_none() {
    let model = "
type group
  relations
    define one: [user, group#two with small]
    define two: [user, group#one with small]
    define member: [user] but not one
";
    let open = ["group:1#member@user:1", "group:1#one@group:1#two if 17", "group:1#two@group:1#one if 1"];
    assert!(check(model, &open, "group:1#member@user:1").unwrap());
    let closed = ["group:1#member@user:1", "group:1#one@group:1#two if 7", "group:1#two@group:1#one if 1"];
    assert!(!check(model, &closed, "group:1#member@user:1").unwrap());
}

#[test]
fn fga_02_only_usersets_of_plain_users_are_read_apart_from_others() {
    let model = |viewers: &str| {
        format!(
            "
type group
  relations
    define parent: [group]
    define editor: [user]
type folder
  relations
    define parent: [group]
    define blocked: editor from parent
type doc
  relations
    define viewer: [{viewers}]
"
        )
    };
    // Two hops away: read with what no user reaches, and one of them holds.
    let tuples = ["doc:1#viewer@group:1#parent if", "doc:1#viewer@folder:1#blocked"];
    let answer = check(&model("group#parent with small, folder#blocked"), &tuples, "doc:1#viewer@user:1");
    assert!(!answer.unwrap());
    // One hop away: a reading of its own, which fails.
    let tuples = ["doc:1#viewer@group:1#editor if", "doc:1#viewer@folder:1#blocked"];
    let answer = check(&model("group#editor with small, folder#blocked"), &tuples, "doc:1#viewer@user:1");
    assert!(matches!(answer, Err(EngineError::Condition(_))), "{answer:?}");
    // Not in a relation that leads back to itself.
    let tuples = ["doc:1#viewer@group:1#editor if", "doc:1#viewer@doc:2#viewer"];
    let answer = check(&model("group#editor with small, doc#viewer"), &tuples, "doc:1#viewer@user:1");
    assert!(!answer.unwrap());
}

#[test]
fn fga_02_a_list_needs_no_tuple_that_is_only_subtracted_elsewhere() {
    let model = "
type doc
  relations
    define viewer: [user] but not blocked
    define blocked: [user:* with small]
";
    let engine = Engine::default();
    let store = store(&engine, model, &["doc:1#viewer@user:1", "doc:2#blocked@user:* if"]);
    let request = ListObjectsRequest {
        type_name: "doc".to_owned(),
        relation: "viewer".to_owned(),
        user: "user:1".to_owned(),
        ..ListObjectsRequest::default()
    };
    assert_eq!(engine.list_objects(&store, &request, Cap::Limited).unwrap(), ["doc:1"]);
}

#[test]
fn fga_02_a_cycle_empties_a_list_of_users_unless_an_operator_hides_it() {
    let hidden = "
type group
  relations
    define part_of: [group]
    define approved: [user:*] but not blocked
    define blocked: [user] or approved from part_of
";
    let tuples = ["group:2#approved@user:*", "group:2#part_of@group:3", "group:3#part_of@group:2"];
    assert_eq!(users(hidden, &tuples, "group:3", "blocked"), ["user:*"]);
    let plain = "
type group
  relations
    define approved: [user] but not blocked
    define blocked: [user, group#approved]
";
    let tuples = ["group:1#approved@user:1", "group:1#blocked@group:1#approved"];
    assert_eq!(users(plain, &tuples, "group:1", "approved"), [""; 0]);
}
