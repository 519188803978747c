//! Generated configurations against upstream's, refusals in Kubernetes' words, and risks.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::{Path, PathBuf};

use kcp_api::tenancy::v1alpha1::{ClaimOrExpression, ExtraMapping, JwtAuthenticator};
use oidc_config::{
    AuthenticationConfiguration, AuthorizationConfiguration, Reach, Realm, WebhookSource, lint_authorization,
    lint_jwt, lint_jwt_of, validate_authorization, validate_jwt,
};
use platform_mesh_api::bootstrap::{Parameters, steps};
use proptest::prelude::*;
use serde_json::{Value, json};

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

fn realm() -> Realm {
    Realm::new("https://portal.test/keycloak/realms/acme", ["b", "a"])
}

fn refused(change: impl Fn(&mut JwtAuthenticator)) -> Vec<String> {
    let mut authenticator = realm().authenticator();
    change(&mut authenticator);
    validate_jwt("jwt", &[authenticator]).into_iter().map(|fault| fault.to_string()).collect()
}

#[test]
fn oidc_03_configuration_of_an_organisation_equals_upstream() {
    let Some(fixtures) = fixtures() else { return };
    let text =
        std::fs::read_to_string(fixtures.join("golden/bound/workspaceauthenticationconfiguration-org.yaml"))
            .unwrap();
    let mut upstream: Value = serde_saphyr::from_str(&text).unwrap();
    // Upstream's Go types write an empty object for what they do not set.
    upstream["spec"]["jwt"][0]["claimMappings"].as_object_mut().unwrap().remove("uid");
    let realm = Realm {
        certificate_authority: Some("<CA PEM>".into()),
        allow_unverified_emails: true,
        ..Realm::new(
            "https://<BASE-DOMAIN>/keycloak/realms/acme",
            ["<CLIENT-ACME-KUBECTL>", "<CLIENT-ACME-ACME>"],
        )
    };
    assert_eq!(
        serde_json::to_value(realm.workspace_authentication("acme")).unwrap()["spec"],
        upstream["spec"]
    );
}

#[test]
fn wac_05_the_bootstrap_list_says_the_same_of_realm_welcome() {
    for allow_unverified_emails in [false, true] {
        let parameters = Parameters {
            allow_unverified_emails,
            domain_ca: Some("CA".into()),
            ..Parameters::new("portal.test")
        };
        let step = steps(&parameters).into_iter().rfind(|step| step.name() == "orgs-authentication").unwrap();
        let theirs = step.resolved(|_| Some(json!(["x", "y"]))).unwrap();
        let realm = Realm {
            allow_unverified_emails,
            certificate_authority: Some("CA".into()),
            ..Realm::new(parameters.issuer("welcome"), ["y", "x"])
        };
        assert_eq!(
            serde_json::to_value(realm.workspace_authentication("orgs-authentication")).unwrap()["spec"],
            theirs["spec"]
        );
    }
}

#[test]
fn acf_02_chain_of_a_mesh_equals_upstream() {
    let ours = AuthorizationConfiguration::platform_mesh(&WebhookSource::new(
        "/config/authz-webhook-kubeconfig.yaml",
    ));
    assert_eq!(validate_authorization(&ours), []);
    assert_eq!(lint_authorization(&ours), []);
    let Some(fixtures) = fixtures() else { return };
    let text =
        std::fs::read_to_string(fixtures.join("platform-mesh/config/authorization-webhook-config.yaml"))
            .unwrap();
    assert_eq!(AuthorizationConfiguration::read(text.as_bytes()).unwrap(), ours);
}

#[test]
fn acf_01_files_are_read_back_as_they_were_written() {
    let file = realm().server_authentication("acme:");
    assert_eq!(AuthenticationConfiguration::read(file.to_text().as_bytes()).unwrap(), file);
    assert_eq!(validate_jwt("jwt", &file.jwt), []);
    assert!(
        !lint_jwt_of("jwt", &file.jwt, Reach::Server)
            .iter()
            .any(|finding| finding.field.contains("username"))
    );
    let chain = AuthorizationConfiguration::platform_mesh(&WebhookSource::new("/x"));
    assert_eq!(AuthorizationConfiguration::read(chain.to_text().as_bytes()).unwrap(), chain);
}

