//! What a server refuses in its file of issuers, and what it takes and one should not want.

use std::collections::BTreeSet;

use crate::{
    authentication::AuthenticationConfiguration,
    finding::{Fault, Finding, fault, finding},
    jwt_lint::{Reach, lint_jwt_of},
    jwt_rules::validate_jwt,
};

/// Most issuers that a server takes.
const ISSUERS_MAX: usize = 64;

/// Everything that keeps a server from starting with this file.
pub fn validate_authentication(configuration: &AuthenticationConfiguration) -> Vec<Fault> {
    let mut faults = Vec::new();
    if configuration.jwt.len() > ISSUERS_MAX {
        faults.push(fault("jwt", format!("must have at most {ISSUERS_MAX} items")));
    }
    faults.extend(validate_jwt("jwt", &configuration.jwt));
    if let Some(anonymous) = &configuration.anonymous {
        if !anonymous.enabled && !anonymous.conditions.is_empty() {
            faults.push(fault(
                "anonymous.conditions",
                "enabled should be set to true when conditions are defined",
            ));
        }
        let mut paths = BTreeSet::new();
        for (index, condition) in anonymous.conditions.iter().enumerate() {
            let field = format!("anonymous.conditions[{index}].path");
            if condition.path.is_empty() {
                faults.push(fault(field, "required"));
            } else if !paths.insert(condition.path.as_str()) {
                faults.push(fault(field, "duplicate value"));
            }
        }
    }
    faults
}

/// Risks of a file that a server takes. Its users are valid in every workspace.
pub fn lint_authentication(configuration: &AuthenticationConfiguration) -> Vec<Finding> {
    let mut findings = lint_jwt_of("jwt", &configuration.jwt, Reach::Server);
    if let Some(anonymous) = &configuration.anonymous {
        if anonymous.enabled && anonymous.conditions.is_empty() {
            findings.push(finding(
                "anonymous.enabled",
                "requests without a token are answered everywhere, as far as `system:unauthenticated` may",
                "name the paths that need it, such as `/livez`, in `anonymous.conditions`",
            ));
        }
        for (index, condition) in anonymous.conditions.iter().enumerate() {
            if ["/clusters/", "/services/", "/api/", "/apis/"]
                .iter()
                .any(|place| condition.path.starts_with(place))
            {
                findings.push(finding(
                    format!("anonymous.conditions[{index}].path"),
                    "resources of a workspace are served below this path, and anybody may ask for them",
                    "name paths of health and version only",
                ));
            }
        }
    }
    findings
}
