//! Rules of fields that the protocol's messages keep before anybody looks at their meaning.

use fga_model::ErrorCode;
use fga_proto::{status_of, wire};
use tonic::{Request, Status};

/// Length of the ids that OpenFGA gives.
const ID_LENGTH: usize = 26;
/// Longest continuation token, in bytes.
const TOKEN_BYTES_MAX: usize = 5_120;
/// Most contextual tuples of a question.
const CONTEXTUAL_MAX: usize = 100;
/// Longest type name.
const TYPE_LENGTH_MAX: usize = 254;
/// Longest relation.
const RELATION_LENGTH_MAX: usize = 50;
/// Longest object.
const OBJECT_BYTES_MAX: usize = 256;
/// Longest user.
const USER_BYTES_MAX: usize = 512;

type Checked = Result<(), Status>;

/// A message whose fields have rules.
pub(super) trait Rules {
    /// Refuses the first field that breaks its rule.
    fn check(&self) -> Checked;
}

/// The message of a request, if its fields keep their rules.
pub(super) fn accepted<M: Rules>(request: Request<M>) -> Result<M, Status> {
    let message = request.into_inner();
    message.check()?;
    Ok(message)
}

fn refuse(field: &str, rule: impl std::fmt::Display) -> Status {
    status_of(ErrorCode::ValidationError, format!("invalid {field}: {rule}"))
}

fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric() && !b"ILOUilou".contains(&b))
}

fn store(id: &str) -> Checked {
    if is_id(id) { Ok(()) } else { Err(refuse("store_id", "value is no id of 26 characters")) }
}

fn model(id: &str) -> Checked {
    if id.is_empty() || is_id(id) {
        return Ok(());
    }
    Err(refuse("authorization_model_id", "value is no id of 26 characters"))
}

fn token(text: &str) -> Checked {
    if text.len() > TOKEN_BYTES_MAX {
        return Err(refuse("continuation_token", format!("value has more than {TOKEN_BYTES_MAX} bytes")));
    }
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"-_=+/".contains(&b);
    if text.bytes().all(fine) {
        return Ok(());
    }
    Err(status_of(ErrorCode::InvalidContinuationToken, "invalid continuation token"))
}

fn page(size: Option<i32>) -> Checked {
    match size {
        None | Some(1..=100) => Ok(()),
        Some(size) => {
            let text = format!("invalid page_size: value {size} is not between 1 and 100");
            Err(status_of(ErrorCode::PageSizeInvalid, text))
        }
    }
}

/// A length in bytes and no white space, `:`, `#`, `@`.
fn plain(field: &str, text: &str, max: usize) -> Checked {
    let fine = |c: char| !matches!(c, ':' | '#' | '@') && !c.is_whitespace();
    if (1..=max).contains(&text.len()) && text.chars().all(fine) {
        return Ok(());
    }
    Err(refuse(field, format!("value has 1 to {max} bytes, none of `:`, `#`, `@`, white space")))
}

/// The same, or nothing.
fn plain_or_empty(field: &str, text: &str, max: usize) -> Checked {
    if text.is_empty() { Ok(()) } else { plain(field, text, max) }
}

fn object(field: &str, text: &str) -> Checked {
    if text.len() <= OBJECT_BYTES_MAX && !text.chars().any(char::is_whitespace) {
        return Ok(());
    }
    Err(refuse(field, format!("value has at most {OBJECT_BYTES_MAX} bytes and no white space")))
}

fn relation(field: &str, text: &str) -> Checked {
    let fine = |c: char| !matches!(c, ':' | '#' | '@') && !c.is_whitespace();
    if text.len() <= RELATION_LENGTH_MAX && text.chars().all(fine) {
        return Ok(());
    }
    Err(refuse(
        field,
        format!("value has at most {RELATION_LENGTH_MAX} bytes, none of `:`, `#`, `@`, white space"),
    ))
}

fn user(field: &str, text: &str) -> Checked {
    if text.len() <= USER_BYTES_MAX {
        return Ok(());
    }
    Err(refuse(field, format!("value has at most {USER_BYTES_MAX} bytes")))
}

fn given(field: &str, text: &str) -> Checked {
    if text.is_empty() { Err(refuse(field, "value is required")) } else { Ok(()) }
}

/// Object, relation and user, all of them there.
fn whole_key(field: &str, object_text: &str, relation_text: &str, user_text: &str) -> Checked {
    given(&format!("{field}.object"), object_text)?;
    given(&format!("{field}.relation"), relation_text)?;
    given(&format!("{field}.user"), user_text)?;
    object(&format!("{field}.object"), object_text)?;
    relation(&format!("{field}.relation"), relation_text)?;
    user(&format!("{field}.user"), user_text)
}

