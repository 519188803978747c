//! A fleet over the fake server, measured from start to steady state.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::{ConfigMap, Secret, ServiceAccount};
use multicluster::{
    Action, ClientSpec, ClusterId, ClusterKey, ClusterObjectRef, ClusterSeed, Concurrency, Controller, Cx,
    Demux, Fleet, FleetEvent, FleetStore, ObjectKey, Provider, ProviderError, ProviderName, WatchScope,
    prefix_client,
};
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::mpsc;

use super::{
    ask, memory, say,
    server::{cluster_name, now},
};

/// Reports all clusters at once.
struct AllAtOnce {
    client: kube::Client,
    clusters: u64,
}

impl Provider for AllAtOnce {
    fn name(&self) -> ProviderName {
        ProviderName::from("core")
    }

    fn fleet(self: Arc<Self>) -> futures::stream::BoxStream<'static, Result<FleetEvent, ProviderError>> {
        use futures::StreamExt as _;
        let read = |meta: &kube::api::ObjectMeta| {
            let name = meta.annotations.as_ref()?.get("kcp.io/cluster")?;
            Some(ClusterId::from(name.as_str()))
        };
        let scope = WatchScope {
            id: "shard".into(),
            client: prefix_client(&self.client, "/clusters/*"),
            redial: None,
            demux: Demux::Meta(Arc::new(read)),
        };
        let base = self.client.clone();
        let first = [FleetEvent::Init, FleetEvent::ScopeUp(scope)];
        let clusters = (0..self.clusters).map(move |at| up(at, &base));
        let all = first.into_iter().chain(clusters).chain([FleetEvent::InitDone]);
        futures::stream::iter(all.map(Ok)).chain(futures::stream::pending()).boxed()
    }
}

/// A cluster, as a provider reports it.
fn up(at: u64, base: &kube::Client) -> FleetEvent {
    let name = cluster_name(at);
    FleetEvent::Up(ClusterSeed {
        id: ClusterId::from(name.as_str()),
        scope: "shard".into(),
        aliases: vec![format!("root:orgs:{name}").into()],
        client: ClientSpec::Prefix { base: base.clone(), path: format!("/clusters/{name}").into() },
        meta: Arc::default(),
    })
}

struct App {
    store: FleetStore<ConfigMap>,
    runs: AtomicUsize,
    waits: Mutex<Vec<u64>>,
    newest: AtomicU64,
}

/// One store read, as every reconcile does; and how long the newest change waited.
async fn reconcile(map: Arc<ConfigMap>, cx: Cx<App>) -> Result<Action, kube::Error> {
    let here = cx.store.of(cx.cluster()).get_key(cx.object());
    std::hint::black_box(here);
    cx.runs.fetch_add(1, Ordering::Relaxed);
    let at: u64 =
        map.data.as_ref().and_then(|data| data.get("at")).and_then(|at| at.parse().ok()).unwrap_or(0);
    if at > cx.newest.fetch_max(at, Ordering::Relaxed) {
        cx.waits.lock().push(now().saturating_sub(at));
    }
    Ok(Action::await_change())
}

async fn wait_for(what: impl Fn() -> bool) {
    while !what() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub fn run(form: &str, clusters: u64, url: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measured(form, clusters, url));
}