#[test]
fn wac_01_what_a_server_refuses_is_refused_with_its_field() {
    assert_eq!(refused(|_| ()), Vec::<String>::new());
    assert_eq!(
        refused(|a| a.issuer.url = "http://x".into()),
        ["jwt[0].issuer.url: URL scheme must be https"]
    );
    assert_eq!(refused(|a| a.issuer.url = "https://u:p@x/?q#f".into()).len(), 3);
    assert_eq!(
        refused(|a| a.issuer.audiences = Some(vec![])),
        ["jwt[0].issuer.audiences: at least one audience is required"]
    );
    assert_eq!(
        refused(|a| a.issuer.audience_match_policy = None),
        ["jwt[0].issuer.audienceMatchPolicy: audienceMatchPolicy must be MatchAny for multiple audiences"]
    );
    assert_eq!(
        refused(|a| a.issuer.discovery_url = Some(a.issuer.url.clone())),
        ["jwt[0].issuer.discoveryURL: discoveryURL must be different from url"]
    );
    assert_eq!(refused(|a| a.issuer.egress_selector_type = Some("cluster".into())), Vec::<String>::new());
    assert_eq!(
        refused(|a| a.issuer.egress_selector_type = Some("master".into())),
        ["jwt[0].issuer.egressSelectorType: egress selector must be either controlplane or cluster"]
    );
    assert_eq!(
        refused(|a| a.claim_mappings.username = None),
        ["jwt[0].claimMappings.username: claim or expression is required"]
    );
    assert_eq!(
        refused(|a| a.claim_mappings.groups.as_mut().unwrap().prefix = None),
        ["jwt[0].claimMappings.groups: prefix is required when claim is set; it may be the empty text"]
    );
    let both = Some(ClaimOrExpression { claim: Some("a".into()), expression: Some("claims.b".into()) });
    assert_eq!(
        refused(|a| a.claim_mappings.uid = both.clone()),
        ["jwt[0].claimMappings.uid: claim and expression cannot both be specified"]
    );
    let extra = |key: &str| vec![ExtraMapping { key: key.into(), value_expression: "claims.x".into() }];
    for key in ["x", "Acme.io/x", "a.k8s.io/x", "authentication.kcp.io/scopes", "kubernetes.io/x"] {
        assert_eq!(refused(|a| a.claim_mappings.extra = extra(key)).len(), 1, "{key}");
    }
    assert_eq!(refused(|a| a.claim_mappings.extra = extra("acme.io/x")).len(), 0);
    assert_eq!(refused(|a| a.issuer.certificate_authority = Some("LS0t".into())).len(), 1);
    let twice = [realm().authenticator(), realm().authenticator()];
    assert_eq!(validate_jwt("jwt", &twice).len(), 1);
}

#[test]
fn wac_07_an_expression_on_email_needs_a_word_on_verification() {
    let unverified = Realm { allow_unverified_emails: true, ..realm() };
    let mut authenticator = unverified.authenticator();
    assert_eq!(validate_jwt("jwt", std::slice::from_ref(&authenticator)), []);
    authenticator.claim_validation_rules.clear();
    let faults = validate_jwt("jwt", std::slice::from_ref(&authenticator));
    assert_eq!(faults.len(), 1);
    assert!(faults[0].message.contains("claims.email_verified must be used"));
}

#[test]
fn oidc_lint_names_field_risk_and_remedy() {
    let fields = |jwt: &[JwtAuthenticator]| {
        lint_jwt("jwt", jwt).into_iter().map(|finding| finding.field).collect::<Vec<_>>()
    };
    assert_eq!(fields(&[realm().authenticator()]), ["jwt[0].claimMappings.groups.prefix"]);
    let other = Realm { issuer_url: "http://other".into(), ..realm() }.authenticator();
    let found = fields(&[realm().authenticator(), other]);
    for field in ["jwt[1].issuer.url", "jwt[1].issuer.audiences", "jwt[1].claimMappings.username.prefix"] {
        assert!(found.contains(&field.to_owned()), "{field} in {found:?}");
    }
    let server = lint_jwt_of("jwt", &[realm().authenticator()], Reach::Server);
    assert!(
        server
            .iter()
            .any(|finding| finding.field == "jwt[0].claimMappings.username.prefix"
                && !finding.remedy.is_empty())
    );
    let unverified = Realm { allow_unverified_emails: true, ..realm() }.authenticator();
    assert!(fields(&[unverified]).contains(&"jwt[0].claimValidationRules[0].expression".to_owned()));
}

