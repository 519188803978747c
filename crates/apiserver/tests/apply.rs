//! Managed fields and server-side apply over the built-in kinds and over objects without a schema.
#![allow(missing_docs, clippy::unwrap_used)]

use apiserver::apply::{ApplyError, LAST_APPLIED, Tracking, apply, keep_timestamps, track_update};
use apiserver::fields::{DEDUCED, MergeSchema, Shape};
use apiserver::{ApiError, builtin};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A workload-like kind: ports keyed, args atomic, tags a set.
struct Workload;
struct Spec;
struct Ports(Vec<String>);
struct Port;
struct Tags;
struct Args;
static SPEC: Spec = Spec;
static PORTS: std::sync::LazyLock<Ports> =
    std::sync::LazyLock::new(|| Ports(vec!["port".to_owned(), "protocol".to_owned()]));
static TCP: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| json!("TCP"));

impl MergeSchema for Workload {
    fn shape(&self) -> Shape<'_> {
        Shape::Map
    }
    fn field(&self, name: &str) -> Option<&dyn MergeSchema> {
        match name {
            "spec" => Some(&SPEC),
            "status" => Some(&DEDUCED),
            _ => None,
        }
    }
}
impl MergeSchema for Spec {
    fn shape(&self) -> Shape<'_> {
        Shape::Map
    }
    fn field(&self, name: &str) -> Option<&dyn MergeSchema> {
        match name {
            "ports" => Some(&*PORTS),
            "tags" => Some(&Tags),
            "args" => Some(&Args),
            "replicas" | "paused" => Some(&apiserver::fields::SCALAR),
            _ => None,
        }
    }
}
impl MergeSchema for Ports {
    fn shape(&self) -> Shape<'_> {
        Shape::KeyedList(&self.0)
    }
    fn item(&self) -> Option<&dyn MergeSchema> {
        Some(&Port)
    }
}
impl MergeSchema for Port {
    fn shape(&self) -> Shape<'_> {
        Shape::Map
    }
    fn field(&self, name: &str) -> Option<&dyn MergeSchema> {
        ["port", "protocol", "name"].contains(&name).then_some(&apiserver::fields::SCALAR as _)
    }
    fn default_of(&self, field: &str) -> Option<&Value> {
        (field == "protocol").then_some(&*TCP)
    }
}
impl MergeSchema for Tags {
    fn shape(&self) -> Shape<'_> {
        Shape::SetList
    }
}
impl MergeSchema for Args {
    fn shape(&self) -> Shape<'_> {
        Shape::AtomicList
    }
}

const V: &str = "apps/v1";

fn cx<'a>(manager: &'a str, second: i8) -> Tracking<'a> {
    let now = format!("2030-01-01T00:00:{second:02}Z").parse().unwrap();
    Tracking::new(V, &Workload, manager, now).with_status_subresource("")
}

fn object(spec: Value) -> Value {
    json!({"apiVersion": V, "kind": "Workload", "metadata": {"name": "w"}, "spec": spec})
}

fn created(manager: &str, spec: Value) -> Value {
    let mut new = object(spec);
    track_update(&cx(manager, 0), None, &mut new);
    live(new)
}

/// As the server stores it.
fn live(mut object: Value) -> Value {
    object["metadata"]["uid"] = json!("u1");
    object
}

fn owned(object: &Value, manager: &str, operation: &str) -> Value {
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let found = entries.iter().find(|e| e["manager"] == manager && e["operation"] == operation);
    found.map_or(Value::Null, |e| e["fieldsV1"].clone())
}

#[test]
fn created_object_belongs_to_its_creator_without_identity_fields() {
    let object = created("kubectl-create", json!({"replicas": 1, "tags": ["a"]}));
    assert_eq!(
        object["metadata"]["managedFields"],
        json!([{"manager": "kubectl-create", "operation": "Update", "apiVersion": V, "time": "2030-01-01T00:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {".": {}, "f:replicas": {}, "f:tags": {".": {}, "v:\"a\"": {}}}}}])
    );
}

