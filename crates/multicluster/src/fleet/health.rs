//! The state of a fleet, for readiness and for people.

use std::time::Duration;

use runtime::CheckState;

use super::Fleet;
use crate::{ProviderName, ScopeId};

/// One kind in one scope, as [`Fleet::health`] shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindHealth {
    /// `apiVersion/plural`.
    pub kind: String,
    /// The provider.
    pub provider: ProviderName,
    /// The scope.
    pub scope: ScopeId,
    /// Whether a complete list was read.
    pub synced: bool,
    /// What does not work now; what was read before stays readable and may be stale.
    pub fault: Option<String>,
    /// Complete lists read so far.
    pub lists: u64,
    /// The resource version of the last event or bookmark.
    pub version: Option<String>,
    /// How long ago it came.
    pub silent_for: Option<Duration>,
}

/// The state of a fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Engaged clusters.
    pub clusters: usize,
    /// Providers that did not report completely so far.
    pub waiting_for: Vec<ProviderName>,
    /// What providers say does not work.
    pub degraded: Vec<String>,
    /// Every kind in every scope.
    pub kinds: Vec<KindHealth>,
}

impl Health {
    /// For a readiness check: ready once every provider reported and every kind is synced.
    pub fn check(&self) -> CheckState {
        if let Some(provider) = self.waiting_for.first() {
            return CheckState::Waiting(format!("provider {provider} has not reported its clusters"));
        }
        match self.kinds.iter().find(|kind| !kind.synced) {
            Some(kind) => CheckState::Waiting(format!(
                "{} is not synced in {}: {}",
                kind.kind,
                kind.scope,
                kind.fault.as_deref().unwrap_or("listing")
            )),
            None => CheckState::Ready,
        }
    }
}

impl Fleet {
    /// The state of every provider, scope and kind.
    pub fn health(&self) -> Health {
        let state = self.0.state.read();
        let stores = self.all_stores();
        let mut kinds = Vec::new();
        for scope in state.scopes.values() {
            for store in &stores {
                let Some(sync) = store.sync_of(scope.index) else { continue };
                let last = sync.progress.last();
                kinds.push(KindHealth {
                    kind: store.label().to_string(),
                    provider: scope.provider.clone(),
                    scope: scope.id.clone(),
                    synced: sync.synced,
                    fault: sync.fault,
                    lists: sync.relists,
                    silent_for: last.as_ref().map(|(at, _)| at.elapsed()),
                    version: last.map(|(_, version)| version),
                });
            }
        }
        kinds.sort_by(|a, b| (&a.provider, &a.scope, &a.kind).cmp(&(&b.provider, &b.scope, &b.kind)));
        let names = self.0.providers.iter().map(|provider| provider.name());
        let text = |((provider, scope), reason): (&(ProviderName, Option<ScopeId>), &String)| match scope {
            Some(scope) => format!("{provider} {scope}: {reason}"),
            None => format!("{provider}: {reason}"),
        };
        Health {
            clusters: state.clusters.len(),
            waiting_for: names.filter(|name| !state.reported.contains(name)).collect(),
            degraded: state.degraded.iter().map(text).collect(),
            kinds,
        }
    }
}
