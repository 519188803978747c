//! Organisations and accounts, from nothing and back.

use std::time::Duration;

use fga_client::TupleFilter;
use identity_provider::IdentityProvider as _;
use platform_mesh_api::names;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{ACME, ALICE, DEV, GLOBEX, LOOK, Story, check, is_ready, provider::STORAGE};
use crate::demo::{Fault, bucket::EXPORT, calls::Caller};

/// How long processes outside may take until they answer.
const STARTING: Duration = Duration::from_secs(60);
const ACCOUNTS: &str = "/apis/core.platform-mesh.io/v1alpha1/accounts";

fn new_account(name: &str, kind: &str) -> Value {
    json!({
        "apiVersion": "core.platform-mesh.io/v1alpha1",
        "kind": "Account",
        "metadata": {"name": name},
        "spec": {"type": kind, "displayName": name},
    })
}

/// Creates an Account and waits until it is ready.
async fn create(story: &mut Story, caller: &Caller, name: &str, kind: &str) -> Result<(), Fault> {
    let created =
        caller.create(&new_account(name, kind)).await?.success(&format!("creating account `{name}`"))?;
    check(created["spec"]["creator"] == ALICE, "the creator to be alice")?;
    story.object(caller, &format!("{ACCOUNTS}/{name}"), is_ready).await?;
    story.note(format!("Account/{name} Ready"));
    Ok(())
}

/// The logical cluster of an account's workspace, as its AccountInfo says.
async fn cluster(story: &mut Story, caller: &Caller) -> Result<String, Fault> {
    let path = "/apis/core.platform-mesh.io/v1alpha1/accountinfos/account";
    let info = story.object(caller, path, |_| true).await?;
    let cluster = info["spec"]["account"]["generatedClusterId"].as_str().unwrap_or_default().to_owned();
    check(!cluster.is_empty(), "AccountInfo to name the logical cluster")?;
    Ok(cluster)
}

