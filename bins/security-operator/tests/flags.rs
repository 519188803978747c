//! The command line that upstream's charts call.
#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::process::{Command, Output};

const MODES: [&str; 5] = ["fga", "system", "model-generator", "initializer", "terminator"];

/// Flags that upstream takes in each mode.
const FLAGS: [&str; 63] = [
    "debug-label-value",
    "max-concurrent-reconciles",
    "leader-elect",
    "metrics-bind-address",
    "health-probe-bind-address",
    "log-level",
    "no-json",
    "environment",
    "region",
    "image-name",
    "image-tag",
    "shutdown-timeout",
    "kubeconfig",
    "is-local",
    "metrics-secure",
    "enable-http2",
    "tracing-enabled",
    "tracing-config-service-name",
    "tracing-config-service-version",
    "tracing-config-collector-endpoint",
    "kcp-kubeconfig",
    "api-export-endpoint-slice-name",
    "system-api-export-endpoint-slice-name",
    "workspace-path",
    "workspace-type-name",
    "fga-target",
    "fga-object-type",
    "fga-parent-relation",
    "fga-creator-relation",
    "fga-store-id-cache-ttl",
    "core-module-path",
    "allow-member-tuples-enabled",
    "migrate-authorization-models",
    "base-domain",
    "group-claim",
    "user-claim",
    "additional-audiences",
    "development-allow-unverified-emails",
    "domain-ca-lookup",
    "set-default-password",
    "http-client-timeout-seconds",
    "keycloak-base-url",
    "keycloak-client-id",
    "idp-realm-deny-list",
    "idp-registration-allowed",
    "idp-access-token-lifespan",
    "idp-additional-redirect-urls",
    "idp-kubectl-client-redirect-urls",
    "idp-smtp-server",
    "idp-from-address",
    "idp-smtp-user",
    "idp-smtp-password",
    "idp-smtp-port",
    "idp-smtp-ssl",
    "idp-smtp-starttls",
    "initializer-workspace-enabled",
    "initializer-idp-enabled",
    "initializer-invite-enabled",
    "initializer-workspace-auth-enabled",
    "webhooks-enabled",
    "webhooks-port",
    "webhooks-cert-dir",
    "fga-naming",
];

fn run(words: &[&str]) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("security-operator"));
    command.env_remove("KUBECONFIG").env("HOME", "/nowhere").args(words).output().unwrap()
}

#[test]
fn sec_07_every_mode_takes_every_flag_of_upstream() {
    for mode in MODES {
        let help = String::from_utf8(run(&[mode, "--help"]).stdout).unwrap();
        for flag in FLAGS {
            assert!(help.contains(&format!("--{flag}")), "{mode}: --{flag} is not in\n{help}");
        }
        for default in ["[default: :9090]", "[default: :8090]", "[default: security]", "[default: 28800]"] {
            assert!(help.contains(default), "{mode}: {default} is not in\n{help}");
        }
    }
}

#[test]
fn sec_07_unusable_kubeconfig_is_one_sentence_and_exit_code_1() {
    for mode in MODES {
        let output = run(&[
            mode,
            "--no-json",
            "--log-level=error",
            "--kcp-kubeconfig=/nowhere/kubeconfig",
            "--fga-target=127.0.0.1:1",
            "--metrics-bind-address=0",
            "--health-probe-bind-address=0",
        ]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{mode}: {text}");
        assert!(
            text.contains("security-operator: ") && text.contains("/nowhere/kubeconfig"),
            "{mode}: {text}"
        );
    }
}
