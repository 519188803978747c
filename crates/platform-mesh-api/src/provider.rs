//! Provider: somebody who offers APIs.

use serde::{Deserialize, Serialize};

use crate::{
    Condition, Extra,
    definition::{Definition, PrinterColumn},
    kind::{kind, null_default},
    names::PROVIDERS_GROUP,
    schema::{conditions, integer64, object, string},
    secret_ref::{SecretRef, secret_ref},
};

kind!(
    /// Asks for credentials of a provider in its own workspace. No controller of this project acts on it.
    Provider, "Provider", "providers" in PROVIDERS_GROUP, ProviderSpec, ProviderStatus
);

/// What the provider needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProviderSpec {
    /// Host to write into the kubeconfig; none: the platform's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_override: Option<String>,
    /// Where the kubeconfig is written; none: `<name>-provider-kubeconfig` in `default`, key `kubeconfig`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_kubeconfig_secret: Option<KubeconfigSecret>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A key of a Secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct KubeconfigSecret {
    /// Key in the Secret.
    #[serde(deserialize_with = "null_default")]
    pub key: String,
    /// Name of the Secret.
    #[serde(deserialize_with = "null_default")]
    pub name: String,
    /// Namespace of the Secret.
    #[serde(deserialize_with = "null_default")]
    pub namespace: String,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How far the provider has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProviderStatus {
    /// In one word, `Pending` or `Ready` so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Generation of the spec that the status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Secret that holds the kubeconfig.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_kubeconfig_secret_ref: Option<SecretRef>,
    /// What was found, step by step, and `Ready`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The manifest of Provider.
pub const PROVIDER: Definition = Definition {
    group: PROVIDERS_GROUP,
    revision: "v260630",
    spec_required: true,
    columns: &[
        PrinterColumn { name: "Phase", type_: "string", json_path: ".status.phase" },
        PrinterColumn {
            name: "KubeconfigSecret",
            type_: "string",
            json_path: ".status.kubeconfigSecretRef.name",
        },
        PrinterColumn {
            name: "Ready",
            type_: "string",
            json_path: ".status.conditions[?(@.type=='Ready')].status",
        },
    ],
    spec: || {
        object([
            ("hostOverride", string().doc("Host to write into the kubeconfig.")),
            (
                "providerKubeconfigSecret",
                object([
                    ("key", string().doc("Key in the Secret.")),
                    ("name", string().doc("Name of the Secret.")),
                    ("namespace", string().doc("Namespace of the Secret.")),
                ])
                .required(&["key", "name", "namespace"])
                .doc("Where the kubeconfig is written."),
            ),
        ])
        .doc("What the provider needs.")
    },
    status: || {
        object([
            ("phase", string().doc("How far the provider has come.")),
            ("observedGeneration", integer64().doc("Generation of the spec that the status speaks of.")),
            ("providerKubeconfigSecretRef", secret_ref().doc("Secret that holds the kubeconfig.")),
            ("conditions", conditions().keyed_list(&["type"])),
        ])
        .doc("How far the provider has come.")
    },
    ..Definition::core("Provider", "providers", "Somebody who offers APIs.")
};
