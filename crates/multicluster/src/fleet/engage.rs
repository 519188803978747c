//! From a provider's report to engagements: epochs, moves, diffs of complete reports.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
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
    clusters: HashSet<(ClusterId, ScopeId)>,
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
        // When what is known has to go, unless the provider reports again before.
        let mut ends_at: Option<Instant> = None;
        loop {
            let mut report = Report::default();
            let mut stream = provider.clone().fleet();
            loop {
                let event = tokio::select! {
                    biased;
                    event = stream.next() => event,
                    () = sleep_until(ends_at), if ends_at.is_some() => {
                        ends_at = None;
                        self.end_provider(&name);
                        continue;
                    }
                };
                match event {
                    None => break,
                    Some(Ok(event)) => {
                        ends_at = None;
                        pause.reset();
                        self.report(&name, &lists, &mut report, event);
                    }
                    // One thing that could not be reported; the rest goes on.
                    Some(Err(error)) => {
                        tracing::warn!(%error, "provider failed");
                        self.0.state.write().degraded.insert((name.clone(), None), error.reason);
                    }
                }
            }
            ends_at.get_or_insert_with(|| Instant::now() + self.limits().provider_grace);
            let wait = pause.next_delay();
            tracing::warn!(provider = %name, wait_ms = wait.as_millis() as u64, "provider's stream ended, asking again");
            let again = Instant::now() + wait;
            if ends_at.is_some_and(|at| at <= again) {
                sleep_until(ends_at.take()).await;
                self.end_provider(&name);
            }
            tokio::time::sleep_until(again).await;
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
            FleetEvent::Up(seed) => {
                report.clusters.insert((seed.id.clone(), seed.scope.clone()));
                self.up(name, seed);
            }
            FleetEvent::Changed(seed) => self.changed(name, seed),
            FleetEvent::Down { id, scope, why } => {
                self.withdraw(&ClusterKey { provider: name.clone(), id: id.clone() }, &scope, why);
                report.clusters.remove(&(id, scope));
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
        if self.0.state.read().scopes.contains_key(&(name.clone(), scope.id.clone())) {
            return;
        }
        let opened = self.put_scope(name, lists.clone(), scope);
        tracing::info!(provider = %name, scope = %opened.id, "scope opened");
        let stores = self.all_stores();
        for store in stores {
            store.open(self, &opened);
        }
    }

    /// A scope that no store watches by itself.
    #[cfg(feature = "testing")]
    pub(crate) fn add_scope(&self, name: &ProviderName, scope: WatchScope) -> Arc<Scope> {
        self.put_scope(name, Arc::new(Semaphore::new(1)), scope)
    }

    fn put_scope(&self, name: &ProviderName, lists: Arc<Semaphore>, scope: WatchScope) -> Arc<Scope> {
        let opened = Arc::new(Scope {
            index: self.0.scope_indexes.fetch_add(1, Ordering::Relaxed),
            provider: name.clone(),
            id: scope.id,
            client: scope.client,
            redial: scope.redial,
            demux: scope.demux,
            stop: self.stopping().child(),
            lists,
            said: parking_lot::Mutex::default(),
            forbidden: AtomicBool::new(false),
        });
        let mut state = self.0.state.write();
        state.scopes.insert((name.clone(), opened.id.clone()), opened.clone());
        state.by_index.insert(opened.index, opened.clone());
        opened
    }

    pub(crate) fn close_scope(&self, name: &ProviderName, id: &ScopeId) {
        let (closed, heard) = {
            let mut state = self.0.state.write();
            state.degraded.remove(&(name.clone(), Some(id.clone())));
            let closed = state.scopes.remove(&(name.clone(), id.clone()));
            if let Some(closed) = &closed {
                state.by_index.remove(&closed.index);
            }
            let by_scope = |(key, words): (&ClusterKey, &Vec<ClusterSeed>)| {
                (key.provider == *name && words.iter().any(|word| word.scope == *id)).then(|| key.clone())
            };
            (closed, state.words.iter().filter_map(by_scope).collect::<Vec<_>>())
        };
        let Some(scope) = closed else { return };
        scope.stop.stop();
        for key in heard {
            self.withdraw(&key, id, Gone::ScopeClosed);
        }
        let stores = self.all_stores();
        for store in stores {
            store.close(scope.index);
        }
        tracing::info!(provider = %name, scope = %id, "scope closed");
    }

    /// A scope says that it serves a cluster. The first word of a scope makes it the owner; later ones only refresh.
    pub(crate) fn up(&self, name: &ProviderName, seed: ClusterSeed) {
        let key = ClusterKey { provider: name.clone(), id: seed.id.clone() };
        let (known, scope, first) = {
            let mut state = self.0.state.write();
            let Some(scope) = state.scopes.get(&(name.clone(), seed.scope.clone())).map(|scope| scope.index)
            else {
                tracing::warn!(cluster = %key, scope = %seed.scope, "cluster reported in a scope that is not open, left out");
                return;
            };
            // Nearly every cluster is in one scope for all of its life.
            let words = state.words.entry(key.clone()).or_insert_with(|| Vec::with_capacity(1));
            let first = match words.iter_mut().find(|word| word.scope == seed.scope) {
                Some(word) => {
                    *word = seed.clone();
                    false
                }
                None => {
                    words.push(seed.clone());
                    true
                }
            };
            (state.clusters.get(&key).cloned(), scope, first)
        };
        match known {
            Some(cluster) if cluster.scope() == scope => self.refresh(&cluster, seed),
            Some(_) if first => {
                self.disengage(&key, Gone::MovedScope);
                self.engage(key, scope, seed);
            }
            // A late word of a scope that the cluster moved away from.
            Some(_) => {}
            // Its scope is refused altogether; the word counts once that is over.
            None if self.is_forbidden(scope) => {}
            None => self.engage(key, scope, seed),
        }
    }

    /// Aliases or metadata changed; never a move.
    fn changed(&self, name: &ProviderName, seed: ClusterSeed) {
        let key = ClusterKey { provider: name.clone(), id: seed.id.clone() };
        let known = {
            let state = self.0.state.read();
            state.words.get(&key).is_some_and(|words| words.iter().any(|word| word.scope == seed.scope))
        };
        if known {
            self.up(name, seed);
        }
    }

    fn refresh(&self, cluster: &Cluster, seed: ClusterSeed) {
        let before = cluster.aliases();
        let lost: Vec<_> = before.into_iter().filter(|alias| !seed.aliases.contains(alias)).collect();
        let mut state = self.0.state.write();
        state.aliases.release(cluster.key(), cluster.epoch(), &lost);
        state.aliases.claim(cluster.key(), cluster.epoch(), &seed.aliases);
        drop(state);
        cluster.refresh(seed.aliases, seed.meta);
    }

    /// A scope does not serve a cluster any more. Where another still says it does, that one takes over.
    pub(crate) fn withdraw(&self, key: &ClusterKey, scope: &ScopeId, why: Gone) {
        let (owned, next) = {
            let mut state = self.0.state.write();
            let Some(words) = state.words.get_mut(key) else { return };
            let owned = words.last().is_some_and(|word| word.scope == *scope);
            words.retain(|word| word.scope != *scope);
            let next = words.last().cloned();
            if next.is_none() {
                state.words.remove(key);
            }
            let open = |seed: &ClusterSeed| {
                state.scopes.get(&(key.provider.clone(), seed.scope.clone())).map(|s| s.index)
            };
            let next = next.and_then(|seed| open(&seed).map(|index| (index, seed)));
            (owned, next)
        };
        if !owned {
            return;
        }
        match next {
            None => self.disengage(key, why),
            Some((index, seed)) => {
                self.disengage(key, Gone::MovedScope);
                self.engage(key.clone(), index, seed);
            }
        }
    }

    pub(super) fn engage(&self, key: ClusterKey, scope: u32, seed: ClusterSeed) {
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

    pub(super) fn disengage(&self, key: &ClusterKey, why: Gone) {
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

    /// After a complete report: whatever was not repeated is gone.
    fn forget_unreported(&self, name: &ProviderName, report: &Report) {
        let (scopes, words) = {
            let state = self.0.state.read();
            let scopes =
                state.scopes.keys().filter(|(provider, id)| provider == name && !report.scopes.contains(id));
            let ours = state.words.iter().filter(|(key, _)| key.provider == *name);
            let words =
                ours.flat_map(|(key, words)| words.iter().map(move |word| (key.clone(), word.scope.clone())));
            let old =
                words.filter(|(key, scope)| !report.clusters.contains(&(key.id.clone(), scope.clone())));
            (scopes.map(|(_, id)| id.clone()).collect::<Vec<_>>(), old.collect::<Vec<_>>())
        };
        for (key, scope) in words {
            self.withdraw(&key, &scope, Gone::Removed);
        }
        for id in scopes {
            self.close_scope(name, &id);
        }
    }

    fn end_provider(&self, name: &ProviderName) {
        for cluster in self.clusters().into_iter().filter(|cluster| cluster.key().provider == *name) {
            self.0.state.write().words.remove(cluster.key());
            self.disengage(cluster.key(), Gone::ProviderStopped);
        }
        let scopes: Vec<_> = self.scopes().into_iter().filter(|scope| scope.provider == *name).collect();
        for scope in scopes {
            self.close_scope(name, &scope.id);
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}
