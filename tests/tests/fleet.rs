//! The guarantees of fleets that need no faults, on a whole control plane: the embedded one, or with `MESH_BACKEND=real` a kcp.
//!
//! Timings are those of a real kcp: a new API is served after seconds, a denial is remembered for half a minute.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[expect(dead_code, reason = "it also reads command lines")]
#[path = "../../crates/multicluster-kcp/examples/setup/mod.rs"]
mod setup;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client, Config, CustomResource, ResourceExt as _,
    api::{DeleteParams, DynamicObject, Patch, PatchParams},
};
use multicluster::{Action, Controller, Cx, Fleet, Gone};
use multicluster_kcp::{
    ApiExport, Connection, InitializingWorkspaces, LogicalClusters, Resolver, TerminatingWorkspaces,
    server_config,
};
use parking_lot::Mutex;
use scenarios::{ControlPlane, PATIENCE, beside, client_at, kind, until};
use serde::{Deserialize, Serialize};
use serde_json::json;

const EXPORT: &str = "storage.example.io";

#[derive(CustomResource, Clone, Debug, Deserialize, Serialize)]
#[kube(group = "storage.example.io", version = "v1", kind = "Bucket", namespaced, schema = "disabled")]
struct BucketSpec {
    region: String,
}

/// A provider of its own and its consumers, so that scenarios on one control plane do not meet.
struct World {
    admin: Config,
    provider: String,
    connection: Connection,
    _plane: ControlPlane,
}

impl World {
    async fn new(name: &str) -> Self {
        let (plane, admin) = ControlPlane::with_admin().await;
        let provider = setup::workspace(&admin, name, "universal").await.unwrap();
        let text = include_str!("../../crates/multicluster-kcp/examples/manifests/storage-provider.yaml");
        setup::apply(&provider, text).await.unwrap();
        let connection = Connection::from_config(provider).unwrap();
        World { admin, provider: format!("root:{name}"), connection, _plane: plane }
    }

    /// A workspace that binds the export, with a Bucket.
    async fn consumer(&self, name: &str) {
        let consumer = setup::workspace(&self.admin, name, "universal").await.unwrap();
        let text = include_str!("../../crates/multicluster-kcp/examples/manifests/storage-consumer.yaml");
        setup::apply(&consumer, &text.replace("root:storage-provider", &self.provider)).await.unwrap();
    }

    fn at(&self, workspace: &str) -> Client {
        client_at(&self.admin, workspace)
    }

    fn fleet(&self) -> Fleet {
        Fleet::builder().provider(ApiExport::new(self.connection.clone(), EXPORT)).build().unwrap()
    }

    fn workspaces(&self) -> Api<DynamicObject> {
        Api::all_with(self.at("root"), &kind("tenancy.kcp.io", "v1alpha1", "Workspace"))
    }

    async fn delete_workspace(&self, name: &str) {
        let workspaces = self.workspaces();
        let _ = workspaces.delete(name, &DeleteParams::default()).await;
        until("the workspace's end", async || workspaces.get_opt(name).await.ok()?.is_none().then_some(()))
            .await;
    }

    async fn unbind(&self, consumer: &str) {
        let bindings: Api<DynamicObject> =
            Api::all_with(self.at(consumer), &kind("apis.kcp.io", "v1alpha2", "APIBinding"));
        let _ = bindings.delete(EXPORT, &DeleteParams::default()).await;
        until("the binding's end", async || bindings.get_opt(EXPORT).await.ok()?.is_none().then_some(()))
            .await;
    }

    fn buckets(&self, consumer: &str) -> Api<Bucket> {
        Api::default_namespaced(self.at(consumer))
    }
}

