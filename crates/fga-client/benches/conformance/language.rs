//! Texts: DSL, JSON, module files, `fga.mod`, object ids and store files. The suites are what the folder `language` holds.
//!
//! Syntax errors count by refusal and line of the first one; all others by category, symbol, place and text.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use fga_model::{
    AuthorizationModel, Category, Diagnostic, FgaMod, ModelErrors, ModuleFile, SourceInfo, Span,
    check_store_file, compose_modules, is_authoring_object_id, parse_document, parse_model, print_model,
    validate_document, validate_model,
};
use serde_json::Value;

use crate::{
    data,
    report::{Outcome, Report},
};

/// The one path these suites are asked on.
const PATH: &str = "in process";

type Run = fn(&Path) -> Result<Outcome, String>;

/// Suites of one file, by the file's name.
const FILES: [(&str, Run); 5] = [
    ("dsl-syntax", dsl_syntax),
    ("dsl-semantic", dsl_semantic),
    ("json-print", json_print),
    ("json-validate", json_validate),
    ("fga-mod", fga_mod),
];

/// Suites of one folder a case.
const FOLDERS: [(&str, Run); 3] =
    [("transformer", transformer), ("transformer-module", modules), ("stores", stores)];

/// Runs the suites that `wanted` names. A file or folder that no suite is known for is red.
pub fn run(folder: &Path, wanted: &dyn Fn(&str) -> bool, report: &mut Report) {
    let root = folder.join("language");
    let mut entries: Vec<PathBuf> =
        fs::read_dir(&root).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    if entries.is_empty() && wanted("language") {
        report.add("language", PATH, failed("there are no language suites".to_owned()));
    }
    for entry in entries {
        let stem = entry.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let name = format!("language/{stem}");
        if !wanted(&name) {
            continue;
        }
        let known = match stem {
            "object-ids" => Some(object_ids as Run),
            _ => FILES.iter().chain(&FOLDERS).find(|(known, _)| *known == stem).map(|(_, run)| *run),
        };
        let outcome = match known {
            Some(run) => run(&entry).unwrap_or_else(failed),
            None => failed(format!("no suite is known for `{}`", entry.display())),
        };
        report.add(&name, PATH, outcome);
    }
}

fn failed(why: String) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.red(why);
    outcome
}

/// Runs `ask` on every case of a file that is not marked `skip`.
fn cases(file: &Path, ask: impl Fn(&Value) -> Result<(), String>) -> Result<Outcome, String> {
    let suite = data::yaml(file)?;
    let mut outcome = Outcome::default();
    for case in data::items(&suite, "tests") {
        if case.get("skip").and_then(Value::as_bool) == Some(true) {
            continue;
        }
        match ask(case) {
            Ok(()) => outcome.ok(),
            Err(why) => outcome.red(format!("{} {}: {why}", case["index"], data::text(case, "name"))),
        }
    }
    Ok(outcome)
}

