//! What a definition serves: one resource for each served version.

use std::sync::Arc;

use base64::Engine as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    definition::{Names, names_of, text, versions_of},
    versions::compile_version_schema,
};
use crate::{
    error::ApiError,
    names::GroupVersionKind,
    resource::{Converter, PrinterColumn, Scale, ServedResource, StoragePrefix, Subresources},
    schema::FieldError,
};

/// The resources of an established definition, one for each served version, stored under `storage`.
///
/// # Errors
/// When a schema does not compile; definitions that were validated have none of these.
pub fn served_resources(
    definition: &Value,
    storage: &StoragePrefix,
) -> Result<Vec<ServedResource>, Vec<FieldError>> {
    let group = text(definition, "/spec/group");
    let names = accepted_names(definition);
    let namespaced = text(definition, "/spec/scope") == "Namespaced";
    let storage_version = versions_of(definition).find(|v| v.storage).map(|v| v.name).unwrap_or_default();
    let all: Vec<String> = versions_of(definition).map(|v| v.name.to_owned()).collect();
    let by_webhook = text(definition, "/spec/conversion/strategy") == "Webhook";
    let mut resources = Vec::new();
    for version in versions_of(definition).filter(|version| version.served) {
        let json = version.json;
        let path = format!("spec.versions[{}].schema.openAPIV3Schema", version.name);
        let schema = compile_version_schema(json.pointer("/schema/openAPIV3Schema"), &path)?;
        let gvk = GroupVersionKind::new(group, version.name, &names.kind);
        let mut resource = ServedResource::new(gvk.clone(), &names.plural, namespaced);
        resource.singular.clone_from(&names.singular);
        resource.list_kind.clone_from(&names.list_kind);
        resource.short_names.clone_from(&names.short_names);
        resource.categories.clone_from(&names.categories);
        resource.storage = storage.clone();
        resource.storage_api_version =
            GroupVersionKind::new(group, storage_version, &names.kind).api_version().into();
        resource.versions.clone_from(&all);
        resource.schema = Some(Arc::new(schema));
        resource.subresources = subresources(json.get("subresources"));
        resource.columns = columns(json.get("additionalPrinterColumns"));
        resource.selectable_fields = selectable_fields(json.get("selectableFields"));
        resource.storage_version_hash = storage_version_hash(group, storage_version, &names.kind);
        if by_webhook && all.len() > 1 {
            resource.converter = Some(Arc::new(ByWebhook { resource: format!("{}.{group}", names.plural) }));
        }
        if json.get("deprecated") == Some(&Value::Bool(true)) {
            let own = text(json, "/deprecationWarning");
            let warning = if own.is_empty() {
                format!("{} {} is deprecated", gvk.api_version(), names.kind)
            } else {
                own.to_owned()
            };
            resource.deprecation_warning = Some(warning);
        }
        resources.push(resource);
    }
    Ok(resources)
}

/// The accepted names; before they are decided, the requested ones.
fn accepted_names(definition: &Value) -> Names {
    let mut names = Names::read(definition.pointer("/status/acceptedNames").unwrap_or(&Value::Null));
    let requested = names_of(definition);
    if names.plural.is_empty() || names.kind.is_empty() {
        names = requested;
    }
    if names.singular.is_empty() {
        names.singular = names.kind.to_lowercase();
    }
    if names.list_kind.is_empty() {
        names.list_kind = format!("{}List", names.kind);
    }
    names
}

fn subresources(json: Option<&Value>) -> Subresources {
    let present = |name: &str| json.and_then(|json| json.get(name)).filter(|value| !value.is_null());
    let scale = present("scale").map(|scale| Scale {
        spec_replicas_path: text(scale, "/specReplicasPath").to_owned(),
        status_replicas_path: text(scale, "/statusReplicasPath").to_owned(),
        label_selector_path: Some(text(scale, "/labelSelectorPath"))
            .filter(|path| !path.is_empty())
            .map(str::to_owned),
    });
    Subresources { status: present("status").is_some(), scale, routes: Vec::new() }
}

fn columns(json: Option<&Value>) -> Vec<PrinterColumn> {
    let list = json.and_then(Value::as_array).into_iter().flatten();
    list.map(|column| PrinterColumn {
        name: text(column, "/name").to_owned(),
        kind: text(column, "/type").to_owned(),
        format: text(column, "/format").to_owned(),
        description: text(column, "/description").to_owned(),
        priority: column
            .get("priority")
            .and_then(Value::as_i64)
            .and_then(|p| i32::try_from(p).ok())
            .unwrap_or(0),
        json_path: text(column, "/jsonPath").to_owned(),
    })
    .collect()
}

fn selectable_fields(json: Option<&Value>) -> Vec<String> {
    let list = json.and_then(Value::as_array).into_iter().flatten();
    list.map(|field| text(field, "/jsonPath").trim_start_matches('.').to_owned()).collect()
}

/// The hash by which discovery tells storage versions apart.
#[must_use]
pub fn storage_version_hash(group: &str, version: &str, kind: &str) -> String {
    let digest = Sha256::digest(format!("{group}/{version}/{kind}"));
    base64::engine::general_purpose::STANDARD.encode(&digest[..8])
}

/// Conversion that a webhook would have to do. No webhook is called: another version than the stored one is refused.
struct ByWebhook {
    resource: String,
}

impl Converter for ByWebhook {
    fn convert(&self, object: Value, version: &str) -> Result<Value, ApiError> {
        let stored = text(&object, "/apiVersion");
        let message = format!(
            "conversion of {} from {stored} to version {version} needs a conversion webhook, which this server does not call",
            self.resource
        );
        Err(ApiError::new(501, "NotImplemented", message))
    }
}
