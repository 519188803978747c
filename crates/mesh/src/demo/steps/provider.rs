//! A provider and its consumer: publish, bind, use, unbind.

use std::time::Duration;

use multicluster_kcp::Connection;
use platform_mesh_api::{bootstrap::provider_identity, names};
use runtime::{Credential, Kubeconfig};
use serde_json::json;

use super::{ALICE, DEV, Story, check, is_ready};
use crate::demo::{Fault, bucket};

/// Name of the provider's workspace.
pub(super) const STORAGE: &str = "storage";
/// Its path.
const STORAGE_PATH: &str = "root:providers:storage";
/// The provider's service account.
const ACCOUNT: &str = "bucket-provider";
/// Buckets in the model of an organisation.
const BUCKET_TYPE: &str = "storage_example_io_bucket";
const BUCKETS: &str = "/apis/storage.example.io/v1/namespaces/default/buckets";
const BINDING: &str = "/apis/apis.kcp.io/v1alpha2/apibindings/storage.example.io";

/// Step 3.
pub(super) async fn publish(story: &mut Story) -> Result<(), Fault> {
    let providers = story.operator(names::PROVIDERS).await?;
    let workspace = json!({
        "apiVersion": "tenancy.kcp.io/v1alpha1",
        "kind": "Workspace",
        "metadata": {"name": STORAGE},
        "spec": {"type": {"name": "provider", "path": "root"}},
    });
    providers.apply(&workspace).await?.success("creating the provider's workspace")?;
    let path = format!("/apis/tenancy.kcp.io/v1alpha1/workspaces/{STORAGE}");
    story.object(&providers, &path, |object| object["status"]["phase"] == "Ready").await?;
    story.note(format!("Workspace/{STORAGE_PATH}"));

    let inside = story.operator(STORAGE_PATH).await?;
    for object in bucket::api() {
        inside.apply(&object).await?.success("publishing the API")?;
    }
    let export = format!("/apis/apis.kcp.io/v1alpha2/apiexports/{}", bucket::EXPORT);
    let filled = |object: &serde_json::Value| object["status"]["identityHash"].is_string();
    story.object(&inside, &export, filled).await?;
    story.note(format!("APIExport/{}", bucket::EXPORT));
    for step in provider_identity(STORAGE_PATH, ACCOUNT, bucket::EXPORT) {
        inside.apply(&step.object).await?.success("the provider's own account")?;
    }

    let platform = story.operator(names::SYSTEM).await?;
    let policy = json!({
        "apiVersion": "core.platform-mesh.io/v1alpha1",
        "kind": "APIExportPolicy",
        "metadata": {"name": bucket::EXPORT},
        "spec": {
            "apiExportRef": {"name": bucket::EXPORT, "clusterPath": STORAGE_PATH},
            "allowPathExpressions": [":root:orgs:acme:*"],
        },
    });
    platform.apply(&policy).await?.success("allowing acme to bind")?;
    let path = format!("/apis/core.platform-mesh.io/v1alpha1/apiexportpolicies/{}", bucket::EXPORT);
    story.object(&platform, &path, is_ready).await?;
    story.note("APIExportPolicy :root:orgs:acme:*");

    let request = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400},
    });
    let path = format!("/api/v1/namespaces/default/serviceaccounts/{ACCOUNT}/token");
    let answer = inside.post(&path, &request).await?.success("a token for the provider")?;
    let token = answer["status"]["token"].as_str().unwrap_or_default().to_owned();
    let server = format!("{}/clusters/{STORAGE_PATH}", story.reach.file().url);
    let ca = story.reach.file().ca.clone();
    let file = Kubeconfig::single("provider", &server, Some(&ca), &Credential::Token(token));
    let config = story.reach.config(&file).await?;
    bucket::start(Connection::from_config(config)?, &story.tasks)?;
    story.note("controller bucket-provider");
    Ok(())
}

