//! The rules of workspaces and their types, on a tree like Platform Mesh's.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;

use kcp_api::tenancy::v1alpha1::{ApiBindingLifecycleMode, WorkspaceTypeReference, WorkspaceTypeSpec};
use kcp_api::workspaces::{self, KnownType, TypeRefusal};
use kcp_api::{ClusterName, WorkspacePath};
use serde_json::{Value, json};

fn path(text: &str) -> WorkspacePath {
    text.parse().unwrap()
}

/// Types by `<path>:<name>`, with their specs as manifests have them.
fn catalog(rows: &[(&str, &str, Value)]) -> impl Fn(&WorkspacePath, &str) -> Option<KnownType> + use<> {
    let types: BTreeMap<(String, String), WorkspaceTypeSpec> = rows
        .iter()
        .map(|(at, name, spec)| {
            (((*at).to_owned(), (*name).to_owned()), serde_json::from_value(spec.clone()).unwrap())
        })
        .collect();
    move |at, name| {
        let spec = types.get(&(at.to_string(), name.to_owned()))?.clone();
        Some(KnownType { path: at.clone(), cluster: ClusterName::root(), name: name.to_owned(), spec })
    }
}

fn mesh() -> impl Fn(&WorkspacePath, &str) -> Option<KnownType> + use<> {
    let root = |name: &str| json!({"name": name, "path": "root"});
    catalog(&[
        (
            "root",
            "universal",
            json!({"initializer": true, "defaultAPIBindings": [{"path": "root", "export": "tenancy.kcp.io"}]}),
        ),
        ("root", "security", json!({"initializer": true, "terminator": true})),
        (
            "root",
            "root",
            json!({"limitAllowedParents": {"none": true}, "extend": {"with": [root("universal")]}}),
        ),
        (
            "root",
            "orgs",
            json!({
                "extend": {"with": [root("universal")]},
                "limitAllowedChildren": {"types": [root("org")]},
                "defaultChildWorkspaceType": root("org"),
            }),
        ),
        (
            "root",
            "org",
            json!({
                "extend": {"with": [root("security")]},
                "defaultAPIBindings": [{"path": "root:platform-mesh-system", "export": "core.platform-mesh.io"}, {"export": "tenancy.kcp.io"}],
                "limitAllowedParents": {"types": [root("orgs")]},
                "limitAllowedChildren": {"types": [root("account")]},
                "additionalWorkspaceLabels": {"a": "1", "b": "2"},
            }),
        ),
        (
            "root:orgs",
            "acme-org",
            json!({"extend": {"with": [root("org")]}, "defaultAPIBindingLifecycle": "Maintain", "defaultAPIBindings": [{"path": "root", "export": "tenancy.kcp.io"}]}),
        ),
        (
            "root",
            "account",
            json!({
                "extend": {"with": [root("universal"), root("security")]},
                "limitAllowedParents": {"types": [root("org"), root("account")]},
            }),
        ),
    ])
}

fn aliases(reference: (&str, &str)) -> Vec<KnownType> {
    let types = mesh();
    let of = types(&path(reference.0), reference.1).unwrap();
    workspaces::aliases(&types, &of).unwrap()
}

#[test]
fn wsp_02_a_type_comes_from_the_request_the_parent_or_the_path_above() {
    let types = mesh();
    let resolve = |parent: &str, parent_type: Option<(&str, &str)>, name: &str, at: Option<&str>| {
        let parent_type = parent_type.and_then(|(at, name)| types(&path(at), name));
        let wanted = WorkspaceTypeReference { name: name.into(), path: at.map(str::to_owned) };
        let wanted = (!name.is_empty()).then_some(&wanted);
        workspaces::resolve_type(&types, &path(parent), parent_type.as_ref(), wanted)
            .map(|known| known.to_string())
    };
    assert_eq!(resolve("root", None, "", None).unwrap(), "root:universal");
    assert_eq!(resolve("root:orgs", Some(("root", "orgs")), "", None).unwrap(), "root:org");
    assert_eq!(resolve("root:orgs:acme", None, "acme-org", None).unwrap(), "root:orgs:acme-org");
    assert_eq!(resolve("root:orgs:acme", None, "account", None).unwrap(), "root:account");
    assert_eq!(resolve("root:x", None, "acme-org", Some("root:orgs")).unwrap(), "root:orgs:acme-org");
    for (name, at) in [("nowhere", None), ("nowhere", Some("root")), ("org", Some("Root"))] {
        let refusal = resolve("root:orgs", None, name, at).unwrap_err().to_string();
        assert!(refusal.starts_with("workspace type cannot be resolved: "), "{refusal}");
    }
}

