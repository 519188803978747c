//! The suites of `fga/` against the engine in process, over gRPC and over HTTP, or against any OpenFGA server.
//!
//! `cargo xtask conformance fga [--only WORD] [--target URL]…`: with targets (`http://host:port`, `grpc://host:port`)
//! those are asked instead of ours. Suites and counts come from the data.

mod data; // where the data lies, and how cases are written
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
            other => {
                return Err(format!(
                    "`{other}` is no option; there are --only WORD, --target URL, --verbose"
                ));
            }
        }
    }
    Ok(options)
}

fn run(arguments: &[String]) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let options = options(arguments)?;
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
