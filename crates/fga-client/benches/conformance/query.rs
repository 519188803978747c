//! The query suites: every stage through Check, ListObjects (unary and streamed) and ListUsers, then once more with all
//! tuples contextual.

use std::{collections::BTreeSet, fs, path::Path};

use fga_model::{ModelId, StoreId, TupleKey};
use serde_json::Value;

use crate::{
    data::{context, items, number, set, shuffled, text, tuple, tuples, wanted, yaml},
    report::Outcome,
    target::{Failure, List, Question, Target},
};

/// Tuples of one write.
const CHUNK: usize = 40;
/// What gRPC calls a request that is not valid.
const INVALID_ARGUMENT: u32 = 3;
/// Most tuples that a question can carry.
const CONTEXTUAL_MAX: usize = 100;

/// Runs the suite of a file.
pub fn suite(target: &dyn Target, file: &Path) -> Outcome {
    let mut outcome = Outcome::default();
    if let Err(why) = run(target, file, &mut outcome) {
        outcome.red(why);
    }
    outcome
}

fn run(target: &dyn Target, file: &Path, outcome: &mut Outcome) -> Result<(), String> {
    let suite = yaml(file)?;
    let shared = match suite.get("modelFile").and_then(Value::as_str) {
        Some(name) => {
            let path = file.with_file_name(name);
            Some(fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?)
        }
        None => None,
    };
    // A list in the head says through which calls every check is asked.
    let through = items(&suite, "assertThrough").iter().filter_map(Value::as_str);
    let through = through.filter(|call| call.to_lowercase().contains("users")).count() > 0;
    for test in items(&suite, "tests") {
        let name = format!("{} {}", test["index"], text(test, "name"));
        let result = stages(target, test, &name, shared.as_deref(), through, outcome);
        if let Err(failure) = result {
            outcome.red(format!("{name}: {failure}"));
        }
    }
    Ok(())
}

fn stages(
    target: &dyn Target,
    test: &Value,
    name: &str,
    shared: Option<&str>,
    through: bool,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let stages = items(test, "stages");
    let model_of = |stage: &Value| shared.map_or_else(|| text(stage, "model"), str::to_owned);
    let store = target.create_store()?;
    for (at, stage) in stages.iter().enumerate() {
        let model = target.write_model(&store, &model_of(stage))?;
        for chunk in shuffled(&tuples(stage, "tuples"), at as u64 + 7).chunks(CHUNK) {
            target.write(&store, Some(&model), chunk)?;
        }
        let run = Run { target, name, store: &store, model: &model, base: &[], through };
        run.stage(stage, outcome);
    }
    if let [stage] = stages
        && items(stage, "tuples").len() <= CONTEXTUAL_MAX
    {
        let store = target.create_store()?;
        let model = target.write_model(&store, &model_of(stage))?;
        let base = tuples(stage, "tuples");
        let name = format!("{name}_ctxTuples");
        let run = Run { target, name: &name, store: &store, model: &model, base: &base, through };
        run.stage(stage, outcome);
    }
    Ok(())
}

/// The assertions of one stage.
struct Run<'a> {
    target: &'a dyn Target,
    name: &'a str,
    store: &'a StoreId,
    model: &'a ModelId,
    /// Tuples that are sent with every question.
    base: &'a [TupleKey],
    /// Whether checks are asked through both lists too.
    through: bool,
}

