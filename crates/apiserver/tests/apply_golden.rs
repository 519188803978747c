//! Sequences of applies and updates, with the results that Kubernetes' own field manager gave.
#![allow(missing_docs, clippy::unwrap_used)]

use apiserver::{
    apply::{Tracking, apply, track_update},
    fields::{DEDUCED, MergeSchema, compare_values},
    schema::StructuralSchema,
};
use serde_json::{Value, json};

fn schema() -> StructuralSchema {
    StructuralSchema::parse(
        &json!({"type": "object", "properties": {
            "spec": {"type": "object", "properties": {
                "replicas": {"type": "integer"}, "paused": {"type": "boolean"},
                "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "args": {"type": "array", "items": {"type": "string"}},
                "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"],
                    "items": {"type": "object", "required": ["port"], "properties": {
                        "port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}, "name": {"type": "string"},
                        "opts": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}}}},
                "sel": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "string"}},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "nested": {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {"type": "integer"}, "c": {"type": "integer"}}}}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}},
            "status": {"type": "object", "properties": {"ready": {"type": "integer"}, "phase": {"type": "string"}}}}}),
        "",
    )
    .unwrap()
}

/// Entries without times, in one order.
fn essence(mut object: Value) -> Value {
    if let Some(entries) = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut) {
        for entry in entries.iter_mut() {
            entry.as_object_mut().unwrap().remove("time");
        }
        entries.sort_by(compare_values);
    }
    object
}

/// Kubernetes leaves null where a removal empties an object or a list that is still owned; ours leaves it empty.
fn same(got: &Value, want: &Value) -> bool {
    match (got, want) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(v, w)| same(v, w)),
        (Value::Object(a), Value::Null) => a.is_empty(),
        (Value::Array(a), Value::Null) => a.is_empty(),
        _ => got == want,
    }
}

#[test]
fn applies_and_updates_end_as_in_kubernetes() {
    let typed = schema();
    // MESH_APPLY_GOLDEN names a larger file of the same form.
    let golden = match std::env::var("MESH_APPLY_GOLDEN") {
        Ok(file) => std::fs::read_to_string(file).unwrap(),
        Err(_) => include_str!("golden/apply.jsonl").to_owned(),
    };
    let (mut steps, mut failures) = (0, Vec::new());
    for (number, line) in golden.lines().enumerate() {
        let scenario: Value = serde_json::from_str(line).unwrap();
        let schema: &dyn MergeSchema = if scenario["schema"] == "deduced" { &DEDUCED } else { &typed };
        let mut live: Option<Value> = None;
        for (at, step) in scenario["steps"].as_array().unwrap().iter().enumerate() {
            steps += 1;
            let (got, want) = replay(schema, live.as_ref(), step);
            if !same(&got, &want) {
                failures.push(format!(
                    "line {number} step {at}: {}\n live {}\n  got {got}\n want {want}",
                    step,
                    live.clone().unwrap_or_default()
                ));
            }
            if let Some(result) = step.get("result") {
                live = Some(result.clone());
            }
        }
    }
    assert!(steps > 100);
    let shown: Vec<&String> = failures.iter().take(3).collect();
    assert!(
        failures.is_empty(),
        "{} of {steps} steps differ:\n{}",
        failures.len(),
        shown.iter().map(|s| s.as_str()).collect::<Vec<_>>().join("\n\n")
    );
}

fn replay(schema: &dyn MergeSchema, live: Option<&Value>, step: &Value) -> (Value, Value) {
    let now = "2031-01-01T00:00:00Z".parse().unwrap();
    let text = |name: &str| step[name].as_str().unwrap_or_default();
    let cx = Tracking::new("x.io/v1", schema, text("manager"), now).with_status_subresource(text("sub"));
    let want = step.get("error").cloned().unwrap_or_else(|| essence(step["result"].clone()));
    let mut got = match text("op") {
        "apply" => match apply(&cx, live, &step["object"], step["force"] == true) {
            Ok(applied) => applied.object,
            Err(error) => return (error.to_string().into(), want),
        },
        _ => {
            let mut new = step["object"].clone();
            track_update(&cx, live, &mut new);
            new
        }
    };
    got["metadata"]["uid"] = json!("u");
    (essence(got), want)
}
