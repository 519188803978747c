//! Applies the list that makes a mesh of an empty kcp, over any client: server-side apply, so that it can be repeated.

use std::time::Duration;

use http::Request;
use kube::{
    Client,
    api::{ApiResource, GroupVersionKind},
};
use multicluster::prefix_client;
use platform_mesh_api::{
    IdentityProviderConfiguration,
    bootstrap::{FIELD_MANAGER, Lookup, Step, UnresolvedLookup},
};
use serde_json::{Value, json};
use tokio::time::Instant;

/// How long one object may take until it is accepted and far enough.
pub const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// What applying an object did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was not there.
    Created,
    /// It was there and differed.
    Changed,
    /// It was there as wanted.
    Unchanged,
}

impl Change {
    /// What happened to an object, told by what it says. Its version alone says less: a server notes down whose the
    /// fields are when an object that says nothing is applied a second time, and other controllers write its status.
    fn between(before: Option<&Value>, after: &Value) -> Self {
        let Some(before) = before else { return Self::Created };
        let (old, new) = (&before["metadata"], &after["metadata"]);
        if old["resourceVersion"] == new["resourceVersion"] {
            return Self::Unchanged;
        }
        let metadata = ["uid", "labels", "annotations", "deletionTimestamp"];
        let same = metadata.into_iter().all(|field| old[field] == new[field]) && said(before).eq(said(after));
        if same { Self::Unchanged } else { Self::Changed }
    }
}

/// What an object says besides metadata and status.
fn said(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let fields = object.as_object().into_iter().flatten();
    fields.filter(|(name, _)| !["metadata", "status"].contains(&name.as_str()))
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Change::Created => "created",
            Change::Changed => "changed",
            Change::Unchanged => "unchanged",
        })
    }
}

/// Why the list was not applied to its end.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The server refused an object.
    #[error("{kind} `{name}` in `{workspace}` is refused: {why}")]
    Refused {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// Path of the workspace.
        workspace: String,
        /// The server's words.
        why: String,
    },
    /// An object did not get far enough.
    #[error("{kind} `{name}` in `{workspace}` is not ready after {} s", PATIENCE.as_secs())]
    Late {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// Path of the workspace.
        workspace: String,
    },
    /// A value that other objects should have published is missing.
    #[error("{source} after {} s, and {kind} `{name}` needs it", PATIENCE.as_secs())]
    Unknown {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// Which value.
        source: UnresolvedLookup,
    },
}

/// Applies the steps in order; `told` hears of each. `root` is a client at the server's root with an administrator's
/// rights.
///
/// # Errors
/// The first step that is refused for good, or does not take effect in the time that a step may take.
///
/// # Cancellation
/// Steps already taken stand; a repeated call completes the rest.
pub async fn apply_bootstrap(
    root: &Client,
    steps: &[Step],
    mut told: impl FnMut(&Step, Change),
) -> Result<(), BootstrapError> {
    for step in steps {
        let until = Instant::now() + PATIENCE;
        let object = resolved(root, step, until).await?;
        let change = applied(root, step, &object, until).await?;
        told(step, change);
    }
    Ok(())
}

/// The object with what only the server knows.
async fn resolved(root: &Client, step: &Step, until: Instant) -> Result<Value, BootstrapError> {
    let lookups = step.lookups();
    let mut pause = PAUSE_MIN;
    loop {
        let mut found = Vec::with_capacity(lookups.len());
        for lookup in &lookups {
            found.push((lookup, find(root, lookup).await));
        }
        let known = |wanted: &Lookup| {
            found.iter().find(|(lookup, _)| *lookup == wanted).and_then(|(_, value)| value.clone())
        };
        match step.resolved(known) {
            Ok(object) => return Ok(object),
            Err(source) if Instant::now() >= until => {
                let (kind, name) = (step.kind().to_owned(), step.name().to_owned());
                return Err(BootstrapError::Unknown { kind, name, source });
            }
            Err(_) => wait(&mut pause).await,
        }
    }
}

async fn find(root: &Client, lookup: &Lookup) -> Option<Value> {
    let get = async |workspace: &str, path: String| -> Option<Value> {
        let client = prefix_client(root, &format!("/clusters/{workspace}"));
        client.request(Request::get(path).body(Vec::new()).ok()?).await.ok()
    };
    let filled = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty()).then(|| value.clone());
    match lookup {
        Lookup::IdentityHash { workspace, export } => {
            let path = format!("/apis/apis.kcp.io/v1alpha2/apiexports/{export}");
            filled(&get(workspace, path).await?["status"]["identityHash"])
        }
        Lookup::Cluster { workspace } => {
            let path = "/apis/core.kcp.io/v1alpha1/logicalclusters/cluster".to_owned();
            filled(&get(workspace, path).await?["metadata"]["annotations"]["kcp.io/cluster"])
        }
        Lookup::ClientIds { workspace, configuration } => {
            let path = format!(
                "/apis/core.platform-mesh.io/v1alpha1/identityproviderconfigurations/{configuration}"
            );
            let object = get(workspace, path).await?;
            let held: IdentityProviderConfiguration = serde_json::from_value(object).ok()?;
            let managed = &held.status.as_ref()?.managed_clients;
            // All of them or none: a partial list would lock people out until the next run.
            if held.spec.clients.iter().any(|client| !managed.contains_key(&client.client_name)) {
                return None;
            }
            let mut ids: Vec<&str> = managed.values().map(|client| client.client_id.as_str()).collect();
            ids.sort_unstable();
            (!ids.is_empty()).then(|| json!(ids))
        }
    }
}

