//! Who works on what: one leader, or shares of the clusters, and never two at once.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::ConfigMap;
use multicluster::{
    Action, ClusterKey, Controller, Coordinator, Cx, Election, Fleet, Lookup, Sharding,
    testing::{FakeServer, StaticProvider},
};
use parking_lot::Mutex;
use runtime::{Clock, Fault, FaultRule, Ids, Stop};

use crate::{Fail, map, seconds};

#[test]
fn f18_no_two_replicas_ever_work_on_one_slot() {
    for seed in 0..500 {
        crate::lease_world::run(seed).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    }
}

/// A replica of the same program.
struct Replica {
    fleet: Fleet,
    stop: Stop,
    runs: Arc<Mutex<Vec<String>>>,
}

fn start() -> jiff::Timestamp {
    "2024-01-01T00:00:00Z".parse().unwrap()
}

fn replica(leases: &FakeServer, server: &FakeServer, name: &str, clusters: &[String]) -> Replica {
    let sharding = Sharding::new(leases.cluster("host"), "default", "operator").identity(name);
    let provider = StaticProvider::new("core");
    let fleet = Fleet::builder()
        .provider(provider.clone())
        .coordinator(Coordinator::Sharded(sharding))
        .clock(Clock::simulated(start()))
        .ids(Ids::seeded(name.len() as u64))
        .build()
        .unwrap();
    let runs = Arc::new(Mutex::new(Vec::new()));
    let noted = runs.clone();
    Controller::<ConfigMap>::new("note", &fleet).run(
        move |_: Arc<ConfigMap>, cx: Cx<()>| {
            assert!(cx.fence().unwrap().is_held());
            noted.lock().push(cx.cluster().id().to_string());
            async { Ok::<_, Fail>(Action::await_change()) }
        },
        |_, _, _| Action::backoff(),
        Arc::new(()),
    );
    provider.start("shard", server, &clusters.iter().map(String::as_str).collect::<Vec<_>>());
    Replica { fleet, stop: Stop::new(), runs }
}

impl Replica {
    async fn run(&self) {
        self.fleet.run_until(self.stop.cancelled()).await.unwrap();
    }

    fn take(&self) -> Vec<String> {
        let mut runs = std::mem::take(&mut *self.runs.lock());
        runs.sort();
        runs
    }

    fn owned(&self) -> usize {
        self.fleet.clusters().iter().filter(|cluster| self.fleet.owns(cluster)).count()
    }
}

#[tokio::test(start_paused = true)]
async fn f18_clusters_are_shared_out_handed_over_and_taken_from_the_dead() {
    let (leases, server) = (FakeServer::new(), FakeServer::new());
    let clusters: Vec<String> = (0..60).map(|at| format!("c{at:02}")).collect();
    for cluster in &clusters {
        server.put(cluster, map("a", "1"), "configmaps");
    }
    let (one, two) =
        (replica(&leases, &server, "one", &clusters), replica(&leases, &server, "second", &clusters));
    let story = async {
        seconds(25).await;
        assert!(one.take().is_empty(), "before it could have seen the others, nobody claims");
        seconds(40).await;
        assert_eq!(one.take(), clusters, "alone it works on everything, once");
        two_joins(&one, &two, &server, &clusters, &leases).await;
        one.stop.stop();
    };
    tokio::join!(one.run(), story);
}

async fn two_joins(
    one: &Replica,
    two: &Replica,
    server: &FakeServer,
    clusters: &[String],
    leases: &FakeServer,
) {
    let story = async {
        seconds(120).await;
        let (ours, theirs) = (one.owned(), two.owned());
        assert_eq!(ours + theirs, 60, "every cluster has one owner");
        assert!((15..=45).contains(&ours), "{ours} of 60");
        let foreign = one.fleet.clusters().into_iter().find(|cluster| !one.fleet.owns(cluster)).unwrap();
        assert!(matches!(one.fleet.cluster(foreign.key()), Lookup::NotOwned));
        assert!(matches!(one.fleet.read_only(foreign.key()), Lookup::Engaged(_)));
        assert!(matches!(one.fleet.cluster(&ClusterKey::new("core", "c99")), Lookup::Unknown));
        let _ = (one.take(), two.take());
        for cluster in clusters {
            server.put(cluster, map("a", "2"), "configmaps");
        }
        seconds(5).await;
        let mut all = one.take();
        assert_eq!(all.len(), ours);
        all.extend(two.take());
        all.sort();
        assert_eq!(all, clusters, "each change is worked on by one replica");
        // The second loses its server: it stops in time, and the first takes over.
        leases.faults().add(FaultRule::new(Fault::Error));
        two.stop.stop();
    };
    tokio::join!(two.run(), story);
    leases.faults().clear();
    for cluster in clusters {
        server.put(cluster, map("a", "3"), "configmaps");
    }
    seconds(120).await;
    assert_eq!(one.owned(), 60);
    seconds(500).await;
    assert_eq!(one.owned(), 60, "a dead peer stays dead, though its Lease is still there");
    seconds(300).await;
    let dead = leases.get("host", "coordination.k8s.io", "leases", Some("default"), "operator-peer-second");
    assert!(dead.is_none(), "and is removed in the end");
    let mut seen = one.take();
    seen.dedup();
    assert_eq!(seen, clusters, "what changed while nobody owned it is worked on afterwards");
}

