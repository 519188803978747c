//! The command line that upstream's charts call.
#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::process::{Command, Output};

/// Flags of upstream's `operator`.
const FLAGS: [&str; 31] = [
    "debug-label-value",
    "max-concurrent-reconciles",
    "environment",
    "region",
    "kubeconfig",
    "is-local",
    "image-name",
    "image-tag",
    "log-level",
    "no-json",
    "shutdown-timeout",
    "metrics-bind-address",
    "metrics-secure",
    "tracing-enabled",
    "tracing-config-service-name",
    "tracing-config-service-version",
    "tracing-config-collector-endpoint",
    "enable-http2",
    "health-probe-bind-address",
    "leader-elect",
    "webhooks-enabled",
    "webhooks-cert-dir",
    "webhooks-port",
    "webhooks-deny-list",
    "webhooks-additional-account-types",
    "subroutines-workspace-type-enabled",
    "subroutines-workspace-enabled",
    "subroutines-workspace-ready-enabled",
    "subroutines-account-info-enabled",
    "controllers-account-info-enabled",
    "kcp-api-export-endpoint-slice-name",
];

fn run(words: &[&str]) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("account-operator"));
    command.env_remove("KUBECONFIG").env("HOME", "/nowhere").args(words).output().unwrap()
}

#[test]
fn acc_13_every_flag_of_upstream_is_taken() {
    let output = run(&["operator", "--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    for flag in FLAGS {
        assert!(help.contains(&format!("--{flag}")), "--{flag} is not in\n{help}");
    }
    for default in
        ["[default: :9090]", "[default: :8090]", "[default: 9443]", "[default: core.platform-mesh.io]"]
    {
        assert!(help.contains(default), "{default} is not in\n{help}");
    }
}

#[test]
fn acc_13_unusable_kubeconfig_is_one_sentence_with_a_next_step_and_exit_code_1() {
    let output = run(&[
        "operator",
        "--no-json",
        "--log-level=error",
        "--kubeconfig=/nowhere/kubeconfig",
        "--metrics-bind-address=0",
        "--health-probe-bind-address=0",
    ]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("account-operator: ") && text.contains("/nowhere/kubeconfig"), "{text}");
    assert!(text.contains("  help: "), "{text}");
}

#[test]
fn acc_13_unknown_flag_is_named() {
    let output = run(&["operator", "--webhook-enabled"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("--webhook-enabled") && text.contains("--webhooks-enabled"), "{text}");
}
