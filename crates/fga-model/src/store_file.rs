//! Store files: a model, its tuples, and what checks and lists over them must give, as OpenFGA's command line reads them.
//!
//! Only the form is checked here: which keys there are and what they hold. Whether the assertions hold, an engine says.

use std::fmt;

use serde_json::{Map, Value};

use crate::{ObjectRef, UserRef, check_relation};

/// What is wrong with a store file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreFileFault {
    /// The place, as a JSON pointer: `/tests/0/check/1/user`.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for StoreFileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

/// What a value of a store file may be.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Truth,
    Object,
    User,
    Relation,
    /// A map with any content.
    Free,
    ListOf(&'static Form),
    /// A map with any keys and one kind of value.
    MapOf(&'static Form),
    Record(&'static Record),
}

/// The keys of a map: name, form, whether it must be there.
struct Record(&'static [(&'static str, Form, bool)]);

const TUPLE: Record = Record(&[
    ("user", Form::User, true),
    ("relation", Form::Relation, true),
    ("object", Form::Object, true),
    ("condition", Form::Record(&CONDITION), false),
]);
const CONDITION: Record = Record(&[("name", Form::Text, true), ("context", Form::Free, false)]);
const CHECK: Record = Record(&[
    ("user", Form::User, false),
    ("users", Form::ListOf(&Form::User), false),
    ("object", Form::Object, false),
    ("objects", Form::ListOf(&Form::Object), false),
    ("context", Form::Free, false),
    ("assertions", Form::MapOf(&Form::Truth), true),
]);
const LIST_OBJECTS: Record = Record(&[
    ("user", Form::User, true),
    ("type", Form::Text, true),
    ("relation", Form::Relation, false),
    ("context", Form::Free, false),
    ("assertions", Form::MapOf(&Form::ListOf(&Form::Text)), true),
]);
const FILTER: Record = Record(&[("type", Form::Text, true), ("relation", Form::Text, false)]);
const USERS: Record = Record(&[("users", Form::ListOf(&Form::User), false)]);
const LIST_USERS: Record = Record(&[
    ("object", Form::Object, true),
    ("user_filter", Form::ListOf(&Form::Record(&FILTER)), true),
    ("context", Form::Free, false),
    ("assertions", Form::MapOf(&Form::Record(&USERS)), true),
]);
const TEST: Record = Record(&[
    ("name", Form::Text, false),
    ("description", Form::Text, false),
    ("tuple_file", Form::Text, false),
    ("tuple_files", Form::ListOf(&Form::Text), false),
    ("tuples", Form::ListOf(&Form::Record(&TUPLE)), false),
    ("check", Form::ListOf(&Form::Record(&CHECK)), false),
    ("list_objects", Form::ListOf(&Form::Record(&LIST_OBJECTS)), false),
    ("list_users", Form::ListOf(&Form::Record(&LIST_USERS)), false),
]);
const STORE: Record = Record(&[
    ("name", Form::Text, false),
    ("model", Form::Text, false),
    ("model_file", Form::Text, false),
    ("tuple_file", Form::Text, false),
    ("tuple_files", Form::ListOf(&Form::Text), false),
    ("tuples", Form::ListOf(&Form::Record(&TUPLE)), false),
    ("tests", Form::ListOf(&Form::Record(&TEST)), true),
]);

