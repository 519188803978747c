//! Conversion between v1alpha1 and v1alpha2: valid objects come back the same, any JSON converts or is refused.
#![no_main]

use kcp_api::testing::{Choices, hostile, laws, objects};
use libfuzzer_sys::fuzz_target;

const OLD: &str = "apis.kcp.io/v1alpha1";
const NEW: &str = "apis.kcp.io/v1alpha2";

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::of(bytes);
    let outcome = match choices.below(5) {
        0 => laws::conversion_is_the_identity(&objects::export_v1alpha1(&mut choices), NEW),
        1 => laws::conversion_is_the_identity(&objects::export_v1alpha2(&mut choices), OLD),
        2 => laws::conversion_is_the_identity(&objects::binding_v1alpha1(&mut choices), NEW),
        3 => laws::conversion_is_the_identity(&objects::binding_v1alpha2(&mut choices), OLD),
        _ => laws::any_json_converts_or_is_refused(&hostile::object(&mut choices)),
    };
    if let Err(why) = outcome {
        panic!("{why}");
    }
});
