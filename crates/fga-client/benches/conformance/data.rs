//! Where the data lies, and how its cases are written.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use fga_model::{TupleCondition, TupleKey};
use serde_json::Value;

/// The folder `fga`, if there is one.
pub fn folder() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
    let root = std::env::var_os("MESH_CONFORMANCE").map_or_else(beside, PathBuf::from);
    let folder = root.join("fga");
    folder.is_dir().then_some(folder)
}

/// Files below a folder with an extension, in order.
pub fn files(folder: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// `query/abac` for the file of that name.
pub fn name_of(folder: &Path, file: &Path) -> String {
    file.strip_prefix(folder).unwrap_or(file).with_extension("").display().to_string()
}

/// A file of YAML.
pub fn yaml(file: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    serde_saphyr::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}

/// A list of a case; empty where it has none.
pub fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A text of a case; empty where it has none.
pub fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A context of a case.
pub fn context(value: &Value) -> fga_client::Context {
    value.get("context").and_then(Value::as_object).cloned().unwrap_or_default()
}

/// A tuple as cases write it.
pub fn tuple(value: &Value) -> TupleKey {
    let condition =
        value.get("condition").map(|c| TupleCondition { name: text(c, "name"), context: context(c) });
    TupleKey {
        condition,
        ..TupleKey::new(text(value, "object"), text(value, "relation"), text(value, "user"))
    }
}

/// Tuples of a case.
pub fn tuples(value: &Value, key: &str) -> Vec<TupleKey> {
    items(value, key).iter().map(tuple).collect()
}

/// A list that counts as a set.
pub fn set(value: &Value) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What an assertion wants: its code, or what `read` makes of its expectation.
pub fn wanted<T>(assertion: &Value, read: impl Fn(&Value) -> T) -> Result<T, u32> {
    match number(assertion, "errorCode") {
        Some(code) => Err(code),
        None => Ok(read(assertion.get("expectation").unwrap_or(&Value::Null))),
    }
}

/// A number of a case.
pub fn number(value: &Value, key: &str) -> Option<u32> {
    value.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok())
}

/// Another order, the same in every run: what must not depend on an order is sent in this one.
pub fn shuffled<T: Clone>(items: &[T], seed: u64) -> Vec<T> {
    let mut items = items.to_vec();
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for at in (1..items.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(at, (state >> 33) as usize % (at + 1));
    }
    items
}
