//! Tables for `kubectl get`, and metadata-only answers.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::json_path;
use crate::object::{self, scalar_text};
use crate::query::Query;
use crate::resource::ServedResource;

/// What a row carries of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IncludeObject {
    None,
    Metadata,
    Object,
}

impl IncludeObject {
    pub(crate) fn parse(query: &Query) -> Result<Self, ApiError> {
        match query.get("includeObject") {
            None | Some("" | "Metadata") => Ok(Self::Metadata),
            Some("None") => Ok(Self::None),
            Some("Object") => Ok(Self::Object),
            Some(other) => {
                Err(ApiError::bad_request(format!("unrecognized includeObject value: \"{other}\"")))
            }
        }
    }
}

/// The table of an object or a list.
pub(crate) fn table(
    resource: &ServedResource,
    object: Value,
    include: IncludeObject,
    now: Timestamp,
) -> Value {
    let (metadata, items) = split(object);
    let rows: Vec<Value> = items.into_iter().map(|item| row(resource, item, include, now)).collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": columns(resource), "rows": rows,
    })
}

/// The table of one watch event; the header stands in the first only.
pub(crate) fn table_of_one(
    resource: &ServedResource,
    object: Value,
    include: IncludeObject,
    header: bool,
    now: Timestamp,
) -> Value {
    let version = object::resource_version(&object).to_owned();
    let columns = if header { columns(resource) } else { Value::Null };
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": version},
        "columnDefinitions": columns, "rows": [row(resource, object, include, now)],
    })
}

fn split(mut object: Value) -> (Value, Vec<Value>) {
    match object.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => (object["metadata"].take(), items),
        _ => (json!({"resourceVersion": object::resource_version(&object)}), vec![object]),
    }
}

/// `PartialObjectMetadata` of an object, `PartialObjectMetadataList` of a list.
pub(crate) fn metadata_only(mut object: Value) -> Value {
    match object.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => {
            let items: Vec<Value> = items.into_iter().map(partial).collect();
            json!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                "metadata": object["metadata"].take(), "items": items,
            })
        }
        _ => partial(object),
    }
}

fn partial(mut object: Value) -> Value {
    let metadata = object.get_mut("metadata").map_or_else(|| Value::Object(Map::new()), Value::take);
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
}

const NAME_TEXT: &str = "Name must be unique within a namespace. Is required when creating resources, although some resources may \
allow a client to request the generation of an appropriate name automatically.";
const AGE_TEXT: &str =
    "CreationTimestamp is a timestamp representing the server time when this object was created.";

fn columns(resource: &ServedResource) -> Value {
    let column = |name: &str, kind: &str, format: &str, text: &str, priority: i32| json!({"name": name, "type": kind, "format": format, "description": text, "priority": priority});
    let mut columns = vec![column("Name", "string", "name", NAME_TEXT, 0)];
    if resource.columns.is_empty() {
        columns.push(column("Age", "date", "", AGE_TEXT, 0));
    }
    columns.extend(resource.columns.iter().map(|c| {
        let text = if c.description.is_empty() && c.kind == "date" { AGE_TEXT } else { &c.description };
        column(&c.name, &c.kind, &c.format, text, c.priority)
    }));
    columns.into()
}

fn row(resource: &ServedResource, object: Value, include: IncludeObject, now: Timestamp) -> Value {
    let mut cells = vec![Value::from(object::name(&object))];
    if resource.columns.is_empty() {
        cells.push(age(object.pointer("/metadata/creationTimestamp"), now));
    }
    for column in &resource.columns {
        if column.name == "Age" && column.json_path.is_empty() {
            cells.push(age(object.pointer("/metadata/creationTimestamp"), now));
            continue;
        }
        let own = resource.strategy.cell(&object, &column.name);
        cells.push(
            own.unwrap_or_else(|| cell(&column.kind, json_path::first(&object, &column.json_path), now)),
        );
    }
    let mut row = json!({"cells": cells});
    let object = match include {
        IncludeObject::None => None,
        IncludeObject::Metadata => Some(partial(object)),
        IncludeObject::Object => Some(object),
    };
    if let (Some(object), Some(map)) = (object, row.as_object_mut()) {
        map.insert("object".to_owned(), object);
    }
    row
}

fn cell(kind: &str, value: Option<&Value>, now: Timestamp) -> Value {
    let Some(value) = value.filter(|v| !v.is_null()) else { return Value::Null };
    match kind {
        "integer" => {
            value.as_i64().or_else(|| value.as_f64().map(|n| n as i64)).map_or(Value::Null, Value::from)
        }
        "number" => {
            if value.is_number() {
                value.clone()
            } else {
                Value::Null
            }
        }
        "boolean" => {
            if value.is_boolean() {
                value.clone()
            } else {
                Value::Null
            }
        }
        "date" => age(Some(value), now),
        _ => scalar_text(value).unwrap_or_else(|| value.to_string()).into(),
    }
}

fn age(value: Option<&Value>, now: Timestamp) -> Value {
    let Some(text) = value.and_then(Value::as_str) else { return "<unknown>".into() };
    match text.parse::<Timestamp>() {
        Ok(then) => human_duration(now.as_second() - then.as_second()).into(),
        Err(_) => "<invalid>".into(),
    }
}

/// The age of something in the two-unit shorthand of kubectl: `45s`, `3m20s`, `5h`, `2d4h`, `3y`.
pub(crate) fn human_duration(seconds: i64) -> String {
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    let two = |big: i64, unit: char, small: i64, small_unit: char| {
        if small == 0 { format!("{big}{unit}") } else { format!("{big}{unit}{small}{small_unit}") }
    };
    let s = seconds.max(0);
    let (minutes, hours, days) = (s / 60, s / 3600, s / 86400);
    if s < 120 {
        format!("{s}s")
    } else if minutes < 10 {
        two(minutes, 'm', s % 60, 's')
    } else if hours < 3 {
        format!("{minutes}m")
    } else if hours < 8 {
        two(hours, 'h', minutes % 60, 'm')
    } else if hours < 48 {
        format!("{hours}h")
    } else if days < 8 {
        two(days, 'd', hours % 24, 'h')
    } else if days < 365 * 2 {
        format!("{days}d")
    } else if days < 365 * 8 {
        two(days / 365, 'y', days % 365, 'd')
    } else {
        format!("{}y", days / 365)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dev_02_ages_read_as_kubectl_prints_them() {
        let cases = [
            (5, "5s"),
            (119, "119s"),
            (125, "2m5s"),
            (660, "11m"),
            (3 * 3600 + 120, "3h2m"),
            (10 * 3600, "10h"),
            (49 * 3600, "2d1h"),
            (9 * 86400, "9d"),
            (800 * 86400, "2y70d"),
            (-10, "<invalid>"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(human_duration(seconds), expected);
        }
    }
}
