//! The words of a cell, the closing line, and the exit code they lead to.

use std::{fmt, process::ExitCode, time::Duration};

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// It holds.
    Ok,
    /// It does not.
    Red(String),
    /// It could not be asked, and why.
    NotApplicable(String),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Ok => f.write_str("ok"),
            Cell::Red(_) => f.write_str("RED"),
            Cell::NotApplicable(reason) => write!(f, "n/a({reason})"),
        }
    }
}

/// A named list of steps with their outcome.
#[derive(Debug)]
pub struct Report {
    name: &'static str,
    rows: Vec<(String, Cell, Duration)>,
}

impl Report {
    /// An empty report.
    pub fn new(name: &'static str) -> Self {
        Self { name, rows: Vec::new() }
    }

    /// Adds a step.
    pub fn row(&mut self, step: impl Into<String>, cell: Cell, took: Duration) {
        self.rows.push((step.into(), cell, took));
    }

    /// Whether a step is red.
    pub fn is_red(&self) -> bool {
        self.rows.iter().any(|(_, cell, _)| matches!(cell, Cell::Red(_)))
    }

    /// Prints the table and the closing line; the exit code follows from the cells.
    pub fn close(&self) -> ExitCode {
        let width = self.rows.iter().map(|(step, ..)| step.len()).max().unwrap_or(0);
        println!();
        for (step, cell, took) in &self.rows {
            println!("{step:width$}  {cell:6}  {:6.1} s", took.as_secs_f64());
        }
        for (step, cell, _) in &self.rows {
            if let Cell::Red(why) = cell {
                println!("\n{step}: {why}");
            }
        }
        let count = |wanted: fn(&Cell) -> bool| self.rows.iter().filter(|(_, cell, _)| wanted(cell)).count();
        let (ok, red) = (count(|c| *c == Cell::Ok), count(|c| matches!(c, Cell::Red(_))));
        let absent = count(|c| matches!(c, Cell::NotApplicable(_)));
        println!("\n{}: {} total, {ok} ok, {absent} n/a, {red} red", self.name, self.rows.len());
        if red > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}
