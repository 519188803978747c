//! Our bootstrap list against the manifests that upstream applies.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::{Path, PathBuf};

use platform_mesh_api::{
    bootstrap::{Parameters, Phase, Step, WebhookEndpoint, provider_identity, steps, steps_of},
    definitions, names,
};
use serde_json::{Value, json};

fn parameters() -> Parameters {
    let endpoint = |host: &str| {
        Some(WebhookEndpoint {
            base_url: format!("https://{host}.platform-mesh-system.svc.cluster.local:9443"),
            ca: Some("PEM".to_owned()),
        })
    };
    Parameters {
        domain_ca: Some("CA\n".to_owned()),
        account_webhook: endpoint("account-operator-webhook"),
        identity_webhook: endpoint("security-operator-webhook"),
        lifecycle_permissions: false,
        ..Parameters::new("portal.test")
    }
}

fn find<'a>(steps: &'a [Step], workspace: &str, kind: &str, name: &str) -> &'a Step {
    steps
        .iter()
        .find(|step| step.workspace == workspace && step.kind() == kind && step.name() == name)
        .unwrap_or_else(|| panic!("{kind} {name} in {workspace}"))
}

fn fixtures() -> Option<PathBuf> {
    let root = std::env::var_os("MESH_FIXTURES")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures"));
    if root.is_dir() {
        return Some(root);
    }
    println!("no fixtures at {}: passed over", root.display());
    None
}

/// Fills in a Go template: values by their name; each `if` takes its second branch; loops are empty.
fn filled(template: &str) -> Value {
    let mut lines = Vec::new();
    let mut skipping = false;
    for line in template.lines() {
        let word = line.trim();
        if word.starts_with("{{- if") || word.starts_with("{{- range") || word.starts_with("{{- with") {
            skipping = true;
        } else if word.starts_with("{{- else") {
            skipping = false;
            if let Some((_, rest)) = word.split_once("}}").filter(|(_, rest)| !rest.is_empty()) {
                lines.push(format!("       {rest}"));
            }
        } else if word.starts_with("{{- end") {
            skipping = false;
        } else if !skipping {
            lines.push(line.to_owned());
        }
    }
    let text = lines
        .join("\n")
        .replace("{{ .baseDomainPort }}", "portal.test")
        .replace("{{ .registrationAllowed }}", "true")
        .replace("{{ .apiExportRootTenancyKcpIoIdentityHash }}", "HASH");
    let mut text = text;
    while let (Some(start), Some(end)) = (text.find("{{"), text.find("}}")) {
        text.replace_range(start..end + 2, "UEVN");
    }
    serde_saphyr::from_str(&text).unwrap()
}

fn resolved(step: &Step) -> Value {
    step.resolved(|lookup| {
        let text = lookup.to_string();
        Some(if text.starts_with("${client-ids") { json!(["a", "b"]) } else { json!("HASH") })
    })
    .unwrap()
}

#[test]
fn boot_workspace_types_workspaces_and_webhooks_equal_upstream() {
    let Some(fixtures) = fixtures() else { return };
    let root = fixtures.join("platform-mesh/kcp-bootstrap");
    let ours = steps(&parameters());
    for (file, workspace) in [
        ("workspace-type-fga.yaml", names::ROOT),
        ("workspace-type-providers.yaml", names::ROOT),
        ("02-root/01-workspace-type-orgs.yaml", names::ROOT),
        ("02-root/workspace-type-org.yaml", names::ROOT),
        ("02-root/workspace-type-account.yaml", names::ROOT),
        ("02-root/workspace-type-provider.yaml", names::ROOT),
        ("workspace-platform-mesh-system.yaml", names::ROOT),
        ("workspace-providers.yaml", names::ROOT),
        ("02-root/workspace-orgs.yaml", names::ROOT),
        ("03-providers/workspace-system.yaml", names::PROVIDERS),
        ("03-platform-mesh-system/welcome-ipc.yaml", names::SYSTEM),
        ("01-platform-mesh-system/apiexportendpointslice-core.platform-mesh.io.yaml", names::SYSTEM),
        (
            "04-platform-mesh-system/mutatingwebhookconfiguration-admissionregistration.k8s.io.yaml",
            names::SYSTEM,
        ),
        (
            "04-platform-mesh-system/validatingwebhookconfiguration-admissionregistration.k8s.io.yaml",
            names::SYSTEM,
        ),
        (
            "04-platform-mesh-system/idpvalidatingwebhookconfiguration-admissionregistration.k8s.io.yaml",
            names::SYSTEM,
        ),
    ] {
        let upstream = filled(&std::fs::read_to_string(root.join(file)).unwrap());
        let step = find(
            &ours,
            workspace,
            upstream["kind"].as_str().unwrap(),
            upstream["metadata"]["name"].as_str().unwrap(),
        );
        assert_eq!(resolved(step), upstream, "{file}");
    }
}

