//! Go's multicluster-runtime with kcp's provider, on the same server: `xtask/peers/multicluster`.

use std::process::Command;

use serde_json::{Value, json};

use super::{Served, listen};

/// Rows that it fills.
pub const KEYS: [&str; 12] = [
    "rss_mb",
    "engaged_s",
    "first_s",
    "all_s",
    "tasks",
    "watches",
    "writes",
    "reconciles_per_s",
    "idle_p50_ms",
    "idle_p99_ms",
    "busy_p50_ms",
    "busy_p99_ms",
];

/// A column for each number of clusters, up to the first that is given up.
pub fn run(clusters: u64, mut column: impl FnMut(&str, &Value)) {
    let Some(program) = std::env::var_os("MULTICLUSTER_GO_PEER") else {
        let missing = std::env::var("MULTICLUSTER_GO_PEER_MISSING");
        let why = missing.unwrap_or_else(|_| "`cargo xtask bench multicluster` builds it".to_owned());
        column("Go", &json!({ "gave_up": why }));
        return;
    };
    let counts = [100, 1_000, 2_500, 5_000, 10_000].into_iter().filter(|count| *count < clusters);
    for count in counts.chain([clusters]) {
        let mut served = Served::start(count, 10);
        // Two minutes to start, as kube-rs has, and five for larger fleets.
        let seconds = if count <= 1_000 { "120" } else { "300" };
        let mut command = Command::new(&program);
        command.arg(&served.url).args([&count.to_string(), seconds]);
        let found =
            listen(&mut command, &mut served).unwrap_or_else(|error| json!({ "failed": error.to_string() }));
        let found = why_not(found);
        println!("Go, {count}: {found}");
        column(&format!("Go, {count}"), &found);
        if !found["gave_up"].is_null() {
            return;
        }
    }
}

/// A program that failed gave up as well.
fn why_not(mut found: Value) -> Value {
    if let Some(failed) = found["failed"].as_str().map(str::to_owned)
        && found["gave_up"].is_null()
    {
        found["gave_up"] = json!(failed);
    }
    found
}
