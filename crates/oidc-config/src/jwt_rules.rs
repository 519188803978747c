//! What a server refuses in a list of issuers, at admission or when it first uses them.

use std::collections::BTreeSet;

use kcp_api::tenancy::v1alpha1::{ClaimValidationRule, Issuer, JwtAuthenticator, PrefixedClaimOrExpression};
use url::Url;

use crate::{
    expressions,
    finding::{Fault, fault},
};

/// Everything that would disable an issuer. `field` is where the list stands: `jwt` in a file, `spec.jwt` in a
/// WorkspaceAuthenticationConfiguration.
///
/// Admission of kcp takes more than this (no audiences, an http issuer); such an entry stays and does not work.
pub fn validate_jwt(field: &str, jwt: &[JwtAuthenticator]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut urls = BTreeSet::new();
    let mut discovery_urls = BTreeSet::new();
    for (index, authenticator) in jwt.iter().enumerate() {
        let at = format!("{field}[{index}]");
        if !urls.insert(authenticator.issuer.url.as_str()) {
            faults
                .push(fault(format!("{at}.issuer.url"), "duplicate value: every issuer may stand here once"));
        }
        if let Some(discovery) = &authenticator.issuer.discovery_url
            && !discovery_urls.insert(discovery.as_str())
        {
            faults.push(fault(format!("{at}.issuer.discoveryURL"), "duplicate value"));
        }
        issuer(&at, &authenticator.issuer, &mut faults);
        mappings(&at, authenticator, &mut faults);
        for (rule, value) in authenticator.claim_validation_rules.iter().enumerate() {
            claim_rule(&format!("{at}.claimValidationRules[{rule}]"), value, &mut faults);
        }
        expressions::of_authenticator(&at, authenticator, &mut faults);
        let mut seen = BTreeSet::new();
        for (rule, value) in authenticator.user_validation_rules.iter().enumerate() {
            let at = format!("{at}.userValidationRules[{rule}].expression");
            if value.expression.trim().is_empty() {
                faults.push(fault(at, "required"));
            } else if !seen.insert(value.expression.as_str()) {
                faults.push(fault(at, "duplicate value"));
            }
        }
    }
    faults
}

fn issuer(at: &str, issuer: &Issuer, faults: &mut Vec<Fault>) {
    check_url(&format!("{at}.issuer.url"), &issuer.url, faults);
    if let Some(discovery) = &issuer.discovery_url {
        let field = format!("{at}.issuer.discoveryURL");
        check_url(&field, discovery, faults);
        if discovery.trim_end_matches('/') == issuer.url.trim_end_matches('/') {
            faults.push(fault(field, "discoveryURL must be different from url"));
        }
    }
    let audiences = issuer.audiences.as_deref().unwrap_or_default();
    let field = format!("{at}.issuer.audiences");
    if audiences.is_empty() {
        faults.push(fault(&field, "at least one audience is required"));
    }
    let mut seen = BTreeSet::new();
    for (index, audience) in audiences.iter().enumerate() {
        if audience.is_empty() {
            faults.push(fault(format!("{field}[{index}]"), "audience can't be empty"));
        } else if !seen.insert(audience) {
            faults.push(fault(format!("{field}[{index}]"), "duplicate value"));
        }
    }
    let policy = issuer.audience_match_policy.as_deref().unwrap_or_default();
    let field = format!("{at}.issuer.audienceMatchPolicy");
    if audiences.len() > 1 && policy != "MatchAny" {
        faults.push(fault(field, "audienceMatchPolicy must be MatchAny for multiple audiences"));
    } else if !policy.is_empty() && policy != "MatchAny" {
        faults.push(fault(field, "audienceMatchPolicy must be empty or MatchAny for a single audience"));
    }
    if let Some(egress) = issuer.egress_selector_type.as_deref()
        && !["", "controlplane", "cluster"].contains(&egress)
    {
        let field = format!("{at}.issuer.egressSelectorType");
        faults.push(fault(field, "egress selector must be either controlplane or cluster"));
    }
    if let Some(ca) = &issuer.certificate_authority
        && !ca.is_empty()
        && !ca.contains("-----BEGIN CERTIFICATE-----")
    {
        faults.push(fault(
            format!("{at}.issuer.certificateAuthority"),
            "holds no PEM certificate; it is text, not base64",
        ));
    }
}

