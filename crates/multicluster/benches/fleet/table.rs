//! Goals and cells.

use serde_json::{Value, json};

use super::{Served, go, measure};

struct Goal {
    row: String,
    key: &'static str,
    unit: &'static str,
    meets: fn(f64) -> bool,
}

fn goal(row: String, key: &'static str, unit: &'static str, meets: fn(f64) -> bool) -> Goal {
    Goal { row, key, unit, meets }
}

fn cell(row: &str, column: &str, word: &str, text: &str, reason: &str) {
    println!(
        "::cell {}",
        json!({"row": row, "column": column, "cell": word, "text": text, "reason": reason})
    );
}

fn shown(value: f64, unit: &str) -> String {
    let number = if value >= 1000.0 { format!("{value:.0}") } else { format!("{value:.1}") };
    format!("{number} {unit}").trim().to_owned()
}

/// A part that may be measured alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Fleet,
    KubeRs,
    Go,
}

/// Goals for `clusters` × 10 objects; those of memory and time grow with the number of objects.
fn goals(clusters: u64) -> Vec<Goal> {
    let size = format!("{clusters} × 10");
    vec![
        goal(format!("typed memory, {size} (≤ 500 MB)"), "rss_mb", "MB", |mb| mb <= 500.0),
        goal("start to all engaged (≤ 3 s)".into(), "engaged_s", "s", |s| s <= 3.0),
        goal("start to first reconcile (≤ 5 s)".into(), "first_s", "s", |s| s <= 5.0),
        goal("start to all reconciled (≤ 10 s)".into(), "all_s", "s", |s| s <= 10.0),
        goal("tasks (kinds + 10)".into(), "tasks", "", |tasks| tasks <= 14.0),
        goal("watches (kinds)".into(), "watches", "", |watches| watches <= 6.0),
        goal("writes in steady state (0)".into(), "writes", "", |writes| writes == 0.0),
        goal("engaging: requests (0)".into(), "engage_requests", "", |requests| requests == 0.0),
        goal("engaging: mean (< 10 µs)".into(), "engage_us", "µs", |us| us < 10.0),
        goal("empty reconciles (≥ 100,000/s)".into(), "reconciles_per_s", "/s", |rate| rate >= 100_000.0),
        goal("change to reconcile, idle, p99 (≤ 5 ms)".into(), "idle_p99_ms", "ms", |ms| ms <= 5.0),
        goal("change to reconcile, 1,000/s, p99 (≤ 20 ms)".into(), "busy_p99_ms", "ms", |ms| ms <= 20.0),
    ]
}

/// Measures everything, or one part of it; a missed goal ends the process with 1.
pub fn run(clusters: u64, only: Option<Part>) {
    println!("{}", machine());
    let wanted = |part: Part| only.is_none_or(|only| only == part);
    let all: Vec<Goal> = goals(clusters).into_iter().chain(without_goal()).collect();
    let missed = wanted(Part::Fleet) && fleet(clusters, &all);
    if wanted(Part::KubeRs) {
        kube_rs(&all);
    }
    if wanted(Part::Go) {
        go::run(clusters, |column, found| beside(column, found, &all, &go::KEYS));
    }
    if missed {
        std::process::exit(1);
    }
}

/// Ours, with its goals; whether one is missed.
fn fleet(clusters: u64, all: &[Goal]) -> bool {
    let mut missed = false;
    let mut ours = |found: &Value, goal: &Goal| {
        let value = found[goal.key].as_f64();
        let (word, text, reason) = match value {
            None => ("RED", String::new(), format!("not measured: {found}")),
            Some(value) if (goal.meets)(value) => ("ok", shown(value, goal.unit), String::new()),
            Some(value) => ("RED", shown(value, goal.unit), "the goal is missed".to_owned()),
        };
        missed |= word == "RED";
        cell(&goal.row, "ours", word, &text, &reason);
    };
    let of = |form: &str| {
        let mut served = Served::start(clusters, 10);
        let found = measure(&["fleet", form, &clusters.to_string()], &mut served);
        println!("{form}: {found}");
        found
    };
    let (typed, compact) = (of("typed"), of("compact"));
    ours(&typed, &all[0]);
    ours(
        &compact,
        &goal(format!("compact memory, {clusters} × 10 (≤ 250 MB)"), "rss_mb", "MB", |mb| mb <= 250.0),
    );
    let with_goal = all[1..].iter().filter(|goal| !FREE.contains(&goal.key));
    with_goal.for_each(|goal| ours(&typed, goal));
    beside("ours", &typed, all, &FREE);
    missed
}

/// kube-rs' Controller for each cluster, and ours at the same sizes.
fn kube_rs(all: &[Goal]) {
    for count in [100, 1_000] {
        let mut served = Served::start(count, 10);
        let own = measure(&["fleet", "typed", &count.to_string()], &mut served);
        println!("fleet of {count}: {own}");
        beside(&format!("ours, {count}"), &own, all, &go::KEYS);
        drop(served);
        let mut served = Served::start(count, 10);
        let found = measure(&["kube-rs", &count.to_string()], &mut served);
        println!("kube-rs, {count}: {found}");
        beside(&format!("kube-rs, {count}"), &found, all, &["rss_mb", "all_s", "tasks", "watches"]);
    }
}

/// What has no goal.
const FREE: [&str; 2] = ["idle_p50_ms", "busy_p50_ms"];

/// Figures that have no goal.
fn without_goal() -> Vec<Goal> {
    let any = |_| true;
    vec![
        goal("change to reconcile, idle, p50".into(), "idle_p50_ms", "ms", any),
        goal("change to reconcile, 1,000/s, p50".into(), "busy_p50_ms", "ms", any),
    ]
}

/// Figures that stand beside ours, and count for nothing; what a column does not measure at all it does not name.
fn beside(column: &str, found: &Value, all: &[Goal], keys: &[&str]) {
    for goal in all.iter().filter(|goal| keys.contains(&goal.key)) {
        match found[goal.key].as_f64() {
            Some(value) => cell(&goal.row, column, "note", &shown(value, goal.unit), ""),
            None => cell(
                &goal.row,
                column,
                "n/a",
                "",
                found["gave_up"].as_str().unwrap_or("not done in two minutes"),
            ),
        }
    }
}

/// The machine, so that figures can be compared later.
fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("machine: {cores} cores,{}, load {}", model.trim_start_matches([' ', '\t', ':']), load.trim())
}
