//! Differences whose ground is known, each proved by asking again.

use std::path::Path;

use fga_model::{Relation, Restriction, Rewrite, TypeDefinition, testing::Case};

use super::{
    lists,
    outcomes::{Conditions, Outcomes, outcomes},
    peer::{Answer, Open, Round, Trouble},
    sheet::{Asked, Kind, Sheet},
};

/// Times that something is asked again: enough for the reference to try its strategies.
pub const AGAIN: usize = 6;

/// Why the reference answers otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Its plain search gives our answer; the strategy that its planner picked does not.
    Strategy,
    /// It gives one answer now and another one then, ours among them.
    Wavers,
    /// Both answers are right, by which operand of an intersection or exclusion denies first.
    First,
    /// Its list is not what its own checks say, and they agree with ours.
    List,
    /// Both list everybody, and of those whom that means the reference names others besides.
    Named,
    /// We refuse a list for a condition that cannot be evaluated. Its list is what its checks say, and without the tuples in
    /// question ours is the same.
    ListCondition,
}

impl Class {
    /// What a run says of it.
    pub fn told(self) -> &'static str {
        match self {
            Class::Strategy => {
                "questions that the reference's plain search answers as we do, and a strategy of it does not"
            }
            Class::Wavers => "questions to which the reference has no one answer, ours among them",
            Class::First => "questions that depend on which operand denies first in the reference",
            Class::List => "lists of the reference that its own checks contradict, which agree with ours",
            Class::Named => "lists of everybody in which the reference names others of them besides",
            Class::ListCondition => {
                "lists that we refuse for a condition, where the reference does not need its tuple"
            }
        }
    }
}

/// The ground of each difference, where it has one; the others stay.
pub fn explain(program: &Path, open: &mut [(&Sheet, Open)]) -> Result<Vec<Class>, Trouble> {
    let mut found = Vec::new();
    if open.iter().all(|(_, open)| open.is_empty()) {
        return Ok(found);
    }
    let mut round = Round::default();
    let mut asked = Vec::new();
    for (sheet, open) in open.iter() {
        if open.is_empty() {
            asked.push((Vec::new(), Vec::new()));
            continue;
        }
        let few = sheet.only(|name| open.contains_key(name));
        let plain = round.add(&few.about(without_strategies(&sheet.case)), AGAIN);
        let mut same = round.add(&few, AGAIN);
        same.extend(round.add(sheet, AGAIN));
        asked.push((plain, same));
    }
    let answers = round.ask(program)?;
    for ((_, open), (plain, same)) in open.iter_mut().zip(&asked) {
        open.retain(|name, _| {
            let class = match (answers.agree(plain, name), answers.agree(same, name)) {
                (true, _) => Class::Strategy,
                (_, true) => Class::Wavers,
                _ => return true,
            };
            found.push(class);
            false
        });
    }
    for (sheet, open) in open.iter_mut() {
        let mut still = Open::new();
        for (name, line) in std::mem::take(open) {
            let Some(asked) = sheet.asked.get(&name) else { continue };
            let class = match asked.kind {
                Kind::Check => is_first(sheet, asked, &line)?.then_some(Class::First),
                Kind::Objects | Kind::Users => lists::ground(program, sheet, asked, &line)?,
            };
            match class {
                Some(class) => found.push(class),
                None => {
                    still.insert(name, line);
                }
            }
        }
        *open = still;
    }
    Ok(found)
}

/// Whether both answers are possible outcomes.
pub fn is_first(sheet: &Sheet, asked: &Asked, line: &str) -> Result<bool, String> {
    let truths = Conditions::of(&sheet.case)?.truths(&asked.question);
    let Some(possible) = outcomes(&sheet.case, &asked.question, &truths) else { return Ok(false) };
    let theirs = Answer::of(asked, Some(line));
    Ok(is_among(possible, &Answer::ours(asked)) && theirs.is_some_and(|theirs| is_among(possible, &theirs)))
}

/// Whether an answer is a possible outcome.
pub fn is_among(possible: Outcomes, answer: &Answer) -> bool {
    match answer {
        Answer::Checked(true) => possible.has(Outcomes::ALLOWED),
        Answer::Checked(false) => possible.has(Outcomes::DENIED.or(Outcomes::TAINTED)),
        Answer::Refused => possible.has(Outcomes::FAILED),
        Answer::Listed(_) => false,
    }
}

/// The same with a type more, that nothing refers to: a relation that recurses through an intersection. The reference
/// cannot weigh the paths of such a model, and searches it plainly.
pub fn without_strategies(case: &Case) -> Case {
    let mut model = case.model.clone();
    let mut knot = TypeDefinition::new("knot");
    let itself = Restriction::userset("knot", "tied");
    let tied = Rewrite::Intersection(vec![Rewrite::This, Rewrite::Computed("loose".to_owned())]);
    knot.relations
        .insert("tied".to_owned(), Relation::new(tied, vec![Restriction::concrete("user"), itself]));
    let loose = Relation::new(Rewrite::This, vec![Restriction::concrete("user")]);
    knot.relations.insert("loose".to_owned(), loose);
    model.types.push(knot);
    Case { model, tuples: case.tuples.clone() }
}
