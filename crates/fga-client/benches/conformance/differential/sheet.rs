//! Questions about one model with our answers, and the store file that asks them elsewhere.

use std::collections::BTreeMap;

use fga_engine::{
    Cap, CheckRequest, Engine, EngineError, Explain, ListObjectsRequest, ListUsersRequest, UserFilter,
    WriteRequest,
};
use fga_model::{
    SourceInfo, StoreId, print_model,
    testing::{Case, Question, case},
};
use serde_json::{Value, json};

/// Checks about one model.
const CHECKS: usize = 180;
/// Questions of one model for objects, and as many for users.
const LISTS: usize = 10;
/// Questions about one model.
pub const QUESTIONS: usize = CHECKS + 2 * LISTS;
/// Tuples of one write.
const CHUNK: usize = 50;

/// An answer of ours.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    Checked(bool),
    Listed(Vec<String>),
    Refused(u32),
    /// A condition could not be evaluated.
    Condition,
}

impl Expected {
    fn of<T>(answer: Result<T, EngineError>, of: impl FnOnce(T) -> Expected) -> Expected {
        answer.map_or_else(
            |error| match error {
                EngineError::Condition(_) => Expected::Condition,
                error => Expected::Refused(error.code().number()),
            },
            of,
        )
    }

    fn listed(mut list: Vec<String>) -> Expected {
        list.sort();
        Expected::Listed(list)
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        matches!(self, Expected::Refused(_) | Expected::Condition)
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Check,
    Objects,
    Users,
}

/// A question with our answer.
#[derive(Clone, Debug)]
pub struct Asked {
    pub kind: Kind,
    pub question: Question,
    pub expected: Expected,
}

/// The questions about one model with our answers, by the words that the command line calls them.
#[derive(Clone)]
pub struct Sheet {
    pub seed: u64,
    /// What it is called in a process that is asked many of them.
    pub label: u64,
    pub case: Case,
    pub asked: BTreeMap<String, Asked>,
}

impl Sheet {
    /// The model of a seed and all questions about it.
    pub fn of_seed(seed: u64) -> Result<Self, String> {
        let case = case(seed);
        let checks = case.questions(seed, CHECKS);
        let lists = case.questions(seed ^ 1, 4 * LISTS);
        let distinct = |kind: Kind| {
            let mut names: Vec<String> = Vec::new();
            let mut kept = Vec::new();
            for question in &lists {
                let name = kind.name(question);
                if kept.len() < LISTS && !names.contains(&name) {
                    names.push(name);
                    kept.push((kind, question.clone()));
                }
            }
            kept
        };
        let mut questions: Vec<_> = checks.into_iter().map(|question| (Kind::Check, question)).collect();
        questions.extend(distinct(Kind::Objects));
        questions.extend(distinct(Kind::Users));
        Self::answered(seed, case, questions)
    }

    /// Some questions about a model with our answers.
    pub fn answered(
        seed: u64,
        case: Case,
        questions: impl IntoIterator<Item = (Kind, Question)>,
    ) -> Result<Self, String> {
        let engine = Engine::default();
        let wrong = |error: EngineError| format!("model {seed}: {error}");
        let store = engine.create_store("random").map_err(wrong)?.id;
        engine.write_model(&store, &case.model).map_err(wrong)?;
        for chunk in case.tuples.chunks(CHUNK) {
            engine.write(&store, &WriteRequest::writes(chunk.iter().cloned())).map_err(wrong)?;
        }
        let asked = questions.into_iter().map(|(kind, question)| {
            let expected = kind.answer(&engine, &store, &question);
            (kind.name(&question), Asked { kind, question, expected })
        });
        Ok(Self { seed, label: seed, asked: asked.collect(), case })
    }

    /// Some of the questions.
    pub fn only(&self, wanted: impl Fn(&str) -> bool) -> Self {
        let asked = self.asked.iter().filter(|(name, _)| wanted(name));
        Self { asked: asked.map(|(name, asked)| (name.clone(), asked.clone())).collect(), ..self.clone() }
    }

    /// The same questions about another case, with the same answers.
    pub fn about(&self, case: Case) -> Self {
        Self { case, ..self.clone() }
    }

    /// The store file that asks them, each with our answer as what is expected. Every JSON text is YAML.
    pub fn file(&self) -> Result<Value, String> {
        let name = format!("model-{}", self.label);
        let model =
            print_model(&self.case.model, SourceInfo::Omit).map_err(|error| format!("{name}: {error}"))?;
        let tuples = serde_json::to_value(&self.case.tuples).map_err(|error| error.to_string())?;
        let of = |kind: Kind| -> Vec<Value> {
            self.asked.values().filter(|asked| asked.kind == kind).map(Asked::entry).collect()
        };
        let (checks, objects, users) = (of(Kind::Check), of(Kind::Objects), of(Kind::Users));
        let tests = json!([{"name": name, "check": checks, "list_objects": objects, "list_users": users}]);
        Ok(json!({"name": name, "model": model, "tuples": tuples, "tests": tests}))
    }
}

impl Kind {
    /// How the command line calls a question.
    pub fn name(self, question: &Question) -> String {
        let Question { object, relation, user, .. } = question;
        let (object_type, id) = object.split_once(':').unwrap_or((object, ""));
        let user_type = user.split(':').next().unwrap_or_default();
        match self {
            Kind::Check => format!("check user={user},relation={relation},object={object}"),
            Kind::Objects => format!("objects user={user},relation={relation},type={object_type}"),
            Kind::Users => format!(
                "users object={{Type:{object_type} Id:{id}}},relation={relation},user_filter={{Type:{user_type}}}"
            ),
        }
    }

    fn answer(self, engine: &Engine, store: &StoreId, question: &Question) -> Expected {
        let Question { object, relation, user, context } = question.clone();
        let type_of = |name: &str| name.split(':').next().unwrap_or_default().to_owned();
        match self {
            Kind::Check => {
                let explain = Explain::DecisionOnly;
                let request = CheckRequest { context, explain, ..CheckRequest::new(object, relation, user) };
                let answer = engine.check(store, &request);
                Expected::of(answer, |answer| Expected::Checked(answer.is_allowed()))
            }
            Kind::Objects => {
                let type_name = type_of(&object);
                let request = ListObjectsRequest {
                    type_name,
                    relation,
                    user,
                    context,
                    ..ListObjectsRequest::default()
                };
                Expected::of(engine.list_objects(store, &request, Cap::Limited), Expected::listed)
            }
            Kind::Users => {
                let filter = UserFilter { type_name: type_of(&user), relation: None };
                let request =
                    ListUsersRequest { object, relation, filter, context, ..ListUsersRequest::default() };
                Expected::of(engine.list_users(store, &request), Expected::listed)
            }
        }
    }
}

impl Asked {
    fn entry(&self) -> Value {
        let Question { object, relation, user, context } = &self.question;
        let type_of = |name: &str| name.split(':').next().unwrap_or_default().to_owned();
        let list = if let Expected::Listed(list) = &self.expected { list.clone() } else { Vec::new() };
        match self.kind {
            Kind::Check => {
                let allowed = self.expected != Expected::Checked(false);
                json!({"user": user, "object": object, "context": context, "assertions": {relation: allowed}})
            }
            Kind::Objects => json!({
                "user": user, "type": type_of(object), "context": context, "assertions": {relation: list},
            }),
            Kind::Users => json!({
                "object": object, "user_filter": [{"type": type_of(user)}], "context": context,
                "assertions": {relation: {"users": list}},
            }),
        }
    }
}
