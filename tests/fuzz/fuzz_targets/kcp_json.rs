//! JSON from strangers: what the strict reader accepts, a plain reader reads alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    match kcp_api::read_json(bytes) {
        Ok(value) => assert_eq!(serde_json::from_slice::<Value>(bytes).ok(), Some(value)),
        Err(error) => assert!(error.path.starts_with('$') && !error.why.is_empty()),
    }
});
