//! The engine in process as a relationship store.

use std::sync::Arc;

use async_trait::async_trait;
use fga_engine::{
    BatchAnswer, BatchCheckRequest, Cap, Change, ChangesRequest, CheckAnswer, CheckRequest, Engine,
    EngineError, ExpandNode, ExpandRequest, ListObjectsRequest, ListUsersRequest, Page, PageRequest, Store,
    StoredModel, StoredTuple, TupleFilter, WriteRequest,
};
use fga_model::{AuthorizationModel, ModelId, StoreId};

use crate::{RelationshipError, RelationshipStore};

/// An [`Engine`] of this process behind the trait. Clones share the engine.
#[derive(Clone)]
pub struct InProcess {
    engine: Arc<Engine>,
}

impl InProcess {
    /// Wraps an engine that others may use too.
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    /// The engine itself, to serve it.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }
}

impl Default for InProcess {
    /// An empty engine in memory.
    fn default() -> Self {
        Self::new(Arc::new(Engine::default()))
    }
}

impl From<EngineError> for RelationshipError {
    fn from(error: EngineError) -> Self {
        RelationshipError::refused(error.code(), error.to_string())
    }
}

#[async_trait]
impl RelationshipStore for InProcess {
    async fn create_store(&self, name: &str) -> Result<Store, RelationshipError> {
        Ok(self.engine.create_store(name)?)
    }

    async fn get_store(&self, store: &StoreId) -> Result<Store, RelationshipError> {
        Ok(self.engine.get_store(store)?)
    }

    async fn list_stores(
        &self,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Store>, RelationshipError> {
        Ok(self.engine.list_stores(name, &page)?)
    }

    async fn update_store(&self, store: &StoreId, name: &str) -> Result<Store, RelationshipError> {
        Ok(self.engine.update_store(store, name)?)
    }

    async fn delete_store(&self, store: &StoreId) -> Result<(), RelationshipError> {
        Ok(self.engine.delete_store(store)?)
    }

    async fn write_model(
        &self,
        store: &StoreId,
        model: &AuthorizationModel,
    ) -> Result<ModelId, RelationshipError> {
        Ok(self.engine.write_model(store, model)?)
    }

    async fn read_model(
        &self,
        store: &StoreId,
        model: &ModelId,
    ) -> Result<AuthorizationModel, RelationshipError> {
        Ok(self.engine.read_model(store, model)?)
    }

    async fn list_models(
        &self,
        store: &StoreId,
        page: PageRequest,
    ) -> Result<Page<StoredModel>, RelationshipError> {
        Ok(self.engine.list_models(store, &page)?)
    }

    async fn write(&self, store: &StoreId, request: WriteRequest) -> Result<(), RelationshipError> {
        Ok(self.engine.write(store, &request)?)
    }

    async fn read(
        &self,
        store: &StoreId,
        filter: TupleFilter,
        page: PageRequest,
    ) -> Result<Page<StoredTuple>, RelationshipError> {
        Ok(self.engine.read(store, &filter, &page)?)
    }

    async fn read_changes(
        &self,
        store: &StoreId,
        request: ChangesRequest,
    ) -> Result<Page<Change>, RelationshipError> {
        Ok(self.engine.read_changes(store, &request)?)
    }

    async fn check(&self, store: &StoreId, request: CheckRequest) -> Result<CheckAnswer, RelationshipError> {
        Ok(self.engine.check(store, &request)?)
    }

    async fn batch_check(
        &self,
        store: &StoreId,
        request: BatchCheckRequest,
    ) -> Result<Vec<BatchAnswer>, RelationshipError> {
        Ok(self.engine.batch_check(store, &request)?)
    }

    async fn list_objects(
        &self,
        store: &StoreId,
        request: ListObjectsRequest,
    ) -> Result<Vec<String>, RelationshipError> {
        Ok(self.engine.list_objects(store, &request, Cap::Limited)?)
    }

    async fn list_users(
        &self,
        store: &StoreId,
        request: ListUsersRequest,
    ) -> Result<Vec<String>, RelationshipError> {
        Ok(self.engine.list_users(store, &request)?)
    }

    async fn expand(&self, store: &StoreId, request: ExpandRequest) -> Result<ExpandNode, RelationshipError> {
        Ok(self.engine.expand(store, &request)?)
    }
}
