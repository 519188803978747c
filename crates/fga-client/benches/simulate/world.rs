//! One schedule: clients write to a server and ask a replica of it, while calls are delayed, lost and reordered, the server goes
//! down, forgets its changelog and gets other models, and the replica itself starts again.
//!
//! Whatever the copy answers, the server must have answered so at some moment within the lag that the answer states, and not
//! before what was written through the replica; and once all is quiet the copy equals the server.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fga_client::{
    AuthorizationModel, CheckRequest, PageRequest, RelationshipStore, Replica, ReplicaOptions, Source,
    TupleFilter, TupleKey, WriteRequest,
};
use fga_engine::Explain;
use fga_model::{parse_model, testing::Dice};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use runtime::{Clock, Stop};
use tokio::time::{Instant, sleep};

use super::server::{Server, Trouble};

/// How long clients write and ask.
const BUSY: Duration = Duration::from_secs(4);
/// How long it may take until the copy has what the server has, once nothing fails any more.
const QUIET: Duration = Duration::from_secs(25);

/// What a schedule came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// Answers given from the copy.
    pub here: u64,
    /// Answers asked of the server.
    pub asked: u64,
    /// Questions without an answer.
    pub failed: u64,
    /// Times the whole store was read.
    pub boots: u64,
    /// Digest of everything that happened.
    pub digest: u64,
}

/// Runs the schedule of a seed.
pub fn run(seed: u64) -> Result<Ran, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async { World::new(seed).run().await })
}

/// Runs schedules on two threads; their sum, and the findings by seed.
pub fn run_all(seeds: Range<u64>, findings_max: usize) -> (Ran, BTreeMap<u64, String>) {
    let next = AtomicU64::new(seeds.start);
    let results = Mutex::new((Ran::default(), BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || results.lock().1.len() >= findings_max {
                        return;
                    }
                    let caught = std::panic::catch_unwind(|| run(seed));
                    let ran = caught.unwrap_or_else(|_| Err("a panic, shown above".to_owned()));
                    let (sum, findings) = &mut *results.lock();
                    match ran {
                        Ok(ran) => sum.add(&ran),
                        Err(why) => drop(findings.insert(seed, why)),
                    }
                }
            });
        }
    });
    results.into_inner()
}

impl Ran {
    fn add(&mut self, other: &Ran) {
        self.here += other.here;
        self.asked += other.asked;
        self.failed += other.failed;
        self.boots += other.boots;
        self.digest ^= other.digest;
    }
}

const HEAD: &str = "
model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type doc
  relations
    define parent: [doc]
    define blocked: [user, group#member]
    define approved: [user]
";
const MODELS: [&str; 3] = [
    "    define viewer: [user, group#member] or viewer from parent\n    define can_view: viewer but not blocked\n",
    "    define viewer: [user, group#member]\n    define can_view: viewer and approved\n",
    "    define viewer: [group#member] or approved\n    define can_view: viewer but not blocked\n",
];

/// The models, parsed once.
static PARSED: LazyLock<[AuthorizationModel; 3]> =
    LazyLock::new(|| MODELS.map(|relations| parse_model(&format!("{HEAD}{relations}")).unwrap()));

fn model(number: usize) -> &'static AuthorizationModel {
    &PARSED[number]
}

/// Tuples that one of the models takes.
fn tuples() -> Vec<TupleKey> {
    let mut tuples = Vec::new();
    let mut add = |object: &str, relation: &str, users: &[&str]| {
        tuples.extend(users.iter().map(|user| TupleKey::new(object, relation, *user)));
    };
    add("group:1", "member", &["user:a", "user:b", "group:2#member"]);
    add("group:2", "member", &["user:a", "group:1#member"]);
    for doc in ["doc:1", "doc:2"] {
        add(doc, "viewer", &["user:a", "user:b", "group:1#member"]);
        add(doc, "blocked", &["user:a", "group:2#member"]);
        add(doc, "approved", &["user:a", "user:b"]);
    }
    add("doc:2", "parent", &["doc:1"]);
    tuples
}

fn questions() -> Vec<CheckRequest> {
    let mut questions = Vec::new();
    for object in ["doc:1", "doc:2"] {
        for relation in ["viewer", "can_view"] {
            for user in ["user:a", "user:b"] {
                let question = CheckRequest::new(object, relation, user);
                questions.push(CheckRequest { explain: Explain::DecisionOnly, ..question });
            }
        }
    }
    questions
}

struct World {
    server: Arc<Server>,
    questions: Vec<CheckRequest>,
    tuples: Vec<TupleKey>,
    options: ReplicaOptions,
    replica: RefCell<Replica>,
    /// The server's moment at which the last write through this replica stood.
    own: Cell<usize>,
    /// Counts replicas.
    life: Cell<u64>,
    begun: Instant,
    seed: u64,
    found: RefCell<Option<String>>,
    ran: Cell<Ran>,
}

