//! What all steps share: stores, waits, metrics.

use std::{sync::Arc, time::Duration};

use account_model::{Step, Target, Write};
use jiff::Timestamp;
use kcp_api::tenancy::v1alpha1::{Workspace, WorkspaceType};
use multicluster::{
    Cluster, ClusterObjectRef, Cx, Fleet, FleetStore, KeyedWaits, ProviderName, StaticThenExponential,
    lifecycle::{Outcome, SubError},
};
use platform_mesh_api::{Account, AccountInfo, names};

use crate::{
    apply::{Applied, apply},
    metrics::AccountMetrics,
    seen::View,
};

/// After a write met somebody else's, look again this soon.
const CONFLICT: Duration = Duration::from_secs(1);

/// A step of one Account that waits.
type WaitKey = (ClusterObjectRef, &'static str);

pub(crate) struct App {
    pub(crate) provider: ProviderName,
    pub(crate) accounts: FleetStore<Account>,
    pub(crate) infos: FleetStore<AccountInfo>,
    pub(crate) workspaces: FleetStore<Workspace>,
    pub(crate) types: FleetStore<WorkspaceType>,
    pub(crate) ca: Arc<str>,
    pub(crate) debug_label: String,
    pub(crate) metrics: AccountMetrics,
    /// Waits for what kcp does; watches usually end them sooner.
    waits: KeyedWaits<WaitKey, StaticThenExponential>,
    /// Waits for a fresh workspace to take writes; looking costs next to nothing, and people wait for it.
    engagements: KeyedWaits<WaitKey, StaticThenExponential>,
}

impl App {
    pub(crate) fn new(
        fleet: &Fleet,
        provider: ProviderName,
        ca: Arc<str>,
        debug_label: String,
        metrics: AccountMetrics,
    ) -> Self {
        let quick = StaticThenExponential {
            fixed: Duration::from_millis(100),
            window: Duration::from_secs(15),
            first: Duration::from_secs(1),
            max: Duration::from_secs(60),
        };
        Self {
            accounts: fleet.store_in(provider.clone()),
            infos: fleet.store_in(provider.clone()),
            workspaces: fleet.store_in(provider.clone()),
            types: fleet.store_in(provider.clone()),
            provider,
            ca,
            debug_label,
            metrics,
            waits: KeyedWaits::new(StaticThenExponential::default()),
            engagements: KeyedWaits::new(quick),
        }
    }

    /// The workspace of organisations, once it is engaged.
    pub(crate) fn orgs(&self, fleet: &Fleet) -> Option<Cluster> {
        fleet.resolve_in(&self.provider, names::ORGS)
    }

    /// Whether this process handles an object with these labels.
    pub(crate) fn handles(&self, labels: Option<&std::collections::BTreeMap<String, String>>) -> bool {
        labels.and_then(|labels| labels.get(names::DEBUG_LABEL)).map_or("", String::as_str)
            == self.debug_label
    }

    /// Does what a step asks for.
    pub(crate) async fn carry_out(
        &self,
        subroutine: &'static str,
        step: Step,
        view: &View,
        cx: &Cx<App>,
    ) -> Result<Outcome, SubError> {
        let key = (cx.object_ref(), subroutine);
        match step {
            Step::Done => Ok(self.done(&key)),
            Step::Wait(why) => Ok(Outcome::stop_for(self.waits.next(key), why)),
            Step::Stop(why) => Ok(Outcome::stop(why)),
            Step::Fail(why) => Err(why.into()),
            Step::Write(writes) => {
                for write in &writes {
                    if let Some(outcome) = self.write(write, view, cx, &key).await? {
                        return Ok(outcome);
                    }
                }
                Ok(self.done(&key))
            }
        }
    }

    /// One write; an outcome ends the step here.
    async fn write(
        &self,
        write: &Write,
        view: &View,
        cx: &Cx<App>,
        key: &WaitKey,
    ) -> Result<Option<Outcome>, SubError> {
        let cluster = match write.target {
            Target::Workspace => Some(cx.cluster().clone()),
            Target::WorkspaceType => view.orgs.clone(),
            Target::AccountInfo => view.inside.clone(),
        };
        let Some(cluster) = cluster else {
            let delay = self.engagements.next(key.clone());
            return Ok(Some(Outcome::stop_for(delay, "workspace cannot be reached yet")));
        };
        let name = &write.name;
        match apply(write, &cluster).await {
            Ok(Applied::Done(operation)) => {
                tracing::info!(cluster = %cluster.key(), object = name, operation, "{:?} written", write.target);
                if write.target == Target::WorkspaceType {
                    let kind = if name.ends_with("-org") { "org" } else { "account" };
                    self.metrics.type_operation(operation, kind);
                }
                Ok(None)
            }
            // What was read is older than what is there; the watch will say so.
            Ok(Applied::Outdated) => {
                Ok(Some(Outcome::stop_for(CONFLICT, format!("{name} has changed meanwhile"))))
            }
            Err(error) if write.target == Target::AccountInfo && error.is_too_early() => {
                let delay = self.engagements.next(key.clone());
                Ok(Some(Outcome::stop_for(
                    delay,
                    format!("workspace does not take AccountInfo yet: {error}"),
                )))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The next wait of a step.
    pub(crate) fn wait(&self, subroutine: &'static str, cx: &Cx<App>) -> Duration {
        self.waits.next((cx.object_ref(), subroutine))
    }

    fn done(&self, key: &WaitKey) -> Outcome {
        self.waits.forget(key);
        self.engagements.forget(key);
        Outcome::ok()
    }

    /// Forgets the waits of an object that is gone.
    pub(crate) fn forget(&self, object: &ClusterObjectRef, subroutines: &[&'static str]) {
        for subroutine in subroutines {
            self.done(&(object.clone(), *subroutine));
        }
    }
}

/// Seconds since an Account was created.
pub(crate) fn age(account: &Account, now: Timestamp) -> Option<f64> {
    let created = account.metadata.creation_timestamp.as_ref()?;
    Some(now.duration_since(created.0).as_secs_f64().max(0.0))
}
