//! What a server takes in a list of issuers, and one should not want.

use std::collections::BTreeMap;

use kcp_api::tenancy::v1alpha1::{JwtAuthenticator, PrefixedClaimOrExpression};

use crate::{
    finding::{Finding, finding},
    jwt_rules::mentions,
    realm::UNVERIFIED_EMAIL_RULE,
};

/// Where the users of an issuer are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// In workspaces of the types that refer to the configuration.
    Workspaces,
    /// In every workspace, root included: the file of the server.
    Server,
}

/// Risks of a WorkspaceAuthenticationConfiguration's issuers.
pub fn lint_jwt(field: &str, jwt: &[JwtAuthenticator]) -> Vec<Finding> {
    lint_jwt_of(field, jwt, Reach::Workspaces)
}

/// Risks of issuers whose users are valid somewhere or everywhere.
pub fn lint_jwt_of(field: &str, jwt: &[JwtAuthenticator], reach: Reach) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, authenticator) in jwt.iter().enumerate() {
        let at = format!("{field}[{index}]");
        one(&at, authenticator, reach, &mut findings);
    }
    together(field, jwt, &mut findings);
    findings
}

fn one(at: &str, authenticator: &JwtAuthenticator, reach: Reach, findings: &mut Vec<Finding>) {
    let issuer = &authenticator.issuer;
    if issuer.url.starts_with("http:") {
        findings.push(finding(
            format!("{at}.issuer.url"),
            "an http issuer can be imitated by anybody on the way, and a server refuses it",
            "serve the issuer over https",
        ));
    }
    if issuer.url.ends_with('/') {
        findings.push(finding(
            format!("{at}.issuer.url"),
            "the claim `iss` is compared letter by letter; most issuers have no `/` at the end",
            "compare with the field `issuer` of the discovery document",
        ));
    }
    if issuer.audiences.as_deref().unwrap_or_default().is_empty() {
        findings.push(finding(
            format!("{at}.issuer.audiences"),
            "without an audience nobody can log in",
            "name the client ids of the realm",
        ));
    }
    for (index, audience) in issuer.audiences.iter().flatten().enumerate() {
        if audience == "account" {
            findings.push(finding(
                format!("{at}.issuer.audiences[{index}]"),
                "every access token of a Keycloak realm names `account`, whichever client it was made for",
                "name client ids, and send ID tokens",
            ));
        }
    }
    let mappings = &authenticator.claim_mappings;
    if let Some(groups) = &mappings.groups
        && is_bare(groups)
    {
        findings.push(finding(
            format!("{at}.claimMappings.groups.prefix"),
            "group claims without a prefix: whoever names groups at the issuer can name one that RBAC gives rights to",
            "give groups a prefix, or bind no rights to groups where this issuer's users may enter",
        ));
    }
    for (name, mapping) in [("username", &mappings.username), ("groups", &mappings.groups)] {
        if mapping
            .iter()
            .any(|mapping| mapping.prefix.as_deref().is_some_and(|text| text.starts_with("system:")))
        {
            let risk = if name == "username" {
                "kcp refuses every user whose name begins with `system:`, so nobody can log in"
            } else {
                "kcp drops every group whose name begins with `system:`"
            };
            findings.push(finding(
                format!("{at}.claimMappings.{name}.prefix"),
                risk,
                "choose another prefix",
            ));
        }
    }
    match &mappings.username {
        Some(username) if is_bare(username) && reach == Reach::Server => findings.push(finding(
            format!("{at}.claimMappings.username.prefix"),
            "users without a prefix are valid in every workspace: a user of this issuer is the user of the same name of every organisation",
            "give names a prefix, or use a WorkspaceAuthenticationConfiguration",
        )),
        Some(username) if username.claim.as_deref() == Some("preferred_username") => findings.push(finding(
            format!("{at}.claimMappings.username.claim"),
            "people may change this name, and take over rights that another one has left",
            "use `email` or `sub`",
        )),
        _ => {}
    }
    for (index, rule) in authenticator.claim_validation_rules.iter().enumerate() {
        let expression = rule.expression.as_deref().unwrap_or_default();
        if expression == UNVERIFIED_EMAIL_RULE || expression.trim() == "true" {
            findings.push(finding(
                format!("{at}.claimValidationRules[{index}].expression"),
                "people whose mail address is not verified may log in under any address they write down",
                "use this in development only",
            ));
        } else if mentions(expression, "claims.email_verified")
            && !expression.contains("has(claims.email_verified)")
        {
            findings.push(finding(
                format!("{at}.claimValidationRules[{index}].expression"),
                "a token without the claim is an error, not a refusal",
                "write `claims.?email_verified.orValue(false)`",
            ));
        }
    }
}

/// Issuers that can be mistaken for each other.
fn together(field: &str, jwt: &[JwtAuthenticator], findings: &mut Vec<Finding>) {
    let mut audiences: BTreeMap<&str, &str> = BTreeMap::new();
    for (index, authenticator) in jwt.iter().enumerate() {
        for audience in authenticator.issuer.audiences.iter().flatten() {
            let first = *audiences.entry(audience).or_insert(&authenticator.issuer.url);
            if first != authenticator.issuer.url {
                findings.push(finding(
                    format!("{field}[{index}].issuer.audiences"),
                    format!("audience `{audience}` is shared with issuer {first}: a client of one realm is taken for a client of the other"),
                    "give every realm clients of its own",
                ));
            }
        }
    }
    let bare: Vec<usize> = jwt
        .iter()
        .enumerate()
        .filter(|(_, authenticator)| authenticator.claim_mappings.username.as_ref().is_some_and(is_bare))
        .map(|(index, _)| index)
        .collect();
    if let [_, rest @ ..] = bare.as_slice() {
        for index in rest {
            findings.push(finding(
                format!("{field}[{index}].claimMappings.username.prefix"),
                "two issuers name users without a prefix: the same name means one person here, whoever they are there",
                "give at least one of them a prefix",
            ));
        }
    }
}

/// Whether names come out as the issuer writes them.
fn is_bare(mapping: &PrefixedClaimOrExpression) -> bool {
    match (&mapping.claim, &mapping.expression) {
        (Some(_), _) => mapping.prefix.as_deref().unwrap_or_default().is_empty(),
        (None, Some(expression)) => !expression.contains('+'),
        (None, None) => false,
    }
}
