//! The loop over LogicalClusters: what is derived follows what callers wrote, and content is deleted before the end.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use apiserver::{
    ApiError, Partition, Scope,
    store::{ObjectKey, Range},
};
use kcp_api::{Condition, Severity};
use runtime::Tasks;

use super::{DELETION_FINALIZER, get, modify, prefix};
use crate::{
    core::{Core, WeakCore},
    reconcile::{self, Next, Source},
    records,
    workspaces::{Remaining, delete_content},
};

/// Content that nobody changes is looked at again after this time.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Starts the loop.
pub(crate) fn start(core: &Arc<Core>, tasks: &Tasks) {
    let (weak, store) = (Arc::downgrade(core), core.store().clone());
    tasks.spawn_graceful("logical clusters", runtime::End::StopProcess, move |stop| {
        let reconcile: reconcile::Reconcile = Arc::new(move |key: ObjectKey| {
            let weak = weak.clone();
            Box::pin(async move { reconcile_cluster(&weak, key.partition()).await })
        });
        reconcile::run(store, "logical clusters", vec![Source::itself(prefix())], reconcile, stop)
    });
}

async fn reconcile_cluster(weak: &WeakCore, cluster: &Partition) -> Result<Next, ApiError> {
    let core = crate::core::upgrade(weak)?;
    let Some(object) = modify(&core, cluster, |_| Ok(()))? else { return Ok(Next::Wait) };
    if object["metadata"]["deletionTimestamp"].is_null()
        || !records::strings(&object["status"]["terminators"]).is_empty()
    {
        return Ok(Next::Wait);
    }
    end(core, cluster).await
}

/// Deletes the content; the logical cluster goes when nothing is left.
async fn end(core: Arc<Core>, cluster: &Partition) -> Result<Next, ApiError> {
    core.feeds.catch_up();
    let remaining = delete_content(&core, cluster).await?;
    if !remaining.is_empty() {
        let condition = remaining_condition(&remaining);
        modify(&core, cluster, |object| {
            records::set_conditions(object, [condition.clone()], core.clock.now());
            Ok(())
        })?;
        // Whatever goes next wakes this up at once; the time bound covers what no watch sees.
        let mut watchers: Vec<_> = remaining
            .prefixes
            .iter()
            .filter_map(|prefix| {
                let range = Range::scope(Scope::One(cluster.clone()));
                core.store().watch(prefix, range, Some(remaining.revision)).ok()
            })
            .collect();
        drop(core);
        let any = watchers.iter_mut().map(|watcher| Box::pin(watcher.next()));
        if any.len() > 0 {
            let _ = tokio::time::timeout(LOOK_AGAIN, futures::future::select_all(any)).await;
        }
        return Ok(Next::After(Duration::from_millis(1)));
    }
    modify(&core, cluster, |object| {
        records::remove_finalizer(object, DELETION_FINALIZER);
        Ok(())
    })?;
    if get(&core, cluster).is_none() {
        core.store().end_watches(cluster);
        core.feeds.catch_up();
    }
    Ok(Next::Wait)
}

fn remaining_condition(remaining: &Remaining) -> Condition {
    let list = |counts: &BTreeMap<String, usize>, what: &str| {
        counts
            .iter()
            .map(|(name, count)| format!("{name} {what} {count} resource instances"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    if remaining.finalizers.is_empty() {
        let message = format!("Some resources are remaining: {}", list(&remaining.resources, "has"));
        Condition::is_false("WorkspaceContentDeleted", "SomeResourcesRemain", Severity::Info, message)
    } else {
        let message = format!(
            "Some resources are remaining: {}; some content in the logical cluster has finalizers remaining: {}",
            list(&remaining.resources, "has"),
            list(&remaining.finalizers, "in"),
        );
        Condition::is_false("WorkspaceContentDeleted", "SomeFinalizersRemain", Severity::Info, message)
    }
}
