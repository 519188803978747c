//! Generated modules and models against what the Go operators wrote. Skipped with a line where the data is absent.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::{fs, path::PathBuf};

use fga_model::{
    ACCOUNT_TYPE, ApiResource, AuthorizationModel, ModelLimits, ModuleFile, Naming, Template,
    authorization_model_name, compose_isolated, core_module, discovered_module, module_file_name,
    orgs_module, resource_module,
};

fn golden(name: &str) -> Option<String> {
    let root = std::env::var_os("MESH_FIXTURES")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures"));
    let file = root.join("golden").join(name);
    let text = fs::read_to_string(&file).ok();
    if text.is_none() {
        println!("no fixture at {}: passed over", file.display());
    }
    text
}

fn buckets() -> ApiResource {
    ApiResource::cluster_scoped("storage.example.io", "buckets", "bucket")
}

fn postgres() -> ApiResource {
    ApiResource::namespaced("databases.example.io", "postgresinstances", "postgresinstance")
}

#[test]
fn fgm_02_modules_of_bound_resources_are_byte_equal() {
    for resource in [buckets(), postgres()] {
        let name = authorization_model_name(&resource.name, "acme");
        let Some(wanted) = golden(&format!("module-{name}.fga")) else { return };
        assert_eq!(resource_module(Naming::Compat, &resource, Template::Standard, ACCOUNT_TYPE), wanted);
        assert_eq!(resource_module(Naming::Injective, &resource, Template::Standard, ACCOUNT_TYPE), wanted);
    }
}

/// What a workspace of kcp offers in the discovered group-versions.
fn discovered() -> Vec<ModuleFile> {
    let cluster = ApiResource::cluster_scoped;
    let namespaced = ApiResource::namespaced;
    let (authn, authz, kcp, ui) =
        ("authentication.k8s.io", "authorization.k8s.io", "apis.kcp.io", "ui.platform-mesh.io");
    let standard = [
        cluster(authn, "selfsubjectreviews", "selfsubjectreview"),
        cluster(authn, "tokenreviews", "tokenreview"),
        namespaced(authz, "localsubjectaccessreviews", "localsubjectaccessreview"),
        cluster(authz, "selfsubjectaccessreviews", "selfsubjectaccessreview"),
        cluster(authz, "selfsubjectrulesreviews", "selfsubjectrulesreview"),
        cluster(authz, "subjectaccessreviews", "subjectaccessreview"),
        namespaced("", "configmaps", "configmap"),
        namespaced("", "events", "event"),
        cluster("", "namespaces", "namespace"),
        namespaced("", "resourcequotas", "resourcequota"),
        namespaced("", "secrets", "secret"),
        namespaced("", "serviceaccounts", "serviceaccount"),
        cluster(kcp, "apibindings", "apibinding"),
        cluster(kcp, "apiconversions", "apiconversion"),
        cluster(kcp, "apiexportendpointslices", "apiexportendpointslice"),
        cluster(kcp, "apiexports", "apiexport"),
        cluster(kcp, "apiresourceschemas", "apiresourceschema"),
        cluster(ui, "contentconfigurations", "contentconfiguration"),
        cluster(ui, "providermetadatas", "providermetadata"),
    ];
    let rbac = "rbac.authorization.k8s.io";
    let privileged = [
        cluster(rbac, "clusterrolebindings", "clusterrolebinding"),
        cluster(rbac, "clusterroles", "clusterrole"),
        namespaced(rbac, "rolebindings", "rolebinding"),
        namespaced(rbac, "roles", "role"),
    ];
    let module =
        |template| move |r: &ApiResource| discovered_module(Naming::Compat, r, template, ACCOUNT_TYPE);
    let standard = standard.iter().map(module(Template::Standard));
    standard.chain(privileged.iter().map(module(Template::Privileged))).collect()
}

fn model(core: ModuleFile, extensions: &[ApiResource]) -> AuthorizationModel {
    let mut base = vec![core];
    base.extend(discovered());
    let extensions: Vec<ModuleFile> = extensions
        .iter()
        .map(|r| {
            let file = module_file_name(&authorization_model_name(&r.name, "acme"));
            ModuleFile::new(file, resource_module(Naming::Compat, r, Template::Standard, ACCOUNT_TYPE))
        })
        .collect();
    let composition = compose_isolated(&base, &extensions, ModelLimits::OPENFGA).expect("a model");
    assert_eq!(composition.refused, []);
    composition.model
}

#[track_caller]
fn assert_same(ours: &AuthorizationModel, golden: &str) {
    let wanted = AuthorizationModel::from_json(golden).expect("a golden model").canonical();
    let ours = ours.canonical();
    for (a, b) in ours.types.iter().zip(&wanted.types) {
        assert_eq!(a, b);
    }
    assert_eq!(ours, wanted);
}

#[test]
fn fgm_01_model_of_an_organisation_is_that_of_the_go_operator() {
    let Some(initial) = golden("model-org-initial.json") else { return };
    let core = || ModuleFile::new("/acme.fga", core_module(ACCOUNT_TYPE));
    assert_same(&model(core(), &[]), &initial);
    let Some(bound) = golden("model-org-with-buckets-and-postgresinstances.json") else { return };
    assert_same(&model(core(), &[buckets(), postgres()]), &bound);
}

#[test]
fn fgm_01_model_of_the_orgs_store_is_that_of_the_go_operator() {
    let Some(wanted) = golden("model-orgs.json") else { return };
    let base = [ModuleFile::new("/orgs.fga", orgs_module())];
    let composition = compose_isolated(&base, &[], ModelLimits::OPENFGA).expect("a model");
    assert_same(&composition.model, &wanted);
}
