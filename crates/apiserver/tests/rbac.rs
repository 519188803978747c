//! Grants, layers, escalation and aggregation of roles.
#![allow(missing_docs)]

use apiserver::rbac::{
    Layered, RbacIndex, Request, RoleRef, Rule, aggregated_rules, binding_refusal, bootstrap_objects, grant,
    role_refusal, rules_for, uncovered,
};
use apiserver::{UserInfo, builtin};
use proptest::prelude::*;
use serde_json::{Value, json};

fn role(namespace: &str, name: &str, rules: Value) -> Value {
    let kind = if namespace.is_empty() { "ClusterRole" } else { "Role" };
    json!({"kind": kind, "metadata": {"name": name, "namespace": namespace}, "rules": rules})
}

fn binding(namespace: &str, name: &str, role_kind: &str, role: &str, subject: Value) -> Value {
    let kind = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
    json!({"kind": kind, "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role}, "subjects": [subject]})
}

fn user(name: &str, groups: &[&str]) -> UserInfo {
    UserInfo {
        name: name.to_owned(),
        groups: groups.iter().map(|g| (*g).to_owned()).collect(),
        ..UserInfo::default()
    }
}

fn index(objects: &[Value]) -> RbacIndex {
    let mut index = RbacIndex::new();
    objects.iter().for_each(|o| index.put(o));
    index
}

fn reader() -> Value {
    json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"]}])
}

#[test]
fn a_grant_names_rule_binding_and_subject() {
    let source = index(&[
        role("", "reader", reader()),
        binding("dev", "b", "ClusterRole", "reader", json!({"kind": "ServiceAccount", "name": "bot"})),
    ]);
    let bot = user("system:serviceaccount:dev:bot", &[]);
    let request = Request::resource("get", "", "configmaps");
    let rule = grant(&source, &bot, &request.in_namespace("dev")).unwrap();
    assert_eq!(
        rule.to_string(),
        "ClusterRole `reader` through RoleBinding `dev/b` to ServiceAccount dev/bot"
    );
    assert_eq!(grant(&source, &bot, &request.in_namespace("other")), None);
    assert_eq!(grant(&source, &bot, &request), None);
    assert_eq!(
        grant(&source, &user("system:serviceaccount:other:bot", &[]), &request.in_namespace("dev")),
        None
    );
}

#[test]
fn own_roles_come_before_shared_ones_and_shared_bindings_stay_outside() {
    let shared = index(&bootstrap_objects());
    let own =
        index(&[binding("", "b", "ClusterRole", "cluster-admin", json!({"kind": "User", "name": "alice"}))]);
    let request = Request::resource("delete", "x.io", "things");
    let layered = Layered { own: &own, shared: &shared };
    assert!(grant(&layered, &user("alice", &[]), &request).is_some());
    assert!(grant(&layered, &user("root", &["system:masters"]), &request).is_none());

    let shadow = index(&[
        role("", "cluster-admin", reader()),
        binding("", "b", "ClusterRole", "cluster-admin", json!({"kind": "User", "name": "alice"})),
    ]);
    let layered = Layered { own: &shadow, shared: &shared };
    assert!(grant(&layered, &user("alice", &[]), &request).is_none());
    assert!(grant(&layered, &user("alice", &[]), &Request::resource("get", "", "configmaps")).is_some());
}

#[test]
fn removed_bindings_grant_nothing() {
    let b = binding("", "b", "ClusterRole", "reader", json!({"kind": "Group", "name": "g"}));
    let mut source = index(&[role("", "reader", reader()), b.clone()]);
    let request = Request::resource("get", "", "configmaps");
    assert!(grant(&source, &user("u", &["g"]), &request).is_some());
    let moved = binding("", "b", "ClusterRole", "reader", json!({"kind": "Group", "name": "h"}));
    source.put(&moved);
    assert!(grant(&source, &user("u", &["g"]), &request).is_none());
    source.remove(&moved);
    assert!(grant(&source, &user("u", &["h"]), &request).is_none());
}

#[test]
fn escalation_is_refused_in_kubernetes_words() {
    let source = index(&[
        role("", "reader", reader()),
        role(
            "",
            "writer",
            json!([{"verbs": ["get", "update"], "apiGroups": [""], "resources": ["configmaps", "secrets"]}]),
        ),
        binding("", "b", "ClusterRole", "reader", json!({"kind": "User", "name": "alice"})),
    ]);
    let alice = user("alice", &["staff", "system:authenticated"]);
    assert_eq!(role_refusal(&source, &alice, "", &role("", "new", reader())), None);
    let refusal =
        binding_refusal(&source, &alice, "", &RoleRef::ClusterRole("writer".to_owned())).unwrap().unwrap();
    assert_eq!(
        refusal,
        "user \"alice\" (groups=[\"staff\" \"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n\
         {APIGroups:[\"\"], Resources:[\"configmaps\"], Verbs:[\"update\"]}\n\
         {APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"update\"]}"
    );
    let missing = RoleRef::ClusterRole("none".to_owned());
    assert_eq!(binding_refusal(&source, &alice, "", &missing), Err(missing));
    let aggregating = json!({"aggregationRule": {"clusterRoleSelectors": []}});
    assert_eq!(
        role_refusal(&source, &alice, "", &aggregating).unwrap(),
        "must have cluster-admin privileges to use the aggregationRule"
    );
}

#[test]
fn covering_follows_stars_names_subresources_and_paths() {
    let rule = |verbs: &[&str], groups: &[&str], resources: &[&str]| Rule::of(verbs, groups, resources);
    let named = |mut rule: Rule, names: &[&str]| {
        rule.resource_names = names.iter().map(|n| (*n).to_owned()).collect();
        rule
    };
    let pods = rule(&["get"], &[""], &["pods"]);
    for (held, granted, covered) in [
        (rule(&["*"], &["*"], &["*"]), rule(&["*"], &["*"], &["*"]), true),
        (rule(&["get"], &["*"], &["*"]), rule(&["*"], &["*"], &["*"]), false),
        (rule(&["get"], &[""], &["*/status"]), rule(&["get"], &[""], &["pods/status"]), true),
        (rule(&["get"], &[""], &["*/status"]), pods.clone(), false),
        (pods.clone(), named(pods.clone(), &["a"]), true),
        (named(pods.clone(), &["a"]), pods.clone(), false),
        (named(pods.clone(), &["a", "b"]), named(pods.clone(), &["b"]), true),
        (Rule::of_paths(&["get"], &["/api/*"]), Rule::of_paths(&["get"], &["/api/v1", "/api/*"]), true),
        (Rule::of_paths(&["get"], &["/api"]), Rule::of_paths(&["get"], &["/api/*"]), false),
    ] {
        assert_eq!(
            uncovered(std::slice::from_ref(&held), std::slice::from_ref(&granted)).is_empty(),
            covered,
            "{held} {granted}"
        );
    }
    // Two rules may cover one between them.
    let both = [rule(&["get"], &[""], &["pods"]), rule(&["list"], &[""], &["pods"])];
    assert!(uncovered(&both, &[rule(&["get", "list"], &[""], &["pods"])]).is_empty());
}

#[test]
fn the_standard_policy_is_aggregated_and_well_formed() {
    let objects = bootstrap_objects();
    let source = index(&objects);
    for object in &objects {
        assert!(
            builtin::table().kind("rbac.authorization.k8s.io/v1", object["kind"].as_str().unwrap()).is_some()
        );
    }
    let mut source = source;
    for (name, role) in [("a", "admin"), ("e", "edit"), ("v", "view")] {
        source.put(&binding("dev", name, "ClusterRole", role, json!({"kind": "User", "name": name})));
    }
    let may = |name: &str, verb, group, resource| {
        grant(&source, &user(name, &[]), &Request::resource(verb, group, resource).in_namespace("dev"))
            .is_some()
    };
    assert!(
        may("v", "get", "", "configmaps")
            && may("e", "get", "", "configmaps")
            && may("a", "get", "", "configmaps")
    );
    assert!(
        !may("v", "get", "", "secrets") && may("e", "get", "", "secrets") && may("a", "get", "", "secrets")
    );
    assert!(
        !may("e", "create", "rbac.authorization.k8s.io", "roles")
            && may("a", "create", "rbac.authorization.k8s.io", "roles")
    );
    assert!(may("e", "create", "", "serviceaccounts/token"));
    let anybody = user("x", &["system:authenticated"]);
    assert!(grant(&source, &anybody, &Request::path("get", "/apis/x")).is_some());
    assert!(
        grant(&source, &user("y", &["system:unauthenticated"]), &Request::path("get", "/apis")).is_none()
    );
    let (rules, missing) = rules_for(&source, &anybody, "");
    assert!(
        missing.is_empty() && rules.iter().any(|r| r.resources.contains(&"selfsubjectreviews".to_owned()))
    );
}

#[test]
fn aggregation_takes_labelled_roles_once_and_in_order() {
    let labelled = |name: &str, verb: &str| {
        let mut role = role("", name, json!([{"verbs": [verb], "apiGroups": ["x"], "resources": ["y"]}]));
        role["metadata"]["labels"] = json!({"to": "me"});
        role
    };
    let mine = json!({"kind": "ClusterRole", "metadata": {"name": "me", "labels": {"to": "me"}},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to": "me"}}]}});
    let all = [
        labelled("b", "get"),
        mine.clone(),
        labelled("a", "list"),
        labelled("c", "get"),
        role("", "d", reader()),
    ];
    let rules = aggregated_rules(&mine, &all).unwrap();
    assert_eq!(rules.iter().map(|r| r["verbs"][0].as_str().unwrap()).collect::<Vec<_>>(), ["list", "get"]);
    assert_eq!(aggregated_rules(&all[0], &all), None);
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let pick = |items: &'static [&'static str]| {
        prop::sample::subsequence(items, 1..=items.len())
            .prop_map(|v| v.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    (
        pick(&["get", "list", "*"]),
        pick(&["", "x", "*"]),
        pick(&["a", "a/s", "*/s", "*"]),
        prop::sample::subsequence(&["n", "m"][..], 0..=2),
    )
        .prop_map(|(verbs, api_groups, resources, names)| Rule {
            verbs,
            api_groups,
            resources,
            resource_names: names.into_iter().map(str::to_owned).collect(),
            ..Rule::default()
        })
}

proptest! {
    /// What is covered grants nothing new.
    #[test]
    fn covered_rules_grant_no_more(held in prop::collection::vec(any_rule(), 0..3), granted in any_rule()) {
        prop_assert!(uncovered(std::slice::from_ref(&granted), std::slice::from_ref(&granted)).is_empty());
        if uncovered(&held, std::slice::from_ref(&granted)).is_empty() {
            for verb in ["get", "list", "z"] { for group in ["", "x", "z"] { for resource in ["a", "a/s", "b", "b/s", "b/t"] { for name in ["", "n", "m", "z"] {
                let request = Request::resource(verb, group, resource).named(name);
                if granted.grants(&request) {
                    prop_assert!(held.iter().any(|r| r.grants(&request)), "{:?}", request);
                }
            }}}}
        }
    }
}

#[test]
fn a_rule_of_countless_permissions_is_judged_whole_and_at_once() {
    let many: Vec<String> = (0..2000).map(|i| format!("x{i}")).collect();
    let huge = Rule { verbs: many.clone(), api_groups: many.clone(), resources: many, ..Rule::default() };
    let all = Rule::of(&["*"], &["*"], &["*"]);
    assert!(uncovered(&[all], std::slice::from_ref(&huge)).is_empty());
    assert_eq!(uncovered(&[Rule::of(&["get"], &[""], &["pods"])], std::slice::from_ref(&huge)), [huge]);
}
