//! Which clusters this replica works on.

use std::time::Duration;

use runtime::{End, Stop};
use tokio::time::Instant;

use crate::{
    Cluster, Fleet,
    coordination::{Claims, Coordinator, Fence, SLOTS, Until},
};

impl Fleet {
    /// The right to work on a cluster; none where another replica has it.
    pub fn fence(&self, cluster: &Cluster) -> Option<Fence> {
        self.0.claims.of(cluster.slot())
    }

    /// Whether this replica works on a cluster.
    pub fn owns(&self, cluster: &Cluster) -> bool {
        self.fence(cluster).is_some()
    }

    pub(crate) fn claims(&self) -> &Claims {
        &self.0.claims
    }

    /// This replica works on the clusters of these slots from now on.
    pub(crate) fn claim(&self, slots: &[u16], until: Until) -> Fence {
        let fence = self.0.claims.take(slots, until, self.clock());
        let listeners = self.0.listeners.read();
        for cluster in self.clusters().iter().filter(|cluster| slots.contains(&cluster.slot())) {
            listeners.values().for_each(|listener| listener.owned(cluster));
        }
        fence
    }

    /// Nothing new starts on the clusters of these slots.
    pub(crate) fn disclaim(&self, slots: &[u16]) {
        if slots.is_empty() {
            return;
        }
        self.0.claims.give_up(slots);
        let listeners = self.0.listeners.read();
        for cluster in self.clusters().iter().filter(|cluster| slots.contains(&cluster.slot())) {
            listeners.values().for_each(|listener| listener.disowned(cluster));
        }
    }

    pub(super) fn start_coordinator(&self) {
        let Some(coordinator) = self.0.coordinator.lock().take() else { return };
        let fleet = self.clone();
        match coordinator {
            Coordinator::Everything => {}
            Coordinator::Leader(election) => {
                self.0.claim_tasks.spawn_graceful("leader election", End::MayEnd, move |stop| async move {
                    while !stop.is_stopped() {
                        let lead = election.lead(stop.clone(), |leading| fleet.lead(leading));
                        if let Err(error) = lead.await {
                            tracing::error!(%error, "leadership lost, trying again");
                        }
                    }
                });
            }
            Coordinator::Sharded(sharding) => {
                self.0.claim_tasks.spawn_graceful("sharding", End::MayEnd, move |stop| async move {
                    sharding.run(&fleet, stop).await;
                });
            }
        }
    }

    async fn lead(&self, leading: Stop) {
        let all: Vec<u16> = (0..SLOTS as u16).collect();
        let fence = self.claim(&all, Until::Always);
        leading.cancelled().await;
        self.disclaim(&all);
        // The Lease lasts a little longer than leadership: time to end by itself before somebody else begins.
        let ends = Instant::now() + Duration::from_secs(2);
        while fence.is_busy() && Instant::now() < ends {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        fence.lose();
    }

    /// Gives back what is held, after everything that worked under it has ended.
    pub(super) async fn release_claims(&self) {
        self.0.claim_tasks.shutdown().await;
    }
}
