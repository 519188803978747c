//! A whole mesh as a process, and the commands that reach it from others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test helpers")]

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

/// A running mesh; ended with the test.
struct Mesh(Child, tempfile::TempDir);

impl Drop for Mesh {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("platform-mesh"));
    command.env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn up() -> Mesh {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command().args(["up", "--kubeconfig-dir"]).arg(folder.path()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    if !line.starts_with("ready in ") {
        let mut error = String::new();
        child.stderr.as_mut().unwrap().read_to_string(&mut error).unwrap();
        panic!("{line}{error}");
    }
    Mesh(child, folder)
}

fn run(folder: &Path, words: &[&str]) -> Output {
    command().arg(words[0]).arg("--mesh").arg(folder).args(&words[1..]).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn mesh_commands_reach_a_mesh_of_another_process() {
    let mesh = up();
    let folder = mesh.1.path();
    for file in ["admin.kubeconfig", "operator.kubeconfig", "mesh.json"] {
        assert!(folder.join(file).exists(), "{file}");
    }
    let story = text(&run(folder, &["demo", "--json", "--until", "2"]));
    let lines: Vec<Value> = story.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        (&lines[0]["step"], &lines[0]["id"], &lines[0]["ok"]),
        (&1.into(), &"organisation".into(), &true.into())
    );
    assert!(lines[0]["ms"].is_u64() && lines[0]["objects"].is_array());
    assert_eq!(story.lines().last().unwrap(), r#"{"demo":"ok","steps":2,"ok":2}"#);

    let credential: Value =
        serde_json::from_str(&text(&run(folder, &["token", "--user", "alice", "--realm", "acme"]))).unwrap();
    assert_eq!(credential["apiVersion"], "client.authentication.k8s.io/v1");
    assert_eq!(credential["kind"], "ExecCredential");
    assert_eq!(credential["status"]["token"].as_str().unwrap().split('.').count(), 3);

    assert_eq!(text(&run(folder, &["members", "acme:dev"])), "owner\talice@example.org\n");
    text(&run(folder, &["grant", "bob", "member", "acme:dev"]));
    let last = run(folder, &["revoke", "alice", "owner", "acme:dev"]);
    assert_eq!(last.status.code(), Some(1));
    let words = String::from_utf8_lossy(&last.stderr).into_owned();
    assert!(
        words.contains("last owner of `root:orgs:acme:dev`; make somebody else an owner first"),
        "{words}"
    );

    let nowhere = run(folder, &["token", "--user", "alice", "--realm", "nope"]);
    let words = String::from_utf8_lossy(&nowhere.stderr).into_owned();
    assert!(words.contains("no realm `nope`; `welcome` is for everybody"), "{words}");

    let kubeconfig = text(&run(folder, &["kubeconfig", "--user", "alice", "--workspace", "acme:dev"]));
    assert!(
        kubeconfig.contains("/clusters/root:orgs:acme:dev") && kubeconfig.contains("--realm"),
        "{kubeconfig}"
    );
    kubectl_asks_by_the_plugin(folder, &kubeconfig);
}

/// Where stock kubectl is installed, it logs in by the printed kubeconfig.
fn kubectl_asks_by_the_plugin(folder: &Path, kubeconfig: &str) {
    let path = folder.join("alice.kubeconfig");
    std::fs::write(&path, kubeconfig).unwrap();
    let Ok(output) =
        Command::new("kubectl").arg("--kubeconfig").arg(&path).args(["get", "accounts"]).output()
    else {
        println!("no kubectl here, passed over");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn mesh_commands_without_a_mesh_say_what_to_start() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["members", "acme"]);
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("start one with `platform-mesh up`") && words.lines().count() == 1, "{words}");
}
