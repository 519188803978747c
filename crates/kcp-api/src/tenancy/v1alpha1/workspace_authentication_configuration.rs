//! WorkspaceAuthenticationConfiguration: token issuers that workspaces of a type trust.

use serde::{Deserialize, Serialize};

use crate::object::{kind, null_default};

kind! {
    /// Issuers of bearer tokens, named by a WorkspaceType in the same logical cluster.
    pub struct WorkspaceAuthenticationConfiguration: "WorkspaceAuthenticationConfiguration" = "workspaceauthenticationconfigurations" in "tenancy.kcp.io" "v1alpha1" {
        spec: WorkspaceAuthenticationConfigurationSpec,
    }
}

/// The issuers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceAuthenticationConfigurationSpec {
    /// One entry per issuer; an invalid one is skipped, the others work.
    #[serde(deserialize_with = "null_default")]
    pub jwt: Vec<JwtAuthenticator>,
}

/// One issuer and how its tokens become users.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JwtAuthenticator {
    /// Who signs.
    pub issuer: Issuer,
    /// How claims become a user.
    #[serde(rename = "claimMappings")]
    pub claim_mappings: ClaimMappings,
    /// What a token must say.
    #[serde(
        rename = "claimValidationRules",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub claim_validation_rules: Vec<ClaimValidationRule>,
    /// What a mapped user must be.
    #[serde(
        rename = "userValidationRules",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub user_validation_rules: Vec<UserValidationRule>,
}

/// Who signs tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Issuer {
    /// Issuer URL, equal to the claim `iss`.
    pub url: String,
    /// URL of the discovery document, where it is elsewhere.
    #[serde(rename = "discoveryURL", default, skip_serializing_if = "Option::is_none")]
    pub discovery_url: Option<String>,
    /// PEM certificates that the issuer's TLS is checked against; plain text, not base64.
    #[serde(rename = "certificateAuthority", default, skip_serializing_if = "Option::is_none")]
    pub certificate_authority: Option<String>,
    /// Audiences that tokens must name; an empty list is kept apart from an absent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audiences: Option<Vec<String>>,
    /// `MatchAny`, needed with more than one audience.
    #[serde(rename = "audienceMatchPolicy", default, skip_serializing_if = "Option::is_none")]
    pub audience_match_policy: Option<String>,
    /// Which egress a server reaches the issuer by, `controlplane` or `cluster`. Only the file of a server has it
    /// (Kubernetes 1.34); of a WorkspaceAuthenticationConfiguration kcp drops it.
    #[serde(rename = "egressSelectorType", default, skip_serializing_if = "Option::is_none")]
    pub egress_selector_type: Option<String>,
}

/// How claims become a user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClaimMappings {
    /// User name; required in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<PrefixedClaimOrExpression>,
    /// Groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<PrefixedClaimOrExpression>,
    /// Unique id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<ClaimOrExpression>,
    /// Extra attributes; keys with `kcp.io` are dropped at authentication.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<ExtraMapping>,
}

/// A claim with a prefix, or a CEL expression.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PrefixedClaimOrExpression {
    /// Name of the claim; excludes `expression`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// Put before the claim's value; empty is kept apart from absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// CEL over `claims`; excludes `claim`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
}

/// A claim or a CEL expression.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClaimOrExpression {
    /// Name of the claim; excludes `expression`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// CEL over `claims`; excludes `claim`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
}

/// An extra attribute of a user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExtraMapping {
    /// Attribute name, a path with a domain in lower case.
    pub key: String,
    /// CEL over `claims` that makes its value.
    #[serde(rename = "valueExpression")]
    pub value_expression: String,
}

/// What a token must say: a claim with a value, or an expression with a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClaimValidationRule {
    /// Name of the claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// The value it must have.
    #[serde(rename = "requiredValue", default, skip_serializing_if = "Option::is_none")]
    pub required_value: Option<String>,
    /// CEL over `claims` that must be true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// What the user reads where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What a mapped user must be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UserValidationRule {
    /// CEL over `user` that must be true.
    pub expression: String,
    /// What the user reads where it is not.
    pub message: String,
}
