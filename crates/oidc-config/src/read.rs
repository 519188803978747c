//! Configurations as text from strangers: bounded, read as a server reads them, and refused with the field.

use kcp_api::{Lossless, schemas, tenancy::v1alpha1::WorkspaceAuthenticationConfiguration};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Group of the two files of a server.
pub(crate) const GROUP: &str = "apiserver.config.k8s.io";
/// Largest text that is read, in bytes; a server takes no larger object.
pub const TEXT_BYTES_MAX: usize = 3 << 20;
/// Longest part of a stranger's text that an error repeats, in characters.
const SHOWN_MAX: usize = 200;

/// Why a text is no configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// More than [`TEXT_BYTES_MAX`].
    #[error("configuration has {bytes} bytes, at most {TEXT_BYTES_MAX} are read")]
    TooLarge {
        /// Size of the text.
        bytes: usize,
    },
    /// Not YAML or JSON, a key that stands twice, a value of another type, or a field that a server would not know.
    #[error("configuration cannot be read at `{path}`: {why}")]
    Field {
        /// JSON path of the field, `$` for the whole: `jwt[0].issuer.url`.
        path: String,
        /// What is wrong there.
        why: String,
    },
    /// Another kind or group.
    #[error("configuration has version and kind `{found}`, expected {expected}")]
    Kind {
        /// What was wanted.
        expected: &'static str,
        /// What was found: version and kind.
        found: String,
    },
}

impl ReadError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "check that this is the right file",
            Self::Field { .. } => "a server refuses the file as well; mend the field",
            Self::Kind { .. } => "check `apiVersion` and `kind` at the top of the file",
        }
    }

    fn field(path: &str, why: impl std::fmt::Display) -> Self {
        let path = path.strip_prefix("$.").unwrap_or(path);
        let path = if path.is_empty() || path == "." { "$" } else { path };
        Self::Field { path: shown(path), why: shown(&why.to_string()) }
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_MAX).collect()
}

/// Reads one document of YAML or JSON.
pub(crate) fn read_value(text: &[u8]) -> Result<Value, ReadError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(ReadError::TooLarge { bytes: text.len() });
    }
    let documents = kcp_api::read_yaml(text).map_err(|error| ReadError::field(&error.path, error.why))?;
    match <[Value; 1]>::try_from(documents) {
        Ok([document]) => Ok(document),
        Err(documents) => {
            Err(ReadError::field("$", format_args!("one document is wanted, not {}", documents.len())))
        }
    }
}

/// Version and kind of a document, as far as it has them.
pub(crate) fn version_and_kind(value: &Value) -> (&str, &str) {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    (text("apiVersion"), text("kind"))
}

/// Reads a file of a server: every version of the group means the same.
pub(crate) fn read_file(text: &[u8], expected: &'static str) -> Result<Value, ReadError> {
    check_file(read_value(text)?, expected)
}

pub(crate) fn check_file(value: Value, expected: &'static str) -> Result<Value, ReadError> {
    if !value.is_object() {
        return Err(ReadError::field("$", "it must be an object"));
    }
    let (version, kind) = version_and_kind(&value);
    let known = version.strip_prefix(GROUP).and_then(|rest| rest.strip_prefix('/'));
    if kind != expected || !known.is_some_and(|version| ["v1", "v1beta1", "v1alpha1"].contains(&version)) {
        return Err(ReadError::Kind { expected, found: shown(&format!("{version} {kind}")) });
    }
    Ok(value)
}

/// What is wrong with a document that is none of the three kinds.
pub(crate) fn no_configuration(value: &Value) -> ReadError {
    if !value.is_object() {
        return ReadError::field("$", "it must be an object");
    }
    let (version, kind) = version_and_kind(value);
    ReadError::Kind {
        expected: "a WorkspaceAuthenticationConfiguration, AuthenticationConfiguration or AuthorizationConfiguration",
        found: shown(&format!("{version} {kind}")),
    }
}

/// The typed form; what a type refuses is named by its path.
pub(crate) fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, ReadError> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| ReadError::field(&error.path().to_string(), error.inner()))
}

/// Reads a WorkspaceAuthenticationConfiguration. It is an object of a server, so fields that are not known here stay.
///
/// ```
/// let error = oidc_config::read_workspace_authentication(b"spec: {jwt: [{issuer: {url: 7}}]}").unwrap_err();
/// assert!(error.to_string().contains("`spec.jwt[0].issuer.url`"), "{error}");
/// ```
///
/// # Errors
/// Text that is too large or cannot be read, another kind, a field of another type.
pub fn read_workspace_authentication(
    text: &[u8],
) -> Result<Lossless<WorkspaceAuthenticationConfiguration>, ReadError> {
    workspace_authentication(read_value(text)?)
}

pub(crate) fn workspace_authentication(
    value: Value,
) -> Result<Lossless<WorkspaceAuthenticationConfiguration>, ReadError> {
    if !value.is_object() {
        return Err(ReadError::field("$", "it must be an object"));
    }
    Lossless::from_value(value).map_err(|error| match error {
        kcp_api::LosslessError::Field { path, why, .. } => ReadError::field(&path, why),
        kcp_api::LosslessError::OtherKind { found, .. } => ReadError::Kind {
            expected: "tenancy.kcp.io/v1alpha1 WorkspaceAuthenticationConfiguration",
            found,
        },
        other => ReadError::field("$", other),
    })
}

/// The first field of `jwt` that a server would not know, by its path; servers read their files strictly.
pub(crate) fn unknown_jwt_field(jwt: &Value) -> Option<String> {
    let crd = schemas::crd("tenancy.kcp.io", "workspaceauthenticationconfigurations")?;
    let schema = crd.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/jwt")?;
    unknown_field(jwt, schema, "jwt")
}

fn unknown_field(value: &Value, schema: &Value, at: &str) -> Option<String> {
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| unknown_field(item, &schema["items"], &format!("{at}[{index}]"))),
        Value::Object(fields) => {
            let known = schema["properties"].as_object()?;
            fields.iter().find_map(|(name, value)| {
                let below = format!("{at}.{name}");
                match known.get(name) {
                    Some(schema) => unknown_field(value, schema, &below),
                    None => Some(below),
                }
            })
        }
        _ => None,
    }
}

/// Refuses what a server would not know below `jwt`.
pub(crate) fn check_jwt_fields(jwt: &Value) -> Result<(), ReadError> {
    match unknown_jwt_field(jwt) {
        Some(path) => Err(ReadError::field(&path, "unknown field")),
        None => Ok(()),
    }
}

/// Indented JSON with fields in a fixed order and a line end. It is YAML as well, for what YAML forbids in a text, or takes
/// for the end of a line, is escaped.
pub(crate) fn to_text<T: Serialize>(value: &T) -> String {
    // All keys are texts, so this cannot fail.
    let json = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut text = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => text.push(c),
        }
    }
    text.push('\n');
    text
}
