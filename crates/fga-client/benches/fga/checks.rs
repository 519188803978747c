//! Latencies and throughput of checks, one call at a time.

use std::time::Instant;

use fga_engine::{CheckRequest, Explain};

use crate::{
    Latencies,
    workload::{Loaded, Numbers},
};

/// Questions that are made.
const QUESTIONS: usize = 20_000;
/// Measured calls of a round; a tenth as many before them warm up.
const CALLS: usize = 60_000;

/// Calls of each thread where two ask at once.
const CALLS_OF_A_THREAD: usize = 300_000;

/// Questions whose answer is known.
pub struct Asked {
    questions: Vec<CheckRequest>,
    allowed: bool,
    numbers: Numbers,
}

impl Asked {
    fn new(mut make: impl FnMut(&mut Numbers) -> CheckRequest, allowed: bool) -> Self {
        let mut numbers = Numbers::new(7);
        let questions = (0..QUESTIONS).map(|_| make(&mut numbers)).collect();
        Self { questions, allowed, numbers }
    }

    /// Namespaced `get`, denied.
    pub fn denied(loaded: &Loaded) -> Self {
        Self::new(|numbers| denied(loaded, numbers), false)
    }

    /// Namespaced `get`, allowed by the owner role of the account or of the one above.
    pub fn allowed(loaded: &Loaded) -> Self {
        Self::new(|numbers| loaded.allowed(numbers), true)
    }

    /// The same questions, with what the answer rests on.
    pub fn explained(loaded: &Loaded) -> Self {
        let mut asked = Self::denied(loaded);
        asked.questions.iter_mut().for_each(|question| question.explain = Explain::Grounds);
        asked
    }

    /// One tuple.
    pub fn direct(loaded: &Loaded) -> Self {
        Self::new(|numbers| loaded.direct(numbers), true)
    }

    /// Asks once through.
    pub fn round(&mut self, loaded: &Loaded) -> Latencies {
        let mut times = Vec::with_capacity(CALLS);
        let mut unexpected = 0;
        for at in 0..CALLS + CALLS / 10 {
            // Whoever asks has just written the texts of the question: they are near, as those of the others are not.
            let number = self.numbers.below(QUESTIONS);
            let Some(question) = self.questions.get(number).cloned() else { continue };
            let begun = Instant::now();
            let answer = loaded.engine.check(&loaded.store, &question);
            let took = begun.elapsed();
            unexpected += usize::from(!answer.is_ok_and(|answer| answer.is_allowed() == self.allowed));
            if at >= CALLS / 10 {
                times.push(took);
            }
        }
        if unexpected > 0 {
            println!("{unexpected} of {CALLS} answers were not as expected");
        }
        Latencies::new(times)
    }
}

/// A namespaced `get` that is denied. Questions that meet a role of everybody are left out.
pub fn denied(loaded: &Loaded, numbers: &mut Numbers) -> CheckRequest {
    loop {
        let question = loaded.denied(numbers);
        if loaded.engine.check(&loaded.store, &question).is_ok_and(|answer| !answer.is_allowed()) {
            return question;
        }
    }
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
                for _ in 0..CALLS_OF_A_THREAD {
                    if let Some(question) = questions.get(numbers.below(QUESTIONS)) {
                        let _ = std::hint::black_box(loaded.engine.check(&loaded.store, question));
                    }
                }
            });
        }
    });
    (CALLS_OF_A_THREAD * 2) as f64 / begun.elapsed().as_secs_f64()
}
