//! A share of the clusters, kept by Leases: the shell around [`Replica`](super::Replica).

use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use jiff::SignedDuration;
use k8s_openapi::{
    api::coordination::v1::{Lease as KubeLease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, ObjectMeta, PostParams, Preconditions},
};
use runtime::{Clock, Ids, Stop};
use tokio::time::Instant;

use super::{
    SLOTS, Until,
    replica::{Lease, Replica, Times, Write, Wrote},
};
use crate::Fleet;

const GROUP: &str = "multicluster.platform-mesh.io/group";
const SLOT: &str = "multicluster.platform-mesh.io/slot";
const WEIGHT: &str = "multicluster.platform-mesh.io/weight";

/// A replica looks around this often.
const TICK: Duration = Duration::from_secs(5);
/// And compares its deadlines with the clock this often.
const GLANCE: Duration = Duration::from_secs(1);
/// A request that takes longer is as good as failed.
const ANSWER: Duration = Duration::from_secs(4);
/// Requests at once.
const PARALLEL: usize = 16;
/// What runs in a slot that goes to another replica has this long to end by itself.
const LEAVING: Duration = Duration::from_secs(30);

/// Clusters shared out over the replicas of a group.
#[derive(Clone)]
pub struct Sharding {
    api: Api<KubeLease>,
    group: String,
    weight: f64,
    identity: Option<String>,
}

impl Sharding {
    /// A share of the group's clusters; `namespace` holds the Leases of peers and slots.
    pub fn new(client: Client, namespace: &str, group: &str) -> Self {
        let api = Api::namespaced(client, namespace);
        Sharding { api, group: group.to_owned(), weight: 1.0, identity: None }
    }

    /// A share in proportion to this number; 1 unless set.
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight.clamp(0.001, 1000.0);
        self
    }

    /// The name of this replica, which must be unique for each start of a process; drawn unless set.
    #[must_use]
    pub fn identity(mut self, identity: impl Into<String>) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// Takes, keeps and gives back slots until `stop`, then gives everything back.
    pub(crate) async fn run(self, fleet: &Fleet, stop: Stop) {
        let ids = fleet.ids().part("coordination");
        let me = self.identity.clone().unwrap_or_else(|| format!("peer-{}", ids.base36(12)));
        let origin = Instant::now();
        let replica = Replica::new(&me, Duration::ZERO);
        let mut shell =
            Shell { set: self, fleet: fleet.clone(), me, origin, replica, ids, left: vec![None; SLOTS] };
        let mut next = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep_until(next) => {
                    shell.round().await;
                    next = Instant::now() + TICK.mul_f64(0.9 + 0.2 * shell.ids.fraction());
                }
                () = tokio::time::sleep(GLANCE) => {}
            }
            shell.publish();
        }
        shell.leave().await;
    }
}

struct Shell {
    set: Sharding,
    fleet: Fleet,
    me: String,
    origin: Instant,
    replica: Replica,
    ids: Ids,
    /// When a slot began to be left.
    left: Vec<Option<Instant>>,
}

impl Shell {
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Looks at all Leases, decides, writes.
    async fn round(&mut self) {
        let params = ListParams::default().labels(&format!("{GROUP}={}", self.set.group));
        match tokio::time::timeout(ANSWER, self.set.api.list(&params)).await {
            Ok(Ok(list)) => {
                let leases: Vec<Lease> = list.items.iter().filter_map(read).collect();
                self.replica.observe(&leases, self.now());
            }
            Ok(Err(error)) => tracing::warn!(group = self.set.group, %error, "leases cannot be read"),
            Err(_) => tracing::warn!(group = self.set.group, "leases were not read in time"),
        }
        self.publish();
        let (fleet, weight) = (self.fleet.clone(), self.set.weight);
        let writes = self.replica.plan(self.now(), weight, |slot| fleet.claims().is_busy(slot));
        let sends = writes.into_iter().map(|write| {
            let (request, sent) = (self.request(&write), self.now());
            async move { (write, sent, request.await) }
        });
        let mut done = std::pin::pin!(stream::iter(sends.collect::<Vec<_>>()).buffer_unordered(PARALLEL));
        // What is not sent by then is decided anew in the next round.
        let deadline = Instant::now() + ANSWER * 2;
        while let Ok(Some((write, sent, result))) = tokio::time::timeout_at(deadline, done.next()).await {
            self.replica.wrote(&write, sent, result);
        }
        self.publish();
    }

    /// Brings the fleet's fences in line with what is held.
    fn publish(&mut self) {
        let now = self.now();
        let clock = self.fleet.clock().clone();
        let (mut taken, mut lost) = (Vec::new(), Vec::new());
        let claims = self.fleet.claims();
        for slot in 0..SLOTS as u16 {
            let left = &mut self.left[usize::from(slot)];
            let (held, leaving) = (self.replica.held(slot, now), self.replica.leaving(slot, now));
            if let Some(until) = held {
                *left = None;
                let until = reach(self.origin, until, &clock);
                if claims.has(slot) && claims.extend(slot, until) {
                    continue;
                }
                taken.push((slot, until));
            }
            if claims.has(slot) {
                lost.push(slot);
            }
            match leaving {
                // A slot that is left in peace lets its reconciles end; one whose deadline passed does not.
                Some(until) => {
                    claims.prolong_given_up(slot, reach(self.origin, until, &clock));
                    if left.get_or_insert_with(Instant::now).elapsed() >= LEAVING {
                        claims.abort(slot);
                    }
                }
                None => claims.abort(slot),
            }
        }
        self.fleet.disclaim(&lost);
        for slot in lost.into_iter().filter(|slot| self.replica.leaving(*slot, now).is_none()) {
            self.fleet.claims().abort(slot);
        }
        for (slot, until) in taken {
            // What an earlier claim left running ends first; the next glance looks again.
            if !self.fleet.claims().is_busy(slot) {
                self.fleet.claim(&[slot], until);
            }
        }
    }

