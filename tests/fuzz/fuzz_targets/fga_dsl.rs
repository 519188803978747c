//! Model and module texts from strangers: findings have places, and what parses prints to what parses.
#![no_main]

use fga_model::{ModelErrors, SourceInfo, parse_document, parse_model, print_model, validate_document};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let placed = |errors: &ModelErrors| {
        for finding in &errors.0 {
            assert!(finding.span.is_some(), "{finding}");
            assert!(finding.render(text).contains("help: "));
        }
    };
    let document = match parse_document(text) {
        Ok(document) => document,
        Err(errors) => return placed(&errors),
    };
    let _ = validate_document(&document);
    if document.model.schema_version.is_empty() {
        return;
    }
    if let Ok(printed) = print_model(&document.model, SourceInfo::Omit) {
        let back = parse_model(&printed).expect("a printed model is one");
        assert_eq!(print_model(&back, SourceInfo::Omit).as_ref(), Ok(&printed));
    }
});
