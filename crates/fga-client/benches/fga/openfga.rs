//! The same denied question over gRPC: to OpenFGA's server, in turns with our engine, and to our own server.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use fga_client::{OpenFga, OpenFgaOptions, RelationshipError, RelationshipStore, StoreId, WriteRequest};
use fga_engine::server::{ServerOptions, serve};
use runtime::{End, Stop, Tasks};
use tokio::{net::TcpListener, runtime::Runtime};
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::{
    Latencies, Rounds, cell, checks, micros,
    workload::{self, Loaded, Numbers},
};

/// Ours and theirs are asked in turns, so that whatever else the machine does meets both.
const ROUNDS: usize = 5;
/// Calls to a server in one round; as many as a tenth more warm up.
const CALLS: usize = 400;
/// The same for our own server, which answers sooner.
const CALLS_SERVED: usize = 4_000;
const CHUNK: usize = 40;
/// How many times less our answer takes.
const RATIO_MIN: f64 = 500.0;
/// What a check may take over a loopback connection to our own server, where the machine is as fast as the one of this figure.
const SERVED_MAX_US: f64 = 120.0;
/// What it may take on any machine, in calls of an empty method in the same run: the transport is the greater part.
const SERVED_EMPTY_MAX: f64 = 2.0;

/// How many times as much OpenFGA takes over the same transport.
const SERVED_RATIO_MIN: f64 = 10.0;

/// A server of OpenFGA, and what is compared with it.
pub struct Theirs<'a> {
    /// Where it is: `HOST:PORT` of its gRPC.
    pub address: &'a str,
    /// What it keeps its tuples in.
    pub keeps: &'a str,
    /// How many tuples.
    pub tuples: usize,
    /// How they are called in the table.
    pub column: &'a str,
}

/// Asks them, our engine, and our own server in turns; figures are the medians of the rounds, with the least and the most in
/// brackets.
pub fn compare(theirs: &Theirs<'_>) -> Result<(), Box<dyn std::error::Error>> {
    let loaded = Loaded::new(theirs.tuples)?;
    let runtime = Runtime::new()?;
    let deadline = Duration::from_secs(10);
    let options = OpenFgaOptions { deadline, ..OpenFgaOptions::plain(theirs.address) };
    let server = {
        let _inside = runtime.enter();
        OpenFga::new(options)?
    };
    let store = runtime.block_on(load(&server, theirs.tuples))?;
    // Our own server has threads of its own, as theirs has.
    let serving = Runtime::new()?;
    let (address, tasks) = serving.block_on(start(&loaded))?;
    let own_server = {
        let _inside = runtime.enter();
        OpenFga::new(OpenFgaOptions::plain(address))?
    };
    let mut numbers = Numbers::new(7);
    let mut asked = checks::Asked::denied(&loaded);
    let (mut ours, mut p50, mut p99, mut ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut served, mut served_ratios) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let here = micros(asked.round(&loaded).at(0.5));
        let there = runtime.block_on(ask(&server, &store, &loaded, &mut numbers, CALLS))?;
        let over_grpc =
            micros(runtime.block_on(ask(&own_server, &loaded.store, &loaded, &mut numbers, CALLS))?.at(0.5));
        served.push(over_grpc);
        served_ratios.push(micros(there.at(0.5)) / over_grpc);
        ours.push(here);
        p50.push(micros(there.at(0.5)));
        p99.push(micros(there.at(0.99)));
        ratios.push(micros(there.at(0.5)) / here);
    }
    let column = format!("{}, in turns", theirs.column);
    let row = |figure: &str| format!("OpenFGA in {}, {figure}", theirs.keeps);
    cell("denied get, p50", &column, format!("{} us", spread(&mut ours, 2)), true, "");
    cell(&row("denied get, p50"), &column, format!("{} us", spread(&mut p50, 0)), true, "");
    cell(&row("denied get, p99"), &column, format!("{} us", spread(&mut p99, 0)), true, "");
    let text = spread(&mut ratios, 0);
    let holds = median(&ratios) >= RATIO_MIN;
    cell(&row("times ours"), &column, text, holds, &format!("at least {RATIO_MIN} times"));
    cell("denied get, our own server, p50", &column, format!("{} us", spread(&mut served, 0)), true, "");
    let text = spread(&mut served_ratios, 0);
    let holds = median(&served_ratios) >= SERVED_RATIO_MIN;
    cell(&row("times our own server"), &column, text, holds, &format!("at least {SERVED_RATIO_MIN} times"));
    drop((own_server, tasks));
    serving.shutdown_background();
    Ok(())
}

