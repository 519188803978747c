//! The write suite: what a Write refuses, and that it applies all or nothing.

use std::{fs, path::Path};

use fga_model::{ModelId, TupleKey};
use serde_json::Value;

use crate::{
    data::{items, number, text, tuple, tuples, wanted, yaml},
    report::Outcome,
    target::{Failure, RawWrite, Target},
};

/// The suite's limit of keys in one write.
pub fn keys_max(file: &Path) -> Result<usize, String> {
    let suite = yaml(file)?;
    let limit =
        number(&suite["limits"], "maxTuplesPerWrite").ok_or("the write suite names no limit of tuples")?;
    Ok(limit as usize)
}

/// Runs the suite of a file.
pub fn suite(target: &dyn Target, file: &Path) -> Outcome {
    let mut outcome = Outcome::default();
    if let Err(why) = run(target, file, &mut outcome) {
        outcome.red(why);
    }
    outcome
}

fn run(target: &dyn Target, file: &Path, outcome: &mut Outcome) -> Result<(), String> {
    let suite = yaml(file)?;
    let model_file = file.with_file_name(text(&suite, "modelFile"));
    let dsl =
        fs::read_to_string(&model_file).map_err(|error| format!("{}: {error}", model_file.display()))?;
    // The suite's own models never went through validation; a server refuses a relation that nobody can ever have.
    let dsl = dsl.replace("[document#implicit]", "[user, document#implicit]");
    let limit = keys_max(file)?;
    for test in items(&suite, "tests") {
        let test = &repeated(test);
        let name = format!("{} {}", test["index"], text(test, "name"));
        if test["run"] == "faultInjection" {
            outcome.not_applicable("cases need a storage that fails on demand");
            continue;
        }
        if test["storedBypassesValidation"] == true {
            outcome.not_applicable("cases put tuples into storage that the model does not allow");
            continue;
        }
        let request = RawWrite::of(&test["request"]);
        if target.write_keys_max().is_some_and(|max| max != limit) && wanted(test, |_| ()) == Err(2_053) {
            outcome.not_applicable("case counts keys; the target's limit is not the suite's");
            continue;
        }
        match case(target, test, &dsl, &request) {
            Ok(got) => outcome.compare(|| name, wanted(test, |_| ()), got),
            Err(failure) => outcome.red(format!("{name}: {failure}")),
        }
    }
    Ok(())
}

fn case(
    target: &dyn Target,
    test: &Value,
    dsl: &str,
    request: &RawWrite,
) -> Result<Result<(), u32>, Failure> {
    let store = target.create_store()?;
    let model = target.write_model(&store, dsl)?;
    let stored = tuples(test, "stored");
    if !stored.is_empty() {
        target.write(&store, Some(&model), &stored)?;
    }
    let before = target.read_all(&store)?;
    let missing = (text(test, "model") == "missing").then(|| ModelId::new("01JCC8ZD4X84K2W0H0ZA5AQ948"));
    let got = target.write_raw(&store, missing.as_ref(), request).map_err(|failure| failure.code);
    let after = target.read_all(&store)?;
    let applied = match got {
        Ok(()) => expected(&before, request),
        Err(_) => before,
    };
    if applied.len() != after.len() || applied.iter().any(|tuple| !after.contains(tuple)) {
        return Err(Failure::text(format!("the store holds {after:?}, and should hold {applied:?}")));
    }
    Ok(got)
}

/// The tuples after a write that succeeded.
fn expected(before: &[TupleKey], request: &RawWrite) -> Vec<TupleKey> {
    let mut tuples = before.to_vec();
    tuples.retain(|tuple| !request.deletes.iter().any(|gone| gone.same_key(tuple)));
    for tuple in &request.writes {
        if !tuples.iter().any(|known| known.same_key(tuple)) {
            tuples.push(tuple.clone());
        }
    }
    tuples
}

impl RawWrite {
    fn of(request: &Value) -> Self {
        let part = |key: &str| request.get(key).cloned().unwrap_or_default();
        let (writes, deletes) = (part("writes"), part("deletes"));
        Self {
            writes: items(&writes, "tuples").iter().map(tuple).collect(),
            deletes: items(&deletes, "tuples").iter().map(tuple).collect(),
            on_duplicate: text(&writes, "onDuplicate"),
            on_missing: text(&deletes, "onMissing"),
        }
    }
}

/// Long texts are written as a text and how often it stands there.
fn repeated(value: &Value) -> Value {
    if let Some(repeat) = value.get("$repeat") {
        let count = repeat["count"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or_default();
        return Value::String(repeat["text"].as_str().unwrap_or_default().repeat(count));
    }
    match value {
        Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (k.clone(), repeated(v))).collect()),
        Value::Array(list) => Value::Array(list.iter().map(repeated).collect()),
        other => other.clone(),
    }
}
