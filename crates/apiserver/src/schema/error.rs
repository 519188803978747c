//! Field errors: where in an object something is wrong, and the sentence Kubernetes says about it.

use std::fmt;

use serde_json::Value;

/// The kind of a field error; its name on the wire is the `reason` of a `StatusCause`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldReason {
    /// A needed value is absent.
    Required,
    /// A value appears twice where it must be unique.
    Duplicate,
    /// A value is malformed or breaks a rule.
    Invalid,
    /// A value is none of an enumeration.
    NotSupported,
    /// A value must not be set here.
    Forbidden,
    /// A string has too many bytes.
    TooLong,
    /// A list or map has too many entries.
    TooMany,
    /// A referenced value does not exist.
    NotFound,
    /// A value has the wrong type.
    TypeInvalid,
}

impl FieldReason {
    /// The reason of a `StatusCause`, such as `FieldValueRequired`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::NotFound => "FieldValueNotFound",
            Self::TypeInvalid => "FieldValueTypeInvalid",
        }
    }

    /// The reason a rule asks for (`FieldValueForbidden`, …); anything else is [`FieldReason::Invalid`].
    #[must_use]
    pub fn from_rule(reason: &str) -> Self {
        match reason {
            "FieldValueRequired" => Self::Required,
            "FieldValueDuplicate" => Self::Duplicate,
            "FieldValueForbidden" => Self::Forbidden,
            _ => Self::Invalid,
        }
    }

    /// The words a message begins with.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::NotFound => "Not found",
        }
    }
}

/// One thing that is wrong with one field; printed as Kubernetes prints an entry of a field error list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Path from the object's root, such as `spec.versions[0].name`; `<nil>` for the object as a whole.
    pub field: String,
    /// What kind of error.
    pub reason: FieldReason,
    /// Sentence without the path, such as `Invalid value: "a": must be b`.
    pub message: String,
}

impl FieldError {
    /// A missing value; `detail` may be empty.
    pub fn required(field: impl Into<String>, detail: &str) -> Self {
        Self::plain(field, FieldReason::Required, detail)
    }

    /// A value that must not be set.
    pub fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::plain(field, FieldReason::Forbidden, detail)
    }

    /// A value that breaks a rule.
    pub fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self::with_value(field, FieldReason::Invalid, value, detail)
    }

    /// A value of the wrong type; `found` is the name of the type it has.
    pub fn type_invalid(field: impl Into<String>, found: &str, detail: &str) -> Self {
        Self::with_value(field, FieldReason::TypeInvalid, &Value::from(found), detail)
    }

    /// A value that occurs a second time.
    pub fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self::with_value(field, FieldReason::Duplicate, value, "")
    }

    /// A value that is none of `supported`.
    pub fn not_supported<S: AsRef<str>>(field: impl Into<String>, value: &Value, supported: &[S]) -> Self {
        let list: Vec<String> = supported.iter().map(|value| quoted(value.as_ref())).collect();
        let detail =
            if list.is_empty() { String::new() } else { format!("supported values: {}", list.join(", ")) };
        Self::with_value(field, FieldReason::NotSupported, value, &detail)
    }

    /// A string of more than `bytes_max` bytes.
    pub fn too_long(field: impl Into<String>, bytes_max: u64) -> Self {
        let unit = if bytes_max == 1 { "byte" } else { "bytes" };
        Self::plain(field, FieldReason::TooLong, &format!("may not be more than {bytes_max} {unit}"))
    }

    /// A list or map with `actual` entries where at most `entries_max` may be.
    pub fn too_many(field: impl Into<String>, actual: u64, entries_max: u64) -> Self {
        let unit = if entries_max == 1 { "item" } else { "items" };
        let detail = format!("must have at most {entries_max} {unit}");
        Self::with_value(field, FieldReason::TooMany, &Value::from(actual), &detail)
    }

    /// An error whose sentence shows no value.
    pub fn plain(field: impl Into<String>, reason: FieldReason, detail: &str) -> Self {
        let words = reason.words();
        let message = if detail.is_empty() { words.to_owned() } else { format!("{words}: {detail}") };
        Self { field: or_nil(field.into()), reason, message }
    }

    /// An error whose sentence shows `value`.
    pub fn with_value(field: impl Into<String>, reason: FieldReason, value: &Value, detail: &str) -> Self {
        let words = reason.words();
        let shown = shown(value);
        let message = if detail.is_empty() {
            format!("{words}: {shown}")
        } else {
            format!("{words}: {shown}: {detail}")
        };
        Self { field: or_nil(field.into()), reason, message }
    }
}

