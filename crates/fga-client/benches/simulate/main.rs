//! Seeded schedules of a replica that follows a faulty server: `cargo xtask simulate replica [--seeds N] [--first-seed F] [--seed S]`.
#![allow(clippy::unwrap_used, missing_docs)]

mod server;
mod world;

use std::{process::ExitCode, time::Instant};

use serde_json::json;
use world::Ran;

/// Schedules unless told otherwise.
const SEEDS: u64 = 20_000;
/// Findings after which the run ends.
const FINDINGS_MAX: usize = 5;

#[derive(Default)]
struct Asked {
    seeds: Option<u64>,
    first: u64,
    one: Option<u64>,
}

fn asked() -> Result<Asked, String> {
    let mut asked = Asked::default();
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        let value = words.next().ok_or(format!("`{word}` wants a value"))?;
        let number = value.parse().map_err(|_| format!("`{value}` is no number"))?;
        match word.as_str() {
            "--seeds" => asked.seeds = Some(number),
            "--first-seed" => asked.first = number,
            "--seed" => asked.one = Some(number),
            other => {
                return Err(format!("`{other}` is not known here; there are --seeds, --first-seed, --seed"));
            }
        }
    }
    Ok(asked)
}

fn main() -> ExitCode {
    let asked = match asked() {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("simulate replica: {why}");
            return ExitCode::from(2);
        }
    };
    let (first, count) = match asked.one {
        Some(seed) => (seed, 1),
        None => (asked.first, asked.seeds.unwrap_or(SEEDS)),
    };
    let begun = Instant::now();
    let (sum, findings) = world::run_all(first..first + count, FINDINGS_MAX);
    for (seed, why) in &findings {
        println!("seed {seed}: {why}\n  cargo xtask simulate replica --seed {seed}");
    }
    let reasons: Vec<String> = findings.iter().map(|(seed, why)| format!("seed {seed}: {why}")).collect();
    cell("seeds", findings.is_empty(), &count.to_string(), &reasons.join("; "));
    let Ran { here, asked, failed, boots, .. } = sum;
    cell("answers", true, &format!("{here} from the copy, {asked} asked of the server, {failed} failed"), "");
    cell("copies", true, &boots.to_string(), "");
    cell("took", true, &format!("{:.1} s", begun.elapsed().as_secs_f64()), "");
    let again = (world::run(first), world::run(first));
    let same = again.0 == again.1;
    cell("repeats", same, if same { "exactly" } else { "differs" }, &format!("{again:?}"));
    if findings.is_empty() && same { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn cell(column: &str, ok: bool, text: &str, reason: &str) {
    let (word, reason) = if ok { ("ok", "") } else { ("RED", reason) };
    println!(
        "::cell {}",
        json!({"row": "replica", "column": column, "cell": word, "text": text, "reason": reason})
    );
}