fn tuples(field: &str, keys: &[wire::TupleKey]) -> Checked {
    keys.iter().try_for_each(|key| {
        whole_key(field, &key.object, &key.relation, &key.user)?;
        match &key.condition {
            Some(condition) => condition_name(&condition.name),
            None => Ok(()),
        }
    })
}

fn condition_name(name: &str) -> Checked {
    let fine = |c: char| !matches!(c, '*' | ':' | '@' | '#') && !c.is_whitespace();
    if name.len() <= RELATION_LENGTH_MAX && name.chars().all(fine) {
        return Ok(());
    }
    Err(refuse(
        "condition.name",
        format!("value has at most {RELATION_LENGTH_MAX} bytes, none of `:`, `#`, `@`, `*`"),
    ))
}

fn contextual(keys: &Option<wire::ContextualTupleKeys>) -> Checked {
    let Some(keys) = keys else { return Ok(()) };
    if keys.tuple_keys.len() > CONTEXTUAL_MAX {
        return Err(refuse("contextual_tuples", format!("a question has at most {CONTEXTUAL_MAX}")));
    }
    tuples("contextual_tuples", &keys.tuple_keys)
}

fn question(field: &str, key: &Option<wire::CheckRequestTupleKey>) -> Checked {
    let Some(key) = key else { return Err(refuse(field, "value is required")) };
    whole_key(field, &key.object, &key.relation, &key.user)
}

fn preference(number: i32) -> Checked {
    match wire::ConsistencyPreference::try_from(number) {
        Ok(_) => Ok(()),
        Err(_) => Err(refuse("consistency", format!("value {number} is not defined"))),
    }
}

impl Rules for wire::ReadRequest {
    fn check(&self) -> Checked {
        store(&self.store_id)?;
        if let Some(key) = &self.tuple_key {
            object("tuple_key.object", &key.object)?;
            relation("tuple_key.relation", &key.relation)?;
            user("tuple_key.user", &key.user)?;
        }
        page(self.page_size)?;
        token(&self.continuation_token)?;
        preference(self.consistency)
    }
}

impl Rules for wire::WriteRequest {
    fn check(&self) -> Checked {
        store(&self.store_id)?;
        if let Some(writes) = &self.writes {
            option("writes.on_duplicate", &writes.on_duplicate)?;
            tuples("writes.tuple_keys", &writes.tuple_keys)?;
        }
        if let Some(deletes) = &self.deletes {
            option("deletes.on_missing", &deletes.on_missing)?;
            for key in &deletes.tuple_keys {
                whole_key("deletes.tuple_keys", &key.object, &key.relation, &key.user)?;
            }
        }
        model(&self.authorization_model_id)
    }
}

fn option(field: &str, word: &str) -> Checked {
    if matches!(word, "" | "error" | "ignore") {
        return Ok(());
    }
    Err(refuse(field, format!("value is `error` or `ignore`, not `{word}`")))
}

impl Rules for wire::CheckRequest {
    fn check(&self) -> Checked {
        store(&self.store_id)?;
        question("tuple_key", &self.tuple_key)?;
        contextual(&self.contextual_tuples)?;
        model(&self.authorization_model_id)?;
        preference(self.consistency)
    }
}

impl Rules for wire::BatchCheckRequest {
    fn check(&self) -> Checked {
        store(&self.store_id)?;
        if self.checks.is_empty() {
            return Err(refuse("checks", "at least one is needed"));
        }
        for item in &self.checks {
            question("checks.tuple_key", &item.tuple_key)?;
            contextual(&item.contextual_tuples)?;
            let fine = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            let length = (1..=36).contains(&item.correlation_id.len());
            if !length || !item.correlation_id.bytes().all(fine) {
                return Err(refuse(
                    "checks.correlation_id",
                    "value has 1 to 36 of letters, digits, `-`, `_`",
                ));
            }
        }
        model(&self.authorization_model_id)?;
        preference(self.consistency)
    }
}

impl Rules for wire::ExpandRequest {
    fn check(&self) -> Checked {
        store(&self.store_id)?;
        let Some(key) = &self.tuple_key else { return Err(refuse("tuple_key", "value is required")) };
        relation("tuple_key.relation", &key.relation)?;
        object("tuple_key.object", &key.object)?;
        contextual(&self.contextual_tuples)?;
        model(&self.authorization_model_id)?;
        preference(self.consistency)
    }
}

