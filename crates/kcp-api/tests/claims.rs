//! The answers that the claim algebra gives; its laws are in `laws.rs`.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use kcp_api::apis::v1alpha2::{AcceptablePermissionClaim, PermissionClaim};
use kcp_api::claims::{self, ClaimKey, ClaimProblem, ClaimRequest, Claims, Selector};
use serde_json::{Value, json};

fn asked_of(value: Value) -> Vec<PermissionClaim> {
    serde_json::from_value(value).unwrap()
}

fn answers_of(value: Value) -> Vec<AcceptablePermissionClaim> {
    serde_json::from_value(value).unwrap()
}

#[test]
fn clm_03_a_star_is_not_expanded() {
    let asked = asked_of(json!([{"resource": "secrets", "verbs": ["get"]}]));
    let answers = answers_of(json!([
        {"resource": "secrets", "verbs": ["*"], "selector": {"matchAll": true}, "state": "Accepted"}]));
    let coverage = Claims::new(&asked, &answers).covers(&ClaimRequest::new("get", "", "secrets"));
    assert_eq!(
        coverage.to_string(),
        "verb `get` on `secrets` is not granted: the export asks get, the consumer accepts *, and only equal \
         words count"
    );
    let verdict = coverage.verdict();
    assert!(!verdict.is_allow() && verdict.missing_fact().is_some());
}

#[test]
fn clm_04_a_selector_decides_about_objects_and_lists_pass_filtered() {
    let asked = asked_of(json!([{"resource": "configmaps", "verbs": ["*"]}]));
    let answers = answers_of(json!([{"resource": "configmaps", "verbs": ["*"], "state": "Accepted",
        "selector": {"matchLabels": {"team": "a"}, "matchExpressions": [{"key": "x", "operator": "Exists"}]}}]));
    let claims = Claims::new(&asked, &answers);
    let request = ClaimRequest::new("get", "", "configmaps");
    assert!(claims.covers(&request).is_covered());
    let labels = |rows: &[(&str, &str)]| {
        rows.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    assert!(claims.covers(&request.clone().on_object(labels(&[("team", "a"), ("x", "")]))).is_covered());
    let refused = claims.covers(&request.on_object(labels(&[("team", "a")])));
    assert_eq!(
        refused.to_string(),
        "the object of `configmaps` is outside what the consumer accepts: objects with label team=a and label x"
    );
    let selector = Selector::from(&answers[0].selector);
    assert_eq!(selector.labels_to_add(), labels(&[("team", "a")]));
}

#[test]
fn clm_01_both_kinds_of_events_are_one_resource() {
    let asked = asked_of(json!([{"resource": "events", "verbs": ["*"]}]));
    let claims = Claims::new(&asked, &claims::accept_all(&asked));
    assert!(claims.covers(&ClaimRequest::new("create", "events.k8s.io", "events")).is_covered());
}

#[test]
fn clm_05_claim_without_hash_is_refused() {
    let asked = asked_of(json!([
        {"resource": "secrets", "verbs": ["*"]},
        {"group": "tenancy.kcp.io", "resource": "workspaces", "verbs": ["*"]},
        {"group": "apis.kcp.io", "resource": "apibindings", "verbs": ["*"]}]));
    assert_eq!(
        claims::check_asked(&asked),
        [(1, "identityHash is required for API types that are not built-in")]
    );
    let answers = answers_of(json!([
        {"resource": "a", "verbs": ["*"], "selector": {}, "state": "Accepted"},
        {"resource": "b", "verbs": ["*"], "selector": {"matchAll": true, "matchLabels": {"a": "b"}}, "state": "Accepted"},
        {"resource": "c", "verbs": ["*"], "selector": {"matchAll": true}, "state": "Accepted"}]));
    assert_eq!(claims::check_answers(&answers).iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn clm_06_a_new_claim_stays_pending_and_mismatches_are_named() {
    let asked = asked_of(json!([
        {"resource": "secrets", "verbs": ["get", "list"]},
        {"resource": "configmaps", "verbs": ["*"]},
        {"resource": "namespaces", "verbs": ["get"], "defaultSelector": {"matchLabels": {"a": "b"}}}]));
    let answers = answers_of(json!([
        {"resource": "secrets", "verbs": ["get"], "selector": {"matchAll": true}, "state": "Accepted"},
        {"resource": "events", "verbs": ["get"], "selector": {"matchAll": true}, "state": "Accepted"},
        {"resource": "namespaces", "verbs": ["get"], "selector": {"matchAll": true}, "state": "Accepted"},
        {"resource": "leases", "verbs": ["get"], "selector": {"matchAll": true}, "state": "Rejected"}]));
    let pending: Vec<&str> =
        claims::pending(&asked, &answers).iter().map(|claim| claim.resource.as_str()).collect();
    assert_eq!(pending, ["configmaps"]);
    let problems = claims::problems(&asked, &answers);
    assert!(matches!(
        problems.as_slice(),
        [ClaimProblem::OtherVerbs { .. }, ClaimProblem::NotAsked(_), ClaimProblem::OtherSelector(_)]
    ));
    let applied = claims::applied(&asked, &answers, &[ClaimKey::new("", "secrets", "")]);
    assert_eq!(applied.iter().map(|claim| claim.resource.as_str()).collect::<Vec<_>>(), ["namespaces"]);
}

#[test]
fn clm_12_a_diff_says_in_words_what_an_upgrade_exposes() {
    let old = asked_of(json!([
        {"resource": "configmaps", "verbs": ["get", "list"]},
        {"resource": "events", "verbs": ["*"]},
        {"group": "tenancy.kcp.io", "resource": "workspaces", "verbs": ["get"], "identityHash": "aaaaaaaaaaaa"}]));
    let new = asked_of(json!([
        {"resource": "configmaps", "verbs": ["get", "list", "create", "delete"]},
        {"resource": "secrets", "verbs": ["get", "watch"]},
        {"group": "tenancy.kcp.io", "resource": "workspaces", "verbs": ["get"], "identityHash": "bbbbbbbbbbbb"}]));
    let diff = claims::diff(&old, &new);
    assert!(diff.exposes_more());
    assert_eq!(
        diff.to_string(),
        "+ the provider could now also create and delete `configmaps` (verbs create, delete)\n\
         + the provider could read `secrets`, all objects, in your workspace; secrets hold credentials\n\
         + the provider wants `workspaces.tenancy.kcp.io of identity bbbbbbbb` where it wanted \
         `workspaces.tenancy.kcp.io of identity aaaaaaaa`: it could read objects of another API\n\
         - the provider no longer wants `events`"
    );
    assert_eq!(claims::diff(&new, &new).to_string(), "the claims are the same");
}
