//! Latencies and throughput of checks, one call at a time.

use std::time::Instant;

use fga_engine::CheckRequest;

use crate::{
    Latencies,
    workload::{Loaded, Numbers},
};

/// Questions that are made.
const QUESTIONS: usize = 20_000;
/// Measured calls; the first tenth warms up.
const CALLS: usize = 100_000;

fn measure(
    loaded: &Loaded,
    make: impl FnMut(&mut Numbers) -> CheckRequest,
    wanted: Option<bool>,
) -> Latencies {
    let mut numbers = Numbers::new(7);
    let mut make = make;
    let questions: Vec<CheckRequest> = (0..QUESTIONS).map(|_| make(&mut numbers)).collect();
    let mut times = Vec::with_capacity(CALLS);
    let mut unexpected = 0;
    for at in 0..CALLS + CALLS / 10 {
        // Whoever asks has just written the texts of the question: they are near, as those of the others are not.
        let Some(question) = questions.get(numbers.below(QUESTIONS)).cloned() else { continue };
        let begun = Instant::now();
        let answer = loaded.engine.check(&loaded.store, &question);
        let took = begun.elapsed();
        match answer {
            Ok(answer) if wanted.is_none_or(|wanted| answer.is_allowed() == wanted) => {}
            _ => unexpected += 1,
        }
        if at >= CALLS / 10 {
            times.push(took);
        }
    }
    if unexpected > 0 {
        println!("{unexpected} of {CALLS} answers were not {wanted:?}");
    }
    Latencies::new(times)
}

/// Namespaced `get`, denied. A few of the questions meet a role of everybody and are allowed.
pub fn denied(loaded: &Loaded) -> Latencies {
    let denied = |numbers: &mut Numbers| loop {
        let question = loaded.denied(numbers);
        if loaded.engine.check(&loaded.store, &question).is_ok_and(|answer| !answer.is_allowed()) {
            return question;
        }
    };
    measure(loaded, denied, Some(false))
}

/// Namespaced `get`, allowed by the owner role of the account or of the one above.
pub fn allowed(loaded: &Loaded) -> Latencies {
    measure(loaded, |numbers| loaded.allowed(numbers), Some(true))
}

/// One tuple.
pub fn direct(loaded: &Loaded) -> Latencies {
    measure(loaded, |numbers| loaded.direct(numbers), Some(true))
}

/// Checks in a second on two threads: three allowed of five.
pub fn throughput(loaded: &Loaded) -> f64 {
    let mut numbers = Numbers::new(9);
    let make = |numbers: &mut Numbers| match numbers.below(5) {
        0..3 => loaded.allowed(numbers),
        _ => loaded.denied(numbers),
    };
    let questions: Vec<CheckRequest> = (0..QUESTIONS).map(|_| make(&mut numbers)).collect();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..2u64 {
            let questions = &questions;
            scope.spawn(move || {
                let mut numbers = Numbers::new(thread + 100);
                for _ in 0..CALLS * 3 {
                    if let Some(question) = questions.get(numbers.below(QUESTIONS)) {
                        let _ = std::hint::black_box(loaded.engine.check(&loaded.store, question));
                    }
                }
            });
        }
    });
    (CALLS * 6) as f64 / begun.elapsed().as_secs_f64()
}
