//! Binds an API: answers the claims of an export, and asks what the provider may do then.
//!
//! `cargo run -p kcp-api --example bind_an_api` prints the binding and two verdicts.

use kcp_api::apis::v1alpha1::{BindingReference, ClaimState, ExportBindingReference};
use kcp_api::apis::v1alpha2::{ApiBinding, ApiBindingSpec, PermissionClaim, PermissionClaimSelector};
use kcp_api::claims::{self, ClaimRequest, Claims};
use kcp_api::{ClusterName, WorkspacePath, labels};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let asked: Vec<PermissionClaim> = serde_json::from_str(
        r#"[{"resource": "configmaps", "verbs": ["get", "list", "watch"]}, {"resource": "secrets", "verbs": ["*"]}]"#,
    )?;
    let provider: WorkspacePath = "root:providers:storage".parse()?;

    let mut answers = claims::accept_all(&asked);
    for answer in &mut answers {
        match answer.resource.as_str() {
            "secrets" => answer.state = ClaimState::Rejected,
            _ => {
                answer.selector = PermissionClaimSelector {
                    match_labels: [("app".to_owned(), "storage".to_owned())].into(),
                    ..PermissionClaimSelector::default()
                }
            }
        }
    }
    assert_eq!(claims::check_answers(&answers), []);

    let name = "storage.example.io".to_owned();
    let export = ExportBindingReference { path: Some(provider.into()), name: name.clone() };
    let spec = ApiBindingSpec {
        reference: BindingReference { export: Some(export) },
        permission_claims: answers.clone(),
    };
    println!("{}", serde_json::to_string_pretty(&ApiBinding::new(name.as_str(), spec))?);

    let cluster: ClusterName = "2okdry95y5lkv".parse()?;
    println!("label on the binding: {}", labels::export_label(&cluster, &name));
    let claims = Claims::new(&asked, &answers);
    println!("{}", claims.covers(&ClaimRequest::new("list", "", "configmaps")).verdict());
    println!("{}", claims.covers(&ClaimRequest::new("get", "", "secrets")).verdict());
    Ok(())
}
