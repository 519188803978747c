//! v1alpha1 and v1alpha2: objects that kcp stored convert as kcp does. That both ways are the identity is in `laws.rs`.

use kcp_api::apis::{v1alpha1, v1alpha2};
use kcp_api::{ConversionError, Kind, Lossless, convert};
use serde_json::{Value, json};

const OLD: &str = "apis.kcp.io/v1alpha1";
const NEW: &str = "apis.kcp.io/v1alpha2";

#[test]
fn conv_01_schema_names_become_resources_and_back() {
    let export = json!({
        "apiVersion": OLD, "kind": "APIExport", "metadata": {"name": "x"},
        "spec": {"latestResourceSchemas": ["v1.widgets.core", "v260126-7c674ee.accounts.core.platform-mesh.io"]},
    });
    let newer = convert(export.clone(), NEW).unwrap();
    assert_eq!(
        newer["spec"]["resources"],
        json!([
            {"group": "", "name": "widgets", "schema": "v1.widgets.core", "storage": {"crd": {}}},
            {"group": "core.platform-mesh.io", "name": "accounts", "schema": "v260126-7c674ee.accounts.core.platform-mesh.io", "storage": {"crd": {}}},
        ])
    );
    assert!(newer["spec"].get("latestResourceSchemas").is_none());
    assert_eq!(convert(newer, OLD).unwrap(), export);
    let mut bad = export;
    bad["spec"]["latestResourceSchemas"][1] = json!("accounts");
    let error = convert(bad, NEW).unwrap_err();
    assert!(
        matches!(&error, ConversionError::SchemaName { path, .. } if path == "spec.latestResourceSchemas[1]")
    );
}

#[test]
fn conv_03_annotations_are_kcps_bytes() {
    let export = json!({
        "apiVersion": NEW, "kind": "APIExport",
        "spec": {
            "permissionClaims": [
                {"group": "apps", "resource": "deployments", "verbs": ["get"], "identityHash": "h",
                 "defaultSelector": {"matchLabels": {"b": "1", "a": "<"}, "matchAll": false}},
                {"group": "", "resource": "secrets", "verbs": ["*"]},
            ],
            "resources": [{"name": "x", "group": "g.io", "schema": "v1.x.g.io", "storage": {"virtual": {
                "identityHash": "h", "reference": {"kind": "K", "name": "n", "apiGroup": "g"}}}}],
        },
    });
    let older = convert(export, OLD).unwrap();
    let annotations = &older["metadata"]["annotations"];
    assert_eq!(
        annotations["apis.v1alpha2.kcp.io/permission-claims"],
        r#"[{"group":"apps","resource":"deployments","verbs":["get"],"identityHash":"h","defaultSelector":{"matchLabels":{"a":"\u003c","b":"1"},"matchAll":false}}]"#
    );
    assert_eq!(
        annotations["apis.v1alpha2.kcp.io/resource-schemas"],
        r#"[{"name":"x","group":"g.io","schema":"v1.x.g.io","storage":{"virtual":{"reference":{"apiGroup":"g","kind":"K","name":"n"},"identityHash":"h"}}}]"#
    );
    assert_eq!(older["spec"]["latestResourceSchemas"], json!([]));
    assert_eq!(
        older["spec"]["permissionClaims"][0],
        json!({"group": "apps", "resource": "deployments", "identityHash": "h"})
    );
}

#[test]
fn conv_03_a_binding_that_kcp_stored_converts_as_kcp_does() {
    let answers = r#"[{"resource":"secrets","verbs":["get"],"selector":{"matchLabels":{"team":"a"}},"state":"Accepted"}]"#;
    let older = json!({
        "apiVersion": OLD, "kind": "APIBinding",
        "metadata": {"name": "x", "annotations": {"apis.v1alpha2.kcp.io/acceptable-permission-claims": answers}},
        "spec": {"reference": {"export": {"name": "e"}}, "permissionClaims": [
            {"resource": "secrets", "state": "Rejected"},
            {"resource": "configmaps", "all": true, "state": "Accepted"},
            {"resource": "events", "resourceSelector": [{"name": "n"}], "state": "Accepted"},
        ]},
    });
    let newer = convert(older, NEW).unwrap();
    assert_eq!(
        newer["spec"]["permissionClaims"],
        json!([
            {"resource": "secrets", "verbs": ["get"], "selector": {"matchLabels": {"team": "a"}}, "state": "Rejected"},
            {"resource": "configmaps", "verbs": ["*"], "selector": {"matchAll": true}, "state": "Accepted"},
            {"resource": "events", "verbs": ["*"], "selector": {"matchAll": true}, "state": "Accepted"},
        ])
    );
    assert_eq!(
        newer["metadata"]["annotations"],
        json!({
            "apis.v1alpha2.kcp.io/v1alpha1-permission-claims":
                r#"[{"resource":"events","resourceSelector":[{"name":"n"}],"state":"Accepted"}]"#,
        })
    );
}

