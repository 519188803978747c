//! The rules of creating and changing a definition.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    approval::validate_approval,
    definition::{names_of, text, texts, versions_of},
    names::{validate_group, validate_names},
    status::condition_status,
    versions::{compile_version_schema, validate_columns, validate_selectable_fields, validate_subresources},
};
use crate::{name_rules, schema::FieldError};

/// Everything wrong with `definition`; `old` is the stored one of an update. Defaults must be filled in before.
#[must_use]
pub fn validate(definition: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let group = text(definition, "/spec/group");
    let names = names_of(definition);
    let name = text(definition, "/metadata/name");
    if name != format!("{}.{group}", names.plural) {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        errors.push(FieldError::invalid("metadata.name", &Value::from(name), detail));
    }
    errors.extend(validate_group(group, "spec.group"));
    match text(definition, "/spec/scope") {
        "" => errors.push(FieldError::required("spec.scope", "")),
        "Cluster" | "Namespaced" => {}
        other => errors.push(FieldError::not_supported(
            "spec.scope",
            &Value::from(other),
            &["Cluster", "Namespaced"],
        )),
    }
    errors.extend(validate_names(&names, "spec.names"));
    if definition.pointer("/spec/preserveUnknownFields") == Some(&Value::Bool(true)) {
        let detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        errors.push(FieldError::invalid("spec.preserveUnknownFields", &Value::Bool(true), detail));
    }
    // What was registered under older rules may be kept as it is.
    let annotations_same = old.is_some_and(|old| {
        old.pointer("/metadata/annotations") == definition.pointer("/metadata/annotations")
    });
    if !annotations_same {
        errors.extend(validate_approval(group, definition.get("metadata").unwrap_or(&Value::Null)));
    }
    validate_conversion(definition, &mut errors);
    validate_versions(definition, old, &mut errors);
    if let Some(old) = old {
        validate_update(definition, old, &mut errors);
    }
    errors
}

fn validate_versions(definition: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let versions: Vec<_> = versions_of(definition).collect();
    if versions.is_empty() {
        errors.push(FieldError::required("spec.versions", "must have at least one version"));
        return;
    }
    let mut seen = HashSet::new();
    if !versions.iter().all(|version| seen.insert(version.name)) {
        let shown = definition.pointer("/spec/versions").map(names_only).unwrap_or_default();
        errors.push(FieldError::invalid("spec.versions", &shown, "must contain unique version names"));
    }
    if versions.iter().filter(|version| version.storage).count() != 1 {
        let shown = definition.pointer("/spec/versions").map(names_only).unwrap_or_default();
        errors.push(FieldError::invalid(
            "spec.versions",
            &shown,
            "must have exactly one version marked as storage version",
        ));
    }
    let schema_of = |json: &Value| json.pointer("/schema/openAPIV3Schema").cloned();
    let first = schema_of(versions[0].json);
    // One schema for all versions is reported as the definition's own.
    let same = versions.iter().all(|version| schema_of(version.json) == first);
    for (index, version) in versions.iter().enumerate() {
        let path = format!("spec.versions[{index}]");
        if let Some(fault) = name_rules::label_fault(version.name) {
            errors.push(FieldError::invalid(format!("{path}.name"), &Value::from(version.name), &fault));
        }
        if version.json.get("deprecationWarning").is_some_and(|warning| !warning.is_null())
            && version.json.get("deprecated") != Some(&Value::Bool(true))
        {
            let shown = version.json.get("deprecationWarning").cloned().unwrap_or_default();
            let detail = "can only be set for deprecated versions";
            errors.push(FieldError::invalid(format!("{path}.deprecationWarning"), &shown, detail));
        }
        let unchanged = old.is_some_and(|old| {
            versions_of(old).any(|known| known.name == version.name && known.json == version.json)
        });
        if unchanged {
            continue;
        }
        let schema_path = if same && versions[0].json.get("schema").is_some_and(|schema| !schema.is_null()) {
            "spec.validation.openAPIV3Schema".to_owned()
        } else {
            format!("{path}.schema.openAPIV3Schema")
        };
        let schema =
            match compile_version_schema(version.json.pointer("/schema/openAPIV3Schema"), &schema_path) {
                Ok(schema) => Some(schema),
                Err(faults) => {
                    if index == 0 || !same {
                        errors.extend(faults);
                    }
                    None
                }
            };
        errors.extend(validate_columns(
            version.json.get("additionalPrinterColumns"),
            &format!("{path}.additionalPrinterColumns"),
        ));
        errors.extend(validate_selectable_fields(
            version.json.get("selectableFields"),
            schema.as_ref(),
            &format!("{path}.selectableFields"),
        ));
        errors
            .extend(validate_subresources(version.json.get("subresources"), &format!("{path}.subresources")));
    }
}

