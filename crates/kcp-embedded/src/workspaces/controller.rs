//! The loop over Workspaces: a logical cluster for each, its phase mirrored, its end awaited.

use std::sync::Arc;

use apiserver::{ApiError, Partition, StoragePrefix, UserInfo, store::ObjectKey};
use kcp_api::{
    Condition, InitializerName, Severity, keys,
    workspaces::{self, KnownType},
};
use runtime::Tasks;
use serde_json::{Value, json};

use super::{
    FINALIZER, OWNER, PHASE_LABEL, REQUIRED_GROUPS, SCHEDULED_CLUSTER, SCHEDULED_SHARD, SHARD_ANNOTATION,
    TYPE,
};
use crate::{
    core::{Core, SHARD},
    logical_clusters::{self, Fresh},
    reconcile::{self, Next, Source},
    records::{self, annotation},
    tree::Phase,
    workspace_types,
};

/// Starts the loop over workspaces stored under `prefix`.
pub(crate) fn start(core: &Arc<Core>, tasks: &Tasks, prefix: StoragePrefix) {
    let (weak, store) = (Arc::downgrade(core), core.store().clone());
    let sources = vec![
        Source::itself(prefix.clone()),
        // A logical cluster wakes the workspace that owns it.
        Source::mapped(logical_clusters::prefix(), |event| {
            let object: Value = serde_json::from_slice(&event.object).unwrap_or_default();
            let owner = &object["spec"]["owner"];
            match (owner["resource"].as_str(), owner["cluster"].as_str(), owner["name"].as_str()) {
                (Some("workspaces"), Some(cluster), Some(name)) => {
                    vec![ObjectKey::new(Partition::from(cluster), "", name)]
                }
                _ => Vec::new(),
            }
        }),
    ];
    tasks.spawn_graceful("workspaces", runtime::End::StopProcess, move |stop| {
        let reconcile: reconcile::Reconcile = Arc::new(move |key: ObjectKey| {
            let (weak, prefix) = (weak.clone(), prefix.clone());
            Box::pin(async move {
                let core = crate::core::upgrade(&weak)?;
                reconcile_workspace(&core, &prefix, &key)
            })
        });
        reconcile::run(store, "workspaces", sources, reconcile, stop)
    });
}

fn reconcile_workspace(core: &Core, prefix: &StoragePrefix, key: &ObjectKey) -> Result<Next, ApiError> {
    let Some(stored) = core.store().get(prefix, key) else { return Ok(Next::Wait) };
    let workspace = stored.value();
    if workspace["metadata"]["deletionTimestamp"].is_string() {
        return end(core, prefix, key, &workspace);
    }
    if workspace["spec"]["mount"].is_object() {
        return unschedulable(core, prefix, key, "mounts are not served").map(|()| Next::Wait);
    }
    match workspace["spec"]["cluster"].as_str() {
        None => schedule(core, prefix, key)?,
        Some(cluster) => mirror(core, prefix, key, &Partition::from(cluster))?,
    }
    Ok(Next::Wait)
}

/// Chooses a cluster, creates it, and publishes it: each step stands when the next one starts.
fn schedule(core: &Core, prefix: &StoragePrefix, key: &ObjectKey) -> Result<(), ApiError> {
    // The choice is committed before anything is created, so that a repetition finds the same cluster.
    let committed = records::modify(core, prefix, key, |object| {
        if annotation(object, SCHEDULED_CLUSTER).is_none() {
            let name = kcp_api::ClusterName::generate(core.ids.bytes());
            records::set_annotation(object, SCHEDULED_CLUSTER, name.as_str());
        }
        records::set_annotation(object, SCHEDULED_SHARD, kcp_api::names::shard_hash(SHARD));
        records::set_annotation(object, SHARD_ANNOTATION, SHARD);
        records::add_finalizer(object, FINALIZER);
        Ok(())
    })?;
    let Some(workspace) = committed else { return Ok(()) };
    let cluster = Partition::from(annotation(&workspace, SCHEDULED_CLUSTER).unwrap_or_default());
    core.feeds.catch_up();
    let types = match types_of(core, key.partition(), &workspace) {
        Ok(types) => types,
        Err(why) => {
            unschedulable(core, prefix, key, &why)?;
            return Err(ApiError::unavailable(why));
        }
    };
    let parent_path = core.tree.path_of(key.partition());
    let path = format!("{parent_path}:{}", key.name());
    let owner: Value =
        annotation(&workspace, OWNER).and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    logical_clusters::create(core, &cluster, fresh(&workspace, &types, key, &path, &owner))?;
    admin_binding(core, &cluster, &owner)?;
    let url = core.cluster_url(&path);
    records::modify(core, prefix, key, |object| {
        object["spec"]["cluster"] = cluster.as_str().into();
        object["spec"]["URL"] = url.clone().into();
        records::set_conditions(object, [Condition::is_true("WorkspaceScheduled")], core.clock.now());
        mirror_into(core, object, logical_clusters::get(core, &cluster).as_ref());
        Ok(())
    })?;
    Ok(())
}

fn fresh(workspace: &Value, types: &[KnownType], key: &ObjectKey, path: &str, owner: &Value) -> Fresh {
    let texts = |names: Vec<InitializerName>| names.iter().map(ToString::to_string).collect();
    let mut annotations = vec![
        (keys::PATH.to_owned(), path.to_owned()),
        (TYPE.to_owned(), types.first().map(ToString::to_string).unwrap_or_default()),
        (SHARD_ANNOTATION.to_owned(), SHARD.to_owned()),
    ];
    for copied in [OWNER, REQUIRED_GROUPS] {
        if let Some(value) = annotation(workspace, copied) {
            annotations.push((copied.to_owned(), value.to_owned()));
        }
    }
    Fresh {
        annotations,
        initializers: texts(workspaces::initializers(types)),
        terminators: texts(workspaces::terminators(types)),
        owner: Some(json!({
            "apiVersion": "tenancy.kcp.io/v1alpha1",
            "resource": "workspaces",
            "name": key.name(),
            "cluster": key.partition().as_str(),
            "uid": workspace["metadata"]["uid"],
        })),
        created_by: owner.clone(),
        phase: Phase::Initializing,
    }
}

