//! Configurations from strangers: read, validated and linted, or refused at a field.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oidc_config::{Configuration, ReadError};

fuzz_target!(|bytes: &[u8]| {
    match Configuration::read(bytes) {
        Ok(configuration) => {
            assert!(configuration.validate().iter().all(|fault| !fault.field.is_empty()));
            assert!(configuration.lint().iter().all(|finding| !finding.remedy.is_empty()));
            if let Configuration::Authentication(file) = &configuration {
                let text = file.to_text();
                if text.len() > oidc_config::TEXT_BYTES_MAX {
                    return;
                }
                let again = Configuration::read(text.as_bytes());
                assert_eq!(again.as_ref(), Ok(&configuration), "what was written is read the same");
            }
        }
        Err(error @ ReadError::Field { .. }) => assert!(error.to_string().len() < 4000),
        Err(_) => {}
    }
});
