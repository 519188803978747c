//! Hostile requests: whatever comes, the answer is a Status of the client's fault, never a crash and never a 500.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use proptest::prelude::*;
use serde_json::{Value, json};
use support::{WIDGETS, host, widget};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![
            "[a-z.:/]{0,8}",
            Just("2030-01-01T00:00:00Z".to_owned()),
            Just("\u{1F600}\\\"".to_owned())
        ]
        .prop_map(Value::from),
    ];
    let key = prop_oneof![
        "[a-z]{1,5}",
        prop::sample::select(vec![
            "metadata",
            "spec",
            "status",
            "name",
            "namespace",
            "labels",
            "annotations",
            "finalizers",
            "ownerReferences",
            "managedFields",
            "uid",
            "resourceVersion",
            "generateName",
            "data",
            "stringData",
            "rules",
            "roleRef",
            "subjects",
            "parts",
            "size",
            "replicas",
            "kind",
            "apiVersion",
            "deletionTimestamp",
            "generation",
            "webhooks",
            "op",
            "path",
            "value",
            "from",
            "$patch",
            "versions",
            "names",
            "schema",
            "openAPIV3Schema",
            "propagationPolicy",
            "preconditions",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|m| m.into_iter().collect::<Value>()),
        ]
    })
}

fn any_url() -> impl Strategy<Value = String> {
    let path = prop_oneof![
        prop::sample::select(vec![
            WIDGETS,
            "/apis/example.com/v1/namespaces/default/widgets/w",
            "/apis/example.com/v1/namespaces/default/widgets/w/status",
            "/apis/example.com/v1/namespaces/default/widgets/w/scale",
            "/api/v1/namespaces/default/secrets",
            "/api/v1/namespaces",
            "/api/v1/namespaces/default",
            "/api/v1/namespaces/default/finalize",
            "/api/v1/namespaces/default/configmaps/c",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
            "/apis/coordination.k8s.io/v1/namespaces/default/leases",
            "/api/v1/namespaces/default/events",
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            "/apis/example.com/v1/crates/c",
            "/openapi/v3/api/v1",
        ])
        .prop_map(str::to_owned),
        "(/[a-z0-9.:%-]{0,6}){0,7}".prop_map(|p| if p.is_empty() {
            "/".to_owned()
        } else {
            p.replace('%', "%2")
        }),
    ];
    let parameter = (
        prop::sample::select(vec![
            "labelSelector",
            "fieldSelector",
            "limit",
            "continue",
            "resourceVersion",
            "resourceVersionMatch",
            "dryRun",
            "fieldManager",
            "force",
            "fieldValidation",
            "propagationPolicy",
            "gracePeriodSeconds",
            "includeObject",
            "pretty",
        ]),
        prop_oneof![
            "[a-zA-Z0-9=!,.() ]{0,9}",
            Just("All".to_owned()),
            Just("Strict".to_owned()),
            Just("0".to_owned())
        ],
    );
    (path, prop::collection::vec(parameter, 0..4)).prop_map(|(path, parameters)| {
        let query: Vec<String> = parameters
            .iter()
            .map(|(k, v)| format!("{k}={}", v.replace(' ', "%20").replace('!', "%21")))
            .collect();
        format!("{path}?{}", query.join("&"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn dev_03_no_request_is_the_fault_of_the_server(
        calls in prop::collection::vec((
            prop::sample::select(vec!["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]),
            any_url(),
            any_json(),
            prop::sample::select(vec![
                "", "application/json", "application/yaml", "application/merge-patch+json", "application/json-patch+json",
                "application/strategic-merge-patch+json", "application/apply-patch+yaml", "application/vnd.kubernetes.protobuf",
            ]),
            prop::sample::select(vec![
                "", "application/json;as=Table;v=v1;g=meta.k8s.io", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", "application/yaml",
            ]),
        ), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let host = host();
            host.post(WIDGETS, widget("w", 1)).await;
            host.post("/api/v1/namespaces/default/configmaps", json!({"metadata": {"name": "c"}})).await;
            for (method, url, body, content, accept) in calls {
                let answer = host.call_as("a", method, &url, accept, content, body.clone()).await;
                let allowed = answer.code < 500 || answer.code == 504;
                assert!(allowed, "{method} {url} {content}: {body}\n{answer:?}");
            }
        });
    }
}
