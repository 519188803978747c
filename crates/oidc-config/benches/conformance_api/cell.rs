//! What a row says, in the lines that `cargo xtask conformance` reads.

use serde_json::json;

/// The state of a cell.
pub enum Cell {
    /// Holds, with what was counted.
    Ok(String),
    /// Does not hold, and why.
    Red(String),
    /// Cannot be asked, and why.
    NotApplicable(String),
}

impl Cell {
    /// Red where there is a finding; the first few of them are the reason.
    pub fn of(findings: &[String], counted: String) -> Self {
        const SHOWN: usize = 5;
        if findings.is_empty() {
            return Self::Ok(counted);
        }
        let mut reason: Vec<String> = findings.iter().take(SHOWN).map(|line| shortened(line)).collect();
        if findings.len() > SHOWN {
            reason.push(format!("and {} more", findings.len() - SHOWN));
        }
        Self::Red(reason.join("\n  "))
    }

    /// Prints it.
    pub fn report(&self, row: &str, column: &str) {
        let (word, reason) = match self {
            Self::Ok(reason) => ("ok", reason),
            Self::Red(reason) => ("RED", reason),
            Self::NotApplicable(reason) => ("n/a", reason),
        };
        println!("::cell {}", json!({"row": row, "column": column, "cell": word, "reason": reason}));
    }

    /// Whether it is red.
    pub fn is_red(&self) -> bool {
        matches!(self, Self::Red(_))
    }
}

fn shortened(line: &str) -> String {
    const LEN_MAX: usize = 1200;
    if line.chars().count() <= LEN_MAX {
        return line.to_owned();
    }
    line.chars().take(LEN_MAX).chain("…".chars()).collect()
}
