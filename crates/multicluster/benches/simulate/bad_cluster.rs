//! One of a thousand clusters fails, blocks or panics: the others must not wait longer for it.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::ConfigMap;
use multicluster::{
    Action, Concurrency, Controller, Cx, Fleet,
    testing::{FakeServer, StaticProvider},
};
use parking_lot::Mutex;
use runtime::Ids;
use serde_json::json;
use tokio::time::Instant;

use super::{dice::Dice, paused};

const CLUSTERS: u64 = 1_000;
const BAD: &str = "c7";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Well,
    Fails,
    Blocks,
    Panics,
}

#[derive(Debug, thiserror::Error)]
#[error("always")]
struct Always;

struct App {
    fate: Fate,
    origin: Instant,
    /// How long each change of a well cluster waited, in the order in which they ran.
    waits: Mutex<Vec<u64>>,
}

async fn reconcile(map: Arc<ConfigMap>, cx: Cx<App>) -> Result<Action, Always> {
    if cx.cluster().id().as_str() == BAD {
        match cx.fate {
            Fate::Well => {}
            Fate::Fails => return Err(Always),
            Fate::Blocks => std::future::pending().await,
            Fate::Panics => panic!("always"),
        }
        return Ok(Action::await_change());
    }
    let changed: Option<u64> =
        map.data.as_ref().and_then(|data| data.get("at")).and_then(|text| text.parse().ok());
    if let Some(changed) = changed.filter(|changed| *changed > 0) {
        cx.waits.lock().push(cx.origin.elapsed().as_millis() as u64 - changed);
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(Action::await_change())
}

/// The waits of all changes at well clusters, for one fate of the bad one.
fn waits(seed: u64, fate: Fate) -> Result<Vec<u64>, String> {
    paused(async {
        let mut dice = Dice::new(seed);
        let server = FakeServer::new();
        let put = |cluster: &str, name: &str, at: u64| {
            let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default", "name": name}, "data": {"at": at.to_string()}});
            server.put(cluster, object, "configmaps");
        };
        let names: Vec<String> = (0..CLUSTERS).map(|at| format!("c{at}")).collect();
        for name in &names {
            put(name, "a", 0);
        }
        for at in 0..50 {
            put(BAD, &format!("b{at}"), 0);
        }
        let provider = StaticProvider::new("core");
        let fleet = Fleet::builder().provider(provider.clone()).ids(Ids::seeded(seed)).build().unwrap();
        let app = Arc::new(App { fate, origin: Instant::now(), waits: Mutex::default() });
        Controller::<ConfigMap>::new("waits", &fleet)
            .concurrency(Concurrency::total(16).per_cluster(2).per_scope(16))
            .run(reconcile, |_, _, _| Action::backoff(), app.clone());
        provider.start("shard", &server, &names.iter().map(String::as_str).collect::<Vec<_>>());
        let story = async {
            tokio::time::sleep(Duration::from_secs(30)).await;
            for _ in 0..3_000 {
                let cluster = &names[dice.below(CLUSTERS) as usize];
                if cluster != BAD {
                    put(cluster, "a", app.origin.elapsed().as_millis() as u64);
                }
                put(BAD, &format!("b{}", dice.below(50)), 1);
                tokio::time::sleep(Duration::from_millis(5 + dice.below(10))).await;
            }
            tokio::time::sleep(Duration::from_secs(30)).await;
        };
        tokio::select! {
            biased;
            ended = fleet.run_until(std::future::pending()) => return Err(format!("fleet ended: {ended:?}")),
            () = story => {}
        }
        let mut waits = std::mem::take(&mut *app.waits.lock());
        waits.sort_unstable();
        Ok(waits)
    })
}

pub fn run(seed: u64) -> Result<u64, String> {
    let well = waits(seed, Fate::Well)?;
    if well.len() < 1_000 {
        return Err(format!("only {} changes ran", well.len()));
    }
    let worst = well.last().copied().unwrap_or_default();
    for fate in [Fate::Fails, Fate::Blocks, Fate::Panics] {
        let bad = waits(seed, fate)?;
        if bad.len() != well.len() {
            return Err(format!(
                "{fate:?}: {} changes ran, {} without the bad cluster",
                bad.len(),
                well.len()
            ));
        }
        let at = |waits: &[u64], share: usize| waits[waits.len() * share / 1000];
        for share in [500, 990, 999] {
            if at(&bad, share) > at(&well, share) + 1 {
                return Err(format!(
                    "{fate:?}: {}/1000 wait {} ms, {} without",
                    share,
                    at(&bad, share),
                    at(&well, share)
                ));
            }
        }
        if bad.last().copied().unwrap_or_default() > worst + 20 {
            return Err(format!("{fate:?}: the longest wait is {:?} ms, {worst} without", bad.last()));
        }
    }
    Ok(well.iter().sum())
}