/// Step 4.
pub(super) async fn bind(story: &mut Story) -> Result<(), Fault> {
    let alice = story.person(ALICE, "acme", DEV).await?;
    let binding = bucket::binding(STORAGE_PATH);
    // The tuple of the policy may be a moment old.
    let what = "the right to bind";
    story
        .until(what, Duration::from_secs(10), async || {
            let answer = alice.create(&binding).await?;
            if answer.status == 403 {
                return Ok(None);
            }
            answer.success("binding the export").map(Some)
        })
        .await?;
    story.object(&alice, BINDING, |object| object["status"]["phase"] == "Bound" && is_ready(object)).await?;
    story.note(format!("APIBinding/{} Bound", bucket::EXPORT));
    model_knows(story, true).await?;
    story.note(format!("type {BUCKET_TYPE} in the model of acme"));
    Ok(())
}

async fn model_knows(story: &mut Story, wanted: bool) -> Result<(), Fault> {
    let reach = story.reach.clone();
    let what = if wanted { "the type in the model" } else { "the model without the type" };
    story
        .until(what, Duration::from_secs(30), async || {
            let known = Story::new(&reach).model_has("acme", BUCKET_TYPE).await?;
            Ok((known == wanted).then_some(()))
        })
        .await
}

/// Step 5.
pub(super) async fn create(story: &mut Story) -> Result<(), Fault> {
    let alice = story.person(ALICE, "acme", DEV).await?;
    // What the webhook knows of the workspace's kinds may be a moment older than the binding.
    story
        .until("alice's right to create buckets", Duration::from_secs(5), async || {
            let answer = alice.create(&bucket::bucket("photos")).await?;
            if answer.status == 403 {
                return Ok(None);
            }
            answer.success("creating a bucket").map(Some)
        })
        .await?;
    let seen = story
        .object(&alice, &format!("{BUCKETS}/photos"), |object| object["status"]["phase"] == "Ready")
        .await?;
    let endpoint = "https://photos.eu.storage.example.io";
    check(seen["status"]["endpoint"] == endpoint, "the bucket's endpoint in its status")?;
    story.note("Bucket/photos Ready");
    let map = story.object(&alice, "/api/v1/namespaces/default/configmaps/bucket-photos", |_| true).await?;
    check(map["data"]["endpoint"] == endpoint, "the bucket's endpoint in the ConfigMap")?;
    story.note("ConfigMap/bucket-photos");
    Ok(())
}

/// Step 10.
pub(super) async fn unbind(story: &mut Story) -> Result<(), Fault> {
    let alice = story.person(ALICE, "acme", DEV).await?;
    alice.delete(BINDING).await?.success("deleting the binding")?;
    story.gone(&alice, BINDING).await?;
    story.note(format!("APIBinding/{} gone", bucket::EXPORT));
    let answer = alice.get(BUCKETS).await?;
    check(matches!(answer.status, 403 | 404), format!("no buckets any more, got {}", answer.status))?;
    let provider = story.operator(STORAGE_PATH).await?;
    let slice = format!("/apis/apis.kcp.io/v1alpha1/apiexportendpointslices/{}", bucket::EXPORT);
    let slice = provider.get(&slice).await?.success("the endpoints of the export")?;
    if let Some(url) = slice["status"]["endpoints"][0]["url"].as_str() {
        let base = story.reach.file().url.clone();
        let path = url.strip_prefix(&base).unwrap_or_default();
        let root = story.reach.operator(None).await?;
        let request = http::Request::get(format!("{path}/clusters/*/apis/storage.example.io/v1/buckets"))
            .body(Vec::new())?;
        let left: serde_json::Value = root.request(request).await?;
        check(left["items"] == json!([]), "no buckets left for the provider to see")?;
    }
    model_knows(story, false).await?;
    story.note(format!("type {BUCKET_TYPE} left the model of acme"));
    Ok(())
}
