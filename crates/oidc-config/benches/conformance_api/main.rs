//! The API crates against data: `cargo xtask conformance api [--cases N] [--seed S] [--only WORD]`.
//!
//! Rows are kinds, as the definitions in the data name them; columns:
//! - fields: every field of the definition is one that the type knows;
//! - round trip: every object of the data, as it is and with fields that nobody knows, and arbitrary ones, comes back;
//! - schema: our definition equals the one in the data, descriptions aside;
//! - conversion: to the other version and back is the identity, for kinds that have two.
//!
//! Three rows more are laws that no data is needed for: of claims, of names, of hashes. `--cases` (20,000) counts for each
//! property; round trips share them. A case is a seed: `--seed S --cases 1` repeats it. `--only` keeps the rows whose
//! name has the word.

mod cell; // what a row says
mod data; // definitions and objects, found in folders
mod kinds; // kinds of both crates
mod properties; // many cases, on every processor
mod rows; // what is checked of a kind
mod unknown; // fields that nobody knows

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::data::Data;

// Cases are made of small JSON values: the allocator was two fifths of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the command line says.
pub struct Options {
    /// Cases of each property.
    pub cases: u64,
    /// Seed of the first case.
    pub seed: u64,
    /// Rows whose name has this word.
    pub only: Option<String>,
}

fn main() -> ExitCode {
    match run() {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conformance api: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether a cell is red.
fn run() -> Result<bool> {
    let options = Options::read(std::env::args().skip(1))?;
    let folder = std::env::var_os("MESH_FIXTURES").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures")),
        PathBuf::from,
    );
    let data = Data::find(&folder)?;
    println!(
        "{} definitions and {} objects in {}; {} cases from seed {}",
        data.definitions.len(),
        data.objects.len(),
        folder.display(),
        options.cases,
        options.seed
    );
    let start = Instant::now();
    let is_red = rows::report(&data, &options);
    println!("took {:.1} s", start.elapsed().as_secs_f64());
    Ok(is_red)
}

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self { cases: 20_000, seed: 1, only: None };
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("`{word}` wants a value"));
            match word.as_str() {
                "--cases" => {
                    options.cases = value()?.replace('_', "").parse().context("`--cases` wants a number")?
                }
                "--seed" => options.seed = value()?.parse().context("`--seed` wants a number")?,
                "--only" => options.only = Some(value()?),
                // Cargo says this to every bench.
                "--bench" => {}
                other => bail!("`{other}` is no option; there are --cases N, --seed S, --only WORD"),
            }
        }
        Ok(options)
    }

    /// Whether a row is wanted.
    pub fn wants(&self, row: &str) -> bool {
        self.only.as_deref().is_none_or(|word| row.to_lowercase().contains(&word.to_lowercase()))
    }
}
