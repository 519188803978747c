//! Answers carry grounds that can be tried: over random models, tuples and questions the path of an allow alone gives the same
//! answer, and a relationship said to be missing turns the denial.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use fga_engine::{CheckAnswer, CheckRequest, Engine, EngineError, Explain, WriteRequest};
use fga_model::{
    StoreId, TupleKey,
    testing::{Case, Dice, Question, case},
};
use verdict::Missing;

/// Questions of one model.
const QUESTIONS: usize = 25;
/// Models; with their questions 10,000 cases.
const MODELS: u64 = 400;
/// Tuples of one write.
const CHUNK: usize = 50;

/// What the cases came to, so that a run in which nothing was tried is no success.
#[derive(Debug, Default)]
struct Tried {
    allowed: usize,
    turned: usize,
    excluded: usize,
    denied: usize,
    refused: usize,
}

/// A model with a store that holds part of the tuples, and one for replays.
struct World {
    engine: Engine,
    store: StoreId,
    replay: StoreId,
    stored: Vec<TupleKey>,
    /// Tuples that come with every question.
    contextual: Vec<TupleKey>,
}

impl World {
    fn new(seed: u64, case: &Case) -> Self {
        let engine = Engine::default();
        let [store, replay] = ["whole", "replay"].map(|name| engine.create_store(name).unwrap().id);
        for store in [&store, &replay] {
            engine.write_model(store, &case.model).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
        let dice = &mut Dice::new(seed);
        let (contextual, stored): (Vec<_>, Vec<_>) =
            case.tuples.iter().cloned().partition(|_| dice.chance(4));
        for chunk in stored.chunks(CHUNK) {
            engine.write(&store, &WriteRequest::writes(chunk.iter().cloned())).unwrap();
        }
        Self { engine, store, replay, stored, contextual }
    }

    fn ask(&self, question: &Question) -> CheckRequest {
        let Question { object, relation, user, context } = question.clone();
        let request = CheckRequest::new(object, relation, user).with_contextual(self.contextual.clone());
        CheckRequest { context, ..request }
    }

    /// The answer with these tuples only.
    fn alone(&self, question: &Question, stored: &[TupleKey], contextual: &[TupleKey]) -> bool {
        let chunks: Vec<&[TupleKey]> = stored.chunks(CHUNK).collect();
        for chunk in &chunks {
            self.engine.write(&self.replay, &WriteRequest::writes(chunk.iter().cloned())).unwrap();
        }
        let request = CheckRequest { contextual: contextual.to_vec(), ..self.ask(question) };
        let answer = self.engine.check(&self.replay, &request);
        for chunk in &chunks {
            self.engine.write(&self.replay, &WriteRequest::deletes(chunk.iter().cloned())).unwrap();
        }
        answer.is_ok_and(|answer| answer.is_allowed())
    }

    fn turned_by(&self, question: &Question, missing: TupleKey) -> bool {
        let mut stored: Vec<TupleKey> =
            self.stored.iter().filter(|t| !t.same_key(&missing)).cloned().collect();
        stored.push(missing);
        self.alone(question, &stored, &self.contextual)
    }

    fn try_question(&self, question: &Question, at: &str, tried: &mut Tried) {
        let explained = self.engine.check(&self.store, &self.ask(question));
        // Without grounds a shorter way leads to the same verdict.
        let request = CheckRequest { explain: Explain::DecisionOnly, ..self.ask(question) };
        let verdict = |answer: &Result<CheckAnswer, EngineError>| {
            answer.as_ref().map(CheckAnswer::is_allowed).map_err(EngineError::code)
        };
        assert_eq!(verdict(&self.engine.check(&self.store, &request)), verdict(&explained), "{at}");
        match explained {
            Err(_) => tried.refused += 1,
            Ok(CheckAnswer::Allowed(grounds)) => {
                tried.allowed += 1;
                let on_path = |tuple: &&TupleKey| {
                    let mut path = grounds.path.iter();
                    path.any(|s| {
                        s.object == tuple.object && s.relation == tuple.relation && s.user == tuple.user
                    })
                };
                let stored: Vec<TupleKey> = self.stored.iter().filter(on_path).cloned().collect();
                let contextual: Vec<TupleKey> = self.contextual.iter().filter(on_path).cloned().collect();
                assert!(
                    self.alone(question, &stored, &contextual),
                    "{at}: {question:?} is not allowed by {:#?} alone",
                    grounds.path
                );
            }
            Ok(CheckAnswer::Denied(grounds)) => {
                tried.denied += 1;
                match grounds.missing {
                    Some(Missing::Relation { object, relation, user }) => {
                        tried.turned += 1;
                        let missing = TupleKey::new(object, relation, user);
                        assert!(
                            self.turned_by(question, missing.clone()),
                            "{at}: {question:?} stays denied with {missing}"
                        );
                    }
                    Some(Missing::Fact(_)) => tried.excluded += 1,
                    Some(other) => panic!("{at}: {other}"),
                    None => {}
                }
            }
        }
    }
}

fn try_models(seeds: impl Iterator<Item = u64>) -> Tried {
    let mut tried = Tried::default();
    for seed in seeds {
        let case = case(seed);
        let world = World::new(seed, &case);
        for (number, question) in case.questions(seed, QUESTIONS).iter().enumerate() {
            world.try_question(question, &format!("model {seed}, question {number}"), &mut tried);
        }
    }
    tried
}

#[test]
fn fga_05_paths_alone_allow_and_missing_relationships_turn_denials() {
    let threads =
        [0, 1].map(|odd| std::thread::spawn(move || try_models((0..MODELS).filter(|s| s % 2 == odd))));
    let parts = threads.map(|thread| thread.join().unwrap());
    let sum = |of: fn(&Tried) -> usize| parts.iter().map(of).sum::<usize>();
    let (allowed, denied, refused) = (sum(|t| t.allowed), sum(|t| t.denied), sum(|t| t.refused));
    let (turned, excluded) = (sum(|t| t.turned), sum(|t| t.excluded));
    println!("{allowed} allowed, {denied} denied ({turned} turned, {excluded} excluded), {refused} refused");
    assert!(allowed + denied + refused >= 9_000, "{parts:?}");
    assert!(allowed > 1_500 && turned > 1_500 && excluded > 50, "{parts:?}");
}
