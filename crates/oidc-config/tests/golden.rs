//! Equal input gives the same bytes, today and after the next change. `cargo xtask bless` rewrites the files.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::Path;

use oidc_config::{
    AuthenticationConfiguration, AuthorizationConfiguration, Configuration, Realm, WebhookSource,
};
use proptest::prelude::*;

#[track_caller]
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("MESH_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let held = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(held == text, "{name} differs; if that is meant: cargo xtask bless\n{text}");
}

fn realm() -> Realm {
    Realm {
        certificate_authority: Some(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
        ),
        ..Realm::new("https://portal.example.org/keycloak/realms/acme", ["kubectl-id", "acme-id"])
    }
}

fn unverified() -> Realm {
    Realm { allow_unverified_emails: true, ..realm() }
}

fn pretty(value: &impl serde::Serialize) -> String {
    format!("{}\n", serde_json::to_string_pretty(value).unwrap())
}

#[test]
fn oidc_09_generated_configurations_keep_their_bytes() {
    golden("workspace_authentication.json", &pretty(&realm().workspace_authentication("acme")));
    golden(
        "workspace_authentication_unverified.json",
        &pretty(&unverified().workspace_authentication("acme")),
    );
    golden("server_authentication.json", &realm().server_authentication("acme:").to_text());
    golden("server_authentication_unverified.json", &unverified().server_authentication("acme:").to_text());
    let webhook = WebhookSource::new("/config/webhook.kubeconfig");
    golden("authorization.json", &AuthorizationConfiguration::platform_mesh(&webhook).to_text());
}

#[test]
fn acf_01_what_yaml_forbids_is_escaped() {
    let strange = "a\u{7f}\u{85}\u{8d}\u{2028}\u{feff}\u{ffff}\u{0}b";
    let file = Realm::new("https://x.test", [strange]).server_authentication("p:");
    assert!(
        file.to_text().contains("a\\u007f\\u0085\\u008d\\u2028\\ufeff\\uffff\\u0000b"),
        "{}",
        file.to_text()
    );
    assert_eq!(AuthenticationConfiguration::read(file.to_text().as_bytes()).unwrap(), file);
}

#[test]
fn acf_04_findings_name_field_risk_and_remedy_in_the_same_words() {
    let mut text = String::new();
    for (title, configuration) in [
        (
            "issuers",
            r#"
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
anonymous: {enabled: true}
jwt:
- issuer: {url: "https://a.example.org/realms/acme/", audiences: [portal, account], audienceMatchPolicy: MatchAny}
  claimMappings:
    username: {claim: email, prefix: ""}
    groups: {claim: groups, prefix: ""}
- issuer: {url: "http://b.example.org", audiences: [portal]}
  claimMappings:
    username: {claim: preferred_username, prefix: ""}
    groups: {claim: groups, prefix: "system:"}
- issuer: {url: "https://c.example.org"}
  claimMappings:
    username: {claim: preferred_username, prefix: "system:c:"}
  claimValidationRules:
  - {expression: "claims.email_verified", message: verify}
  - {expression: "true", message: all}
"#,
        ),
        (
            "chain",
            r#"
apiVersion: apiserver.config.k8s.io/v1
kind: AuthorizationConfiguration
authorizers:
- type: Webhook
  name: hook
  webhook:
    timeout: 20s
    subjectAccessReviewVersion: v1beta1
    failurePolicy: Deny
    cacheUnauthorizedRequests: false
    connectionInfo: {type: KubeConfigFile, kubeConfigFile: /x}
- {type: AlwaysAllow, name: all}
- {type: RBAC, name: rbac}
"#,
        ),
    ] {
        let configuration = Configuration::read(configuration.as_bytes()).unwrap();
        text.push_str(&format!("# {title}\n"));
        for fault in configuration.validate() {
            text.push_str(&format!("refused {fault}\n"));
        }
        for finding in configuration.lint() {
            assert!(!finding.field.is_empty() && !finding.risk.is_empty() && !finding.remedy.is_empty());
            text.push_str(&format!("risky {finding}\n"));
        }
    }
    golden("findings.txt", &text);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn oidc_09_what_was_written_is_read_and_written_the_same(
        url in "https://[a-z]{1,6}\\.test/realms/[a-z]{1,4}",
        audiences in proptest::collection::vec(".{1,6}", 0..4),
        ca in proptest::option::of(".{0,9}"),
        claims in (".{0,6}", ".{0,6}"),
        allow_unverified_emails: bool,
        prefix in ".{0,6}",
    ) {
        let realm = Realm {
            certificate_authority: ca,
            user_claim: claims.0,
            group_claim: claims.1,
            allow_unverified_emails,
            ..Realm::new(url, audiences)
        };
        let file = realm.server_authentication(&prefix);
        let read = AuthenticationConfiguration::read(file.to_text().as_bytes()).unwrap();
        prop_assert_eq!(read.to_text(), file.to_text());
        prop_assert_eq!(read, file);
    }
}
