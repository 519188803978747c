//! One suite, run by every backend: the engine in process, and the same engine over gRPC on a loopback port.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::{sync::Arc, time::Duration};

use fga_client::{
    BatchCheckRequest, BatchItem, ChangesRequest, CheckRequest, Consistency, ErrorCategory, ErrorCode,
    ExpandKind, ExpandRequest, InProcess, ListObjectsRequest, ListUsersRequest, OpenFga, OpenFgaOptions,
    Operation, PageRequest, RelationshipError, RelationshipStore, StoreId, TupleFilter, TupleKey, UserFilter,
    WriteRequest,
};
use fga_engine::{
    Engine,
    server::{ServerOptions, serve},
};
use fga_model::{AuthorizationModel, parse_model};
use runtime::{End, Stop, Tasks};

const MODEL: &str = "
model
  schema 1.1
type user
type role
  relations
    define assignee: [user, user:*]
type account
  relations
    define parent: [account]
    define owner: [role#assignee] or owner from parent
    define member: [role#assignee] or owner
    define get: member
    define create_pods: member
type namespace
  relations
    define parent: [account]
    define member: [role#assignee] or member from parent
    define get: member
    define blocked: [user]
    define visible: member but not blocked
";

fn model() -> AuthorizationModel {
    parse_model(MODEL).unwrap()
}

fn key(text: &str) -> TupleKey {
    text.parse().unwrap()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, RelationshipError>, code: ErrorCode) {
    match result {
        Err(error) => assert_eq!(error.code(), Some(code), "{error}"),
        Ok(value) => panic!("wanted {code}, got {value:?}"),
    }
}

async fn organisation(store: &dyn RelationshipStore) -> StoreId {
    let id = store.create_store("acme").await.unwrap().id;
    store.write_model(&id, &model()).await.unwrap();
    let tuples = [
        "role:account/1/acme/owner#assignee@user:alice",
        "account:1/acme#owner@role:account/1/acme/owner#assignee",
        "account:2/dev#parent@account:1/acme",
        "role:account/2/dev/member#assignee@user:carol",
        "account:2/dev#member@role:account/2/dev/member#assignee",
        "namespace:3/default#parent@account:2/dev",
        "namespace:3/default#blocked@user:carol",
    ];
    store.ensure_tuples(&id, &tuples.map(key)).await.unwrap();
    id
}

async fn stores(store: &dyn RelationshipStore) {
    let first = store.create_store("first").await.unwrap();
    let again = store.create_store("first").await.unwrap();
    assert_ne!(first.id, again.id);
    assert_eq!(store.find_store("first").await.unwrap().map(|s| s.id), Some(first.id.clone()));
    assert_eq!(store.find_store("nobody").await.unwrap(), None);
    assert_eq!(store.get_store(&first.id).await.unwrap().name, "first");
    assert_eq!(store.update_store(&first.id, "renamed").await.unwrap().name, "renamed");
    store.delete_store(&again.id).await.unwrap();
    store.delete_store(&again.id).await.unwrap();
    let gone = store.get_store(&again.id).await.unwrap_err();
    assert!(gone.is_not_found() && gone.category() == ErrorCategory::Caller, "{gone}");
    refused(store.create_store("!").await, ErrorCode::ValidationError);
    for n in 0..5 {
        store.create_store(&format!("page-{n}")).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut page = PageRequest::default().sized(2);
    loop {
        let answer = store.list_stores(None, page).await.unwrap();
        seen.extend(answer.items.into_iter().map(|s| s.name));
        if answer.token.is_empty() {
            break;
        }
        page = PageRequest::after(answer.token).sized(2);
    }
    assert_eq!(seen, ["renamed", "page-0", "page-1", "page-2", "page-3", "page-4"]);
    refused(store.list_stores(None, PageRequest::after("???")).await, ErrorCode::InvalidContinuationToken);
    refused(store.list_stores(None, PageRequest::default().sized(101)).await, ErrorCode::PageSizeInvalid);
}

async fn models(store: &dyn RelationshipStore) {
    let id = store.create_store("models").await.unwrap().id;
    refused(
        store.check(&id, CheckRequest::new("a:1", "b", "user:x")).await,
        ErrorCode::LatestAuthorizationModelNotFound,
    );
    assert_eq!(store.latest_model(&id).await.unwrap(), None);
    let first = store.write_model(&id, &model()).await.unwrap();
    let second =
        store.write_model(&id, &parse_model("model\n  schema 1.1\ntype user\n").unwrap()).await.unwrap();
    assert_eq!(store.read_model(&id, &first).await.unwrap(), model());
    assert_eq!(store.latest_model(&id).await.unwrap().map(|m| m.id), Some(second.clone()));
    let page = store.list_models(&id, PageRequest::default().sized(1)).await.unwrap();
    assert_eq!(page.items.first().map(|m| m.id.clone()), Some(second));
    let next = store.list_models(&id, PageRequest::after(page.token)).await.unwrap();
    assert_eq!(next.items.iter().map(|m| m.id.clone()).collect::<Vec<_>>(), [first]);
    let broken = parse_model("model\n  schema 1.1\ntype doc\n  relations\n    define x: y\n").unwrap();
    refused(store.write_model(&id, &broken).await, ErrorCode::InvalidAuthorizationModel);
    let missing = "01JCC8ZD4X84K2W0H0ZA5AQ947".into();
    refused(store.read_model(&id, &missing).await, ErrorCode::AuthorizationModelNotFound);
}

async fn tuples(store: &dyn RelationshipStore) {
    let id = organisation(store).await;
    let alice = key("role:account/1/acme/owner#assignee@user:alice");
    refused(
        store.write(&id, WriteRequest::writes([alice.clone()])).await,
        ErrorCode::WriteFailedDueToInvalidInput,
    );
    refused(store.write(&id, WriteRequest::default()).await, ErrorCode::InvalidWriteInput);
    let twice = WriteRequest::writes([
        key("namespace:9/x#parent@account:2/dev"),
        key("namespace:9/x#parent@account:2/dev"),
    ]);
    refused(store.write(&id, twice).await, ErrorCode::DuplicateTuples);
    refused(
        store.write(&id, WriteRequest::writes([key("account:1/x#parent@user:alice")])).await,
        ErrorCode::ValidationError,
    );
    let both = WriteRequest {
        deletes: vec![key("account:9/x#parent@account:1/acme")],
        ..WriteRequest::writes([key("namespace:9/x#parent@account:2/dev")])
    };
    refused(store.write(&id, both.clone()).await, ErrorCode::WriteFailedDueToInvalidInput);
    assert_eq!(
        store.read_all(&id, TupleFilter::object("namespace:9/x")).await.unwrap(),
        [],
        "all or nothing"
    );
    store.write(&id, both.idempotent()).await.unwrap();

    let everything = store.read_all(&id, TupleFilter::everything()).await.unwrap();
    assert_eq!(everything.len(), 8);
    assert_eq!(everything.first(), Some(&alice));
    let first = store.read(&id, TupleFilter::everything(), PageRequest::default().sized(3)).await.unwrap();
    assert_eq!(first.items.len(), 3);
    let by_user = TupleFilter {
        object: Some("namespace:".into()),
        user: Some("account:2/dev".into()),
        ..TupleFilter::default()
    };
    assert_eq!(store.read_all(&id, by_user).await.unwrap().len(), 2);
    assert_eq!(store.read_all(&id, TupleFilter::key(&alice)).await.unwrap(), std::slice::from_ref(&alice));
    let whole_type = TupleFilter { object: Some("namespace:".into()), ..TupleFilter::default() };
    refused(store.read(&id, whole_type, PageRequest::default()).await, ErrorCode::ValidationError);

    store.ensure_no_tuples(&id, std::slice::from_ref(&alice)).await.unwrap();
    store.ensure_no_tuples(&id, std::slice::from_ref(&alice)).await.unwrap();
    let changes = store
        .read_changes(&id, ChangesRequest { type_name: Some("role".into()), ..ChangesRequest::default() })
        .await
        .unwrap();
    let operations: Vec<Operation> = changes.items.iter().map(|c| c.operation).collect();
    assert_eq!(operations, [Operation::Write, Operation::Write, Operation::Delete]);
    let tail = ChangesRequest {
        type_name: Some("role".into()),
        page: PageRequest::after(&changes.token),
        start_time: None,
    };
    let end = store.read_changes(&id, tail).await.unwrap();
    assert_eq!((end.items.len(), end.token), (0, changes.token.clone()));
    let other = ChangesRequest { page: PageRequest::after(&changes.token), ..ChangesRequest::default() };
    refused(store.read_changes(&id, other).await, ErrorCode::TokenTypeMismatch);
}

async fn questions(store: &dyn RelationshipStore) {
    let id = organisation(store).await;
    let check = async |object: &str, relation: &str, user: &str| {
        store.check(&id, CheckRequest::new(object, relation, user)).await.map(|a| a.is_allowed())
    };
    assert!(check("account:2/dev", "get", "user:alice").await.unwrap());
    assert!(check("namespace:3/default", "visible", "user:alice").await.unwrap());
    assert!(check("namespace:3/default", "get", "user:carol").await.unwrap());
    assert!(!check("namespace:3/default", "visible", "user:carol").await.unwrap());
    assert!(!check("account:1/acme", "get", "user:carol").await.unwrap());
    assert!(check("account:2/dev", "owner", "account:1/acme#owner").await.unwrap());
    refused(check("nothing:1", "get", "user:alice").await, ErrorCode::ValidationError);
    refused(check("account:2/dev", "get", "user:system:admin").await, ErrorCode::ValidationError);

    // A resource that is not stored: its parents come with the question.
    let pod = CheckRequest::new("namespace:2/prod", "get", "user:carol");
    assert!(!store.check(&id, pod.clone()).await.unwrap().is_allowed());
    let pod = pod.with_contextual([key("namespace:2/prod#parent@account:2/dev")]);
    assert!(store.check(&id, pod.clone()).await.unwrap().is_allowed());
    let wrong = pod.with_contextual([key("namespace:2/prod#parent@user:carol")]);
    refused(store.check(&id, wrong).await, ErrorCode::InvalidTuple);

    let item = |correlation: &str, user: &str| BatchItem {
        correlation: correlation.to_owned(),
        check: CheckRequest::new("account:2/dev", "get", user),
    };
    let batch = BatchCheckRequest {
        checks: vec![item("a", "user:alice"), item("b", "user:bob"), item("c", "bad")],
        ..Default::default()
    };
    let answers = store.batch_check(&id, batch).await.unwrap();
    let found: Vec<(&str, Option<bool>)> = answers
        .iter()
        .map(|a| (a.correlation.as_str(), a.answer.as_ref().ok().map(|a| a.is_allowed())))
        .collect();
    assert_eq!(found, [("a", Some(true)), ("b", Some(false)), ("c", None)]);
    assert_eq!(answers[2].answer.as_ref().unwrap_err().code, ErrorCode::ValidationError);

    let users = (0..120).map(|n| if n % 7 == 0 { "user:alice".to_owned() } else { format!("user:{n}") });
    let checks = users.map(|user| CheckRequest::new("account:2/dev", "get", user)).collect();
    let answers = store.check_all(&id, checks, None, Consistency::default()).await.unwrap();
    let allowed: Vec<bool> = answers.iter().map(|answer| answer.as_ref().unwrap().is_allowed()).collect();
    assert_eq!(allowed, (0..120).map(|n| n % 7 == 0).collect::<Vec<_>>());

    let list = ListObjectsRequest {
        type_name: "account".into(),
        relation: "get".into(),
        user: "user:alice".into(),
        ..Default::default()
    };
    let mut accounts = store.list_objects(&id, list).await.unwrap();
    accounts.sort();
    assert_eq!(accounts, ["account:1/acme", "account:2/dev"]);
    let users = |relation: &str, filter: UserFilter| ListUsersRequest {
        object: "namespace:3/default".into(),
        relation: relation.into(),
        filter,
        ..Default::default()
    };
    let user = UserFilter { type_name: "user".into(), relation: None };
    let mut members = store.list_users(&id, users("get", user.clone())).await.unwrap();
    members.sort();
    assert_eq!(members, ["user:alice", "user:carol"]);
    assert_eq!(store.list_users(&id, users("visible", user)).await.unwrap(), ["user:alice"]);
    let roles = UserFilter { type_name: "role".into(), relation: Some("assignee".into()) };
    assert_eq!(store.list_users(&id, users("get", roles)).await.unwrap().len(), 2);

    let expand =
        ExpandRequest { object: "account:2/dev".into(), relation: "owner".into(), ..Default::default() };
    let tree = store.expand(&id, expand).await.unwrap();
    assert_eq!(tree.name, "account:2/dev#owner");
    let ExpandKind::Union(nodes) = tree.kind else { panic!("{tree:?}") };
    let hop = ExpandKind::TupleToUserset {
        tupleset: "account:2/dev#parent".into(),
        computed: vec!["account:1/acme#owner".into()],
    };
    assert_eq!(nodes[1].kind, hop);
}

async fn suite(store: &dyn RelationshipStore) {
    stores(store).await;
    models(store).await;
    tuples(store).await;
    questions(store).await;
}

struct Server {
    address: String,
    stop: Stop,
    tasks: Tasks,
}

async fn server(token: Option<&str>) -> Server {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, tasks) = (Stop::new(), Tasks::new());
    let options = ServerOptions { token: token.map(str::to_owned), ..ServerOptions::default() };
    let (engine, ended) = (Arc::new(Engine::default()), stop.clone());
    tasks.spawn("openfga", End::MayEnd, async move {
        serve(engine, listener, options, ended).await.expect("server");
    });
    Server { address, stop, tasks }
}

#[tokio::test]
async fn fga_01_suite_on_the_engine_in_process() {
    suite(&InProcess::default()).await;
}

#[tokio::test]
async fn fga_07_suite_on_a_server_over_grpc() {
    let server = server(None).await;
    let client = OpenFga::new(OpenFgaOptions::plain(format!("http://{}", server.address))).unwrap();
    suite(&client).await;
    drop(client);
    server
        .tasks
        .run_until({
            server.stop.stop();
            server.stop
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn qrk_15_a_token_is_asked_for_and_a_wrong_one_is_refused() {
    let server = server(Some("secret")).await;
    let options = |token: Option<&str>| OpenFgaOptions {
        token: token.map(str::to_owned),
        ..OpenFgaOptions::plain(&server.address)
    };
    let with = |token| OpenFga::new(options(token)).unwrap();
    refused(with(None).create_store("acme").await, ErrorCode::BearerTokenMissing);
    let wrong = with(Some("secreT")).create_store("acme").await.unwrap_err();
    assert_eq!((wrong.code(), wrong.category()), (Some(ErrorCode::Unauthenticated), ErrorCategory::Operator));
    assert_eq!(with(Some("secret")).create_store("acme").await.unwrap().name, "acme");
}

#[tokio::test]
async fn fga_01_a_server_that_is_not_there_is_an_error_to_retry_within_the_deadline() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = OpenFga::new(OpenFgaOptions {
        deadline: Duration::from_secs(2),
        ..OpenFgaOptions::plain(free.to_string())
    })
    .unwrap();
    let error = client.get_store(&"01JCC8ZD4X84K2W0H0ZA5AQ947".into()).await.unwrap_err();
    assert_eq!(error.category(), ErrorCategory::Retry, "{error:?}");
    assert!(OpenFga::new(OpenFgaOptions::plain("not an address")).is_err());
}
