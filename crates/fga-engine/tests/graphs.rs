//! Checks of larger graphs than the data's cases have, held against a plain closure.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::HashSet;

use fga_engine::{CheckRequest, Engine, EngineParts, Explain, Limits, WriteRequest};
use fga_model::{StoreId, TupleKey, parse_model};

const GROUPS: u64 = 90;
const USERS: u64 = 12;
const DOCS: u64 = 30;

/// `more` relations that are computed from each other stand before the one that is asked.
fn model(more: usize, condition: bool) -> String {
    let mut text = String::from(
        "model\n  schema 1.1\ntype user\ntype group\n  relations\n    define member: [user, user:*, group#member]\n",
    );
    let condition_too = if condition { ", user with never" } else { "" };
    text.push_str(&format!(
        "type doc\n  relations\n    define parent: [doc]\n    define owner: [group#member{condition_too}] or owner from parent\n    define viewer: [user, group#member] or owner\n    define r0: viewer\n"
    ));
    for at in 1..=more {
        text.push_str(&format!("    define r{at}: r{}\n", at - 1));
    }
    if condition {
        text.push_str("condition never(x: int) {\n  x < 0\n}\n");
    }
    text
}

/// Everybody that has a relation: pairs of place and user, `*` for all of them.
struct Closure(HashSet<(String, String)>);

impl Closure {
    fn of(tuples: &[TupleKey]) -> Self {
        let mut has: HashSet<(String, String)> = HashSet::new();
        loop {
            let before = has.len();
            for tuple in tuples {
                let place = format!("{}#{}", tuple.object, tuple.relation);
                let from = match tuple.relation.as_str() {
                    "parent" => format!("{}#owner", tuple.user),
                    _ => tuple.user.clone(),
                };
                let place =
                    if tuple.relation == "parent" { format!("{}#owner", tuple.object) } else { place };
                let users: Vec<String> = match from.contains('#') {
                    true => has.iter().filter(|(of, _)| *of == from).map(|(_, user)| user.clone()).collect(),
                    false => vec![from],
                };
                has.extend(users.into_iter().map(|user| (place.clone(), user)));
            }
            let owners: Vec<_> = has
                .iter()
                .filter_map(|(place, user)| Some((place.strip_suffix("#owner")?, user)))
                .map(|(object, user)| (format!("{object}#viewer"), user.clone()))
                .collect();
            has.extend(owners);
            if has.len() == before {
                return Self(has);
            }
        }
    }

    fn has(&self, object: &str, user: &str) -> bool {
        let place = format!("{object}#viewer");
        let plain = self.0.contains(&(place.clone(), user.to_owned()));
        plain || (!user.contains('#') && self.0.contains(&(place, "user:*".to_owned())))
    }
}

fn engine() -> (Engine, StoreId) {
    let limits = Limits { depth_max: 10_000, write_keys_max: 10_000, ..Limits::default() };
    let engine = Engine::open(EngineParts { limits, ..EngineParts::default() }).unwrap();
    let store = engine.create_store("graphs").unwrap().id;
    (engine, store)
}