#[test]
fn update_moves_ownership_and_an_update_without_change_keeps_the_time() {
    let first = created("a", json!({"replicas": 1, "paused": false}));
    let mut second = first.clone();
    second["spec"]["replicas"] = json!(2);
    track_update(&cx("b", 5), Some(&first), &mut second);
    assert_eq!(owned(&second, "a", "Update"), json!({"f:spec": {".": {}, "f:paused": {}}}));
    assert_eq!(owned(&second, "b", "Update"), json!({"f:spec": {"f:replicas": {}}}));

    let mut third = second.clone();
    track_update(&cx("b", 9), Some(&second), &mut third);
    assert_eq!(third, second);

    // A client that knows no managed fields does not lose them.
    let mut stripped = second.clone();
    stripped["metadata"].as_object_mut().unwrap().remove("managedFields");
    track_update(&cx("c", 9), Some(&second), &mut stripped);
    assert_eq!(stripped, second);
}

#[test]
fn entries_are_reset_by_an_empty_list_and_then_stay_away_until_the_first_apply() {
    let first = created("a", json!({"replicas": 1}));
    for reset in [json!([]), json!([{}])] {
        let mut second = first.clone();
        second["metadata"]["managedFields"] = reset;
        track_update(&cx("b", 1), Some(&first), &mut second);
        assert_eq!(second["metadata"].get("managedFields"), None);
        let mut third = second.clone();
        third["spec"]["replicas"] = json!(3);
        track_update(&cx("b", 2), Some(&second), &mut third);
        assert_eq!(third["metadata"].get("managedFields"), None);

        let applied = apply(&cx("me", 3), Some(&third), &object(json!({"replicas": 4})), true).unwrap();
        assert_eq!(owned(&applied.object, "before-first-apply", "Update"), json!({"f:spec": {}}));
        assert_eq!(owned(&applied.object, "me", "Apply"), json!({"f:spec": {"f:replicas": {}}}));
    }
}

#[test]
fn conflict_names_manager_version_and_field_as_kubernetes_does() {
    let live = created("kubectl", json!({"replicas": 1}));
    let error = apply(&cx("me", 1), Some(&live), &object(json!({"replicas": 2})), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas"#
    );
    let status = ApiError::from(error).to_status();
    assert_eq!(status["code"], 409);
    assert_eq!(status["reason"], "Conflict");
    assert_eq!(
        status["details"]["causes"],
        json!([{"reason": "FieldManagerConflict", "message": "conflict with \"kubectl\" using apps/v1", "field": ".spec.replicas"}])
    );
}

#[test]
fn several_conflicts_are_listed_by_manager() {
    let ports = json!([{"port": 80, "name": "web"}]);
    let first = apply(&cx("one", 1), None, &object(json!({"replicas": 1, "ports": ports})), false).unwrap();
    let wish = object(json!({"replicas": 2, "ports": [{"port": 80, "name": "http"}]}));
    let error = apply(&cx("two", 2), Some(&live(first.object)), &wish, false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 2 conflicts: conflicts with \"one\":\n- .spec.replicas\n- .spec.ports[port=80,protocol=\"TCP\"].name"
    );
}

#[test]
fn forced_apply_takes_fields_and_the_former_owner_loses_them() {
    let first = apply(&cx("one", 1), None, &object(json!({"replicas": 1, "paused": true})), false).unwrap();
    let taken =
        apply(&cx("two", 2), Some(&live(first.object)), &object(json!({"replicas": 2})), true).unwrap();
    assert_eq!(taken.object["spec"], json!({"replicas": 2, "paused": true}));
    assert_eq!(owned(&taken.object, "one", "Apply"), json!({"f:spec": {"f:paused": {}}}));
    assert_eq!(owned(&taken.object, "two", "Apply"), json!({"f:spec": {"f:replicas": {}}}));
}

#[test]
fn fields_no_longer_applied_go_unless_somebody_else_owns_them() {
    let all = json!({"replicas": 1, "tags": ["a", "b"], "ports": [{"port": 80, "name": "x"}, {"port": 81}]});
    let first = apply(&cx("one", 1), None, &object(all), false).unwrap();
    let shared = object(json!({"tags": ["b"], "ports": [{"port": 81}]}));
    let both = apply(&cx("two", 2), Some(&live(first.object)), &shared, false).unwrap();
    let less = apply(&cx("one", 3), Some(&both.object), &object(json!({"replicas": 1})), false).unwrap();
    assert_eq!(less.object["spec"], json!({"replicas": 1, "tags": ["b"], "ports": [{"port": 81}]}));
    let gone = apply(&cx("two", 4), Some(&less.object), &object(json!({})), false).unwrap();
    assert_eq!(gone.object["spec"], json!({"replicas": 1}));
    assert_eq!(owned(&gone.object, "two", "Apply"), json!({"f:spec": {}}));
}