#[test]
fn acf_04_chains_are_refused_or_warned_about() {
    let chain = || AuthorizationConfiguration::platform_mesh(&WebhookSource::new("/x"));
    let with = |change: &dyn Fn(&mut AuthorizationConfiguration)| {
        let mut chain = chain();
        change(&mut chain);
        let faults: Vec<String> =
            validate_authorization(&chain).into_iter().map(|fault| fault.field).collect();
        let findings: Vec<String> =
            lint_authorization(&chain).into_iter().map(|finding| finding.field).collect();
        (faults, findings)
    };
    let webhook = "authorizers[2].webhook";
    let hook = |chain: &mut AuthorizationConfiguration,
                change: &dyn Fn(&mut oidc_config::WebhookAuthorizer)| {
        change(chain.authorizers[2].webhook.as_mut().unwrap());
    };
    assert_eq!(
        with(&|c| hook(c, &|w| w.failure_policy = "Deny".into())),
        (vec![], vec![format!("{webhook}.failurePolicy")])
    );
    assert_eq!(with(&|c| hook(c, &|w| w.timeout = "31s".into())).0, [format!("{webhook}.timeout")]);
    assert_eq!(with(&|c| hook(c, &|w| w.authorized_ttl = None)).1, [format!("{webhook}.authorizedTTL")]);
    assert_eq!(with(&|c| hook(c, &|w| w.match_conditions.clear())).1.len(), 2);
    assert_eq!(with(&|c| hook(c, &|w| w.connection_info.kube_config_file = Some("x".into()))).0.len(), 1);
    assert_eq!(with(&|c| hook(c, &|w| w.subject_access_review_version.clear())).0.len(), 1);
    assert!(with(&|c| c.authorizers.swap(0, 2)).1.contains(&"authorizers[0]".to_owned()));
    assert_eq!(with(&|c| c.authorizers.clear()).0, ["authorizers"]);
    assert_eq!(with(&|c| c.authorizers[1].name = "rbac".into()).0, ["authorizers[1].name"]);
    assert_eq!(with(&|c| c.authorizers[2].webhook = None).0, [webhook]);
}

proptest! {
    #[test]
    fn oidc_09_equal_input_gives_equal_bytes(mut audiences in proptest::collection::vec("[a-z0-9-]{1,6}", 0..6), by in 0usize..6) {
        let text = |audiences: &[String]| {
            let realm = Realm::new("https://x/realms/a", audiences.iter().cloned());
            serde_json::to_string(&realm.workspace_authentication("a")).unwrap()
        };
        let before = text(&audiences);
        let middle = by.min(audiences.len());
        audiences.rotate_left(middle);
        audiences.extend(audiences.first().cloned());
        prop_assert_eq!(text(&audiences), before);
    }
}

#[test]
fn oidc_03_expressions_that_do_not_compile_are_named_with_their_field() {
    let faults = refused(|authenticator| {
        let username = authenticator.claim_mappings.username.as_mut().unwrap();
        (username.claim, username.prefix) = (None, None);
        username.expression = Some("claims.sub +".into());
        let extra = ExtraMapping { key: "acme.io/team".into(), value_expression: "claims.team[".into() };
        authenticator.claim_mappings.extra.push(extra);
    });
    let starts =
        ["jwt[0].claimMappings.username.expression: ", "jwt[0].claimMappings.extra[0].valueExpression: "];
    assert_eq!(faults.len(), 2, "{faults:?}");
    for (fault, start) in faults.iter().zip(starts) {
        assert!(fault.starts_with(start), "{fault}");
    }
    let fine = refused(|authenticator| {
        let username = authenticator.claim_mappings.username.as_mut().unwrap();
        (username.claim, username.prefix) = (None, None);
        username.expression = Some("claims.sub + '@' + claims.?team.orValue('none')".into());
    });
    assert!(fine.is_empty(), "{fine:?}");
}
