//! Random models, tuples and questions, answered by our engine and by the server inside the `fga` command line.
//!
//! The questions travel as store files, many to one process: each expects our answer, so that whatever the command line
//! reports is a difference, or an error whose code has to be ours.

use std::{
    collections::BTreeMap,
    fs,
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
};

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
pub const CHECKS: usize = 180;
/// Questions of one model for objects, and as many for users.
const LISTS: usize = 10;
/// Questions about one model.
pub const QUESTIONS: usize = CHECKS + 2 * LISTS;
/// Models of one process.
const MODELS: u64 = 25;
/// Times that a difference is asked again: the reference's answer to some cycles depends on which of its threads is first.
const AGAIN: usize = 8;
/// The code of a condition that cannot be evaluated.
const CONDITION: u32 = 2_000;
/// Tuples of one write.
const CHUNK: usize = 50;

/// What a run came to.
#[derive(Debug, Default)]
pub struct Compared {
    /// Questions that both answered.
    pub questions: usize,
    /// Questions to which both gave the same error.
    pub errors: usize,
    /// Questions in which a condition cannot be evaluated, and that the reference answers all the same: which tuples it reads
    /// together, so that one that passes hides one that fails, depends on the strategy that it happens to choose.
    pub forgiven: usize,
    /// Questions to which the reference gives one answer now and another one then, ours among them.
    pub wavering: usize,
    /// Everything else.
    pub differences: Vec<String>,
}

/// Our answer.
#[derive(Clone, Debug, PartialEq)]
enum Expected {
    Checked(bool),
    Listed(Vec<String>),
    Refused(u32),
    /// A condition could not be evaluated.
    Condition,
}

/// The questions about one model with our answers, by the words that the command line calls them.
struct Sheet {
    seed: u64,
    file: Value,
    expected: BTreeMap<String, Expected>,
}

/// The installed `fga` command line.
pub fn program() -> Option<PathBuf> {
    let program = peers().join("fga/bin/fga");
    program.is_file().then_some(program)
}

fn peers() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target")).join("peers")
}

/// Compares the models of some seeds; stops after a handful of differences.
pub fn run(
    program: &Path,
    seeds: Range<u64>,
    mut progress: impl FnMut(&Compared),
) -> Result<Compared, String> {
    let mut compared = Compared::default();
    let mut first = seeds.start;
    while first < seeds.end && compared.differences.len() < 20 {
        let last = (first + MODELS).min(seeds.end);
        let sheets = (first..last).map(sheet).collect::<Result<Vec<_>, _>>()?;
        compare(program, &sheets, &mut compared)?;
        progress(&compared);
        first = last;
    }
    Ok(compared)
}

fn compare(program: &Path, sheets: &[Sheet], compared: &mut Compared) -> Result<(), String> {
    let reported = ask(program, sheets)?;
    for sheet in sheets {
        let reported = reported.get(&sheet.seed).cloned().unwrap_or_default();
        let open = sheet.differing(&reported);
        compared.questions += sheet.expected.len();
        let is_error = |e: &Expected| matches!(e, Expected::Refused(_) | Expected::Condition);
        let refused = sheet.expected.values().filter(|e| is_error(e)).count();
        compared.errors += refused - open.iter().filter(|(_, e, _)| is_error(e)).count();
        let (forgiven, open): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|(question, expected, line)| is_strategy(question, expected, line));
        compared.forgiven += forgiven.len();
        let mut open: BTreeMap<String, (Expected, String)> =
            open.into_iter().map(|(question, expected, line)| (question, (expected, line))).collect();
        for _ in 0..AGAIN {
            if open.is_empty() {
                break;
            }
            let again = ask(program, std::slice::from_ref(sheet))?.remove(&sheet.seed).unwrap_or_default();
            let still: Vec<String> =
                sheet.differing(&again).into_iter().map(|(question, ..)| question).collect();
            let before = open.len();
            open.retain(|question, _| still.contains(question));
            compared.wavering += before - open.len();
        }
        for (question, (expected, line)) in open {
            compared.differences.push(format!(
                "model {}: {question}: ours {expected:?}, the reference says {line}",
                sheet.seed
            ));
        }
    }
    Ok(())
}

