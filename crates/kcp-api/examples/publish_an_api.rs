//! Publishes an API: a schema from a CustomResourceDefinition, and an export that names it and asks for ConfigMaps.
//!
//! `cargo run -p kcp-api --example publish_an_api` prints two objects for `kubectl apply -f -`.

use kcp_api::apis::v1alpha2::{ApiExport, ApiExportSpec, PermissionClaim, ResourceSchema};
use kcp_api::{claims, schemas};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "buckets.storage.example.io"},
        "spec": {
            "group": "storage.example.io",
            "names": {"kind": "Bucket", "listKind": "BucketList", "plural": "buckets", "singular": "bucket"},
            "scope": "Namespaced",
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"size": {"type": "string"}}},
                    "status": {"type": "object", "properties": {"url": {"type": "string"}}},
                }}},
            }],
        },
    });
    let prefix = schemas::content_prefix(&definition["spec"]);
    let schema = schemas::resource_schema_of(&definition, &prefix)?;
    assert_eq!(schemas::check_resource_schema(&schema), []);
    let name: schemas::SchemaName = schema["metadata"]["name"].as_str().unwrap_or_default().parse()?;

    let export = ApiExport::new(
        "storage.example.io",
        ApiExportSpec {
            resources: vec![ResourceSchema {
                name: name.resource.clone(),
                group: name.group.clone(),
                schema: name.to_string(),
                storage: None,
            }],
            permission_claims: vec![PermissionClaim {
                resource: "configmaps".into(),
                verbs: vec!["get".into(), "list".into(), "watch".into(), "create".into(), "update".into()],
                ..PermissionClaim::default()
            }],
            ..ApiExportSpec::default()
        },
    );
    assert_eq!(claims::check_asked(&export.spec.permission_claims), []);

    println!("{}\n---\n{}", serde_json::to_string_pretty(&schema)?, serde_json::to_string_pretty(&export)?);
    Ok(())
}
