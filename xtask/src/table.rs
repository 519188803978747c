//! A table of cells, filled by a built target: it writes lines `::cell {json}`, we print, count and store them.
//!
//! A cell line has `row`, `column` and `cell` (`ok`, `RED`, `n/a`, or `note` for what is only shown and not counted), and
//! where there is more to say `text`, shown in place of `ok`, and `reason`, shown below the table for red cells and in
//! brackets for those that do not apply.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

const MARK: &str = "::cell ";

/// Rows and columns in the order in which they were first named.
#[derive(Debug)]
pub struct Table {
    name: String,
    cells: Vec<Entry>,
    /// The target ended without saying so: a reason that makes the table red.
    broken: Option<String>,
}

#[derive(Clone, Debug)]
struct Entry {
    row: String,
    column: String,
    cell: Word,
    text: String,
    reason: String,
}

/// What a cell says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// As it should be.
    Ok,
    /// Not as it should be.
    Red,
    /// Nothing to say here.
    NotApplicable,
    /// Beside the others for comparison.
    Note,
}

impl Table {
    /// An empty table; `name` opens its closing line.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), cells: Vec::new(), broken: None }
    }

    /// Adds a cell that a verb makes itself.
    pub fn add(&mut self, row: &str, column: &str, cell: Word, text: &str, reason: &str) {
        let [row, column, text, reason] = [row, column, text, reason].map(str::to_owned);
        self.cells.push(Entry { row, column, cell, text, reason });
    }

    /// Runs a target and takes its cells; what else it prints passes through.
    pub fn run(&mut self, command: &mut Command) -> Result<()> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child =
            command.stdout(Stdio::piped()).spawn().with_context(|| format!("start `{program}`"))?;
        let Some(stdout) = child.stdout.take() else { bail!("`{program}` has no output") };
        for line in BufReader::new(stdout).lines() {
            let line = line.with_context(|| format!("read what `{program}` prints"))?;
            match line.strip_prefix(MARK) {
                Some(cell) => self.cells.push(Entry::read(cell)?),
                None => println!("{line}"),
            }
        }
        let status = child.wait().with_context(|| format!("wait for `{program}`"))?;
        if !status.success() && !self.is_red() {
            self.broken = Some(format!("the target ended with {status} and named no red cell"));
        }
        Ok(())
    }

    fn is_red(&self) -> bool {
        self.broken.is_some() || self.cells.iter().any(|entry| entry.cell == Word::Red)
    }

    /// Prints the table, its reasons and the closing line, writes the file of `--json`, and gives the exit code:
    /// 1 where a cell is red, 2 where there is no cell at all.
    pub fn close(&self, json_file: Option<PathBuf>) -> Result<ExitCode> {
        self.print();
        let count = |word: Word| self.cells.iter().filter(|entry| entry.cell == word).count();
        let (ok, absent) = (count(Word::Ok), count(Word::NotApplicable));
        let red = count(Word::Red) + usize::from(self.broken.is_some());
        let total = ok + absent + red;
        if let Some(file) = json_file {
            let cells: Vec<Value> = self.cells.iter().map(Entry::json).collect();
            let whole = json!({"name": self.name, "total": total, "ok": ok, "n/a": absent, "red": red,
                "broken": self.broken, "cells": cells});
            std::fs::write(&file, format!("{whole:#}\n"))
                .with_context(|| format!("write {}", file.display()))?;
        }
        println!("\n{}: {total} total, {ok} ok, {absent} n/a, {red} red", self.name);
        Ok(match (red, total) {
            (0, 0) if self.cells.is_empty() => ExitCode::from(2),
            (0, _) => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    }

    fn print(&self) {
        let (rows, columns) = (names(&self.cells, |e| &e.row), names(&self.cells, |e| &e.column));
        let shown = |row: &str, column: &str| {
            let found = self.cells.iter().filter(|e| e.row == row && e.column == column);
            found.map(Entry::shown).collect::<Vec<_>>().join(" ")
        };
        let width = |texts: Vec<String>| texts.iter().map(|t| t.chars().count()).max().unwrap_or(0);
        let first = width(rows.iter().map(|row| (*row).to_owned()).collect());
        let widths: Vec<usize> = columns
            .iter()
            .map(|column| {
                let own = std::iter::once((*column).to_owned());
                width(own.chain(rows.iter().map(|row| shown(row, column))).collect())
            })
            .collect();
        let line = |head: &str, cells: Vec<String>| {
            let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("  {cell:width$}"));
            println!("{}", format!("{head:first$}{}", cells.collect::<String>()).trim_end());
        };
        println!();
        line("", columns.iter().map(|column| (*column).to_owned()).collect());
        for row in &rows {
            line(row, columns.iter().map(|column| shown(row, column)).collect());
        }
        for entry in self.cells.iter().filter(|entry| entry.cell == Word::Red) {
            println!("\nRED {} / {}: {}", entry.row, entry.column, entry.reason);
        }
        if let Some(why) = &self.broken {
            println!("\nRED {}: {why}", self.name);
        }
    }
}

impl Entry {
    fn read(line: &str) -> Result<Self> {
        let value: Value =
            serde_json::from_str(line).with_context(|| format!("a cell line is no JSON: {line}"))?;
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let cell = match value["cell"].as_str() {
            Some("ok") => Word::Ok,
            Some("RED") => Word::Red,
            Some("n/a") => Word::NotApplicable,
            Some("note") => Word::Note,
            _ => bail!("a cell is `ok`, `RED`, `n/a` or `note`: {line}"),
        };
        Ok(Self {
            row: text("row"),
            column: text("column"),
            cell,
            text: text("text"),
            reason: text("reason"),
        })
    }

    fn shown(&self) -> String {
        match self.cell {
            Word::Ok if self.text.is_empty() => "ok".into(),
            Word::Ok | Word::Note => self.text.clone(),
            Word::Red if self.text.is_empty() => "RED".into(),
            Word::Red => format!("{} RED", self.text),
            Word::NotApplicable => format!("n/a({})", self.reason),
        }
    }

    fn json(&self) -> Value {
        let cell = match self.cell {
            Word::Ok => "ok",
            Word::Red => "RED",
            Word::NotApplicable => "n/a",
            Word::Note => "note",
        };
        json!({"row": self.row, "column": self.column, "cell": cell, "text": self.text, "reason": self.reason})
    }
}

/// Takes `--json FILE` out of a verb's words; the rest goes to the target.
pub fn json_option(words: &[&str]) -> Result<(Vec<String>, Option<PathBuf>)> {
    let (mut rest, mut file) = (Vec::new(), None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if *word == "--json" {
            file = Some(PathBuf::from(words.next().context("`--json` names no file: --json FILE")?));
        } else {
            rest.push((*word).to_owned());
        }
    }
    Ok((rest, file))
}

fn names<'a>(cells: &'a [Entry], name: impl Fn(&'a Entry) -> &'a String) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for cell in cells {
        let name = name(cell).as_str();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
