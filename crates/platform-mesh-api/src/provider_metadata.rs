//! ProviderMetadata: what people see of a provider.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Extra,
    definition::Definition,
    kind::{kind, null_default},
    names::UI_GROUP,
    schema::{any, list, object, string},
};

kind!(
    /// What people see of a provider. No controller of this project acts on it.
    ProviderMetadata, "ProviderMetadata", "providermetadatas" in UI_GROUP,
    ProviderMetadataSpec, ProviderMetadataStatus
);

/// Names, pictures, people to ask, things to read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProviderMetadataSpec {
    /// What people see.
    #[serde(deserialize_with = "null_default")]
    pub display_name: String,
    /// A sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Words to find it by.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// People to ask.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<ProviderContact>,
    /// What to read.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub documentation: Vec<ProviderLink>,
    /// Where help is.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub help_center_data: Vec<ProviderLink>,
    /// Further links.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<ProviderLink>,
    /// Where to ask first.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub preferred_support_channels: Vec<ProviderLink>,
    /// Pictures for dark and light backgrounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<ProviderIcon>,
    /// Anything; kept as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Somebody to ask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProviderContact {
    /// What people see.
    #[serde(deserialize_with = "null_default")]
    pub display_name: String,
    /// Mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What they are asked for.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub role: Vec<String>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A place on the web.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProviderLink {
    /// What people see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Where it leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One picture for each background.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProviderIcon {
    /// For dark backgrounds.
    #[serde(deserialize_with = "null_default")]
    pub dark: ProviderPicture,
    /// For light backgrounds.
    #[serde(deserialize_with = "null_default")]
    pub light: ProviderPicture,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A picture, in the object or on the web.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProviderPicture {
    /// The picture itself, as a data URL or text of an SVG.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Where it lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Nothing yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProviderMetadataStatus {
    /// Fields, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The manifest of ProviderMetadata.
pub const PROVIDER_METADATA: Definition = Definition {
    group: UI_GROUP,
    revision: "v250725",
    spec: || {
        let link = || {
            object([
                ("displayName", string().doc("What people see.")),
                ("url", string().doc("Where it leads.")),
            ])
        };
        let picture =
            || object([("data", string().doc("The picture.")), ("url", string().doc("Where it lies."))]);
        let contact = object([
            ("displayName", string().doc("What people see.")),
            ("email", string().doc("Mail address.")),
            ("role", list(string()).doc("What they are asked for.")),
        ])
        .required(&["displayName"]);
        object([
            ("displayName", string().doc("What people see.")),
            ("description", string().doc("A sentence for people.")),
            ("tags", list(string()).doc("Words to find it by.")),
            ("contacts", list(contact).doc("People to ask.")),
            ("documentation", list(link()).doc("What to read.")),
            ("helpCenterData", list(link()).doc("Where help is.")),
            ("links", list(link()).doc("Further links.")),
            ("preferredSupportChannels", list(link()).doc("Where to ask first.")),
            (
                "icon",
                object([("dark", picture()), ("light", picture())])
                    .required(&["dark", "light"])
                    .doc("Pictures for dark and light backgrounds."),
            ),
            ("data", any().doc("Anything; kept as it is.")),
        ])
        .required(&["displayName"])
        .doc("What people see of a provider.")
    },
    status: || object([]).doc("Empty."),
    ..Definition::core("ProviderMetadata", "providermetadatas", "What people see of a provider.")
};
