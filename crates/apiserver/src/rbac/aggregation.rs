//! Cluster roles made of others: the rules of every cluster role that a selector chooses.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Rule;
use crate::LabelSelector;

/// Whether a cluster role is made of others.
pub fn needs_aggregation(cluster_role: &Value) -> bool {
    selectors(cluster_role).next().is_some()
}

/// The rules that an aggregating cluster role should have, taken from `all` cluster roles in order of name, without
/// repetition and without itself; none if it does not aggregate. A malformed selector chooses nothing.
pub fn aggregated_rules(cluster_role: &Value, all: &[Value]) -> Option<Vec<Value>> {
    if !needs_aggregation(cluster_role) {
        return None;
    }
    let mut others: Vec<&Value> = all.iter().filter(|role| name(role) != name(cluster_role)).collect();
    others.sort_by_key(|role| name(role));
    let (mut rules, mut known) = (Vec::new(), BTreeSet::new());
    for selector in selectors(cluster_role) {
        let Ok(selector) = LabelSelector::from_value(selector) else { continue };
        for role in others.iter().filter(|role| selector.matches(role)) {
            for rule in Rule::all_of(role) {
                if known.insert(rule.clone()) {
                    rules.push(rule.to_value());
                }
            }
        }
    }
    Some(rules)
}

fn selectors(cluster_role: &Value) -> impl Iterator<Item = &Value> {
    let rule = cluster_role.get("aggregationRule").and_then(|a| a.get("clusterRoleSelectors"));
    rule.and_then(Value::as_array).into_iter().flatten()
}

fn name(role: &Value) -> &str {
    role.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}
