//! Messages to questions, answers to messages.

use fga_model::{ErrorCode, ModelId, TupleKey};
use fga_proto::{
    context_from_wire, context_to_wire, status_of, timestamp_from_wire, timestamp_to_wire, wire,
};
use jiff::Timestamp;
use tonic::Status;

use crate::{
    Assertion, BatchAnswer, BatchCheckRequest, BatchItem, Change, ChangesRequest, CheckRequest, Consistency,
    EngineError, ExpandKind, ExpandNode, ExpandRequest, Explain, ListObjectsRequest, ListUsersRequest,
    OnDuplicate, OnMissing, Operation, PageRequest, Store, StoredTuple, TupleFilter, UserFilter,
    WriteRequest,
};

pub(super) fn status(error: EngineError) -> Status {
    status_of(error.code(), error.to_string())
}

fn invalid(what: impl Into<String>) -> Status {
    status_of(ErrorCode::ValidationError, what)
}

pub(super) fn model_id(id: String) -> Option<ModelId> {
    (!id.is_empty()).then(|| ModelId::new(id))
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

pub(super) fn page(size: Option<i32>, token: String) -> PageRequest {
    // A size below zero is refused like zero.
    PageRequest { size: size.map(|size| u32::try_from(size).unwrap_or(0)), token }
}

fn consistency(preference: i32) -> Consistency {
    match wire::ConsistencyPreference::try_from(preference) {
        Ok(wire::ConsistencyPreference::HigherConsistency) => Consistency::HigherConsistency,
        _ => Consistency::MinimizeLatency,
    }
}

fn contextual(keys: Option<wire::ContextualTupleKeys>) -> Vec<TupleKey> {
    keys.map(Into::into).unwrap_or_default()
}

pub(super) fn check(message: wire::CheckRequest) -> CheckRequest {
    let key = message.tuple_key.unwrap_or_default();
    CheckRequest {
        object: key.object,
        relation: key.relation,
        user: key.user,
        contextual: contextual(message.contextual_tuples),
        context: message.context.map(context_from_wire).unwrap_or_default(),
        model: model_id(message.authorization_model_id),
        consistency: consistency(message.consistency),
        explain: Explain::DecisionOnly,
    }
}

pub(super) fn batch(message: wire::BatchCheckRequest) -> BatchCheckRequest {
    let item = |item: wire::BatchCheckItem| {
        let check = wire::CheckRequest {
            tuple_key: item.tuple_key,
            contextual_tuples: item.contextual_tuples,
            context: item.context,
            ..wire::CheckRequest::default()
        };
        BatchItem { correlation: item.correlation_id, check: self::check(check) }
    };
    BatchCheckRequest {
        checks: message.checks.into_iter().map(item).collect(),
        model: model_id(message.authorization_model_id),
        consistency: consistency(message.consistency),
    }
}

pub(super) fn batch_answer(answer: BatchAnswer) -> (String, wire::BatchCheckSingleResult) {
    use wire::{batch_check_single_result::CheckResult, check_error::Code};
    let result = match answer.answer {
        Ok(answer) => CheckResult::Allowed(answer.is_allowed()),
        Err(fault) => {
            let number = i32::try_from(fault.code.number()).unwrap_or_default();
            let input = (2_000..4_000).contains(&number);
            let code = if input { Code::InputError(number) } else { Code::InternalError(number) };
            CheckResult::Error(wire::CheckError { code: Some(code), message: fault.message })
        }
    };
    (answer.correlation, wire::BatchCheckSingleResult { check_result: Some(result) })
}

pub(super) fn write(message: wire::WriteRequest) -> Result<WriteRequest, Status> {
    let writes = message.writes.unwrap_or_default();
    let deletes = message.deletes.unwrap_or_default();
    let on_duplicate = OnDuplicate::from_word(&writes.on_duplicate).map_err(status)?;
    let on_missing = OnMissing::from_word(&deletes.on_missing).map_err(status)?;
    Ok(WriteRequest {
        writes: writes.tuple_keys.into_iter().map(Into::into).collect(),
        deletes: deletes.tuple_keys.into_iter().map(Into::into).collect(),
        on_duplicate,
        on_missing,
        model: model_id(message.authorization_model_id),
    })
}

pub(super) fn filter(key: Option<wire::ReadRequestTupleKey>) -> TupleFilter {
    let key = key.unwrap_or_default();
    TupleFilter { object: filled(key.object), relation: filled(key.relation), user: filled(key.user) }
}

pub(super) fn tuple(tuple: StoredTuple) -> wire::Tuple {
    wire::Tuple { key: Some(tuple.key.into()), timestamp: Some(timestamp_to_wire(tuple.timestamp)) }
}

pub(super) fn changes(message: wire::ReadChangesRequest) -> Result<ChangesRequest, Status> {
    let refused =
        || status_of(ErrorCode::ValidationError, "invalid start_time: value is not a valid timestamp");
    let start_time = match message.start_time {
        Some(time) => Some(timestamp_from_wire(&time).ok_or_else(refused)?),
        None => None,
    };
    // Places of the changelog begin with milliseconds since 1970.
    if message.continuation_token.is_empty() && start_time.is_some_and(|time| time < Timestamp::UNIX_EPOCH) {
        return Err(status_of(ErrorCode::InvalidStartTime, "Invalid start time"));
    }
    let page = page(message.page_size, message.continuation_token);
    Ok(ChangesRequest { type_name: filled(message.r#type), start_time, page })
}

pub(super) fn change(change: Change) -> wire::TupleChange {
    let operation = match change.operation {
        Operation::Write => wire::TupleOperation::Write,
        Operation::Delete => wire::TupleOperation::Delete,
    };
    wire::TupleChange {
        tuple_key: Some(change.key.into()),
        operation: operation.into(),
        timestamp: Some(timestamp_to_wire(change.timestamp)),
    }
}

pub(super) fn assertion(message: wire::Assertion) -> Assertion {
    let key = message.tuple_key.unwrap_or_default();
    Assertion {
        key: TupleKey::new(key.object, key.relation, key.user),
        expectation: message.expectation,
        contextual: message.contextual_tuples.into_iter().map(Into::into).collect(),
        context: message.context.map(context_from_wire).unwrap_or_default(),
    }
}

pub(super) fn assertion_message(assertion: Assertion) -> wire::Assertion {
    let TupleKey { object, relation, user, .. } = assertion.key;
    wire::Assertion {
        tuple_key: Some(wire::AssertionTupleKey { object, relation, user }),
        expectation: assertion.expectation,
        contextual_tuples: assertion.contextual.into_iter().map(Into::into).collect(),
        context: (!assertion.context.is_empty()).then(|| context_to_wire(&assertion.context)),
    }
}

pub(super) fn list_objects(message: wire::ListObjectsRequest) -> ListObjectsRequest {
    ListObjectsRequest {
        type_name: message.r#type,
        relation: message.relation,
        user: message.user,
        contextual: contextual(message.contextual_tuples),
        context: message.context.map(context_from_wire).unwrap_or_default(),
        model: model_id(message.authorization_model_id),
        consistency: consistency(message.consistency),
    }
}

pub(super) fn streamed(message: wire::StreamedListObjectsRequest) -> wire::ListObjectsRequest {
    wire::ListObjectsRequest {
        store_id: message.store_id,
        authorization_model_id: message.authorization_model_id,
        r#type: message.r#type,
        relation: message.relation,
        user: message.user,
        contextual_tuples: message.contextual_tuples,
        context: message.context,
        consistency: message.consistency,
    }
}

pub(super) fn list_users(message: wire::ListUsersRequest) -> Result<ListUsersRequest, Status> {
    let object = message.object.unwrap_or_default();
    let mut filters = message.user_filters.into_iter();
    let (Some(filter), None) = (filters.next(), filters.next()) else {
        return Err(invalid("exactly one user filter is needed"));
    };
    Ok(ListUsersRequest {
        object: format!("{}:{}", object.r#type, object.id),
        relation: message.relation,
        filter: UserFilter { type_name: filter.r#type, relation: filled(filter.relation) },
        contextual: message.contextual_tuples.into_iter().map(Into::into).collect(),
        context: message.context.map(context_from_wire).unwrap_or_default(),
        model: model_id(message.authorization_model_id),
        consistency: consistency(message.consistency),
    })
}

pub(super) fn expand(message: wire::ExpandRequest) -> ExpandRequest {
    let key = message.tuple_key.unwrap_or_default();
    ExpandRequest {
        object: key.object,
        relation: key.relation,
        contextual: contextual(message.contextual_tuples),
        model: model_id(message.authorization_model_id),
        consistency: consistency(message.consistency),
    }
}

pub(super) fn node(node: ExpandNode) -> wire::userset_tree::Node {
    use wire::userset_tree::{Computed, Difference, Leaf, Nodes, TupleToUserset, Users, leaf, node::Value};
    let leaf = |value| Value::Leaf(Leaf { value: Some(value) });
    let nodes = |nodes: Vec<ExpandNode>| Nodes { nodes: nodes.into_iter().map(self::node).collect() };
    let value = match node.kind {
        ExpandKind::Users(users) => leaf(leaf::Value::Users(Users { users })),
        ExpandKind::Computed(userset) => leaf(leaf::Value::Computed(Computed { userset })),
        ExpandKind::TupleToUserset { tupleset, computed } => {
            let computed = computed.into_iter().map(|userset| Computed { userset }).collect();
            leaf(leaf::Value::TupleToUserset(TupleToUserset { tupleset, computed }))
        }
        ExpandKind::Union(all) => Value::Union(nodes(all)),
        ExpandKind::Intersection(all) => Value::Intersection(nodes(all)),
        ExpandKind::Difference(base, subtract) => Value::Difference(Box::new(Difference {
            base: Some(Box::new(self::node(*base))),
            subtract: Some(Box::new(self::node(*subtract))),
        })),
    };
    wire::userset_tree::Node { name: node.name, value: Some(value) }
}

pub(super) fn store(store: Store) -> wire::Store {
    wire::Store {
        id: store.id.to_string(),
        name: store.name,
        created_at: Some(timestamp_to_wire(store.created_at)),
        updated_at: Some(timestamp_to_wire(store.updated_at)),
        deleted_at: None,
    }
}