#[test]
fn applying_the_same_again_changes_nothing() {
    let wish = object(json!({"replicas": 1, "tags": ["b", "a"], "args": [1, 2], "ports": [{"port": 80}]}));
    let first = apply(&cx("one", 1), None, &wish, false).unwrap();
    let stored = live(first.object);
    let again = apply(&cx("one", 30), Some(&stored), &wish, false).unwrap();
    assert!(!again.changed);
    assert_eq!(again.object, stored);
}

#[test]
fn kubectl_takes_over_what_its_client_side_apply_wrote() {
    let mut client = object(json!({"replicas": 1}));
    let annotation = format!("{client}\n");
    client["metadata"]["annotations"] = json!({LAST_APPLIED: annotation});
    track_update(&cx("kubectl-client-side-apply", 0), None, &mut client);
    let wish = object(json!({"replicas": 2}));
    let denied = apply(&cx("other", 1), Some(&live(client.clone())), &wish, false);
    assert!(matches!(denied, Err(ApplyError::Conflicts(_))));
    let upgraded = apply(&cx("kubectl", 1), Some(&live(client)), &wish, false).unwrap();
    let followed = upgraded.object["metadata"]["annotations"][LAST_APPLIED].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(followed).unwrap(), wish);
}

#[test]
fn status_apply_owns_no_spec_and_names_its_subresource_in_conflicts() {
    let base = created("a", json!({"replicas": 1}));
    let through = |m, s| Tracking { subresource: "", ..cx(m, s) }.with_status_subresource("status");
    let mut through_status = through("ctl", 1);
    through_status.reset =
        Tracking::new(V, &Workload, "x", through_status.now).with_status_subresource("status").reset;
    let mut wish = object(json!({"replicas": 1}));
    wish["status"] = json!({"ready": 1});
    let done = apply(&through_status, Some(&base), &wish, false).unwrap();
    assert_eq!(owned(&done.object, "ctl", "Apply")["f:status"], json!({"f:ready": {}}));
    assert_eq!(owned(&done.object, "ctl", "Apply").get("f:spec"), None);
    wish["status"]["ready"] = json!(2);
    let mut other = through_status;
    other.manager = "other";
    let error = apply(&other, Some(&done.object), &wish, false).unwrap_err();
    assert!(
        error.to_string().contains(r#"conflict with "ctl" with subresource "status": .status.ready"#),
        "{error}"
    );
}

#[test]
fn more_than_ten_updaters_are_merged_into_ancient_changes() {
    let mut object = created("m00", json!({"args": [0]}));
    for i in 1..14 {
        let before = object.clone();
        object["metadata"]["labels"][format!("l{i}")] = json!("x");
        track_update(&cx(&format!("m{i:02}"), i), Some(&before), &mut object);
    }
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!(entries.len(), 10);
    assert!(entries.iter().any(|e| e["manager"] == "ancient-changes"));
}

#[test]
fn bodies_that_cannot_be_merged_are_refused() {
    for (spec, text) in [
        (json!({"unknown": 1}), ".spec.unknown: field not declared in schema"),
        (json!({"tags": ["a", "a"]}), ".spec.tags: duplicate entries for key [=\"a\"]"),
        (json!({"ports": [{"name": "x"}]}), ""),
        (json!({"ports": {}}), ".spec.ports: expected list"),
    ] {
        let result = apply(&cx("me", 1), None, &object(spec), false);
        match text {
            "" => assert!(result.is_ok(), "the default of one key is enough"),
            text => assert!(result.unwrap_err().to_string().contains(text)),
        }
    }
    let mut entries = object(json!({}));
    entries["metadata"]["managedFields"] = json!([]);
    assert_eq!(apply(&cx("me", 1), None, &entries, false).unwrap_err(), ApplyError::ManagedFieldsInBody);
    let other = json!({"apiVersion": "apps/v2", "kind": "Workload"});
    assert_eq!(apply(&cx("me", 1), None, &other, false).unwrap_err().status(), 400);
}

#[test]
fn owner_references_and_finalizers_merge_by_item_on_every_kind() {
    let schema = builtin::table().kind("v1", "ConfigMap").unwrap();
    let now = "2030-01-01T00:00:00Z".parse().unwrap();
    let cm = |meta: Value, data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data});
    let one = cm(
        json!({"name": "c", "finalizers": ["a"], "ownerReferences": [{"uid": "1", "name": "x", "kind": "K", "apiVersion": "v1"}]}),
        json!({"k": "v"}),
    );
    let two = cm(
        json!({"name": "c", "finalizers": ["b"], "ownerReferences": [{"uid": "2", "name": "y", "kind": "K", "apiVersion": "v1"}]}),
        json!({"l": "w"}),
    );
    let first = apply(&Tracking::new("v1", schema, "one", now), None, &one, false).unwrap();
    let both =
        apply(&Tracking::new("v1", schema, "two", now), Some(&live(first.object)), &two, false).unwrap();
    assert_eq!(both.object["metadata"]["finalizers"], json!(["a", "b"]));
    assert_eq!(both.object["metadata"]["ownerReferences"].as_array().unwrap().len(), 2);
    assert_eq!(both.object["data"], json!({"k": "v", "l": "w"}));
    assert_eq!(
        owned(&both.object, "two", "Apply")["f:metadata"]["f:ownerReferences"],
        json!({"k:{\"uid\":\"2\"}": {}})
    );
}

