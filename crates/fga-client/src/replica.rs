//! A copy of one remote store in this process: it follows the server's changelog, says how far behind it is, and answers from
//! what it holds as long as that is fresh enough.
//!
//! Two promises. An answer given from the copy was the server's answer at some moment within the stated lag. And a denial
//! by a view that is not fresh is asked of the server before it is given.

mod changelog; // where the server's changelog ends, and what came since
mod follow; // boot, then one step after the other
mod own; // what was written through this client
mod view; // the copy, and as of when it is true

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use fga_engine::{
    BatchAnswer, BatchCheckRequest, BatchItem, Cap, Change, ChangesRequest, CheckAnswer, CheckRequest,
    Consistency, ExpandNode, ExpandRequest, ListObjectsRequest, ListUsersRequest, Page, PageRequest, Store,
    StoredModel, StoredTuple, TupleFilter, WriteRequest,
};
use fga_model::{AuthorizationModel, ModelId, StoreId};
use parking_lot::{Mutex, RwLock};
use runtime::Clock;
use tokio::sync::{Notify, watch};

use self::{own::OwnWrites, view::View};
use crate::{RelationshipError, RelationshipStore};

/// How a replica follows, and how far behind it may answer.
#[derive(Clone, Debug)]
pub struct ReplicaOptions {
    /// Time between two looks at the changelog.
    pub poll_every: Duration,
    /// Time between two looks at the latest model, where nothing else asks for one.
    pub model_every: Duration,
    /// Time after which the whole store is read again, whatever the changelog says.
    pub reread_every: Duration,
    /// Lag up to which the copy answers at all.
    pub lag_max: Duration,
    /// Lag up to which a denial or a list of the copy counts.
    pub denial_lag_max: Duration,
    /// How long an answer waits for what was written through this client, before it is asked of the server.
    pub own_write_wait: Duration,
    /// By how much the server hides the newest part of its changelog (its horizon offset); part of the lag.
    pub horizon: Duration,
    /// Time of day, to find the end of the changelog; it need not agree with the server's.
    pub clock: Clock,
}

impl Default for ReplicaOptions {
    fn default() -> Self {
        Self {
            poll_every: Duration::from_millis(500),
            model_every: Duration::from_secs(1),
            reread_every: Duration::from_secs(600),
            lag_max: Duration::from_secs(2),
            denial_lag_max: Duration::from_millis(1_500),
            own_write_wait: Duration::from_millis(250),
            horizon: Duration::ZERO,
            clock: Clock::system(),
        }
    }
}

/// Who gave an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The copy: it was the server's answer at some moment within this time.
    Copy {
        /// The lag of the copy when it was asked.
        lag: Duration,
    },
    /// The server.
    Server,
}

/// An answer, and who gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sourced<T> {
    /// The answer.
    pub answer: T,
    /// Who gave it.
    pub source: Source,
}

/// How a replica stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaStatus {
    /// How far behind the copy may be; `None` while there is none.
    pub lag: Option<Duration>,
    /// The latest model that the copy knows.
    pub model: Option<ModelId>,
    /// Why the last look at the server failed, if it did.
    pub fault: Option<String>,
    /// How often the whole store was read.
    pub boots: u64,
    /// Answers given from the copy.
    pub answered_here: u64,
    /// Answers asked of the server.
    pub asked_server: u64,
}

/// A copy of one store of a server, behind the trait of relationship stores. Clones share the copy.
///
/// Answers come from the copy or from the server, everything else goes to the server. Calls about other stores go to the
/// server too. Nothing is copied until [`Replica::follow`] runs.
#[derive(Clone)]
pub struct Replica {
    shared: Arc<Shared>,
}

struct Shared {
    remote: Arc<dyn RelationshipStore>,
    store: StoreId,
    options: ReplicaOptions,
    view: RwLock<Option<Arc<View>>>,
    own: Mutex<OwnWrites>,
    /// Something was written here: the follower looks at once.
    nudge: Notify,
    /// Counts the follower's steps.
    steps: watch::Sender<u64>,
    fault: Mutex<Option<String>>,
    boots: AtomicU64,
    answered_here: AtomicU64,
    asked_server: AtomicU64,
}