/// Alice in `root:orgs`, once realm, webhook and admission answer: operators outside may still be starting.
async fn let_in(story: &mut Story) -> Result<Caller, Fault> {
    let (path, trial) = (format!("{ACCOUNTS}?dryRun=All"), new_account("acme", names::ACCOUNT_TYPE_ORG));
    let end = Instant::now() + STARTING;
    loop {
        let why = match story.person(ALICE, "welcome", names::ORGS).await {
            Ok(alice) => match alice.post(&path, &trial).await? {
                answer if matches!(answer.status, 401 | 403 | 429 | 500..) => {
                    format!("{} {}", answer.status, answer.body["message"].as_str().unwrap_or_default())
                }
                _ => return Ok(alice),
            },
            Err(error) => error.to_string(),
        };
        if Instant::now() >= end {
            let text =
                format!("alice is not let in after {} s, do all operators run? {why}", STARTING.as_secs());
            return Err(text.into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Step 1.
pub(super) async fn organization(story: &mut Story) -> Result<(), Fault> {
    let alice = let_in(story).await?;
    create(story, &alice, "acme", names::ACCOUNT_TYPE_ORG).await
}

/// Step 2.
pub(super) async fn account(story: &mut Story) -> Result<(), Fault> {
    let alice = story.person(ALICE, "acme", ACME).await?;
    let acme = cluster(story, &alice).await?;
    create(story, &alice, "dev", names::ACCOUNT_TYPE_ACCOUNT).await?;
    let in_dev = story.person(ALICE, "acme", DEV).await?;
    let dev = cluster(story, &in_dev).await?;
    story.clusters = vec![acme, dev];
    Ok(())
}

/// Step 6.
pub(super) async fn isolation(story: &mut Story) -> Result<(), Fault> {
    let alice = story.person(ALICE, "welcome", names::ORGS).await?;
    create(story, &alice, "globex", names::ACCOUNT_TYPE_ORG).await?;
    let inside = story.person(ALICE, "globex", GLOBEX).await?;
    let own = inside.get(ACCOUNTS).await?;
    check(own.status == 200, format!("globex to show its accounts, got {}", own.status))?;
    check(own.body["items"] == json!([]), "globex to have no accounts")?;
    let buckets = inside.get("/apis/storage.example.io/v1/buckets").await?;
    check(matches!(buckets.status, 403 | 404), format!("no buckets in globex, got {}", buckets.status))?;
    let stranger = story.person(ALICE, "globex", DEV).await?;
    let answer = stranger.get("/apis/storage.example.io/v1/buckets").await?;
    check(answer.status == 401, format!("401 for globex's token in acme, got {}", answer.status))?;
    let has = story.model_has("globex", "storage_example_io_bucket").await?;
    check(!has, "the model of globex not to know buckets")?;
    story.note("buckets: none in globex, 401 for its tokens in acme");
    Ok(())
}

/// Deletes an Account and waits until it is gone.
async fn delete(story: &mut Story, caller: &Caller, name: &str) -> Result<(), Fault> {
    let path = format!("{ACCOUNTS}/{name}");
    caller.delete(&path).await?.success(&format!("deleting account `{name}`"))?;
    story.gone(caller, &path).await?;
    story.note(format!("Account/{name} gone"));
    Ok(())
}

/// Step 11.
pub(super) async fn end(story: &mut Story) -> Result<(), Fault> {
    let platform = story.operator(names::SYSTEM).await?;
    let policy = format!("/apis/core.platform-mesh.io/v1alpha1/apiexportpolicies/{EXPORT}");
    platform.delete(&policy).await?.success("deleting the policy")?;
    story.gone(&platform, &policy).await?;
    let alice = story.person(ALICE, "acme", ACME).await?;
    delete(story, &alice, "dev").await?;
    let operator = story.operator(names::ORGS).await?;
    for org in ["acme", "globex"] {
        delete(story, &operator, org).await?;
        nothing_left(story, &operator, org).await?;
    }
    let providers = story.operator(names::PROVIDERS).await?;
    let workspace = format!("/apis/tenancy.kcp.io/v1alpha1/workspaces/{STORAGE}");
    providers.delete(&workspace).await?.success("deleting the provider's workspace")?;
    story.gone(&providers, &workspace).await
}

/// No object, cluster, store, realm or tuple of an organisation.
async fn nothing_left(story: &mut Story, operator: &Caller, org: &str) -> Result<(), Fault> {
    for path in [
        format!("/apis/tenancy.kcp.io/v1alpha1/workspaces/{org}"),
        format!("/apis/tenancy.kcp.io/v1alpha1/workspacetypes/{org}-org"),
        format!("/apis/tenancy.kcp.io/v1alpha1/workspacetypes/{org}-account"),
        format!("/apis/tenancy.kcp.io/v1alpha1/workspaceauthenticationconfigurations/{org}"),
        format!("/apis/core.platform-mesh.io/v1alpha1/stores/{org}"),
        format!("/apis/core.platform-mesh.io/v1alpha1/identityproviderconfigurations/{org}"),
    ] {
        story.gone(operator, &path).await?;
    }
    let reach = story.reach.clone();
    let stores = reach.relationships()?;
    let what = format!("the end of store and realm `{org}`");
    story
        .until(what, Duration::from_secs(10), async || {
            let store = stores.find_store(org).await?;
            let realm = reach.realms().realm_exists(org).await?;
            Ok((store.is_none() && !realm).then_some(()))
        })
        .await?;
    // With its store, all tuples of an organisation go; those of others must not speak of it.
    let mut page = fga_client::PageRequest::default();
    loop {
        let answer = stores.list_stores(None, page).await?;
        for store in &answer.items {
            for tuple in stores.read_all(&store.id, TupleFilter::everything()).await? {
                let named = |text: &str| story.clusters.iter().any(|cluster| text.contains(cluster.as_str()));
                let left = org == "acme" && (named(&tuple.object) || named(&tuple.user));
                check(!left, format!("no tuple of acme in store `{}`, found {tuple:?}", store.name))?;
            }
        }
        if answer.token.is_empty() {
            break;
        }
        page = fga_client::PageRequest::after(answer.token);
    }
    story.note(format!("nothing left of {org}"));
    Ok(())
}
