//! Definitions from strangers: admission, conversion and comparison end with an answer.
#![no_main]

use kcp_api::schemas;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(definition) = kcp_api::read_json(bytes) else { return };
    assert_eq!(schemas::compare_schemas(&definition, &definition), []);
    assert_eq!(schemas::compare_resource_schemas(&definition, &definition), []);
    let _ = schemas::check_resource_schema(&definition);
    let prefix = schemas::content_prefix(&definition);
    if let Ok(schema) = schemas::resource_schema_of(&definition, &prefix) {
        let back = schemas::crd_of(&schema).expect("a schema made of a definition becomes one again");
        assert_eq!(back["spec"]["group"], definition["spec"]["group"]);
    }
});
