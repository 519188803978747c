//! Follow a server: a copy in this process that answers, says how old it may be, and sees what others write.
//!
//! `cargo run -p fga-client --example follow` prints something like:
//!
//! ```text
//! the copy is ready; it has 1 tuple
//! anne may view document:1, says the copy, which is at most 0.0 s old
//! somebody takes that away from anne, past the replica
//! anne may not view document:1, says the copy, which is at most 0.3 s old
//! the server is gone: the relationship store could not be reached
//! ```

use std::{sync::Arc, time::Duration};

use fga_client::{
    CheckRequest, OpenFga, OpenFgaOptions, RelationshipStore, Replica, ReplicaOptions, Source, TupleKey,
    WriteRequest,
};
use fga_engine::{
    Engine,
    server::{ServerOptions, serve},
};
use fga_model::parse_model;
use runtime::{End, Stop, Tasks};
use tokio::net::TcpListener;

const MODEL: &str = "
model
  schema 1.1
type user
type document
  relations
    define viewer: [user]
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Any OpenFGA server will do; this one is ours.
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let (tasks, power) = (Tasks::new(), Stop::new());
    let server = serve(Arc::new(Engine::default()), listener, ServerOptions::default(), power.clone());
    tasks.spawn("server", End::MayEnd, server);

    let server = OpenFga::new(OpenFgaOptions::plain(address))?;
    let store = server.create_store("library").await?.id;
    server.write_model(&store, &parse_model(MODEL)?).await?;
    let tuple: TupleKey = "document:1#viewer@user:anne".parse()?;
    server.write(&store, WriteRequest::writes([tuple.clone()])).await?;

    let replica = Replica::new(Arc::new(server.clone()), store.clone(), ReplicaOptions::default());
    let (following, stop) = (replica.clone(), Stop::new());
    let until = stop.clone();
    tasks.spawn("replica", End::MayEnd, async move { following.follow(until).await });
    replica.ready().await;
    println!("the copy is ready; it has {} tuple", replica.tuples().unwrap_or_default().len());
    say(&replica).await;

    println!("somebody takes that away from anne, past the replica");
    server.write(&store, WriteRequest::deletes([tuple])).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    say(&replica).await;

    // Nobody is answered from a copy that nobody can confirm.
    power.stop();
    tokio::time::sleep(Duration::from_secs(4)).await;
    say(&replica).await;
    stop.stop();
    Ok(())
}

async fn say(replica: &Replica) {
    let answer = match replica.ask(CheckRequest::new("document:1", "viewer", "user:anne")).await {
        Ok(answer) => answer,
        Err(error) => return println!("the server is gone: {error}"),
    };
    let may = if answer.answer.is_allowed() { "may" } else { "may not" };
    match answer.source {
        Source::Copy { lag } => {
            println!(
                "anne {may} view document:1, says the copy, which is at most {:.1} s old",
                lag.as_secs_f64()
            );
        }
        Source::Server => println!("anne {may} view document:1, says the server"),
    }
}
