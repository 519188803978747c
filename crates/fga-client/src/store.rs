//! The trait of relationship stores: what every backend can do.

use async_trait::async_trait;
use fga_engine::{
    BatchAnswer, BatchCheckRequest, BatchFault, BatchItem, Change, ChangesRequest, CheckAnswer, CheckRequest,
    Consistency, ExpandNode, ExpandRequest, ListObjectsRequest, ListUsersRequest, Page, PageRequest, Store,
    StoredModel, StoredTuple, TupleFilter, WriteRequest,
};
use fga_model::{AuthorizationModel, ModelId, StoreId, TupleKey};

use crate::RelationshipError;

/// Most tuples that one write carries.
pub const WRITE_KEYS_MAX: usize = 100;
/// Most questions that one batch carries.
pub const BATCH_CHECKS_MAX: usize = 50;
/// Largest page that servers give.
pub const PAGE_SIZE_MAX: u32 = 100;

/// A server of stores, models, tuples and answers with OpenFGA's semantics.
///
/// Nothing above this trait may know which backend it talks to.
///
/// # Cancellation
/// A dropped future of a writing call leaves the write done or not done, never half done.
#[async_trait]
pub trait RelationshipStore: Send + Sync {
    /// Makes a store. Names are not unique: look for the name first.
    async fn create_store(&self, name: &str) -> Result<Store, RelationshipError>;

    /// The store with this id, or `store_id_not_found`.
    async fn get_store(&self, store: &StoreId) -> Result<Store, RelationshipError>;

