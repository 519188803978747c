//! Laws of the claim algebra, and the answers it gives.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod generators;

use std::collections::BTreeMap;

use kcp_api::apis::v1alpha2::{AcceptablePermissionClaim, PermissionClaim};
use kcp_api::claims::{self, ClaimKey, ClaimProblem, ClaimRequest, Claims, Grants, Selector};
use proptest::prelude::*;
use serde_json::{Value, json};

fn asked_of(value: Value) -> Vec<PermissionClaim> {
    serde_json::from_value(value).unwrap()
}

fn answers_of(value: Value) -> Vec<AcceptablePermissionClaim> {
    serde_json::from_value(value).unwrap()
}

fn accepted() -> impl Strategy<Value = Grants> {
    generators::claims_v2(true, true).prop_map(|value| Grants::accepted(&answers_of(value)))
}

/// Every question that the generators' names can ask.
fn questions() -> Vec<(ClaimKey, &'static str, BTreeMap<String, String>)> {
    let mut all = Vec::new();
    for group in ["", "apps", "events.k8s.io", "tenancy.kcp.io"] {
        for resource in ["secrets", "events", "workspaces"] {
            for identity in ["", "aaaa", "bbbb"] {
                for verb in ["get", "delete", "patch"] {
                    for (team, tier) in [(None, None), (Some("a"), None), (Some("b"), Some("a"))] {
                        let mut labels = BTreeMap::new();
                        labels.extend(team.map(|team: &str| ("team".to_owned(), team.to_owned())));
                        labels.extend(tier.map(|tier: &str| ("<tier>".to_owned(), tier.to_owned())));
                        all.push((ClaimKey::new(group, resource, identity), verb, labels));
                    }
                }
            }
        }
    }
    all
}

proptest! {
    #[test]
    fn clm_03_intersection_commutes_associates_and_is_idempotent(a in accepted(), b in accepted(), c in accepted()) {
        prop_assert_eq!(a.and(&b), b.and(&a));
        prop_assert_eq!(a.and(&b).and(&c), a.and(&b.and(&c)));
        prop_assert_eq!(a.and(&a), a);
    }

    #[test]
    fn clm_03_intersection_never_widens(a in accepted(), b in accepted()) {
        let both = a.and(&b);
        for (key, verb, labels) in questions() {
            if both.allow(&key, verb, &labels) {
                prop_assert!(a.allow(&key, verb, &labels) && b.allow(&key, verb, &labels));
            }
        }
        prop_assert!(!claims::diff_granted(&a, &both).exposes_more());
    }

    #[test]
    fn clm_03_covers_agrees_with_naive_enumeration(
        asked in generators::claims_v2(false, false),
        answers in generators::claims_v2(true, true),
    ) {
        let (asked, answers) = (asked_of(asked), answers_of(answers));
        let claims = Claims::new(&asked, &answers);
        for (key, verb, labels) in questions() {
            // Two spellings of events in one list are one resource; which of them counts is not the question here.
            if key.resource == "events" {
                continue;
            }
            let naive = asked.iter().any(|claim| {
                ClaimKey::from(claim) == key && answers.iter().any(|answer| {
                    ClaimKey::from(answer) == key
                        && answer.state.as_str() == "Accepted"
                        && ["*", verb].iter().any(|word| {
                            claim.verbs.iter().any(|asked| asked == word)
                                && answer.verbs.iter().any(|accepted| accepted == word)
                        })
                        && Selector::from(&answer.selector).matches(&labels)
                })
            });
            let request = ClaimRequest { verb: verb.to_owned(), key, labels: Some(labels) };
            let answer = claims.covers(&request);
            prop_assert_eq!(answer.is_covered(), naive, "{}", answer);
            prop_assert_eq!(answer.missing().is_none(), naive);
        }
    }

    #[test]
    fn clm_12_an_equal_revision_exposes_nothing(asked in generators::claims_v2(false, false)) {
        let asked = asked_of(asked);
        prop_assert!(claims::diff(&asked, &asked).is_empty());
        prop_assert!(!claims::diff(&asked, &[]).exposes_more());
        let problems = claims::problems(&asked, &claims::accept_all(&asked));
        prop_assert_eq!(problems, Vec::new());
        prop_assert_eq!(claims::pending(&asked, &claims::accept_all(&asked)).len(), 0);
    }
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
