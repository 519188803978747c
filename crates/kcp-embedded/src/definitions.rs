//! A CustomResourceDefinition, or what an APIResourceSchema amounts to, as resources to serve.

use std::sync::Arc;

use apiserver::{
    Converter, GroupVersionKind, PrinterColumn, Scale, ServedResource, StoragePrefix, Subresources,
    schema::StructuralSchema,
};
use serde_json::Value;

/// Why a definition cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// A field that must be there is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// The schema of a version is not structural.
    #[error("schema of version `{version}` is not structural: {why}")]
    Schema {
        /// The version.
        version: String,
        /// The first faults.
        why: String,
    },
}

/// How the resources of a definition are stored and converted.
#[derive(Clone, Default)]
pub struct Placement {
    /// Identity of the export that provides the resource; none for local and system definitions.
    pub identity: Option<Arc<str>>,
    /// Conversion between versions; none: only `apiVersion` changes.
    pub converter: Option<Arc<dyn Converter>>,
}

/// The served versions of a CustomResourceDefinition (v1).
///
/// # Errors
/// [`DefinitionError`] for a definition that admission would not have let in.
pub fn served_resources(
    crd: &Value,
    placement: &Placement,
) -> Result<Vec<Arc<ServedResource>>, DefinitionError> {
    let spec = &crd["spec"];
    let group = spec["group"].as_str().ok_or(DefinitionError::Missing("spec.group"))?;
    let names = &spec["names"];
    let plural = names["plural"].as_str().ok_or(DefinitionError::Missing("spec.names.plural"))?;
    let kind = names["kind"].as_str().ok_or(DefinitionError::Missing("spec.names.kind"))?;
    let versions = spec["versions"].as_array().ok_or(DefinitionError::Missing("spec.versions"))?;
    let storage_version = versions
        .iter()
        .find(|version| version["storage"] == true)
        .and_then(|version| version["name"].as_str())
        .ok_or(DefinitionError::Missing("spec.versions[].storage"))?;
    let storage_api_version: Arc<str> = apiserver::names::api_version(group, storage_version).into();
    let mut resources = Vec::new();
    for version in versions.iter().filter(|version| version["served"] == true) {
        let name = version["name"].as_str().ok_or(DefinitionError::Missing("spec.versions[].name"))?;
        let gvk = GroupVersionKind::new(group, name, kind);
        let mut resource = ServedResource::new(gvk, plural, spec["scope"] == "Namespaced");
        if let Some(singular) = names["singular"].as_str().filter(|s| !s.is_empty()) {
            resource.singular = singular.to_owned();
        }
        if let Some(list_kind) = names["listKind"].as_str().filter(|s| !s.is_empty()) {
            resource.list_kind = list_kind.to_owned();
        }
        resource.short_names = strings(&names["shortNames"]);
        resource.categories = strings(&names["categories"]);
        resource.storage = StoragePrefix {
            group: group.into(),
            resource: plural.into(),
            identity: placement.identity.clone(),
        };
        resource.storage_api_version = storage_api_version.clone();
        let schema = &version["schema"]["openAPIV3Schema"];
        if schema.is_object() {
            let parsed = StructuralSchema::parse(schema, "openAPIV3Schema").map_err(|errors| {
                let why = errors.iter().take(3).map(ToString::to_string).collect::<Vec<_>>().join("; ");
                DefinitionError::Schema { version: name.to_owned(), why }
            })?;
            resource.schema = Some(Arc::new(parsed));
        }
        resource.subresources = subresources(&version["subresources"]);
        resource.columns = version["additionalPrinterColumns"]
            .as_array()
            .map(|columns| columns.iter().map(column).collect())
            .unwrap_or_default();
        resource.selectable_fields = version["selectableFields"]
            .as_array()
            .map(|fields| {
                let path =
                    |field: &Value| field["jsonPath"].as_str().map(|p| p.trim_start_matches('.').to_owned());
                fields.iter().filter_map(path).collect()
            })
            .unwrap_or_default();
        resource.converter = placement.converter.clone();
        if version["deprecated"] == true {
            let default = || format!("{group}/{name} {kind} is deprecated");
            resource.deprecation_warning =
                Some(version["deprecationWarning"].as_str().map_or_else(default, str::to_owned));
        }
        resources.push(Arc::new(resource));
    }
    Ok(resources)
}

fn strings(list: &Value) -> Vec<String> {
    crate::records::strings(list).into_iter().map(str::to_owned).collect()
}

fn subresources(value: &Value) -> Subresources {
    let scale = &value["scale"];
    let path = |field: &str| scale[field].as_str().unwrap_or_default().to_owned();
    Subresources {
        status: value["status"].is_object(),
        scale: scale.is_object().then(|| Scale {
            spec_replicas_path: path("specReplicasPath"),
            status_replicas_path: path("statusReplicasPath"),
            label_selector_path: scale["labelSelectorPath"].as_str().map(str::to_owned),
        }),
        routes: Vec::new(),
    }
}

fn column(column: &Value) -> PrinterColumn {
    let text = |field: &str| column[field].as_str().unwrap_or_default().to_owned();
    PrinterColumn {
        name: text("name"),
        kind: text("type"),
        format: text("format"),
        description: text("description"),
        priority: column["priority"].as_i64().and_then(|p| i32::try_from(p).ok()).unwrap_or_default(),
        json_path: text("jsonPath"),
    }
}
