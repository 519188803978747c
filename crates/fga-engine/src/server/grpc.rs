//! The gRPC service: each method reads a message, asks the engine, and answers with a message.

use std::{pin::Pin, sync::Arc};

use fga_model::{AuthorizationModel, ErrorCode, ModelId, StoreId};
use fga_proto::{
    status_of,
    wire::{self, open_fga_service_server::OpenFgaService},
};
use futures::{Stream, stream};
use tonic::{Request, Response, Status, async_trait, metadata::MetadataValue};

use super::{
    convert::{self, status},
    rules::{Rules, accepted},
};
use crate::{Assertion, Cap, Engine, EngineError, StoredModel};

/// The service over one engine.
#[derive(Clone)]
pub(super) struct GrpcService {
    engine: Arc<Engine>,
}

/// Header that names the model an answer was given with.
pub(super) const MODEL_HEADER: &str = "openfga-authorization-model-id";

impl GrpcService {
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    /// An answer that tells which model it was given with.
    fn with_model<T>(&self, store: &StoreId, model: Option<ModelId>, message: T) -> Response<T> {
        let model = model.or_else(|| self.engine.latest_model_id(store).ok());
        let mut response = Response::new(message);
        if let Some(value) = model.and_then(|model| MetadataValue::try_from(model.as_str()).ok()) {
            response.metadata_mut().insert(MODEL_HEADER, value);
        }
        response
    }

    /// Runs what may take long, or waits for a disk, where it holds up nobody.
    async fn aside<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Engine) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, Status> {
        let engine = self.engine.clone();
        let ran = tokio::task::spawn_blocking(move || run(&engine)).await;
        let broken = |_| status_of(ErrorCode::InternalError, "the call broke off");
        ran.map_err(broken)?.map_err(status)
    }

    async fn objects(
        &self,
        message: wire::ListObjectsRequest,
        cap: Cap,
    ) -> Result<Response<Vec<String>>, Status> {
        message.check()?;
        let store = StoreId::new(message.store_id.as_str());
        let request = convert::list_objects(message);
        let (of, model) = (store.clone(), request.model.clone());
        let objects = self.aside(move |engine| engine.list_objects(&of, &request, cap)).await?;
        Ok(self.with_model(&store, model, objects))
    }
}

fn model_message(stored: StoredModel) -> wire::AuthorizationModel {
    let model = AuthorizationModel { id: Some(stored.id.to_string()), ..stored.model };
    wire::AuthorizationModel::from(&model)
}

#[async_trait]
impl OpenFgaService for GrpcService {
    async fn read(
        &self,
        request: Request<wire::ReadRequest>,
    ) -> Result<Response<wire::ReadResponse>, Status> {
        let message = accepted(request)?;
        let page = convert::page(message.page_size, message.continuation_token);
        let filter = convert::filter(message.tuple_key);
        let found = self.engine.read(&StoreId::new(message.store_id), &filter, &page).map_err(status)?;
        let tuples = found.items.into_iter().map(convert::tuple).collect();
        Ok(Response::new(wire::ReadResponse { tuples, continuation_token: found.token }))
    }

    async fn write(
        &self,
        request: Request<wire::WriteRequest>,
    ) -> Result<Response<wire::WriteResponse>, Status> {
        let message = accepted(request)?;
        let store = StoreId::new(message.store_id.as_str());
        let request = convert::write(message)?;
        self.aside(move |engine| engine.write(&store, &request)).await?;
        Ok(Response::new(wire::WriteResponse {}))
    }

    async fn check(
        &self,
        request: Request<wire::CheckRequest>,
    ) -> Result<Response<wire::CheckResponse>, Status> {
        let message = accepted(request)?;
        let store = StoreId::new(message.store_id.as_str());
        let request = convert::check(message);
        let allowed = self.engine.check(&store, &request).map_err(status)?.is_allowed();
        Ok(self.with_model(&store, request.model, wire::CheckResponse { allowed, resolution: String::new() }))
    }

    async fn batch_check(
        &self,
        request: Request<wire::BatchCheckRequest>,
    ) -> Result<Response<wire::BatchCheckResponse>, Status> {
        let message = accepted(request)?;
        let store = StoreId::new(message.store_id.as_str());
        let request = convert::batch(message);
        let answers = self.engine.batch_check(&store, &request).map_err(status)?;
        let result = answers.into_iter().map(convert::batch_answer).collect();
        Ok(self.with_model(&store, request.model, wire::BatchCheckResponse { result }))
    }