impl Replica {
    /// A replica of `store`, without a copy until it follows.
    pub fn new(remote: Arc<dyn RelationshipStore>, store: StoreId, options: ReplicaOptions) -> Self {
        let shared = Shared {
            remote,
            store,
            options,
            view: RwLock::default(),
            own: Mutex::default(),
            nudge: Notify::new(),
            steps: watch::Sender::new(0),
            fault: Mutex::default(),
            boots: AtomicU64::new(0),
            answered_here: AtomicU64::new(0),
            asked_server: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The store that is followed.
    pub fn store(&self) -> &StoreId {
        &self.shared.store
    }

    /// How it stands.
    pub fn status(&self) -> ReplicaStatus {
        let shared = &self.shared;
        let view = shared.view();
        ReplicaStatus {
            lag: view.as_ref().map(|view| shared.lag(view)),
            model: view.and_then(|view| view.model()),
            fault: shared.fault.lock().clone(),
            boots: shared.boots.load(Ordering::Relaxed),
            answered_here: shared.answered_here.load(Ordering::Relaxed),
            asked_server: shared.asked_server.load(Ordering::Relaxed),
        }
    }

    /// Waits until the copy is fresh enough to answer from.
    ///
    /// # Cancellation
    /// Dropping the future changes nothing.
    pub async fn ready(&self) {
        let mut steps = self.shared.steps.subscribe();
        while self.shared.fresh(self.shared.options.lag_max).is_none() {
            // The sender lives as long as this replica.
            let _ = steps.changed().await;
        }
    }

    /// Answers one question and says who answered.
    ///
    /// # Errors
    /// The copy cannot answer, and the server gave none either.
    pub async fn ask(&self, request: CheckRequest) -> Result<Sourced<CheckAnswer>, RelationshipError> {
        match self.shared.check(&request).await {
            Local::Answer(answer) => Ok(answer),
            Local::Ask(consistency) => {
                let request = CheckRequest { consistency: consistency.of(request.consistency), ..request };
                let answer = self.shared.server().check(&self.shared.store, request).await?;
                Ok(Sourced { answer, source: Source::Server })
            }
        }
    }

    /// Every tuple of the copy, in no order; `None` while there is no copy.
    pub fn tuples(&self) -> Option<Vec<StoredTuple>> {
        self.shared.view().map(|view| view.tuples())
    }
}

/// What the copy says to a question.
enum Local<T> {
    Answer(Sourced<T>),
    Ask(Ask),
}

/// How the server is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    /// As the caller would.
    AsAsked,
    /// Past the server's caches: to confirm a denial, or to see what was just written.
    Fresh,
}

impl Ask {
    fn of(self, asked: Consistency) -> Consistency {
        match self {
            Ask::AsAsked => asked,
            Ask::Fresh => Consistency::HigherConsistency,
        }
    }
}

impl Shared {
    fn view(&self) -> Option<Arc<View>> {
        self.view.read().clone()
    }

    fn lag(&self, view: &View) -> Duration {
        view.age().saturating_add(self.options.horizon)
    }

    /// The copy with its lag, if it is within a bound.
    fn fresh(&self, lag_max: Duration) -> Option<(Arc<View>, Duration)> {
        let view = self.view()?;
        let lag = self.lag(&view);
        (lag <= lag_max).then_some((view, lag))
    }

    /// The copy, once it has everything that was written through this client before now.
    async fn usable(&self, lag_max: Duration) -> Result<(Arc<View>, Duration), Ask> {
        let written = self.own.lock().last();
        let covered = |view: &View| view.covers() >= written;
        let (view, lag) = self.fresh(lag_max).ok_or(Ask::AsAsked)?;
        if covered(&view) {
            return Ok((view, lag));
        }
        self.nudge.notify_one();
        let mut steps = self.steps.subscribe();
        let wait = async {
            loop {
                if let Some((view, lag)) = self.fresh(lag_max).filter(|(view, _)| covered(view)) {
                    return (view, lag);
                }
                let _ = steps.changed().await;
            }
        };
        tokio::time::timeout(self.options.own_write_wait, wait).await.map_err(|_| Ask::Fresh)
    }