impl World {
    fn new(seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        let start = Timestamp::from_second(1_700_000_000).unwrap();
        // Some servers forget their changelog early, some clients have a wrong clock.
        let kept = *dice.pick(&[6, 20, 60, 100_000]);
        let trouble = *dice.pick(&[Trouble::Seldom, Trouble::Often, Trouble::Always]);
        let skew = SignedDuration::from_secs(*dice.pick(&[0, 0, -7, 95, 864_000, -864_000]));
        let server = Arc::new(Server::new(seed, kept, trouble, start, questions()));
        let clock = Clock::simulated(start.checked_add(skew).unwrap());
        let mut options = ReplicaOptions { clock, ..ReplicaOptions::default() };
        if dice.chance(4) {
            options.reread_every = Duration::from_secs(4);
        }
        if dice.chance(4) {
            options.model_every = Duration::from_millis(200);
        }
        let replica = Replica::new(server.clone(), server.store.clone(), options.clone());
        Self {
            questions: questions(),
            tuples: tuples(),
            replica: RefCell::new(replica),
            own: Cell::new(0),
            life: Cell::new(0),
            begun: Instant::now(),
            found: RefCell::default(),
            ran: Cell::default(),
            options,
            server,
            seed,
        }
    }

    async fn run(self) -> Result<Ran, String> {
        let dice = &mut self.dice(1);
        self.server.engine().write_model(&self.server.store, model(dice.below(3))).unwrap();
        let writes = dice.below(4);
        self.write_aside(dice, writes, 5);
        tokio::select! {
            biased;
            () = self.following() => unreachable!("the replica follows on"),
            () = async {
                tokio::join!(
                    self.asking(2), self.asking(3), self.asking(4),
                    self.writing_aside(), self.writing_through(), self.troubling(),
                );
                self.settling().await;
            } => {}
        }
        self.count();
        match self.found.into_inner() {
            Some(found) => Err(found),
            None => Ok(self.ran.get()),
        }
    }

    fn dice(&self, of: u64) -> Dice {
        Dice::new(self.seed.wrapping_mul(31).wrapping_add(of))
    }

    fn is_over(&self) -> bool {
        self.begun.elapsed() >= BUSY || self.found.borrow().is_some()
    }

    async fn pause(&self, dice: &mut Dice, most: usize) {
        let end = BUSY.saturating_sub(self.begun.elapsed()) + Duration::from_millis(1);
        sleep(Duration::from_millis(dice.below(most) as u64).min(end)).await;
    }

    /// Follows with one replica after the other.
    async fn following(&self) {
        let mut dice = self.dice(5);
        loop {
            let replica = self.replica.borrow().clone();
            let restart = async {
                match dice.chance(3) {
                    true => self.pause(&mut dice, 14_000).await,
                    false => std::future::pending().await,
                }
                self.begun.elapsed() < BUSY
            };
            tokio::select! {
                biased;
                () = replica.follow(Stop::new()) => {}
                again = restart => if again {
                    self.count();
                    let (server, options) = (self.server.clone(), self.options.clone());
                    let store = server.store.clone();
                    *self.replica.borrow_mut() = Replica::new(server, store, options);
                    self.own.set(0);
                    self.life.set(self.life.get() + 1);
                } else {
                    // Nothing starts again once all is quiet.
                    replica.follow(Stop::new()).await;
                }
            }
        }
    }

    fn count(&self) {
        let status = self.replica.borrow().status();
        let mut ran = self.ran.get();
        ran.boots += status.boots;
        ran.here += status.answered_here;
        ran.asked += status.asked_server;
        self.ran.set(ran);
    }

