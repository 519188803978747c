//! From a provider's report to engagements: epochs, moves, diffs of complete reports.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::StreamExt as _;
use runtime::{Backoff as _, End, FullJitter};
use tokio::{sync::Semaphore, time::Instant};

use crate::{
    Cluster, ClusterId, ClusterKey, ClusterSeed, Epoch, Fleet, FleetEvent, Gone, Provider, ProviderName,
    ScopeId, WatchScope, fleet::Scope,
};

/// What one provider reported since its last `Init`.
#[derive(Default)]
struct Report {
    open: bool,
    scopes: HashSet<ScopeId>,
    clusters: HashSet<ClusterId>,
}

impl Fleet {
    pub(super) fn start_provider(&self, provider: Arc<dyn Provider>) {
        let fleet = self.clone();
        let stop = self.stopping().child();
        self.tasks().spawn(format!("provider {}", provider.name()), End::StopProcess, async move {
            stop.or(fleet.follow(provider)).await;
        });
    }

    async fn follow(&self, provider: Arc<dyn Provider>) {
        let name = provider.name();
        let lists = Arc::new(Semaphore::new(self.limits().list_parallelism.max(1)));
        let ids = self.ids().part(&format!("provider/{name}"));
        let mut pause = FullJitter::new(Duration::from_millis(200), Duration::from_secs(30), ids);
        let grace = self.limits().provider_grace;
        let mut silent_since: Option<Instant> = None;
        loop {
            let mut report = Report::default();
            let mut stream = provider.clone().fleet();
            while let Some(event) = stream.next().await {
                match event {
                    Ok(event) => {
                        silent_since = None;
                        pause.reset();
                        self.report(&name, &lists, &mut report, event);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "provider failed");
                        self.0.state.write().degraded.insert((name.clone(), None), error.reason);
                    }
                }
            }
            let since = *silent_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= grace {
                self.end_provider(&name);
            }
            let wait = pause.next_delay().min(grace);
            tracing::warn!(provider = %name, wait_ms = wait.as_millis() as u64, "provider's stream ended, asking again");
            tokio::time::sleep(wait).await;
        }
    }

    fn report(&self, name: &ProviderName, lists: &Arc<Semaphore>, report: &mut Report, event: FleetEvent) {
        match event {
            FleetEvent::Init => *report = Report { open: true, ..Report::default() },
            FleetEvent::ScopeUp(scope) => {
                report.scopes.insert(scope.id.clone());
                self.open_scope(name, lists, scope);
            }
            FleetEvent::ScopeDown(id) => {
                report.scopes.remove(&id);
                self.close_scope(name, &id);
            }
            FleetEvent::Up(seed) | FleetEvent::Changed(seed) => {
                report.clusters.insert(seed.id.clone());
                self.up(name, seed);
            }
            FleetEvent::Down { id, scope, why } => {
                if self.down(name, &id, &scope, why) {
                    report.clusters.remove(&id);
                }
            }
            FleetEvent::InitDone => {
                if std::mem::take(&mut report.open) {
                    self.forget_unreported(name, report);
                }
                let mut state = self.0.state.write();
                state.reported.insert(name.clone());
                state.degraded.remove(&(name.clone(), None));
            }
            FleetEvent::Degraded { scope, reason } => {
                tracing::warn!(provider = %name, reason, "provider degraded");
                self.0.state.write().degraded.insert((name.clone(), scope), reason);
            }
            FleetEvent::Recovered { scope } => {
                self.0.state.write().degraded.remove(&(name.clone(), scope));
            }
        }
    }

    fn open_scope(&self, name: &ProviderName, lists: &Arc<Semaphore>, scope: WatchScope) {
        let at = (name.clone(), scope.id.clone());
        let opened = {
            let mut state = self.0.state.write();
            if state.scopes.contains_key(&at) {
                return;
            }
            let opened = Arc::new(Scope {
                index: self.0.scope_indexes.fetch_add(1, Ordering::Relaxed),
                provider: name.clone(),
                id: scope.id,
                client: scope.client,
                redial: scope.redial,
                demux: scope.demux,
                stop: self.stopping().child(),
                lists: lists.clone(),
                said: parking_lot::Mutex::default(),
            });
            state.scopes.insert(at, opened.clone());
            opened
        };
        tracing::info!(provider = %name, scope = %opened.id, "scope opened");
        let stores: Vec<_> = self.0.stores.lock().values().cloned().collect();
        for store in stores {
            store.open(self, &opened);
        }
    }

    fn close_scope(&self, name: &ProviderName, id: &ScopeId) {
        let closed = {
            let mut state = self.0.state.write();
            state.degraded.remove(&(name.clone(), Some(id.clone())));
            state.scopes.remove(&(name.clone(), id.clone()))
        };
        let Some(scope) = closed else { return };
        scope.stop.stop();
        let here = |cluster: &Cluster| cluster.key().provider == *name && cluster.scope() == scope.index;
        for cluster in self.clusters().into_iter().filter(here) {
            self.disengage(cluster.key(), Gone::ScopeClosed);
        }
        let stores: Vec<_> = self.0.stores.lock().values().cloned().collect();
        for store in stores {
            store.close(scope.index);
        }
        tracing::info!(provider = %name, scope = %id, "scope closed");
    }

    fn up(&self, name: &ProviderName, seed: ClusterSeed) {
        let key = ClusterKey { provider: name.clone(), id: seed.id.clone() };
        let (known, scope) = {
            let state = self.0.state.read();
            let scope = state.scopes.get(&(name.clone(), seed.scope.clone())).map(|scope| scope.index);
            (state.clusters.get(&key).cloned(), scope)
        };
        let Some(scope) = scope else {
            tracing::warn!(cluster = %key, scope = %seed.scope, "cluster reported in a scope that is not open, left out");
            return;
        };
        match known {
            Some(cluster) if cluster.scope() == scope => {
                let before = cluster.aliases();
                let lost: Vec<_> = before.into_iter().filter(|alias| !seed.aliases.contains(alias)).collect();
                let mut state = self.0.state.write();
                state.aliases.release(&key, cluster.epoch(), &lost);
                state.aliases.claim(&key, cluster.epoch(), &seed.aliases);
                drop(state);
                cluster.refresh(seed.aliases, seed.meta);
            }
            Some(_) => {
                self.disengage(&key, Gone::MovedScope);
                self.engage(key, scope, seed);
            }
            None => self.engage(key, scope, seed),
        }
    }

    fn engage(&self, key: ClusterKey, scope: u32, seed: ClusterSeed) {
        let epoch = Epoch(self.0.epochs.fetch_add(1, Ordering::Relaxed));
        let clients = self.0.clients.clone();
        let aliases = seed.aliases.clone();
        let cluster =
            Cluster::engage(key.clone(), epoch, scope, seed.client, clients, seed.aliases, seed.meta);
        // Listeners that join now see the cluster in the snapshot or hear of it, never both.
        let listeners = self.0.listeners.read();
        {
            let mut state = self.0.state.write();
            state.aliases.claim(&key, epoch, &aliases);
            state.clusters.insert(key.clone(), cluster.clone());
        }
        self.metrics().engaged(&key.provider);
        tracing::debug!(cluster = %key, %epoch, "cluster engaged");
        for listener in listeners.values() {
            listener.engaged(&cluster);
        }
    }

    fn down(&self, name: &ProviderName, id: &ClusterId, scope: &ScopeId, why: Gone) -> bool {
        let key = ClusterKey { provider: name.clone(), id: id.clone() };
        let owned = {
            let state = self.0.state.read();
            let scope = state.scopes.get(&(name.clone(), scope.clone())).map(|scope| scope.index);
            state.clusters.get(&key).is_some_and(|cluster| Some(cluster.scope()) == scope)
        };
        if owned {
            self.disengage(&key, why);
        }
        owned
    }

    fn disengage(&self, key: &ClusterKey, why: Gone) {
        let listeners = self.0.listeners.read();
        let cluster = {
            let mut state = self.0.state.write();
            let Some(cluster) = state.clusters.remove(key) else { return };
            state.aliases.release(key, cluster.epoch(), &cluster.aliases());
            state.gone.put(key.clone(), why);
            cluster
        };
        cluster.end(why);
        self.metrics().disengaged(&key.provider, why);
        tracing::debug!(cluster = %key, epoch = %cluster.epoch(), why = why.name(), "cluster disengaged");
        for listener in listeners.values() {
            listener.disengaged(&cluster, why);
        }
    }

    fn forget_unreported(&self, name: &ProviderName, report: &Report) {
        let (scopes, clusters) = {
            let state = self.0.state.read();
            let scopes =
                state.scopes.keys().filter(|(provider, id)| provider == name && !report.scopes.contains(id));
            let clusters = state
                .clusters
                .keys()
                .filter(|key| key.provider == *name && !report.clusters.contains(&key.id));
            (scopes.map(|(_, id)| id.clone()).collect::<Vec<_>>(), clusters.cloned().collect::<Vec<_>>())
        };
        for key in clusters {
            self.disengage(&key, Gone::Removed);
        }
        for id in scopes {
            self.close_scope(name, &id);
        }
    }

    fn end_provider(&self, name: &ProviderName) {
        for cluster in self.clusters().into_iter().filter(|cluster| cluster.key().provider == *name) {
            self.disengage(cluster.key(), Gone::ProviderStopped);
        }
        let scopes: Vec<_> = self.scopes().into_iter().filter(|scope| scope.provider == *name).collect();
        for scope in scopes {
            self.close_scope(name, &scope.id);
        }
    }
}
