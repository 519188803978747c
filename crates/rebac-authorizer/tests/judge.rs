//! The authorizer over a store with a real model: who may do what, and why not.
#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::sync::Arc;

use async_trait::async_trait;
use fga_client::{InProcess, RelationshipStore, StoreId, TupleKey};
use fga_model::Naming;
use rebac_authorizer::{
    Account, Action, Answer, ApiEntry, ApiTables, Authorizer, Handler, Request, ResourceRequest, Workspace,
    WorkspaceInfo, Workspaces,
};

const MODEL: &str = "model
  schema 1.1
type user
type role
  relations
    define assignee: [user, user:*]
type core_namespace
  relations
    define parent: [core_platform-mesh_io_account]
type apis_kcp_io_apiexport
type core_platform-mesh_io_account
  relations
    define parent: [core_platform-mesh_io_account]
    define owner: [role#assignee] or owner from parent
    define member: [role#assignee] or owner
    define bind: [apis_kcp_io_apiexport]
    define create_s_io_buckets: owner
    define list_s_io_buckets: member
type s_io_bucket
  relations
    define parent: [core_platform-mesh_io_account]
    define member: [role#assignee] or member from parent
    define get: member
";

struct OneWorkspace(StoreId);

#[async_trait]
impl Workspaces for OneWorkspace {
    async fn find(&self, cluster: &str) -> Workspace {
        match cluster {
            "c1" => Workspace::Known(Arc::new(WorkspaceInfo {
                account: Account { cluster: "c1".into(), parent: "p1".into(), name: "dev".into() },
                store: self.0.clone(),
            })),
            "root" => Workspace::Irrelevant,
            _ => Workspace::Resolving,
        }
    }

    fn orgs(&self) -> Option<String> {
        None
    }
}

struct Buckets;

#[async_trait]
impl ApiTables for Buckets {
    async fn find(&self, _cluster: &str, group: &str, _version: &str, resource: &str) -> Option<ApiEntry> {
        let entry = ApiEntry { group: group.into(), singular: "bucket".into(), is_namespaced: false };
        ((group, resource) == ("s.io", "buckets")).then_some(entry)
    }
}

async fn authorizer() -> Authorizer {
    let store = InProcess::new(Arc::new(fga_engine::Engine::default()));
    let id = store.create_store("acme").await.unwrap().id;
    store.write_model(&id, &fga_model::parse_model(MODEL).unwrap()).await.unwrap();
    let role = "role:core_platform-mesh_io_account/p1/dev/member";
    let account = "core_platform-mesh_io_account:p1/dev";
    store
        .ensure_tuples(
            &id,
            &[
                TupleKey::new(account, "member", format!("{role}#assignee")),
                TupleKey::new(role, "assignee", "user:bob"),
                TupleKey::new(account, "bind", "apis_kcp_io_apiexport:prov/storage"),
            ],
        )
        .await
        .unwrap();
    Authorizer::new(Arc::new(store), Arc::new(OneWorkspace(id)), Arc::new(Buckets), Naming::Injective)
}

fn request(user: &str, cluster: &str, verb: &str, name: &str) -> Request {
    let resource = ResourceRequest {
        verb: verb.into(),
        group: "s.io".into(),
        version: "v1".into(),
        resource: "buckets".into(),
        name: name.into(),
        ..ResourceRequest::default()
    };
    Request {
        user: user.into(),
        groups: Vec::new(),
        cluster: Some(cluster.into()),
        action: Action::Resource(resource),
    }
}

#[tokio::test]
async fn rbw_05_member_may_read_and_owner_rights_are_named_as_missing() {
    let authorizer = authorizer().await;
    let read = authorizer.judge(&request("bob", "c1", "get", "b")).await;
    assert_eq!(read.answer, Answer::Allowed, "{}", read.verdict);
    let refused = authorizer.judge(&request("bob", "c1", "create", "")).await;
    assert_eq!(refused.answer, Answer::NoOpinion);
    let missing = refused.verdict.missing.unwrap().to_string();
    assert!(missing.ends_with("@user:bob"), "{missing}");
}

#[tokio::test]
async fn rbw_08_foreign_and_unknown_workspaces_are_told_apart() {
    let authorizer = authorizer().await;
    let foreign = authorizer.judge(&request("bob", "root", "get", "b")).await;
    let unknown = authorizer.judge(&request("bob", "later", "get", "b")).await;
    assert_eq!((foreign.answer, unknown.answer), (Answer::NoOpinion, Answer::NoOpinion));
    assert_ne!(foreign.verdict.reason, unknown.verdict.reason);
}

#[tokio::test]
async fn rbw_06_bind_is_decided_by_the_consumer_named_in_a_group() {
    let authorizer = authorizer().await;
    let bind = |export: &str, groups: &[&str]| Request {
        user: "system:anonymous".into(),
        groups: groups.iter().map(|g| (*g).to_owned()).collect(),
        cluster: Some("prov".into()),
        action: Action::Resource(ResourceRequest {
            verb: "bind".into(),
            group: "apis.kcp.io".into(),
            resource: "apiexports".into(),
            name: export.into(),
            ..ResourceRequest::default()
        }),
    };
    let allowed = authorizer.judge(&bind("storage", &["system:cluster:c1"])).await;
    assert_eq!((allowed.answer, allowed.handler), (Answer::Allowed, Handler::Bind));
    assert_eq!(authorizer.judge(&bind("other", &["system:cluster:c1"])).await.answer, Answer::NoOpinion);
    assert_eq!(authorizer.judge(&bind("storage", &[])).await.answer, Answer::NoOpinion);
}

#[tokio::test]
async fn rbw_04_open_paths_are_open_and_others_are_not() {
    let authorizer = authorizer().await;
    let path = |path: &str| Request {
        user: "anybody".into(),
        groups: Vec::new(),
        cluster: Some("c1".into()),
        action: Action::Path(path.into()),
    };
    assert_eq!(authorizer.judge(&path("/apis/s.io")).await.answer, Answer::Allowed);
    assert_eq!(authorizer.judge(&path("/metrics")).await.answer, Answer::NoOpinion);
}
