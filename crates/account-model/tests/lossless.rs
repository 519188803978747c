//! A controller that reads an object of Platform Mesh, changes one field and writes it back, loses nothing: fields that
//! nobody knows survive at every level, in metadata, conditions and tuples as well.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use kcp_api::Lossless;
use platform_mesh_api::{
    Account, AccountInfo, ApiExportPolicy, AuthorizationModel, ContentConfiguration,
    IdentityProviderConfiguration, Invite, Provider, ProviderMetadata, ProviderPermissions, Store,
    definition,
    testing::{Strangeness, objects},
};
use proptest::test_runner::{Config, TestRunner};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

fn survives<K: kube_core::Resource<DynamicType = ()> + Serialize + DeserializeOwned>() {
    let resource = format!("{}.{}", K::plural(&()), K::group(&()));
    let definition = definition(&resource).unwrap_or_else(|| panic!("{resource}"));
    let config = Config { failure_persistence: None, ..Config::with_cases(Config::default().cases / 4) };
    TestRunner::new(config)
        .run(&objects(&definition, Strangeness::Hostile), |object| {
            let mut view = Lossless::<K>::from_value(object.clone())
                .unwrap_or_else(|error| panic!("{error}: {object:#}"));
            proptest::prop_assert_eq!(&view.to_value().unwrap(), &object);
            proptest::prop_assert_eq!(view.merge_patch().unwrap(), None);
            view.meta_mut().labels.get_or_insert_default().insert("touched".into(), "yes".into());
            let mut changed = object;
            changed["metadata"]["labels"]["touched"] = json!("yes");
            proptest::prop_assert_eq!(&view.to_value().unwrap(), &changed);
            proptest::prop_assert_eq!(
                view.merge_patch().unwrap(),
                Some(json!({"metadata": {"labels": {"touched": "yes"}}}))
            );
            Ok(())
        })
        .unwrap();
}

#[test]
fn kapi_01_unknown_fields_of_every_kind_survive_a_change() {
    survives::<Account>();
    survives::<AccountInfo>();
    survives::<Store>();
    survives::<AuthorizationModel>();
    survives::<Invite>();
    survives::<IdentityProviderConfiguration>();
    survives::<ApiExportPolicy>();
    survives::<ContentConfiguration>();
    survives::<ProviderMetadata>();
    survives::<Provider>();
    survives::<ProviderPermissions>();
}