    async fn check(&self, request: &CheckRequest) -> Local<CheckAnswer> {
        let (view, lag) = match self.usable(self.options.lag_max).await {
            Ok(usable) => usable,
            Err(ask) => return Local::Ask(ask),
        };
        match view.engine().check(view.store(), request) {
            Ok(answer) if answer.is_allowed() || lag <= self.options.denial_lag_max => {
                self.answered_here.fetch_add(1, Ordering::Relaxed);
                Local::Answer(Sourced { answer, source: Source::Copy { lag } })
            }
            Ok(_) => Local::Ask(Ask::Fresh),
            // What the copy cannot answer, a model it does not know among them, is the server's to refuse.
            Err(_) => Local::Ask(Ask::AsAsked),
        }
    }

    fn server(&self) -> &dyn RelationshipStore {
        self.asked_server.fetch_add(1, Ordering::Relaxed);
        self.remote.as_ref()
    }

    /// A list from the copy; what it cannot list is asked of the server.
    async fn list<T>(
        &self,
        list: impl FnOnce(&View) -> Result<T, fga_engine::EngineError>,
    ) -> Result<T, Ask> {
        let (view, _) = self.usable(self.options.denial_lag_max).await?;
        let listed = list(&view).map_err(|_| Ask::AsAsked)?;
        self.answered_here.fetch_add(1, Ordering::Relaxed);
        Ok(listed)
    }

    fn is_ours(&self, store: &StoreId) -> bool {
        *store == self.store
    }
}

#[async_trait]
impl RelationshipStore for Replica {
    async fn create_store(&self, name: &str) -> Result<Store, RelationshipError> {
        self.shared.remote.create_store(name).await
    }

    async fn get_store(&self, store: &StoreId) -> Result<Store, RelationshipError> {
        self.shared.remote.get_store(store).await
    }

