//! What happens before a provider starts, and is not its business: workspaces and manifests, as kubectl would make them.

use std::{env, error::Error, path::PathBuf, time::Duration};

use kcp_api::{ClusterTarget, read_yaml};
use kube::{
    Api, Client, Config,
    api::{DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
    discovery::{Scope, pinned_kind},
};
use multicluster_kcp::{config_of, workspace_config};
use serde_json::{Value, json};

pub(crate) type Fault = Box<dyn Error + Send + Sync>;

/// How long a new API may take until it is served.
const PATIENCE: Duration = Duration::from_secs(60);

/// The administrator, by the kubeconfig that the command line names.
pub(crate) async fn administrator() -> Result<Config, Fault> {
    let file = env::args().nth(1).ok_or("usage: give the kubeconfig of an administrator")?;
    Ok(config_of(&PathBuf::from(file), Some("root")).await?)
}

/// The workspace `root:NAME` of a type; made where it is not there.
pub(crate) async fn workspace(admin: &Config, name: &str, type_: &str) -> Result<Config, Fault> {
    let root = Client::try_from(admin.clone())?;
    let made = json!({
        "apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"name": name},
        "spec": {"type": {"path": "root", "name": type_}},
    });
    apply_one(&root, &made).await?;
    let path = format!("root:{name}");
    Ok(workspace_config(admin, &path.parse::<ClusterTarget>()?)?)
}

/// Waits until a workspace can be used, and applies manifests there.
pub(crate) async fn apply(workspace: &Config, manifests: &str) -> Result<(), Fault> {
    let client = Client::try_from(workspace.clone())?;
    for object in read_yaml(manifests.as_bytes())? {
        apply_one(&client, &object).await?;
    }
    Ok(())
}

/// Server-side apply. A workspace that is not ready or an API that is not served yet is waited for.
async fn apply_one(client: &Client, object: &Value) -> Result<(), Fault> {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        match try_apply(client, object).await {
            Err(error) if may_pass(&error) && tokio::time::Instant::now() < end => {
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            done => return Ok(done?),
        }
    }
}

/// Whether an answer only means that something is not there yet.
fn may_pass(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => matches!(status.code, 403 | 404 | 409 | 429 | 500 | 503),
        kube::Error::Discovery(_) => true,
        _ => false,
    }
}

async fn try_apply(client: &Client, object: &Value) -> Result<(), kube::Error> {
    let text = |at: &Value| at.as_str().unwrap_or_default().to_owned();
    let version = text(&object["apiVersion"]);
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let (kind, capabilities) =
        pinned_kind(client, &GroupVersionKind::gvk(group, version, &text(&object["kind"]))).await?;
    let api: Api<DynamicObject> = match capabilities.scope {
        Scope::Cluster => Api::all_with(client.clone(), &kind),
        Scope::Namespaced => Api::default_namespaced_with(client.clone(), &kind),
    };
    let params = PatchParams::apply("example-setup").force();
    api.patch(&text(&object["metadata"]["name"]), &params, &Patch::Apply(object)).await?;
    Ok(())
}
