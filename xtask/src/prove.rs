//! Every guarantee has a test, and a patch that breaks the guarantee: with the patch the test must fail, without it pass.
//!
//! A patch lies in `crates/NAME/tests/breaks/F07.diff`; its tests are those whose names begin with `f07_`, in any of the proof's targets. All
//! of it happens in a copy of the files that git tracks, with a target folder of its own: to cargo the copy's crates are the same as the
//! workspace's, and what was built with a break must never be taken for them. That folder begins as a copy of the workspace's libraries, so
//! that no dependency is built again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    process::workspace,
    table::{Table, Word, json_option},
};

struct Proof {
    name: &'static str,
    breaks: &'static str,
    /// Test targets, of whatever crate.
    tests: &'static [&'static str],
}

const PROOFS: [Proof; 1] = [Proof {
    name: "multicluster",
    breaks: "crates/multicluster/tests/breaks",
    tests: &["guarantees", "leader", "fair_queue", "fair_queue_model", "api_export"],
}];

/// By target and name: whether a test passed.
type Outcomes = BTreeMap<(String, String), bool>;

/// A broken guarantee may make a test wait for ever.
const LONGEST: Duration = Duration::from_secs(900);

/// Runs one proof; `--only F07` runs one guarantee.
pub fn run(name: &str, words: &[&str]) -> Result<ExitCode> {
    let Some(proof) = PROOFS.iter().find(|proof| proof.name == name) else {
        let known: Vec<&str> = PROOFS.iter().map(|proof| proof.name).collect();
        eprintln!("xtask: there is no proof `{name}`; there are: {}", known.join(", "));
        return Ok(ExitCode::from(2));
    };
    let (rest, json_file) = json_option(words)?;
    let only = match rest.as_slice() {
        [] => None,
        [word, id] if word == "--only" => Some(id.to_uppercase()),
        other => bail!("prove {name}: `{}` is not known here", other.join(" ")),
    };
    let breaks: Vec<PathBuf> =
        breaks(proof)?.into_iter().filter(|file| only.as_ref().is_none_or(|id| stem(file) == *id)).collect();
    let scratch = Scratch::make(proof)?;
    let mut table = Table::new(format!("prove {name}"));
    println!("== prove {name}: without a break");
    let filter = only.map_or("f".to_owned(), |id| format!("{}_", id.to_lowercase()));
    let whole = scratch.test(proof.tests, &filter)?;
    for file in &breaks {
        let id = stem(file);
        println!("== prove {name}: {id}");
        let mine = |outcomes: &Outcomes| -> Outcomes {
            let prefix = format!("{}_", id.to_lowercase());
            let named = |test: &str| test.rsplit("::").next().is_some_and(|last| last.starts_with(&prefix));
            outcomes.iter().filter(|((_, test), _)| named(test)).map(|(at, ok)| (at.clone(), *ok)).collect()
        };
        let before = whole.as_ref().map(mine).map_err(Clone::clone);
        // Only what holds one of its tests is built again.
        let targets: BTreeSet<&str> =
            before.iter().flatten().map(|((target, _), _)| target.as_str()).collect();
        let targets: Vec<&str> = targets.into_iter().collect();
        let broken = match targets.is_empty() {
            true => Err("no test bears its name".to_owned()),
            false => scratch.broken(&targets, file, &id)?,
        };
        let (word, text, why) = judge_whole(before);
        table.add(&id, "whole", word, &text, &why);
        let (word, text, why) = judge_broken(broken.map(|outcomes| mine(&outcomes)));
        table.add(&id, "broken", word, &text, &why);
    }
    table.close(json_file)
}

fn judge_whole(tests: Result<Outcomes, String>) -> (Word, String, String) {
    match tests {
        Err(why) => (Word::Red, String::new(), why),
        Ok(tests) if tests.is_empty() => (Word::Red, String::new(), "no test bears its name".into()),
        Ok(tests) => match tests.iter().find(|(_, ok)| !**ok) {
            Some(((_, test), _)) => (Word::Red, String::new(), format!("`{test}` fails without a break")),
            None => (Word::Ok, format!("{} pass", tests.len()), String::new()),
        },
    }
}

fn judge_broken(tests: Result<Outcomes, String>) -> (Word, String, String) {
    match tests {
        Err(why) => (Word::Red, String::new(), why),
        Ok(tests) => match tests.values().filter(|ok| !**ok).count() {
            0 => (Word::Red, String::new(), "the guarantee is broken and no test fails".into()),
            failed => (Word::Ok, format!("{failed} of {} fail", tests.len()), String::new()),
        },
    }
}

fn breaks(proof: &Proof) -> Result<Vec<PathBuf>> {
    let folder = workspace().join(proof.breaks);
    let entries = fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "diff"));
    files.sort();
    Ok(files)
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// A copy of the workspace, with a target folder that all proofs share.
struct Scratch {
    tree: PathBuf,
    target: PathBuf,
}

impl Scratch {
    fn make(proof: &Proof) -> Result<Self> {
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from);
        let scratch =
            Self { tree: target.join("prove").join(proof.name), target: target.join("prove/target") };
        if !scratch.target.is_dir() {
            borrow(&target.join("debug"), &scratch.target.join("debug"))?;
        }
        let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(workspace()).output()?;
        if !listed.status.success() {
            bail!("git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
        }
        for name in String::from_utf8_lossy(&listed.stdout).split('\0').filter(|name| !name.is_empty()) {
            scratch.restore(name)?;
        }
        Ok(scratch)
    }