/// Whether the reference differs only because of the tuples that its strategy reads: it hides our failed condition behind
/// one that passes, or it fails on a tuple of the user's that is none of the object's, which it read from the user's side.
/// We are never the one that allows.
fn is_strategy(question: &str, expected: &Expected, line: &str) -> bool {
    match expected {
        Expected::Condition => !line.contains("error="),
        Expected::Checked(false) => {
            let asked = |field: &str| question.split(field).nth(1).and_then(|rest| rest.split(',').next());
            let (Some(user), Some(object)) = (asked("user="), asked("object=")) else { return false };
            let tuple = line.split_once("- tuple '").and_then(|(_, rest)| rest.split('\'').next());
            let Some((of, by)) = tuple.and_then(|tuple| tuple.split_once('@')) else { return false };
            let everybody = format!("{}:*", user.split(':').next().unwrap_or_default());
            (by == user || by == everybody) && !of.starts_with(&format!("{object}#"))
        }
        _ => false,
    }
}

impl Sheet {
    /// Questions whose answer is not ours, with what was reported.
    fn differing(&self, reported: &BTreeMap<String, String>) -> Vec<(String, Expected, String)> {
        let mut found = Vec::new();
        for (question, expected) in &self.expected {
            let line = reported.get(question);
            let same = match (expected, line) {
                (Expected::Refused(code), Some(line)) => code_of(line) == Some(*code),
                (Expected::Condition, Some(line)) => code_of(line) == Some(CONDITION),
                (Expected::Refused(_) | Expected::Condition, None) => false,
                (_, line) => line.is_none(),
            };
            if !same {
                let line = line.cloned().unwrap_or_else(|| "the expected answer".to_owned());
                found.push((question.clone(), expected.clone(), line));
            }
        }
        found
    }
}

/// The code in an error of the command line.
fn code_of(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once("code = Code(")?;
    rest.split(')').next()?.parse().ok()
}

/// Runs the command line over some sheets: what it reported, by seed and question.
fn ask(program: &Path, sheets: &[Sheet]) -> Result<BTreeMap<u64, BTreeMap<String, String>>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    for sheet in sheets {
        let path = folder.path().join(format!("model-{}.fga.yaml", sheet.seed));
        // Every JSON text is YAML.
        fs::write(&path, sheet.file.to_string()).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let mut command = Command::new(program);
    command.args(["model", "test", "--tests"]).arg(folder.path().join("*.fga.yaml"));
    command.env("HOME", folder.path()).env("PYTHONPATH", peers().join("fga"));
    let output = command.output().map_err(|error| format!("{}: {error}", program.display()))?;
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if let Some(error) = text.lines().find(|line| line.starts_with("Error: error running tests")) {
        return Err(format!("our engine took what the reference refuses: {error}"));
    }
    if !text.contains("Checks ") {
        return Err(format!("the command line did not answer: {text}"));
    }
    let mut reported: BTreeMap<u64, BTreeMap<String, String>> = BTreeMap::new();
    let mut seed = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("(FAILING) model-") {
            seed = rest.split(':').next().and_then(|number| number.parse().ok());
        }
        let question = line.split_once("Check(").map(|(_, rest)| ("check", rest));
        let question =
            question.or_else(|| line.split_once("ListObjects(").map(|(_, rest)| ("objects", rest)));
        let question = question.or_else(|| line.split_once("ListUsers(").map(|(_, rest)| ("users", rest)));
        if let (Some(seed), Some((kind, rest))) = (seed, question)
            && line.starts_with('ⅹ')
        {
            let asked = rest.split(", context:").next().and_then(|r| r.split("): expected=").next());
            let answer = rest.split_once("): expected=").map_or(rest, |(_, answer)| answer);
            let asked = asked.unwrap_or(rest).replace(" Relation:<nil>", "");
            reported.entry(seed).or_default().insert(format!("{kind} {asked}"), answer.to_owned());
        }
    }
    Ok(reported)
}

