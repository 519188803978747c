//! The same denied question to an OpenFGA server over gRPC.

use std::time::{Duration, Instant};

use fga_client::{OpenFga, OpenFgaOptions, RelationshipStore, WriteRequest};

use crate::{
    Latencies, cell, micros,
    workload::{self, Loaded, Numbers},
};

const CALLS: usize = 2_000;
const CHUNK: usize = 40;
/// How many times less our answer takes.
const RATIO_MIN: f64 = 500.0;

pub fn run(address: &str, ours_us: f64) -> Result<(), Box<dyn std::error::Error>> {
    let loaded = Loaded::new(1_000)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let theirs = runtime.block_on(async {
        let deadline = Duration::from_secs(10);
        let server = OpenFga::new(OpenFgaOptions { deadline, ..OpenFgaOptions::plain(address) })?;
        let store = server.create_store("bench").await?.id;
        let model = server.write_model(&store, &workload::model()).await?;
        for chunk in workload::tuples(1_000).0.chunks(CHUNK) {
            server.write(&store, WriteRequest::writes(chunk.iter().cloned())).await?;
        }
        let mut numbers = Numbers::new(7);
        let mut times = Vec::with_capacity(CALLS);
        for at in 0..CALLS + CALLS / 10 {
            let question = loaded.denied(&mut numbers).with_model(model.clone());
            let begun = Instant::now();
            server.check(&store, question).await?;
            if at >= CALLS / 10 {
                times.push(begun.elapsed());
            }
        }
        Ok::<_, fga_client::RelationshipError>(Latencies::new(times))
    })?;
    let (p50, p99) = (micros(theirs.at(0.5)), micros(theirs.at(0.99)));
    cell("denied get, p50", "OpenFGA 1 k", format!("{p50:.0} us"), true, "");
    cell("denied get, p99", "OpenFGA 1 k", format!("{p99:.0} us"), true, "");
    let ratio = p50 / ours_us;
    let reason = format!("at least {RATIO_MIN} times");
    cell("OpenFGA over ours, p50", "1 k tuples", format!("{ratio:.0}"), ratio >= RATIO_MIN, &reason);
    Ok(())
}
