//! How fast the engine answers on the workload of Platform Mesh, what it writes, and what it holds.
//!
//! `cargo xtask bench fga [--openfga HOST:PORT] [--openfga-postgres HOST:PORT] [--most TUPLES]`: servers of OpenFGA (their
//! gRPC) are asked the same questions in the same run; those that `cargo xtask backends up` started are found without the options.
//! Every cell has its bar; a figure beyond it is red.

mod checks; // latencies and throughput of checks
mod lists; // ListObjects and BatchCheck
mod openfga; // the same questions over gRPC: to OpenFGA's servers, and to ours
mod workload; // accounts, roles, grants and questions
mod writes; // acknowledged writes, synced

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use serde_json::json;

// The allocator of the programs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Tuples of a store, and what a denied question may take there: p50 and p99 in microseconds.
const SIZES: [(usize, f64, f64); 4] =
    [(1_000, 1.0, 3.0), (30_000, 2.5, 6.0), (300_000, 4.0, 10.0), (3_000_000, 6.0, 15.0)];
/// Times that a latency is measured, one kind of question and one size after the other.
const ROUNDS: usize = 16;
/// What the largest store may hold in memory.
const MEMORY_MAX_MB: f64 = 600.0;

struct Options {
    openfga: Option<String>,
    openfga_postgres: Option<String>,
    most: usize,
}

fn options() -> Result<Options, String> {
    let mut options = Options { openfga: None, openfga_postgres: None, most: usize::MAX };
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("`{word}` needs a value"))?;
        match word.as_str() {
            "--openfga" => options.openfga = Some(value),
            "--openfga-postgres" => options.openfga_postgres = Some(value),
            "--most" => options.most = value.parse().map_err(|_| format!("`{value}` is no number"))?,
            other => {
                return Err(format!(
                    "`{other}` is no option; there are --openfga HOST:PORT, --openfga-postgres HOST:PORT, --most TUPLES"
                ));
            }
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    match options().map_err(Into::into).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench fga: {error}");
            ExitCode::from(2)
        }
    }
}

/// A store of one size, and what its questions took so far.
struct Sized {
    loaded: workload::Loaded,
    column: String,
    /// Bars of a denied question in microseconds: p50, p99.
    bars: [f64; 2],
    /// Denied, allowed, and denied with the reason.
    asked: [checks::Asked; 3],
    took: [Vec<Latencies>; 3],
}

impl Sized {
    fn load(tuples: usize, bars: [f64; 2]) -> Result<Self, Box<dyn std::error::Error>> {
        let before = resident_mb();
        let begun = Instant::now();
        let loaded = workload::Loaded::new(tuples)?;
        let (held, rate) = (resident_mb() - before, loaded.tuples as f64 / begun.elapsed().as_secs_f64());
        let column = format!("{} tuples", short(tuples));
        cell("tuples loaded per second", &column, format!("{rate:.0}"), true, "");
        if tuples == 3_000_000 {
            let reason = format!("at most {MEMORY_MAX_MB} MB");
            cell("memory", &column, format!("{held:.0} MB"), held <= MEMORY_MAX_MB, &reason);
        }
        use checks::Asked;
        let asked = [Asked::denied(&loaded), Asked::allowed(&loaded), Asked::explained(&loaded)];
        Ok(Self { loaded, column, bars, asked, took: Default::default() })
    }

    fn round(&mut self) {
        for (asked, took) in self.asked.iter_mut().zip(&mut self.took) {
            took.push(asked.round(&self.loaded));
        }
    }

    fn cells(self) {
        let column = self.column.as_str();
        let [denied, allowed, explained] = self.took.map(Rounds::new);
        for (part, name, most) in [(0.5, "p50", self.bars[0]), (0.99, "p99", self.bars[1])] {
            let holds = denied.least(part) <= most;
            let row = format!("denied get, {name}");
            cell(&row, column, denied.text(part, 2), holds, &format!("at most {most} us"));
        }
        cell("allowed get, p50", column, allowed.text(0.5, 2), true, "");
        cell("denied get with its reason, p50", column, explained.text(0.5, 2), true, "");
    }
}

fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let sizes = SIZES.into_iter().filter(|(tuples, ..)| *tuples <= options.most);
    let mut sizes: Vec<Sized> =
        sizes.map(|(tuples, p50, p99)| Sized::load(tuples, [p50, p99])).collect::<Result<_, _>>()?;
    // One size after the other again and again: a machine that is slow for seconds is so for all of them.
    for _ in 0..ROUNDS {
        sizes.iter_mut().for_each(Sized::round);
    }
    for size in sizes {
        let (loaded, column) = (&size.loaded, size.column.as_str());
        if column == "1 k tuples" {
            let mut direct = checks::Asked::direct(loaded);
            let direct = Rounds::new((0..ROUNDS).map(|_| direct.round(loaded)).collect());
            let holds = direct.least(0.5) <= 0.5;
            cell("direct check, p50", column, direct.text(0.5, 2), holds, "at most 0.5 us");
            lists::run(loaded, column);
        }
        if column == "30 k tuples" {
            let rate = checks::throughput(loaded);
            let text = format!("{:.0} k/s", rate / 1_000.0);
            cell("checks on two threads", column, text, rate >= 400_000.0, "at least 400 k/s");
        }
        size.cells();
    }
    lists::two_hundred()?;
    writes::run()?;
    openfga::served()?;
    let servers = [
        ("openfga", "memory", &options.openfga, 1_000, "1 k tuples"),
        ("openfga-postgres", "Postgres", &options.openfga_postgres, 100_000, "100 k tuples"),
    ];
    for (backend, keeps, address, tuples, column) in servers {
        match address {
            Some(address) => openfga::compare(&openfga::Theirs { address, keeps, tuples, column })?,
            None => {
                let reason = format!("not running: cargo xtask backends install {backend}; … up {backend}");
                let row = format!("OpenFGA in {keeps}, times ours");
                println!(
                    "::cell {}",
                    json!({"row": row, "column": format!("{column}, in turns"), "cell": "n/a", "reason": reason})
                );
            }
        }
    }
    println!("`a (…b)`: a is the least of up to {ROUNDS} rounds, b the most; other figures are medians.");
    Ok(())
}

/// Sorted latencies.
struct Latencies(Vec<Duration>);

impl Latencies {
    fn new(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Self(all)
    }

    /// The latency below which this part of all lies.
    fn at(&self, part: f64) -> Duration {
        let index = (self.0.len() as f64 * part) as usize;
        self.0.get(index.min(self.0.len().saturating_sub(1))).copied().unwrap_or_default()
    }
}

/// Latencies of one thing, measured several times. Whatever else the machine does only adds to a time, and for seconds: the least
/// round is what the engine takes, and has the bar; the most shows how noisy the machine was.
struct Rounds(Vec<Latencies>);

impl Rounds {
    fn new(rounds: Vec<Latencies>) -> Self {
        Self(rounds)
    }

    fn each(&self, part: f64) -> impl Iterator<Item = f64> {
        self.0.iter().map(move |round| micros(round.at(part)))
    }

    /// The figure of the least round, in microseconds.
    fn least(&self, part: f64) -> f64 {
        self.each(part).fold(f64::INFINITY, f64::min)
    }

    /// The least figure, and the most in brackets.
    fn text(&self, part: f64, digits: usize) -> String {
        let most = self.each(part).fold(0.0, f64::max);
        format!("{:.digits$} (…{most:.digits$}) us", self.least(part))
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn short(tuples: usize) -> String {
    match tuples {
        n if n >= 1_000_000 => format!("{} M", n / 1_000_000),
        n => format!("{} k", n / 1_000),
    }
}

/// A figure with its bar.
fn cell(row: &str, column: &str, text: String, holds: bool, reason: &str) {
    let word = if holds { "ok" } else { "RED" };
    let reason = if holds { String::new() } else { format!("{text}, {reason}") };
    println!(
        "::cell {}",
        json!({"row": row, "column": column, "cell": word, "text": text, "reason": reason})
    );
}

/// Memory that is in use by this process.
fn resident_mb() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(0.0);
    pages * 4_096.0 / 1e6
}
