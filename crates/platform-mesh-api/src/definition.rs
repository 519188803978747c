//! From a kind to its manifests: CustomResourceDefinition and APIResourceSchema.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{names, schema, schema::Schema};

/// A column of `kubectl get`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrinterColumn {
    /// Heading.
    pub name: &'static str,
    /// `string`, `integer`, `date`, …
    pub type_: &'static str,
    /// Where the value stands.
    pub json_path: &'static str,
}

/// The column that shows condition `Ready`.
pub(crate) const READY_COLUMN: PrinterColumn = PrinterColumn {
    name: "Ready",
    type_: "string",
    json_path: r#".status.conditions[?(@.type=="Ready")].status"#,
};

/// All that a manifest says about a kind. Cluster-scoped, one version `v1alpha1`, with a status subresource.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// API group.
    pub group: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// Plural, lower case: the resource.
    pub plural: &'static str,
    /// Short names for kubectl.
    pub short_names: &'static [&'static str],
    /// Columns of `kubectl get`.
    pub columns: &'static [PrinterColumn],
    /// First part of the schema's name in kcp; names the day of the last change.
    pub revision: &'static str,
    /// Sentence about the kind.
    pub doc: &'static str,
    /// Schema of `spec`.
    pub spec: fn() -> Schema,
    /// Schema of `status`.
    pub status: fn() -> Schema,
    /// Whether an object without `spec` is refused.
    pub spec_required: bool,
}

impl Definition {
    pub(crate) const fn core(kind: &'static str, plural: &'static str, doc: &'static str) -> Self {
        Self {
            group: names::GROUP,
            kind,
            plural,
            short_names: &[],
            columns: &[],
            revision: "v1",
            doc,
            spec: || schema::object([]),
            status: || schema::object([]),
            spec_required: false,
        }
    }

    /// Group and version as objects carry them.
    pub fn api_version(&self) -> String {
        format!("{}/{}", self.group, names::VERSION)
    }

    /// Singular, lower case: the kind in lower case.
    pub fn singular(&self) -> String {
        self.kind.to_lowercase()
    }

    /// `<plural>.<group>`.
    pub fn resource(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }

    /// Structural schema of a whole object.
    pub fn object_schema(&self) -> Value {
        schema::whole(self.doc, (self.spec)(), (self.status)(), self.spec_required)
    }

    /// The CustomResourceDefinition.
    pub fn crd(&self) -> Value {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": self.resource()},
            "spec": {
                "group": self.group,
                "names": self.names(),
                "scope": "Cluster",
                "versions": [self.version(json!({"openAPIV3Schema": self.object_schema()}))],
            },
        })
    }

    /// Name of the APIResourceSchema: `<revision>-<digest>.<plural>.<group>`. Schemas never change in kcp, so another
    /// schema gets another name by its digest.
    pub fn api_resource_schema_name(&self) -> String {
        let text = self.api_resource_schema_spec().to_string();
        let digest = Sha256::digest(text.as_bytes());
        let hex: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{hex}.{}", self.revision, self.resource())
    }

    /// The APIResourceSchema (`apis.kcp.io/v1alpha1`).
    pub fn api_resource_schema(&self) -> Value {
        json!({
            "apiVersion": "apis.kcp.io/v1alpha1",
            "kind": "APIResourceSchema",
            "metadata": {"name": self.api_resource_schema_name()},
            "spec": self.api_resource_schema_spec(),
        })
    }

    fn api_resource_schema_spec(&self) -> Value {
        json!({
            "group": self.group,
            "names": self.names(),
            "scope": "Cluster",
            "versions": [self.version(self.object_schema())],
        })
    }

    fn names(&self) -> Value {
        let mut names = json!({
            "kind": self.kind,
            "listKind": format!("{}List", self.kind),
            "plural": self.plural,
            "singular": self.singular(),
        });
        if !self.short_names.is_empty() {
            names["shortNames"] = json!(self.short_names);
        }
        names
    }

    fn version(&self, schema: Value) -> Value {
        let mut version = json!({
            "name": names::VERSION,
            "schema": schema,
            "served": true,
            "storage": true,
            "subresources": {"status": {}},
        });
        if !self.columns.is_empty() {
            let columns: Vec<Value> = self
                .columns
                .iter()
                .map(
                    |column| json!({"name": column.name, "type": column.type_, "jsonPath": column.json_path}),
                )
                .collect();
            version["additionalPrinterColumns"] = Value::Array(columns);
        }
        version
    }
}

/// Every kind that the platform's exports carry, those of `core.platform-mesh.io` first.
pub fn definitions() -> Vec<Definition> {
    vec![
        crate::ACCOUNT,
        crate::ACCOUNT_INFO,
        crate::STORE,
        crate::AUTHORIZATION_MODEL,
        crate::INVITE,
        crate::IDENTITY_PROVIDER_CONFIGURATION,
        crate::API_EXPORT_POLICY,
        crate::CONTENT_CONFIGURATION,
        crate::PROVIDER_METADATA,
        crate::PROVIDER,
        crate::PROVIDER_PERMISSIONS,
    ]
}

/// The definition of a resource (`accounts.core.platform-mesh.io`), or none.
pub fn definition(resource: &str) -> Option<Definition> {
    definitions().into_iter().find(|definition| definition.resource() == resource)
}
