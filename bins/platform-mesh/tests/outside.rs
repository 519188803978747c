//! The story with every operator as a process of its own, started by the lines that `operators.env` gives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test helpers")]

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Program, its subcommand, and the variable of `operators.env` with its flags.
const OPERATORS: [(&str, &str, &str); 7] = [
    ("rebac-authz-webhook", "serve", "REBAC_AUTHZ_WEBHOOK_FLAGS"),
    ("account-operator", "operator", "ACCOUNT_OPERATOR_FLAGS"),
    ("security-operator", "fga", "SECURITY_OPERATOR_FGA_FLAGS"),
    ("security-operator", "system", "SECURITY_OPERATOR_FLAGS"),
    ("security-operator", "model-generator", "SECURITY_OPERATOR_FLAGS"),
    ("security-operator", "initializer", "SECURITY_OPERATOR_LIFECYCLE_FLAGS"),
    ("security-operator", "terminator", "SECURITY_OPERATOR_LIFECYCLE_FLAGS"),
];

/// A process with its name; ended with the test.
struct Process {
    name: String,
    child: Child,
}

impl Process {
    fn start(name: String, command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).env_remove("RUST_LOG").spawn();
        Self { child: child.unwrap_or_else(|error| panic!("start {name}: {error}")), name }
    }

    /// Asks it to end, as a supervisor does, and says how it ended.
    fn end(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{} ended with {status}", self.name);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The programs beside ours; a run of this package alone does not build them.
fn operators() -> Option<PathBuf> {
    let folder = assert_cmd::cargo::cargo_bin!("platform-mesh").parent().unwrap().to_owned();
    let absent: Vec<&str> =
        OPERATORS.iter().map(|(name, ..)| *name).filter(|name| !folder.join(name).is_file()).collect();
    if absent.is_empty() {
        return Some(folder);
    }
    println!("{} not built, passed over: cargo test --workspace builds them", absent.join(", "));
    None
}

fn up(folder: &Path) -> Process {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("platform-mesh"));
    command.args(["up", "--without", "account-operator,security-operator,webhook", "--kubeconfig-dir"]);
    let mut mesh = Process::start("up".into(), command.arg(folder).stdout(Stdio::piped()));
    let mut line = String::new();
    BufReader::new(mesh.child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("ready in "), "{line}");
    mesh
}

#[test]
fn dev_10_story_passes_with_every_operator_in_a_process_of_its_own() {
    let Some(programs) = operators() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mesh = up(folder.path());
    let env = folder.path().join("operators.env");
    let outside: Vec<Process> = OPERATORS
        .iter()
        .map(|(program, mode, flags)| {
            let log = std::fs::File::create(folder.path().join(format!("{program}-{mode}.log"))).unwrap();
            let line =
                format!(". '{}'; exec '{}' {mode} ${flags}", env.display(), programs.join(program).display());
            let mut command = Command::new("sh");
            command.args(["-c", &line]).stdout(log.try_clone().unwrap()).stderr(log);
            Process::start(format!("{program} {mode}"), &mut command)
        })
        .collect();
    let told = Command::new(assert_cmd::cargo::cargo_bin!("platform-mesh"))
        .args(["demo", "--json", "--mesh"])
        .arg(folder.path())
        .output()
        .unwrap();
    let story = String::from_utf8_lossy(&told.stdout);
    if !told.status.success() {
        let errors = String::from_utf8_lossy(&told.stderr);
        panic!("{story}{errors}{}", ends_of_logs(folder.path()));
    }
    assert_eq!(story.lines().last(), Some(r#"{"demo":"ok","steps":11,"ok":11}"#), "{story}");
    outside.into_iter().for_each(Process::end);
    mesh.end();
}

/// The last lines that each operator wrote.
fn ends_of_logs(folder: &Path) -> String {
    let mut text = String::new();
    for (program, mode, _) in OPERATORS {
        let log = std::fs::read_to_string(folder.join(format!("{program}-{mode}.log"))).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(15)..];
        text.push_str(&format!("\n== {program} {mode}\n{}\n", last.join("\n")));
    }
    text
}