    /// Copies a file anew where it differs, so that what did not change is not built again.
    fn restore(&self, name: &str) -> Result<()> {
        let (from, to) = (workspace().join(name), self.tree.join(name));
        let Ok(wanted) = fs::read(&from) else { return Ok(()) };
        if fs::read(&to).is_ok_and(|there| there == wanted) {
            return Ok(());
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&to, wanted).with_context(|| format!("write {}", to.display()))
    }

    /// The outcomes of the tests with a break applied.
    fn broken(&self, targets: &[&str], file: &Path, id: &str) -> Result<Result<Outcomes, String>> {
        let applied = Command::new("git")
            .args(["apply", "-p1", "--whitespace=nowarn"])
            .arg(file)
            .current_dir(&self.tree)
            // The copy lies inside the repository, and must not be taken for a part of it.
            .env("GIT_CEILING_DIRECTORIES", self.tree.parent().unwrap_or(&self.tree))
            .output()?;
        let outcome = match applied.status.success() {
            true => self.test(targets, &format!("{}_", id.to_lowercase()))?,
            false => Err(format!("does not apply: {}", String::from_utf8_lossy(&applied.stderr).trim())),
        };
        let text = fs::read_to_string(file)?;
        for name in text.lines().filter_map(|line| line.strip_prefix("+++ b/")) {
            self.restore(name.trim())?;
        }
        Ok(outcome)
    }

    /// Test names and whether they passed; or why there are none.
    fn test(&self, targets: &[&str], filter: &str) -> Result<Result<Outcomes, String>> {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // The whole workspace, whatever is tested: what is chosen decides on the features of everything below.
        command.args(["test", "--locked", "--no-fail-fast", "--workspace"]);
        command.args(targets.iter().flat_map(|target| ["--test", target]));
        command.args(["--", filter]).current_dir(&self.tree);
        command.env("CARGO_TARGET_DIR", &self.target).env("RUST_BACKTRACE", "0");
        let log = self.tree.with_extension("log");
        let out = fs::File::create(&log)?;
        // A group of its own: with cargo, the tests that it started end as well.
        let mut child = command.process_group(0).stdout(out.try_clone()?).stderr(Stdio::from(out)).spawn()?;
        let started = Instant::now();
        let mut late = false;
        while child.try_wait()?.is_none() {
            if started.elapsed() > LONGEST {
                late = true;
                Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status()?;
                child.wait()?;
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let text = fs::read_to_string(&log)?;
        let outcomes = outcomes(&text);
        // A test that waits for ever is no finding by itself; one that failed before is.
        if late && outcomes.values().all(|ok| *ok) {
            return Ok(Err(format!("not done after {} s; see {}", LONGEST.as_secs(), log.display())));
        }
        if outcomes.is_empty() && !text.contains("test result:") {
            return Ok(Err(format!("no test was run; see {}", log.display())));
        }
        Ok(Ok(outcomes))
    }
}

/// Copies what was built of libraries and build scripts; programs and tests, the larger part, are linked anew anyway.
fn borrow(from: &Path, to: &Path) -> Result<()> {
    if !from.join("deps").is_dir() {
        return Ok(());
    }
    println!("copying built libraries from {}", from.display());
    fs::create_dir_all(to.join("deps"))?;
    let mut libraries = Vec::new();
    for entry in fs::read_dir(from.join("deps"))? {
        let path = entry?.path();
        let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
        if ["rlib", "rmeta", "so", "d"].contains(&end) {
            libraries.push(path);
        }
    }
    for some in libraries.chunks(500) {
        copy(some, &to.join("deps"))?;
    }
    copy(&[from.join("build"), from.join(".fingerprint")], to)
}

/// Files and folders into a folder, with the times by which cargo knows what is fresh.
fn copy(from: &[PathBuf], into: &Path) -> Result<()> {
    let mut cp = Command::new("cp");
    cp.args(["--archive", "--reflink=auto", "--target-directory"]).arg(into).args(from);
    let status = cp.status().context("run `cp`")?;
    if !status.success() {
        bail!("copying into {} ended with {status}", into.display());
    }
    Ok(())
}

/// `test some::name ... ok` and `... FAILED`, below the line that names their target.
fn outcomes(text: &str) -> Outcomes {
    let mut found = Outcomes::new();
    let mut target = String::new();
    for line in text.lines() {
        if let Some(running) = line.trim_start().strip_prefix("Running ") {
            let path = running.split_whitespace().next().unwrap_or_default();
            let name = path.strip_prefix("tests/").unwrap_or(path);
            target = name.trim_end_matches(".rs").trim_end_matches("/main").to_owned();
        }
        let Some((name, result)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... "))
        else {
            continue;
        };
        match result.split_whitespace().next() {
            Some("ok") => found.insert((target.clone(), name.to_owned()), true),
            Some("FAILED") => found.insert((target.clone(), name.to_owned()), false),
            _ => None,
        };
    }
    found
}