    /// Gives every slot back, once what runs there has ended.
    async fn leave(&mut self) {
        self.replica.leave_all();
        self.publish();
        let deadline = Instant::now() + ANSWER;
        while Instant::now() < deadline {
            self.round().await;
            if (0..SLOTS as u16).all(|slot| self.replica.leaving(slot, self.now()).is_none()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.fleet.disclaim(&(0..SLOTS as u16).collect::<Vec<_>>());
        // A peer that says goodbye need not be waited for.
        if let Some(version) = self.replica.own_version() {
            self.bury(&self.me, version).await;
        }
    }

    fn request(&self, write: &Write) -> BoxFuture<'static, Wrote> {
        match write {
            Write::Bury { peer, version } => self.bury(peer, version).boxed(),
            _ => self.put(write).boxed(),
        }
    }

    fn bury(&self, peer: &str, version: &str) -> impl Future<Output = Wrote> + Send + use<> {
        let (api, name) = (self.set.api.clone(), format!("{}-peer-{peer}", self.set.group));
        let guard = Preconditions { resource_version: Some(version.to_owned()), uid: None };
        let params = DeleteParams { preconditions: Some(guard), ..DeleteParams::default() };
        async move {
            let sent = tokio::time::timeout(ANSWER, api.delete(&name, &params)).await;
            if let Ok(Err(error)) = sent {
                tracing::debug!(%error, "lease of a dead peer was not removed");
            }
            Wrote::Unknown
        }
    }

    fn put(&self, write: &Write) -> impl Future<Output = Wrote> + Send + use<> {
        let api = self.set.api.clone();
        let lease = self.lease(write);
        let version = lease.metadata.resource_version.clone();
        async move {
            let sent = async {
                match version {
                    None => api.create(&PostParams::default(), &lease).await,
                    Some(_) => {
                        let name = lease.metadata.name.clone().unwrap_or_default();
                        api.replace(&name, &PostParams::default(), &lease).await
                    }
                }
            };
            match tokio::time::timeout(ANSWER, sent).await {
                Ok(Ok(written)) => Wrote::Done(written.metadata.resource_version.unwrap_or_default()),
                Ok(Err(kube::Error::Api(status))) if [404, 409].contains(&status.code) => Wrote::Conflict,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "lease cannot be written");
                    Wrote::Unknown
                }
                Err(_) => Wrote::Unknown,
            }
        }
    }

    fn lease(&self, write: &Write) -> KubeLease {
        let (slot, version, holder) = match write {
            Write::Peer { version } => (None, version.clone(), self.me.as_str()),
            Write::Bury { peer, version } => (None, Some(version.clone()), peer.as_str()),
            Write::Hold { slot, version } => (Some(*slot), version.clone(), self.me.as_str()),
            Write::Free { slot, version } => (Some(*slot), Some(version.clone()), ""),
        };
        let group = &self.set.group;
        let name = match slot {
            None => format!("{group}-peer-{}", self.me),
            Some(slot) => format!("{group}-slot-{slot}"),
        };
        let times = Times::default();
        let lasts = if slot.is_some() { times.lease } else { times.peer };
        let label = slot.map(|slot| (SLOT.to_owned(), slot.to_string()));
        let labels = [(GROUP.to_owned(), group.clone())].into_iter().chain(label).collect();
        let weight = format!("{:.3}", self.set.weight);
        KubeLease {
            metadata: ObjectMeta {
                name: Some(name),
                resource_version: version,
                labels: Some(labels),
                annotations: Some([(WEIGHT.to_owned(), weight)].into()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.to_owned()),
                lease_duration_seconds: i32::try_from(lasts.as_secs()).ok(),
                renew_time: Some(MicroTime(self.fleet.clock().now())),
                ..LeaseSpec::default()
            }),
        }
    }
}

/// A local deadline on both clocks.
fn reach(origin: Instant, until: Duration, clock: &Clock) -> Until {
    let left = until.saturating_sub(origin.elapsed());
    let wall = SignedDuration::try_from(left).unwrap_or_default();
    Until::Deadline {
        local: origin + until,
        wall: clock.now().checked_add(wall).unwrap_or(jiff::Timestamp::MAX),
    }
}

/// What matters of a Lease of the group; none for one that is not ours to understand.
fn read(lease: &KubeLease) -> Option<Lease> {
    let label = |key: &str| lease.metadata.labels.as_ref().and_then(|labels| labels.get(key));
    let slot = match label(SLOT) {
        None => None,
        Some(text) => Some(text.parse().ok().filter(|slot| usize::from(*slot) < SLOTS)?),
    };
    let annotations = lease.metadata.annotations.as_ref();
    let weight: Option<f64> = annotations.and_then(|all| all.get(WEIGHT)).and_then(|text| text.parse().ok());
    let weight = weight.filter(|weight| weight.is_finite()).unwrap_or(1.0).clamp(0.001, 1000.0);
    let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone()).unwrap_or_default();
    let version = lease.metadata.resource_version.clone()?;
    Some(Lease { slot, holder, version, weight_milli: (weight * 1000.0) as u32 })
}