impl From<FieldError> for crate::error::Cause {
    fn from(error: FieldError) -> Self {
        Self { reason: error.reason.as_str().to_owned(), message: error.message, field: error.field }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

fn or_nil(field: String) -> String {
    if field.is_empty() { "<nil>".to_owned() } else { field }
}

/// A string as Go's `%q` prints it (the escapes of JSON agree for what appears in objects).
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Bytes of a value that an error shows; longer ones are cut, for an error must not carry an object back.
const SHOWN_MAX: usize = 1024;

fn shown(value: &Value) -> String {
    if value.is_null() {
        return "\"null\"".to_owned();
    }
    let mut text = value.to_string();
    if text.len() > SHOWN_MAX {
        let mut end = SHOWN_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

/// A place in an object, as a chain of borrowed steps: building one costs nothing until it is printed.
#[derive(Debug, Clone, Copy)]
pub enum FieldPath<'a> {
    /// The object itself.
    Root,
    /// A path printed before.
    Text(&'a str),
    /// A declared field.
    Field(&'a FieldPath<'a>, &'a str),
    /// An entry of a map.
    Key(&'a FieldPath<'a>, &'a str),
    /// An entry of a list.
    Index(&'a FieldPath<'a>, usize),
}

impl<'a> FieldPath<'a> {
    /// The path of a declared field below this one.
    #[must_use]
    pub fn field(&'a self, name: &'a str) -> FieldPath<'a> {
        FieldPath::Field(self, name)
    }

    /// The path of a map's entry below this one.
    #[must_use]
    pub fn key(&'a self, name: &'a str) -> FieldPath<'a> {
        FieldPath::Key(self, name)
    }

    /// The path of a list's entry below this one.
    #[must_use]
    pub fn index(&'a self, index: usize) -> FieldPath<'a> {
        FieldPath::Index(self, index)
    }

    /// The path with map keys after dots, as schema validation and strict decoding print it.
    #[must_use]
    pub fn dotted(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, true);
        out
    }

    fn write(&self, out: &mut String, dotted: bool) {
        match self {
            Self::Root => {}
            Self::Text(text) => out.push_str(text),
            Self::Key(parent, name) if !dotted => {
                parent.write(out, dotted);
                out.push('[');
                out.push_str(name);
                out.push(']');
            }
            Self::Field(parent, name) | Self::Key(parent, name) => {
                parent.write(out, dotted);
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(name);
            }
            Self::Index(parent, index) => {
                parent.write(out, dotted);
                out.push_str(&format!("[{index}]"));
            }
        }
    }
}

impl fmt::Display for FieldPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.write(&mut out, false);
        f.write_str(&out)
    }
}

/// The name of a value's JSON type.
#[must_use]
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_print_as_a_kubernetes_field_error_list() {
        let spec = FieldPath::Root.field("spec");
        let list = spec.field("list");
        let item = list.index(2);
        let path = item.key("a");
        assert_eq!(path.to_string(), "spec.list[2][a]");
        assert_eq!(path.dotted(), "spec.list[2].a");
        let cases = [
            (FieldError::required("spec.x", ""), "spec.x: Required value"),
            (FieldError::invalid("spec.x", &json!("a"), "no"), "spec.x: Invalid value: \"a\": no"),
            (
                FieldError::not_supported("x", &json!("c"), &["a", "b"]),
                "x: Unsupported value: \"c\": supported values: \"a\", \"b\"",
            ),
            (FieldError::too_many("x", 5, 3), "x: Too many: 5: must have at most 3 items"),
            (FieldError::too_long("x", 3), "x: Too long: may not be more than 3 bytes"),
            (FieldError::duplicate("x[1]", &json!({"name": "a"})), "x[1]: Duplicate value: {\"name\":\"a\"}"),
        ];
        for (error, text) in cases {
            assert_eq!(error.to_string(), text);
        }
    }
}
