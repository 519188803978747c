//! The laws of `kcp_api::testing`, 20,000 cases each (4,000 arbitrary objects). A failing case is shrunk to the shortest
//! input that fails.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::LazyLock;

use kcp_api::testing::{Choices, by_schema, hostile, laws, objects};
use kcp_api::{KINDS, KnownKind, schemas};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

const OLD: &str = "apis.kcp.io/v1alpha1";
const NEW: &str = "apis.kcp.io/v1alpha2";

/// Every kind with the schema of its objects.
static SCHEMAS: LazyLock<Vec<(&KnownKind, Value)>> = LazyLock::new(|| {
    let schema = |kind: &KnownKind| {
        let crd = schemas::crd(kind.group, kind.plural).unwrap();
        let versions = crd["spec"]["versions"].as_array().unwrap().clone();
        let version = versions.into_iter().find(|version| version["name"] == kind.version).unwrap();
        version["schema"]["openAPIV3Schema"].clone()
    };
    KINDS.iter().map(|kind| (kind, schema(kind))).collect()
});

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..160)
}

#[track_caller]
fn check(outcome: laws::Outcome) -> Result<(), TestCaseError> {
    outcome.map_err(TestCaseError::fail)
}

proptest! {
    #![proptest_config(config(20_000))]

    #[test]
    fn conv_04_exports_of_v1alpha1_come_back_the_same(bytes in bytes()) {
        check(laws::conversion_is_the_identity(&objects::export_v1alpha1(&mut Choices::of(&bytes)), NEW))?;
    }

    #[test]
    fn conv_04_exports_of_v1alpha2_come_back_the_same(bytes in bytes()) {
        check(laws::conversion_is_the_identity(&objects::export_v1alpha2(&mut Choices::of(&bytes)), OLD))?;
    }

    #[test]
    fn conv_04_bindings_of_v1alpha1_come_back_the_same(bytes in bytes()) {
        check(laws::conversion_is_the_identity(&objects::binding_v1alpha1(&mut Choices::of(&bytes)), NEW))?;
    }

    #[test]
    fn conv_04_bindings_of_v1alpha2_come_back_the_same(bytes in bytes()) {
        let binding = objects::binding_v1alpha2(&mut Choices::of(&bytes));
        check(laws::conversion_is_the_identity(&binding, OLD))?;
        check(laws::a_change_in_the_older_version_widens_nothing(&binding))?;
    }

    #[test]
    fn conv_03_any_json_converts_or_is_refused(bytes in bytes()) {
        check(laws::any_json_converts_or_is_refused(&hostile::object(&mut Choices::of(&bytes))))?;
    }

    #[test]
    fn clm_03_claims_form_an_algebra(bytes in bytes()) {
        check(laws::claims_form_an_algebra(&mut Choices::of(&bytes)))?;
    }

    #[test]
    fn kapi_04_names_follow_their_grammar(bytes in bytes()) {
        check(laws::names_follow_their_grammar(&mut Choices::of(&bytes)))?;
    }

    #[test]
    fn idh_01_derived_names_are_what_their_rules_say(bytes in bytes()) {
        check(laws::derived_names_are_what_their_rules_say(&mut Choices::of(&bytes)))?;
    }
}

proptest! {
    #![proptest_config(config(4_000))]

    #[test]
    fn kapi_10_arbitrary_objects_of_every_kind_survive(bytes in bytes()) {
        let mut choices = Choices::of(&bytes);
        let (kind, schema) = &SCHEMAS[choices.below(SCHEMAS.len())];
        let object = by_schema::object(&mut choices, schema, kind.api_version, kind.kind);
        check(laws::nothing_is_lost(&|object| kind.view(object), &object))?;
        check(laws::a_change_merges_alone(&|object| kind.view(object), &object, &mut choices))?;
    }
}

#[test]
fn kapi_10_generators_reach_every_field_of_every_kind() {
    for (kind, schema) in SCHEMAS.iter() {
        let mut wanted = Vec::new();
        fields(&by_schema::full_object(schema, kind.api_version, kind.kind), "", &mut wanted);
        let mut seen = Vec::new();
        for seed in 0..400 {
            let object = by_schema::object(&mut Choices::seeded(seed), schema, kind.api_version, kind.kind);
            fields(&object, "", &mut seen);
            seen.sort();
            seen.dedup();
        }
        let never: Vec<&String> = wanted.iter().filter(|field| !seen.contains(field)).collect();
        let is_open = |field: &&&String| !field.contains("some-key") && !field.contains("anything");
        assert_eq!(never.iter().filter(is_open).count(), 0, "{}: {never:?}", kind.kind);
    }
}

/// Paths of all fields, without the indices of lists.
fn fields(value: &Value, path: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, item) in map {
                let below = format!("{path}.{key}");
                fields(item, &below, out);
                out.push(below);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| fields(item, &format!("{path}[]"), out)),
        _ => {}
    }
}
