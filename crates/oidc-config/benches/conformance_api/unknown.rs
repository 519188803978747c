//! Fields that nobody knows, put into an object of the data.

use kcp_api::testing::by_schema::UNKNOWN;
use serde_json::{Map, Value, json};

/// Maps of metadata, which definitions do not describe: any key of theirs is known.
const MAPS: [&str; 2] = ["labels", "annotations"];

/// The object with an unknown field at every level, also inside lists. Where the schema has a map, any key is a known
/// one, so that only what its keys hold gets a field.
pub fn with_unknown_fields(object: &Value, schema: &Value) -> Value {
    let mut more = object.clone();
    add(&mut more, schema);
    more
}

fn add(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(map) => add_to_fields(map, schema),
        Value::Array(list) => list.iter_mut().for_each(|item| add(item, &schema["items"])),
        _ => {}
    }
}

fn add_to_fields(map: &mut Map<String, Value>, schema: &Value) {
    let values = &schema["additionalProperties"];
    for (key, item) in map.iter_mut() {
        if values.is_object() {
            add(item, values);
        } else if !MAPS.contains(&key.as_str()) {
            add(item, &schema["properties"][key.as_str()]);
        }
    }
    if !values.is_object() {
        map.insert(UNKNOWN.to_owned(), json!([{"a": null}]));
    }
}
