//! Random schemas and objects: nothing panics, and what schemas do to objects is done after the first time.

use apiserver::schema::StructuralSchema;
use serde_json::{Map, Value, json};

/// A small generator, so that a finding repeats.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    fn one<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

const NAMES: [&str; 6] = ["a", "b", "name", "spec", "metadata", "x-y"];

fn scalar(dice: &mut Dice) -> Value {
    dice.one(&[
        json!(1),
        json!(-5),
        json!(1.5),
        json!("a"),
        json!(""),
        json!(true),
        json!(null),
        json!("2024-01-01T00:00:00Z"),
    ])
    .clone()
}

fn value(dice: &mut Dice, depth: usize) -> Value {
    match dice.below(if depth == 0 { 1 } else { 3 }) {
        0 => scalar(dice),
        1 => (0..dice.below(4)).map(|_| value(dice, depth - 1)).collect(),
        _ => {
            let map: Map<String, Value> = (0..dice.below(5))
                .map(|_| ((*dice.one(&NAMES)).to_owned(), value(dice, depth - 1)))
                .collect();
            Value::Object(map)
        }
    }
}

/// A schema that is structural most of the time, with something odd now and then.
fn schema(dice: &mut Dice, depth: usize) -> Value {
    let kind = *dice.one(&["object", "object", "array", "string", "integer", "number", "boolean"]);
    let kind = if depth == 0 && matches!(kind, "object" | "array") { "string" } else { kind };
    let mut json = json!({"type": kind});
    match kind {
        "object" if dice.below(4) == 0 => json["additionalProperties"] = schema(dice, depth - 1),
        "object" => {
            for _ in 0..dice.below(4) {
                let name = *dice.one(&NAMES);
                json["properties"][name] = schema(dice, depth - 1);
            }
            if dice.below(4) == 0 {
                json["required"] = json!([dice.one(&NAMES)]);
            }
        }
        "array" => {
            json["items"] = schema(dice, depth - 1);
            match dice.below(4) {
                0 => json["x-kubernetes-list-type"] = json!("set"),
                1 => {
                    json["x-kubernetes-list-type"] = json!("map");
                    json["x-kubernetes-list-map-keys"] = json!(["name"]);
                }
                _ => {}
            }
        }
        _ => {}
    }
    for _ in 0..dice.below(3) {
        let (name, value) = match dice.below(14) {
            0 => ("nullable", json!(true)),
            1 => ("default", value(dice, 2)),
            2 => ("enum", json!([scalar(dice), scalar(dice)])),
            3 => ("minimum", json!(0)),
            4 => ("maxLength", json!(2)),
            5 => ("pattern", json!(dice.one(&["^a", "(", "[a-z]+", "a{2,1}"]))),
            6 => ("format", json!(dice.one(&["date-time", "int32", "byte", "odd"]))),
            7 => ("x-kubernetes-preserve-unknown-fields", json!(true)),
            8 => ("anyOf", json!([{"minimum": 1}, {"required": ["a"]}])),
            9 => ("oneOf", json!([{"maxLength": 1}, {"minItems": 2}])),
            10 => (
                "x-kubernetes-validations",
                json!([{"rule": dice.one(&["self == self", "self == oldSelf", "has(self.a)", "size(self) > 0", "self.("])}]),
            ),
            11 => ("not", json!({"enum": [1]})),
            12 => ("x-kubernetes-embedded-resource", json!(true)),
            _ => {
                (*dice.one(&["properties", "items", "required", "type", "maxItems", "allOf"]), value(dice, 2))
            }
        };
        json[name] = value;
    }
    json
}

#[test]
fn dev_04_11_pruning_and_defaulting_are_done_after_the_first_time() {
    let mut dice = Dice(0x1234_5678_9abc_def1);
    let mut compiled = 0;
    for _ in 0..6000 {
        let mut json = schema(&mut dice, 3);
        if dice.below(10) > 0 {
            json["type"] = json!("object");
        }
        let Ok(schema) = StructuralSchema::parse(&json, "s") else { continue };
        compiled += 1;
        for _ in 0..3 {
            let mut object = value(&mut dice, 4);
            if !object.is_object() {
                object = json!({"spec": object});
            }
            let old = object.clone();
            schema.prune(&mut object);
            assert_eq!(schema.unknown_fields(&object), Vec::<String>::new(), "{json}");
            let pruned = object.clone();
            schema.prune(&mut object);
            assert_eq!(object, pruned, "{json}");
            schema.default(&mut object);
            let defaulted = object.clone();
            schema.default(&mut object);
            assert_eq!(object, defaulted, "{json}");
            let errors = schema.validate(&object, None);
            assert!(errors.len() <= 1000);
            // What is stored as it is may stay as it is.
            let kept = schema.validate(&object, Some(&object));
            assert!(kept.is_empty(), "{json}\n{object}\n{kept:?}");
            let _ = schema.validate(&object, Some(&old));
        }
    }
    assert!(compiled > 500, "{compiled} schemas compiled");
}

#[test]
fn hostile_depth_fits_the_stack_of_an_ordinary_thread() {
    let deep =
        |wrap: &dyn Fn(Value) -> Value| (0..98).fold(json!({"type": "string"}), |inner, _| wrap(inner));
    let schemas = [
        deep(&|inner| json!({"type": "object", "properties": {"a": inner}})),
        deep(&|inner| json!({"type": "object", "additionalProperties": inner})),
        json!({"type": "object", "properties": {"a": deep(&|inner| json!({"type": "array", "items": inner}))}}),
        json!({"type": "object", "anyOf": [(0..90).fold(json!({"minProperties": 1}), |inner, _| json!({"anyOf": [inner]}))]}),
        json!({"type": "object", "not": (0..90).fold(json!({"minProperties": 1}), |inner, _| json!({"not": inner}))}),
    ];
    let objects = [
        (0..200).fold(json!("x"), |inner, _| json!({"a": inner})),
        json!({"a": (0..200).fold(json!("x"), |inner, _| json!([inner]))}),
    ];
    let work = move || {
        for json in &schemas {
            if let Ok(schema) = StructuralSchema::parse(json, "s") {
                for object in &objects {
                    let mut object = object.clone();
                    schema.prune(&mut object);
                    schema.default(&mut object);
                    let _ = schema.validate(&object, None);
                }
            }
        }
    };
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(work);
    assert!(thread.is_ok_and(|thread| thread.join().is_ok()));
}