/// Waits until exactly these paths are engaged.
async fn engaged(fleet: &Fleet, wanted: &[&str]) {
    let paths = || {
        let mut paths: Vec<String> = fleet
            .clusters()
            .iter()
            .map(|cluster| cluster.alias().map_or_else(String::new, |p| p.to_string()))
            .collect();
        paths.sort();
        paths
    };
    let end = tokio::time::Instant::now() + PATIENCE;
    while paths() != wanted {
        assert!(tokio::time::Instant::now() < end, "{:?}, not {wanted:?}: {:?}", paths(), fleet.health());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The endpoint URL of an export comes with its first consumer and goes with its last one.
#[tokio::test(flavor = "multi_thread")]
async fn f01_f02_f03_consumers_and_their_url_come_go_and_come_back() {
    let world = World::new("f01-provider").await;
    let fleet = world.fleet();
    beside(&fleet, async {
        engaged(&fleet, &[]).await;
        world.consumer("f01-one").await;
        engaged(&fleet, &["root:f01-one"]).await;
        let first = fleet.clusters()[0].clone();
        world.unbind("root:f01-one").await;
        engaged(&fleet, &[]).await;
        assert!(matches!(first.is_gone(), Some(Gone::Removed | Gone::ScopeClosed)), "{:?}", first.is_gone());
        world.consumer("f01-one").await;
        engaged(&fleet, &["root:f01-one"]).await;
        let second = fleet.clusters()[0].clone();
        assert_eq!(second.id(), first.id());
        assert_ne!(second.epoch(), first.epoch());
    })
    .await;
}

/// Objects of one name in several clusters are several objects; each change is seen in its own cluster.
#[tokio::test(flavor = "multi_thread")]
async fn f05_the_store_shows_each_cluster_its_own_objects() {
    let world = World::new("f05-provider").await;
    for name in ["f05-one", "f05-two"] {
        world.consumer(name).await;
    }
    let fleet = world.fleet();
    let store = fleet.store::<Bucket>();
    beside(&fleet, async {
        engaged(&fleet, &["root:f05-one", "root:f05-two"]).await;
        store.ready().await;
        let seen = |path: &str| {
            let cluster = fleet.resolve(path)?;
            let bucket = store.of(&cluster).get_in("default", "photos")?;
            Some(bucket.spec.region.clone())
        };
        until("both buckets", async || {
            (seen("root:f05-one")? == "eu" && seen("root:f05-two")? == "eu").then_some(())
        })
        .await;
        let patch = Patch::Merge(json!({"spec": {"region": "us"}}));
        world.buckets("root:f05-one").patch("photos", &PatchParams::default(), &patch).await.unwrap();
        until("the change", async || (seen("root:f05-one")? == "us").then_some(())).await;
        assert_eq!(seen("root:f05-two").as_deref(), Some("eu"));
        world.buckets("root:f05-two").delete("photos", &DeleteParams::default()).await.unwrap();
        until("the deletion", async || seen("root:f05-two").is_none().then_some(())).await;
        assert_eq!(seen("root:f05-one").as_deref(), Some("us"));
        // Put back for another run on the same control plane.
        let patch = Patch::Merge(json!({"spec": {"region": "eu"}}));
        world.buckets("root:f05-one").patch("photos", &PatchParams::default(), &patch).await.unwrap();
    })
    .await;
}

/// What a reconcile that waits for its cluster's end saw.
#[derive(Default)]
struct Seen {
    begun: AtomicUsize,
    told: Mutex<Option<Gone>>,
}

/// A cluster that goes while its object is reconciled: the reconcile is told, its result is dropped.
#[tokio::test(flavor = "multi_thread")]
async fn f09_a_reconcile_is_told_that_its_cluster_went() {
    let world = World::new("f09-provider").await;
    world.consumer("f09-one").await;
    let fleet = world.fleet();
    let app = Arc::new(Seen::default());
    let (begun, told) = (&app.begun, &app.told);
    Controller::<Bucket>::new("waits", &fleet).reconcile_timeout(None).run(
        async |_: Arc<Bucket>, cx: Cx<Seen>| {
            cx.begun.fetch_add(1, Ordering::SeqCst);
            let why = cx.cluster().gone().await;
            *cx.told.lock() = Some(why);
            Ok::<_, kube::Error>(Action::await_change())
        },
        |_, _, _| Action::backoff(),
        app.clone(),
    );
    beside(&fleet, async {
        until("the reconcile", async || (begun.load(Ordering::SeqCst) > 0).then_some(())).await;
        world.unbind("root:f09-one").await;
        until("its end", async || *told.lock()).await;
        engaged(&fleet, &[]).await;
        assert_eq!(begun.load(Ordering::SeqCst), 1);
    })
    .await;
}

/// A workspace that is deleted and made again under the same path is another cluster; the path is the younger one's.
#[tokio::test(flavor = "multi_thread")]
async fn f10_f11_a_path_that_is_used_again_names_another_cluster() {
    let world = World::new("f10-provider").await;
    world.consumer("f10-one").await;
    let fleet = world.fleet();
    let resolver = Resolver::new(Client::try_from(server_config(&world.admin).unwrap()).unwrap());
    beside(&fleet, async {
        engaged(&fleet, &["root:f10-one"]).await;
        let first = fleet.resolve("root:f10-one").unwrap();
        let asked = resolver.resolve(&"root:f10-one".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(asked.as_str(), first.id().as_str());
        world.delete_workspace("f10-one").await;
        until("the first one's end", async || first.is_gone()).await;
        world.consumer("f10-one").await;
        engaged(&fleet, &["root:f10-one"]).await;
        let second = fleet.resolve("root:f10-one").unwrap();
        assert_ne!(second.id(), first.id());
        let asked = resolver.resolve(&"root:f10-one".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(asked.as_str(), second.id().as_str());
    })
    .await;
}

async fn mirror(bucket: Arc<Bucket>, cx: Cx<AtomicUsize>) -> Result<Action, kube::Error> {
    cx.app().fetch_add(1, Ordering::SeqCst);
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mirror"},
        "data": {"region": bucket.spec.region}});
    let ours = PatchParams::apply("mirror").force();
    cx.cluster().namespaced::<ConfigMap>("default").patch("mirror", &ours, &Patch::Apply(map)).await?;
    Ok(Action::await_change())
}

/// What the process knew is gone with it; a new one does everything once, and nothing changes by that.
#[tokio::test(flavor = "multi_thread")]
async fn f19_f22_a_fresh_cluster_is_served_and_a_new_process_does_everything_once() {
    let world = World::new("f19-provider").await;
    let version = async || {
        let maps: Api<ConfigMap> = Api::default_namespaced(world.at("root:f19-one"));
        maps.get_opt("mirror").await.ok()??.resource_version()
    };
    let mut versions = Vec::new();
    for round in 0..3 {
        let fleet = world.fleet();
        let runs = Arc::new(AtomicUsize::new(0));
        let controller = Controller::<Bucket>::new("mirror", &fleet).owns::<ConfigMap>();
        controller.run(mirror, |_, _, _| Action::backoff(), runs.clone());
        let story = async {
            if round == 0 {
                world.consumer("f19-one").await;
            }
            until("a run", async || (runs.load(Ordering::SeqCst) > 0).then_some(())).await;
            versions.push(until("the mirror", version).await);
            // One run for what is there; a fresh cluster may need a few until all of it is served.
            if round > 0 {
                tokio::time::sleep(Duration::from_secs(2)).await;
                assert_eq!(runs.load(Ordering::SeqCst), 1, "round {round}");
            }
        };
        // Dropped in the midst, as a process that dies.
        tokio::select! {
            ended = fleet.run_until(std::future::pending()) => panic!("fleet ended: {ended:?}"),
            () = story => {}
        }
    }
    // A first write-back may store an annotation that reads add; from then on nothing changes.
    assert_eq!(versions[1], versions[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn f21_f23_a_panic_is_survived_and_a_running_reconcile_ends_before_the_fleet() {
    let world = World::new("f21-provider").await;
    world.consumer("f21-one").await;
    let fleet = world.fleet();
    let runs = Arc::new(AtomicUsize::new(0));
    Controller::<Bucket>::new("stumbles", &fleet).run(
        async |_: Arc<Bucket>, cx: Cx<AtomicUsize>| {
            assert!(cx.app().fetch_add(1, Ordering::SeqCst) > 0, "the first run panics");
            tokio::time::sleep(Duration::from_secs(2)).await;
            cx.app().fetch_add(100, Ordering::SeqCst);
            Ok::<_, kube::Error>(Action::await_change())
        },
        |_, _, _| Action::backoff(),
        runs.clone(),
    );
    beside(&fleet, async {
        until("a second run", async || (runs.load(Ordering::SeqCst) > 1).then_some(())).await;
    })
    .await;
    assert_eq!(runs.load(Ordering::SeqCst), 102, "the run that was going on has ended");
}

const GUARDED: &str = "
apiVersion: tenancy.kcp.io/v1alpha1
kind: WorkspaceType
metadata: {name: guarded}
spec:
  initializer: true
  terminator: true
  extend: {with: [{path: root, name: universal}]}
";

/// Both ends of a workspace's life wait for their markers; content is reached at the beginning.
#[tokio::test(flavor = "multi_thread")]
async fn mcr_initializing_and_terminating_workspaces_are_completed() {
    let (_plane, admin) = ControlPlane::with_admin().await;
    setup::apply(&admin, GUARDED).await.unwrap();
    let root = Connection::from_config(admin.clone()).unwrap();
    let begin = Arc::new(InitializingWorkspaces::new(root.clone(), "guarded").named("begin"));
    let end = Arc::new(TerminatingWorkspaces::new(root, "guarded").named("end"));
    let fleet = Fleet::builder().shared_provider(begin.clone()).shared_provider(end.clone()).build().unwrap();
    let workspaces: Api<DynamicObject> = Api::all_with(
        Client::try_from(admin.clone()).unwrap(),
        &kind("tenancy.kcp.io", "v1alpha1", "Workspace"),
    );
    beside(&fleet, async {
        let of = |provider: &'static str| {
            let fleet = fleet.clone();
            async move || {
                fleet.clusters().into_iter().find(|cluster| cluster.key().provider.as_str() == provider)
            }
        };
        setup::workspace(&admin, "guarded-one", "guarded").await.unwrap();
        let cluster = until("the beginning", of("begin")).await;
        assert_eq!(cluster.alias().as_deref(), Some("root:guarded-one"));
        let maps = cluster.namespaced::<ConfigMap>("default");
        until("content", async || maps.list(&Default::default()).await.ok().map(|list| list.items.len()))
            .await;
        begin.complete(&cluster).await.unwrap();
        until("the beginning's end", async || cluster.is_gone()).await;
        begin.complete(&cluster).await.unwrap();
        let phase = async || {
            let workspace = workspaces.get_opt("guarded-one").await.ok()??;
            (workspace.data["status"]["phase"] == "Ready").then_some(())
        };
        until("readiness", phase).await;

        workspaces.delete("guarded-one", &DeleteParams::default()).await.unwrap();
        let cluster = until("the end", of("end")).await;
        assert!(workspaces.get_opt("guarded-one").await.unwrap().is_some());
        end.complete(&cluster).await.unwrap();
        until("the workspace's end", async || {
            workspaces.get_opt("guarded-one").await.ok()?.is_none().then_some(())
        })
        .await;
    })
    .await;
}

/// Platform administrators see every cluster of a shard.
#[tokio::test(flavor = "multi_thread")]
async fn mcr_logical_clusters_of_a_shard_are_engaged() {
    let (plane, admin) = ControlPlane::with_admin().await;
    setup::workspace(&admin, "shard-one", "universal").await.unwrap();
    let shard = plane.shard_admin().await;
    let url = shard.cluster_url.to_string();
    let connection = Connection::from_config(shard).unwrap();
    let fleet = Fleet::builder().provider(LogicalClusters::new(connection, [url])).build().unwrap();
    beside(&fleet, async {
        let cluster = until("root:shard-one", async || fleet.resolve("root:shard-one")).await;
        assert_eq!(fleet.resolve("root").unwrap().id().as_str(), "root");
        let all: Api<ConfigMap> = cluster.all();
        until("content", async || all.list(&Default::default()).await.ok().map(|list| list.items.len()))
            .await;
    })
    .await;
}