#[test]
fn boot_bindings_and_claims_equal_upstream() {
    let Some(fixtures) = fixtures() else { return };
    let root = fixtures.join("platform-mesh/kcp-bootstrap/01-platform-mesh-system");
    let ours = steps(&parameters());
    for name in [names::CORE_EXPORT, names::SYSTEM_EXPORT] {
        let upstream =
            filled(&std::fs::read_to_string(root.join(format!("apibinding-{name}.yaml"))).unwrap());
        assert_eq!(resolved(find(&ours, names::SYSTEM, "APIBinding", name)), upstream);
        let export = resolved(find(&ours, names::SYSTEM, "APIExport", name));
        let theirs = filled(&std::fs::read_to_string(root.join(format!("apiexport-{name}.yaml"))).unwrap());
        let plurals = |names: Vec<String>| {
            let mut plurals: Vec<String> =
                names.iter().map(|name| name.split_once('.').unwrap().1.to_owned()).collect();
            plurals.sort();
            plurals
        };
        assert_eq!(
            plurals(
                export["spec"]["resources"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|r| r["schema"].as_str().unwrap().to_owned())
                    .collect()
            ),
            plurals(
                theirs["spec"]["latestResourceSchemas"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|r| r.as_str().unwrap().to_owned())
                    .collect()
            ),
        );
        assert_eq!(
            export["spec"]["permissionClaims"].as_array().unwrap().len(),
            theirs["spec"]["permissionClaims"].as_array().unwrap().len()
        );
    }
    let providers =
        filled(&std::fs::read_to_string(root.join("apiexport-providers.platform-mesh.io.yaml")).unwrap());
    let ours = resolved(find(&ours, names::SYSTEM, "APIExport", names::PROVIDERS_EXPORT));
    assert_eq!(ours["spec"]["permissionClaims"], providers["spec"]["permissionClaims"]);
}

#[test]
fn boot_orgs_authentication_gets_its_clients_in_the_second_phase() {
    let all = steps(&parameters());
    let both: Vec<&Step> = all.iter().filter(|step| step.name() == names::ORGS_AUTHENTICATION).collect();
    assert_eq!(both.len(), 2);
    assert_eq!(both[0].object["spec"]["jwt"][0]["issuer"]["audiences"], json!([]));
    assert_eq!(
        (both[1].phase, resolved(both[1])["spec"]["jwt"][0]["issuer"]["audiences"].clone()),
        (Phase::Identity, json!(["a", "b"]))
    );
    assert_eq!(
        both[1].object["spec"]["jwt"][0]["issuer"]["url"],
        "https://portal.test/keycloak/realms/welcome"
    );
}

#[test]
fn boot_order_makes_each_thing_before_it_is_used() {
    let all = steps(&Parameters::new("x"));
    let position = |workspace: &str, kind: &str, name: &str| {
        all.iter()
            .position(|step| step.workspace == workspace && step.kind() == kind && step.name() == name)
            .unwrap_or_else(|| panic!("{kind} {name}"))
    };
    let mut made = vec!["root".to_owned()];
    for step in &all {
        assert!(made.contains(&step.workspace), "{} {} comes before its workspace", step.kind(), step.name());
        if step.kind() == "Workspace" {
            let type_name = step.object["spec"]["type"]["name"].as_str().unwrap();
            if type_name != "universal" {
                assert!(
                    position(names::ROOT, "WorkspaceType", type_name)
                        < position(&step.workspace, "Workspace", step.name())
                );
            }
            made.push(format!("{}:{}", step.workspace, step.name()));
        }
    }
    for definition in definitions() {
        let schema = position(names::SYSTEM, "APIResourceSchema", &definition.api_resource_schema_name());
        assert!(schema < position(names::SYSTEM, "APIExport", names::SYSTEM_EXPORT));
    }
    assert!(
        position(names::SYSTEM, "APIExport", names::CORE_EXPORT)
            < position(names::ROOT, "WorkspaceType", "orgs")
    );
    assert!(
        position(names::SYSTEM, "APIExport", names::CORE_EXPORT)
            < position(names::SYSTEM, "APIBinding", names::CORE_EXPORT)
    );
    assert!(steps_of(&Parameters::new("x"), Phase::Admission).is_empty());
}

#[test]
fn boot_the_webhook_reads_only_and_a_provider_reaches_its_export_only() {
    let all = steps(&Parameters::new("x"));
    for step in all
        .iter()
        .filter(|step| step.kind() == "ClusterRole" && step.name().ends_with(names::REBAC_AUTHZ_WEBHOOK))
    {
        for rule in step.object["rules"].as_array().unwrap() {
            for verb in rule["verbs"].as_array().unwrap() {
                assert!(["get", "list", "watch"].contains(&verb.as_str().unwrap()), "{rule}");
            }
        }
    }
    let provider = provider_identity("root:providers:cloud", "controller", "cloud.example.io");
    let role = find(&provider, "root:providers:cloud", "ClusterRole", "platform-mesh:controller");
    for rule in role.object["rules"].as_array().unwrap() {
        let writes = rule["verbs"].as_array().unwrap().iter().any(|verb| verb == "*");
        assert!(!writes || rule["resourceNames"] == json!(["cloud.example.io"]), "{rule}");
    }
    for step in all.iter().filter(|step| step.kind() == "ClusterRoleBinding") {
        assert_ne!(step.object["roleRef"]["name"], "cluster-admin", "nobody is allowed everything");
    }
}
