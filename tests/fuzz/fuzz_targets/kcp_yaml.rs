//! YAML from strangers: documents are read, or the refusal has a place.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = kcp_api::read_yaml(bytes) {
        assert!(error.path.starts_with('$') && !error.why.is_empty());
        assert!(error.to_string().len() < 4000);
    }
});
