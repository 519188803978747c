//! Admission of Accounts: whatever a client writes gets a verdict, and the creator is stamped in any case.
#![no_main]

use account_model::{
    admission::{AccountRequest, AdmissionRules, Place, creator_patch, validate},
    names::AccountTypes,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(objects) = kcp_api::read_yaml(bytes) else { return };
    let Ok(types) = AccountTypes::new(["account"]) else { return };
    let rules = AdmissionRules::new(types, "admin,root");
    for object in &objects {
        for place in [Place::Orgs, Place::Elsewhere, Place::Unknown] {
            let _ = validate(&rules, place, AccountRequest::Create { object });
            let same = validate(&rules, place, AccountRequest::Update { old: object, new: object });
            assert_eq!(same, account_model::admission::AccountVerdict::Allowed, "nothing changed");
        }
        assert!(creator_patch(object, "bob").is_array());
        if let Ok(account) = serde_json::from_value::<platform_mesh_api::Account>(object.clone()) {
            let written = serde_json::to_value(&account).expect("a kind is JSON");
            let again: platform_mesh_api::Account = serde_json::from_value(written).expect("what we wrote");
            assert_eq!(again, account);
        }
    }
});
