//! Leader election: one of several processes works, the one that holds a Lease.
//!
//! The deadline is measured on the local monotonic clock from before the renewal request was sent, so the holder stops working before anybody
//! else may take the Lease, whatever the wall clocks say.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use runtime::{Clock, Ids, Stop};
use tokio::time::Instant;

/// Why leadership ended.
#[derive(Debug, thiserror::Error)]
pub enum ElectionError {
    /// The Lease could not be renewed in time, or somebody else holds it.
    #[error("leadership of lease `{namespace}/{name}` was lost")]
    Lost {
        /// Namespace of the Lease.
        namespace: String,
        /// Name of the Lease.
        name: String,
    },
}

/// A candidate for a Lease. The client is always given explicitly: Leases rarely live where the reconciled objects do.
#[derive(Clone)]
pub struct Election {
    api: Api<Lease>,
    namespace: String,
    name: String,
    identity: String,
    duration: Duration,
    renew_deadline: Duration,
    retry: Duration,
    clock: Clock,
    ids: Ids,
}

/// What was last seen of another holder, and when by the local clock.
struct Seen {
    holder: Option<String>,
    renewed: Option<Timestamp>,
    transitions: Option<i32>,
    at: Instant,
}

impl Election {
    /// A candidate with controller-runtime's times: the Lease lasts 15 s, is renewed every 2 s, and given up after 10 s without success.
    pub fn new(client: Client, namespace: &str, name: &str, clock: Clock, ids: Ids) -> Self {
        Election {
            api: Api::namespaced(client, namespace),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            identity: format!("{}_{}", hostname(), ids.uid()),
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
            clock,
            ids,
        }
    }

    /// The name under which this process holds the Lease.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Waits for leadership, then runs `work` with a stop that is given when leadership or the process ends; releases the Lease last.
    ///
    /// # Errors
    /// Leadership was lost before `work` ended by itself.
    ///
    /// # Cancellation
    /// Dropping the future keeps the Lease until it expires.
    pub async fn lead<F, Fut, T>(&self, stop: Stop, work: F) -> Result<Option<T>, ElectionError>
    where
        F: FnOnce(Stop) -> Fut,
        Fut: Future<Output = T>,
    {
        let Some(since) = stop.or(self.acquire()).await else { return Ok(None) };
        tracing::info!(lease = self.name, identity = self.identity, "leading");
        let leading = stop.child();
        let work = work(leading.clone());
        tokio::pin!(work);
        tokio::select! {
            biased;
            done = &mut work => {
                self.release().await;
                Ok(Some(done))
            }
            () = self.hold(since) => {
                leading.stop();
                // The work has until the Lease itself expires.
                let _ = tokio::time::timeout(self.duration - self.renew_deadline, work).await;
                Err(ElectionError::Lost { namespace: self.namespace.clone(), name: self.name.clone() })
            }
        }
    }

    /// Tries until the Lease is ours; when the successful request was sent.
    async fn acquire(&self) -> Instant {
        let mut seen: Option<Seen> = None;
        loop {
            let sent = Instant::now();
            match tokio::time::timeout(self.renew_deadline, self.try_take(&mut seen)).await {
                Ok(Ok(true)) => return sent,
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::warn!(lease = self.name, %error, "lease cannot be taken"),
                Err(_) => tracing::warn!(lease = self.name, "lease request got no answer"),
            }
            // Candidates must not ask in step.
            tokio::time::sleep(self.retry.mul_f64(1.0 + 0.2 * self.ids.fraction())).await;
        }
    }

    /// Renews until that fails for too long.
    async fn hold(&self, since: Instant) {
        let mut deadline = since + self.renew_deadline;
        loop {
            tokio::time::sleep(self.retry).await;
            let sent = Instant::now();
            let left = deadline.saturating_duration_since(sent);
            match tokio::time::timeout(left, self.renew()).await {
                Ok(Ok(true)) => deadline = sent + self.renew_deadline,
                Ok(Ok(false)) => return,
                Ok(Err(error)) => tracing::warn!(lease = self.name, %error, "lease cannot be renewed"),
                Err(_) => return,
            }
            if Instant::now() >= deadline {
                return;
            }
        }
    }

    async fn try_take(&self, seen: &mut Option<Seen>) -> Result<bool, kube::Error> {
        let Some(mut lease) = self.api.get_opt(&self.name).await? else {
            let lease = Lease {
                metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
                spec: Some(self.spec(None)),
            };
            return done(self.api.create(&PostParams::default(), &lease).await);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.clone().filter(|holder| !holder.is_empty());
        let renewed = spec.renew_time.as_ref().map(|time| time.0);
        let changed = seen.as_ref().is_none_or(|seen| {
            seen.holder != holder || seen.renewed != renewed || seen.transitions != spec.lease_transitions
        });
        if changed {
            *seen = Some(Seen {
                holder: holder.clone(),
                renewed,
                transitions: spec.lease_transitions,
                at: Instant::now(),
            });
        }
        let lasts =
            Duration::from_secs(spec.lease_duration_seconds.unwrap_or(15).max(1).unsigned_abs().into());
        let expired = seen.as_ref().is_some_and(|seen| seen.at.elapsed() >= lasts);
        if holder.is_some() && holder.as_deref() != Some(&self.identity) && !expired {
            return Ok(false);
        }
        lease.spec = Some(self.spec(Some(&spec)));
        done(self.api.replace(&self.name, &PostParams::default(), &lease).await)
    }

    async fn renew(&self) -> Result<bool, kube::Error> {
        let mut lease = self.api.get(&self.name).await?;
        let spec = lease.spec.clone().unwrap_or_default();
        if spec.holder_identity.as_deref() != Some(&self.identity) {
            return Ok(false);
        }
        lease.spec = Some(LeaseSpec { renew_time: Some(MicroTime(self.clock.now())), ..spec });
        self.api.replace(&self.name, &PostParams::default(), &lease).await?;
        Ok(true)
    }

    async fn release(&self) {
        let freed = async {
            let mut lease = self.api.get(&self.name).await?;
            let spec = lease.spec.clone().unwrap_or_default();
            if spec.holder_identity.as_deref() == Some(&self.identity) {
                lease.spec = Some(LeaseSpec {
                    holder_identity: Some(String::new()),
                    lease_duration_seconds: Some(1),
                    ..spec
                });
                self.api.replace(&self.name, &PostParams::default(), &lease).await?;
            }
            Ok::<_, kube::Error>(())
        };
        if let Ok(Err(error)) = tokio::time::timeout(Duration::from_secs(2), freed).await {
            tracing::debug!(lease = self.name, %error, "lease was not released, it expires by itself");
        }
    }

    fn spec(&self, before: Option<&LeaseSpec>) -> LeaseSpec {
        let now = MicroTime(self.clock.now());
        let transitions =
            before.and_then(|spec| spec.lease_transitions).map_or(0, |count| count.saturating_add(1));
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(self.duration.as_secs() as i32),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..before.cloned().unwrap_or_default()
        }
    }
}

/// Somebody else was faster: not an error.
fn done<T>(result: Result<T, kube::Error>) -> Result<bool, kube::Error> {
    match result {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}

fn hostname() -> String {
    let host = std::env::var("HOSTNAME").ok().filter(|host| !host.is_empty());
    host.unwrap_or_else(|| format!("process-{}", std::process::id()))
}