fn types_of(core: &Core, parent: &Partition, workspace: &Value) -> Result<Vec<KnownType>, String> {
    let reference =
        workspace_types::reference(&workspace["spec"]["type"]).ok_or("the workspace has no type")?;
    workspace_types::find(core, &reference, parent)
        .and_then(|chosen| workspace_types::with_extended(core, &chosen))
        .map_err(|refusal| refusal.to_string())
}

/// The creator administrates the workspace.
fn admin_binding(core: &Core, cluster: &Partition, owner: &Value) -> Result<(), ApiError> {
    let Some(user) = owner["username"].as_str().filter(|user| !user.is_empty()) else { return Ok(()) };
    let subject =
        match crate::identity::service_account(&UserInfo { name: user.to_owned(), ..UserInfo::default() }) {
            // A service account of another cluster is known here by its global name.
            Some((namespace, name)) => {
                let home = owner["extra"][crate::identity::EXTRA_CLUSTER_NAME][0].as_str();
                home.map_or_else(
                    || user.to_owned(),
                    |home| crate::identity::global_service_account_name(home, namespace, name),
                )
            }
            None => user.to_owned(),
        };
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "workspace-admin"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": subject}],
    });
    let prefix = StoragePrefix::new("rbac.authorization.k8s.io", "clusterrolebindings");
    records::create(core, &prefix, ObjectKey::new(cluster.clone(), "", "workspace-admin"), binding)
        .map(|_| ())
}

/// Phase, initializers and terminators follow the logical cluster.
fn mirror(core: &Core, prefix: &StoragePrefix, key: &ObjectKey, cluster: &Partition) -> Result<(), ApiError> {
    let logical_cluster = logical_clusters::get(core, cluster);
    records::modify(core, prefix, key, |object| {
        mirror_into(core, object, logical_cluster.as_ref());
        Ok(())
    })?;
    Ok(())
}

fn mirror_into(core: &Core, object: &mut Value, logical_cluster: Option<&Value>) {
    let now = core.clock.now();
    let Some(logical_cluster) = logical_cluster else {
        let gone = Condition::is_false(
            "WorkspaceInitialized",
            "WorkspaceDisappeared",
            Severity::Error,
            "the logical cluster of the workspace is gone",
        );
        records::set_conditions(object, [gone], now);
        return;
    };
    let status = &logical_cluster["status"];
    let phase = Phase::parse(status["phase"].as_str().unwrap_or_default());
    let initializers: Vec<String> =
        records::strings(&status["initializers"]).into_iter().map(str::to_owned).collect();
    let terminators: Vec<String> =
        records::strings(&status["terminators"]).into_iter().map(str::to_owned).collect();
    if !object["status"].is_object() {
        object["status"] = json!({});
    }
    object["status"]["phase"] = phase.as_str().into();
    records::set_strings(&mut object["status"], "initializers", &initializers);
    records::set_strings(&mut object["status"], "terminators", &terminators);
    records::set_label(object, PHASE_LABEL, phase.as_str());
    let initialized = if initializers.is_empty() {
        Condition::is_true("WorkspaceInitialized")
    } else {
        let message = format!("Initializers still exist: {initializers:?}");
        Condition::is_false("WorkspaceInitialized", "InitializerExists", Severity::Info, message)
    };
    records::set_conditions(object, [initialized], now);
    if phase == Phase::Ready {
        // Extras and groups of the creator are of no use any more.
        let reduced = annotation(object, OWNER)
            .and_then(|text| serde_json::from_str::<Value>(text).ok())
            .map(|owner| json!({"username": owner["username"]}).to_string());
        if let Some(reduced) = reduced {
            records::set_annotation(object, OWNER, reduced);
        }
    }
}

fn unschedulable(core: &Core, prefix: &StoragePrefix, key: &ObjectKey, why: &str) -> Result<(), ApiError> {
    records::modify(core, prefix, key, |object| {
        let condition = Condition::is_false("WorkspaceScheduled", "Unschedulable", Severity::Error, why);
        records::set_conditions(object, [condition], core.clock.now());
        Ok(())
    })
    .map(|_| ())
}

/// The workspace goes when its logical cluster is gone.
fn end(core: &Core, prefix: &StoragePrefix, key: &ObjectKey, workspace: &Value) -> Result<Next, ApiError> {
    let cluster = workspace["spec"]["cluster"].as_str().or_else(|| annotation(workspace, SCHEDULED_CLUSTER));
    let logical_cluster = match cluster {
        Some(name) => {
            let cluster = Partition::from(name);
            logical_clusters::begin_deletion(core, &cluster)?
        }
        None => None,
    };
    records::modify(core, prefix, key, |object| {
        match &logical_cluster {
            Some(logical_cluster) => {
                mirror_into(core, object, Some(logical_cluster));
                let content = &logical_cluster["status"]["conditions"];
                let condition = content.as_array().and_then(|list| {
                    let found = list.iter().find(|c| c["type"] == "WorkspaceContentDeleted")?;
                    serde_json::from_value::<Condition>(found.clone()).ok()
                });
                records::set_conditions(object, condition, core.clock.now());
            }
            None => records::remove_finalizer(object, FINALIZER),
        }
        Ok(())
    })?;
    Ok(Next::Wait)
}
