//! The gRPC service: each method reads a message, asks the engine, and answers with a message.

use std::{pin::Pin, sync::Arc};

use fga_model::{AuthorizationModel, ErrorCode, ModelId};
use fga_proto::{
    status_of,
    wire::{self, open_fga_service_server::OpenFgaService},
};
use futures::{Stream, stream};
use tonic::{Request, Response, Status, async_trait, metadata::MetadataValue};

use super::convert::{self, status, store_id};
use crate::{Cap, Engine, StoredModel};

/// The service over one engine.
pub(super) struct GrpcService {
    engine: Arc<Engine>,
}

/// Header that names the model an answer was given with.
const MODEL_HEADER: &str = "openfga-authorization-model-id";

impl GrpcService {
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    /// An answer that tells which model it was given with.
    fn with_model<T>(&self, store: &fga_model::StoreId, model: Option<ModelId>, message: T) -> Response<T> {
        let model = model.or_else(|| self.engine.latest_model_id(store).ok());
        let mut response = Response::new(message);
        if let Some(value) = model.and_then(|model| MetadataValue::try_from(model.as_str()).ok()) {
            response.metadata_mut().insert(MODEL_HEADER, value);
        }
        response
    }

    fn objects(&self, message: wire::ListObjectsRequest, cap: Cap) -> Result<Response<Vec<String>>, Status> {
        let store = store_id(&message.store_id)?;
        let request = convert::list_objects(message);
        let objects = self.engine.list_objects(&store, &request, cap).map_err(status)?;
        Ok(self.with_model(&store, request.model, objects))
    }
}

fn model_message(stored: StoredModel) -> wire::AuthorizationModel {
    let model = AuthorizationModel { id: Some(stored.id.to_string()), ..stored.model };
    wire::AuthorizationModel::from(&model)
}

fn no_assertions() -> Status {
    status_of(ErrorCode::Unimplemented, "assertions are not kept by this server")
}

#[async_trait]
impl OpenFgaService for GrpcService {
    async fn read(
        &self,
        request: Request<wire::ReadRequest>,
    ) -> Result<Response<wire::ReadResponse>, Status> {
        let message = request.into_inner();
        let page = convert::page(message.page_size, message.continuation_token);
        let filter = convert::filter(message.tuple_key);
        let found = self.engine.read(&store_id(&message.store_id)?, &filter, &page).map_err(status)?;
        let tuples = found.items.into_iter().map(convert::tuple).collect();
        Ok(Response::new(wire::ReadResponse { tuples, continuation_token: found.token }))
    }

    async fn write(
        &self,
        request: Request<wire::WriteRequest>,
    ) -> Result<Response<wire::WriteResponse>, Status> {
        let message = request.into_inner();
        let store = store_id(&message.store_id)?;
        self.engine.write(&store, &convert::write(message)?).map_err(status)?;
        Ok(Response::new(wire::WriteResponse {}))
    }

    async fn check(
        &self,
        request: Request<wire::CheckRequest>,
    ) -> Result<Response<wire::CheckResponse>, Status> {
        let message = request.into_inner();
        let store = store_id(&message.store_id)?;
        let request = convert::check(message);
        let allowed = self.engine.check(&store, &request).map_err(status)?.is_allowed();
        Ok(self.with_model(&store, request.model, wire::CheckResponse { allowed, resolution: String::new() }))
    }

    async fn batch_check(
        &self,
        request: Request<wire::BatchCheckRequest>,
    ) -> Result<Response<wire::BatchCheckResponse>, Status> {
        let message = request.into_inner();
        let store = store_id(&message.store_id)?;
        let request = convert::batch(message);
        let answers = self.engine.batch_check(&store, &request).map_err(status)?;
        let result = answers.into_iter().map(convert::batch_answer).collect();
        Ok(self.with_model(&store, request.model, wire::BatchCheckResponse { result }))
    }

    async fn expand(
        &self,
        request: Request<wire::ExpandRequest>,
    ) -> Result<Response<wire::ExpandResponse>, Status> {
        let message = request.into_inner();
        let store = store_id(&message.store_id)?;
        let request = convert::expand(message);
        let root = self.engine.expand(&store, &request).map_err(status)?;
        let tree = Some(wire::UsersetTree { root: Some(convert::node(root)) });
        Ok(self.with_model(&store, request.model, wire::ExpandResponse { tree }))
    }

    async fn read_authorization_models(
        &self,
        request: Request<wire::ReadAuthorizationModelsRequest>,
    ) -> Result<Response<wire::ReadAuthorizationModelsResponse>, Status> {
        let message = request.into_inner();
        let page = convert::page(message.page_size, message.continuation_token);
        let found = self.engine.list_models(&store_id(&message.store_id)?, &page).map_err(status)?;
        let authorization_models = found.items.into_iter().map(model_message).collect();
        let continuation_token = found.token;
        Ok(Response::new(wire::ReadAuthorizationModelsResponse { authorization_models, continuation_token }))
    }

