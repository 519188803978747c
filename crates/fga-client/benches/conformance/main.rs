//! The suites of `fga/` against the engine in process, over gRPC and over HTTP, or against any OpenFGA server.
//!
//! `cargo xtask conformance fga [--only WORD] [--target URL]…`: with targets (`http://host:port`, `grpc://host:port`)
//! those are asked instead of ours. Suites and counts come from the data.
//!
//! `cargo xtask conformance fga --differential N [--seed S]`: about N random questions to our engine and to the server inside the
//! `fga` command line, from the model with number S on. `--search N` holds ours against a plain search instead, without a
//! server.

mod data; // where the data lies, and how cases are written
mod differential; // random questions, ours and the `fga` command line's answers
mod expand; // one level of a relation
mod language; // texts: DSL, JSON, modules
mod query; // check and both lists
mod report; // cells
mod sample_stores; // store files
mod target; // who is asked
mod write; // what a write refuses

use std::process::ExitCode;

use report::Report;
use target::{Limit, Targets};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("conformance: {error}");
            ExitCode::from(2)
        }
    }
}

/// What the command line asks for.
#[derive(Default)]
struct Options {
    only: Option<String>,
    targets: Vec<String>,
    verbose: bool,
    differential: Option<u64>,
    search: Option<u64>,
    seed: u64,
}

fn options(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().cloned().ok_or_else(|| format!("`{word}` needs a value"));
        match word.as_str() {
            "--only" => options.only = Some(value()?),
            "--target" => options.targets.push(value()?),
            "--verbose" => options.verbose = true,
            "--differential" => options.differential = Some(number(&value()?)?),
            "--search" => options.search = Some(number(&value()?)?),
            "--seed" => options.seed = number(&value()?)?,
            other => {
                return Err(format!(
                    "`{other}` is no option; there are --only WORD, --target URL, --verbose, --differential N, --search N, --seed S"
                ));
            }
        }
    }
    Ok(options)
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}

/// Random questions; the cell of the run.
fn differential(options: &Options, questions: u64) -> Result<ExitCode, String> {
    let program =
        differential::program().ok_or("there is no `fga` command line: cargo xtask peers install")?;
    let models = questions.div_ceil(differential::QUESTIONS as u64);
    let mut shown = 0;
    let progress = |compared: &differential::Compared| {
        if compared.questions / 50_000 > shown / 50_000 {
            println!("{} questions, {} differences", compared.questions, compared.differences.len());
        }
        shown = compared.questions;
    };
    let compared = differential::run(&program, options.seed..options.seed + models, progress)?;
    let mut outcome = report::Outcome::default();
    let explained: usize = compared.explained.values().sum();
    (0..compared.questions - compared.differences.len() - explained).for_each(|_| outcome.ok());
    compared.differences.into_iter().for_each(|difference| outcome.red(difference));
    for (class, count) in compared.explained {
        (0..count).for_each(|_| outcome.not_applicable(class.told()));
    }
    if !compared.endless.is_empty() {
        let seeds = &compared.endless;
        println!("left out, as a search of the reference does not end: models {seeds:?}");
        seeds.iter().for_each(|_| outcome.not_applicable("models to which the reference does not end"));
    }
    let mut report = Report::new(options.verbose);
    report.add("differential", "fga command line", outcome);
    Ok(report.close())
}

/// Random questions and a plain search; the cell of the run.
fn search(options: &Options, questions: u64) -> Result<ExitCode, String> {
    let models = questions.div_ceil(differential::QUESTIONS as u64);
    let searched = differential::search(options.seed..options.seed + models)?;
    let mut outcome = report::Outcome::default();
    (0..searched.questions - searched.differences.len()).for_each(|_| outcome.ok());
    searched.differences.into_iter().for_each(|difference| outcome.red(difference));
    (0..searched.long).for_each(|_| outcome.not_applicable("questions whose search is very long"));
    let mut report = Report::new(options.verbose);
    report.add("differential", "plain search", outcome);
    Ok(report.close())
}

fn run(arguments: &[String]) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let options = options(arguments)?;
    if let Some(questions) = options.differential {
        return Ok(differential(&options, questions)?);
    }
    if let Some(questions) = options.search {
        return Ok(search(&options, questions)?);
    }
    let Some(folder) = data::folder() else {
        return Err("there is no data: set MESH_CONFORMANCE to the folder that holds `fga`".into());
    };
    let wanted = |name: &str| options.only.as_deref().is_none_or(|only| name.contains(only));
    let mut report = Report::new(options.verbose);
    let open = |limit: Limit| match options.targets.as_slice() {
        [] => Targets::ours(limit),
        urls => Targets::at(urls),
    };
    let targets = open(Limit::Strict)?;
    for file in data::files(&folder.join("query"), "yaml")? {
        let name = data::name_of(&folder, &file);
        if wanted(&name) {
            targets.each(|target| report.add(&name, target.path(), query::suite(target, &file)));
        }
    }
    let file = folder.join("expand/expand.yaml");
    if wanted("expand/expand") {
        targets.each(|target| report.add("expand/expand", target.path(), expand::suite(target, &file)));
    }
    let file = folder.join("write/write.yaml");
    if wanted("write/write") {
        let keys_max = write::keys_max(&file)?;
        let targets = open(Limit::WriteKeys(keys_max))?;
        targets.each(|target| report.add("write/write", target.path(), write::suite(target, &file)));
    }
    if wanted("sample-stores") {
        let files = data::files(&folder.join("sample-stores"), "yaml")?;
        targets
            .each(|target| report.add("sample-stores", target.path(), sample_stores::suite(target, &files)));
    }
    if options.targets.is_empty() {
        language::run(&folder, &wanted, &mut report);
    }
    Ok(report.close())
}
