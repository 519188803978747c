//! Lists held against checks: what both list or leave out is what their checks say, or not.

use std::path::Path;

use fga_model::testing::{Case, Question};

use super::{
    classes::{AGAIN, Class, is_first, without_strategies},
    outcomes::{Conditions, Truth},
    peer::{Answer, Answers, Round, Trouble},
    sheet::{Asked, Expected, Kind, Sheet},
};

/// Checks of everything that a list could name, by both.
struct Members {
    /// Each name with the words of its check.
    names: Vec<(String, String)>,
    ours: Sheet,
    labels: Vec<u64>,
}

/// Why the lists differ; `None` where ours is not what checks say, or the checks differ without a ground.
pub fn ground(program: &Path, sheet: &Sheet, asked: &Asked, line: &str) -> Result<Option<Class>, Trouble> {
    let Some(Answer::Listed(theirs)) = Answer::of(asked, Some(line)) else { return Ok(None) };
    let mut round = Round::default();
    let members = Members::of(sheet, asked, &mut round)?;
    let known = without_unknown(sheet, &asked.question)?;
    let known = Sheet::answered(sheet.seed, known, [(asked.kind, asked.question.clone())])?;
    let without = round.add(&known, AGAIN);
    let answers = round.ask(program)?;
    match &asked.expected {
        Expected::Listed(ours) => Ok(members.other_names(ours, &theirs, &answers)?),
        Expected::Condition => {
            let same = known.asked.keys().all(|name| answers.agree(&without, name));
            Ok((same && members.are(&theirs, &answers)?).then_some(Class::ListCondition))
        }
        _ => Ok(None),
    }
}

impl Members {
    fn of(sheet: &Sheet, asked: &Asked, round: &mut Round) -> Result<Self, String> {
        let questions = members(&sheet.case, asked);
        let names = questions.iter().map(|(name, question)| (name.clone(), Kind::Check.name(question)));
        let names = names.collect();
        let questions = questions.into_iter().map(|(_, question)| (Kind::Check, question));
        let ours = Sheet::answered(sheet.seed, sheet.case.clone(), questions)?;
        let mut labels = round.add(&ours, AGAIN);
        labels.extend(round.add(&ours.about(without_strategies(&sheet.case)), AGAIN));
        Ok(Self { names, ours, labels })
    }

    /// Whether our check allows; `None` where the reference's check says otherwise without a ground.
    fn allowed(&self, check: &str, answers: &Answers) -> Result<Option<bool>, String> {
        let Some(asked) = self.ours.asked.get(check) else { return Ok(None) };
        let allowed = asked.expected == Expected::Checked(true);
        if answers.agree(&self.labels, check) {
            return Ok(Some(allowed));
        }
        let line = self.labels.first().and_then(|label| answers.line(*label, check));
        let first = line.map(|line| is_first(&self.ours, asked, line)).transpose()?.unwrap_or_default();
        Ok(first.then_some(allowed))
    }

    /// Whether a list is what checks say.
    fn are(&self, list: &[String], answers: &Answers) -> Result<bool, String> {
        for (name, check) in &self.names {
            if self.allowed(check, answers)? != Some(list.contains(name)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn other_names(
        &self,
        ours: &[String],
        theirs: &[String],
        answers: &Answers,
    ) -> Result<Option<Class>, String> {
        let everybody = |list: &[String]| list.iter().any(|name| name.ends_with(":*"));
        let mut class = Class::Named;
        for (name, check) in &self.names {
            if ours.contains(name) == theirs.contains(name) {
                continue;
            }
            let allowed = self.allowed(check, answers)?;
            if allowed == Some(true) && everybody(ours) && everybody(theirs) {
                continue;
            }
            if allowed != Some(ours.contains(name)) {
                return Ok(None);
            }
            class = Class::List;
        }
        Ok(Some(class))
    }
}

/// Checks of everything that a list could name.
fn members(case: &Case, asked: &Asked) -> Vec<(String, Question)> {
    let Question { object, user, .. } = &asked.question;
    let of = if asked.kind == Kind::Objects { object } else { user };
    let type_name = of.split(':').next().unwrap_or_default();
    let mut names: Vec<String> = vec![object.clone()];
    for tuple in &case.tuples {
        let user = tuple.user.split('#').next().unwrap_or_default();
        names.extend([tuple.object.clone(), user.to_owned()]);
    }
    names.retain(|name| name.split(':').next() == Some(type_name));
    names.retain(|name| asked.kind == Kind::Users || !name.ends_with(":*"));
    names.sort();
    names.dedup();
    let question = |name: &String| match asked.kind {
        Kind::Objects => Question { object: name.clone(), ..asked.question.clone() },
        _ => Question { user: name.clone(), ..asked.question.clone() },
    };
    names.iter().map(|name| (name.clone(), question(name))).collect()
}

/// The case without tuples whose condition cannot be evaluated for the question.
fn without_unknown(sheet: &Sheet, question: &Question) -> Result<Case, String> {
    let truths = Conditions::of(&sheet.case)?.truths(question);
    let known = sheet.case.tuples.iter().zip(truths).filter(|(_, truth)| *truth != Truth::Unknown);
    Ok(Case { model: sheet.case.model.clone(), tuples: known.map(|(tuple, _)| tuple.clone()).collect() })
}
