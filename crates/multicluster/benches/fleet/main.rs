//! What a fleet costs: `cargo xtask bench multicluster [--clusters N] [--only PART]`. A fake server of 10,000 clusters with 10 objects of 2.3 KB each runs in a
//! process of its own; each measurement runs in another, so that its memory is its own.
//!
//! Rows are goals, the first column is ours. Beside it stand kube-rs' Controller, one for each cluster, at 100 and 1,000 clusters, and Go's
//! multicluster-runtime with kcp's provider at those and at as many as it bears, where a program for it was built: the verb names it in
//! `MULTICLUSTER_GO_PEER`, or says in `MULTICLUSTER_GO_PEER_MISSING` why there is none.
#![allow(clippy::unwrap_used, missing_docs)]

mod client; // a fleet, measured
mod go; // Go's stack, a program of its own
mod kube_rs; // a Controller for each cluster
mod server; // the fake in its own process
mod table; // goals and cells

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::Value;

/// A fake server in another process.
pub struct Served {
    child: Child,
    lines: BufReader<ChildStdout>,
    pub url: String,
}

impl Served {
    fn start(clusters: u64, objects: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["serve", &clusters.to_string(), &objects.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        lines.read_line(&mut url).unwrap();
        Served { child, lines, url: url.trim().to_owned() }
    }

    /// Sends a command and waits for its answer.
    fn ask(&mut self, command: &str) -> Value {
        use std::io::Write as _;
        let stdin = self.child.stdin.as_mut().unwrap();
        writeln!(stdin, "{command}").unwrap();
        stdin.flush().unwrap();
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Its standard input ends with us, and so does it; a kill makes sure.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a measurement of ours in another process.
fn measure(words: &[&str], served: &mut Served) -> Value {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(words).arg(&served.url);
    listen(&mut command, served).unwrap()
}

/// Runs a program that prints JSON lines; a line with `ask` is a command for the server.
fn listen(command: &mut Command, served: &mut Served) -> std::io::Result<Value> {
    use std::io::Write as _;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut found = serde_json::Map::new();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        let Ok(Value::Object(line)) = serde_json::from_str::<Value>(&line) else { continue };
        if let Some(command) = line.get("ask").and_then(Value::as_str) {
            let answer = served.ask(command);
            writeln!(child.stdin.as_mut().unwrap(), "{answer}").unwrap();
            continue;
        }
        found.extend(line);
    }
    let status = child.wait()?;
    if !status.success() {
        found.insert("failed".into(), status.to_string().into());
    }
    Ok(Value::Object(found))
}

fn main() {
    runtime::install_crypto();
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", clusters, objects] => server::run(clusters.parse().unwrap(), objects.parse().unwrap()),
        ["fleet", form, clusters, url] => client::run(form, clusters.parse().unwrap(), url),
        ["kube-rs", clusters, url] => kube_rs::run(clusters.parse().unwrap(), url),
        words => match asked(words) {
            Some((clusters, only)) => table::run(clusters, only),
            None => {
                eprintln!("bench multicluster: `{}` is not known here", words.join(" "));
                eprintln!("it knows: --clusters N, --only fleet|kube-rs|go");
                std::process::exit(2);
            }
        },
    }
}

/// How many clusters, and which part alone.
fn asked(mut words: &[&str]) -> Option<(u64, Option<table::Part>)> {
    let (mut clusters, mut only) = (10_000, None);
    while let [word, value, rest @ ..] = words {
        match (*word, *value) {
            ("--clusters", number) => clusters = number.parse().ok()?,
            ("--only", "fleet") => only = Some(table::Part::Fleet),
            ("--only", "kube-rs") => only = Some(table::Part::KubeRs),
            ("--only", "go") => only = Some(table::Part::Go),
            _ => return None,
        }
        words = rest;
    }
    words.is_empty().then_some((clusters, only))
}

/// A line of the protocol between the processes.
fn say(value: &Value) {
    println!("{value}");
}

/// Asks the server through the process that started us.
fn ask(command: &str) -> Value {
    say(&serde_json::json!({ "ask": command }));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

/// Megabytes of this process, from the kernel: now, and at most so far.
fn memory() -> (f64, f64) {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |key: &str| {
        let line = text.lines().find(|line| line.starts_with(key));
        let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
        number.unwrap_or_default() / 1024.0
    };
    (of("VmRSS:"), of("VmHWM:"))
}
