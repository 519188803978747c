//! Writes of 40 tuples by eight writers, each acknowledged after it is on the disk.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use fga_engine::{Engine, EngineParts, RedbLog, WriteRequest};
use fga_model::TupleKey;

use crate::{Latencies, cell, micros, workload};

const WRITERS: usize = 8;
const KEYS: usize = 40;
const TIME: Duration = Duration::from_secs(4);
/// Tuples in a second.
const RATE_MIN: f64 = 20_000.0;

pub fn run() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let log = Arc::new(RedbLog::open(folder.path(), 1_000_000)?);
    let engine = Engine::open(EngineParts { log, ..EngineParts::default() })?;
    let store = engine.create_store("acme")?.id;
    engine.write_model(&store, &workload::model())?;
    let written = AtomicUsize::new(0);
    let begun = Instant::now();
    let times: Vec<Duration> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (engine, store, written) = (&engine, &store, &written);
                scope.spawn(move || {
                    let mut times = Vec::new();
                    let mut round = 0;
                    while begun.elapsed() < TIME {
                        let tuples = (0..KEYS).map(|at| {
                            let role = format!("role:account/cluster-{writer}/account-{round}-{at}/owner");
                            TupleKey::new(role, "assignee", format!("user:user-{writer}-{round}"))
                        });
                        let request = WriteRequest::writes(tuples);
                        let sent = Instant::now();
                        if engine.write(store, &request).is_ok() {
                            times.push(sent.elapsed());
                            written.fetch_add(KEYS, Ordering::Relaxed);
                        }
                        round += 1;
                    }
                    times
                })
            })
            .collect();
        writers.into_iter().filter_map(|writer| writer.join().ok()).flatten().collect()
    });
    let rate = written.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
    let reason = format!("at least {RATE_MIN} tuples/s");
    cell("synced writes of 40 by 8", "empty store", format!("{rate:.0} tuples/s"), rate >= RATE_MIN, &reason);
    let p50 = micros(Latencies::new(times).at(0.5)) / 1_000.0;
    cell("one synced write of 40, p50", "empty store", format!("{p50:.1} ms"), true, "");
    Ok(())
}
