//! Laws of reading and writing.

use serde_json::{Value, json};

use super::{Outcome, holds, same};
use crate::testing::Choices;
use crate::testing::compare::differences;
use crate::{AnyView, LosslessError, read_json};

/// How an object is viewed; see [`crate::KnownKind::view`].
pub type View<'v> = dyn Fn(Value) -> Result<Box<dyn AnyView>, LosslessError> + 'v;

/// An object that was read is written back whole; a changed label is all that changes, in the object and in the patch;
/// its text, read as from a stranger, is the object.
///
/// # Errors
/// What was lost.
pub fn nothing_is_lost(view: &View<'_>, object: &Value) -> Outcome {
    let text = |error: LosslessError| format!("{error} in {object}");
    let mut view = view(object.clone()).map_err(text)?;
    let written = view.to_value().map_err(text)?;
    holds(written == *object, || differences("$", &written, object).join("; "))?;
    same("patch without a change", &view.merge_patch().map_err(text)?, &None)?;

    view.metadata_mut().labels.get_or_insert_default().insert("touched".into(), "yes".into());
    let mut expected = object.clone();
    expected["metadata"]["labels"]["touched"] = json!("yes");
    let written = view.to_value().map_err(text)?;
    holds(written == expected, || differences("$", &written, &expected).join("; "))?;
    let patch = json!({"metadata": {"labels": {"touched": "yes"}}});
    same("patch of a label", &view.merge_patch().map_err(text)?, &Some(patch))?;

    let again = read_json(object.to_string().as_bytes()).map_err(|error| error.to_string())?;
    same("text", &again, object)
}

/// A text or number somewhere in what the type knows is changed: exactly that place of the object changes, and fields
/// that nobody knows stay beside it, inside lists, too.
///
/// # Errors
/// What else changed.
pub fn a_change_merges_alone(view: &View<'_>, object: &Value, choices: &mut Choices<'_>) -> Outcome {
    let text = |error: LosslessError| format!("{error} in {object}");
    let mut view = view(object.clone()).map_err(text)?;
    let mut known = view.known().map_err(text)?;
    let mut places = Vec::new();
    leaves(&known, object, &mut Vec::new(), &mut places);
    let Some(place) = places.get(choices.below(places.len())) else { return Ok(()) };
    let mut expected = object.clone();
    for target in [&mut known, &mut expected] {
        if let Some(leaf) = place.iter().try_fold(target, Step::below_mut) {
            *leaf = changed(leaf);
        }
    }
    // What is not a text of this kind, a time for example, is no change that a program could make.
    if view.set_known(&known).is_err() || view.known().map_err(text)? != known {
        return Ok(());
    }
    let written = view.to_value().map_err(text)?;
    holds(written == expected, || {
        format!(
            "{} after a change at {place:?} of {object}",
            differences("$", &written, &expected).join("; ")
        )
    })
}

#[derive(Clone, Debug)]
enum Step {
    Field(String),
    Item(usize),
}

impl Step {
    fn below_mut<'v>(value: &'v mut Value, step: &Step) -> Option<&'v mut Value> {
        match step {
            Step::Field(name) => value.get_mut(name),
            Step::Item(index) => value.get_mut(index),
        }
    }
}

/// Places of texts and numbers that both have alike. Fields that tell items of lists apart are left out: another key
/// is another item.
fn leaves(known: &Value, raw: &Value, at: &mut Vec<Step>, out: &mut Vec<Vec<Step>>) {
    match (known, raw) {
        (Value::Object(known), Value::Object(raw)) => {
            for (name, value) in known {
                let is_header = at.is_empty() && matches!(name.as_str(), "apiVersion" | "kind");
                let is_key =
                    at.iter().any(|step| matches!(step, Step::Item(_))) && crate::lossless::is_key(name);
                if let Some(other) = raw.get(name).filter(|_| !is_header && !is_key) {
                    at.push(Step::Field(name.clone()));
                    leaves(value, other, at, out);
                    at.pop();
                }
            }
        }
        (Value::Array(known), Value::Array(raw)) if known.len() == raw.len() => {
            for (index, (value, other)) in known.iter().zip(raw).enumerate() {
                // A text in a list is its own key.
                if !value.is_string() {
                    at.push(Step::Item(index));
                    leaves(value, other, at, out);
                    at.pop();
                }
            }
        }
        (Value::String(text), other) if known == other && !text.is_empty() => out.push(at.clone()),
        (Value::Number(_), other) if known == other => out.push(at.clone()),
        _ => {}
    }
}

fn changed(leaf: &Value) -> Value {
    match leaf {
        Value::String(text) => json!(format!("{text}changed")),
        Value::Number(number) => json!(number.as_i64().unwrap_or_default() + 1),
        other => other.clone(),
    }
}