    fn note(&self, what: u64) {
        let mut ran = self.ran.get();
        let at = self.begun.elapsed().as_micros() as u64;
        ran.digest = (ran.digest ^ what ^ at << 8).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17);
        self.ran.set(ran);
    }

    fn find(&self, what: String) {
        self.found.borrow_mut().get_or_insert(format!("after {:?}: {what}", self.begun.elapsed()));
    }

    async fn asking(&self, of: u64) {
        let mut dice = self.dice(of);
        while !self.is_over() {
            self.pause(&mut dice, 400).await;
            let number = dice.below(self.questions.len());
            self.ask(number).await;
        }
    }

    async fn ask(&self, number: usize) {
        let replica = self.replica.borrow().clone();
        let (asked, own) = (Instant::now(), self.own.get());
        let answer = replica.ask(self.questions[number].clone()).await;
        let Ok(answer) = answer else {
            let mut ran = self.ran.get();
            ran.failed += 1;
            self.ran.set(ran);
            return self.note(2);
        };
        let allowed = answer.answer.is_allowed();
        let (since, by) = match answer.source {
            Source::Copy { lag } => (Instant::now() - lag.min(self.begun.elapsed()), "the copy"),
            Source::Server => (asked, "the server"),
        };
        self.note(u64::from(allowed) | u64::from(answer.source == Source::Server) << 1);
        if !self.server.answered(number, allowed, since, own) {
            let question = &self.questions[number];
            self.find(format!(
                "{by} answered {allowed} to {}#{}@{}, stated {:?}; the server did not since {:?}",
                question.object,
                question.relation,
                question.user,
                answer.source,
                since - self.begun,
            ));
        }
    }

    /// A write that turns some tuples around, all of which the latest model takes.
    fn turn(&self, dice: &mut Dice, most: usize) -> WriteRequest {
        let mut request = WriteRequest::default();
        let latest =
            self.server.engine().list_models(&self.server.store, &PageRequest::default().sized(1)).unwrap();
        let latest = &latest.items[0].model;
        for _ in 0..1 + dice.below(most) {
            let key = dice.pick(&self.tuples).clone();
            let listed = request.writes.iter().chain(&request.deletes).any(|k| k.same_key(&key));
            if listed {
                continue;
            }
            let page = PageRequest::default();
            let stored =
                self.server.engine().read(&self.server.store, &TupleFilter::key(&key), &page).unwrap();
            let of_group = key.user.contains('#');
            let takes = latest.relation(key.object.split(':').next().unwrap(), &key.relation);
            let takes =
                takes.is_some_and(|r| r.restrictions.iter().any(|r| r.relation.is_some() == of_group));
            if !stored.items.is_empty() {
                request.deletes.push(key);
            } else if takes {
                request.writes.push(key);
            }
        }
        request.idempotent()
    }

    /// Some writes at one instant: nobody sees what is between them.
    fn write_aside(&self, dice: &mut Dice, writes: usize, most: usize) {
        for _ in 0..writes {
            let request = self.turn(dice, most);
            if !request.writes.is_empty() || !request.deletes.is_empty() {
                self.server.engine().write(&self.server.store, &request).unwrap();
            }
        }
        self.server.changed();
    }

    /// Somebody else writes tuples and models.
    async fn writing_aside(&self) {
        let mut dice = self.dice(6);
        while !self.is_over() {
            self.pause(&mut dice, 1_200).await;
            match dice.below(20) {
                0 => {
                    let writes = 10 + dice.below(20);
                    self.write_aside(&mut dice, writes, 3);
                }
                1 => {
                    self.server.engine().write_model(&self.server.store, model(dice.below(3))).unwrap();
                    self.server.changed();
                }
                _ => self.write_aside(&mut dice, 1, 4),
            }
        }
    }

    /// Writes through the replica: whoever asks it afterwards sees them.
    async fn writing_through(&self) {
        let mut dice = self.dice(7);
        while !self.is_over() {
            self.pause(&mut dice, 3_000).await;
            let (replica, life) = (self.replica.borrow().clone(), self.life.get());
            let store = &self.server.store;
            let written = match dice.below(8) {
                0 => replica.write_model(store, model(dice.below(3))).await.is_ok(),
                _ => {
                    let request = self.turn(&mut dice, 3);
                    !(request.writes.is_empty() && request.deletes.is_empty())
                        && replica.write(store, request).await.is_ok()
                }
            };
            // Another replica does not know of it.
            if written && self.life.get() == life {
                self.own.set(self.server.written_at());
            }
        }
    }

    /// Outages.
    async fn troubling(&self) {
        let mut dice = self.dice(8);
        while !self.is_over() {
            let most = match self.server.trouble {
                Trouble::Seldom => 24_000,
                Trouble::Often => 10_000,
                Trouble::Always => 4_000,
            };
            self.pause(&mut dice, most).await;
            if self.is_over() {
                return;
            }
            let time = *dice.pick(&[0, 30, 400, 1_500, 4_000]);
            self.server.down(Duration::from_millis(time));
        }
    }

    /// All is quiet: the copy comes to what the server has.
    async fn settling(&self) {
        self.server.calm();
        if self.found.borrow().is_some() {
            return;
        }
        let quiet = Instant::now();
        while let Some(what) = self.unlike() {
            if quiet.elapsed() > QUIET {
                return self.find(format!("after the quiet {what}"));
            }
            sleep(Duration::from_millis(250)).await;
        }
        for number in 0..self.questions.len() {
            self.ask(number).await;
        }
    }

    /// In what the copy is not the server's store.
    fn unlike(&self) -> Option<String> {
        let replica = self.replica.borrow().clone();
        let status = replica.status();
        if status.lag.is_none_or(|lag| lag > self.options.lag_max) {
            return Some(format!("the copy is not fresh: {status:?}"));
        }
        let engine = self.server.engine();
        let latest = engine.latest_model_id(&self.server.store).ok();
        if status.model != latest {
            return Some(format!("the model is {:?}, the server's {latest:?}", status.model));
        }
        // The world has fewer tuples than a page.
        let page = PageRequest::default().sized(100);
        let stored = engine.read(&self.server.store, &TupleFilter::everything(), &page).unwrap().items;
        let wanted: BTreeSet<String> = stored.iter().map(|tuple| tuple.key.to_string()).collect();
        let copied = replica.tuples().unwrap_or_default();
        let copied: BTreeSet<String> = copied.iter().map(|tuple| tuple.key.to_string()).collect();
        (copied != wanted).then(|| format!("the copy has {copied:?}, the server {wanted:?}"))
    }
}
