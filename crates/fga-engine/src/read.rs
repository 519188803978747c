//! Read and ReadChanges: stored tuples and the changelog, page by page.

use fga_model::{ObjectRef, StoreId, UserRef};

use crate::{
    Engine, EngineError,
    answer::{Change, Page, StoredTuple},
    names::RelId,
    paging,
    question::{ChangesRequest, PageRequest, TupleFilter},
    state::State,
    tuples::RowId,
    ulid::Ulid,
};

impl Engine {
    /// A page of stored tuples in the order they were written.
    pub fn read(
        &self,
        store: &StoreId,
        filter: &TupleFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredTuple>, EngineError> {
        let cell = self.cell(store)?;
        let size = paging::size(page)?;
        let filter = Filter::parse(filter)?;
        let after = match paging::token(&page.token)? {
            None => 0,
            Some(text) => {
                let ulid = Ulid::parse(&text).ok_or(EngineError::Token)?;
                u64::try_from(ulid.0).map_err(|_| EngineError::Token)?
            }
        };
        let state = cell.state.read();
        let stored = |row: RowId| {
            let (key, timestamp) = (state.tuples.key(row, &state.names), state.tuples.timestamp(row));
            (state.tuples.number(row), StoredTuple { key, timestamp })
        };
        let token_of =
            |(number, _): &(u64, StoredTuple)| paging::to_token(&Ulid(u128::from(*number)).to_string());
        let found = match filter {
            None => paging::page(state.tuples.rows_after(after).map(stored), size, token_of),
            Some(filter) => {
                let mut rows = filter.rows(&state);
                rows.retain(|row| state.tuples.number(*row) > after);
                rows.sort_unstable();
                paging::page(rows.into_iter().map(stored), size, token_of)
            }
        };
        Ok(Page { items: found.items.into_iter().map(|(_, tuple)| tuple).collect(), token: found.token })
    }

    /// A page of changes, oldest first. At the end the page is empty and the request's token is repeated.
    pub fn read_changes(
        &self,
        store: &StoreId,
        request: &ChangesRequest,
    ) -> Result<Page<Change>, EngineError> {
        let cell = self.cell(store)?;
        let size = paging::size(&request.page)?;
        let type_name = request.type_name.as_deref().unwrap_or_default();
        let asked = self.now();
        if request.start_time.is_some_and(|time| time >= asked) {
            return Err(EngineError::invalid("invalid start_time: value must be less than now"));
        }
        let after = match paging::token(&request.page.token)? {
            Some(text) => {
                let (id, of) = text.split_once('|').unwrap_or((&text, ""));
                if of != type_name {
                    return Err(EngineError::TokenType);
                }
                Ulid::parse(id).ok_or(EngineError::Token)?
            }
            None => request.start_time.map_or(Ulid(0), |time| Ulid(Ulid::at(time).0.saturating_sub(1))),
        };
        let state = cell.state.read();
        let mut items = Vec::new();
        let mut token = request.page.token.clone();
        let now = self.now();
        // A time before all times hides nothing that could be there.
        let newest = now.checked_sub(self.limits.changes_hidden).unwrap_or(now);
        let matching = state
            .changes_after(after)
            .take_while(|change| change.timestamp <= newest)
            .filter(|c| type_name.is_empty() || c.has_type(&state.names, type_name));
        for change in matching.take(size) {
            let text = if type_name.is_empty() {
                change.id.to_string()
            } else {
                format!("{}|{type_name}", change.id)
            };
            token = paging::to_token(&text);
            items.push(change.change(&state.names));
        }
        Ok(Page { items, token })
    }
}

/// A filter that names something.
struct Filter<'a> {
    type_name: &'a str,
    /// `None`: any object of the type.
    object: Option<&'a str>,
    relation: Option<&'a str>,
    user: Option<&'a str>,
}

impl<'a> Filter<'a> {
    /// `None` for the whole store.
    fn parse(filter: &'a TupleFilter) -> Result<Option<Self>, EngineError> {
        let given = |text: &'a Option<String>| text.as_deref().filter(|t| !t.is_empty());
        let (object, relation, user) = (given(&filter.object), given(&filter.relation), given(&filter.user));
        if object.is_none() && relation.is_none() && user.is_none() {
            return Ok(None);
        }
        let refuse = |what: &str| EngineError::invalid(what.to_owned());
        let object = object
            .ok_or_else(|| refuse("the tuple_key field requires an object type: `type:` or `type:id`"))?;
        let (type_name, id) = object
            .split_once(':')
            .ok_or_else(|| refuse("the object of a read has the form `type:` or `type:id`"))?;
        if !id.is_empty() {
            ObjectRef::parse(object).map_err(|e| EngineError::invalid(e.to_string()))?;
        } else if type_name.is_empty() || user.is_none() {
            return Err(refuse("a read of a whole type requires a user"));
        }
        if let Some(user) = user {
            UserRef::parse(user).map_err(|e| EngineError::invalid(e.to_string()))?;
        }
        Ok(Some(Self { type_name, object: (!id.is_empty()).then_some(object), relation, user }))
    }

    fn rows(&self, state: &State) -> Vec<RowId> {
        let relation = match self.relation {
            None => None,
            Some(name) => match state.names.relation_id(name) {
                None => return Vec::new(),
                some => some,
            },
        };
        let subject = match self.user {
            None => None,
            Some(user) => match state.subject(user) {
                None => return Vec::new(),
                some => some,
            },
        };
        let wanted = |r: RelId| relation.is_none_or(|wanted| wanted == r);
        match (self.object, subject) {
            (Some(object), _) => {
                let Some(object) = state.names.object_id(object) else { return Vec::new() };
                if let (Some(relation), Some(subject)) = (relation, subject) {
                    return state
                        .tuples
                        .edge(object, relation, subject)
                        .map(|edge| edge.row)
                        .into_iter()
                        .collect();
                }
                let rows = state.tuples.of_object(object).filter(|(r, _)| wanted(*r));
                rows.filter(|(_, edge)| subject.is_none_or(|wanted| wanted == edge.subject))
                    .map(|(_, edge)| edge.row)
                    .collect()
            }
            (None, Some(subject)) => {
                let of_type = |t| state.names.type_name(t) == self.type_name;
                let holders = state.tuples.holders(subject).into_iter();
                holders
                    .filter(|p| wanted(p.relation) && state.names.type_of(p.object).is_some_and(of_type))
                    .map(|p| p.row)
                    .collect()
            }
            (None, None) => Vec::new(),
        }
    }
}
