//! A server that delays, forgets, loses answers and goes down: the engine behind faults.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use fga_client::{
    AuthorizationModel, BatchAnswer, BatchCheckRequest, Change, ChangesRequest, CheckAnswer, CheckRequest,
    ErrorCode, ExpandNode, ExpandRequest, InProcess, ListObjectsRequest, ListUsersRequest, ModelId, Page,
    PageRequest, RelationshipError, RelationshipStore, Store, StoreId, StoredModel, StoredTuple, TupleFilter,
    WriteRequest,
};
use fga_engine::{Engine, EngineParts, Explain, Limits};
use fga_model::testing::Dice;
use jiff::Timestamp;
use parking_lot::Mutex;
use runtime::{Clock, Ids};
use tokio::time::Instant;

/// Answers to all questions of the world, a bit each, from an instant on.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub from: Instant,
    pub allowed: u64,
}

/// How often something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    Seldom,
    Often,
    Always,
}

/// The server.
pub struct Server {
    pub trouble: Trouble,
    clock: Clock,
    engine: InProcess,
    pub store: StoreId,
    questions: Vec<CheckRequest>,
    state: Mutex<State>,
}

struct State {
    dice: Dice,
    history: Vec<Moment>,
    /// The moment that the last write over the wire made.
    written_at: usize,
    down_until: Instant,
    /// Counts restarts: what is under way when one happens is lost.
    life: u64,
    calm: bool,
}

/// What becomes of one call.
struct Fate {
    before: Duration,
    after: Duration,
    lost: bool,
}

impl Server {
    /// A server with an empty store.
    pub fn new(
        seed: u64,
        changes_kept: usize,
        trouble: Trouble,
        start: Timestamp,
        questions: Vec<CheckRequest>,
    ) -> Self {
        let limits = Limits { changes_kept, ..Limits::default() };
        let ids = Ids::seeded(seed);
        let clock = Clock::simulated(start);
        let parts = EngineParts { limits, clock: clock.clone(), ids, ..EngineParts::default() };
        let engine = Engine::open(parts).unwrap();
        let store = engine.create_store("followed").unwrap().id;
        let state = State {
            dice: Dice::new(seed ^ 0xfa17),
            history: vec![Moment { from: Instant::now(), allowed: 0 }],
            written_at: 0,
            down_until: Instant::now(),
            life: 0,
            calm: false,
        };
        Self {
            trouble,
            clock,
            engine: InProcess::new(Arc::new(engine)),
            store,
            questions,
            state: Mutex::new(state),
        }
    }

    /// The engine, past all faults.
    pub fn engine(&self) -> &Engine {
        self.engine.engine()
    }

    /// Number of the moment that the last write over the wire made.
    pub fn written_at(&self) -> usize {
        self.state.lock().written_at
    }

    fn written(&self) {
        self.changed();
        let mut state = self.state.lock();
        state.written_at = state.history.len() - 1;
    }

    /// Whether the server gave this answer at some moment from `since` on, and not before moment `first`.
    pub fn answered(&self, question: usize, allowed: bool, since: Instant, first: usize) -> bool {
        let state = self.state.lock();
        let ended = |at: usize| state.history.get(at + 1).map(|next| next.from);
        let mut moments = state.history.iter().enumerate().skip(first);
        moments.any(|(at, moment)| {
            (moment.allowed >> question & 1 == 1) == allowed && ended(at).is_none_or(|end| end >= since)
        })
    }

    /// Something changed: the answers from now on.
    pub fn changed(&self) {
        let mut allowed = 0;
        for (at, question) in self.questions.iter().enumerate() {
            let answer = self.engine().check(&self.store, question);
            allowed |= u64::from(answer.unwrap().is_allowed()) << at;
        }
        self.state.lock().history.push(Moment { from: Instant::now(), allowed });
    }

    /// Down for a while; what is under way is lost.
    pub fn down(&self, time: Duration) {
        let mut state = self.state.lock();
        state.life += 1;
        state.down_until = Instant::now() + time;
    }

    /// No faults from now on.
    pub fn calm(&self) {
        let mut state = self.state.lock();
        (state.calm, state.down_until) = (true, Instant::now());
    }

    fn fate(&self) -> Fate {
        let state = &mut *self.state.lock();
        let dice = &mut state.dice;
        let (slow_in, lost_in) = match self.trouble {
            _ if state.calm => (usize::MAX, usize::MAX),
            Trouble::Seldom => (200, 300),
            Trouble::Often => (40, 60),
            Trouble::Always => (12, 20),
        };
        let mut delay = || match dice.below(slow_in) {
            0 => Duration::from_millis(dice.below(2_500) as u64),
            1..8 => Duration::from_millis(dice.below(200) as u64),
            _ => Duration::from_millis(dice.below(15) as u64),
        };
        let (before, after) = (delay(), delay());
        Fate { before, after, lost: dice.chance(lost_in) }
    }

