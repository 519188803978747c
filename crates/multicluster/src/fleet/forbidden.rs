//! A scope in which every kind is refused: after a while its clusters may be let go, where somebody asked for that.

use std::sync::{Arc, atomic::Ordering};

use runtime::End;
use tokio::time::Instant;

use super::Scope;
use crate::{ClusterSeed, Fleet, Gone};

impl Fleet {
    /// A kind of a scope was refused with 403.
    pub(crate) fn check_forbidden(&self, scope: &Arc<Scope>) {
        let Some(after) = self.limits().forbidden_after else { return };
        if self.forbidden_since(scope).is_none() || scope.forbidden.load(Ordering::Relaxed) {
            return;
        }
        let (fleet, scope) = (self.clone(), scope.clone());
        let stop = scope.stop.clone();
        self.tasks().spawn(format!("forbidden {}", scope.id), End::MayEnd, async move {
            let wait = async {
                while let Some(since) = fleet.forbidden_since(&scope) {
                    if since.elapsed() >= after {
                        return true;
                    }
                    tokio::time::sleep_until(since + after).await;
                }
                false
            };
            if stop.or(wait).await == Some(true) {
                fleet.let_go(&scope);
            }
        });
    }

    /// Something of a scope was answered: its clusters are back.
    pub(crate) fn allow_again(&self, scope: &Arc<Scope>) {
        if !scope.forbidden.swap(false, Ordering::Relaxed) {
            return;
        }
        let words: Vec<ClusterSeed> = {
            let state = self.0.state.read();
            let ours = state.words.iter().filter(|(key, _)| key.provider == scope.provider);
            let absent = ours.filter(|(key, _)| !state.clusters.contains_key(*key));
            absent
                .filter_map(|(_, words)| words.last().filter(|word| word.scope == scope.id).cloned())
                .collect()
        };
        for seed in words {
            self.up(&scope.provider, seed);
        }
    }

    pub(super) fn is_forbidden(&self, scope: u32) -> bool {
        self.scope(scope).is_some_and(|scope| scope.forbidden.load(Ordering::Relaxed))
    }

    /// Since when every kind of a scope is refused; none if one is not.
    fn forbidden_since(&self, scope: &Scope) -> Option<Instant> {
        let stores = self.all_stores();
        let kinds: Vec<_> = stores.iter().filter_map(|store| store.sync_of(scope.index)).collect();
        if kinds.is_empty() || kinds.iter().any(|sync| sync.forbidden_since.is_none()) {
            return None;
        }
        kinds.iter().filter_map(|sync| sync.forbidden_since).max()
    }

    fn let_go(&self, scope: &Scope) {
        if scope.forbidden.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::error!(provider = %scope.provider, scope = %scope.id, "everything is refused, letting its clusters go");
        for cluster in self.clusters().into_iter().filter(|cluster| cluster.scope() == scope.index) {
            self.disengage(cluster.key(), Gone::Forbidden);
        }
    }
}
