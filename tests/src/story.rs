//! A fleet and a story beside it, and what stories of controllers need.

use std::{fmt::Debug, time::Duration};

use kube::{
    Client, Config,
    core::{ApiResource, GroupVersionKind},
};
use multicluster::Fleet;
use multicluster_kcp::workspace_config;
use runtime::Stop;

/// How long something may take: a real kcp serves a new API after seconds and remembers a denial for half a minute.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a fleet while a story goes on, and lets it end.
///
/// # Panics
/// Where the fleet ends before the story.
pub async fn beside(fleet: &Fleet, story: impl Future<Output = ()>) {
    let stop = Stop::new();
    let run = fleet.run_until(stop.cancelled());
    tokio::pin!(run);
    tokio::select! {
        ended = &mut run => panic!("fleet ended: {ended:?}"),
        () = story => {}
    }
    stop.stop();
    run.await.unwrap();
}

/// Waits until something is there.
///
/// # Panics
/// Where it is not after [`PATIENCE`].
#[track_caller]
pub fn until<T: Debug>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> impl Future<Output = T> {
    let from = std::panic::Location::caller();
    async move {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(tokio::time::Instant::now() < end, "{what}, waited for at {from}: never came to be");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The administrator's client at a workspace path.
pub fn client_at(admin: &Config, workspace: &str) -> Client {
    Client::try_from(workspace_config(admin, &workspace.parse().unwrap()).unwrap()).unwrap()
}

/// A kind that no type here stands for.
pub fn kind(group: &str, version: &str, kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}