    /// One call: its request travels, it is carried out at one instant, its answer travels, unless something is lost.
    async fn call<T>(
        &self,
        run: impl AsyncFnOnce(&InProcess) -> Result<T, RelationshipError>,
    ) -> Result<T, RelationshipError> {
        let lost = || RelationshipError::Unreachable { message: "cut".to_owned() };
        let fate = self.fate();
        let life = self.state.lock().life;
        tokio::time::sleep(fate.before).await;
        if self.state.lock().down_until > Instant::now() {
            return Err(lost());
        }
        let result = run(&self.engine).await;
        tokio::time::sleep(fate.after).await;
        if fate.lost || self.state.lock().life != life {
            return Err(lost());
        }
        result
    }
}

#[async_trait]
impl RelationshipStore for Server {
    async fn create_store(&self, name: &str) -> Result<Store, RelationshipError> {
        self.call(async |engine| engine.create_store(name).await).await
    }

    async fn get_store(&self, store: &StoreId) -> Result<Store, RelationshipError> {
        self.call(async |engine| engine.get_store(store).await).await
    }

    async fn list_stores(
        &self,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Store>, RelationshipError> {
        self.call(async |engine| engine.list_stores(name, page).await).await
    }

    async fn update_store(&self, store: &StoreId, name: &str) -> Result<Store, RelationshipError> {
        self.call(async |engine| engine.update_store(store, name).await).await
    }

    async fn delete_store(&self, store: &StoreId) -> Result<(), RelationshipError> {
        self.call(async |engine| engine.delete_store(store).await).await
    }

    async fn write_model(
        &self,
        store: &StoreId,
        model: &AuthorizationModel,
    ) -> Result<ModelId, RelationshipError> {
        let written = async |engine: &InProcess| {
            let id = engine.write_model(store, model).await?;
            self.written();
            Ok(id)
        };
        self.call(written).await
    }

    async fn read_model(
        &self,
        store: &StoreId,
        model: &ModelId,
    ) -> Result<AuthorizationModel, RelationshipError> {
        self.call(async |engine| engine.read_model(store, model).await).await
    }

    async fn list_models(
        &self,
        store: &StoreId,
        page: PageRequest,
    ) -> Result<Page<StoredModel>, RelationshipError> {
        self.call(async |engine| engine.list_models(store, page).await).await
    }

    async fn write(&self, store: &StoreId, request: WriteRequest) -> Result<(), RelationshipError> {
        let written = async |engine: &InProcess| {
            engine.write(store, request).await?;
            self.written();
            Ok(())
        };
        self.call(written).await
    }

    async fn read(
        &self,
        store: &StoreId,
        filter: TupleFilter,
        page: PageRequest,
    ) -> Result<Page<StoredTuple>, RelationshipError> {
        self.call(async |engine| engine.read(store, filter, page).await).await
    }

    async fn read_changes(
        &self,
        store: &StoreId,
        request: ChangesRequest,
    ) -> Result<Page<Change>, RelationshipError> {
        let read = async |engine: &InProcess| {
            // OpenFGA's own words and code.
            if request.start_time.is_some_and(|time| time >= self.clock.now()) {
                let why = "invalid ReadChangesRequest.StartTime: value must be less than now";
                return Err(RelationshipError::refused(ErrorCode::ValidationError, why));
            }
            engine.read_changes(store, request).await
        };
        self.call(read).await
    }

    async fn check(&self, store: &StoreId, request: CheckRequest) -> Result<CheckAnswer, RelationshipError> {
        let request = CheckRequest { explain: Explain::DecisionOnly, ..request };
        self.call(async |engine| engine.check(store, request).await).await
    }

    async fn batch_check(
        &self,
        store: &StoreId,
        request: BatchCheckRequest,
    ) -> Result<Vec<BatchAnswer>, RelationshipError> {
        self.call(async |engine| engine.batch_check(store, request).await).await
    }

    async fn list_objects(
        &self,
        store: &StoreId,
        request: ListObjectsRequest,
    ) -> Result<Vec<String>, RelationshipError> {
        self.call(async |engine| engine.list_objects(store, request).await).await
    }

    async fn list_users(
        &self,
        store: &StoreId,
        request: ListUsersRequest,
    ) -> Result<Vec<String>, RelationshipError> {
        self.call(async |engine| engine.list_users(store, request).await).await
    }

    async fn expand(&self, store: &StoreId, request: ExpandRequest) -> Result<ExpandNode, RelationshipError> {
        self.call(async |engine| engine.expand(store, request).await).await
    }
}
