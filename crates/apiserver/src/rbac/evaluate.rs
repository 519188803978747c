//! Is a request granted, and by which rule?

use verdict::PolicyRule;

use super::{Binding, Request, RoleRef, Rule, RuleSource, Subject};
use crate::UserInfo;

/// The first rule that grants the request, none if no rule does. Bindings whose role is missing grant nothing.
pub fn grant(source: &dyn RuleSource, user: &UserInfo, request: &Request<'_>) -> Option<PolicyRule> {
    let namespace = match request {
        Request::Resource { namespace, .. } => namespace,
        Request::Path { .. } => "",
    };
    let bindings = source.bindings_of(user, namespace);
    bindings.iter().find_map(|(binding, subject)| {
        let role = source.role(&binding.namespace, &binding.role)?;
        role.rules.iter().any(|rule| rule.grants(request)).then(|| decided_by(binding, subject))
    })
}

/// Every rule that holds for the user, cluster-wide and in `namespace` (empty: cluster-wide only), and the references
/// that lead to no role.
pub fn rules_for(source: &dyn RuleSource, user: &UserInfo, namespace: &str) -> (Vec<Rule>, Vec<RoleRef>) {
    let (mut rules, mut missing) = (Vec::new(), Vec::new());
    for (binding, _) in source.bindings_of(user, namespace) {
        match source.role(&binding.namespace, &binding.role) {
            Some(role) => rules.extend(role.rules.iter().cloned()),
            None => missing.push(binding.role.clone()),
        }
    }
    (rules, missing)
}

fn decided_by(binding: &Binding, subject: &Subject) -> PolicyRule {
    let name = &binding.name;
    PolicyRule {
        role_kind: binding.role.kind().to_owned(),
        role: binding.role.name().to_owned(),
        binding_kind: binding.kind().to_owned(),
        binding: match binding.namespace.as_str() {
            "" => name.clone(),
            namespace => format!("{namespace}/{name}"),
        },
        subject: subject.to_string(),
    }
}
