//! Schema of WorkspaceAuthenticationConfiguration.

use serde_json::Value;

use super::notation::{Crd, Schema, Version, kind_schema, list, object, string};

const EITHER: (&str, &str) =
    ("has(self.claim) || has(self.expression)", "either claim or expression must be specified");
const NOT_BOTH: (&str, &str) =
    ("!(has(self.claim) && has(self.expression))", "claim and expression cannot both be specified");

pub(super) fn workspace_authentication_configurations() -> Value {
    let spec = object().must("jwt", "One entry per issuer.", list(authenticator()));
    let schema = kind_schema("Issuers of bearer tokens that workspaces of a type trust.")
        .must("spec", "The issuers.", spec)
        .require(&["metadata"]);
    Crd::new(
        "tenancy.kcp.io",
        "WorkspaceAuthenticationConfiguration",
        "workspaceauthenticationconfigurations",
    )
    .version(Version::new("v1alpha1", schema))
    .build()
}

fn authenticator() -> Schema {
    let issuer = object()
        .may("audienceMatchPolicy", "MatchAny; needed with more than one audience.", string())
        .may("audiences", "Audiences, one of which a token must name.", list(string()))
        .may("certificateAuthority", "PEM certificates that the issuer's TLS is checked against.", string())
        .may("discoveryURL", "Discovery document, where it is not below the issuer's URL.", string())
        .must("url", "Issuer, equal to the claim iss.", string());
    let user_rule = object().must("expression", "CEL over user that must be true.", string()).must(
        "message",
        "What the user reads where it is not.",
        string(),
    );
    object()
        .must("claimMappings", "How claims become a user.", claim_mappings())
        .may("claimValidationRules", "What a token must say.", list(claim_rule()))
        .must("issuer", "Who signs the tokens.", issuer)
        .may("userValidationRules", "What a mapped user must be.", list(user_rule))
}

fn claim_mappings() -> Schema {
    let extra = object().must("key", "Name of the attribute: a path with a domain.", string()).must(
        "valueExpression",
        "CEL over claims that makes its value.",
        string(),
    );
    object()
        .may("extra", "Further attributes of the user.", list(extra))
        .may("groups", "Groups of the user.", prefixed())
        .may("uid", "Unique id of the user.", source().rule(NOT_BOTH.0, NOT_BOTH.1))
        .may("username", "Name of the user.", prefixed())
}

/// A claim or an expression.
fn source() -> Schema {
    object().may("claim", "Name of a claim.", string().not_empty()).may(
        "expression",
        "CEL over claims.",
        string().not_empty(),
    )
}

fn prefixed() -> Schema {
    source()
        .may("prefix", "Put before the claim's value.", string())
        .rule(EITHER.0, EITHER.1)
        .rule(NOT_BOTH.0, NOT_BOTH.1)
        .rule(
            "!(has(self.prefix)) || has(self.claim)",
            "prefix can only be specified when claim is specified",
        )
}

fn claim_rule() -> Schema {
    source()
        .may("message", "What the user reads where the expression is false.", string().not_empty())
        .may("requiredValue", "Value that the claim must have.", string().not_empty())
        .rule(EITHER.0, EITHER.1)
        .rule(NOT_BOTH.0, NOT_BOTH.1)
        .rule(
            "(has(self.expression) && !has(self.requiredValue)) || (has(self.claim) && has(self.requiredValue))",
            "requiredValue can only be specified when claim is specified",
        )
        .rule(
            "(has(self.expression) && has(self.message)) || (has(self.claim) && !has(self.message))",
            "message can only be specified when expression is specified",
        )
}
