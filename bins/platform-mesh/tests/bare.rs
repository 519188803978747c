//! `platform-mesh up --bare` as a process: the ready line, its files, its end, and how it fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test helpers")]

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

fn command() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("platform-mesh"));
    command.env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

#[test]
fn dev_01_bare_says_ready_with_its_files_written_and_ends_cleanly_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command()
        .args(["up", "--bare", "--feature-gates", "CacheAPIs=true", "--kubeconfig-dir"])
        .arg(folder.path())
        .spawn()
        .unwrap();
    let line = first_line(&mut child);
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(&words[..2], ["ready", "in"], "{line}");
    assert!(words[2].split_once('.').is_some_and(|(_, ms)| ms.len() == 3), "{line}");
    assert!(words[4].starts_with("https://127.0.0.1:"), "{line}");
    assert_eq!(words[5], folder.path().to_str().unwrap());
    let kubeconfig = std::fs::read_to_string(folder.path().join("admin.kubeconfig")).unwrap();
    for context in ["root", "base", "shard-base", "system:admin"] {
        assert!(kubeconfig.contains(&format!("name: {context}")), "{kubeconfig}");
    }

    let told = Instant::now();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
    // Who reads a log from a pipe does not want colours in it.
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("CacheAPIs has no effect") && !log.contains('\u{1b}'), "{log}");
}

/// What test environments of others do with a kcp binary: its flags, its folder, a poll of its health.
#[test]
fn dev_01_start_takes_the_flags_of_kcp() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command()
        .args(["start", "--secure-port=0", "--bind-address=127.0.0.1", "--embedded-etcd-client-port=2379"])
        .args(["--embedded-etcd-peer-port=2380", "--embedded-etcd-wal-size-bytes=5000", "--v=1"])
        .args(["--audit-log-path", "/nowhere/audit.log", "--batteries-included=workspace-types,admin,user"])
        .args(["--feature-gates=WorkspaceAuthentication=true", "--root-directory"])
        .arg(folder.path())
        .spawn()
        .unwrap();
    let line = first_line(&mut child);
    assert!(line.starts_with("ready in ") && line.contains("https://127.0.0.1:"), "{line}");
    for file in ["admin.kubeconfig", "apiserver.crt", "apiserver.key", "sa.key", "sa.pub"] {
        assert!(folder.path().join(file).exists(), "{file}");
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
}

#[test]
fn boot_a_second_bootstrap_says_of_every_object_that_it_is_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command().args(["up", "--bare", "--kubeconfig-dir"]).arg(folder.path()).spawn().unwrap();
    assert!(first_line(&mut child).starts_with("ready in"));
    let bootstrap = || {
        let kubeconfig = folder.path().join("admin.kubeconfig");
        let output = command()
            .args(["bootstrap", "--account-webhook", "https://localhost:1", "--kubeconfig"])
            .arg(kubeconfig)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<(String, String)> = text
            .lines()
            .map(|line| line.split_once("  ").unwrap())
            .map(|(change, object)| (change.trim().to_owned(), object.trim().to_owned()))
            .collect();
        assert!(lines.len() > 40, "{text}");
        lines
    };
    let (first, second) = (bootstrap(), bootstrap());
    for (change, object) in &first {
        // kcp makes a slice of its own for each export, sometimes before the list comes to it.
        let made =
            change == "created" || (change == "unchanged" && object.contains("APIExportEndpointSlice/"));
        assert!(made, "{change} {object}");
    }
    for (change, object) in &second {
        assert_eq!(change, "unchanged", "{object}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn dev_01_failures_are_one_sentence_with_the_next_step_and_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let tokens = folder.path().join("tokens.csv");
    std::fs::write(&tokens, "only-a-token\n").unwrap();
    let dir = folder.path().to_str().unwrap().to_owned();
    let cases: [(Vec<&str>, &str); 5] = [
        (vec!["--port", &port, "--kubeconfig-dir", &dir], "take another port"),
        (vec!["--kubeconfig-dir", "/proc/none"], "folder `/proc/none` cannot be written"),
        (vec!["--kubeconfig-dir", &dir, "--token-auth-file", tokens.to_str().unwrap()], "tokens.csv"),
        (vec!["--kubeconfig-dir", &dir, "--token-auth-file", "/nowhere.csv"], "/nowhere.csv"),
        (vec!["--kubeconfig-dir", &dir, "--feature-gates", "Nope=true"], "`Nope` is not known; known gates"),
    ];
    for (flags, expected) in cases {
        let output = command().args(["up", "--bare"]).args(flags).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with("error: ") && text.contains(expected), "{text}");
    }
}
