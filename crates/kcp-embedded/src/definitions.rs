//! A CustomResourceDefinition, or what an APIResourceSchema amounts to, as resources to serve.

use std::sync::Arc;

use apiserver::{ApiError, Converter, ServedResource, StoragePrefix, crd};
use serde_json::Value;

/// A definition that cannot be served; admission would not have let it in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the definition cannot be served: {0}")]
pub struct DefinitionError(pub String);

/// How the resources of a definition are stored and converted.
#[derive(Clone, Default)]
pub struct Placement {
    /// Identity of the export that provides the resource; none for local and system definitions.
    pub identity: Option<Arc<str>>,
    /// Conversion between versions; none: as the definition says.
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
    let text = |value: &Value| -> Arc<str> { value.as_str().unwrap_or_default().into() };
    let storage = StoragePrefix {
        group: text(&crd["spec"]["group"]),
        resource: text(&crd["spec"]["names"]["plural"]),
        identity: placement.identity.clone(),
    };
    let served = crd::served_resources(crd, &storage).map_err(|errors| {
        DefinitionError(errors.iter().take(3).map(ToString::to_string).collect::<Vec<_>>().join("; "))
    })?;
    let placed = served.into_iter().map(|mut resource| {
        if placement.converter.is_some() {
            resource.converter.clone_from(&placement.converter);
        }
        Arc::new(resource)
    });
    Ok(placed.collect())
}

/// kcp's own definitions that every cluster serves; APIExports and APIBindings convert between their versions.
pub fn system() -> Vec<Arc<ServedResource>> {
    let mut resources = Vec::new();
    for crd in kcp_api::schemas::system_crds() {
        let two_versions = crd["spec"]["versions"].as_array().is_some_and(|versions| versions.len() > 1);
        let converter: Option<Arc<dyn Converter>> =
            if two_versions { Some(Arc::new(KcpConverter)) } else { None };
        match served_resources(&crd, &Placement { identity: None, converter }) {
            Ok(served) => resources.extend(served),
            Err(error) => {
                tracing::error!(object = crd["metadata"]["name"].as_str(), %error, "a system definition cannot be served")
            }
        }
    }
    resources
}

/// Converts APIExports and APIBindings between v1alpha1 and v1alpha2 without loss.
struct KcpConverter;

impl Converter for KcpConverter {
    fn convert(&self, object: Value, version: &str) -> Result<Value, ApiError> {
        kcp_api::convert::convert(object, &format!("apis.kcp.io/{version}")).map_err(ApiError::internal)
    }
}
