//! Verdicts of admission: every pair of types, every name rule, and whatever a client may send.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use account_model::{
    admission::{AccountRequest, AccountVerdict, AdmissionRules, Denial, Place, creator_patch, validate},
    names::AccountTypes,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn rules() -> AdmissionRules {
    AdmissionRules::new(AccountTypes::new(["account", "team"]).unwrap(), "admin, root,system , www")
}

fn object(name: &str, kind: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"type": kind, "displayName": "x", "creator": "ann"}})
}

fn create(place: Place, name: &str, kind: &str) -> Option<String> {
    match validate(&rules(), place, AccountRequest::Create { object: &object(name, kind) }) {
        AccountVerdict::Allowed => None,
        AccountVerdict::Denied(denial) => Some(denial.to_string()),
    }
}

fn update(old: &Value, new: &Value) -> Option<Denial> {
    match validate(&rules(), Place::Unknown, AccountRequest::Update { old, new }) {
        AccountVerdict::Allowed => None,
        AccountVerdict::Denied(denial) => Some(denial),
    }
}

#[test]
fn acc_n1_n2_n3_names_and_types_are_refused_with_upstreams_words() {
    let orgs = Place::Orgs;
    assert_eq!(
        create(orgs, "ab", "org").unwrap(),
        r#"organization name "ab" is too short, must be at least 3 characters"#
    );
    assert_eq!(create(orgs, "abc", "org"), None);
    assert_eq!(create(orgs, "admin", "org").unwrap(), r#"organization name "admin" is not allowed"#);
    for reserved in ["orgs", "welcome", "master", "kubectl", "a-kubectl", "root", "system", "www"] {
        assert!(create(orgs, reserved, "org").is_some(), "{reserved}");
    }
    assert_eq!(create(Place::Elsewhere, "admin", "account"), None);
    assert_eq!(create(Place::Elsewhere, "x", "folder").unwrap(), "account type folder not in allowlist");
    assert_eq!(
        create(orgs, "a.b.c", "org").unwrap(),
        "account name \"a.b.c\" contains `.`; allowed are a-z, 0-9 and `-`"
    );
    assert!(create(orgs, "1abc", "org").is_some());
    assert!(create(orgs, &"a".repeat(56), "org").is_some());
    assert!(create(Place::Elsewhere, &"a".repeat(63), "account").is_none());
    assert!(create(Place::Elsewhere, &"a".repeat(64), "account").is_some());
}

#[test]
fn acc_n6_every_type_has_its_place() {
    for kind in ["org", "account", "team"] {
        for place in [Place::Orgs, Place::Elsewhere, Place::Unknown] {
            let right = match place {
                Place::Orgs => kind == "org",
                Place::Elsewhere => kind != "org",
                Place::Unknown => true,
            };
            assert_eq!(create(place, "acme", kind).is_none(), right, "{kind} in {place:?}");
        }
    }
}

#[test]
fn acc_n9_every_pair_of_types_is_decided_on_update() {
    let types = ["org", "account", "team", "folder", ""];
    for old in types {
        for new in types {
            let verdict = update(&object("acme", old), &object("acme", new));
            let expected = (old != new).then_some(Denial::Immutable("type"));
            assert_eq!(verdict, expected, "{old} to {new}");
        }
    }
}

#[test]
fn acc_o1_the_creator_is_stamped_once_and_stays() {
    assert_eq!(
        creator_patch(&object("a", "org"), "bob"),
        json!([{"op": "add", "path": "/spec/creator", "value": "bob"}])
    );
    assert_eq!(creator_patch(&object("a", "org"), "ann"), json!([]));
    assert_eq!(
        creator_patch(&json!({}), "bob"),
        json!([{"op": "add", "path": "/spec", "value": {"creator": "bob"}}])
    );
    let mut changed = object("a", "account");
    changed["spec"]["creator"] = json!("eve");
    assert_eq!(update(&object("a", "account"), &changed), Some(Denial::Immutable("creator")));
    let mut without = object("a", "account");
    without["spec"].as_object_mut().unwrap().remove("creator");
    assert_eq!(update(&without, &changed), None, "an account without creator may get one");
}

#[test]
fn acc_d11_rules_that_came_later_do_not_hold_an_account() {
    let denied = object("admin", "org");
    assert_eq!(update(&denied, &denied), None);
    let mut deleting = object("acme", "team");
    deleting["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(update(&object("acme", "folder"), &deleting), None);
    assert_eq!(validate(&rules(), Place::Orgs, AccountRequest::Delete), AccountVerdict::Allowed);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = prop_oneof![
            Just("spec"),
            Just("type"),
            Just("metadata"),
            Just("name"),
            Just("creator"),
            Just("x")
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..4).prop_map(|fields| fields
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect::<Value>()),
        ]
    })
}

proptest! {
    #[test]
    fn acc_o10_whatever_comes_there_is_an_answer(old in any_json(), new in any_json(), name in ".{0,80}") {
        let _ = validate(&rules(), Place::Unknown, AccountRequest::Update { old: &old, new: &new });
        let _ = validate(&rules(), Place::Orgs, AccountRequest::Create { object: &new });
        let patch: Value = creator_patch(&new, "bob");
        prop_assert!(patch.is_array());
        if create(Place::Orgs, &name, "org").is_none() {
            // What admission lets through, kcp can make workspaces and types of.
            prop_assert!(name.len() + "-account".len() <= 63);
            prop_assert!(name.starts_with(|c: char| c.is_ascii_lowercase()));
        }
    }
}