#[tokio::test(start_paused = true)]
async fn f18_a_reconcile_ends_before_the_lease_of_its_cluster_can_be_taken() {
    let (leases, server) = (FakeServer::new(), FakeServer::new());
    server.put("c1", map("a", "1"), "configmaps");
    let provider = StaticProvider::new("core");
    let sharding = Sharding::new(leases.cluster("host"), "default", "operator").identity("one");
    let fleet = Fleet::builder()
        .provider(provider.clone())
        .coordinator(Coordinator::Sharded(sharding))
        .clock(Clock::simulated(start()))
        .build()
        .unwrap();
    let log = Arc::new(Mutex::new(Vec::new()));
    let noted = log.clone();
    Controller::<ConfigMap>::new("long", &fleet).run(
        move |_: Arc<ConfigMap>, _: Cx<()>| {
            let ended = Ended(noted.clone());
            async move {
                let _ended = ended;
                std::future::pending::<Result<Action, Fail>>().await
            }
        },
        |_, _, _| Action::backoff(),
        Arc::new(()),
    );
    provider.start("shard", &server, &["c1"]);
    let story = async {
        seconds(60).await;
        assert_eq!(fleet.clusters().iter().filter(|cluster| fleet.owns(cluster)).count(), 1);
        leases.faults().add(FaultRule::new(Fault::Error));
        let cut = tokio::time::Instant::now();
        seconds(30).await;
        let ended = log.lock()[0] - cut;
        assert!(ended <= Duration::from_secs(16), "{ended:?} after the last renewal at most fifteen seconds");
        assert!(!fleet.owns(&fleet.clusters()[0]));
    };
    tokio::select! {
        ended = fleet.run_until(std::future::pending()) => panic!("fleet ended: {ended:?}"),
        () = story => {}
    }
}

struct Ended(Arc<Mutex<Vec<tokio::time::Instant>>>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.lock().push(tokio::time::Instant::now());
    }
}

#[tokio::test(start_paused = true)]
async fn f18_followers_keep_their_stores_and_the_next_leader_works_on_everything() {
    let (leases, server) = (FakeServer::new(), FakeServer::new());
    server.put("c1", map("a", "1"), "configmaps");
    let candidate = |seed: u64| {
        let clock = Clock::simulated(start());
        let election = Election::new(leases.cluster("host"), "default", "lease", clock, Ids::seeded(seed));
        let provider = StaticProvider::new("core");
        let fleet = Fleet::builder()
            .provider(provider.clone())
            .coordinator(Coordinator::Leader(election))
            .build()
            .unwrap();
        provider.start("shard", &server, &["c1"]);
        let runs = Arc::new(Mutex::new(0));
        let counted = runs.clone();
        Controller::<ConfigMap>::new("count", &fleet).run(
            move |_: Arc<ConfigMap>, _: Cx<()>| {
                *counted.lock() += 1;
                async { Ok::<_, Fail>(Action::await_change()) }
            },
            |_, _, _| Action::backoff(),
            Arc::new(()),
        );
        (fleet, runs, Stop::new())
    };
    let (one, two) = (candidate(1), candidate(2));
    let story = async {
        seconds(10).await;
        let (first, second) = (*one.1.lock(), *two.1.lock());
        assert_eq!(first + second, 1, "one leader");
        let follower = if first == 0 { &one.0 } else { &two.0 };
        assert_eq!(follower.store::<ConfigMap>().len(), 1, "stores of followers are warm");
        let (leader, next) = if first == 1 { (&one, &two) } else { (&two, &one) };
        leader.2.stop();
        seconds(10).await;
        assert_eq!(*next.1.lock(), 1, "the Lease was given back, nobody waits for its end");
        next.2.stop();
    };
    let (a, b, ()) =
        tokio::join!(one.0.run_until(one.2.cancelled()), two.0.run_until(two.2.cancelled()), story);
    a.and(b).unwrap();
}