fn check_url(field: &str, text: &str, faults: &mut Vec<Fault>) {
    if text.is_empty() {
        faults.push(fault(field, "URL is required"));
        return;
    }
    let Ok(url) = Url::parse(text) else {
        faults.push(fault(field, format!("`{text}` is not a URL")));
        return;
    };
    if url.scheme() != "https" {
        faults.push(fault(field, "URL scheme must be https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        faults.push(fault(field, "URL must not contain a username or password"));
    }
    if url.query().is_some() {
        faults.push(fault(field, "URL must not contain a query"));
    }
    if url.fragment().is_some() {
        faults.push(fault(field, "URL must not contain a fragment"));
    }
}

fn mappings(at: &str, authenticator: &JwtAuthenticator, faults: &mut Vec<Fault>) {
    let mappings = &authenticator.claim_mappings;
    let at = format!("{at}.claimMappings");
    match &mappings.username {
        None => faults.push(fault(format!("{at}.username"), "claim or expression is required")),
        Some(username) => {
            prefixed(&format!("{at}.username"), username, faults);
            let expression = username.expression.as_deref().unwrap_or_default();
            if mentions(expression, "claims.email") && !speaks_of_verification(authenticator) {
                faults.push(fault(
                    format!("{at}.username.expression"),
                    "claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression",
                ));
            }
        }
    }
    if let Some(groups) = &mappings.groups {
        prefixed(&format!("{at}.groups"), groups, faults);
    }
    if let Some(uid) = &mappings.uid
        && uid.claim.is_some()
        && uid.expression.is_some()
    {
        faults.push(fault(format!("{at}.uid"), "claim and expression cannot both be specified"));
    }
    let mut keys = BTreeSet::new();
    for (index, extra) in mappings.extra.iter().enumerate() {
        let field = format!("{at}.extra[{index}]");
        let domain = extra.key.split('/').next().unwrap_or_default();
        if !extra.key.contains('/') || domain.is_empty() {
            faults.push(fault(
                format!("{field}.key"),
                "must be a domain-prefixed path (such as \"acme.io/foo\")",
            ));
        } else if extra.key != extra.key.to_lowercase() {
            faults.push(fault(format!("{field}.key"), "key must be lowercase"));
        } else if ["k8s.io", "kubernetes.io"]
            .iter()
            .any(|own| domain == *own || domain.ends_with(&format!(".{own}")))
        {
            faults
                .push(fault(format!("{field}.key"), "k8s.io and kubernetes.io are reserved for Kubernetes"));
        } else if extra.key.contains("kcp.io") {
            faults.push(fault(format!("{field}.key"), "kcp.io is reserved for kcp, which drops such a key"));
        } else if !keys.insert(extra.key.as_str()) {
            faults.push(fault(format!("{field}.key"), "duplicate value"));
        }
        if extra.value_expression.trim().is_empty() {
            faults.push(fault(format!("{field}.valueExpression"), "required"));
        }
    }
}

fn prefixed(field: &str, mapping: &PrefixedClaimOrExpression, faults: &mut Vec<Fault>) {
    let message = match (&mapping.claim, &mapping.expression, &mapping.prefix) {
        (None, None, _) => "either claim or expression must be specified",
        (Some(_), Some(_), _) => "claim and expression cannot both be specified",
        (None, Some(_), Some(_)) => "prefix can only be specified when claim is specified",
        (Some(_), None, None) => "prefix is required when claim is set; it may be the empty text",
        (Some(claim), None, Some(_)) if claim.is_empty() => "claim can't be empty",
        (None, Some(expression), None) if expression.trim().is_empty() => "expression can't be empty",
        _ => return,
    };
    faults.push(fault(field, message));
}

fn claim_rule(field: &str, rule: &ClaimValidationRule, faults: &mut Vec<Fault>) {
    let message = match (&rule.claim, &rule.expression) {
        (None, None) => "either claim or expression must be specified",
        (Some(_), Some(_)) => "claim and expression cannot both be specified",
        (None, Some(_)) if rule.required_value.is_some() => {
            "requiredValue can only be specified when claim is specified"
        }
        (Some(_), None) if rule.message.is_some() => {
            "message can only be specified when expression is specified"
        }
        _ => return,
    };
    faults.push(fault(field, message));
}

fn speaks_of_verification(authenticator: &JwtAuthenticator) -> bool {
    let mappings = &authenticator.claim_mappings;
    let username = mappings.username.iter().filter_map(|mapping| mapping.expression.as_deref());
    let extra = mappings.extra.iter().map(|extra| extra.value_expression.as_str());
    let rules = authenticator.claim_validation_rules.iter().filter_map(|rule| rule.expression.as_deref());
    username.chain(extra).chain(rules).any(|expression| {
        mentions(expression, "claims.email_verified") || mentions(expression, "claims.?email_verified")
    })
}

/// Whether an expression names a claim as a whole word: `claims.email`, not `claims.email_verified`.
pub(crate) fn mentions(expression: &str, claim: &str) -> bool {
    expression.match_indices(claim).any(|(start, _)| {
        let after = expression.get(start + claim.len()..).and_then(|rest| rest.chars().next());
        !after.is_some_and(|next| next.is_alphanumeric() || next == '_')
    })
}