    async fn list_stores(
        &self,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Store>, RelationshipError> {
        self.shared.remote.list_stores(name, page).await
    }

    async fn update_store(&self, store: &StoreId, name: &str) -> Result<Store, RelationshipError> {
        self.shared.remote.update_store(store, name).await
    }

    async fn delete_store(&self, store: &StoreId) -> Result<(), RelationshipError> {
        if self.shared.is_ours(store) {
            // Nobody is answered from a store that goes.
            *self.shared.view.write() = None;
        }
        self.shared.remote.delete_store(store).await
    }

    async fn write_model(
        &self,
        store: &StoreId,
        model: &AuthorizationModel,
    ) -> Result<ModelId, RelationshipError> {
        let id = self.shared.remote.write_model(store, model).await?;
        if self.shared.is_ours(store) {
            self.shared.own.lock().wrote_model();
            self.shared.nudge.notify_one();
        }
        Ok(id)
    }

    async fn read_model(
        &self,
        store: &StoreId,
        model: &ModelId,
    ) -> Result<AuthorizationModel, RelationshipError> {
        self.shared.remote.read_model(store, model).await
    }

    async fn list_models(
        &self,
        store: &StoreId,
        page: PageRequest,
    ) -> Result<Page<StoredModel>, RelationshipError> {
        self.shared.remote.list_models(store, page).await
    }

    async fn write(&self, store: &StoreId, request: WriteRequest) -> Result<(), RelationshipError> {
        if !self.shared.is_ours(store) {
            return self.shared.remote.write(store, request).await;
        }
        let ticket = self.shared.own.lock().begin(&request);
        let written = self.shared.remote.write(store, request).await;
        self.shared.own.lock().end(ticket, written.is_ok());
        if written.is_ok() {
            self.shared.nudge.notify_one();
        }
        written
    }

    async fn read(
        &self,
        store: &StoreId,
        filter: TupleFilter,
        page: PageRequest,
    ) -> Result<Page<StoredTuple>, RelationshipError> {
        self.shared.remote.read(store, filter, page).await
    }

    async fn read_changes(
        &self,
        store: &StoreId,
        request: ChangesRequest,
    ) -> Result<Page<Change>, RelationshipError> {
        self.shared.remote.read_changes(store, request).await
    }

    async fn check(&self, store: &StoreId, request: CheckRequest) -> Result<CheckAnswer, RelationshipError> {
        if !self.shared.is_ours(store) {
            return self.shared.remote.check(store, request).await;
        }
        Ok(self.ask(request).await?.answer)
    }

    async fn batch_check(
        &self,
        store: &StoreId,
        request: BatchCheckRequest,
    ) -> Result<Vec<BatchAnswer>, RelationshipError> {
        if !self.shared.is_ours(store) {
            return self.shared.remote.batch_check(store, request).await;
        }
        let BatchCheckRequest { checks, model, consistency } = request;
        let mut answers = Vec::with_capacity(checks.len());
        let mut open: Vec<BatchItem> = Vec::new();
        let mut ask = Ask::AsAsked;
        for item in checks {
            let check = CheckRequest { model: model.clone(), consistency, ..item.check.clone() };
            match self.shared.check(&check).await {
                Local::Answer(found) => {
                    let correlation = item.correlation;
                    answers.push(Some(BatchAnswer { correlation, answer: Ok(found.answer) }));
                }
                Local::Ask(how) => {
                    if how == Ask::Fresh {
                        ask = how;
                    }
                    open.push(item);
                    answers.push(None);
                }
            }
        }
        // The server says what is wrong with a batch that has no question, too.
        if !open.is_empty() || answers.is_empty() {
            let request = BatchCheckRequest { checks: open, model, consistency: ask.of(consistency) };
            let mut asked = self.shared.server().batch_check(store, request).await?.into_iter();
            answers.iter_mut().filter(|answer| answer.is_none()).for_each(|open| *open = asked.next());
        }
        Ok(answers.into_iter().flatten().collect())
    }

    async fn list_objects(
        &self,
        store: &StoreId,
        request: ListObjectsRequest,
    ) -> Result<Vec<String>, RelationshipError> {
        if !self.shared.is_ours(store) {
            return self.shared.remote.list_objects(store, request).await;
        }
        let listed =
            self.shared.list(|view| view.engine().list_objects(view.store(), &request, Cap::Limited));
        match listed.await {
            Ok(listed) => Ok(listed),
            Err(ask) => {
                let request = ListObjectsRequest { consistency: ask.of(request.consistency), ..request };
                self.shared.server().list_objects(store, request).await
            }
        }
    }

    async fn list_users(
        &self,
        store: &StoreId,
        request: ListUsersRequest,
    ) -> Result<Vec<String>, RelationshipError> {
        if !self.shared.is_ours(store) {
            return self.shared.remote.list_users(store, request).await;
        }
        match self.shared.list(|view| view.engine().list_users(view.store(), &request)).await {
            Ok(listed) => Ok(listed),
            Err(ask) => {
                let request = ListUsersRequest { consistency: ask.of(request.consistency), ..request };
                self.shared.server().list_users(store, request).await
            }
        }
    }

    async fn expand(&self, store: &StoreId, request: ExpandRequest) -> Result<ExpandNode, RelationshipError> {
        if !self.shared.is_ours(store) {
            return self.shared.remote.expand(store, request).await;
        }
        match self.shared.list(|view| view.engine().expand(view.store(), &request)).await {
            Ok(tree) => Ok(tree),
            Err(ask) => {
                let request = ExpandRequest { consistency: ask.of(request.consistency), ..request };
                self.shared.server().expand(store, request).await
            }
        }
    }
}
