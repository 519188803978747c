//! Claims of exports and bindings: arbitrary ones obey the laws of the algebra.
#![no_main]

use kcp_api::testing::{Choices, laws};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(why) = laws::claims_form_an_algebra(&mut Choices::of(bytes)) {
        panic!("{why}");
    }
});
