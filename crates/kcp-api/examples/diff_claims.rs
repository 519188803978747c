//! Tells what the upgrade of an export would newly expose.
//!
//! `cargo run -p kcp-api --example diff_claims OLD.json NEW.json` compares two APIExports of either version;
//! without files it compares two built-in ones. Exit code 1 where something is newly exposed.

use std::process::ExitCode;

use kcp_api::apis::v1alpha2::ApiExport;
use kcp_api::{Kind, Lossless, claims, convert, read_json};
use serde_json::{Value, json};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let (old, new) = match files.as_slice() {
        [old, new] => (read_json(&std::fs::read(old)?)?, read_json(&std::fs::read(new)?)?),
        [] => (
            export(&json!([{"resource": "configmaps", "verbs": ["get"]}])),
            export(
                &json!([{"resource": "configmaps", "verbs": ["get"]}, {"resource": "secrets", "verbs": ["get"]}]),
            ),
        ),
        _ => return Err("give two files, or none".into()),
    };
    let claims_of = |object: Value| -> Result<_, Box<dyn std::error::Error>> {
        let newest = convert(object, ApiExport::API_VERSION)?;
        Ok(Lossless::<ApiExport>::from_value(newest)?.into_view().spec.permission_claims)
    };
    let diff = claims::diff(&claims_of(old)?, &claims_of(new)?);
    println!("{diff}");
    // The built-in pair is only a demonstration.
    Ok(if diff.exposes_more() && !files.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn export(claims: &Value) -> Value {
    json!({
        "apiVersion": ApiExport::API_VERSION,
        "kind": ApiExport::KIND,
        "metadata": {"name": "storage.example.io"},
        "spec": {"permissionClaims": claims},
    })
}