fn names_only(versions: &Value) -> Value {
    let names = versions
        .as_array()
        .into_iter()
        .flatten()
        .map(|version| version.get("name").cloned().unwrap_or_default());
    Value::Array(names.collect())
}

fn validate_conversion(definition: &Value, errors: &mut Vec<FieldError>) {
    let Some(conversion) = definition.pointer("/spec/conversion").filter(|conversion| !conversion.is_null())
    else {
        return;
    };
    let path = "spec.conversion";
    let webhook = conversion.get("webhook").filter(|webhook| !webhook.is_null());
    match text(conversion, "/strategy") {
        "" => errors.push(FieldError::required(format!("{path}.strategy"), "")),
        "None" => {
            if webhook.is_some() {
                let detail = "should not be set when strategy is not set to Webhook";
                errors.push(FieldError::forbidden(format!("{path}.webhook"), detail));
            }
        }
        "Webhook" => {
            let Some(webhook) = webhook else {
                let detail = "required when strategy is set to Webhook";
                errors.push(FieldError::required(format!("{path}.webhook.clientConfig"), detail));
                return;
            };
            let client = webhook.get("clientConfig").filter(|client| !client.is_null());
            let url = client.map(|client| text(client, "/url")).unwrap_or_default();
            let service =
                client.and_then(|client| client.get("service")).filter(|service| !service.is_null());
            match (client, url.is_empty(), service) {
                (None, _, _) => {
                    let detail = "required when strategy is set to Webhook";
                    errors.push(FieldError::required(format!("{path}.webhook.clientConfig"), detail));
                }
                (_, false, Some(_)) | (_, true, None) => {
                    let detail = "exactly one of url or service is required";
                    errors.push(FieldError::required(format!("{path}.webhook.clientConfig"), detail));
                }
                (_, false, None) if !url::Url::parse(url).is_ok_and(|url| url.scheme() == "https") => {
                    let at = format!("{path}.webhook.clientConfig.url");
                    errors.push(FieldError::invalid(
                        at,
                        &Value::from(url),
                        "'https' is the only allowed URL scheme",
                    ));
                }
                _ => {}
            }
            let at = format!("{path}.webhook.conversionReviewVersions");
            let versions = texts(webhook.get("conversionReviewVersions"));
            if versions.is_empty() {
                errors.push(FieldError::required(at, ""));
            } else if !versions.iter().any(|version| version == "v1" || version == "v1beta1") {
                let detail = "must include at least one of v1, v1beta1";
                errors.push(FieldError::invalid(at, &Value::from(versions), detail));
            }
        }
        other => {
            errors.push(FieldError::not_supported(
                format!("{path}.strategy"),
                &Value::from(other),
                &["None", "Webhook"],
            ));
        }
    }
}

fn validate_update(definition: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let mut fixed = vec!["/spec/group", "/spec/names/plural"];
    if condition_status(old, "Established") == Some("True") {
        fixed.extend(["/spec/scope", "/spec/names/kind"]);
    }
    for pointer in fixed {
        if definition.pointer(pointer) != old.pointer(pointer) {
            let field = pointer[1..].replace('/', ".");
            let shown = definition.pointer(pointer).cloned().unwrap_or_default();
            errors.push(FieldError::invalid(field, &shown, "field is immutable"));
        }
    }
    errors.extend(validate_status(definition));
}

/// Every version that objects were ever stored in must still be there; and the storage version must be among them.
#[must_use]
pub fn validate_status(definition: &Value) -> Vec<FieldError> {
    let names: Vec<&str> = versions_of(definition).map(|version| version.name).collect();
    let stored = texts(definition.pointer("/status/storedVersions"));
    let mut errors = Vec::new();
    for (index, version) in stored.iter().enumerate() {
        if !names.contains(&version.as_str()) {
            let at = format!("status.storedVersions[{index}]");
            errors.push(FieldError::invalid(at, &Value::from(version.as_str()), "missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions".replace("v1", version).as_str()));
        }
    }
    if let Some(storage) = versions_of(definition).find(|version| version.storage)
        && !stored.is_empty()
        && !stored.iter().any(|version| version == storage.name)
    {
        let detail = format!("must have the storage version {}", storage.name);
        errors.push(FieldError::invalid("status.storedVersions", &Value::from(stored), &detail));
    }
    errors
}