    async fn expand(
        &self,
        request: Request<wire::ExpandRequest>,
    ) -> Result<Response<wire::ExpandResponse>, Status> {
        let message = accepted(request)?;
        let store = StoreId::new(message.store_id.as_str());
        let request = convert::expand(message);
        let root = self.engine.expand(&store, &request).map_err(status)?;
        let tree = Some(wire::UsersetTree { root: Some(convert::node(root)) });
        Ok(self.with_model(&store, request.model, wire::ExpandResponse { tree }))
    }

    async fn read_authorization_models(
        &self,
        request: Request<wire::ReadAuthorizationModelsRequest>,
    ) -> Result<Response<wire::ReadAuthorizationModelsResponse>, Status> {
        let message = accepted(request)?;
        let page = convert::page(message.page_size, message.continuation_token);
        let found = self.engine.list_models(&StoreId::new(message.store_id), &page).map_err(status)?;
        let authorization_models = found.items.into_iter().map(model_message).collect();
        let continuation_token = found.token;
        Ok(Response::new(wire::ReadAuthorizationModelsResponse { authorization_models, continuation_token }))
    }

    async fn read_authorization_model(
        &self,
        request: Request<wire::ReadAuthorizationModelRequest>,
    ) -> Result<Response<wire::ReadAuthorizationModelResponse>, Status> {
        let message = accepted(request)?;
        let id = ModelId::new(message.id);
        let model = self.engine.read_model(&StoreId::new(message.store_id), &id).map_err(status)?;
        let authorization_model = Some(model_message(StoredModel { id, model }));
        Ok(Response::new(wire::ReadAuthorizationModelResponse { authorization_model }))
    }

    async fn write_authorization_model(
        &self,
        request: Request<wire::WriteAuthorizationModelRequest>,
    ) -> Result<Response<wire::WriteAuthorizationModelResponse>, Status> {
        let message = accepted(request)?;
        let store = StoreId::new(message.store_id.as_str());
        let model = wire::AuthorizationModel {
            id: String::new(),
            schema_version: message.schema_version,
            type_definitions: message.type_definitions,
            conditions: message.conditions,
        };
        let refused = |error| status_of(ErrorCode::InvalidAuthorizationModel, format!("{error}"));
        let model = AuthorizationModel::try_from(model).map_err(refused)?;
        let id = self.aside(move |engine| engine.write_model(&store, &model)).await?;
        Ok(Response::new(wire::WriteAuthorizationModelResponse { authorization_model_id: id.to_string() }))
    }

    async fn write_assertions(
        &self,
        request: Request<wire::WriteAssertionsRequest>,
    ) -> Result<Response<wire::WriteAssertionsResponse>, Status> {
        let message = accepted(request)?;
        let store = StoreId::new(message.store_id);
        let model = ModelId::new(message.authorization_model_id);
        let assertions: Vec<Assertion> = message.assertions.into_iter().map(convert::assertion).collect();
        let answered = Some(model.clone());
        let of = store.clone();
        self.aside(move |engine| engine.write_assertions(&of, &model, &assertions)).await?;
        Ok(self.with_model(&store, answered, wire::WriteAssertionsResponse {}))
    }

    async fn read_assertions(
        &self,
        request: Request<wire::ReadAssertionsRequest>,
    ) -> Result<Response<wire::ReadAssertionsResponse>, Status> {
        let message = accepted(request)?;
        let model = ModelId::new(message.authorization_model_id);
        let found = self.engine.read_assertions(&StoreId::new(message.store_id), &model).map_err(status)?;
        let assertions = found.into_iter().map(convert::assertion_message).collect();
        let authorization_model_id = model.to_string();
        Ok(Response::new(wire::ReadAssertionsResponse { authorization_model_id, assertions }))
    }

    async fn read_changes(
        &self,
        request: Request<wire::ReadChangesRequest>,
    ) -> Result<Response<wire::ReadChangesResponse>, Status> {
        let message = accepted(request)?;
        let store = StoreId::new(message.store_id.as_str());
        let found = self.engine.read_changes(&store, &convert::changes(message)?).map_err(status)?;
        let changes = found.items.into_iter().map(convert::change).collect();
        Ok(Response::new(wire::ReadChangesResponse { changes, continuation_token: found.token }))
    }

