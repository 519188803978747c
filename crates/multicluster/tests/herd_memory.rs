//! Many clusters at start: how high memory rises above what stays. Alone in its process.
#![allow(clippy::unwrap_used, missing_docs)]

mod memory;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use k8s_openapi::api::core::v1::ConfigMap;
use memory::{live_bytes, object};
use multicluster::{
    Action, Controller, Cx, Fleet,
    testing::{FakeServer, StaticProvider},
};
use runtime::{Fault, FaultRule, Stop};

const CLUSTERS: usize = 2000;
const OBJECTS: usize = 10;

/// The highest number of live bytes at the moments that were looked at.
#[derive(Default)]
struct Peak(AtomicUsize);

impl Peak {
    fn look(&self) {
        self.0.fetch_max(live_bytes(), Ordering::Relaxed);
    }
}

async fn look(_: Arc<ConfigMap>, cx: Cx<(Arc<Peak>, AtomicUsize)>) -> Result<Action, kube::Error> {
    cx.0.look();
    cx.1.fetch_add(1, Ordering::Relaxed);
    Ok(Action::await_change())
}

#[tokio::test(start_paused = true)]
async fn f15_the_start_of_a_herd_peaks_little_above_what_stays() {
    let (server, provider) = (FakeServer::new(), StaticProvider::new("core"));
    let names: Vec<String> = (0..CLUSTERS).map(|at| format!("{at:016}")).collect();
    for name in &names {
        for at in 0..OBJECTS {
            server.put(name, object(&format!("o{at}"), 0), "configmaps");
        }
    }
    // The server makes the text of an object when it is first read; that is not the fleet's.
    let every = http::Request::get("/clusters/*/api/v1/configmaps").body(Vec::new()).unwrap();
    assert!(!server.client().request_text(every).await.unwrap().is_empty());
    let before = live_bytes();
    let peak = Arc::new(Peak::default());
    // Each page is a moment to look at; the rule itself does nothing.
    let seen = peak.clone();
    let looks = move |_: &http::request::Parts| {
        seen.look();
        false
    };
    server.faults().add(FaultRule::new(Fault::Status(500)).when(looks));
    let fleet = Fleet::builder().provider(provider.clone()).build().unwrap();
    let app = Arc::new((peak.clone(), AtomicUsize::new(0)));
    Controller::<ConfigMap>::new("looks", &fleet).run(look, |_, _, _| Action::backoff(), app.clone());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    provider.start("shard", &server, &names);
    let stop = Stop::new();
    let story = async {
        while app.1.load(Ordering::Relaxed) < CLUSTERS * OBJECTS {
            tokio::time::sleep(Duration::from_millis(10)).await;
            peak.look();
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
    };
    tokio::select! {
        ended = fleet.run_until(stop.cancelled()) => panic!("fleet ended: {ended:?}"),
        () = story => {}
    }
    let stays = live_bytes().saturating_sub(before);
    let peak = peak.0.load(Ordering::Relaxed).saturating_sub(before);
    println!("peak {peak}, stays {stays} bytes: {:.2}", peak as f64 / stays as f64);
    assert!(peak * 10 <= stays * 13, "peak {peak}, stays {stays}");
    stop.stop();
}