    /// A page of stores, of those with exactly this name where one is given.
    async fn list_stores(
        &self,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Store>, RelationshipError>;

    /// Renames a store. OpenFGA itself answers `unimplemented`.
    async fn update_store(&self, store: &StoreId, name: &str) -> Result<Store, RelationshipError>;

    /// Deletes a store; one that does not exist is no error.
    async fn delete_store(&self, store: &StoreId) -> Result<(), RelationshipError>;

    /// Writes a model and gives its new id; it is the store's latest from then on.
    async fn write_model(
        &self,
        store: &StoreId,
        model: &AuthorizationModel,
    ) -> Result<ModelId, RelationshipError>;

    /// The model with this id, or `authorization_model_not_found`.
    async fn read_model(
        &self,
        store: &StoreId,
        model: &ModelId,
    ) -> Result<AuthorizationModel, RelationshipError>;

    /// A page of models, newest first.
    async fn list_models(
        &self,
        store: &StoreId,
        page: PageRequest,
    ) -> Result<Page<StoredModel>, RelationshipError>;

    /// Writes and deletes tuples, all or none; at most [`WRITE_KEYS_MAX`] keys.
    async fn write(&self, store: &StoreId, request: WriteRequest) -> Result<(), RelationshipError>;

    /// A page of stored tuples.
    async fn read(
        &self,
        store: &StoreId,
        filter: TupleFilter,
        page: PageRequest,
    ) -> Result<Page<StoredTuple>, RelationshipError>;

    /// A page of the changelog, oldest first.
    async fn read_changes(
        &self,
        store: &StoreId,
        request: ChangesRequest,
    ) -> Result<Page<Change>, RelationshipError>;

    /// Answers one question.
    async fn check(&self, store: &StoreId, request: CheckRequest) -> Result<CheckAnswer, RelationshipError>;

    /// Answers up to [`BATCH_CHECKS_MAX`] questions from one state of the store; a failed one does not fail the others.
    async fn batch_check(
        &self,
        store: &StoreId,
        request: BatchCheckRequest,
    ) -> Result<Vec<BatchAnswer>, RelationshipError>;

    /// Objects on which the user has the relation, in no order, each once.
    async fn list_objects(
        &self,
        store: &StoreId,
        request: ListObjectsRequest,
    ) -> Result<Vec<String>, RelationshipError>;

    /// Users that have the relation, in no order, each once; `type:*` stands for itself.
    async fn list_users(
        &self,
        store: &StoreId,
        request: ListUsersRequest,
    ) -> Result<Vec<String>, RelationshipError>;

    /// One level of a relation as a tree.
    async fn expand(&self, store: &StoreId, request: ExpandRequest) -> Result<ExpandNode, RelationshipError>;

    /// The oldest store with exactly this name.
    async fn find_store(&self, name: &str) -> Result<Option<Store>, RelationshipError> {
        let mut page = PageRequest::default().sized(PAGE_SIZE_MAX);
        let mut found: Option<Store> = None;
        loop {
            let answer = self.list_stores(Some(name), page).await?;
            // Servers older than the name filter answer with every store.
            for store in answer.items.into_iter().filter(|s| s.name == name) {
                if found.as_ref().is_none_or(|f| store.created_at < f.created_at) {
                    found = Some(store);
                }
            }
            if answer.token.is_empty() {
                return Ok(found);
            }
            page = PageRequest::after(answer.token).sized(PAGE_SIZE_MAX);
        }
    }

    /// The newest model, if the store has any.
    async fn latest_model(&self, store: &StoreId) -> Result<Option<StoredModel>, RelationshipError> {
        Ok(self.list_models(store, PageRequest::default().sized(1)).await?.items.into_iter().next())
    }

    /// Answers any number of questions, in their order and in batches as large as the server takes. All of them are asked of
    /// one model, the store's latest where none is given; each batch is answered from one state of the store.
    ///
    /// # Errors
    /// A batch that got no answer fails all; a question that cannot be answered fails alone.
    async fn check_all(
        &self,
        store: &StoreId,
        checks: Vec<CheckRequest>,
        model: Option<ModelId>,
        consistency: Consistency,
    ) -> Result<Vec<Result<CheckAnswer, BatchFault>>, RelationshipError> {
        let mut answers = Vec::with_capacity(checks.len());
        let mut checks = checks.into_iter().enumerate().peekable();
        // The latest may change between two batches.
        let model = match model {
            None if checks.len() > BATCH_CHECKS_MAX => {
                self.latest_model(store).await?.map(|latest| latest.id)
            }
            given => given,
        };
        while checks.peek().is_some() {
            let items = checks.by_ref().take(BATCH_CHECKS_MAX);
            let items = items.map(|(number, check)| BatchItem { correlation: number.to_string(), check });
            let batch = BatchCheckRequest { checks: items.collect(), model: model.clone(), consistency };
            let answered = self.batch_check(store, batch).await?;
            answers.extend(answered.into_iter().map(|answer| answer.answer));
        }
        Ok(answers)
    }

    /// Every stored tuple that the filter selects, over all pages.
    async fn read_all(
        &self,
        store: &StoreId,
        filter: TupleFilter,
    ) -> Result<Vec<TupleKey>, RelationshipError> {
        let mut page = PageRequest::default().sized(PAGE_SIZE_MAX);
        let mut tuples = Vec::new();
        loop {
            let answer = self.read(store, filter.clone(), page).await?;
            tuples.extend(answer.items.into_iter().map(|tuple| tuple.key));
            if answer.token.is_empty() {
                return Ok(tuples);
            }
            page = PageRequest::after(answer.token).sized(PAGE_SIZE_MAX);
        }
    }

    /// Writes tuples idempotently, in as many requests as the server's limit asks for.
    ///
    /// # Cancellation
    /// Requests already sent stand; a repeated call completes the rest.
    async fn ensure_tuples(&self, store: &StoreId, tuples: &[TupleKey]) -> Result<(), RelationshipError> {
        for chunk in tuples.chunks(WRITE_KEYS_MAX) {
            self.write(store, WriteRequest::writes(chunk.iter().cloned()).idempotent()).await?;
        }
        Ok(())
    }

    /// Deletes tuples idempotently, in as many requests as the server's limit asks for.
    ///
    /// # Cancellation
    /// Requests already sent stand; a repeated call completes the rest.
    async fn ensure_no_tuples(&self, store: &StoreId, tuples: &[TupleKey]) -> Result<(), RelationshipError> {
        for chunk in tuples.chunks(WRITE_KEYS_MAX) {
            self.write(store, WriteRequest::deletes(chunk.iter().cloned()).idempotent()).await?;
        }
        Ok(())
    }
}
