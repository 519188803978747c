//! ContentConfiguration: a piece of the portal's user interface.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Condition, Extra,
    definition::{Definition, PrinterColumn, READY_COLUMN},
    kind::{kind, null_default},
    names::UI_GROUP,
    schema::{conditions, date_time, integer64, object, string},
};

kind!(
    /// A piece of the portal's user interface, written here or fetched. No controller of this project acts on it.
    ContentConfiguration, "ContentConfiguration", "contentconfigurations" in UI_GROUP,
    ContentConfigurationSpec, ContentConfigurationStatus
);

/// Where the content comes from: from here, or from afar.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContentConfigurationSpec {
    /// Content that stands here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inline_configuration: Option<InlineContent>,
    /// Content that is fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_configuration: Option<RemoteContent>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Content that stands in the object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct InlineContent {
    /// The content.
    #[serde(deserialize_with = "null_default")]
    pub content: String,
    /// How it is written.
    #[serde(deserialize_with = "null_default")]
    pub content_type: ContentType,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Content that is fetched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RemoteContent {
    /// Where the content is fetched, as people reach it.
    #[serde(deserialize_with = "null_default")]
    pub url: String,
    /// The same from inside the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_url: Option<String>,
    /// How it is written.
    #[serde(deserialize_with = "null_default")]
    pub content_type: ContentType,
    /// Credentials for fetching.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<ContentAuthentication>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How to authenticate where content is fetched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContentAuthentication {
    /// How to authenticate, for example `basic`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Secret that holds the credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalSecretRef>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A Secret by name alone; the namespace is the platform's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LocalSecretRef {
    /// Name of the Secret; a server writes the empty string where nothing was said, the schema's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContentConfigurationStatus {
    /// What was found, step by step, and `Ready`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The content as the portal uses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration_result: Option<String>,
    /// Generation of the spec that the status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When the next look out of turn is due, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_reconcile_time: Option<String>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How content is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentType {
    /// YAML.
    #[default]
    Yaml,
    /// JSON.
    Json,
    /// A value that this version does not know; kept as it came.
    #[serde(untagged)]
    Other(String),
}

/// The manifest of ContentConfiguration.
pub const CONTENT_CONFIGURATION: Definition = Definition {
    group: UI_GROUP,
    short_names: &["cc"],
    revision: "v250704",
    columns: &[
        READY_COLUMN,
        PrinterColumn {
            name: "Valid",
            type_: "string",
            json_path: r#".status.conditions[?(@.type=="Valid")].status"#,
        },
    ],
    spec: || {
        let content_type = || string().one_of(&["yaml", "json"]).doc("How the content is written.");
        let secret =
            object([("name", string().default_value(json!("")).doc("Name of the Secret."))]).atomic_map();
        object([
            (
                "inlineConfiguration",
                object([("content", string().doc("The content.")), ("contentType", content_type())])
                    .required(&["content", "contentType"])
                    .doc("Content that stands here."),
            ),
            (
                "remoteConfiguration",
                object([
                    ("url", string().doc("Where the content is fetched.")),
                    ("internalUrl", string().doc("The same from inside the platform.")),
                    ("contentType", content_type()),
                    (
                        "authentication",
                        object([("type", string().doc("How to authenticate.")), ("secretRef", secret)])
                            .doc("Credentials for fetching."),
                    ),
                ])
                .required(&["contentType", "url"])
                .doc("Content that is fetched."),
            ),
        ])
        .doc("Where the content comes from.")
    },
    status: || {
        object([
            ("conditions", conditions()),
            ("configurationResult", string().doc("The content as the portal uses it.")),
            ("observedGeneration", integer64().doc("Generation of the spec that the status speaks of.")),
            ("nextReconcileTime", date_time().doc("When the next look out of turn is due.")),
        ])
        .doc("What was read.")
    },
    ..Definition::core(
        "ContentConfiguration",
        "contentconfigurations",
        "A piece of the portal's user interface.",
    )
};
