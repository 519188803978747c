//! APIConversion: rules by which kcp converts between versions of a resource.

use serde::{Deserialize, Serialize};

use crate::object::{kind, null_default};

kind! {
    /// Conversion rules of the APIResourceSchema of the same name.
    pub struct ApiConversion: "APIConversion" = "apiconversions" in "apis.kcp.io" "v1alpha1" {
        spec: ApiConversionSpec,
    }
}

/// The rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApiConversionSpec {
    /// One entry per direction, keyed by from and to.
    #[serde(deserialize_with = "null_default")]
    pub conversions: Vec<VersionConversion>,
}

/// How one version becomes another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VersionConversion {
    /// Source version.
    pub from: String,
    /// Target version.
    pub to: String,
    /// Field rules, keyed by destination.
    #[serde(deserialize_with = "null_default")]
    pub rules: Vec<ConversionRule>,
    /// JSON paths that the target cannot hold and an annotation keeps.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub preserve: Vec<String>,
}

/// Where a field goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConversionRule {
    /// JSON path in the source.
    pub field: String,
    /// JSON path in the target.
    pub destination: String,
    /// CEL over `self` that makes the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transformation: Option<String>,
}