/// Runs `ask` on every folder below one.
fn folders(folder: &Path, ask: impl Fn(&Path) -> Result<(), String>) -> Result<Outcome, String> {
    let mut below: Vec<PathBuf> = fs::read_dir(folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    below.sort();
    let mut outcome = Outcome::default();
    for case in below {
        match ask(&case) {
            Ok(()) => outcome.ok(),
            Err(why) => outcome.red(format!("{}: {why}", case.display())),
        }
    }
    Ok(outcome)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, wanted: T, found: T) -> Result<(), String> {
    if wanted == found { Ok(()) } else { Err(format!("{what}: wanted {wanted:?}, found {found:?}")) }
}

fn ensure(fine: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if fine { Ok(()) } else { Err(why()) }
}

fn dsl_syntax(file: &Path) -> Result<Outcome, String> {
    cases(file, |case| {
        let wanted = data::items(case, "expected_errors").first();
        let line = wanted.map(|error| error["line"]["start"].as_u64());
        let found = parse_document(&data::text(case, "dsl")).err();
        let found_line = found.as_ref().map(first_line);
        same("line of the first error", line, found_line).map_err(|why| format!("{why}; {found:?}"))
    })
}

fn first_line(errors: &ModelErrors) -> Option<u64> {
    errors.0.iter().find_map(|finding| finding.span).map(|span| span.line as u64)
}

/// An error with everything that counts, as one text; what the case does not say is left out of both.
fn wanted_error(error: &Value) -> (String, [Option<String>; 4]) {
    let text = |pointer: &str| error.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let place = error
        .get("line")
        .map(|line| format!("{}:{}-{}", line["start"], error["column"]["start"], error["column"]["end"]));
    let details = [place, text("/metadata/errorType"), text("/metadata/symbol"), text("/file")];
    (data::text(error, "msg"), details)
}

fn found_error(finding: &Diagnostic) -> (String, [Option<String>; 4]) {
    let place = finding.span.map(|Span { line, start, end }| format!("{line}:{start}-{end}"));
    let details =
        [place, Some(finding.category.name().to_owned()), Some(finding.symbol.clone()), finding.file.clone()];
    (finding.message.clone(), details)
}

/// Whether the findings are the wanted ones, each as often as it is wanted.
fn same_errors(wanted: &[Value], found: &[Diagnostic]) -> Result<(), String> {
    let mut open: Vec<_> = found.iter().map(found_error).collect();
    let mut missing = Vec::new();
    for error in wanted.iter().map(wanted_error) {
        let fits = |other: &(String, [Option<String>; 4])| {
            let pairs = error.1.iter().zip(&other.1);
            error.0 == other.0 && pairs.into_iter().all(|(wanted, found)| wanted.is_none() || wanted == found)
        };
        match open.iter().position(fits) {
            Some(at) => {
                open.remove(at);
            }
            None => missing.push(error),
        }
    }
    ensure(missing.is_empty() && open.is_empty(), || format!("missing {missing:?}, too many {open:?}"))
}

fn dsl_semantic(file: &Path) -> Result<Outcome, String> {
    cases(file, |case| {
        let result =
            parse_document(&data::text(case, "dsl")).and_then(|document| validate_document(&document));
        let found = result.err().map(|errors| errors.0).unwrap_or_default();
        same_errors(data::items(case, "expected_errors"), &found)
    })
}

fn json_validate(file: &Path) -> Result<Outcome, String> {
    cases(file, |case| {
        let model =
            AuthorizationModel::from_json(&data::text(case, "json")).map_err(|error| error.to_string())?;
        let found = validate_model(&model).err().map(|errors| errors.0).unwrap_or_default();
        same_errors(data::items(case, "expected_errors"), &found)
    })
}

fn json_print(file: &Path) -> Result<Outcome, String> {
    cases(file, |case| {
        let model =
            AuthorizationModel::from_json(&data::text(case, "json")).map_err(|error| error.to_string())?;
        let printed = print_model(&model, SourceInfo::Omit).map_err(|error| error.to_string());
        match (printed, case.get("error_message").and_then(Value::as_str)) {
            (Err(error), Some(message)) => same("error", message, error.as_str()),
            (Ok(text), None) => {
                let back = parse_model(&text).map_err(|error| error.to_string())?;
                same("the text, printed again", Ok(text), print_model(&back, SourceInfo::Omit))
            }
            (printed, message) => Err(format!("wanted {message:?}, found {printed:?}")),
        }
    })
}

fn fga_mod(file: &Path) -> Result<Outcome, String> {
    cases(file, |case| {
        let result = FgaMod::parse(&data::text(case, "modFile"));
        match (result, case.get("json").and_then(Value::as_str)) {
            (Ok(list), Some(json)) => {
                let json: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
                let place = |of: &Value| {
                    [&of["line"]["start"], &of["column"]["start"], &of["column"]["end"]].map(Value::as_u64)
                };
                let at = |span: Span| [span.line, span.start, span.end].map(|number| Some(number as u64));
                let entry = |of: &Value| (of["value"].clone(), place(of));
                let items = json["contents"]["value"].as_array().into_iter().flatten().map(entry);
                let found =
                    list.contents.iter().map(|item| (Value::from(item.value.as_str()), at(item.span)));
                same("schema", place(&json["schema"]), at(list.schema.span))?;
                same("contents", items.collect::<Vec<_>>(), found.collect::<Vec<_>>())
            }
            (Err(errors), None) => same_errors(data::items(case, "expected_errors"), &errors.0),
            (result, json) => Err(format!("wanted {json:?}, found {result:?}")),
        }
    })
}

fn object_ids(file: &Path) -> Result<Outcome, String> {
    cases(file, |case| {
        let found = is_authoring_object_id(&data::text(case, "object_id"));
        same("valid", case.get("valid").and_then(Value::as_bool), Some(found))
    })
}

fn model_of(file: &Path) -> Result<AuthorizationModel, String> {
    AuthorizationModel::from_json(&read(file)?).map_err(|error| format!("{}: {error}", file.display()))
}

fn transformer(folder: &Path) -> Result<Outcome, String> {
    folders(folder, |case| {
        let dsl = read(&case.join("authorization-model.fga"))?;
        let json = model_of(&case.join("authorization-model.json"))?;
        let parsed = parse_model(&dsl).map_err(|error| error.to_string())?;
        ensure(parsed == json, || format!("text gives {parsed:?}, wanted {json:?}"))?;
        let printed = print_model(&json, SourceInfo::Omit).map_err(|error| error.to_string())?;
        same("printed", dsl.trim_end(), printed.trim_end())?;
        let back = AuthorizationModel::from_json(&json.to_json().to_string()).map_err(|e| e.to_string())?;
        ensure(back == json, || format!("JSON gives {back:?}, wanted {json:?}"))
    })
}

fn modules(folder: &Path) -> Result<Outcome, String> {
    folders(folder, |case| {
        let root = case.join("module");
        let mut files = Vec::new();
        for file in data::files(&root, "fga").map_err(|error| error.to_string())? {
            let name = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
            files.push(ModuleFile::new(name, read(&file)?));
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let errors = case.join("expected_errors.json");
        match (compose_modules(&files, "1.2"), errors.is_file()) {
            (Err(found), true) => {
                let wanted: Vec<Value> =
                    serde_json::from_str(&read(&errors)?).map_err(|error| error.to_string())?;
                module_errors(wanted, found)
            }
            (Ok(model), false) => module_model(case, &model),
            (result, _) => Err(format!("unexpected {result:?}")),
        }
    })
}

/// Syntax errors count by file and line of the first one in each file, the others in full.
fn module_errors(wanted: Vec<Value>, found: ModelErrors) -> Result<(), String> {
    let (syntax, others): (Vec<Value>, Vec<Value>) =
        wanted.into_iter().partition(|error| error["type"] == "syntax");
    let (ours, rest): (Vec<Diagnostic>, Vec<Diagnostic>) =
        found.0.into_iter().partition(|finding| finding.category == Category::Syntax);
    let mut wanted: BTreeMap<String, Option<u64>> = BTreeMap::new();
    for error in &syntax {
        wanted.entry(data::text(error, "file")).or_insert(error["line"]["start"].as_u64());
    }
    let mut lines: BTreeMap<String, Option<u64>> = BTreeMap::new();
    for finding in &ours {
        let line = finding.span.map(|span| span.line as u64);
        lines.entry(finding.file.clone().unwrap_or_default()).or_insert(line);
    }
    same("syntax errors", wanted, lines)?;
    same_errors(&others, &rest)
}

fn module_model(case: &Path, model: &AuthorizationModel) -> Result<(), String> {
    let json = model_of(&case.join("authorization-model.json"))?;
    ensure(*model == json, || format!("assembled {model:?}, wanted {json:?}"))?;
    let relations = model.types.iter().flat_map(|definition| definition.relations.values());
    let mut names: Vec<String> = relations.filter_map(|relation| relation.module.clone()).collect();
    names.extend(model.types.iter().filter_map(|definition| definition.module.clone()));
    names.extend(model.conditions.values().filter_map(|condition| condition.module.clone()));
    names.sort();
    names.dedup();
    let listed: Vec<String> = serde_json::from_str(&read(&case.join("expected_modules.json"))?)
        .map_err(|error| error.to_string())?;
    same("modules", listed, names)?;
    for (file, source) in
        [("combined.fga", SourceInfo::Omit), ("combined-sourceinfo.fga", SourceInfo::Include)]
    {
        let file = case.join(file);
        if file.is_file() {
            let printed = print_model(model, source).map_err(|error| error.to_string())?;
            same("printed", read(&file)?.trim_end(), printed.trim_end())?;
        }
    }
    Ok(())
}

fn stores(folder: &Path) -> Result<Outcome, String> {
    folders(folder, |case| {
        let result = check_store_file(&read(&case.join("store.fga.yaml"))?);
        match (result, case.join("expected_errors.json").is_file()) {
            (Ok(()), false) | (Err(_), true) => Ok(()),
            (result, wanted) => Err(format!("wanted refused {wanted}, found {result:?}")),
        }
    })
}
