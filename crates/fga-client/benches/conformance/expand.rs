//! The expand suite: trees, compared exactly.

use std::path::Path;

use serde_json::Value;

use crate::{
    data::{items, text, tuples, wanted, yaml},
    report::Outcome,
    target::{Failure, Question, Target},
};

/// Runs the suite of a file.
pub fn suite(target: &dyn Target, file: &Path) -> Outcome {
    let mut outcome = Outcome::default();
    let suite = match yaml(file) {
        Ok(suite) => suite,
        Err(why) => {
            outcome.red(why);
            return outcome;
        }
    };
    for test in items(&suite, "tests") {
        let name = format!("{} {}", test["index"], text(test, "name"));
        if test["tuplesBypassValidation"] == true {
            outcome.not_applicable("cases put tuples into storage that no write accepts");
            continue;
        }
        match tree(target, test) {
            Ok(got) => {
                let wanted = wanted(test, |v| pruned(&v["tree"]["root"]));
                outcome.compare(|| name, wanted, got);
            }
            Err(failure) => outcome.red(format!("{name}: {failure}")),
        }
    }
    outcome
}

fn tree(target: &dyn Target, test: &Value) -> Result<Result<Value, u32>, Failure> {
    let store = target.create_store()?;
    let model = target.write_model(&store, &text(test, "model"))?;
    let stored = tuples(test, "tuples");
    if !stored.is_empty() {
        target.write(&store, Some(&model), &stored)?;
    }
    let contextual = tuples(test, "contextualTuples");
    let question = Question { store: &store, model: &model, contextual, context: Default::default() };
    let (object, relation) = (text(&test["request"], "object"), text(&test["request"], "relation"));
    let got = target.expand(&question, &object, &relation);
    Ok(got.map(|root| pruned(&root)).map_err(|failure| failure.code))
}

/// Absent, null and empty are the same.
fn pruned(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| (key.clone(), pruned(value)));
            Value::Object(
                entries.filter(|(_, v)| !v.is_null() && v.as_array().is_none_or(|a| !a.is_empty())).collect(),
            )
        }
        Value::Array(list) => Value::Array(list.iter().map(pruned).collect()),
        other => other.clone(),
    }
}