#[test]
fn time_stamps_are_kept_when_nothing_else_differs() {
    let old = created("a", json!({"replicas": 1}));
    let mut new = old.clone();
    new["metadata"]["managedFields"][0]["time"] = json!("2031-01-01T00:00:00Z");
    keep_timestamps(&old, &mut new);
    assert_eq!(new, old);
    new["spec"]["replicas"] = json!(2);
    new["metadata"]["managedFields"][0]["time"] = json!("2031-01-01T00:00:00Z");
    let before = new.clone();
    keep_timestamps(&old, &mut new);
    assert_eq!(new, before);
}

/// Two versions of a kind: `spec.size` of v1 is `spec.bytes` of v2.
struct Renamed;

impl apiserver::apply::Versions for Renamed {
    fn schema(&self, api_version: &str) -> Option<&dyn MergeSchema> {
        ["x.io/v1", "x.io/v2"].contains(&api_version).then_some(&DEDUCED as _)
    }

    fn convert(&self, object: &Value, api_version: &str) -> Option<Result<Value, String>> {
        self.schema(api_version)?;
        let mut object = object.clone();
        object["apiVersion"] = json!(api_version);
        let (from, to) = if api_version == "x.io/v2" { ("size", "bytes") } else { ("bytes", "size") };
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
            && let Some(value) = spec.remove(from)
        {
            spec.insert(to.to_owned(), value);
        }
        Some(Ok(object))
    }
}

fn in_version<'a>(version: &'a str, manager: &'a str) -> Tracking<'a> {
    let now = "2030-01-01T00:00:00Z".parse().unwrap();
    Tracking { versions: Some(&Renamed), ..Tracking::new(version, &DEDUCED, manager, now) }
}

