//! APIResourceSchema: a CRD-shaped, immutable schema of exactly one resource.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::object::{is_false, kind, null_default};
use crate::open_enum::open_enum;

kind! {
    /// The schema of one resource, which an APIExport names. It never changes: evolution is a new object with a new prefix.
    pub struct ApiResourceSchema: "APIResourceSchema" = "apiresourceschemas" in "apis.kcp.io" "v1alpha1" {
        spec: ApiResourceSchemaSpec,
    }
}

/// The resource that the schema defines; kcp refuses every change of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApiResourceSchemaSpec {
    /// API group; empty for the core group, for which kcp refuses the word `core`.
    pub group: String,
    /// How the resource is called.
    pub names: ResourceNames,
    /// Whether instances live in namespaces.
    pub scope: ResourceScope,
    /// At least one version; exactly one is stored.
    #[serde(deserialize_with = "null_default")]
    pub versions: Vec<ResourceVersion>,
    /// How names of instances are checked; unset means DNS-1123 subdomain.
    #[serde(rename = "nameValidation", default, skip_serializing_if = "Option::is_none")]
    pub name_validation: Option<NameValidation>,
    /// How versions become each other; required where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversion: Option<Conversion>,
}

/// The names of a resource, as a CustomResourceDefinition has them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceNames {
    /// Resource name in URLs.
    pub plural: String,
    /// Singular name; kcp's admission requires it.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "String::is_empty")]
    pub singular: String,
    /// Short names for command lines.
    #[serde(
        rename = "shortNames",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub short_names: Vec<String>,
    /// Kind of one object.
    pub kind: String,
    /// Kind of a list; kcp's admission requires it.
    #[serde(
        rename = "listKind",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub list_kind: String,
    /// Groups of resources, such as `all`.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
}

open_enum! {
    /// Scope of a resource.
    pub enum ResourceScope {
        /// One instance of a name per logical cluster.
        Cluster = "Cluster",
        /// Instances live in namespaces.
        Namespaced = "Namespaced",
    }
    default Cluster
}

open_enum! {
    /// How names of instances are checked.
    pub enum NameValidation {
        /// Lower-case DNS subdomain, the rule of Kubernetes custom resources.
        DNS1123Subdomain = "DNS1123Subdomain",
        /// Anything that can be one segment of a URL path, the rule of RBAC objects.
        PathSegmentName = "PathSegmentName",
    }
    default DNS1123Subdomain
}

/// One version of a resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceVersion {
    /// Version, such as `v1alpha1`.
    pub name: String,
    /// Whether clients can use the version.
    pub served: bool,
    /// Whether objects are stored in it; true for exactly one version.
    pub storage: bool,
    /// Whether clients get a warning header.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "is_false")]
    pub deprecated: bool,
    /// The text of that warning.
    #[serde(rename = "deprecationWarning", default, skip_serializing_if = "Option::is_none")]
    pub deprecation_warning: Option<String>,
    /// The structural OpenAPI v3 schema itself, not wrapped in `openAPIV3Schema`.
    pub schema: Value,
    /// Subresources; absent means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subresources: Option<Subresources>,
    /// Columns of tables, besides the name.
    #[serde(
        rename = "additionalPrinterColumns",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub additional_printer_columns: Vec<PrinterColumn>,
    /// Fields for field selectors, at most eight.
    #[serde(
        rename = "selectableFields",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub selectable_fields: Vec<SelectableField>,
}

/// Subresources of a version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Subresources {
    /// Present where `/status` is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusSubresource>,
    /// Present where `/scale` is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<ScaleSubresource>,
}

/// Marker of the status subresource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatusSubresource {}

/// Where the scale subresource finds its numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScaleSubresource {
    /// JSON path of the wanted number, under `.spec`.
    #[serde(rename = "specReplicasPath")]
    pub spec_replicas_path: String,
    /// JSON path of the observed number, under `.status`.
    #[serde(rename = "statusReplicasPath")]
    pub status_replicas_path: String,
    /// JSON path of the serialized selector.
    #[serde(rename = "labelSelectorPath", default, skip_serializing_if = "Option::is_none")]
    pub label_selector_path: Option<String>,
}

/// A column of tables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PrinterColumn {
    /// Heading.
    pub name: String,
    /// OpenAPI type of the cell.
    #[serde(rename = "type")]
    pub type_: String,
    /// OpenAPI format of the cell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// What the column shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// 0 is always shown, above only in wide output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Where the cell's value is.
    #[serde(rename = "jsonPath")]
    pub json_path: String,
}

/// A field that field selectors can name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SelectableField {
    /// Simple JSON path of the field.
    #[serde(rename = "jsonPath")]
    pub json_path: String,
}

/// How versions of a resource become each other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conversion {
    /// None changes `apiVersion` only.
    pub strategy: ConversionStrategy,
    /// Set exactly with strategy Webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookConversion>,
}

open_enum! {
    /// Who converts between versions.
    pub enum ConversionStrategy {
        /// Only `apiVersion` changes.
        None = "None",
        /// An HTTPS server converts.
        Webhook = "Webhook",
    }
    default None
}

/// The server that converts; there is no reference to a Kubernetes service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WebhookConversion {
    /// How to reach it.
    #[serde(rename = "clientConfig", default, skip_serializing_if = "Option::is_none")]
    pub client_config: Option<WebhookClientConfig>,
    /// ConversionReview versions that it understands, best first.
    #[serde(rename = "conversionReviewVersions", deserialize_with = "null_default")]
    pub conversion_review_versions: Vec<String>,
}

/// Address and trust of a webhook.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WebhookClientConfig {
    /// HTTPS URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// PEM certificates, base64 on the wire.
    #[serde(rename = "caBundle", default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<String>,
}
