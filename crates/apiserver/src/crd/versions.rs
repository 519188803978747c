//! Rules of one version: its schema, columns, selectable fields and subresources.

use serde_json::Value;

use crate::schema::{FieldError, Kind, StructuralSchema};

/// Selectable fields of one version.
const SELECTABLE_FIELDS_MAX: usize = 8;

/// Checks versions that carry their schema bare, as kcp's APIResourceSchema does: exactly one stored, unique names, schemas,
/// columns, selectable fields, subresources. `path` is where the list stands.
#[must_use]
pub fn validate_bare_versions(versions: Option<&Value>, path: &str) -> Vec<FieldError> {
    let versions = versions.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut errors = Vec::new();
    let names: Vec<&str> =
        versions.iter().map(|v| v.get("name").and_then(Value::as_str).unwrap_or_default()).collect();
    if versions.is_empty() {
        return vec![FieldError::required(path, "must have at least one version")];
    }
    if names.iter().enumerate().any(|(i, name)| names[..i].contains(name)) {
        errors.push(FieldError::invalid(
            path,
            &Value::from(names.clone()),
            "must contain unique version names",
        ));
    }
    if versions.iter().filter(|v| v.get("storage") == Some(&Value::Bool(true))).count() != 1 {
        let detail = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid(path, &Value::from(names), detail));
    }
    for (index, version) in versions.iter().enumerate() {
        let at = |field: &str| format!("{path}[{index}].{field}");
        let schema = match compile_version_schema(version.get("schema"), &at("schema")) {
            Ok(schema) => Some(schema),
            Err(faults) => {
                errors.extend(faults);
                None
            }
        };
        errors.extend(validate_columns(
            version.get("additionalPrinterColumns"),
            &at("additionalPrinterColumns"),
        ));
        let selectable = version.get("selectableFields");
        errors.extend(validate_selectable_fields(selectable, schema.as_ref(), &at("selectableFields")));
        errors.extend(validate_subresources(version.get("subresources"), &at("subresources")));
    }
    errors
}

/// Compiles the schema of a version. `path` is where it stands in its definition.
///
/// # Errors
/// Everything that is wrong with the schema; also when there is none.
pub fn compile_version_schema(
    schema: Option<&Value>,
    path: &str,
) -> Result<StructuralSchema, Vec<FieldError>> {
    match schema {
        None | Some(Value::Null) => Err(vec![FieldError::required(path, "schemas are required")]),
        Some(json) => StructuralSchema::parse(json, path),
    }
}

/// Checks printer columns, found at `path`.
#[must_use]
pub fn validate_columns(columns: Option<&Value>, path: &str) -> Vec<FieldError> {
    const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
    const FORMATS: [&str; 9] =
        ["byte", "date", "date-time", "double", "float", "int32", "int64", "password", "binary"];
    let mut errors = Vec::new();
    for (index, column) in columns.and_then(Value::as_array).into_iter().flatten().enumerate() {
        let at = |field: &str| format!("{path}[{index}].{field}");
        let text = |field: &str| column.get(field).and_then(Value::as_str).unwrap_or_default();
        if text("name").is_empty() {
            errors.push(FieldError::required(at("name"), ""));
        }
        if text("type").is_empty() {
            let detail = format!("must be one of {}", TYPES.join(","));
            errors.push(FieldError::required(at("type"), &detail));
        } else if !TYPES.contains(&text("type")) {
            let detail = format!("must be one of {}", TYPES.join(","));
            errors.push(FieldError::invalid(at("type"), &Value::from(text("type")), &detail));
        }
        if !text("format").is_empty() && !FORMATS.contains(&text("format")) {
            let detail = format!("must be one of {}", FORMATS.join(","));
            errors.push(FieldError::invalid(at("format"), &Value::from(text("format")), &detail));
        }
        match json_path_fault(text("jsonPath")) {
            Some("") => errors.push(FieldError::required(at("jsonPath"), "")),
            Some(fault) => {
                errors.push(FieldError::invalid(at("jsonPath"), &Value::from(text("jsonPath")), fault))
            }
            None => {}
        }
    }
    errors
}

