//! Nobody grants more than he holds: the check on roles and bindings, with Kubernetes' covering rules and words.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    RoleRef, Rule, RuleSource,
    rule::{path_matches, quoted},
    rules_for,
};
use crate::UserInfo;

/// Why a caller may not write a role with `rules` into `namespace` (empty: a cluster role); none if he may. To be asked
/// unless the caller is in `system:masters` or may `escalate` the role, and only if the rules change. `aggregates` says
/// whether the role is made of others: such roles need everything.
pub fn role_refusal(
    source: &dyn RuleSource,
    user: &UserInfo,
    namespace: &str,
    role: &Value,
) -> Option<String> {
    let (held, missing) = rules_for(source, user, namespace);
    let aggregates = role.get("aggregationRule").is_some_and(|a| !a.is_null());
    if aggregates && !uncovered(&held, &everything()).is_empty() {
        return Some("must have cluster-admin privileges to use the aggregationRule".to_owned());
    }
    escalation_message(user, &held, &Rule::all_of(role), &missing)
}

/// Why a caller may not bind a role in `namespace` (empty: cluster-wide); none if he may, `Err` if the role does not
/// exist. To be asked unless the caller is in `system:masters` or may `bind` the role.
///
/// # Errors
/// The reference, if it leads to no role: Kubernetes answers 404 for it.
pub fn binding_refusal(
    source: &dyn RuleSource,
    user: &UserInfo,
    namespace: &str,
    reference: &RoleRef,
) -> Result<Option<String>, RoleRef> {
    let role = source.role(namespace, reference).ok_or_else(|| reference.clone())?;
    let (held, missing) = rules_for(source, user, namespace);
    Ok(escalation_message(user, &held, &role.rules, &missing))
}

/// The refusal of a caller who holds `held` and grants `granted`; none if all of it is covered.
pub fn escalation_message(
    user: &UserInfo,
    held: &[Rule],
    granted: &[Rule],
    missing: &[RoleRef],
) -> Option<String> {
    let lacking = uncovered(held, granted);
    if lacking.is_empty() {
        return None;
    }
    let lines: BTreeSet<String> = compact(lacking).iter().map(Rule::to_string).collect();
    let lines: Vec<String> = lines.into_iter().collect();
    let mut message = format!(
        "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        quoted(&user.groups),
        lines.join("\n")
    );
    if !missing.is_empty() {
        let names: Vec<String> =
            missing.iter().map(|r| format!("{} {:?} not found", r.kind(), r.name())).collect();
        message.push_str(&format!("; resolution errors: [{}]", names.join(", ")));
    }
    Some(message)
}

/// Rules that name more single permissions are not taken apart: one held rule must cover them whole.
const SINGLES_MAX: usize = 50_000;

/// The single permissions of `granted` that no rule of `held` covers.
pub fn uncovered(held: &[Rule], granted: &[Rule]) -> Vec<Rule> {
    let covered = |wanted: &Rule| held.iter().any(|rule| covers(rule, wanted));
    let mut lacking = Vec::new();
    for rule in granted.iter().filter(|rule| !covered(rule)) {
        if single_count(rule) > SINGLES_MAX {
            lacking.push(rule.clone());
        } else {
            lacking.extend(singles(rule).into_iter().filter(|single| !covered(single)));
        }
    }
    lacking
}

fn single_count(rule: &Rule) -> usize {
    let names = rule.resource_names.len().max(1);
    let resources = rule.api_groups.len().saturating_mul(rule.resources.len()).saturating_mul(names);
    rule.verbs.len().saturating_mul(resources.saturating_add(rule.non_resource_urls.len()))
}

/// A rule taken apart: one verb, one group, one resource or path, at most one name each.
fn singles(rule: &Rule) -> Vec<Rule> {
    let mut out = Vec::new();
    for verb in &rule.verbs {
        for group in &rule.api_groups {
            for resource in &rule.resources {
                let single = Rule::of(&[verb], &[group], &[resource]);
                if rule.resource_names.is_empty() {
                    out.push(single);
                } else {
                    let named = |n: &String| Rule { resource_names: vec![n.clone()], ..single.clone() };
                    out.extend(rule.resource_names.iter().map(named));
                }
            }
        }
        out.extend(rule.non_resource_urls.iter().map(|path| Rule::of_paths(&[verb], &[path])));
    }
    out
}

/// Whether one held rule covers everything that another grants.
fn covers(held: &Rule, single: &Rule) -> bool {
    let all = |held: &[String], wanted: &[String]| {
        held.iter().any(|h| h == "*") || wanted.iter().all(|w| held.contains(w))
    };
    let resource = |wanted: &String| {
        let below_any = wanted.split_once('/').map(|(_, below)| format!("*/{below}"));
        held.resources.iter().any(|h| h == "*" || h == wanted || Some(h) == below_any.as_ref())
    };
    let names = match single.resource_names.as_slice() {
        [] => held.resource_names.is_empty(),
        wanted => held.resource_names.is_empty() || wanted.iter().all(|n| held.resource_names.contains(n)),
    };
    let paths =
        single.non_resource_urls.iter().all(|p| held.non_resource_urls.iter().any(|h| path_matches(h, p)));
    all(&held.verbs, &single.verbs)
        && all(&held.api_groups, &single.api_groups)
        && single.resources.iter().all(resource)
        && names
        && paths
}

/// Single permissions on the same thing put together by verb.
fn compact(singles: Vec<Rule>) -> Vec<Rule> {
    let mut by_target: BTreeMap<Rule, Vec<String>> = BTreeMap::new();
    for single in singles {
        let target = Rule { verbs: Vec::new(), ..single.clone() };
        let verbs = by_target.entry(target).or_default();
        single.verbs.into_iter().for_each(|verb| {
            if !verbs.contains(&verb) {
                verbs.push(verb);
            }
        });
    }
    by_target.into_iter().map(|(target, verbs)| Rule { verbs, ..target }).collect()
}

fn everything() -> [Rule; 2] {
    [Rule::of(&["*"], &["*"], &["*"]), Rule::of_paths(&["*"], &["*"])]
}
