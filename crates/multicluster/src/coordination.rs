//! Which replica works on which cluster: all of them here, one leader, or clusters shared out over replicas.
//!
//! Clusters hash into 256 slots. A replica works on a cluster while it holds the slot's [`Fence`]: a token with a deadline on the local
//! monotonic clock, measured from before the request that renewed its Lease. Nobody else may take the Lease before that deadline passed.

mod assign; // which peer a slot belongs to
mod fence; // the token of ownership
mod replica; // what one replica does next: pure, no clock, no request
mod sharding; // the same with Leases, requests and time

use kube::Client;

use crate::Election;

pub(crate) use assign::slot_of;
pub use fence::Fence;
pub(crate) use fence::{Claims, Until};
#[cfg(feature = "testing")]
pub use replica::{Lease, Replica, Write, Wrote};
pub use sharding::Sharding;

/// Into this many slots clusters are hashed; each slot has one Lease, whatever the number of clusters.
pub const SLOTS: usize = 256;

/// How replicas share the work.
///
/// The client of Leases is always given explicitly: Leases rarely live where the reconciled objects do.
#[derive(Clone, Default)]
pub enum Coordinator {
    /// This process works on every cluster.
    #[default]
    Everything,
    /// The replica that holds one Lease works on every cluster; the others keep their stores warm.
    Leader(Election),
    /// Each replica works on a share of the clusters.
    Sharded(Sharding),
}

impl Coordinator {
    /// Shares clusters between all replicas of a group; `namespace` holds the group's Leases.
    pub fn sharded(client: Client, namespace: &str, group: &str) -> Self {
        Coordinator::Sharded(Sharding::new(client, namespace, group))
    }
}
