//! Questions to messages, messages to answers.

use fga_engine::{
    BatchAnswer, BatchCheckRequest, BatchFault, Change, ChangesRequest, CheckAnswer, CheckRequest,
    Consistency, Context, ExpandKind, ExpandNode, ExpandRequest, Grounds, ListObjectsRequest,
    ListUsersRequest, OnDuplicate, OnMissing, Operation, PageRequest, Store, StoredModel, StoredTuple,
    TupleFilter, WriteRequest,
};
use fga_model::{AuthorizationModel, ErrorCode, ModelId, StoreId, TupleKey};
use fga_proto::{context_to_wire, timestamp_from_wire, timestamp_to_wire, wire};
use jiff::Timestamp;

use crate::RelationshipError;

fn odd(message: impl Into<String>) -> RelationshipError {
    RelationshipError::Answer { message: message.into() }
}

type WireTime = Option<fga_proto::WireTimestamp>;

fn time(time: WireTime) -> Result<Timestamp, RelationshipError> {
    match time {
        None => Ok(Timestamp::UNIX_EPOCH),
        Some(time) => timestamp_from_wire(&time).ok_or_else(|| odd("a timestamp is out of range")),
    }
}

pub(super) fn store(
    id: String,
    name: String,
    made: WireTime,
    renamed: WireTime,
) -> Result<Store, RelationshipError> {
    Ok(Store { id: StoreId::new(id), name, created_at: time(made)?, updated_at: time(renamed)? })
}

pub(super) fn page_size(page: &PageRequest) -> Option<i32> {
    page.size.map(|size| i32::try_from(size).unwrap_or(i32::MAX))
}

pub(super) fn model(message: wire::AuthorizationModel) -> Result<StoredModel, RelationshipError> {
    let mut model = AuthorizationModel::try_from(message).map_err(|error| odd(error.to_string()))?;
    let id = model.id.take().ok_or_else(|| odd("a model has no id"))?;
    Ok(StoredModel { id: ModelId::new(id), model })
}

fn model_id(model: Option<ModelId>) -> String {
    model.map(|id| id.to_string()).unwrap_or_default()
}

fn context(context: &Context) -> Option<fga_proto::WireContext> {
    (!context.is_empty()).then(|| context_to_wire(context))
}

fn contextual(tuples: Vec<TupleKey>) -> Option<wire::ContextualTupleKeys> {
    (!tuples.is_empty()).then(|| tuples.into())
}

fn consistency(consistency: Consistency) -> i32 {
    match consistency {
        Consistency::MinimizeLatency => wire::ConsistencyPreference::Unspecified.into(),
        Consistency::HigherConsistency => wire::ConsistencyPreference::HigherConsistency.into(),
    }
}

/// Whether the same request may be sent twice with the same result.
pub(super) fn is_idempotent(request: &WriteRequest) -> bool {
    (request.writes.is_empty() || request.on_duplicate == OnDuplicate::Ignore)
        && (request.deletes.is_empty() || request.on_missing == OnMissing::Ignore)
}

pub(super) fn write(store: &StoreId, request: WriteRequest) -> wire::WriteRequest {
    let word = |ignore: bool| if ignore { "ignore" } else { "" }.to_owned();
    let on_duplicate = word(request.on_duplicate == OnDuplicate::Ignore);
    let on_missing = word(request.on_missing == OnMissing::Ignore);
    let (writes, deletes) = (request.writes, request.deletes);
    wire::WriteRequest {
        store_id: store.to_string(),
        writes: (!writes.is_empty()).then(|| wire::WriteRequestWrites {
            tuple_keys: writes.into_iter().map(Into::into).collect(),
            on_duplicate,
        }),
        deletes: (!deletes.is_empty()).then(|| wire::WriteRequestDeletes {
            tuple_keys: deletes.into_iter().map(Into::into).collect(),
            on_missing,
        }),
        authorization_model_id: model_id(request.model),
    }
}

pub(super) fn read(store: &StoreId, filter: TupleFilter, page: PageRequest) -> wire::ReadRequest {
    let page_size = page_size(&page);
    let tuple_key = (filter != TupleFilter::everything()).then(|| wire::ReadRequestTupleKey {
        user: filter.user.unwrap_or_default(),
        relation: filter.relation.unwrap_or_default(),
        object: filter.object.unwrap_or_default(),
    });
    wire::ReadRequest {
        store_id: store.to_string(),
        tuple_key,
        page_size,
        continuation_token: page.token,
        // Operators compare what is stored with what should be: an answer from a cache would make them write again.
        consistency: wire::ConsistencyPreference::HigherConsistency.into(),
    }
}

pub(super) fn tuple(tuple: wire::Tuple) -> Result<StoredTuple, RelationshipError> {
    let key = tuple.key.ok_or_else(|| odd("a tuple has no key"))?.into();
    Ok(StoredTuple { key, timestamp: time(tuple.timestamp)? })
}

pub(super) fn changes(store: &StoreId, request: ChangesRequest) -> wire::ReadChangesRequest {
    wire::ReadChangesRequest {
        store_id: store.to_string(),
        r#type: request.type_name.unwrap_or_default(),
        page_size: page_size(&request.page),
        continuation_token: request.page.token,
        start_time: request.start_time.map(timestamp_to_wire),
    }
}