/// Groups within groups, with objects of few tuples and of many, walks of a few visits and of hundreds, over plans, over more
/// relations than a plan takes, and where a condition is met; a part of the tuples comes with the question.
#[test]
fn fga_02_checks_of_large_graphs_are_those_of_a_plain_closure_in_every_walk() {
    for seed in 0..12u64 {
        let ids = runtime::Ids::seeded(seed);
        let number = |below: u64| u64::from_le_bytes(ids.bytes::<8>()) % below;
        let mut tuples = HashSet::new();
        let mut add = |object: String, relation: &str, user: String| {
            // Nobody may write a userset into itself.
            if user != format!("{object}#{relation}") {
                tuples.insert((object, relation.to_owned(), user));
            }
        };
        for _ in 0..number(160) + 20 {
            // Few large groups, many small ones.
            let group = number(GROUPS) * number(2);
            match number(12) {
                0 => add(format!("group:{group}"), "member", format!("user:{}", number(USERS))),
                1 if seed % 4 == 0 => add(format!("group:{}", number(GROUPS)), "member", "user:*".into()),
                _ => add(format!("group:{group}"), "member", format!("group:{}#member", number(GROUPS))),
            }
        }
        for _ in 0..number(60) + 10 {
            let doc = format!("doc:{}", number(DOCS) * number(3) / 2);
            match number(4) {
                0 => add(doc, "parent", format!("doc:{}", number(DOCS))),
                1 => add(doc, "owner", format!("group:{}#member", number(GROUPS))),
                2 => add(doc, "viewer", format!("user:{}", number(USERS))),
                _ => add(doc, "viewer", format!("group:{}#member", number(GROUPS))),
            }
        }
        let mut tuples: Vec<TupleKey> = tuples.into_iter().map(|(o, r, u)| TupleKey::new(o, r, u)).collect();
        tuples.sort_by_key(ToString::to_string);
        let closure = Closure::of(&tuples);
        let own = tuples.split_off(tuples.len() - 5);
        let (engine, store) = engine();
        let mut allowed = 0;
        for (more, condition) in [(0, false), (70, false), (0, true)] {
            engine.write_model(&store, &parse_model(&model(more, condition)).unwrap()).unwrap();
            let write = WriteRequest::writes(tuples.clone()).idempotent();
            engine.write(&store, &write).unwrap();
            for doc in 0..DOCS {
                let users = (0..USERS).map(|user| format!("user:{user}"));
                let group = format!("group:{}#member", number(GROUPS));
                for user in users.chain([group]) {
                    let object = format!("doc:{doc}");
                    let mut request = CheckRequest::new(&object, format!("r{more}"), &user);
                    request = request.with_contextual(own.clone());
                    let userset = user.contains('#');
                    let expected =
                        closure.has(&object, &user) || (userset && reaches(&tuples, &own, &object, &user));
                    for explain in [Explain::DecisionOnly, Explain::Grounds] {
                        let asked = CheckRequest { explain, ..request.clone() };
                        let answer = engine.check(&store, &asked).unwrap().is_allowed();
                        assert_eq!(
                            answer, expected,
                            "seed {seed}, {more} more, {condition}: {object} {user}"
                        );
                    }
                    allowed += usize::from(expected);
                }
            }
        }
        assert!(allowed > 0, "seed {seed} allows nothing");
    }
}

/// Whether a userset is met on the way from an object's viewers.
fn reaches(stored: &[TupleKey], own: &[TupleKey], object: &str, userset: &str) -> bool {
    let mut open = vec![format!("{object}#viewer")];
    let mut seen = HashSet::new();
    while let Some(place) = open.pop() {
        if place == userset {
            return true;
        }
        if !seen.insert(place.clone()) {
            continue;
        }
        if let Some(object) = place.strip_suffix("#viewer") {
            open.push(format!("{object}#owner"));
        }
        for tuple in stored.iter().chain(own) {
            let here = format!("{}#{}", tuple.object, tuple.relation);
            if here == place && tuple.user.contains('#') {
                open.push(tuple.user.clone());
            }
            if tuple.relation == "parent" && place == format!("{}#owner", tuple.object) {
                open.push(format!("{}#owner", tuple.user));
            }
        }
    }
    false
}

/// What is pushed is looked through a little only: one object with very many usersets takes no time that grows with their square.
#[test]
fn fga_02_an_object_with_very_many_usersets_is_walked_within_the_budget() {
    let (engine, store) = engine();
    engine.write_model(&store, &parse_model(&model(0, false)).unwrap()).unwrap();
    let many = 100_000;
    for from in (0..many).step_by(10_000) {
        let usersets =
            (from..from + 10_000).map(|at| TupleKey::new("doc:1", "viewer", format!("group:{at}#member")));
        engine.write(&store, &WriteRequest::writes(usersets)).unwrap();
    }
    let last = TupleKey::new(format!("group:{}", many - 1), "member", "user:ann");
    engine.write(&store, &WriteRequest::writes([last])).unwrap();
    for (user, expected) in [("user:ann", true), ("user:bob", false)] {
        let request =
            CheckRequest { explain: Explain::DecisionOnly, ..CheckRequest::new("doc:1", "viewer", user) };
        assert_eq!(engine.check(&store, &request).unwrap().is_allowed(), expected);
    }
}
