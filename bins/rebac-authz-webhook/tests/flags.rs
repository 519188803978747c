//! The command line that upstream's charts call.
#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::process::{Command, Output};

/// Flags of upstream's `serve`, those of its logging included.
const FLAGS: [&str; 19] = [
    "metrics-bind-address",
    "health-probe-bind-address",
    "openfga-addr",
    "webhook-cert-dir",
    "webhook-cluster-key",
    "webhook-allowed-nonresource-prefixes",
    "webhook-cache-miss-max-retries",
    "webhook-cache-miss-ttl",
    "webhook-cache-miss-cleanup-interval",
    "webhook-cache-miss-retry-after",
    "kcp-api-export-endpoint-slice-name",
    "v",
    "vmodule",
    "logging-format",
    "log-flush-frequency",
    "log-json-info-buffer-size",
    "log-json-split-stream",
    "log-text-info-buffer-size",
    "log-text-split-stream",
];

fn run(words: &[&str]) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("rebac-authz-webhook"));
    command.env_remove("KUBECONFIG").env("HOME", "/nowhere").args(words).output().unwrap()
}

#[test]
fn rbw_09_every_flag_of_upstream_is_taken() {
    let help = String::from_utf8(run(&["serve", "--help"]).stdout).unwrap();
    for flag in FLAGS {
        assert!(help.contains(&format!("--{flag}")), "--{flag} is not in\n{help}");
    }
    for default in ["[default: :9090]", "[default: :8090]", "[default: openfga.platform-mesh-system:8081]"] {
        assert!(help.contains(default), "{default} is not in\n{help}");
    }
}

#[test]
fn rbw_09_folder_without_a_certificate_is_one_sentence_and_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("kubeconfig");
    std::fs::write(&config, "apiVersion: v1\nkind: Config\nclusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]\ncontexts: [{name: a, context: {cluster: a, user: a}}]\nusers: [{name: a, user: {}}]\ncurrent-context: a\n").unwrap();
    let output = run(&[
        "serve",
        "--openfga-addr=127.0.0.1:1",
        "--metrics-bind-address=0",
        "--health-probe-bind-address=0",
        "--webhook-cert-dir=/nowhere/certs",
        "--kubeconfig",
        config.to_str().unwrap(),
    ]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("/nowhere/certs"), "{text}");
}
