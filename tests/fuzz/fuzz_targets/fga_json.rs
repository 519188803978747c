//! Models in JSON from strangers: what is read is written as what reads the same.
#![no_main]

use fga_model::{
    AuthorizationModel, ModelLimits, SourceInfo, print_model, validate_for_write, validate_model,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(model) = AuthorizationModel::from_json(text) else { return };
    let back = AuthorizationModel::from_json(&model.to_json().to_string()).expect("written JSON reads back");
    assert_eq!(back, model);
    let _ = validate_model(&model);
    let _ = validate_for_write(&model, ModelLimits::OPENFGA);
    let _ = print_model(&model, SourceInfo::Include);
});
