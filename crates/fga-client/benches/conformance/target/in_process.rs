//! The engine, called as functions.

use std::sync::Arc;

use fga_engine::{
    Cap, CheckRequest, Engine, EngineError, ExpandKind, ExpandNode, ExpandRequest, Explain,
    ListObjectsRequest, ListUsersRequest, OnDuplicate, OnMissing, PageRequest, TupleFilter, UserFilter,
    WriteRequest,
};
use fga_model::{ModelId, StoreId, TupleKey};
use serde_json::{Value, json};

use super::{Failure, List, Question, RawWrite, Target, filter_of, parsed};

/// An engine of this process.
pub struct InProcess {
    engine: Arc<Engine>,
}

impl InProcess {
    /// Asks this engine.
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    fn ask(&self, question: &Question<'_>, key: &TupleKey, explain: Explain) -> Result<bool, Failure> {
        let request = CheckRequest {
            contextual: question.contextual.clone(),
            context: question.context.clone(),
            model: Some(question.model.clone()),
            explain,
            ..CheckRequest::new(&key.object, &key.relation, &key.user)
        };
        Ok(self.engine.check(question.store, &request)?.is_allowed())
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Failure::new(error.code().number(), error.to_string())
    }
}

impl Target for InProcess {
    fn path(&self) -> &'static str {
        "in process"
    }

    fn write_keys_max(&self) -> Option<usize> {
        None
    }

    fn create_store(&self) -> Result<StoreId, Failure> {
        Ok(self.engine.create_store("conformance")?.id)
    }

    fn write_model(&self, store: &StoreId, dsl: &str) -> Result<ModelId, Failure> {
        Ok(self.engine.write_model(store, &parsed(dsl)?)?)
    }

    fn write_raw(&self, store: &StoreId, model: Option<&ModelId>, request: &RawWrite) -> Result<(), Failure> {
        let request = WriteRequest {
            writes: request.writes.clone(),
            deletes: request.deletes.clone(),
            on_duplicate: OnDuplicate::from_word(&request.on_duplicate)?,
            on_missing: OnMissing::from_word(&request.on_missing)?,
            model: model.cloned(),
        };
        Ok(self.engine.write(store, &request)?)
    }

    fn read_all(&self, store: &StoreId) -> Result<Vec<TupleKey>, Failure> {
        let page = PageRequest::default().sized(100);
        let found = self.engine.read(store, &TupleFilter::everything(), &page)?;
        Ok(found.items.into_iter().map(|tuple| tuple.key).collect())
    }

    fn check(&self, question: &Question<'_>, key: &TupleKey) -> Result<bool, Failure> {
        let fast = self.ask(question, key, Explain::DecisionOnly)?;
        // The grounds never change the decision.
        match self.ask(question, key, Explain::Grounds)? == fast {
            true => Ok(fast),
            false => Err(Failure::text("the explained answer differs from the plain one")),
        }
    }

    fn list_objects(
        &self,
        question: &Question<'_>,
        type_name: &str,
        relation: &str,
        user: &str,
        list: List,
    ) -> Result<Vec<String>, Failure> {
        let request = ListObjectsRequest {
            type_name: type_name.to_owned(),
            relation: relation.to_owned(),
            user: user.to_owned(),
            contextual: question.contextual.clone(),
            context: question.context.clone(),
            model: Some(question.model.clone()),
            ..ListObjectsRequest::default()
        };
        let cap = if list == List::Unary { Cap::Limited } else { Cap::Unlimited };
        Ok(self.engine.list_objects(question.store, &request, cap)?)
    }

    fn list_users(
        &self,
        question: &Question<'_>,
        object: &str,
        relation: &str,
        filter: &str,
    ) -> Result<Vec<String>, Failure> {
        let (type_name, of) = filter_of(filter);
        let request = ListUsersRequest {
            object: object.to_owned(),
            relation: relation.to_owned(),
            filter: UserFilter { type_name, relation: (!of.is_empty()).then_some(of) },
            contextual: question.contextual.clone(),
            context: question.context.clone(),
            model: Some(question.model.clone()),
            ..ListUsersRequest::default()
        };
        Ok(self.engine.list_users(question.store, &request)?)
    }

    fn expand(&self, question: &Question<'_>, object: &str, relation: &str) -> Result<Value, Failure> {
        let request = ExpandRequest {
            object: object.to_owned(),
            relation: relation.to_owned(),
            contextual: question.contextual.clone(),
            model: Some(question.model.clone()),
            ..ExpandRequest::default()
        };
        Ok(tree(&self.engine.expand(question.store, &request)?))
    }
}

fn tree(node: &ExpandNode) -> Value {
    let nodes = |nodes: &[ExpandNode]| json!({"nodes": nodes.iter().map(tree).collect::<Vec<_>>()});
    let mut value = match &node.kind {
        ExpandKind::Users(users) => json!({"leaf": {"users": {"users": users}}}),
        ExpandKind::Computed(userset) => json!({"leaf": {"computed": {"userset": userset}}}),
        ExpandKind::TupleToUserset { tupleset, computed } => {
            let computed: Vec<Value> = computed.iter().map(|userset| json!({ "userset": userset })).collect();
            json!({"leaf": {"tupleToUserset": {"tupleset": tupleset, "computed": computed}}})
        }
        ExpandKind::Union(all) => json!({"union": nodes(all)}),
        ExpandKind::Intersection(all) => json!({"intersection": nodes(all)}),
        ExpandKind::Difference(base, subtract) => {
            json!({"difference": {"base": tree(base), "subtract": tree(subtract)}})
        }
    };
    value["name"] = Value::String(node.name.clone());
    value
}
