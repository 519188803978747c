//! Store files: a model, tuples, and tests of checks and lists; extra tuples of a test are for that test only.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use fga_model::{ModelId, StoreId, TupleKey};
use serde_json::Value;

use crate::{
    data::{context, items, set, text, tuples, yaml},
    report::Outcome,
    target::{Failure, List, Question, Target},
};

/// Tuples of one write.
const CHUNK: usize = 40;

/// Runs every file; what does not look like a store file is passed over.
pub fn suite(target: &dyn Target, files: &[PathBuf]) -> Outcome {
    let mut outcome = Outcome::default();
    for file in files {
        let name = file.iter().rev().nth(1).unwrap_or_default().to_string_lossy().into_owned();
        match yaml(file) {
            Ok(store) if store.get("tests").is_some() => {
                if let Err(failure) = run(target, file, &store, &name, &mut outcome) {
                    outcome.red(format!("{name}: {failure}"));
                }
            }
            Ok(_) => {}
            Err(why) => outcome.red(why),
        }
    }
    outcome
}

fn run(
    target: &dyn Target,
    file: &Path,
    content: &Value,
    name: &str,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let dsl = match content.get("model_file").and_then(Value::as_str) {
        Some(model) => read(&file.with_file_name(model))?,
        None => text(content, "model"),
    };
    let store = target.create_store()?;
    let model = target.write_model(&store, &dsl)?;
    let mut stored = tuples(content, "tuples");
    let one = content.get("tuple_file").into_iter();
    for named in one.chain(items(content, "tuple_files")).filter_map(Value::as_str) {
        let listed = yaml(&file.with_file_name(named)).map_err(Failure::text)?;
        stored.extend(tuples(&serde_json::json!({ "tuples": listed }), "tuples"));
    }
    for chunk in stored.chunks(CHUNK) {
        target.write(&store, Some(&model), chunk)?;
    }
    for test in items(content, "tests") {
        let case = Case { target, name, store: &store, model: &model, extra: tuples(test, "tuples") };
        case.checks(test, outcome);
        case.objects(test, outcome);
        case.users(test, outcome);
    }
    Ok(())
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| Failure::text(format!("{}: {error}", file.display())))
}

/// One test of a file.
struct Case<'a> {
    target: &'a dyn Target,
    name: &'a str,
    store: &'a StoreId,
    model: &'a ModelId,
    extra: Vec<TupleKey>,
}

/// One name, or each of a list of names.
fn names(value: &Value, one: &str, many: &str) -> Vec<String> {
    match value.get(one).and_then(Value::as_str) {
        Some(name) => vec![name.to_owned()],
        None => items(value, many).iter().filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

/// The assertions of an entry.
fn assertions(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.get("assertions").and_then(Value::as_object).into_iter().flatten()
}

impl Case<'_> {
    fn question(&self, entry: &Value) -> Question<'_> {
        Question {
            store: self.store,
            model: self.model,
            contextual: self.extra.clone(),
            context: context(entry),
        }
    }

    fn checks(&self, test: &Value, outcome: &mut Outcome) {
        for entry in items(test, "check") {
            let question = self.question(entry);
            for user in names(entry, "user", "users") {
                for object in names(entry, "object", "objects") {
                    for (relation, wanted) in assertions(entry) {
                        let key = TupleKey::new(&object, relation, &user);
                        let got = self.target.check(&question, &key).map_err(|failure| failure.code);
                        let wanted = Ok(wanted.as_bool().unwrap_or_default());
                        outcome.compare(|| format!("{}: check {key}", self.name), wanted, got);
                    }
                }
            }
        }
    }

    fn objects(&self, test: &Value, outcome: &mut Outcome) {
        for entry in items(test, "list_objects") {
            let (question, user, type_name) =
                (self.question(entry), text(entry, "user"), text(entry, "type"));
            for (relation, wanted) in assertions(entry) {
                for list in [List::Unary, List::Streamed] {
                    let got = self.target.list_objects(&question, &type_name, relation, &user, list);
                    let got = got.map(BTreeSet::from_iter).map_err(|failure| failure.code);
                    let case = || format!("{}: list {type_name} {relation} {user}", self.name);
                    outcome.compare(case, Ok(set(wanted)), got);
                }
            }
        }
    }

    fn users(&self, test: &Value, outcome: &mut Outcome) {
        for entry in items(test, "list_users") {
            let (question, object) = (self.question(entry), text(entry, "object"));
            for (relation, wanted) in assertions(entry) {
                let mut got = Ok(BTreeSet::new());
                for filter in items(entry, "user_filter") {
                    let (type_name, of) = (text(filter, "type"), text(filter, "relation"));
                    let filter = if of.is_empty() { type_name } else { format!("{type_name}#{of}") };
                    match (&mut got, self.target.list_users(&question, &object, relation, &filter)) {
                        (Ok(all), Ok(found)) => all.extend(found),
                        (Ok(_), Err(failure)) => got = Err(failure.code),
                        (Err(_), _) => {}
                    }
                }
                let case = || format!("{}: list users {object} {relation}", self.name);
                outcome.compare(case, Ok(set(&wanted["users"])), got);
            }
        }
    }
}
