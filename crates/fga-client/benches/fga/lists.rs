//! ListObjects, and a batch beside as many checks.

use std::time::Instant;

use fga_engine::{BatchCheckRequest, BatchItem, Cap, CheckRequest, ListObjectsRequest};

use crate::{
    Latencies, Rounds, cell, micros,
    workload::{Loaded, Numbers},
};

/// Calls whose median is one figure.
const CALLS: usize = 400;
/// Questions of a batch.
const BATCH: usize = 50;

/// A batch of 50 is no dearer than 50 checks.
pub fn run(loaded: &Loaded, column: &str) {
    let mut numbers = Numbers::new(3);
    let checks: Vec<CheckRequest> = (0..BATCH).map(|_| loaded.denied(&mut numbers)).collect();
    let items = checks.iter().enumerate();
    let items = items.map(|(at, check)| BatchItem { correlation: at.to_string(), check: check.clone() });
    let batch = BatchCheckRequest { checks: items.collect(), ..BatchCheckRequest::default() };
    let (mut single, mut batched) = (Vec::new(), Vec::new());
    for _ in 0..CALLS {
        let begun = Instant::now();
        for check in &checks {
            let _ = std::hint::black_box(loaded.engine.check(&loaded.store, check));
        }
        single.push(begun.elapsed());
        let begun = Instant::now();
        let _ = std::hint::black_box(loaded.engine.batch_check(&loaded.store, &batch));
        batched.push(begun.elapsed());
    }
    let (single, batched) = (micros(Latencies::new(single).at(0.5)), micros(Latencies::new(batched).at(0.5)));
    // The clock and the order of the caches are good for a tenth.
    let holds = batched <= single * 1.1;
    cell("batch of 50", column, format!("{batched:.0} us"), holds, &format!("50 checks take {single:.0} us"));
}

/// 200 objects in a store of 3,400 tuples.
pub fn two_hundred() -> Result<(), Box<dyn std::error::Error>> {
    let loaded = Loaded::new(3_400)?;
    let mut best: Option<(usize, String)> = None;
    for number in 0..loaded.accounts() {
        let user = format!("user:user-{number}");
        let found = loaded.engine.list_objects(&loaded.store, &question(&user), Cap::Limited)?.len();
        let distance = |count: usize| count.abs_diff(200);
        if best.as_ref().is_none_or(|(count, _)| distance(found) < distance(*count)) {
            best = Some((found, user));
        }
    }
    let Some((found, user)) = best else { return Ok(()) };
    let request = question(&user);
    let list = || {
        let begun = Instant::now();
        let _ = std::hint::black_box(loaded.engine.list_objects(&loaded.store, &request, Cap::Limited));
        begun.elapsed()
    };
    let rounds = Rounds::new((0..8).map(|_| Latencies::new((0..CALLS).map(|_| list()).collect())).collect());
    let p50 = rounds.least(0.5);
    // The user nearest to 200 objects may have more or fewer: the bar goes with them.
    let most = 150.0 * (found.max(50) as f64 / 200.0);
    let (text, reason) = (rounds.text(0.5, 0), format!("at most {most:.0} us for {found} objects"));
    cell(&format!("list of {found} objects, p50"), "3 k tuples", text, p50 <= most, &reason);
    Ok(())
}

fn question(user: &str) -> ListObjectsRequest {
    ListObjectsRequest {
        type_name: "account".to_owned(),
        relation: "list_group_7_kinds".to_owned(),
        user: user.to_owned(),
        ..ListObjectsRequest::default()
    }
}
