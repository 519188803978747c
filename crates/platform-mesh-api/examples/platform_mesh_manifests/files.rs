//! What an operator applies, as files: definitions, schemas, and the bootstrap list in its order.

use std::collections::BTreeMap;

use platform_mesh_api::{
    bootstrap::{Parameters, WebhookEndpoint, steps},
    definitions,
};
use serde_json::Value;

const HEADER: &str = "# Written by `cargo xtask codegen`; do not edit.\n";

/// Text of each file, by its path below `generated/`.
pub fn all() -> Result<BTreeMap<String, String>, serde_saphyr::ser::Error> {
    let mut files = BTreeMap::new();
    for definition in definitions() {
        let resource = definition.resource();
        files.insert(format!("crds/{resource}.yaml"), format!("{HEADER}{}", yaml(&definition.crd())?));
        let schema = yaml(&definition.api_resource_schema())?;
        files.insert(format!("schemas/{resource}.yaml"), format!("{HEADER}{schema}"));
    }
    files.insert("bootstrap.yaml".to_owned(), bootstrap()?);
    Ok(files)
}

/// The whole list for an imagined mesh, schemas by name only; a placeholder stands for what only the running kcp knows.
fn bootstrap() -> Result<String, serde_saphyr::ser::Error> {
    let endpoint = |host: &str| {
        Some(WebhookEndpoint {
            base_url: format!("https://{host}.platform-mesh-system.svc.cluster.local:9443"),
            ca: None,
        })
    };
    let parameters = Parameters {
        account_webhook: endpoint("account-operator-webhook"),
        identity_webhook: endpoint("security-operator-webhook"),
        ..Parameters::new("portal.example.org")
    };
    let mut text = String::from(HEADER);
    text.push_str("# `platform-mesh bootstrap` applies this list, for https://portal.example.org.\n");
    for (index, step) in steps(&parameters).iter().enumerate() {
        text.push_str(&format!(
            "---\n# {}: in {}; {}; {}\n",
            index + 1,
            step.workspace,
            step.phase,
            step.wait
        ));
        if step.kind() == "APIResourceSchema" {
            let resource = step.name().split_once('.').map_or("", |(_, resource)| resource);
            text.push_str(&format!("# {} {}: see schemas/{resource}.yaml\n", step.kind(), step.name()));
        } else {
            text.push_str(&yaml(&step.object)?);
        }
    }
    Ok(text)
}

fn yaml(object: &Value) -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(object)
}
