//! The server inside the `fga` command line: store files in, what differs out.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::sheet::{Asked, Expected, Kind, Sheet};

/// The code of a condition that cannot be evaluated.
const CONDITION: u32 = 2_000;

/// How long the command line may take for some sheets. Some searches of the reference do not end.
const ASKED_MAX: Duration = Duration::from_secs(150);
/// Between two looks whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Why nothing came back.
#[derive(Debug)]
pub enum Trouble {
    /// The command line did not end in time.
    Endless,
    /// Anything else, in words.
    Other(String),
}

impl From<String> for Trouble {
    fn from(what: String) -> Self {
        Trouble::Other(what)
    }
}

/// What the command line reported, by label and question: a line for each answer that is not the expected one.
pub type Reported = BTreeMap<u64, BTreeMap<String, String>>;

/// Differences: the words of a question, and what the reference says.
pub type Open = BTreeMap<String, String>;

/// Sheets to be asked in one process, some of them many times.
#[derive(Default)]
pub struct Round(Vec<Sheet>);

/// What came back, by label.
pub struct Answers(Vec<Open>);

impl Round {
    /// Adds a sheet so many times; their labels.
    pub fn add(&mut self, sheet: &Sheet, times: usize) -> Vec<u64> {
        let first = self.0.len() as u64;
        let labels: Vec<u64> = (first..first + times as u64).collect();
        self.0.extend(labels.iter().map(|label| Sheet { label: *label, ..sheet.clone() }));
        labels
    }

    pub fn ask(&self, program: &Path) -> Result<Answers, Trouble> {
        let reported = if self.0.is_empty() { Reported::new() } else { ask(program, &self.0)? };
        Ok(Answers(self.0.iter().map(|sheet| differing(sheet, &reported)).collect()))
    }
}

impl Answers {
    /// What the reference said otherwise.
    pub fn line(&self, label: u64, name: &str) -> Option<&str> {
        Some(self.0.get(usize::try_from(label).ok()?)?.get(name)?.as_str())
    }

    /// Whether the reference gave our answer once at least.
    pub fn agree(&self, labels: &[u64], name: &str) -> bool {
        labels.iter().any(|label| self.line(*label, name).is_none())
    }
}

/// The installed `fga` command line.
pub fn program() -> Option<PathBuf> {
    let program = peers().join("fga/bin/fga");
    program.is_file().then_some(program)
}

fn peers() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target")).join("peers")
}

/// Runs the command line over some sheets.
pub fn ask(program: &Path, sheets: &[Sheet]) -> Result<Reported, Trouble> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    for sheet in sheets {
        let path = folder.path().join(format!("model-{}.fga.yaml", sheet.label));
        let file = sheet.file()?;
        fs::write(&path, file.to_string()).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let mut command = Command::new(program);
    command.args(["model", "test", "--tests"]).arg(folder.path().join("*.fga.yaml"));
    command.env("HOME", folder.path()).env("PYTHONPATH", peers().join("fga"));
    let text =
        said(&mut command, folder.path()).map_err(|error| format!("{}: {error}", program.display()))?;
    let text = text.ok_or(Trouble::Endless)?;
    if let Some(error) = text.lines().find(|line| line.starts_with("Error: error running tests")) {
        return Err(Trouble::Other(format!("our engine took what the reference refuses: {error}")));
    }
    if !["Checks ", "ListObjects ", "ListUsers "].iter().any(|total| text.contains(total)) {
        return Err(Trouble::Other(format!("the command line did not answer: {text}")));
    }
    Ok(read(&text))
}

/// What a command says, by way of files in a folder; `None` if it does not end in time.
fn said(command: &mut Command, folder: &Path) -> io::Result<Option<String>> {
    let files = [folder.join("out"), folder.join("err")];
    let [out, err] = &files;
    command.stdin(Stdio::null()).stdout(fs::File::create(out)?).stderr(fs::File::create(err)?);
    let (mut child, begun) = (command.spawn()?, Instant::now());
    while child.try_wait()?.is_none() {
        if begun.elapsed() > ASKED_MAX {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let mut text = String::new();
    for file in &files {
        text.push_str(&String::from_utf8_lossy(&fs::read(file)?));
    }
    Ok(Some(text))
}

fn read(text: &str) -> Reported {
    let mut reported = Reported::new();
    let mut label = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("(FAILING) model-") {
            label = rest.split(':').next().and_then(|number| number.parse().ok());
        }
        let question = line.split_once("Check(").map(|(_, rest)| ("check", rest));
        let question =
            question.or_else(|| line.split_once("ListObjects(").map(|(_, rest)| ("objects", rest)));
        let question = question.or_else(|| line.split_once("ListUsers(").map(|(_, rest)| ("users", rest)));
        if let (Some(label), Some((kind, rest))) = (label, question)
            && line.starts_with('ⅹ')
        {
            let asked = rest.split(", context:").next().and_then(|r| r.split("): expected=").next());
            let answer = rest.split_once("): expected=").map_or(rest, |(_, answer)| answer);
            let asked = asked.unwrap_or(rest).replace(" Relation:<nil>", "");
            reported.entry(label).or_default().insert(format!("{kind} {asked}"), answer.to_owned());
        }
    }
    reported
}

/// The questions of a sheet to which the reference gives another answer than we, with what it says.
pub fn differing(sheet: &Sheet, reported: &Reported) -> Open {
    let none = Open::new();
    let reported = reported.get(&sheet.label).unwrap_or(&none);
    let mut found = Open::new();
    for (name, asked) in &sheet.asked {
        let line = reported.get(name);
        let same = match (&asked.expected, line) {
            (Expected::Refused(code), Some(line)) => code_of(line) == Some(*code),
            (Expected::Condition, Some(line)) => code_of(line) == Some(CONDITION),
            (Expected::Refused(_) | Expected::Condition, None) => false,
            (_, line) => line.is_none(),
        };
        if !same {
            let line = line.cloned().unwrap_or_else(|| "the expected answer".to_owned());
            found.insert(name.clone(), line);
        }
    }
    found
}

/// The code in an error of the command line.
fn code_of(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once("code = Code(")?;
    rest.split(')').next()?.parse().ok()
}

/// What the reference says to a question.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Checked(bool),
    Listed(Vec<String>),
    Refused,
}

impl Answer {
    /// Ours.
    pub fn ours(asked: &Asked) -> Self {
        match &asked.expected {
            Expected::Checked(allowed) => Self::Checked(*allowed),
            Expected::Listed(list) => Self::Listed(list.clone()),
            Expected::Refused(_) | Expected::Condition => Self::Refused,
        }
    }

    /// From the line about the question, if there is one: without it the answer is what was expected.
    pub fn of(asked: &Asked, line: Option<&str>) -> Option<Self> {
        if line.is_some_and(|line| line.contains("error=")) {
            return Some(Self::Refused);
        }
        let got = line.and_then(|line| line.split_once("got=")).map(|(_, got)| got);
        match (asked.kind, got, &asked.expected) {
            (Kind::Check, Some(got), _) => Some(Self::Checked(got.starts_with("true"))),
            (Kind::Check, None, expected) => Some(Self::Checked(*expected != Expected::Checked(false))),
            (_, Some(got), _) => {
                let list = got.split_once('[')?.1.split(']').next()?;
                Some(Self::Listed(list.split_whitespace().map(str::to_owned).collect()))
            }
            (_, None, Expected::Listed(list)) => Some(Self::Listed(list.clone())),
            (_, None, _) => Some(Self::Listed(Vec::new())),
        }
    }
}
