//! Definitions and objects, found in folders: whatever is there is read, nothing is expected by name.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// What a folder holds.
pub struct Data {
    /// CustomResourceDefinitions.
    pub definitions: Vec<Found>,
    /// All other objects, items of lists one by one.
    pub objects: Vec<Found>,
    /// Files that cannot be read, and why.
    pub faults: Vec<String>,
}

/// An object and the file that it came from, relative to the folder.
pub struct Found {
    /// The file.
    pub file: String,
    /// The object.
    pub object: Value,
}

impl Data {
    /// Reads every `.yaml`, `.yml` and `.json` file below a folder.
    ///
    /// # Errors
    /// The folder must be readable.
    pub fn find(folder: &Path) -> Result<Self> {
        let mut files = Vec::new();
        collect(folder, &mut files)?;
        files.sort();
        let mut data = Self { definitions: Vec::new(), objects: Vec::new(), faults: Vec::new() };
        for path in files {
            let file = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            let bytes = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
            let text = String::from_utf8_lossy(&bytes);
            let read = match path.extension().is_some_and(|extension| extension == "json") {
                true if text.trim().is_empty() => Ok(Vec::new()),
                // Golden files also hold lists of other things, one after another.
                true => Ok(kcp_api::read_json(&bytes).into_iter().collect()),
                false => kcp_api::read_yaml(filled(&text).as_bytes()),
            };
            match read {
                Ok(documents) => documents.into_iter().for_each(|document| data.sort_in(&file, document)),
                Err(error) => data.faults.push(format!("{file}: {error}")),
            }
        }
        Ok(data)
    }

    fn sort_in(&mut self, file: &str, mut document: Value) {
        if let Some(Value::Array(items)) = document.get_mut("items").map(Value::take) {
            return items.into_iter().for_each(|item| self.sort_in(file, item));
        }
        if !document["apiVersion"].is_string() || !document["kind"].is_string() {
            return;
        }
        // Dumps have placeholders where a run differs from another; a time must be one.
        dated(&mut document);
        let is_definition = document["kind"] == "CustomResourceDefinition";
        let list = if is_definition { &mut self.definitions } else { &mut self.objects };
        list.push(Found { file: file.to_owned(), object: document });
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|it| it == "yaml" || it == "yml" || it == "json") {
            files.push(path);
        }
    }
    Ok(())
}

/// What stands for a value of a template.
const FILLED: &str = "filled";

/// The object, with placeholders of templates as the schema wants them where it wants no text.
pub fn fitted(object: &Value, schema: &Value) -> Value {
    match object {
        Value::Object(map) => map
            .iter()
            .map(|(key, item)| {
                let values = &schema["additionalProperties"];
                let below = if values.is_object() { values } else { &schema["properties"][key.as_str()] };
                (key.clone(), fitted(item, below))
            })
            .collect(),
        Value::Array(list) => list.iter().map(|item| fitted(item, &schema["items"])).collect(),
        Value::String(text) if text == FILLED && schema["type"] == "boolean" => json!(true),
        Value::String(text) if text == FILLED && schema["type"] == "integer" => json!(1),
        other => other.clone(),
    }
}

/// Go's templates: control lines vanish, values become a text.
fn filled(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("{{-") || trimmed.starts_with("{{ .") {
            continue;
        }
        let mut line = line.to_owned();
        while let (Some(start), Some(end)) = (line.find("{{"), line.find("}}")) {
            if end < start {
                break;
            }
            line.replace_range(start..end + 2, FILLED);
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

fn dated(value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(dated),
        Value::Array(list) => list.iter_mut().for_each(dated),
        Value::String(text) if text == "<TIME>" => *value = json!("2026-01-26T10:00:00Z"),
        _ => {}
    }
}
