//! The shared language suites: parser, printer, validators, modules. Skipped with a line where the data is absent.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use fga_model::{
    AuthorizationModel, Diagnostic, FgaMod, ModelErrors, ModuleFile, SourceInfo, compose_modules,
    parse_document, parse_model, print_model, validate_document, validate_model,
};
use serde_json::Value;

fn folder() -> Option<PathBuf> {
    let root = std::env::var_os("MESH_CONFORMANCE")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"));
    let folder = root.join("fga/language");
    if !folder.is_dir() {
        println!("no conformance data at {}: passed over", folder.display());
        return None;
    }
    Some(folder)
}

fn suite(name: &str) -> Option<Vec<Value>> {
    let text = fs::read_to_string(folder()?.join(name)).expect("readable suite");
    let suite: Value = serde_saphyr::from_str(&text).expect("valid suite");
    Some(suite["tests"].as_array().expect("tests").clone())
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().expect("text")
}

/// `message @ line:start-end [category]`, places omitted where the case has none.
fn wanted(case: &Value) -> BTreeSet<String> {
    let of = |e: &Value| {
        let place = e.get("line").map_or(String::new(), |l| {
            format!("{}:{}-{}", l["start"], e["column"]["start"], e["column"]["end"])
        });
        let category = e.pointer("/metadata/errorType").and_then(Value::as_str).unwrap_or_default();
        let file = e.get("file").and_then(Value::as_str).unwrap_or_default();
        format!("{} @ {file} {place} [{category}]", e["msg"].as_str().unwrap_or_default())
    };
    case["expected_errors"].as_array().into_iter().flatten().map(of).collect()
}

fn found(errors: &[Diagnostic], wanted: &BTreeSet<String>) -> BTreeSet<String> {
    let of = |d: &Diagnostic| {
        let place = d.span.map_or(String::new(), |s| format!("{}:{}-{}", s.line, s.start, s.end));
        let file = d.file.as_deref().unwrap_or_default();
        let full = format!("{} @ {file} {place} [{}]", d.message, d.category.name());
        let bare = format!("{} @ {file} {place} []", d.message);
        if wanted.contains(&bare) { bare } else { full }
    };
    errors.iter().map(of).collect()
}

fn report(name: &str, total: usize, red: &[String]) {
    println!("{name}: {total} total, {} ok, {} red", total - red.len(), red.len());
    assert!(red.is_empty(), "{name}:\n{}", red.join("\n"));
}

#[test]
fn fgm_11_syntax_is_accepted_or_refused_at_the_right_line() {
    let Some(cases) = suite("dsl-syntax.yaml") else { return };
    let mut red = Vec::new();
    for case in &cases {
        let expected = case["expected_errors"].as_array().cloned().unwrap_or_default();
        let line = |e: &ModelErrors| e.0.iter().filter_map(|d| d.span).map(|s| s.line as u64).next();
        match (parse_document(text(case, "dsl")), expected.first()) {
            (Ok(_), None) => {}
            (Err(e), Some(first)) if line(&e) == first["line"]["start"].as_u64() => {}
            (result, first) => {
                red.push(format!("{} {}: {first:?}, got {result:?}", case["index"], case["name"]))
            }
        }
    }
    report("dsl-syntax", cases.len(), &red);
}

#[test]
fn fgm_11_semantic_findings_have_category_place_and_text() {
    let Some(cases) = suite("dsl-semantic.yaml") else { return };
    let cases: Vec<_> = cases.into_iter().filter(|c| c["skip"] != true).collect();
    let mut red = Vec::new();
    for case in &cases {
        let wanted = wanted(case);
        let errors = match parse_document(text(case, "dsl")).and_then(|d| validate_document(&d)) {
            Ok(()) => Vec::new(),
            Err(errors) => errors.0,
        };
        let found = found(&errors, &wanted);
        if found != wanted {
            red.push(format!("{} {}:\n  wanted {wanted:?}\n  found  {found:?}", case["index"], case["name"]));
        }
    }
    report("dsl-semantic", cases.len(), &red);
}

#[test]
fn fgm_11_json_models_are_validated_without_places() {
    let Some(cases) = suite("json-validate.yaml") else { return };
    let mut red = Vec::new();
    for case in &cases {
        let model = AuthorizationModel::from_json(text(case, "json")).expect("a model");
        let errors = validate_model(&model).err().map(|e| e.0).unwrap_or_default();
        let wanted = wanted(case);
        let found = found(&errors, &wanted);
        if found != wanted {
            red.push(format!("{} {}: {wanted:?} {found:?}", case["index"], case["name"]));
        }
    }
    report("json-validate", cases.len(), &red);
}

#[test]
fn fgm_11_json_prints_or_is_refused_with_the_reason() {
    let Some(cases) = suite("json-print.yaml") else { return };
    let mut red = Vec::new();
    for case in &cases {
        let model = AuthorizationModel::from_json(text(case, "json")).expect("a model");
        let printed = print_model(&model, SourceInfo::Omit);
        let fine = match (&printed, case["error_message"].as_str()) {
            (Ok(dsl), None) => {
                parse_model(dsl).is_ok_and(|back| print_model(&back, SourceInfo::Omit).as_ref() == Ok(dsl))
            }
            (Err(error), Some(message)) => error.to_string() == message,
            _ => false,
        };
        if !fine {
            red.push(format!("{} {}: {printed:?}", case["index"], case["name"]));
        }
    }
    report("json-print", cases.len(), &red);
}

