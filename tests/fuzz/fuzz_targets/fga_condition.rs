//! Expressions of conditions from strangers: they compile or the refusal has a place, and evaluation ends in an answer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mesh_cel::{Condition, ParameterType};
use serde_json::json;

fuzz_target!(|text: &str| {
    let parameters = [
        ("x".to_owned(), ParameterType::Int),
        ("s".to_owned(), ParameterType::String),
        ("xs".to_owned(), ParameterType::List(Box::new(ParameterType::String))),
        ("m".to_owned(), ParameterType::Map(Box::new(ParameterType::Any))),
        ("at".to_owned(), ParameterType::Timestamp),
        ("ip".to_owned(), ParameterType::IpAddress),
        ("any".to_owned(), ParameterType::Any),
    ];
    match Condition::compile(text, parameters) {
        Ok(condition) => {
            let context = json!({
                "x": 3, "s": "a\u{e9}b", "xs": ["a", "b"], "m": {"a": 1, "b": [null]},
                "at": "2026-01-01T00:00:00Z", "ip": "10.0.0.1", "any": {"a": [1, "x"]},
            });
            if let Ok(answer) = condition.evaluate(context.as_object(), None, 10_000) {
                assert!(answer.cost <= 10_000);
            }
        }
        Err(error) => {
            assert!(error.line > 0 && error.column > 0 && !error.message.is_empty());
            assert!(error.snippet().ends_with('^'));
        }
    }
});