async fn measured(form: &str, clusters: u64, url: &str) {
    let config = kube::Config::new(url.parse().unwrap());
    let client = kube::Client::try_from(config).unwrap();
    let objects = clusters * 10;
    let fleet = Fleet::builder().provider(AllAtOnce { client, clusters }).build().unwrap();
    let store = match form {
        "compact" => fleet.compact_store::<ConfigMap>(),
        _ => fleet.store::<ConfigMap>(),
    };
    let app = Arc::new(App {
        store: store.clone(),
        runs: AtomicUsize::new(0),
        waits: Mutex::default(),
        newest: AtomicU64::new(0),
    });
    let (send, receive) = mpsc::unbounded_channel::<ClusterObjectRef>();
    let again =
        futures::stream::unfold(receive, |mut receive| async { Some((receive.recv().await?, receive)) });
    Controller::<ConfigMap>::new("bench", &fleet)
        .owns::<Secret>()
        .owns::<ServiceAccount>()
        .concurrency(Concurrency::total(64).per_cluster(2).per_scope(64))
        .triggers(again)
        .run(reconcile, |_, _, _| Action::backoff(), app.clone());
    let started = Instant::now();
    let story = async {
        wait_for(|| fleet.clusters().len() as u64 == clusters).await;
        say(&json!({"engaged_s": started.elapsed().as_secs_f64()}));
        wait_for(|| app.runs.load(Ordering::Relaxed) > 0).await;
        say(&json!({"first_s": started.elapsed().as_secs_f64()}));
        wait_for(|| app.runs.load(Ordering::Relaxed) as u64 >= objects).await;
        say(&json!({"all_s": started.elapsed().as_secs_f64()}));
        tokio::time::sleep(Duration::from_millis(500)).await;
        let (rss, peak) = memory();
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        say(&json!({"rss_mb": rss, "peak_mb": peak, "tasks": tasks, "stored": store.len()}));
        latency(&app, "idle", 200, 40).await;
        latency(&app, "busy", 4_000, 1_000).await;
        throughput(&app, &send, clusters).await;
        let requests = ask("requests");
        say(
            &json!({"requests": requests["requests"], "writes": requests["writes"], "watches": requests["watches"]}),
        );
    };
    tokio::select! {
        ended = fleet.run_until(std::future::pending()) => ended.unwrap(),
        () = story => {}
    }
    engaging().await;
}

/// Changes at a rate, from the server's clock to the reconcile.
async fn latency(app: &App, name: &str, count: u64, per_second: u64) {
    app.waits.lock().clear();
    tokio::task::block_in_place(|| ask(&format!("change {count} {per_second}")));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut waits = std::mem::take(&mut *app.waits.lock());
    waits.sort_unstable();
    let at = |share: usize| waits.get(waits.len() * share / 100).copied().unwrap_or(u64::MAX) as f64 / 1e6;
    say(
        &json!({format!("{name}_p50_ms"): at(50), format!("{name}_p99_ms"): at(99), format!("{name}_seen"): waits.len()}),
    );
}

/// Every object, named from outside, three times over.
async fn throughput(app: &App, send: &mpsc::UnboundedSender<ClusterObjectRef>, clusters: u64) {
    let keys: Vec<ClusterObjectRef> = (0..clusters)
        .flat_map(|cluster| {
            let key = ClusterKey::new("core", cluster_name(cluster));
            (0..10).map(move |at| ObjectKey::namespaced("default", format!("o{at}")).in_cluster(&key))
        })
        .collect();
    let mut best: f64 = 0.0;
    for _ in 0..3 {
        let before = app.runs.load(Ordering::Relaxed);
        let started = Instant::now();
        keys.iter().for_each(|key| send.send(key.clone()).unwrap());
        wait_for(|| app.runs.load(Ordering::Relaxed) - before >= keys.len()).await;
        best = best.max(keys.len() as f64 / started.elapsed().as_secs_f64());
    }
    say(&json!({"reconciles_per_s": best}));
}

/// Engagement alone: a fleet of the same size without a controller, and clusters that come and go.
async fn engaging() {
    let provider = multicluster::testing::StaticProvider::new("core");
    let server = multicluster::testing::FakeServer::new();
    let fleet = Fleet::builder().provider(provider.clone()).build().unwrap();
    let app = Arc::new(());
    Controller::<ConfigMap>::new("engaging", &fleet).run(
        |_: Arc<ConfigMap>, _: Cx<()>| async { Ok::<_, kube::Error>(Action::await_change()) },
        |_, _, _| Action::backoff(),
        app,
    );
    provider.start("shard", &server, &[]);
    let count = 20_000;
    let story = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let before = server.requests().len();
        let base = server.client();
        let reports: Vec<FleetEvent> = (0..count).map(|at| up(at, &base)).collect();
        // From the first report on: the fleet may read on another thread while this one still reports.
        let started = Instant::now();
        reports.into_iter().for_each(|report| provider.send(report));
        while fleet.clusters_engaged() < count as usize {
            tokio::task::yield_now().await;
        }
        let each = started.elapsed().as_secs_f64() / count as f64 * 1e6;
        say(&json!({"engage_us": each, "engage_requests": server.requests().len() - before}));
    };
    tokio::select! {
        ended = fleet.run_until(std::future::pending()) => ended.unwrap(),
        () = story => {}
    }
}