impl Rules for wire::ListObjectsRequest {
    fn check(&self) -> Checked {
        store(&self.store_id)?;
        model(&self.authorization_model_id)?;
        plain("type", &self.r#type, TYPE_LENGTH_MAX)?;
        given("relation", &self.relation)?;
        relation("relation", &self.relation)?;
        given("user", &self.user)?;
        user("user", &self.user)?;
        contextual(&self.contextual_tuples)?;
        preference(self.consistency)
    }
}

impl Rules for wire::ListUsersRequest {
    fn check(&self) -> Checked {
        store(&self.store_id)?;
        model(&self.authorization_model_id)?;
        let Some(of) = &self.object else { return Err(refuse("object", "value is required")) };
        plain("object.type", &of.r#type, TYPE_LENGTH_MAX)?;
        given("object.id", &of.id)?;
        object("object.id", &of.id)?;
        given("relation", &self.relation)?;
        relation("relation", &self.relation)?;
        if self.user_filters.len() != 1 {
            return Err(refuse("user_filters", "exactly one is needed"));
        }
        for filter in &self.user_filters {
            plain("user_filters.type", &filter.r#type, TYPE_LENGTH_MAX)?;
            plain_or_empty("user_filters.relation", &filter.relation, RELATION_LENGTH_MAX)?;
        }
        if self.contextual_tuples.len() > CONTEXTUAL_MAX {
            return Err(refuse("contextual_tuples", format!("a question has at most {CONTEXTUAL_MAX}")));
        }
        tuples("contextual_tuples", &self.contextual_tuples)?;
        preference(self.consistency)
    }
}

impl Rules for wire::ReadAuthorizationModelRequest {
    fn check(&self) -> Checked {
        store(&self.store_id)?;
        if is_id(&self.id) { Ok(()) } else { Err(refuse("id", "value is no id of 26 characters")) }
    }
}

impl Rules for wire::ReadAuthorizationModelsRequest {
    fn check(&self) -> Checked {
        store(&self.store_id)?;
        page(self.page_size)?;
        token(&self.continuation_token)
    }
}

impl Rules for wire::WriteAuthorizationModelRequest {
    fn check(&self) -> Checked {
        store(&self.store_id)?;
        if self.type_definitions.is_empty() {
            return Err(status_of(
                ErrorCode::TypeDefinitionsTooFewItems,
                "invalid type_definitions: value must contain at least 1 item(s)",
            ));
        }
        Ok(())
    }
}

impl Rules for wire::WriteAssertionsRequest {
    fn check(&self) -> Checked {
        store(&self.store_id)?;
        if !is_id(&self.authorization_model_id) {
            return Err(refuse("authorization_model_id", "value is no id of 26 characters"));
        }
        for assertion in &self.assertions {
            let Some(key) = &assertion.tuple_key else {
                return Err(refuse("assertions.tuple_key", "value is required"));
            };
            whole_key("assertions.tuple_key", &key.object, &key.relation, &key.user)?;
            tuples("assertions.contextual_tuples", &assertion.contextual_tuples)?;
        }
        Ok(())
    }
}

impl Rules for wire::ReadAssertionsRequest {
    fn check(&self) -> Checked {
        store(&self.store_id)?;
        if is_id(&self.authorization_model_id) {
            return Ok(());
        }
        Err(refuse("authorization_model_id", "value is no id of 26 characters"))
    }
}

impl Rules for wire::ReadChangesRequest {
    fn check(&self) -> Checked {
        store(&self.store_id)?;
        plain_or_empty("type", &self.r#type, TYPE_LENGTH_MAX)?;
        page(self.page_size)?;
        token(&self.continuation_token)
    }
}

impl Rules for wire::CreateStoreRequest {
    fn check(&self) -> Checked {
        given("name", &self.name)
    }
}

impl Rules for wire::UpdateStoreRequest {
    fn check(&self) -> Checked {
        store(&self.store_id)?;
        given("name", &self.name)
    }
}

impl Rules for wire::DeleteStoreRequest {
    fn check(&self) -> Checked {
        store(&self.store_id)
    }
}

impl Rules for wire::GetStoreRequest {
    fn check(&self) -> Checked {
        store(&self.store_id)
    }
}

impl Rules for wire::ListStoresRequest {
    fn check(&self) -> Checked {
        page(self.page_size)?;
        token(&self.continuation_token)
    }
}