#[test]
fn ownership_holds_across_versions() {
    let wish = |version: &str, spec: Value| json!({"apiVersion": version, "kind": "X", "metadata": {"name": "x"}, "spec": spec});
    let convert = |object: &Value, version: &str| {
        apiserver::apply::Versions::convert(&Renamed, object, version).unwrap().unwrap()
    };
    let first =
        apply(&in_version("x.io/v1", "a"), None, &wish("x.io/v1", json!({"size": 1, "keep": 1})), false)
            .unwrap();
    let live = convert(&first.object, "x.io/v2");

    // The same wish in the other version is no change, and another one meets the owner in the owner's version.
    let same = apply(&in_version("x.io/v2", "b"), Some(&live), &wish("x.io/v2", json!({"bytes": 1})), false)
        .unwrap();
    assert_eq!(same.object["spec"], json!({"bytes": 1, "keep": 1}));
    let error = apply(&in_version("x.io/v2", "b"), Some(&live), &wish("x.io/v2", json!({"bytes": 2})), false)
        .unwrap_err();
    assert_eq!(error.to_string(), r#"Apply failed with 1 conflict: conflict with "a": .spec.size"#);

    // What the manager applied in the old version and no longer applies in the new one goes.
    let moved =
        apply(&in_version("x.io/v2", "a"), Some(&live), &wish("x.io/v2", json!({"keep": 1})), false).unwrap();
    assert_eq!(moved.object["spec"], json!({"keep": 1}));
    assert_eq!(moved.object["metadata"]["managedFields"][0]["apiVersion"], "x.io/v2");

    // Entries of a version that is gone are dropped, not kept forever.
    let mut stale = live.clone();
    stale["metadata"]["managedFields"][0]["apiVersion"] = json!("x.io/v0");
    let done = apply(&in_version("x.io/v2", "b"), Some(&stale), &wish("x.io/v2", json!({"bytes": 2})), false)
        .unwrap();
    assert_eq!(done.object["metadata"]["managedFields"].as_array().unwrap().len(), 1);
}

#[test]
fn a_null_creation_timestamp_is_no_change() {
    let mut wish = object(json!({"replicas": 1}));
    wish["metadata"]["creationTimestamp"] = Value::Null;
    let first = apply(&cx("a", 1), None, &wish, false).unwrap();
    let mut stored = live(first.object);
    stored["metadata"]["creationTimestamp"] = json!("2030-01-01T00:00:01Z");
    assert!(!apply(&cx("a", 9), Some(&stored), &wish, false).unwrap().changed);
}

fn spec() -> impl Strategy<Value = Value> {
    let ports = prop::collection::btree_map(80..84i64, prop::option::of("[ab]"), 1..3).prop_map(|ports| {
        ports
            .into_iter()
            .map(|(p, n)| n.map_or(json!({"port": p}), |n| json!({"port": p, "name": n})))
            .collect::<Value>()
    });
    let tags = prop::collection::btree_set("[abc]", 1..3).prop_map(|t| json!(t));
    (
        prop::option::of(0..3i64),
        prop::option::of(ports),
        prop::option::of(tags),
        prop::option::of(prop::collection::vec(0..3i64, 0..3)),
    )
        .prop_map(|(replicas, ports, tags, args)| {
            let fields = [
                ("replicas", replicas.map(|r| json!(r))),
                ("ports", ports),
                ("tags", tags),
                ("args", args.map(|a| json!(a))),
            ];
            Value::Object(fields.into_iter().filter_map(|(k, v)| Some((k.to_owned(), v?))).collect())
        })
}

proptest! {
    #[test]
    fn apply_is_idempotent_and_gives_what_was_asked(a in spec(), b in spec(), c in spec()) {
        let first = apply(&cx("a", 1), None, &object(a), true).unwrap();
        let second = apply(&cx("b", 2), Some(&live(first.object)), &object(b.clone()), true).unwrap();
        let again = apply(&cx("b", 3), Some(&second.object), &object(b), true).unwrap();
        prop_assert!(!again.changed);
        let third = apply(&cx("a", 4), Some(&second.object), &object(c.clone()), true).unwrap();
        // Everything asked for is there: applying it as anybody meets no conflict and changes no content.
        let check = apply(&cx("check", 5), Some(&third.object), &object(c), false).unwrap();
        prop_assert_eq!(&check.object["spec"], &third.object["spec"]);
    }

    #[test]
    fn a_lone_applier_leaves_nothing_behind(a in spec(), b in spec()) {
        let alone = apply(&cx("a", 1), None, &object(b.clone()), false).unwrap();
        let first = apply(&cx("a", 1), None, &object(a), false).unwrap();
        let second = apply(&cx("a", 2), Some(&live(first.object)), &object(b), false).unwrap();
        for (name, value) in second.object["spec"].as_object().into_iter().flatten() {
            let wanted = &alone.object["spec"][name];
            let sorted = |v: &Value| {
                let mut items = v.as_array().cloned().unwrap_or_default();
                items.sort_by(apiserver::fields::compare_values);
                items
            };
            let by_item = ["ports", "tags"].contains(&name.as_str());
            let same = if by_item { sorted(value) == sorted(wanted) } else { value == wanted };
            prop_assert!(same);
        }
    }
}