pub(super) fn change(change: wire::TupleChange) -> Result<Change, RelationshipError> {
    let operation = match change.operation() {
        wire::TupleOperation::Write => Operation::Write,
        wire::TupleOperation::Delete => Operation::Delete,
    };
    let key = change.tuple_key.ok_or_else(|| odd("a change has no key"))?.into();
    Ok(Change { key, operation, timestamp: time(change.timestamp)? })
}

pub(super) fn check(store: &StoreId, request: CheckRequest) -> wire::CheckRequest {
    wire::CheckRequest {
        store_id: store.to_string(),
        context: context(&request.context),
        tuple_key: Some(wire::CheckRequestTupleKey {
            user: request.user,
            relation: request.relation,
            object: request.object,
        }),
        contextual_tuples: contextual(request.contextual),
        authorization_model_id: model_id(request.model),
        trace: false,
        consistency: consistency(request.consistency),
    }
}

pub(super) fn batch(store: &StoreId, request: BatchCheckRequest) -> wire::BatchCheckRequest {
    let item = |item: fga_engine::BatchItem| {
        let check = check(store, item.check);
        wire::BatchCheckItem {
            tuple_key: check.tuple_key,
            contextual_tuples: check.contextual_tuples,
            context: check.context,
            correlation_id: item.correlation,
        }
    };
    wire::BatchCheckRequest {
        store_id: store.to_string(),
        checks: request.checks.into_iter().map(item).collect(),
        authorization_model_id: model_id(request.model),
        consistency: consistency(request.consistency),
    }
}

pub(super) fn batch_answer(result: Option<wire::BatchCheckSingleResult>, correlation: String) -> BatchAnswer {
    use wire::{batch_check_single_result::CheckResult, check_error::Code};
    let missing =
        || BatchFault { code: ErrorCode::InternalError, message: "the server gave no answer".to_owned() };
    let answer = match result.and_then(|result| result.check_result) {
        Some(CheckResult::Allowed(true)) => Ok(CheckAnswer::Allowed(Grounds::default())),
        Some(CheckResult::Allowed(false)) => Ok(CheckAnswer::Denied(Grounds::default())),
        Some(CheckResult::Error(error)) => {
            let number = match error.code {
                Some(Code::InputError(number) | Code::InternalError(number)) => number,
                None => 0,
            };
            let code = ErrorCode::from_number(u32::try_from(number).unwrap_or_default());
            Err(BatchFault { code, message: error.message })
        }
        None => Err(missing()),
    };
    BatchAnswer { correlation, answer }
}

pub(super) fn list_objects(store: &StoreId, request: ListObjectsRequest) -> wire::ListObjectsRequest {
    wire::ListObjectsRequest {
        store_id: store.to_string(),
        authorization_model_id: model_id(request.model),
        r#type: request.type_name,
        relation: request.relation,
        user: request.user,
        contextual_tuples: contextual(request.contextual),
        context: context(&request.context),
        consistency: consistency(request.consistency),
    }
}

pub(super) fn list_users(store: &StoreId, request: ListUsersRequest) -> wire::ListUsersRequest {
    let (type_name, id) = request.object.split_once(':').unwrap_or((&request.object, ""));
    wire::ListUsersRequest {
        store_id: store.to_string(),
        authorization_model_id: model_id(request.model),
        object: Some(wire::Object { r#type: type_name.to_owned(), id: id.to_owned() }),
        relation: request.relation,
        user_filters: vec![wire::UserTypeFilter {
            r#type: request.filter.type_name,
            relation: request.filter.relation.unwrap_or_default(),
        }],
        contextual_tuples: request.contextual.into_iter().map(Into::into).collect(),
        context: context(&request.context),
        consistency: consistency(request.consistency),
    }
}

pub(super) fn expand(store: &StoreId, request: ExpandRequest) -> wire::ExpandRequest {
    wire::ExpandRequest {
        store_id: store.to_string(),
        tuple_key: Some(wire::ExpandRequestTupleKey { relation: request.relation, object: request.object }),
        authorization_model_id: model_id(request.model),
        consistency: consistency(request.consistency),
        contextual_tuples: contextual(request.contextual),
    }
}

pub(super) fn tree(tree: Option<wire::UsersetTree>) -> Result<ExpandNode, RelationshipError> {
    tree.and_then(|tree| node(tree.root?)).ok_or_else(|| odd("an expand tree is incomplete"))
}

fn node(message: wire::userset_tree::Node) -> Option<ExpandNode> {
    use wire::userset_tree::{Nodes, leaf, node::Value};
    let all = |nodes: Nodes| nodes.nodes.into_iter().map(node).collect::<Option<Vec<_>>>();
    let kind = match message.value? {
        Value::Leaf(leaf) => match leaf.value {
            // An empty list of users is an empty message.
            None => ExpandKind::Users(Vec::new()),
            Some(leaf::Value::Users(users)) => ExpandKind::Users(users.users),
            Some(leaf::Value::Computed(computed)) => ExpandKind::Computed(computed.userset),
            Some(leaf::Value::TupleToUserset(ttu)) => ExpandKind::TupleToUserset {
                tupleset: ttu.tupleset,
                computed: ttu.computed.into_iter().map(|computed| computed.userset).collect(),
            },
        },
        Value::Union(nodes) => ExpandKind::Union(all(nodes)?),
        Value::Intersection(nodes) => ExpandKind::Intersection(all(nodes)?),
        Value::Difference(difference) => {
            ExpandKind::Difference(Box::new(node(*difference.base?)?), Box::new(node(*difference.subtract?)?))
        }
    };
    Some(ExpandNode { name: message.name, kind })
}