#[test]
fn wsp_03_extension_is_transitive_and_circles_are_refused() {
    let names: Vec<String> = aliases(("root:orgs", "acme-org")).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["root:orgs:acme-org", "root:org", "root:security"]);
    let circle = catalog(&[
        ("root", "a", json!({"extend": {"with": [{"name": "b"}, {"name": "c"}]}})),
        ("root", "b", json!({"extend": {"with": [{"name": "d"}]}})),
        ("root", "c", json!({"extend": {"with": [{"name": "d"}, {"name": "a"}]}})),
        ("root", "d", json!({})),
    ]);
    let refusal = workspaces::aliases(&circle, &circle(&path("root"), "a").unwrap()).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "circular reference detected in workspace type root:a: root:a -> root:c -> root:a"
    );
    let diamond = workspaces::aliases(&circle, &circle(&path("root"), "b").unwrap()).unwrap();
    assert_eq!(diamond.len(), 2);
    let dangling = catalog(&[("root", "a", json!({"extend": {"with": [{"name": "x", "path": "root:y"}]}}))]);
    assert_eq!(
        workspaces::aliases(&dangling, &dangling(&path("root"), "a").unwrap()).unwrap_err(),
        TypeRefusal::NotFound { reference: "root:y:x".into() }
    );
}

#[test]
fn wsp_03_contributions_of_all_types_merge() {
    let acme = aliases(("root:orgs", "acme-org"));
    let names =
        |list: Vec<kcp_api::InitializerName>| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(workspaces::initializers(&acme)), ["root:security", "system:apibindings"]);
    assert_eq!(names(workspaces::terminators(&acme)), ["root:security"]);
    let bindings = workspaces::default_bindings(&acme);
    let rows: Vec<(&str, &str)> =
        bindings.iter().map(|row| (row.path.as_str(), row.export.as_str())).collect();
    assert_eq!(rows, [("root", "tenancy.kcp.io"), ("root:platform-mesh-system", "core.platform-mesh.io")]);
    assert_eq!(bindings[0].lifecycle, ApiBindingLifecycleMode::Maintain);
    assert_eq!(bindings[1].lifecycle, ApiBindingLifecycleMode::InitializeOnly);
    let labels = workspaces::label_additions(&acme[1], &BTreeMap::from([("a".into(), "mine".into())]));
    assert_eq!(labels, BTreeMap::from([("b".into(), "2".into())]));
}

#[test]
fn wsp_04_limits_hold_in_both_directions_with_kcps_words() {
    let check = |parent, child| {
        workspaces::check_nesting(&aliases(parent), &aliases(child)).err().map(|refusal| refusal.to_string())
    };
    assert_eq!(check(("root", "orgs"), ("root:orgs", "acme-org")), None);
    assert_eq!(check(("root:orgs", "acme-org"), ("root", "account")), None);
    assert_eq!(
        check(("root", "universal"), ("root:orgs", "acme-org")).unwrap(),
        "workspace type root:orgs:acme-org extends root:org, which only allows [root:orgs] parent workspaces, \
         but parent type root:universal only implements [root:universal]"
    );
    assert_eq!(
        check(("root", "orgs"), ("root", "universal")).unwrap(),
        "workspace type root:orgs only allows [root:org] child workspaces, but child type root:universal only \
         implements [root:universal]"
    );
    assert_eq!(
        check(("root", "orgs"), ("root", "account")).unwrap(),
        "workspace type root:account only allows [root:account root:org] parent workspaces, but parent type \
         root:orgs only implements [root:orgs root:universal]"
    );
    assert_eq!(
        check(("root", "universal"), ("root", "root")).unwrap(),
        "workspace type root:root cannot have any parent"
    );
}

#[test]
fn wsp_09_refusals_have_kcps_words() {
    let acme = &aliases(("root:orgs", "acme-org"))[0];
    assert_eq!(
        workspaces::type_use_refusal(acme),
        "unable to use workspace type root:orgs:acme-org: missing verb='use' permission on workspacetype"
    );
    assert_eq!(
        workspaces::binding_refusal(false, "root", "x"),
        "unable to create APIBinding: no permission to bind to export root:x"
    );
    let spec = serde_json::from_value(json!({
        "defaultChildWorkspaceType": {"name": "a"},
        "limitAllowedParents": {"types": [{"name": "a", "path": "root"}, {"name": "b"}]},
    }))
    .unwrap();
    assert_eq!(
        workspaces::check_workspace_type(&spec),
        [
            ".spec.defaultChildWorkspaceType.path must be set",
            ".spec.limitAllowedParents.types[1].path must be set"
        ]
    );
}
