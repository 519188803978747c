//! CustomResourceDefinitions: what may be registered, names, status, what is served.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use apiserver::{
    StoragePrefix,
    crd::{self, NameClaim, Names},
};
use serde_json::{Value, json};

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "buckets.storage.example.io"},
        "spec": {
            "group": "storage.example.io",
            "scope": "Namespaced",
            "names": {"plural": "buckets", "singular": "bucket", "kind": "Bucket", "listKind": "BucketList", "shortNames": ["bk"]},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}},
                "subresources": {"status": {}},
                "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
                "selectableFields": [{"jsonPath": ".spec.size"}],
            }],
            "conversion": {"strategy": "None"},
        },
    })
}

fn with(pointer: &str, value: Value) -> Value {
    let mut definition = definition();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = definition.pointer_mut(parent).unwrap();
    match (parent.is_array(), name.parse::<usize>()) {
        (true, Ok(index)) => parent[index] = value,
        _ => parent[name] = value,
    }
    definition
}

#[test]
fn dev_04_11_definitions_are_refused_with_the_field_that_is_wrong() {
    assert_eq!(crd::validate(&definition(), None), []);
    let second = json!({"name": "v2", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}});
    let first = definition()["spec"]["versions"][0].clone();
    let cases = [
        (
            "/metadata/name",
            json!("x"),
            "metadata.name: Invalid value: \"x\": must be spec.names.plural+\".\"+spec.group",
        ),
        (
            "/spec/scope",
            json!("Both"),
            "spec.scope: Unsupported value: \"Both\": supported values: \"Cluster\", \"Namespaced\"",
        ),
        (
            "/spec/names/listKind",
            json!("Bucket"),
            "spec.names.listKind: Invalid value: \"Bucket\": kind and listKind may not be the same",
        ),
        (
            "/spec/versions",
            json!([first, second]),
            "spec.versions: Invalid value: [\"v1\",\"v2\"]: must have exactly one version marked as storage version",
        ),
        ("/spec/versions", json!([]), "spec.versions: Required value: must have at least one version"),
        (
            "/spec/versions/0/schema",
            Value::Null,
            "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required",
        ),
        (
            "/spec/versions/0/schema/openAPIV3Schema",
            json!({"type": "object", "properties": {"a": {}}}),
            "spec.validation.openAPIV3Schema.properties[a].type: Required value: must not be empty for specified object fields",
        ),
        (
            "/spec/versions/0/additionalPrinterColumns/0/type",
            json!("size"),
            "spec.versions[0].additionalPrinterColumns[0].type: Invalid value: \"size\": must be one of boolean,date,integer,number,string",
        ),
        (
            "/spec/versions/0/selectableFields/0/jsonPath",
            json!(".spec.nope"),
            "spec.versions[0].selectableFields[0].jsonPath: Invalid value: \".spec.nope\": is an invalid path: does not refer to a valid field",
        ),
        (
            "/spec/conversion",
            json!({"strategy": "Webhook"}),
            "spec.conversion.webhook.clientConfig: Required value: required when strategy is set to Webhook",
        ),
        (
            "/spec/preserveUnknownFields",
            json!(true),
            "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
        ),
    ];
    for (pointer, value, want) in cases {
        let errors: Vec<String> =
            crd::validate(&with(pointer, value), None).iter().map(ToString::to_string).collect();
        assert!(errors.contains(&want.to_owned()), "want {want}\nfound {errors:#?}");
    }
    let mut protected = with("/spec/group", json!("x.k8s.io"));
    protected["metadata"]["name"] = json!("buckets.x.k8s.io");
    assert_eq!(crd::validate(&protected, None).len(), 1);
    protected["metadata"]["annotations"] = json!({"api-approved.kubernetes.io": "unapproved, a test"});
    assert_eq!(crd::validate(&protected, None), []);
}

