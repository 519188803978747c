//! Expand: one level of a relation as a tree.

use std::collections::BTreeSet;

use fga_model::StoreId;

use crate::{
    Engine, EngineError,
    answer::{ExpandKind, ExpandNode},
    model::{Node, RelKey},
    names::{ObjId, Subject},
    question::{Context, ExpandRequest},
    tuples::{contextual::Contextual, view::View},
};

impl Engine {
    /// What a relation of an object is made of. Conditions are not looked at.
    pub fn expand(&self, store: &StoreId, request: &ExpandRequest) -> Result<ExpandNode, EngineError> {
        let cell = self.cell(store)?;
        if request.object.is_empty() || request.relation.is_empty() {
            return Err(EngineError::InvalidExpand);
        }
        let state = cell.state.read();
        let model = state.compiled(store.as_str(), request.model.as_ref())?;
        let admission = self.admission(&state, &model);
        let (context, deadline) = (Context::new(), self.deadline());
        let mut contextual = Contextual::new(&state.names);
        let (target, object) = admission
            .place(&mut contextual, &request.object, &request.relation)
            .map_err(|error| EngineError::invalid(error.to_string()))?;
        self.contextual(&admission, &mut contextual, &request.contextual)?;
        let view = View::new(&model, &state.names, &state.tuples, contextual, &context, &deadline);
        let name = format!("{}#{}", request.object, request.relation);
        Ok(node(&view, &name, object, target.key, &model.relation(target.key).program))
    }
}

fn node(view: &View<'_>, name: &str, object: ObjId, key: RelKey, program: &Node) -> ExpandNode {
    let all = |nodes: &[Node]| nodes.iter().map(|n| node(view, name, object, key, n)).collect();
    let userset = |object: ObjId, key: RelKey| {
        format!(
            "{}#{}",
            view.object_name(object),
            view.names.relation_name(view.model.relation(key).relation)
        )
    };
    let kind = match program {
        Node::This => {
            let users: BTreeSet<String> =
                view.scan(object, key).map(|t| view.subject_name(t.subject)).collect();
            ExpandKind::Users(users.into_iter().collect())
        }
        Node::Computed(other) => ExpandKind::Computed(userset(object, *other)),
        Node::Hop(hop) => {
            let mut computed = Vec::new();
            for tuple in view.scan(object, hop.tupleset) {
                let Subject::Object(next) = tuple.subject else { continue };
                let Some(to) = view.type_of(next).and_then(|t| hop.target(t)) else { continue };
                let entry = userset(next, to);
                if !computed.contains(&entry) {
                    computed.push(entry);
                }
            }
            ExpandKind::TupleToUserset { tupleset: userset(object, hop.tupleset), computed }
        }
        Node::Union(nodes) => ExpandKind::Union(all(nodes)),
        Node::Intersection(nodes) => ExpandKind::Intersection(all(nodes)),
        Node::Difference(base, subtract) => ExpandKind::Difference(
            Box::new(node(view, name, object, key, base)),
            Box::new(node(view, name, object, key, subtract)),
        ),
    };
    ExpandNode { name: name.to_owned(), kind }
}
