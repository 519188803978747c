//! AccountInfo: what every account workspace holds, so that anybody inside knows where they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Extra,
    definition::Definition,
    kind::{kind, null_default},
    schema::{Schema, map_of, object, string},
};

kind!(
    /// Where an account workspace stands in the tree, and how its people log in. One for each workspace, named `account`.
    AccountInfo, "AccountInfo", "accountinfos", AccountInfoSpec, AccountInfoStatus
);

/// The account, its parent, its organisation; cluster, store and login of the organisation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AccountInfoSpec {
    /// The relationship store.
    #[serde(deserialize_with = "null_default")]
    pub fga: FgaInfo,
    /// This account.
    #[serde(deserialize_with = "null_default")]
    pub account: AccountLocation,
    /// The account it was created in; none for an organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_account: Option<AccountLocation>,
    /// The organisation it belongs to; itself for an organisation.
    #[serde(deserialize_with = "null_default")]
    pub organization: AccountLocation,
    /// How to trust the control plane.
    #[serde(deserialize_with = "null_default")]
    pub cluster_info: ClusterInfo,
    /// How people of the organisation log in; written by the security operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc: Option<OidcInfo>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The relationship store of the organisation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FgaInfo {
    /// The store.
    #[serde(deserialize_with = "null_default")]
    pub store: StoreInfo,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Id of a relationship store; empty while nobody has filled it in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StoreInfo {
    /// The id, or the empty string.
    #[serde(deserialize_with = "null_default")]
    pub id: String,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One account and its place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AccountLocation {
    /// Name of the Account.
    #[serde(deserialize_with = "null_default")]
    pub name: String,
    /// Logical cluster of the workspace made for the account.
    #[serde(deserialize_with = "null_default")]
    pub generated_cluster_id: String,
    /// Logical cluster of the workspace that holds the Account object.
    #[serde(deserialize_with = "null_default")]
    pub origin_cluster_id: String,
    /// Path of the workspace made for the account, `root:orgs:acme:dev`.
    #[serde(deserialize_with = "null_default")]
    pub path: String,
    /// URL of that workspace.
    #[serde(deserialize_with = "null_default")]
    pub url: String,
    /// Type of the account.
    #[serde(rename = "type", deserialize_with = "null_default")]
    pub kind: String,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How to trust the control plane.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterInfo {
    /// Certificates as PEM text, several blocks allowed; may be empty.
    #[serde(deserialize_with = "null_default")]
    pub ca: String,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Issuer and clients of the organisation's realm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OidcInfo {
    /// URL of the issuer, as tokens carry it.
    #[serde(deserialize_with = "null_default")]
    pub issuer_url: String,
    /// Clients by name.
    #[serde(deserialize_with = "null_default")]
    pub clients: BTreeMap<String, OidcClient>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One client of the realm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OidcClient {
    /// The client's id, as the audience of tokens carries it.
    #[serde(deserialize_with = "null_default")]
    pub client_id: String,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Nothing yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AccountInfoStatus {
    /// Fields, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The manifest of AccountInfo.
pub const ACCOUNT_INFO: Definition = Definition {
    revision: "v260126",
    spec: || {
        let store = object([("id", string().doc("Id of the store; may be empty."))]).required(&["id"]);
        let client = object([("clientId", string().doc("Id of the client."))]).required(&["clientId"]);
        object([
            ("fga", object([("store", store)]).required(&["store"]).doc("The relationship store.")),
            ("account", location().doc("This account.")),
            ("parentAccount", location().doc("The account it was created in; none for an organisation.")),
            ("organization", location().doc("The organisation it belongs to.")),
            (
                "clusterInfo",
                object([("ca", string().doc("Certificates of the control plane, PEM."))])
                    .required(&["ca"])
                    .doc("How to trust the control plane."),
            ),
            (
                "oidc",
                object([
                    ("issuerUrl", string().doc("URL of the issuer.")),
                    ("clients", map_of(client).doc("Clients by name.")),
                ])
                .required(&["clients", "issuerUrl"])
                .doc("How people of the organisation log in."),
            ),
        ])
        .required(&["account", "clusterInfo", "fga", "organization"])
        .doc("Where the workspace stands.")
    },
    status: || object([]).doc("Empty."),
    ..Definition::core("AccountInfo", "accountinfos", "Where an account workspace stands in the tree.")
};

fn location() -> Schema {
    object([
        ("name", string().doc("Name of the Account.")),
        ("generatedClusterId", string().doc("Logical cluster of the workspace made for the account.")),
        ("originClusterId", string().doc("Logical cluster of the workspace that holds the Account.")),
        ("path", string().doc("Path of the workspace made for the account.")),
        ("url", string().doc("URL of that workspace.")),
        ("type", string().doc("Type of the account.")),
    ])
    .required(&["generatedClusterId", "name", "originClusterId", "path", "type", "url"])
}