#[test]
fn fgm_11_fga_mod_is_read_with_places() {
    let Some(cases) = suite("fga-mod.yaml") else { return };
    let mut red = Vec::new();
    for case in &cases {
        let wanted = wanted(case);
        let result = FgaMod::parse(text(case, "modFile"));
        let fine = match (&result, case["json"].as_str()) {
            (Ok(list), Some(json)) => {
                let json: Value = serde_json::from_str(json).expect("json");
                let items = json["contents"]["value"].as_array().expect("items").clone();
                let place = |v: &Value| {
                    [&v["line"]["start"], &v["column"]["start"], &v["column"]["end"]]
                        .map(|n| n.as_u64().unwrap() as usize)
                };
                items.len() == list.contents.len()
                    && place(&json["schema"])
                        == [list.schema.span.line, list.schema.span.start, list.schema.span.end]
                    && items.iter().zip(&list.contents).all(|(want, got)| {
                        want["value"] == got.value
                            && place(want) == [got.span.line, got.span.start, got.span.end]
                    })
            }
            (Err(errors), None) => found(&errors.0, &wanted) == wanted,
            _ => false,
        };
        if !fine {
            red.push(format!("{} {}: wanted {wanted:?}, got {result:?}", case["index"], case["name"]));
        }
    }
    report("fga-mod", cases.len(), &red);
}

#[test]
fn fga_03_object_ids_of_authoring_tools() {
    let Some(cases) = suite("object-ids.yaml") else { return };
    let wrong =
        |c: &&Value| fga_model::is_authoring_object_id(text(c, "object_id")) != c["valid"].as_bool().unwrap();
    let red: Vec<String> = cases.iter().filter(wrong).map(|c| c["name"].to_string()).collect();
    report("object-ids", cases.len(), &red);
}

#[test]
fn fgm_11_text_and_json_reproduce_each_other() {
    let Some(folder) = folder() else { return };
    let mut red = Vec::new();
    let mut dirs: Vec<PathBuf> =
        fs::read_dir(folder.join("transformer")).unwrap().map(|e| e.unwrap().path()).collect();
    dirs.sort();
    for dir in &dirs {
        let dsl = fs::read_to_string(dir.join("authorization-model.fga")).unwrap();
        let json =
            AuthorizationModel::from_json(&fs::read_to_string(dir.join("authorization-model.json")).unwrap())
                .unwrap();
        let parsed = parse_model(&dsl);
        if parsed.as_ref().ok() != Some(&json) {
            red.push(format!("{} parse: {parsed:?}\n wanted {json:?}", dir.display()));
        }
        let printed = print_model(&json, SourceInfo::Omit).unwrap();
        if printed.trim_end() != dsl.trim_end() {
            red.push(format!("{} print:\n{printed}\n", dir.display()));
        }
        if AuthorizationModel::from_json(&json.to_json().to_string()).unwrap() != json {
            red.push(format!("{} json", dir.display()));
        }
    }
    report("transformer", dirs.len(), &red);
}

fn module_files(dir: &PathBuf, prefix: &str, into: &mut Vec<ModuleFile>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            module_files(&path, &format!("{name}/"), into);
        } else {
            into.push(ModuleFile::new(name, fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn fgm_11_modules_assemble_into_one_model_or_name_every_fault() {
    let Some(folder) = folder() else { return };
    let mut red = Vec::new();
    let mut dirs: Vec<PathBuf> =
        fs::read_dir(folder.join("transformer-module")).unwrap().map(|e| e.unwrap().path()).collect();
    dirs.sort();
    for dir in &dirs {
        let mut files = Vec::new();
        module_files(&dir.join("module"), "", &mut files);
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let result = compose_modules(&files, "1.2");
        match (result, fs::read_to_string(dir.join("expected_errors.json"))) {
            (Err(errors), Ok(expected)) => {
                let expected: Vec<Value> = serde_json::from_str(&expected).unwrap();
                let (syntax, others): (Vec<Value>, Vec<Value>) =
                    expected.into_iter().partition(|e| e["type"] == "syntax");
                let wanted = wanted(&serde_json::json!({ "expected_errors": others }));
                let (ours, rest): (Vec<_>, Vec<_>) =
                    errors.0.into_iter().partition(|d| d.category == fga_model::Category::Syntax);
                let lines = |e: &Value| {
                    (e["file"].as_str().unwrap().to_owned(), e["line"]["start"].as_u64().unwrap())
                };
                let same = syntax
                    .iter()
                    .map(lines)
                    .eq(ours.iter().map(|d| (d.file.clone().unwrap(), d.span.unwrap().line as u64)));
                let found = found(&rest, &wanted);
                if !same || found != wanted {
                    red.push(format!("{}:\n wanted {wanted:?}\n found  {found:?}\n{ours:?}", dir.display()));
                }
            }
            (Ok(model), Err(_)) => {
                let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
                let json = AuthorizationModel::from_json(&read("authorization-model.json")).unwrap();
                let mut modules: Vec<&str> = model.types.iter().filter_map(|t| t.module.as_deref()).collect();
                modules.extend(
                    model.types.iter().flat_map(|t| t.relations.values()).filter_map(|r| r.module.as_deref()),
                );
                modules.sort_unstable();
                modules.dedup();
                let expected: Vec<String> = serde_json::from_str(&read("expected_modules.json")).unwrap();
                let printed = |s| print_model(&model, s).unwrap();
                if model != json
                    || modules != expected
                    || printed(SourceInfo::Omit).trim_end() != read("combined.fga").trim_end()
                    || printed(SourceInfo::Include).trim_end() != read("combined-sourceinfo.fga").trim_end()
                {
                    red.push(format!("{}: {modules:?}\n{}", dir.display(), printed(SourceInfo::Include)));
                }
            }
            (result, _) => red.push(format!("{}: {result:?}", dir.display())),
        }
    }
    report("transformer-module", dirs.len(), &red);
}
