//! Running a command where the workspace stands, and saying what it came to.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use crate::report::Cell;

/// The folder of the workspace.
pub fn workspace() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// The cargo that runs us.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace());
    command
}

/// Builds a bench target (release profile, own `main`) and runs it with these words.
///
/// Of the whole workspace and not of one package: features are then the same for every target, and what one built
/// the next need not build again.
pub fn release_target(target: &str, words: &[String]) -> Command {
    let mut command = cargo();
    command.args(["bench", "--quiet", "--locked", "--workspace", "--bench", target, "--"]).args(words);
    command
}

/// Runs a step with its output shown, and says what it came to and how long it took.
pub fn step(title: &str, command: &mut Command) -> (Cell, Duration) {
    println!("\n== {title}");
    let start = Instant::now();
    let cell = match command.status() {
        Ok(status) if status.success() => Cell::Ok,
        Ok(status) => Cell::Red(format!("`{}` ended with {status}", shown(command))),
        Err(error) => Cell::Red(format!("`{}` could not be started: {error}", shown(command))),
    };
    (cell, start.elapsed())
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut words = vec![program.to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|a| a.to_string_lossy().into_owned()));
    words.join(" ")
}