/// Our answers about the model of a seed.
fn sheet(seed: u64) -> Result<Sheet, String> {
    let case = case(seed);
    let engine = Engine::default();
    let wrong = |error: EngineError| format!("model {seed}: {error}");
    let store = engine.create_store("random").map_err(wrong)?.id;
    engine.write_model(&store, &case.model).map_err(wrong)?;
    for chunk in case.tuples.chunks(CHUNK) {
        engine.write(&store, &WriteRequest::writes(chunk.iter().cloned())).map_err(wrong)?;
    }
    let mut asked = Asked { engine: &engine, store: &store, expected: BTreeMap::new() };
    let questions = case.questions(seed, CHECKS);
    let checks: Vec<Value> = questions.iter().map(|question| asked.check(question)).collect();
    let lists = case.questions(seed ^ 1, 4 * LISTS);
    let objects: Vec<Value> =
        lists.iter().filter_map(|question| asked.objects(question)).take(LISTS).collect();
    let users: Vec<Value> = lists.iter().filter_map(|question| asked.users(question)).take(LISTS).collect();
    let expected = asked.expected;
    let name = format!("model-{seed}");
    let tests = json!([{"name": name, "check": checks, "list_objects": objects, "list_users": users}]);
    Ok(Sheet { seed, file: file(&case, &name, tests)?, expected })
}

fn file(case: &Case, name: &str, tests: Value) -> Result<Value, String> {
    let model = print_model(&case.model, SourceInfo::Omit).map_err(|error| format!("{name}: {error}"))?;
    let tuples = serde_json::to_value(&case.tuples).map_err(|error| error.to_string())?;
    Ok(json!({"name": name, "model": model, "tuples": tuples, "tests": tests}))
}

/// Questions that are being asked of our engine.
struct Asked<'a> {
    engine: &'a Engine,
    store: &'a StoreId,
    expected: BTreeMap<String, Expected>,
}

fn expected<T>(answer: Result<T, EngineError>, of: impl FnOnce(T) -> Expected) -> Expected {
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

impl Asked<'_> {
    fn check(&mut self, question: &Question) -> Value {
        let Question { object, relation, user, context } = question.clone();
        let request = CheckRequest {
            context,
            explain: Explain::DecisionOnly,
            ..CheckRequest::new(object, relation, user)
        };
        let answer = self.engine.check(self.store, &request);
        let answer = expected(answer, |answer| Expected::Checked(answer.is_allowed()));
        let CheckRequest { object, relation, user, context, .. } = request;
        let allowed = answer != Expected::Checked(false);
        self.expected.insert(format!("check user={user},relation={relation},object={object}"), answer);
        json!({"user": user, "object": object, "context": context, "assertions": {relation: allowed}})
    }

    /// `None` if it was asked before.
    fn objects(&mut self, question: &Question) -> Option<Value> {
        let Question { object, relation, user, context } = question.clone();
        let type_name = object.split(':').next().unwrap_or_default().to_owned();
        let name = format!("objects user={user},relation={relation},type={type_name}");
        let request = ListObjectsRequest {
            type_name: type_name.clone(),
            relation,
            user,
            context,
            ..ListObjectsRequest::default()
        };
        let answer = expected(self.engine.list_objects(self.store, &request, Cap::Limited), listed);
        let list = if let Expected::Listed(list) = &answer { list.clone() } else { Vec::new() };
        if self.expected.contains_key(&name) {
            return None;
        }
        self.expected.insert(name, answer);
        let ListObjectsRequest { relation, user, context, .. } = request;
        Some(json!({"user": user, "type": type_name, "context": context, "assertions": {relation: list}}))
    }

    /// `None` if it was asked before.
    fn users(&mut self, question: &Question) -> Option<Value> {
        let Question { object, relation, user, context } = question.clone();
        let type_name = user.split(':').next().unwrap_or_default().to_owned();
        let (kind, id) = object.split_once(':')?;
        let name = format!(
            "users object={{Type:{kind} Id:{id}}},relation={relation},user_filter={{Type:{type_name}}}"
        );
        let filter = UserFilter { type_name: type_name.clone(), relation: None };
        let request = ListUsersRequest {
            object: object.clone(),
            relation,
            filter,
            context,
            ..ListUsersRequest::default()
        };
        let answer = expected(self.engine.list_users(self.store, &request), listed);
        let list = if let Expected::Listed(list) = &answer { list.clone() } else { Vec::new() };
        if self.expected.contains_key(&name) {
            return None;
        }
        self.expected.insert(name, answer);
        let ListUsersRequest { relation, context, .. } = request;
        Some(json!({
            "object": object, "user_filter": [{"type": type_name}], "context": context,
            "assertions": {relation: {"users": list}},
        }))
    }
}