/// Our engine behind its own server, and what the transport itself takes: calls of an empty method of the same server. Both ends
/// share one thread; what processors take to wake one another, which bytes over a plain connection show, is no work of theirs.
pub fn served() -> Result<(), Box<dyn std::error::Error>> {
    let loaded = Loaded::new(1_000)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut plain, mut empty, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    runtime.block_on(async {
        let (address, _tasks) = start(&loaded).await?;
        let client = OpenFga::new(OpenFgaOptions::plain(address.as_str()))?;
        let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
        let mut health = HealthClient::new(channel);
        let mut numbers = Numbers::new(7);
        for _ in 0..ROUNDS {
            plain.push(round_trips()?);
            empty.push(empty_calls(&mut health).await?);
            asked.push(ask(&client, &loaded.store, &loaded, &mut numbers, CALLS_SERVED).await?);
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    })?;
    let [plain, empty, asked] = [plain, empty, asked].map(Rounds::new);
    let column = "1 k tuples";
    let row = "bytes there and back between two threads, p50";
    cell(row, column, plain.text(0.5, 0), true, "");
    cell("empty call over gRPC, one thread, p50", column, empty.text(0.5, 0), true, "");
    let (ours, floor) = (asked.least(0.5), empty.least(0.5));
    let holds = ours <= SERVED_MAX_US || ours <= SERVED_EMPTY_MAX * floor;
    let reason = format!("at most {SERVED_MAX_US} us, or {SERVED_EMPTY_MAX} empty calls");
    cell("denied get over gRPC, one thread, p50", column, asked.text(0.5, 0), holds, &reason);
    Ok(())
}

/// Our server on a free port of the runtime that is entered; it ends with the tasks.
async fn start(loaded: &Loaded) -> std::io::Result<(String, Tasks)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let tasks = Tasks::new();
    let server = serve(loaded.engine.clone(), listener, ServerOptions::default(), Stop::new());
    tasks.spawn("grpc", End::StopProcess, server);
    Ok((address, tasks))
}

/// Calls of a method that does nothing.
async fn empty_calls(health: &mut HealthClient<Channel>) -> Result<Latencies, tonic::Status> {
    let mut times = Vec::with_capacity(CALLS_SERVED);
    for at in 0..CALLS_SERVED + CALLS_SERVED / 10 {
        let begun = Instant::now();
        health.check(HealthCheckRequest::default()).await?;
        if at >= CALLS_SERVED / 10 {
            times.push(begun.elapsed());
        }
    }
    Ok(Latencies::new(times))
}

/// A hundred bytes there and back over a plain connection between two threads.
fn round_trips() -> std::io::Result<Latencies> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::scope(|scope| {
        scope.spawn(move || -> std::io::Result<()> {
            let (mut connection, _) = listener.accept()?;
            connection.set_nodelay(true)?;
            let mut bytes = [0; 100];
            while connection.read_exact(&mut bytes).is_ok() {
                connection.write_all(&bytes)?;
            }
            Ok(())
        });
        let mut connection = TcpStream::connect(address)?;
        connection.set_nodelay(true)?;
        let mut bytes = [0; 100];
        let mut times = Vec::with_capacity(CALLS);
        for _ in 0..CALLS {
            let begun = Instant::now();
            connection.write_all(&bytes)?;
            connection.read_exact(&mut bytes)?;
            times.push(begun.elapsed());
        }
        Ok(Latencies::new(times))
    })
}

async fn load(server: &OpenFga, tuples: usize) -> Result<StoreId, RelationshipError> {
    let store = server.create_store("bench").await?.id;
    server.write_model(&store, &workload::model()).await?;
    let mut chunks = Vec::new();
    let _: Result<_, std::convert::Infallible> = workload::tuples(tuples, CHUNK, |chunk| {
        chunks.push(chunk);
        Ok(())
    });
    for chunk in chunks {
        server.write(&store, WriteRequest::writes(chunk)).await?;
    }
    Ok(store)
}

async fn ask(
    server: &OpenFga,
    store: &StoreId,
    loaded: &Loaded,
    numbers: &mut Numbers,
    calls: usize,
) -> Result<Latencies, RelationshipError> {
    let mut times = Vec::with_capacity(calls);
    let mut unexpected = 0;
    for at in 0..calls + calls / 10 {
        let question = checks::denied(loaded, numbers);
        let begun = Instant::now();
        let answer = server.check(store, question).await?;
        let took = begun.elapsed();
        unexpected += usize::from(answer.is_allowed());
        if at >= calls / 10 {
            times.push(took);
        }
    }
    if unexpected > 0 {
        println!("{unexpected} of {calls} answers were not denials");
    }
    Ok(Latencies::new(times))
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The median of some figures, with the least and the most of them; sorts them.
fn spread(figures: &mut [f64], digits: usize) -> String {
    figures.sort_unstable_by(f64::total_cmp);
    let at = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
    let (least, median, most) = (at(0), median(figures), at(figures.len().saturating_sub(1)));
    format!("{median:.digits$} ({least:.digits$}–{most:.digits$})")
}
