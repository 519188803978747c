//! Cells: what a suite came to on a path.

use std::process::ExitCode;

use serde_json::json;

/// What the cases of a suite came to on one path.
#[derive(Default)]
pub struct Outcome {
    ok: usize,
    red: Vec<String>,
    /// Cases that cannot be asked this way, by reason.
    not_applicable: Vec<(String, usize)>,
}

impl Outcome {
    /// A case that holds.
    pub fn ok(&mut self) {
        self.ok += 1;
    }

    /// A case that does not.
    pub fn red(&mut self, why: String) {
        self.red.push(why);
    }

    /// A case that cannot be asked, and why.
    pub fn not_applicable(&mut self, reason: &str) {
        match self.not_applicable.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count += 1,
            None => self.not_applicable.push((reason.to_owned(), 1)),
        }
    }

    /// Compares what came with what was wanted.
    pub fn compare<T: PartialEq + std::fmt::Debug>(
        &mut self,
        case: impl FnOnce() -> String,
        wanted: T,
        got: T,
    ) {
        if wanted == got {
            self.ok();
        } else {
            self.red(format!("{}: wanted {wanted:?}, got {got:?}", case()));
        }
    }
}

/// All cells of a run.
pub struct Report {
    red: bool,
    verbose: bool,
}

/// Red cases that are shown for a cell.
const SHOWN_MAX: usize = 12;

impl Report {
    /// A report without cells; `verbose` shows every red case.
    pub fn new(verbose: bool) -> Self {
        Self { red: false, verbose }
    }

    /// Writes the cell of a suite on a path; a second one where cases were not asked.
    pub fn add(&mut self, suite: &str, path: &str, outcome: Outcome) {
        let asked = outcome.ok + outcome.red.len();
        let text = format!("{}/{asked}", outcome.ok);
        let cell = match (outcome.red.is_empty(), asked) {
            (false, _) => "RED",
            (true, 0) if outcome.not_applicable.is_empty() => "RED",
            (true, _) => "ok",
        };
        self.red |= cell == "RED";
        let shown = if self.verbose { usize::MAX } else { SHOWN_MAX };
        let mut reasons: Vec<String> = outcome.red.iter().take(shown).cloned().collect();
        if outcome.red.len() > shown {
            reasons.push(format!("and {} more", outcome.red.len() - shown));
        }
        if asked == 0 && outcome.not_applicable.is_empty() {
            reasons.push("the suite has no case".to_owned());
        }
        if asked > 0 || outcome.not_applicable.is_empty() {
            print(suite, path, cell, &text, &reasons.join("\n  "));
        }
        for (reason, count) in outcome.not_applicable {
            print(suite, path, "n/a", "", &format!("{count} {reason}"));
        }
    }

    /// The exit code.
    pub fn close(self) -> ExitCode {
        if self.red { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

fn print(row: &str, column: &str, cell: &str, text: &str, reason: &str) {
    println!(
        "::cell {}",
        json!({"row": row, "column": column, "cell": cell, "text": text, "reason": reason})
    );
}