/// What is wrong with the path of a column; an empty text where there is none.
fn json_path_fault(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("");
    }
    if !path.starts_with(['.', '[', '{']) {
        return Some("must be a json path beginning with .");
    }
    if path.len() > 1024 {
        return Some("may not be longer than 1024 characters");
    }
    let mut open = Vec::new();
    let mut quote = None;
    for c in path.chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[') => open.push(']'),
            (None, '(') => open.push(')'),
            (None, '{') => open.push('}'),
            (None, ']' | ')' | '}') if open.pop() != Some(c) => {
                return Some("is an invalid JSON path: unbalanced brackets");
            }
            _ => {}
        }
    }
    (!open.is_empty() || quote.is_some())
        .then_some("is an invalid JSON path: unterminated array, filter or string")
}

/// Checks selectable fields, found at `path`, against the schema of their version.
#[must_use]
pub fn validate_selectable_fields(
    fields: Option<&Value>,
    schema: Option<&StructuralSchema>,
    path: &str,
) -> Vec<FieldError> {
    let fields = fields.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut errors = Vec::new();
    if fields.len() > SELECTABLE_FIELDS_MAX {
        errors.push(FieldError::too_many(path, fields.len() as u64, SELECTABLE_FIELDS_MAX as u64));
    }
    let mut seen: Vec<&str> = Vec::new();
    for (index, field) in fields.iter().take(SELECTABLE_FIELDS_MAX).enumerate() {
        let at = format!("{path}[{index}].jsonPath");
        let json_path = field.get("jsonPath").and_then(Value::as_str).unwrap_or_default();
        let shown = Value::from(json_path);
        if json_path.is_empty() {
            errors.push(FieldError::required(at, ""));
            continue;
        }
        if seen.contains(&json_path) {
            errors.push(FieldError::duplicate(at, &shown));
            continue;
        }
        seen.push(json_path);
        if !json_path.starts_with('.') || json_path.contains(['[', '*', '(']) {
            errors.push(FieldError::invalid(
                at,
                &shown,
                "is an invalid path: does not refer to a field of the schema",
            ));
            continue;
        }
        if json_path == ".metadata" || json_path.starts_with(".metadata.") {
            errors.push(FieldError::invalid(at, &shown, "must not point to fields in metadata"));
            continue;
        }
        let Some(schema) = schema else { continue };
        let steps: Vec<&str> = json_path[1..].split('.').collect();
        match schema.node_at(&steps).map(|node| node.kind) {
            None => errors.push(FieldError::invalid(
                at,
                &shown,
                "is an invalid path: does not refer to a valid field",
            )),
            Some(Kind::Boolean | Kind::Integer | Kind::String) => {}
            Some(_) => {
                let detail =
                    "must point to a field of type boolean, integer or string; other types are not supported";
                errors.push(FieldError::invalid(at, &shown, detail));
            }
        }
    }
    errors
}

/// Checks subresources, found at `path`.
#[must_use]
pub fn validate_subresources(subresources: Option<&Value>, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let Some(scale) = subresources.and_then(|sub| sub.get("scale")).filter(|scale| !scale.is_null()) else {
        return errors;
    };
    let mut check = |name: &str, roots: &[&str], required: bool| {
        let at = format!("{path}.scale.{name}");
        let text = scale.get(name).and_then(Value::as_str).unwrap_or_default();
        if text.is_empty() {
            if required {
                errors.push(FieldError::required(at, ""));
            }
        } else if text.contains(['[', ']', '*', '(']) {
            errors.push(FieldError::invalid(
                at,
                &Value::from(text),
                "should be a simple json path under .spec or .status",
            ));
        } else if !roots.iter().any(|root| text.starts_with(root)) {
            let detail = format!(
                "should be a json path under {}",
                roots.join(" or ").replace(". or", " or").trim_end_matches('.')
            );
            errors.push(FieldError::invalid(at, &Value::from(text), &detail));
        }
    };
    check("specReplicasPath", &[".spec."], true);
    check("statusReplicasPath", &[".status."], true);
    check("labelSelectorPath", &[".spec.", ".status."], false);
    errors
}
