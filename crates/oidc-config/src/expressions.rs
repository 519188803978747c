//! Whether expressions compile, which a server finds out when it first uses them. Feature `expressions`; without it this
//! checks nothing.

use kcp_api::tenancy::v1alpha1::JwtAuthenticator;

use crate::{authorization::WebhookAuthorizer, finding::Fault};

/// Expressions of an issuer: over `claims`, rules of users over `user`.
pub(crate) fn of_authenticator(at: &str, authenticator: &JwtAuthenticator, faults: &mut Vec<Fault>) {
    let mappings = &authenticator.claim_mappings;
    let texts = [("username", &mappings.username), ("groups", &mappings.groups)];
    for (field, mapping) in texts {
        let expression = mapping.as_ref().and_then(|mapping| mapping.expression.as_deref());
        check(&format!("{at}.claimMappings.{field}.expression"), expression, "claims", faults);
    }
    let uid = mappings.uid.as_ref().and_then(|uid| uid.expression.as_deref());
    check(&format!("{at}.claimMappings.uid.expression"), uid, "claims", faults);
    for (index, extra) in mappings.extra.iter().enumerate() {
        let field = format!("{at}.claimMappings.extra[{index}].valueExpression");
        check(&field, Some(&extra.value_expression), "claims", faults);
    }
    for (index, rule) in authenticator.claim_validation_rules.iter().enumerate() {
        let field = format!("{at}.claimValidationRules[{index}].expression");
        check(&field, rule.expression.as_deref(), "claims", faults);
    }
    for (index, rule) in authenticator.user_validation_rules.iter().enumerate() {
        let field = format!("{at}.userValidationRules[{index}].expression");
        check(&field, Some(&rule.expression), "user", faults);
    }
}

/// Conditions of a webhook: over `request`.
pub(crate) fn of_webhook(at: &str, webhook: &WebhookAuthorizer, faults: &mut Vec<Fault>) {
    for (index, condition) in webhook.match_conditions.iter().enumerate() {
        let field = format!("{at}.matchConditions[{index}].expression");
        check(&field, Some(&condition.expression), "request", faults);
    }
}

/// Empty texts are somebody else's finding.
#[cfg(feature = "expressions")]
fn check(field: &str, expression: Option<&str>, variable: &str, faults: &mut Vec<Fault>) {
    use mesh_cel::{CelEngine as _, Environment, KubernetesCel, Shape};

    let Some(expression) = expression.filter(|expression| !expression.trim().is_empty()) else { return };
    let environment = Environment::new().with(variable, Shape::dynamic());
    if let Err(error) = KubernetesCel.compile(expression, &environment) {
        faults.push(crate::finding::fault(field, error.to_string()));
    }
}

#[cfg(not(feature = "expressions"))]
fn check(_field: &str, _expression: Option<&str>, _variable: &str, _faults: &mut Vec<Fault>) {}
