//! At most one candidate works, and one takes over soon after another is gone. Paused time.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{sync::Arc, time::Duration};

use multicluster::{Election, ElectionError, testing::FakeServer};
use parking_lot::Mutex;
use runtime::{Clock, Fault, FaultRule, Ids, Stop};

fn candidate(server: &FakeServer, seed: u64) -> Election {
    let clock = Clock::simulated("2024-01-01T00:00:00Z".parse().unwrap());
    Election::new(server.cluster("host"), "default", "lease.test", clock, Ids::seeded(seed))
}

#[tokio::test(start_paused = true)]
async fn the_second_candidate_works_only_after_the_first_released() {
    let server = FakeServer::new();
    let log = Arc::new(Mutex::new(Vec::new()));
    let lead = |name: &'static str, seed: u64, work: u64| {
        let (election, log) = (candidate(&server, seed), log.clone());
        async move {
            let run = |_: Stop| async {
                log.lock().push(format!("{name} starts"));
                tokio::time::sleep(Duration::from_secs(work)).await;
                log.lock().push(format!("{name} ends"));
            };
            election.lead(Stop::new(), run).await.unwrap();
        }
    };
    let second = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        lead("two", 2, 1).await;
    };
    tokio::join!(lead("one", 1, 100), second);
    assert_eq!(*log.lock(), ["one starts", "one ends", "two starts", "two ends"]);
}

#[tokio::test(start_paused = true)]
async fn f18_a_leader_that_cannot_renew_stops_before_the_lease_can_be_taken() {
    let server = FakeServer::new();
    let first = candidate(&server, 1);
    let stopped_at = Arc::new(Mutex::new(None));
    let noted = stopped_at.clone();
    let began = tokio::time::Instant::now();
    let faults = server.faults().clone();
    let lost = first
        .lead(Stop::new(), |stop| async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            faults.add(FaultRule::new(Fault::Error).path("/leases"));
            stop.cancelled().await;
            *noted.lock() = Some(began.elapsed());
        })
        .await;
    assert!(matches!(lost, Err(ElectionError::Lost { .. })));
    let stopped = stopped_at.lock().unwrap();
    server.faults().clear();
    let second = candidate(&server, 2);
    let taken = second.lead(Stop::new(), |_| async move { began.elapsed() }).await.unwrap().unwrap();
    assert!(stopped < taken, "{stopped:?} before {taken:?}");
    assert!(stopped <= Duration::from_secs(16) && taken >= Duration::from_secs(19), "{stopped:?} {taken:?}");
}
