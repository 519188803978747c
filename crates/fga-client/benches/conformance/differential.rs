//! Random models, tuples and questions, answered by our engine and by the server inside the `fga` command line.
//!
//! The questions travel as store files, many to one process: each expects our answer, so that whatever the command line
//! reports is a difference, or an error whose code has to be ours.

#[path = "differential/classes.rs"]
mod classes; // differences that have a known ground
#[path = "differential/lists.rs"]
mod lists; // lists held against checks
#[path = "differential/outcomes.rs"]
mod outcomes; // what a plain search can come to
#[path = "differential/peer.rs"]
mod peer; // the command line
#[path = "differential/sheet.rs"]
mod sheet; // questions with our answers

use std::{collections::BTreeMap, ops::Range, path::Path};

use fga_model::testing::Question;

pub use classes::Class;
pub use peer::program;
pub use sheet::QUESTIONS;

use outcomes::{Conditions, outcomes};
use peer::{Answer, Trouble};
use sheet::{Kind, Sheet};

/// Models of one process.
const MODELS: u64 = 25;
/// Differences after which a run ends.
const DIFFERENCES_MAX: usize = 20;

/// What a run came to.
#[derive(Debug, Default)]
pub struct Compared {
    /// Questions that both answered.
    pub questions: usize,
    /// Questions to which both gave the same error.
    pub errors: usize,
    /// Differences whose ground is known.
    pub explained: BTreeMap<Class, usize>,
    /// Seeds of models that were left out: a search of the reference does not end.
    pub endless: Vec<u64>,
    /// Everything else.
    pub differences: Vec<String>,
}

impl Compared {
    fn add(&mut self, part: Compared) {
        self.questions += part.questions;
        self.errors += part.errors;
        self.endless.extend(part.endless);
        self.differences.extend(part.differences);
        for (class, count) in part.explained {
            *self.explained.entry(class).or_default() += count;
        }
    }
}

/// Compares the models of some seeds; stops after a handful of differences.
pub fn run(
    program: &Path,
    seeds: Range<u64>,
    mut progress: impl FnMut(&Compared),
) -> Result<Compared, String> {
    let mut compared = Compared::default();
    let mut first = seeds.start;
    while first < seeds.end && compared.differences.len() < DIFFERENCES_MAX {
        let last = (first + MODELS).min(seeds.end);
        let sheets = (first..last).map(Sheet::of_seed).collect::<Result<Vec<_>, _>>()?;
        match compare(program, &sheets) {
            Ok(part) => compared.add(part),
            Err(Trouble::Other(what)) => return Err(what),
            Err(Trouble::Endless) => compared.add(one_by_one(program, &sheets)?),
        }
        progress(&compared);
        first = last;
    }
    Ok(compared)
}

/// Leaves out the models to which the reference does not end.
fn one_by_one(program: &Path, sheets: &[Sheet]) -> Result<Compared, String> {
    let mut compared = Compared::default();
    for sheet in sheets {
        match compare(program, std::slice::from_ref(sheet)) {
            Ok(part) => compared.add(part),
            Err(Trouble::Other(what)) => return Err(what),
            Err(Trouble::Endless) => compared.endless.push(sheet.seed),
        }
    }
    Ok(compared)
}

fn compare(program: &Path, sheets: &[Sheet]) -> Result<Compared, Trouble> {
    let mut compared = Compared::default();
    let reported = peer::ask(program, sheets)?;
    let mut open: Vec<(&Sheet, peer::Open)> = Vec::new();
    for sheet in sheets {
        let differing = peer::differing(sheet, &reported);
        compared.questions += sheet.asked.len();
        let same = sheet.asked.iter().filter(|(name, _)| !differing.contains_key(*name));
        compared.errors += same.filter(|(_, asked)| asked.expected.is_error()).count();
        open.push((sheet, differing));
    }
    for class in classes::explain(program, &mut open)? {
        *compared.explained.entry(class).or_default() += 1;
    }
    for (sheet, open) in open {
        for (name, line) in open {
            let Some(asked) = sheet.asked.get(&name) else { continue };
            compared.differences.push(format!(
                "model {}: {name}, context {}: ours {:?}, the reference says {line}",
                sheet.seed,
                serde_json::Value::Object(asked.question.context.clone()),
                asked.expected
            ));
        }
    }
    Ok(compared)
}

/// What our engine and a plain search came to.
#[derive(Debug, Default)]
pub struct Searched {
    /// Questions that were searched.
    pub questions: usize,
    /// Questions whose search would have been very long.
    pub long: usize,
    pub differences: Vec<String>,
}

/// Holds our checks against a plain search for all outcomes, about the models of some seeds. The models are such that
/// strategies do not show.
pub fn search(seeds: Range<u64>) -> Result<Searched, String> {
    let mut searched = Searched::default();
    for seed in seeds {
        let sheet = Sheet::of_seed(seed)?;
        let has = |q: &Question| sheet.case.model.relation(q.object.split(':').next()?, &q.relation);
        let checks = sheet.asked.values().filter(|asked| asked.kind == Kind::Check);
        let checks = checks.filter(|asked| has(&asked.question).is_some());
        let checks = checks.map(|asked| (asked.kind, asked.question.clone()));
        let sheet = Sheet::answered(seed, classes::without_strategies(&sheet.case), checks)?;
        let conditions = Conditions::of(&sheet.case)?;
        for (name, asked) in &sheet.asked {
            let truths = conditions.truths(&asked.question);
            let Some(possible) = outcomes(&sheet.case, &asked.question, &truths) else {
                searched.long += 1;
                continue;
            };
            searched.questions += 1;
            let ours = Answer::ours(asked);
            if !classes::is_among(possible, &ours) {
                let difference = format!("model {seed}: {name}: ours {ours:?}, a search {possible:?}");
                searched.differences.push(difference);
            }
        }
    }
    Ok(searched)
}
