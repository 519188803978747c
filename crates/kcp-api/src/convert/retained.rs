//! Annotations that keep what a version cannot express.

use serde_json::{Map, Value};

use super::ConversionError;

/// On v1alpha1 exports: published resources that are not stored as custom resources.
pub(super) const RESOURCES: &str = "apis.v1alpha2.kcp.io/resource-schemas";
/// On v1alpha1 exports: claims with verbs or a default selector.
pub(super) const CLAIMS: &str = "apis.v1alpha2.kcp.io/permission-claims";
/// On v1alpha2 exports and bindings: claims as v1alpha1 had them.
pub(super) const V1_CLAIMS: &str = "apis.v1alpha2.kcp.io/v1alpha1-permission-claims";
/// On v1alpha1 bindings: answers with verbs or a selector.
pub(super) const ANSWERS: &str = "apis.v1alpha2.kcp.io/acceptable-permission-claims";
/// On v1alpha1 bindings: claims of the export, from the status.
pub(super) const STATUS_ASKED: &str = "apis.v1alpha2.kcp.io/status-export-permission-claims";
/// On v1alpha1 bindings: claims in force, from the status.
pub(super) const STATUS_APPLIED: &str = "apis.v1alpha2.kcp.io/status-applied-permission-claims";
/// On v1alpha2 bindings: claims of the export as v1alpha1 had them.
pub(super) const V1_STATUS_ASKED: &str = "apis.v1alpha2.kcp.io/v1alpha1-status-export-permission-claims";
/// On v1alpha2 bindings: claims in force as v1alpha1 had them.
pub(super) const V1_STATUS_APPLIED: &str = "apis.v1alpha2.kcp.io/v1alpha1-status-applied-permission-claims";
/// Our own, on v1alpha1 exports whose resources kcp's annotations do not bring back exactly: order of mixed
/// storage, fields that nobody knows, a name that differs from the schema's. kcp carries it along unread.
pub(super) const EXACT_RESOURCES: &str = "conversion.kcp-api.platform-mesh.io/resources";

/// Takes a list of objects out of an annotation; annotations that become empty vanish.
pub(super) fn take(object: &mut Value, key: &str) -> Result<Vec<Value>, ConversionError> {
    let Some(metadata) = super::section(object, "metadata")? else { return Ok(Vec::new()) };
    let Some(annotations) = metadata.get_mut("annotations").filter(|found| !found.is_null()) else {
        return Ok(Vec::new());
    };
    let Some(annotations) = annotations.as_object_mut() else {
        return Err(ConversionError::field("metadata.annotations", "an object"));
    };
    let Some(text) = annotations.remove(key) else { return Ok(Vec::new()) };
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
    let error = |why: String| ConversionError::Annotation { key: key.to_owned(), why };
    let text = text.as_str().ok_or_else(|| error("it is no text".to_owned()))?;
    let list: Option<Vec<Value>> = serde_json::from_str(text).map_err(|why| error(why.to_string()))?;
    let list = list.unwrap_or_default();
    match list.iter().position(|item| !item.is_object()) {
        Some(index) => Err(error(format!("item {index} is no object"))),
        None => Ok(list),
    }
}

/// Writes a list into an annotation; an empty list writes nothing.
pub(super) fn put(object: &mut Value, key: &str, list: &[Value]) {
    if list.is_empty() {
        return;
    }
    if !object["metadata"].is_object() {
        object["metadata"] = Value::Object(Map::new());
    }
    let annotations = &mut object["metadata"]["annotations"];
    if !annotations.is_object() {
        *annotations = Value::Object(Map::new());
    }
    let mut text = String::with_capacity(64 * list.len());
    write_list(list, false, &mut text);
    annotations[key] = Value::String(text);
}

/// Fields in the order in which kcp's own types are written, so that both sides write the same bytes.
const ORDER: [&str; 22] = [
    "apiGroup",
    "kind",
    "name",
    "namespace",
    "group",
    "resource",
    "schema",
    "storage",
    "crd",
    "virtual",
    "reference",
    "all",
    "resourceSelector",
    "verbs",
    "identityHash",
    "defaultSelector",
    "matchLabels",
    "matchExpressions",
    "matchAll",
    "key",
    "operator",
    "values",
];
/// These end a claim.
const LAST: [&str; 2] = ["selector", "state"];

fn write_list(list: &[Value], sorted: bool, out: &mut String) {
    out.push('[');
    for (index, item) in list.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, sorted, out);
    }
    out.push(']');
}

/// `sorted`: a map of arbitrary keys, which go by name.
fn write(value: &Value, sorted: bool, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(usize, &String, &Value)> =
                map.iter().map(|(key, item)| (if sorted { 0 } else { rank(key) }, key, item)).collect();
            entries.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
            out.push('{');
            for (index, (_, key, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(key, out);
                out.push(':');
                write(item, key == "matchLabels", out);
            }
            out.push('}');
        }
        Value::Array(list) => write_list(list, sorted, out),
        Value::String(text) => write_text(text, out),
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn rank(key: &str) -> usize {
    let last = LAST.iter().position(|known| *known == key).map(|at| ORDER.len() + 1 + at);
    last.or_else(|| ORDER.iter().position(|known| *known == key)).unwrap_or(ORDER.len())
}

/// Go's encoder escapes what HTML gives a meaning.
fn write_text(text: &str, out: &mut String) {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&');
    if text.bytes().all(is_plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
        return;
    }
    let quoted = Value::String(text.to_owned()).to_string();
    if !quoted.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        out.push_str(&quoted);
        return;
    }
    for character in quoted.chars() {
        match character {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
}