impl Run<'_> {
    fn stage(&self, stage: &Value, outcome: &mut Outcome) {
        for assertion in items(stage, "checkAssertions") {
            let question = self.question(assertion);
            let key = tuple(&assertion["tuple"]);
            let wanted = wanted(assertion, |v| v.as_bool().unwrap_or_default());
            let got = self.target.check(&question, &key).map_err(|failure| failure.code);
            outcome.compare(|| format!("{}: check {key}", self.name), wanted, got);
            if self.through {
                self.through(assertion, &question, &key, outcome);
            }
        }
        for assertion in items(stage, "listObjectsAssertions") {
            let request = &assertion["request"];
            let question = self.question(assertion);
            let (user, relation) = (text(request, "user"), text(request, "relation"));
            let type_name = text(request, "type");
            let case = |what: &str| format!("{}: {what} objects {request}", self.name);
            let got = self.objects(&question, &type_name, &relation, &user, List::Unary);
            let streamed = self.objects(&question, &type_name, &relation, &user, List::Streamed);
            // Over HTTP OpenFGA folds the codes of streamed errors into gRPC's few.
            let streamed = match (streamed, &got) {
                (Err(INVALID_ARGUMENT), Err(code)) => Err(*code),
                (streamed, _) => streamed,
            };
            for object in got.iter().flatten() {
                self.listed(&question, &TupleKey::new(object, &relation, &user), outcome);
            }
            outcome.compare(|| case("stream"), wanted(assertion, set), streamed);
            outcome.compare(|| case("list"), wanted(assertion, set), got);
        }
        for assertion in items(stage, "listUsersAssertions") {
            let request = &assertion["request"];
            let question = self.question(assertion);
            let (object, relation) = (text(request, "object"), text(request, "relation"));
            let filter = request["filters"][0].as_str().unwrap_or_default();
            let got = self.users(&question, &object, &relation, filter);
            for user in got.iter().flatten() {
                self.listed(&question, &TupleKey::new(&object, &relation, user), outcome);
            }
            let case = || format!("{}: list users {request}", self.name);
            outcome.compare(case, wanted(assertion, set), got);
        }
    }

    /// What was listed must pass a check.
    fn listed(&self, question: &Question<'_>, key: &TupleKey, outcome: &mut Outcome) {
        let got = self.target.check(question, key).map_err(|failure| failure.code);
        outcome.compare(|| format!("{}: listed {key}", self.name), Ok(true), got);
    }

    fn question(&self, assertion: &Value) -> Question<'_> {
        let mut contextual = tuples(assertion, "contextualTuples");
        contextual.extend(self.base.iter().cloned());
        let contextual = shuffled(&contextual, 3);
        Question { store: self.store, model: self.model, contextual, context: context(assertion) }
    }

    fn objects(
        &self,
        question: &Question<'_>,
        type_name: &str,
        relation: &str,
        user: &str,
        list: List,
    ) -> Result<BTreeSet<String>, u32> {
        let found = self.target.list_objects(question, type_name, relation, user, list);
        distinct(found.map_err(|failure| failure.code)?)
    }

    fn users(
        &self,
        question: &Question<'_>,
        object: &str,
        relation: &str,
        filter: &str,
    ) -> Result<BTreeSet<String>, u32> {
        let found = self.target.list_users(question, object, relation, filter);
        distinct(found.map_err(|failure| failure.code)?)
    }

    /// The same check through both lists.
    fn through(&self, assertion: &Value, question: &Question<'_>, key: &TupleKey, outcome: &mut Outcome) {
        let expectation = assertion.get("expectation").and_then(Value::as_bool);
        let type_name = key.object.split(':').next().unwrap_or_default();
        let any = assertion.get("listObjectsExpectation").is_some();
        let general = number(assertion, "errorCode");
        let code = number(assertion, "listObjectsErrorCode").or(if any { None } else { general });
        let got = self.objects(question, type_name, &key.relation, &key.user, List::Unary);
        let case = || format!("{}: check {key} through list objects", self.name);
        match code {
            Some(code) => outcome.compare(case, Err(code), got.map(|_| true)),
            None => {
                let fits = |found: BTreeSet<String>| any || Some(found.contains(&key.object)) == expectation;
                outcome.compare(case, Ok(true), got.map(fits));
            }
        }
        let (user_type, id) = key.user.split_once(':').unwrap_or((&key.user, ""));
        let filter = id.split_once('#').map_or(user_type.to_owned(), |(_, r)| format!("{user_type}#{r}"));
        let got = self.users(question, &key.object, &key.relation, &filter);
        let case = || format!("{}: check {key} through list users", self.name);
        match number(assertion, "listUsersErrorCode").or(general) {
            Some(code) => outcome.compare(case, Err(code), got.map(|_| true)),
            None => {
                let fits = |found: BTreeSet<String>| match expectation {
                    Some(true) => found.contains(&key.user) || found.iter().any(|user| user.ends_with(":*")),
                    _ => !found.contains(&key.user),
                };
                outcome.compare(case, Ok(true), got.map(fits));
            }
        }
    }
}

/// A list as a set; one that names something twice is no answer.
fn distinct(found: Vec<String>) -> Result<BTreeSet<String>, u32> {
    let count = found.len();
    let set: BTreeSet<String> = found.into_iter().collect();
    if set.len() == count { Ok(set) } else { Err(0) }
}