/// Checks the form of a store file; all faults, keys in alphabetical order.
///
/// # Errors
/// At least one fault; text that is no YAML is one.
pub fn check_store_file(text: &str) -> Result<(), Vec<StoreFileFault>> {
    let fault = |message: String| vec![StoreFileFault { path: String::new(), message }];
    let value: Value = serde_saphyr::from_str(text).map_err(|error| fault(format!("not YAML: {error}")))?;
    let mut faults = Vec::new();
    check(&Form::Record(&STORE), &value, "", &mut faults);
    let given =
        |key: &str| value.get(key).is_some_and(|value| value.as_str().is_some_and(|text| !text.is_empty()));
    if value.is_object() && !given("model") && !given("model_file") {
        faults.extend(fault("there is neither `model` nor `model_file`".to_owned()));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn check(form: &Form, value: &Value, path: &str, faults: &mut Vec<StoreFileFault>) {
    let mut refuse = |message: &str| {
        faults.push(StoreFileFault { path: path.to_owned(), message: message.to_owned() });
    };
    match (form, value) {
        (Form::Text, Value::String(_)) | (Form::Truth, Value::Bool(_)) | (Form::Free, Value::Object(_)) => {}
        (Form::Object, Value::String(text)) => {
            if ObjectRef::parse(text).is_err() {
                refuse("an object is `type:id`");
            }
        }
        (Form::User, Value::String(text)) => {
            if UserRef::parse(text).is_err() {
                refuse("a user is `type:id`, `type:*` or `type:id#relation`");
            }
        }
        (Form::Relation, Value::String(text)) => {
            if let Err(fault) = check_relation(text) {
                refuse(&fault.to_string());
            }
        }
        (Form::ListOf(of), Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                check(of, item, &format!("{path}/{at}"), faults);
            }
        }
        (Form::MapOf(of), Value::Object(fields)) => {
            fields.iter().for_each(|(key, field)| check(of, field, &format!("{path}/{key}"), faults));
        }
        (Form::Record(record), Value::Object(fields)) => check_record(record, fields, path, faults),
        (Form::Truth, _) => refuse("expected `true` or `false`"),
        (Form::ListOf(_), _) => refuse("expected a list"),
        (Form::Free | Form::MapOf(_) | Form::Record(_), _) => refuse("expected a map"),
        (Form::Text | Form::Object | Form::User | Form::Relation, _) => refuse("expected a text"),
    }
}

fn check_record(record: &Record, fields: &Map<String, Value>, path: &str, faults: &mut Vec<StoreFileFault>) {
    for (key, field) in fields {
        let path = format!("{path}/{key}");
        match record.0.iter().find(|(known, ..)| known == key) {
            Some((_, form, _)) => check(form, field, &path, faults),
            None => faults.push(StoreFileFault { path, message: format!("`{key}` is no key here") }),
        }
    }
    let mut missing = |key: &str| {
        faults.push(StoreFileFault { path: path.to_owned(), message: format!("`{key}` is missing") });
    };
    for (key, _, required) in record.0 {
        if *required && !fields.contains_key(*key) {
            missing(key);
        }
    }
    if record.0.iter().any(|(key, ..)| *key == "objects") {
        for (one, many) in [("user", "users"), ("object", "objects")] {
            if !fields.contains_key(one) && !fields.contains_key(many) {
                missing(one);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        let found = check_store_file(text).err().unwrap_or_default();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, want, "{text}");
    }

    #[test]
    fn fgm_11_store_files_have_a_model_and_known_keys() {
        let model = "model: |\n  model\n    schema 1.1\n";
        check(&format!("{model}tests: []\n"), &[]);
        check("model_file: m.fga\ntests: []\n", &[]);
        check("tests: []\n", &["there is neither `model` nor `model_file`"]);
        check(model, &["`tests` is missing"]);
        check(&format!("{model}tests: []\nother: 1\n"), &["/other: `other` is no key here"]);
        let test = "tests:\n- check:\n  - user: user:anne\n    object: doc\n    assertions: {viewer: 1}\n    extra: 1\n";
        check(
            &format!("{model}{test}"),
            &[
                "/tests/0/check/0/assertions/viewer: expected `true` or `false`",
                "/tests/0/check/0/extra: `extra` is no key here",
                "/tests/0/check/0/object: an object is `type:id`",
            ],
        );
        let lists = "tests:\n- list_objects:\n  - user: user:anne\n    assertions: {viewer: [doc:1]}\n  list_users:\n  - object: doc:1\n    user_filter: [{type: user}]\n    assertions: {viewer: {users: [anne]}}\n";
        check(
            &format!("{model}{lists}"),
            &[
                "/tests/0/list_objects/0: `type` is missing",
                "/tests/0/list_users/0/assertions/viewer/users/0: a user is `type:id`, `type:*` or `type:id#relation`",
            ],
        );
        assert!(check_store_file("a: [").is_err());
    }
}