    async fn read_authorization_model(
        &self,
        request: Request<wire::ReadAuthorizationModelRequest>,
    ) -> Result<Response<wire::ReadAuthorizationModelResponse>, Status> {
        let message = request.into_inner();
        let id = ModelId::new(message.id);
        let model = self.engine.read_model(&store_id(&message.store_id)?, &id).map_err(status)?;
        let authorization_model = Some(model_message(StoredModel { id, model }));
        Ok(Response::new(wire::ReadAuthorizationModelResponse { authorization_model }))
    }

    async fn write_authorization_model(
        &self,
        request: Request<wire::WriteAuthorizationModelRequest>,
    ) -> Result<Response<wire::WriteAuthorizationModelResponse>, Status> {
        let message = request.into_inner();
        let store = store_id(&message.store_id)?;
        let model = wire::AuthorizationModel {
            id: String::new(),
            schema_version: message.schema_version,
            type_definitions: message.type_definitions,
            conditions: message.conditions,
        };
        let refused = |error| status_of(ErrorCode::InvalidAuthorizationModel, format!("{error}"));
        let model = AuthorizationModel::try_from(model).map_err(refused)?;
        let id = self.engine.write_model(&store, &model).map_err(status)?;
        Ok(Response::new(wire::WriteAuthorizationModelResponse { authorization_model_id: id.to_string() }))
    }

    async fn write_assertions(
        &self,
        _: Request<wire::WriteAssertionsRequest>,
    ) -> Result<Response<wire::WriteAssertionsResponse>, Status> {
        Err(no_assertions())
    }

    async fn read_assertions(
        &self,
        _: Request<wire::ReadAssertionsRequest>,
    ) -> Result<Response<wire::ReadAssertionsResponse>, Status> {
        Err(no_assertions())
    }

    async fn read_changes(
        &self,
        request: Request<wire::ReadChangesRequest>,
    ) -> Result<Response<wire::ReadChangesResponse>, Status> {
        let message = request.into_inner();
        let store = store_id(&message.store_id)?;
        let found = self.engine.read_changes(&store, &convert::changes(message)?).map_err(status)?;
        let changes = found.items.into_iter().map(convert::change).collect();
        Ok(Response::new(wire::ReadChangesResponse { changes, continuation_token: found.token }))
    }

    async fn create_store(
        &self,
        request: Request<wire::CreateStoreRequest>,
    ) -> Result<Response<wire::CreateStoreResponse>, Status> {
        let store = convert::store(self.engine.create_store(&request.into_inner().name).map_err(status)?);
        let wire::Store { id, name, created_at, updated_at, .. } = store;
        Ok(Response::new(wire::CreateStoreResponse { id, name, created_at, updated_at }))
    }

    async fn update_store(
        &self,
        request: Request<wire::UpdateStoreRequest>,
    ) -> Result<Response<wire::UpdateStoreResponse>, Status> {
        let message = request.into_inner();
        let renamed =
            self.engine.update_store(&store_id(&message.store_id)?, &message.name).map_err(status)?;
        let wire::Store { id, name, created_at, updated_at, .. } = convert::store(renamed);
        Ok(Response::new(wire::UpdateStoreResponse { id, name, created_at, updated_at }))
    }

    async fn delete_store(
        &self,
        request: Request<wire::DeleteStoreRequest>,
    ) -> Result<Response<wire::DeleteStoreResponse>, Status> {
        self.engine.delete_store(&store_id(&request.into_inner().store_id)?).map_err(status)?;
        Ok(Response::new(wire::DeleteStoreResponse {}))
    }

    async fn get_store(
        &self,
        request: Request<wire::GetStoreRequest>,
    ) -> Result<Response<wire::GetStoreResponse>, Status> {
        let store = self.engine.get_store(&store_id(&request.into_inner().store_id)?).map_err(status)?;
        let wire::Store { id, name, created_at, updated_at, deleted_at } = convert::store(store);
        Ok(Response::new(wire::GetStoreResponse { id, name, created_at, updated_at, deleted_at }))
    }

    async fn list_stores(
        &self,
        request: Request<wire::ListStoresRequest>,
    ) -> Result<Response<wire::ListStoresResponse>, Status> {
        let message = request.into_inner();
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
        let found = self.objects(convert::streamed(request.into_inner()), Cap::Unlimited)?;
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
        let found = self.objects(request.into_inner(), Cap::Limited)?;
        Ok(found.map(|objects| wire::ListObjectsResponse { objects }))
    }

    async fn list_users(
        &self,
        request: Request<wire::ListUsersRequest>,
    ) -> Result<Response<wire::ListUsersResponse>, Status> {
        let message = request.into_inner();
        let store = store_id(&message.store_id)?;
        let request = convert::list_users(message)?;
        let found = self.engine.list_users(&store, &request).map_err(status)?;
        let users = found.iter().map(|user| wire::User::from(user.as_str())).collect();
        Ok(self.with_model(&store, request.model, wire::ListUsersResponse { users }))
    }
}
