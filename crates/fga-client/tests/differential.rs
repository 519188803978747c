//! Our engine and the server inside the `fga` command line give the same answers to random questions. Passed over with a line
//! where it is not installed (`cargo xtask peers install`).
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

#[path = "../benches/conformance/differential.rs"]
mod differential;

#[test]
fn fga_02_ten_thousand_random_questions_get_the_answers_of_openfga() {
    let Some(program) = differential::program() else {
        println!("passed over: no `fga` command line; cargo xtask peers install");
        return;
    };
    let models = std::env::var("DIFFERENTIAL_MODELS").ok().and_then(|n| n.parse().ok());
    let models = models.unwrap_or(10_000 / differential::QUESTIONS as u64);
    let compared = differential::run(&program, 0..models, |_| ()).unwrap();
    for (class, count) in &compared.explained {
        println!("{count} {}", class.told());
    }
    assert!(compared.differences.is_empty(), "{:#?}", compared.differences);
    assert!(compared.questions > 8_000 && compared.errors > 100, "{compared:?}");
    let explained: usize = compared.explained.values().sum();
    assert!(explained < compared.questions / 200, "{compared:?}");
}

#[test]
fn fga_02_ten_thousand_random_checks_end_as_a_plain_search_can() {
    let searched = differential::search(0..56).unwrap();
    assert!(searched.differences.is_empty(), "{:#?}", searched.differences);
    assert!(searched.questions > 8_000 && searched.long < searched.questions / 20, "{searched:?}");
}
