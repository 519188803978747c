//! Many cases of a property, on every processor.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kcp_api::testing::{Choices, laws};

/// What holds, or does not, for one case.
pub type Property<'p> = &'p (dyn Fn(&mut Choices<'_>) -> laws::Outcome + Sync);

/// Cases that a thread takes at once.
const CHUNK: u64 = 1000;

/// Runs cases from the first seed on; the first finding ends it and names the seed that repeats it.
pub fn run(first_seed: u64, cases: u64, property: Property<'_>) -> Vec<String> {
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let findings = Mutex::new(Vec::new());
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let from = next.fetch_add(CHUNK, Ordering::Relaxed);
            if from >= cases {
                return;
            }
            for case in from..(from + CHUNK).min(cases) {
                let seed = first_seed.wrapping_add(case);
                if let Err(why) = property(&mut Choices::seeded(seed)) {
                    stop.store(true, Ordering::Relaxed);
                    if let Ok(mut findings) = findings.lock() {
                        findings.push(format!("--seed {seed} --cases 1: {why}"));
                    }
                    return;
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    findings.into_inner().unwrap_or_default()
}