async fn applied(
    root: &Client,
    step: &Step,
    object: &Value,
    until: Instant,
) -> Result<Change, BootstrapError> {
    let client = prefix_client(root, &format!("/clusters/{}", step.workspace));
    let path = path_of(object);
    let refused = |error: &kube::Error| BootstrapError::Refused {
        kind: step.kind().to_owned(),
        name: step.name().to_owned(),
        workspace: step.workspace.clone(),
        why: sentence(error),
    };
    let before = get(&client, &path).await.ok();
    let mut pause = PAUSE_MIN;
    let mut after = loop {
        match patch(&client, &path, object).await {
            Ok(after) => break after,
            // What an object refers to may be a moment behind: its kind, its workspace, the export it binds.
            Err(error) if may_pass(&error) && Instant::now() < until => wait(&mut pause).await,
            Err(error) => return Err(refused(&error)),
        }
    };
    let change = Change::between(before.as_ref(), &after);
    let mut pause = PAUSE_MIN;
    while !step.wait.is_over(&after) {
        if Instant::now() >= until {
            return Err(BootstrapError::Late {
                kind: step.kind().to_owned(),
                name: step.name().to_owned(),
                workspace: step.workspace.clone(),
            });
        }
        wait(&mut pause).await;
        if let Ok(seen) = get(&client, &path).await {
            after = seen;
        }
    }
    Ok(change)
}

/// Applies one object, and answers it as the server holds it; what it refers to may be a moment behind.
pub(crate) async fn apply_object(
    root: &Client,
    workspace: &str,
    object: &Value,
) -> Result<Value, BootstrapError> {
    let client = prefix_client(root, &format!("/clusters/{workspace}"));
    let (path, until) = (path_of(object), Instant::now() + PATIENCE);
    let mut pause = PAUSE_MIN;
    loop {
        match patch(&client, &path, object).await {
            Ok(after) => return Ok(after),
            Err(error) if may_pass(&error) && Instant::now() < until => wait(&mut pause).await,
            Err(error) => {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                return Err(BootstrapError::Refused {
                    kind: text(&object["kind"]),
                    name: text(&object["metadata"]["name"]),
                    workspace: workspace.to_owned(),
                    why: sentence(&error),
                });
            }
        }
    }
}

/// Name of the logical cluster behind a workspace.
pub(crate) async fn cluster_of(root: &Client, workspace: &str) -> Result<String, BootstrapError> {
    let lookup = Lookup::Cluster { workspace: workspace.to_owned() };
    match find(root, &lookup).await {
        Some(Value::String(name)) => Ok(name),
        _ => Err(BootstrapError::Unknown {
            kind: "LogicalCluster".to_owned(),
            name: "cluster".to_owned(),
            source: UnresolvedLookup(lookup),
        }),
    }
}

/// Where an object belongs.
pub(crate) fn path_of(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let api_version = text(&object["apiVersion"]);
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &text(&object["kind"])));
    let base = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{api_version}") };
    let namespace = match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("/namespaces/{namespace}"),
        None => String::new(),
    };
    format!("{base}{namespace}/{}/{}", resource.plural, text(&object["metadata"]["name"]))
}

async fn get(client: &Client, path: &str) -> Result<Value, kube::Error> {
    client.request(Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?).await
}

async fn patch(client: &Client, path: &str, object: &Value) -> Result<Value, kube::Error> {
    let request = Request::patch(format!("{path}?fieldManager={FIELD_MANAGER}&force=true"))
        .header("content-type", "application/apply-patch+yaml")
        .body(object.to_string().into_bytes())
        .map_err(kube::Error::HttpError)?;
    client.request(request).await
}

fn may_pass(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => matches!(status.code, 403 | 404 | 409 | 429 | 500..=599),
        _ => false,
    }
}

fn sentence(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

async fn wait(pause: &mut Duration) {
    tokio::time::sleep(*pause).await;
    *pause = (*pause * 2).min(PAUSE_MAX);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(version: u32, spec: Value, phase: &str) -> Value {
        json!({"kind": "Namespace", "metadata": {"name": "n", "uid": "u", "resourceVersion": version.to_string(),
            "managedFields": [{"manager": version.to_string()}]}, "spec": spec, "status": {"phase": phase}})
    }

    #[track_caller]
    fn check(before: Option<Value>, after: Value, expected: Change) {
        assert_eq!(Change::between(before.as_ref(), &after), expected);
    }

    #[test]
    fn boot_what_an_object_says_decides_whether_it_changed() {
        let spec = || json!({"finalizers": ["kubernetes"]});
        check(None, object(1, spec(), "Active"), Change::Created);
        check(Some(object(1, spec(), "Active")), object(1, spec(), "Active"), Change::Unchanged);
        // Only who owns its fields was noted down; only its status went on.
        check(Some(object(1, spec(), "Active")), object(2, spec(), "Active"), Change::Unchanged);
        check(Some(object(1, spec(), "Active")), object(2, spec(), "Terminating"), Change::Unchanged);
        check(Some(object(1, spec(), "Active")), object(2, json!({}), "Active"), Change::Changed);
        let mut labelled = object(2, spec(), "Active");
        labelled["metadata"]["labels"] = json!({"a": "b"});
        check(Some(object(1, spec(), "Active")), labelled, Change::Changed);
        let mut another = object(2, spec(), "Active");
        another["metadata"]["uid"] = json!("v");
        check(Some(object(1, spec(), "Active")), another, Change::Changed);
    }
}
