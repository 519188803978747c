//! The root cluster: its LogicalCluster, exports with identities, bindings to them, the shard, types, and rights.

use apiserver::{ApiError, Partition, StoragePrefix, lifecycle, store::ObjectKey};
use base64::Engine as _;
use kcp_api::{ClusterName, Condition, IdentityKey, keys, labels, schemas};
use serde_json::{Map, Value, json};

use super::{
    put,
    rbac::{cluster_role, group_binding, paths, put_all, rule},
};
use crate::{
    core::{Core, ROOT, SHARD},
    logical_clusters::{self, Fresh},
    records,
    tree::Phase,
    workspace_types, workspaces,
};

const APIS: &str = "apis.kcp.io";

pub(super) fn create(core: &Core) -> Result<(), ApiError> {
    let root = Partition::from(ROOT);
    logical_clusters::create(core, &root, fresh())?;
    for namespace in ["default", "kube-system", keys::IDENTITY_NAMESPACE] {
        lifecycle::ensure_namespace(&core.server, &root, namespace);
    }
    let schemas = put_schemas(core)?;
    let mut locks = Map::new();
    for export in schemas::ROOT_EXPORTS {
        let identity = put_export(core, export)?;
        put_binding(core, export, &identity, &schemas)?;
        for row in export.resources {
            locks.insert(format!("{}.{}", row.resource, row.group), json!({"n": export.name}));
        }
        match export.name {
            keys::TENANCY_EXPORT => drop(core.tenancy_identity.set(identity)),
            keys::SHARDS_EXPORT => put_shard(core, &identity)?,
            _ => {}
        }
    }
    logical_clusters::modify(core, &root, |object| {
        if records::annotation(object, keys::RESOURCE_BINDINGS).is_none() {
            records::set_annotation(
                object,
                keys::RESOURCE_BINDINGS,
                Value::Object(locks.clone()).to_string(),
            );
        }
        Ok(())
    })?;
    put_types(core)?;
    put_rights(core)
}

fn fresh() -> Fresh {
    Fresh {
        annotations: vec![
            (keys::PATH.to_owned(), ROOT.to_owned()),
            (workspaces::TYPE.to_owned(), "root:root".to_owned()),
            (workspaces::SHARD_ANNOTATION.to_owned(), SHARD.to_owned()),
            (workspaces::OWNER.to_owned(), json!({"username": "system:kcp-bootstrapper"}).to_string()),
        ],
        phase: Phase::Ready,
        ..Fresh::default()
    }
}

/// Stores the schemas behind root's exports and returns them as stored.
fn put_schemas(core: &Core) -> Result<Vec<Value>, ApiError> {
    let prefix = StoragePrefix::new(APIS, "apiresourceschemas");
    schemas::root_export_schemas().into_iter().map(|schema| put(core, ROOT, &prefix, schema)).collect()
}

/// Stores an export with its identity secret and returns the identity hash.
fn put_export(core: &Core, export: &schemas::RootExport) -> Result<String, ApiError> {
    let base64 = base64::engine::general_purpose::STANDARD;
    let key = IdentityKey::from_random(core.ids.bytes());
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": export.name, "namespace": keys::IDENTITY_NAMESPACE},
        "data": {keys::IDENTITY_SECRET_KEY: base64.encode(key.secret_data())},
    });
    // A secret that is there already keeps the identity it stands for.
    let secret = put(core, ROOT, &StoragePrefix::new("", "secrets"), secret)?;
    let stored = secret["data"][keys::IDENTITY_SECRET_KEY].as_str().unwrap_or_default();
    let hash = kcp_api::identity::identity_hash(&base64.decode(stored).map_err(ApiError::internal)?);
    let resources: Vec<Value> = export
        .resources
        .iter()
        .map(|row| json!({"name": row.resource, "group": row.group, "schema": row.schema, "storage": {"crd": {}}}))
        .collect();
    let mut object = json!({
        "apiVersion": "apis.kcp.io/v1alpha2", "kind": "APIExport",
        "metadata": {"name": export.name, "annotations": {keys::PATH: ROOT}},
        "spec": {
            "resources": resources,
            "identity": {"secretRef": {"name": export.name, "namespace": keys::IDENTITY_NAMESPACE}},
        },
        "status": {"identityHash": hash},
    });
    if export.maximal_permission_policy {
        object["spec"]["maximalPermissionPolicy"] = json!({"local": {}});
    }
    records::set_conditions(&mut object, [Condition::is_true("IdentityValid")], core.clock.now());
    put(core, ROOT, &StoragePrefix::new(APIS, "apiexports"), object)?;
    Ok(hash)
}

/// Binds an export of root in root itself: complete from the start, since everything it needs was just made.
fn put_binding(
    core: &Core,
    export: &schemas::RootExport,
    identity: &str,
    schemas: &[Value],
) -> Result<(), ApiError> {
    let bound: Vec<Value> = export
        .resources
        .iter()
        .filter_map(|row| {
            let schema = schemas.iter().find(|schema| schema["metadata"]["name"] == row.schema)?;
            let storage = schema["spec"]["versions"].as_array()?.iter().find(|v| v["storage"] == true)?;
            Some(json!({
                "group": row.group, "resource": row.resource,
                "schema": {"name": row.schema, "UID": schema["metadata"]["uid"], "identityHash": identity},
                "storageVersions": [storage["name"]],
            }))
        })
        .collect();
    let mut binding = json!({
        "apiVersion": "apis.kcp.io/v1alpha2", "kind": "APIBinding",
        "metadata": {
            "name": export.name,
            "annotations": {keys::PATH: ROOT},
            "labels": {keys::EXPORT_LABEL: labels::export_label(&ClusterName::root(), export.name)},
            "finalizers": [keys::API_BINDING_FINALIZER],
        },
        "spec": {"reference": {"export": {"path": ROOT, "name": export.name}}},
        "status": {"apiExportClusterName": ROOT, "boundResources": bound, "phase": "Bound"},
    });
    let conditions = [
        "Ready",
        "APIExportValid",
        "BindingUpToDate",
        "InitialBindingCompleted",
        "PermissionClaimsApplied",
        "PermissionClaimsValid",
    ];
    records::set_conditions(&mut binding, conditions.map(Condition::is_true), core.clock.now());
    put(core, ROOT, &StoragePrefix::new(APIS, "apibindings"), binding).map(|_| ())
}

