//! Tuples in their short notation from strangers: what is read is printed as what reads the same.
#![no_main]

use fga_model::{ObjectRef, TupleKey, UserRef};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = ObjectRef::parse(text);
    let _ = UserRef::parse(text);
    let Ok(tuple) = text.parse::<TupleKey>() else { return };
    let back: TupleKey = tuple.to_string().parse().expect("a printed tuple reads back");
    assert_eq!(back, tuple);
});
