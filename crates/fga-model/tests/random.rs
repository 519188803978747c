//! Random models and damaged texts: print and parse are inverse, and no text makes a parser panic.
//!
//! The damaged texts are what the fuzz targets of `tests/fuzz` get, from a seed: `FGA_MUTATIONS=200000` runs longer.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use fga_model::{
    AuthorizationModel, FgaMod, ModelLimits, ModuleFile, SourceInfo, check_store_file, compose_modules,
    parse_document, parse_model, print_model,
    testing::{Dice, any_model as model},
    validate_document, validate_for_write, validate_model,
};

#[test]
fn fgm_11_printed_models_parse_to_themselves() {
    for seed in 0..500 {
        let model = model(seed);
        let text =
            print_model(&model, SourceInfo::Omit).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let back = parse_model(&text).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
        assert_eq!(back, model, "seed {seed}\n{text}");
        assert_eq!(print_model(&back, SourceInfo::Omit).unwrap(), text, "seed {seed}");
    }
}

#[test]
fn fgm_11_what_was_printed_once_prints_the_same() {
    for end in ["", " ", "\t", " \t ", "\n", " \n\t\n"] {
        let text = format!(
            "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user with small]\n\ncondition small(x: int) {{\n  x <\n 10{end}}}\n"
        );
        let printed = print_model(&parse_model(&text).unwrap(), SourceInfo::Omit).unwrap();
        let back = parse_model(&printed).unwrap();
        assert_eq!(print_model(&back, SourceInfo::Omit).unwrap(), printed, "{end:?}");
    }
}

#[test]
fn fgm_11_json_of_models_reads_back_and_names_the_same_text() {
    for seed in 0..500 {
        let model = model(seed);
        let json = model.to_json().to_string();
        let back =
            AuthorizationModel::from_json(&json).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(back, model, "seed {seed}\n{json}");
        assert_eq!(back.to_json().to_string(), json, "seed {seed}");
    }
}

#[test]
fn fgm_11_findings_point_into_the_text() {
    for seed in 0..500 {
        let text = print_model(&model(seed), SourceInfo::Omit).unwrap();
        let document = parse_document(&text).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for finding in validate_document(&document).err().map(|errors| errors.0).unwrap_or_default() {
            let span = finding.span.unwrap_or_else(|| panic!("seed {seed}: {finding} has no place"));
            let line: Vec<char> = lines[span.line].chars().collect();
            let found: String = line[span.start..span.end].iter().collect();
            let name = finding.symbol.trim_end_matches(":*");
            assert!(
                found.starts_with(name),
                "seed {seed}: {finding} marks `{found}`\n{}",
                finding.render(&text)
            );
        }
    }
}

const PIECES: [&str; 40] = [
    " ",
    "\n",
    "\t",
    "#",
    " #",
    "(",
    ")",
    "[",
    "]",
    ",",
    ":",
    "*",
    "or",
    "and",
    "but not",
    "from",
    "with",
    "define",
    "relations",
    "type",
    "extend type",
    "condition",
    "model",
    "module",
    "schema",
    "1.1",
    "{",
    "}",
    "<",
    ">",
    "list<int>",
    "\"",
    "'",
    "\\",
    "\r\n",
    "é",
    "\u{0}",
    "&&",
    "in",
    "[[[[((((",
];

/// Takes out, doubles, and puts in pieces.
fn damage(dice: &mut Dice, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..1 + dice.below(6) {
        let at = dice.below(chars.len() + 1);
        let end = (at + dice.below(12)).min(chars.len());
        match dice.below(4) {
            0 => {
                chars.drain(at..end);
            }
            1 => {
                let copy: Vec<char> = chars[at..end].to_vec();
                let to = dice.below(chars.len() + 1);
                chars.splice(to..to, copy);
            }
            _ => {
                let piece: Vec<char> = dice.pick(&PIECES).chars().collect();
                chars.splice(at..at, piece);
            }
        }
    }
    chars.into_iter().collect()
}

fn rounds() -> u64 {
    std::env::var("FGA_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(400)
}

#[test]
fn fgm_11_damaged_texts_end_in_a_model_or_in_findings_with_places() {
    for seed in 0..rounds() {
        let dice = &mut Dice::new(seed);
        let mut text = damage(dice, &print_model(&model(seed % 200), SourceInfo::Omit).unwrap());
        if dice.chance(3) {
            text = text.replacen("model\n  schema 1.1", "module m", 1);
        }
        match parse_document(&text) {
            Ok(document) => {
                let _ = validate_document(&document);
                let _ = validate_for_write(&document.model, ModelLimits::OPENFGA);
                let _ = print_model(&document.model, SourceInfo::Include);
            }
            Err(errors) => {
                let lines = text.lines().count();
                for finding in &errors.0 {
                    let span = finding.span.unwrap_or_else(|| panic!("seed {seed}: no place\n{text}"));
                    assert!(span.line <= lines && span.start <= span.end, "seed {seed}: {finding}\n{text}");
                    assert!(finding.render(&text).contains("help: "));
                }
            }
        }
        let files = [ModuleFile::new("a.fga", text.clone()), ModuleFile::new("b.fga", damage(dice, &text))];
        let _ = compose_modules(&files, "1.2");
    }
}

#[test]
fn fgm_11_damaged_json_yaml_and_conditions_end_in_an_answer() {
    let yaml =
        "schema: '1.2'\ncontents:\n  - core.fga\n  - a/b.fga\nmodel: m\ntests:\n- check:\n  - user: user:a\n";
    for seed in 0..rounds() {
        let dice = &mut Dice::new(seed);
        let original = model(seed % 200);
        let json = damage(dice, &original.to_json().to_string());
        if let Ok(model) = AuthorizationModel::from_json(&json) {
            let _ = validate_model(&model);
            let _ = validate_for_write(&model, ModelLimits::OPENFGA);
            let _ = print_model(&model, SourceInfo::Omit);
        }
        let yaml = damage(dice, yaml);
        let _ = FgaMod::parse(&yaml);
        let _ = check_store_file(&yaml);
        for condition in original.conditions.values() {
            let mut condition = condition.clone();
            condition.expression = damage(dice, &condition.expression);
            if let Ok(program) = condition.compile() {
                let context = serde_json::json!({"x": 1, "y": "a"});
                let _ = program.evaluate(context.as_object(), None, 100);
            }
        }
    }
}
