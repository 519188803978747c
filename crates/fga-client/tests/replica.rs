//! The replica: schedules full of faults, and what it does when all is well.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

#[path = "../benches/simulate/server.rs"]
mod server;
#[path = "../benches/simulate/world.rs"]
mod world;

use std::{sync::Arc, time::Duration};

use fga_client::{
    CheckRequest, InProcess, RelationshipStore, Replica, ReplicaOptions, Source, TupleKey, WriteRequest,
};
use fga_engine::{Engine, EngineParts, Limits};
use fga_model::{StoreId, parse_model};
use jiff::Timestamp;
use runtime::{Clock, Stop};

const MODEL: &str = "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user]\n";

fn key(text: &str) -> TupleKey {
    text.parse().unwrap()
}

async fn store(server: &InProcess, tuples: &[&str]) -> StoreId {
    let store = server.create_store("followed").await.unwrap().id;
    server.write_model(&store, &parse_model(MODEL).unwrap()).await.unwrap();
    server.write(&store, WriteRequest::writes(tuples.iter().map(|t| key(t)))).await.unwrap();
    store
}

#[test]
fn fga_04_a_replica_never_answers_what_the_server_did_not_within_the_stated_lag() {
    let seeds = std::env::var("REPLICA_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let (ran, findings) = world::run_all(0..seeds, 3);
    println!("{ran:?}");
    assert!(findings.is_empty(), "{findings:#?}");
    // Schedules in which the copy is never asked, or never lost, would show nothing.
    assert!(ran.here > 20 * seeds && ran.asked > seeds && ran.boots > seeds + seeds / 4, "{ran:?}");
}

#[test]
fn fga_04_a_schedule_repeats_exactly() {
    for seed in 0..40 {
        assert_eq!(world::run(seed), world::run(seed), "seed {seed}");
    }
}

/// Runs a story beside a replica that follows.
async fn followed(server: &InProcess, store: &StoreId, story: impl AsyncFnOnce(&Replica)) {
    let replica = Replica::new(Arc::new(server.clone()), store.clone(), ReplicaOptions::default());
    tokio::select! {
        () = replica.follow(Stop::new()) => panic!("the replica stopped following"),
        () = async {
            replica.ready().await;
            story(&replica).await;
        } => {}
    }
}

#[tokio::test(start_paused = true)]
async fn fga_04_an_answer_sees_what_was_written_through_the_replica() {
    let server = InProcess::default();
    let store = store(&server, &["doc:1#viewer@user:anne"]).await;
    followed(&server, &store, async |replica| {
        let bob = CheckRequest::new("doc:1", "viewer", "user:bob");
        assert!(!replica.check(&store, bob.clone()).await.unwrap().is_allowed());
        replica.write(&store, WriteRequest::writes([key("doc:1#viewer@user:bob")])).await.unwrap();
        let answer = replica.ask(bob.clone()).await.unwrap();
        assert!(answer.answer.is_allowed() && matches!(answer.source, Source::Copy { .. }), "{answer:?}");
        replica.write(&store, WriteRequest::deletes([key("doc:1#viewer@user:bob")])).await.unwrap();
        assert!(!replica.check(&store, bob).await.unwrap().is_allowed());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn fga_04_another_clients_write_is_seen_after_one_look_and_a_new_model_too() {
    let server = InProcess::default();
    let store = store(&server, &["doc:1#viewer@user:anne"]).await;
    followed(&server, &store, async |replica| {
        server.write(&store, WriteRequest::deletes([key("doc:1#viewer@user:anne")])).await.unwrap();
        tokio::time::sleep(Duration::from_millis(600)).await;
        let anne = replica.ask(CheckRequest::new("doc:1", "viewer", "user:anne")).await.unwrap();
        assert!(!anne.answer.is_allowed() && matches!(anne.source, Source::Copy { .. }), "{anne:?}");
        let wider = parse_model(&format!("{MODEL}    define reader: [user] or viewer\n")).unwrap();
        let id = server.write_model(&store, &wider).await.unwrap();
        server.write(&store, WriteRequest::writes([key("doc:1#reader@user:bob")])).await.unwrap();
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(replica.status().model, Some(id));
        let bob = replica.ask(CheckRequest::new("doc:1", "reader", "user:bob")).await.unwrap();
        assert!(bob.answer.is_allowed() && matches!(bob.source, Source::Copy { .. }), "{bob:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn fga_04_a_copy_that_is_not_followed_any_more_asks_the_server() {
    let server = InProcess::default();
    let store = store(&server, &["doc:1#viewer@user:anne"]).await;
    let replica = Replica::new(Arc::new(server.clone()), store.clone(), ReplicaOptions::default());
    let anne = CheckRequest::new("doc:1", "viewer", "user:anne");
    let first = replica.ask(anne.clone()).await.unwrap();
    assert_eq!((first.answer.is_allowed(), first.source), (true, Source::Server));
    let stop = Stop::new();
    tokio::select! {
        () = replica.follow(stop.clone()) => panic!("the replica stopped following"),
        () = replica.ready() => stop.stop(),
    }
    server.write(&store, WriteRequest::deletes([key("doc:1#viewer@user:anne")])).await.unwrap();
    // Within the lag that it may have, the copy still allows, and says so.
    let stale = replica.ask(anne.clone()).await.unwrap();
    assert!(stale.answer.is_allowed() && matches!(stale.source, Source::Copy { .. }), "{stale:?}");
    tokio::time::sleep(Duration::from_millis(1_800)).await;
    let stranger = replica.ask(CheckRequest::new("doc:1", "viewer", "user:bob")).await.unwrap();
    assert_eq!(stranger.source, Source::Server, "a denial by a stale view is asked again");
    tokio::time::sleep(Duration::from_millis(400)).await;
    let late = replica.ask(anne).await.unwrap();
    assert_eq!((late.answer.is_allowed(), late.source), (false, Source::Server));
    assert!(replica.status().lag > Some(Duration::from_secs(2)));
}

#[tokio::test(start_paused = true)]
async fn fga_04_a_server_that_hides_the_end_of_its_changelog_is_found_out_by_a_write() {
    let hidden = Duration::from_secs(60);
    let limits = Limits { changes_hidden: hidden, ..Limits::default() };
    let clock = Clock::simulated(Timestamp::from_second(1_700_000_000).unwrap());
    let engine = Engine::open(EngineParts { limits, clock, ..EngineParts::default() }).unwrap();
    let server = InProcess::new(Arc::new(engine));
    let store = store(&server, &["doc:1#viewer@user:anne"]).await;
    tokio::time::sleep(2 * hidden).await;
    followed(&server, &store, async |replica| {
        let anne = CheckRequest::new("doc:1", "viewer", "user:anne");
        replica.write(&store, WriteRequest::deletes([key("doc:1#viewer@user:anne")])).await.unwrap();
        let answer = replica.ask(anne.clone()).await.unwrap();
        assert_eq!((answer.answer.is_allowed(), answer.source), (false, Source::Server));
        tokio::time::sleep(Duration::from_secs(10)).await;
        // The copy still has the tuple, says how old it is, and is not asked.
        assert!(replica.status().lag > Some(Duration::from_secs(9)), "{:?}", replica.status());
        assert!(!replica.check(&store, anne.clone()).await.unwrap().is_allowed());
        tokio::time::sleep(hidden).await;
        let answer = replica.ask(anne).await.unwrap();
        assert!(!answer.answer.is_allowed() && matches!(answer.source, Source::Copy { .. }), "{answer:?}");
    })
    .await;
}