fn put_shard(core: &Core, identity: &str) -> Result<(), ApiError> {
    let url = core.external_url();
    let shard = json!({
        "apiVersion": "core.kcp.io/v1alpha1", "kind": "Shard",
        "metadata": {"name": SHARD, "labels": {"name": SHARD}},
        "spec": {"baseURL": url, "externalURL": url, "virtualWorkspaceURL": url},
    });
    put(core, ROOT, &StoragePrefix::with_identity("core.kcp.io", "shards", identity), shard).map(|_| ())
}

fn put_types(core: &Core) -> Result<(), ApiError> {
    let child = json!({"name": "universal", "path": ROOT});
    let extends_universal = json!({"with": [{"name": "universal", "path": ROOT}]});
    let bindings = json!([
        {"path": ROOT, "export": keys::TENANCY_EXPORT},
        {"path": ROOT, "export": keys::TOPOLOGY_EXPORT},
    ]);
    // A workspace of root without a type is an organization where there is that type, as in kcp.
    let child_of_root = if core.options.batteries.workspace_types { "organization" } else { "universal" };
    let mut types = vec![
        (
            "root",
            json!({"defaultChildWorkspaceType": {"name": child_of_root, "path": ROOT}, "extend": extends_universal, "limitAllowedParents": {"none": true}}),
        ),
        (
            "universal",
            json!({"initializer": true, "defaultChildWorkspaceType": child, "defaultAPIBindings": bindings}),
        ),
        ("home", json!({"defaultChildWorkspaceType": child, "extend": extends_universal})),
    ];
    if core.options.batteries.workspace_types {
        let only = |names: &[&str]| {
            let types: Vec<Value> = names.iter().map(|name| json!({"name": name, "path": ROOT})).collect();
            json!({"types": types})
        };
        types.push((
            "organization",
            json!({"defaultChildWorkspaceType": child, "extend": extends_universal,
                "limitAllowedChildren": only(&["universal"]), "limitAllowedParents": only(&["root"])}),
        ));
        types.push((
            "team",
            json!({"defaultChildWorkspaceType": child, "extend": extends_universal,
                "limitAllowedParents": only(&["organization", "team"])}),
        ));
    }
    let prefix = workspace_types::prefix(core.tenancy_identity());
    for (name, spec) in types {
        let object = json!({
            "apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "WorkspaceType",
            "metadata": {"name": name, "annotations": {keys::PATH: ROOT}},
            "spec": spec,
        });
        put(core, ROOT, &prefix, object)?;
        workspace_types::publish(core, &prefix, &ObjectKey::new(Partition::from(ROOT), "", name))?;
    }
    Ok(())
}

fn put_rights(core: &Core) -> Result<(), ApiError> {
    let authenticated = "system:authenticated";
    let use_types = json!({"verbs": ["use"], "apiGroups": ["tenancy.kcp.io"], "resources": ["workspacetypes"],
        "resourceNames": ["universal", "organization", "team"]});
    let bind = json!({"verbs": ["bind"], "apiGroups": [APIS], "resources": ["apiexports"],
        "resourceNames": [keys::TENANCY_EXPORT, keys::TOPOLOGY_EXPORT]});
    let read = &["get", "list", "watch"];
    let tenancy = ["workspaces", "workspacetypes", "workspaceauthenticationconfigurations"];
    let tenancy_status = ["workspaces/status", "workspacetypes/status"];
    let topology = ["partitions", "partitionsets"];
    let roles = vec![
        cluster_role("system:kcp:authenticated:access", &[paths(&["access"], &["/"])]),
        cluster_role("system:kcp:authenticated:use-types", &[use_types]),
        cluster_role("system:kcp:apiexports:bind", &[bind]),
        cluster_role(
            "system:kcp:tenancy:maximal-permission-policy",
            &[rule(&["*"], &["tenancy.kcp.io"], &tenancy), rule(read, &["tenancy.kcp.io"], &tenancy_status)],
        ),
        cluster_role(
            "system:kcp:topology:maximal-permission-policy",
            &[
                rule(&["*"], &["topology.kcp.io"], &topology),
                rule(read, &["topology.kcp.io"], &["partitionsets/status"]),
            ],
        ),
        cluster_role("system:kcp:admin:maximal-permission-policy", &[rule(&["*"], &["*"], &["*"])]),
    ];
    let same = |name: &str, group: &str| group_binding(name, name, &[group]);
    let consumers = format!("apis.kcp.io:binding:{authenticated}");
    let bindings = vec![
        same("system:kcp:authenticated:access", authenticated),
        group_binding(
            "system:kcp:authenticated:tenancy-reader",
            "system:kcp:tenancy:reader",
            &[authenticated],
        ),
        same("system:kcp:authenticated:use-types", authenticated),
        same("system:kcp:apiexports:bind", authenticated),
        same("system:kcp:tenancy:maximal-permission-policy", &consumers),
        same("system:kcp:topology:maximal-permission-policy", &consumers),
        same("system:kcp:admin:maximal-permission-policy", "apis.kcp.io:binding:system:kcp:admin"),
    ];
    put_all(core, ROOT, roles, bindings)
}