#[test]
fn conv_02_a_claim_born_in_v1alpha2_shows_in_v1alpha1_with_neither_all_nor_selector() {
    let export = json!({"apiVersion": NEW, "kind": "APIExport", "metadata": {"name": "x"}, "spec": {
        "permissionClaims": [{"resource": "secrets", "verbs": ["*"]}]}});
    let older = convert(export, OLD).unwrap();
    assert_eq!(older["spec"]["permissionClaims"], json!([{"resource": "secrets"}]));
    assert!(older["metadata"].get("annotations").is_none());
}

#[test]
fn conv_04_edits_in_the_older_version_count() {
    let newer = json!({"apiVersion": NEW, "kind": "APIBinding", "metadata": {"name": "x"}, "spec": {
    "reference": {"export": {"name": "e"}},
    "permissionClaims": [
        {"resource": "secrets", "verbs": ["get"], "selector": {"matchAll": true}, "state": "Accepted"},
        {"resource": "events", "verbs": ["list"], "selector": {"matchLabels": {"a": "b"}}, "state": "Accepted"},
    ]}});
    let mut older = convert(newer, OLD).unwrap();
    let claims = older["spec"]["permissionClaims"].as_array_mut().unwrap();
    claims.remove(0);
    claims[0]["state"] = json!("Rejected");
    claims.push(json!({"resource": "configmaps", "all": true, "state": "Accepted"}));
    let newer = convert(older, NEW).unwrap();
    assert_eq!(
        newer["spec"]["permissionClaims"],
        json!([
            {"resource": "events", "verbs": ["list"], "selector": {"matchLabels": {"a": "b"}}, "state": "Rejected"},
            {"resource": "configmaps", "verbs": ["*"], "selector": {"matchAll": true}, "state": "Accepted"},
        ])
    );
}

#[test]
fn conv_03_hostile_objects_are_refused_with_their_place() {
    let check = |object: Value, to: &str| convert(object, to).unwrap_err().to_string();
    let export = |spec: Value| json!({"apiVersion": NEW, "kind": "APIExport", "spec": spec});
    assert_eq!(check(export(json!(1)), OLD), "`spec` must be an object");
    assert_eq!(check(export(json!({"resources": {}})), OLD), "`spec.resources` must be a list");
    assert_eq!(check(export(json!({"resources": [1]})), OLD), "`spec.resources[0]` must be an object");
    assert_eq!(check(export(json!({"resources": [{}]})), OLD), "`spec.resources[0].schema` must be a text");
    assert_eq!(
        check(export(json!({"permissionClaims": [{}, "x"]})), OLD),
        "`spec.permissionClaims[1]` must be an object"
    );
    let key = "apis.v1alpha2.kcp.io/permission-claims";
    for value in [json!("["), json!("{}"), json!("[1]"), json!(7)] {
        let object =
            json!({"apiVersion": OLD, "kind": "APIExport", "metadata": {"annotations": {key: value}}});
        assert!(
            check(object, NEW)
                .starts_with("annotation `apis.v1alpha2.kcp.io/permission-claims` cannot be read")
        );
    }
    assert!(check(json!({"apiVersion": NEW, "kind": "Workspace"}), OLD).ends_with("no such conversion"));
    assert!(check(json!(null), OLD).ends_with("no such conversion"));
}

#[test]
fn conv_01_views_and_values_convert_too() {
    let view = Lossless::<v1alpha1::ApiExport>::from_value(json!({
        "metadata": {"name": "x"},
        "spec": {"latestResourceSchemas": ["v1.x.g.io"], "future": 1},
    }))
    .unwrap();
    let newer = view.convert::<v1alpha2::ApiExport>().unwrap();
    assert_eq!(newer.spec.resources[0].name, "x");
    assert_eq!(newer.to_value().unwrap()["spec"]["future"], 1);
    let typed = v1alpha2::ApiExport::try_from(&view.into_view()).unwrap();
    assert_eq!(typed.spec, newer.spec);
    assert_eq!(v1alpha1::ApiExport::try_from(&typed).unwrap().spec.latest_resource_schemas, ["v1.x.g.io"]);
    assert_eq!(v1alpha2::ApiBinding::API_VERSION, NEW);
}
