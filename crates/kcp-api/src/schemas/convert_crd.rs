//! CustomResourceDefinition to APIResourceSchema and back, on JSON so that nothing is lost.

use serde_json::{Map, Value, json};

use super::name::{SchemaName, SchemaNameError};
use crate::Kind;
use crate::apis::v1alpha1::ApiResourceSchema;

/// Why a definition has no counterpart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaConversionError {
    /// The prefix is refused by kcp.
    #[error(transparent)]
    Name(#[from] SchemaNameError),
    /// A field is missing or has another type.
    #[error("`{path}` must be {wanted}")]
    Field {
        /// JSON path of the field.
        path: String,
        /// What belongs there.
        wanted: &'static str,
    },
    /// A conversion webhook behind a Kubernetes service, which logical clusters do not have.
    #[error(
        "`spec.conversion.webhook.clientConfig.service` cannot be expressed: a schema's webhook has a URL only"
    )]
    WebhookService,
}

impl SchemaConversionError {
    /// The next step.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Name(error) => error.help(),
            Self::Field { .. } => "compare the definition with `kubectl explain crd.spec`",
            Self::WebhookService => "give the webhook a URL that the control plane reaches",
        }
    }
}

/// Fields of a version that both sides spell alike.
const VERSION_FIELDS: [&str; 8] = [
    "name",
    "served",
    "storage",
    "subresources",
    "additionalPrinterColumns",
    "selectableFields",
    "deprecated",
    "deprecationWarning",
];

/// The APIResourceSchema of a CustomResourceDefinition, named `<prefix>.<definition's name>`.
///
/// # Errors
/// The prefix must be one that kcp accepts; the definition must have its required fields, and no conversion
/// webhook behind a service.
pub fn resource_schema_of(crd: &Value, prefix: &str) -> Result<Value, SchemaConversionError> {
    let spec = field(crd, "spec", "an object")?;
    let group = text(spec, "spec.group")?;
    let plural = text(field(spec, "names", "an object")?, "spec.names.plural")?;
    let name = SchemaName::new(prefix, plural, group)?;
    let keep_unknown = spec.get("preserveUnknownFields") == Some(&Value::Bool(true));
    let versions = list(spec, "spec.versions")?
        .iter()
        .enumerate()
        .map(|(index, version)| {
            let path = format!("spec.versions[{index}].schema.openAPIV3Schema");
            let schema = version.pointer("/schema/openAPIV3Schema");
            let mut schema = schema
                .filter(|schema| schema.is_object())
                .ok_or(SchemaConversionError::Field { path, wanted: "an object" })?
                .clone();
            if keep_unknown {
                schema["x-kubernetes-preserve-unknown-fields"] = json!(true);
            }
            let mut out = pick(version, &VERSION_FIELDS);
            out.insert("schema".into(), schema);
            Ok(Value::Object(out))
        })
        .collect::<Result<Vec<_>, SchemaConversionError>>()?;
    let mut out = pick(spec, &["group", "names", "scope"]);
    if let Some(conversion) = schema_conversion(spec, versions.len())? {
        out.insert("conversion".into(), conversion);
    }
    out.insert("versions".into(), Value::Array(versions));
    Ok(json!({
        "apiVersion": ApiResourceSchema::API_VERSION,
        "kind": ApiResourceSchema::KIND,
        "metadata": {"name": name.to_string()},
        "spec": out,
    }))
}

/// A schema states its conversion where it has several versions, or a webhook.
fn schema_conversion(spec: &Value, versions: usize) -> Result<Option<Value>, SchemaConversionError> {
    let webhook = spec.pointer("/conversion/strategy") == Some(&json!("Webhook"));
    if !webhook {
        return Ok((versions > 1).then(|| json!({"strategy": "None"})));
    }
    let client = spec.pointer("/conversion/webhook/clientConfig");
    if client.is_some_and(|client| client.get("service").is_some_and(|service| !service.is_null())) {
        return Err(SchemaConversionError::WebhookService);
    }
    Ok(spec.get("conversion").cloned())
}

/// The CustomResourceDefinition that serves what an APIResourceSchema defines, named `<plural>.<group or core>`.
///
/// # Errors
/// The schema must have its required fields.
pub fn crd_of(schema: &Value) -> Result<Value, SchemaConversionError> {
    let spec = field(schema, "spec", "an object")?;
    let group = text(spec, "spec.group")?;
    let plural = text(field(spec, "names", "an object")?, "spec.names.plural")?;
    let versions = list(spec, "spec.versions")?
        .iter()
        .enumerate()
        .map(|(index, version)| {
            let path = format!("spec.versions[{index}].schema");
            let schema = version
                .get("schema")
                .filter(|schema| schema.is_object())
                .ok_or(SchemaConversionError::Field { path, wanted: "an object" })?;
            let mut out = pick(version, &VERSION_FIELDS);
            out.insert("schema".into(), json!({"openAPIV3Schema": schema}));
            Ok(Value::Object(out))
        })
        .collect::<Result<Vec<_>, SchemaConversionError>>()?;
    let mut out = pick(spec, &["group", "names", "scope", "conversion"]);
    out.insert("versions".into(), Value::Array(versions));
    Ok(json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": SchemaName::suffix(plural, group)},
        "spec": out,
    }))
}

fn field<'a>(value: &'a Value, key: &str, wanted: &'static str) -> Result<&'a Value, SchemaConversionError> {
    let found = value.get(key).filter(|found| found.is_object());
    found.ok_or_else(|| SchemaConversionError::Field { path: key.to_owned(), wanted })
}

/// The text at the last part of a path, below the given value.
fn text<'a>(value: &'a Value, path: &str) -> Result<&'a str, SchemaConversionError> {
    let key = path.rsplit('.').next().unwrap_or(path);
    let found = value.get(key).and_then(Value::as_str);
    found.ok_or_else(|| SchemaConversionError::Field { path: path.to_owned(), wanted: "a text" })
}

fn list<'a>(value: &'a Value, path: &str) -> Result<&'a Vec<Value>, SchemaConversionError> {
    let key = path.rsplit('.').next().unwrap_or(path);
    let found = value.get(key).and_then(Value::as_array);
    found.ok_or_else(|| SchemaConversionError::Field { path: path.to_owned(), wanted: "a list" })
}

fn pick(value: &Value, keys: &[&str]) -> Map<String, Value> {
    let present = keys.iter().filter_map(|key| Some(((*key).to_owned(), value.get(*key)?.clone())));
    present.collect()
}
