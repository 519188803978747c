//! Seeded schedules of the fleet with faults: `cargo xtask simulate multicluster [--seeds N] [--first-seed F] [--seed S] [--scenario NAME]`.
//!
//! Without a scenario: random fleets with invariants checked after every step, and replicas over Leases. `churn`: 2,000 clusters of 10 objects,
//! a tenth of them coming and going, watches cut at random, five virtual minutes. `bad-cluster`: one of 1,000 fails, blocks or panics.
#![allow(clippy::unwrap_used, missing_docs)]

mod bad_cluster;
mod churn;
mod dice;
mod fleet_world;
mod lease_world;

use std::{collections::BTreeMap, panic::AssertUnwindSafe, time::Instant};

/// A schedule; a digest of what happened, or what was found.
type Run = fn(u64) -> Result<u64, String>;

struct Scenario {
    name: &'static str,
    /// The word behind `--scenario`; none for what runs without one.
    word: Option<&'static str>,
    run: Run,
    /// How many seeds unless told otherwise.
    usual: u64,
}

const ALL: [Scenario; 4] = [
    Scenario { name: "fleets", word: None, run: fleet_world::run, usual: 500 },
    Scenario {
        name: "leases",
        word: None,
        run: |seed| lease_world::run(seed).map(|()| seed),
        usual: 100_000,
    },
    Scenario { name: "churn", word: Some("churn"), run: churn::run, usual: 1 },
    Scenario { name: "bad-cluster", word: Some("bad-cluster"), run: bad_cluster::run, usual: 3 },
];

#[derive(Default)]
struct Asked {
    seeds: Option<u64>,
    first: u64,
    one: Option<u64>,
    scenario: Option<String>,
}

fn asked() -> Result<Asked, String> {
    let mut asked = Asked::default();
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("`{word}` wants a value"));
        let number = |text: String| text.parse().map_err(|_| format!("`{text}` is no number"));
        match word.as_str() {
            "--seeds" => asked.seeds = Some(number(value()?)?),
            "--first-seed" => asked.first = number(value()?)?,
            "--seed" => asked.one = Some(number(value()?)?),
            "--scenario" => asked.scenario = Some(value()?),
            other => return Err(format!("`{other}` is not known here")),
        }
    }
    Ok(asked)
}

fn main() {
    let asked = asked().unwrap_or_else(|why| {
        eprintln!("simulate multicluster: {why}");
        std::process::exit(2);
    });
    if asked.one.is_none() {
        // A finding says what it is; the trace of its panic is for the run that repeats it.
        std::panic::set_hook(Box::new(|_| {}));
    }
    let chosen = ALL.iter().filter(|scenario| match &asked.scenario {
        None => true,
        Some(word) => scenario.word == Some(word.as_str()) || scenario.name == word.as_str(),
    });
    let mut found = 0;
    let mut ran = 0;
    for scenario in chosen {
        ran += 1;
        found += run_all(scenario, &asked);
    }
    if ran == 0 {
        eprintln!("simulate multicluster: no such scenario; there are: churn, bad-cluster, fleets, leases");
        std::process::exit(2);
    }
    if found > 0 {
        std::process::exit(1);
    }
}

fn run_all(scenario: &Scenario, asked: &Asked) -> usize {
    let (first, count) = match (asked.one, asked.seeds) {
        (Some(seed), _) => (seed, 1),
        // Scenarios with a world of their own size run as often as they say, unless they are what was asked for.
        (None, Some(seeds)) if scenario.word.is_none() || asked.scenario.is_some() => (asked.first, seeds),
        (None, _) => (asked.first, scenario.usual),
    };
    let started = Instant::now();
    let mut findings: BTreeMap<u64, String> = BTreeMap::new();
    for seed in first..first + count {
        if let Err(why) = attempt(scenario.run, seed) {
            let word = scenario.word.map(|word| format!(" --scenario {word}")).unwrap_or_default();
            println!(
                "{} seed {seed}: {why}\n  cargo xtask simulate multicluster --seed {seed}{word}",
                scenario.name
            );
            findings.insert(seed, why);
            if findings.len() >= 5 {
                break;
            }
        }
    }
    let took = format!("{:.1} s", started.elapsed().as_secs_f64());
    cell(scenario.name, "seeds", findings.is_empty(), &count.to_string(), &reason(&findings));
    cell(scenario.name, "took", true, &took, "");
    // The same seed a second time, in the same process: hash seeds and addresses differ, the run must not.
    let again = (attempt(scenario.run, first), attempt(scenario.run, first));
    let same = again.0 == again.1;
    cell(scenario.name, "repeats", same, if same { "exactly" } else { "differs" }, &format!("{again:?}"));
    findings.len() + usize::from(!same)
}

fn attempt(run: Run, seed: u64) -> Result<u64, String> {
    let caught = std::panic::catch_unwind(AssertUnwindSafe(|| run(seed)));
    caught.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
    })
}

fn reason(findings: &BTreeMap<u64, String>) -> String {
    let shown = findings.iter().map(|(seed, why)| format!("seed {seed}: {why}"));
    shown.collect::<Vec<_>>().join("; ")
}

fn cell(row: &str, column: &str, ok: bool, text: &str, reason: &str) {
    let word = if ok { "ok" } else { "RED" };
    let reason = if ok { "" } else { reason };
    println!(
        "::cell {}",
        serde_json::json!({"row": row, "column": column, "cell": word, "text": text, "reason": reason})
    );
}

/// Runs a story on one thread with paused time, from the same instant whatever the machine does.
fn paused<T>(story: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(story)
}

/// A digest of a sequence of events.
#[derive(Default)]
struct Digest(u64);

impl Digest {
    fn note(&mut self, text: &str) {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self.0 = self.0.rotate_left(17).wrapping_add(1);
    }
}