#[test]
fn dev_04_11_an_established_definition_keeps_scope_kind_and_stored_versions() {
    let mut stored = definition();
    crd::prepare_for_create(&mut stored);
    stored["status"] = crd::reconcile_status(&stored, &[], "2026-01-01T00:00:00Z").unwrap();
    assert_eq!(crd::condition_status(&stored, "Established"), Some("True"));
    assert_eq!(crd::reconcile_status(&stored, &[], "2026-02-02T00:00:00Z"), None);
    let mut changed = stored.clone();
    changed["spec"]["scope"] = json!("Cluster");
    changed["spec"]["versions"][0]["name"] = json!("v2");
    crd::prepare_for_update(&mut changed, &stored);
    assert_eq!(changed["status"]["storedVersions"], json!(["v1", "v2"]));
    let fields: Vec<String> =
        crd::validate(&changed, Some(&stored)).into_iter().map(|error| error.field).collect();
    assert_eq!(fields, ["spec.scope", "status.storedVersions[0]"]);
}

#[test]
fn dev_04_11_names_belong_to_who_had_them_first() {
    let names = |plural: &str, kind: &str| Names {
        plural: plural.to_owned(),
        singular: kind.to_lowercase(),
        kind: kind.to_owned(),
        list_kind: format!("{kind}List"),
        ..Names::default()
    };
    let mine = names("buckets", "Bucket");
    let others = NameClaim::of(&[names("pails", "Bucket")]);
    let decision = crd::accept_names(&mine, &Names::default(), &others);
    assert_eq!(decision.accepted.plural, "buckets");
    assert_eq!(decision.accepted.kind, "");
    assert_eq!(decision.conflict, Some(("ListKindConflict", "\"BucketList\" is already in use".to_owned())));
    assert_eq!(crd::accept_names(&mine, &mine, &others).conflict, None);
    let status =
        crd::reconcile_status(&definition(), &[names("pails", "Bucket")], "2026-01-01T00:00:00Z").unwrap();
    assert_eq!(status["conditions"][1]["reason"], "NotAccepted");
    assert_eq!(status["acceptedNames"], json!({"plural": "buckets", "kind": "", "shortNames": ["bk"]}));
}

#[test]
fn dev_04_11_each_served_version_is_a_resource() {
    let mut two = definition();
    two["spec"]["versions"].as_array_mut().unwrap().push(json!({
        "name": "v2", "served": true, "storage": false, "deprecated": true, "schema": {"openAPIV3Schema": {"type": "object"}},
    }));
    two["spec"]["versions"].as_array_mut().unwrap().push(json!({
        "name": "v3", "served": false, "storage": false, "schema": {"openAPIV3Schema": {"type": "object"}},
    }));
    let served = crd::served_resources(&two, &StoragePrefix::new("storage.example.io", "buckets")).unwrap();
    assert_eq!(served.len(), 2);
    assert_eq!(&*served[1].storage_api_version, "storage.example.io/v1");
    assert_eq!(served[1].deprecation_warning.as_deref(), Some("storage.example.io/v2 Bucket is deprecated"));
    assert_eq!(served[0].versions, ["v1", "v2", "v3"]);
    assert!(served[0].subresources.status && served[0].namespaced);
    assert_eq!(served[0].selectable_fields, ["spec.size"]);
    assert_eq!(served[0].short_names, ["bk"]);
}

#[test]
fn api_01_versions_with_bare_schemas_are_held_to_the_same_rules() {
    let fine = json!([{"name": "v1", "served": true, "storage": true, "schema": {"type": "object"}}]);
    assert_eq!(crd::validate_bare_versions(Some(&fine), "spec.versions"), []);
    let bad = json!([
        {"name": "v1", "served": true, "storage": true, "schema": {"type": "object", "properties": {"a": {}}}, "additionalPrinterColumns": [{"name": "A", "type": "x", "jsonPath": ".a"}]},
        {"name": "v1", "served": true, "storage": true},
    ]);
    let fields: Vec<String> =
        crd::validate_bare_versions(Some(&bad), "spec.versions").into_iter().map(|e| e.field).collect();
    assert_eq!(
        fields,
        [
            "spec.versions",
            "spec.versions",
            "spec.versions[0].schema.properties[a].type",
            "spec.versions[0].additionalPrinterColumns[0].type",
            "spec.versions[1].schema",
        ]
    );
}