    async fn create_store(
        &self,
        request: Request<wire::CreateStoreRequest>,
    ) -> Result<Response<wire::CreateStoreResponse>, Status> {
        let name = accepted(request)?.name;
        let store = convert::store(self.aside(move |engine| engine.create_store(&name)).await?);
        let wire::Store { id, name, created_at, updated_at, .. } = store;
        Ok(Response::new(wire::CreateStoreResponse { id, name, created_at, updated_at }))
    }

    async fn update_store(
        &self,
        request: Request<wire::UpdateStoreRequest>,
    ) -> Result<Response<wire::UpdateStoreResponse>, Status> {
        let message = accepted(request)?;
        let of = StoreId::new(message.store_id);
        let renamed = self.aside(move |engine| engine.update_store(&of, &message.name)).await?;
        let wire::Store { id, name, created_at, updated_at, .. } = convert::store(renamed);
        Ok(Response::new(wire::UpdateStoreResponse { id, name, created_at, updated_at }))
    }

    async fn delete_store(
        &self,
        request: Request<wire::DeleteStoreRequest>,
    ) -> Result<Response<wire::DeleteStoreResponse>, Status> {
        let store = StoreId::new(accepted(request)?.store_id);
        self.aside(move |engine| engine.delete_store(&store)).await?;
        Ok(Response::new(wire::DeleteStoreResponse {}))
    }

    async fn get_store(
        &self,
        request: Request<wire::GetStoreRequest>,
    ) -> Result<Response<wire::GetStoreResponse>, Status> {
        let store = self.engine.get_store(&StoreId::new(accepted(request)?.store_id)).map_err(status)?;
        let wire::Store { id, name, created_at, updated_at, deleted_at } = convert::store(store);
        Ok(Response::new(wire::GetStoreResponse { id, name, created_at, updated_at, deleted_at }))
    }

    async fn list_stores(
        &self,
        request: Request<wire::ListStoresRequest>,
    ) -> Result<Response<wire::ListStoresResponse>, Status> {
        let message = accepted(request)?;
        let page = convert::page(message.page_size, message.continuation_token);
        let name = Some(message.name.as_str()).filter(|name| !name.is_empty());
        let found = self.engine.list_stores(name, &page).map_err(status)?;
        let stores = found.items.into_iter().map(convert::store).collect();
        Ok(Response::new(wire::ListStoresResponse { stores, continuation_token: found.token }))
    }

    type StreamedListObjectsStream =
        Pin<Box<dyn Stream<Item = Result<wire::StreamedListObjectsResponse, Status>> + Send>>;

    async fn streamed_list_objects(
        &self,
        request: Request<wire::StreamedListObjectsRequest>,
    ) -> Result<Response<Self::StreamedListObjectsStream>, Status> {
        let found = self.objects(convert::streamed(request.into_inner()), Cap::Unlimited).await?;
        Ok(found.map(|objects| {
            let messages = objects.into_iter().map(|object| Ok(wire::StreamedListObjectsResponse { object }));
            let stream: Self::StreamedListObjectsStream = Box::pin(stream::iter(messages));
            stream
        }))
    }

    async fn list_objects(
        &self,
        request: Request<wire::ListObjectsRequest>,
    ) -> Result<Response<wire::ListObjectsResponse>, Status> {
        let found = self.objects(request.into_inner(), Cap::Limited).await?;
        Ok(found.map(|objects| wire::ListObjectsResponse { objects }))
    }

    async fn list_users(
        &self,
        request: Request<wire::ListUsersRequest>,
    ) -> Result<Response<wire::ListUsersResponse>, Status> {
        let message = accepted(request)?;
        let store = StoreId::new(message.store_id.as_str());
        let request = convert::list_users(message)?;
        let (of, model) = (store.clone(), request.model.clone());
        let found = self.aside(move |engine| engine.list_users(&of, &request)).await?;
        let users = found.iter().map(|user| wire::User::from(user.as_str())).collect();
        Ok(self.with_model(&store, model, wire::ListUsersResponse { users }))
    }
}
