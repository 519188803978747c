//! Objects of every kind: a view of any JSON is refused, or loses nothing.
#![no_main]

use kcp_api::testing::laws;
use kcp_api::{KINDS, KnownKind, read_json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let Ok(mut object) = read_json(rest) else { return };
    if !object.is_object() {
        return;
    }
    let kind: &KnownKind = &KINDS[usize::from(*first) % KINDS.len()];
    object["apiVersion"] = kind.api_version.into();
    object["kind"] = kind.kind.into();
    if kind.view(object.clone()).is_ok()
        && let Err(why) = laws::nothing_is_lost(&|object| kind.view(object), &object)
    {
        panic!("{why}");
    }
});
