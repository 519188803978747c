//! An OpenFGA server over gRPC as a relationship store.

mod convert; // questions to messages, messages to answers

use std::time::Duration;

use async_trait::async_trait;
use fga_engine::{
    BatchAnswer, BatchCheckRequest, Change, ChangesRequest, CheckAnswer, CheckRequest, ExpandNode,
    ExpandRequest, Grounds, ListObjectsRequest, ListUsersRequest, Page, PageRequest, Store, StoredModel,
    StoredTuple, TupleFilter, WriteRequest,
};
use fga_model::{AuthorizationModel, ErrorCode, ModelId, StoreId};
use fga_proto::{
    RawStatus, Side, code_of,
    wire::{self, open_fga_service_client::OpenFgaServiceClient},
};
use tonic::{
    Request, Response, Status,
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};

use crate::{RelationshipError, RelationshipStore};

/// Largest answer that is read, in bytes.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Wait before the first repetition; each further one waits twice as long.
const RETRY_WAIT: Duration = Duration::from_millis(50);
/// How often an idle connection is tested.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How the server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTP/2 without TLS.
    Plain,
    /// TLS, trusting these certificate authorities (PEM) and no others.
    Tls {
        /// The authorities, PEM.
        authorities: String,
    },
}

/// Where the server is, and how patient the client is with it.
#[derive(Clone, Debug)]
pub struct OpenFgaOptions {
    /// `host:port`, with or without a scheme.
    pub address: String,
    /// Plain or TLS.
    pub transport: Transport,
    /// Bearer token.
    pub token: Option<String>,
    /// Time for one call, repetitions included.
    pub deadline: Duration,
    /// How often a call that only reads is repeated after the server could not be reached.
    pub retries_max: u32,
}

impl OpenFgaOptions {
    /// A server without TLS and token, 3 seconds for a call, two repetitions.
    pub fn plain(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            transport: Transport::Plain,
            token: None,
            deadline: Duration::from_secs(3),
            retries_max: 2,
        }
    }
}

type Wire = OpenFgaServiceClient<RawStatus<Channel>>;

/// An OpenFGA server. Connects when first used and again when the connection is lost. Clones share the connection.
#[derive(Clone)]
pub struct OpenFga {
    client: Wire,
    authorization: Option<MetadataValue<Ascii>>,
    deadline: Duration,
    retries_max: u32,
}

/// Whether a call may be repeated when it is not known what became of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    Safe,
    Never,
}

impl OpenFga {
    /// A client with these options; the server is not contacted yet. Needs a tokio runtime.
    pub fn new(options: OpenFgaOptions) -> Result<Self, RelationshipError> {
        let refused = |message: String| RelationshipError::Options { message };
        let bare = options.address.split_once("://").map_or(options.address.as_str(), |(_, rest)| rest);
        let scheme = if options.transport == Transport::Plain { "http" } else { "https" };
        let endpoint = Endpoint::from_shared(format!("{scheme}://{bare}"))
            .map_err(|e| refused(format!("`{}` is no address: {e}", options.address)))?;
        let mut endpoint = endpoint
            .connect_timeout(options.deadline)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(options.deadline)
            .keep_alive_while_idle(true);
        if let Transport::Tls { authorities } = &options.transport {
            let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authorities));
            endpoint = endpoint
                .tls_config(tls)
                .map_err(|e| refused(format!("the authorities cannot be used: {e}")))?;
        }
        let authorization = match &options.token {
            None => None,
            Some(token) => Some(
                MetadataValue::try_from(format!("Bearer {token}"))
                    .map_err(|_| refused("the token has characters that no header may have".to_owned()))?,
            ),
        };
        let channel = RawStatus::new(endpoint.connect_lazy(), Side::Client);
        let client = OpenFgaServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        Ok(Self { client, authorization, deadline: options.deadline, retries_max: options.retries_max })
    }

    fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        if let Some(value) = &self.authorization {
            request.metadata_mut().insert("authorization", value.clone());
        }
        request.set_timeout(self.deadline);
        request
    }

    /// One call within the deadline, repeated where that is safe and the server could not be reached.
    async fn call<M, R, F>(&self, repeat: Repeat, message: M, call: F) -> Result<R, RelationshipError>
    where
        M: Clone,
        F: AsyncFn(Wire, Request<M>) -> Result<Response<R>, Status>,
    {
        let attempts = async {
            let mut attempt = 0;
            loop {
                let error = match call(self.client.clone(), self.request(message.clone())).await {
                    Ok(response) => return Ok(response.into_inner()),
                    Err(status) => error_of(status, self.deadline),
                };
                let unreachable = matches!(error, RelationshipError::Unreachable { .. });
                if repeat == Repeat::Never || attempt >= self.retries_max || !unreachable {
                    return Err(error);
                }
                tokio::time::sleep(RETRY_WAIT.saturating_mul(1 << attempt.min(10))).await;
                attempt += 1;
            }
        };
        let late = RelationshipError::Deadline { deadline_ms: milliseconds(self.deadline) };
        tokio::time::timeout(self.deadline, attempts).await.unwrap_or(Err(late))
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn error_of(status: Status, deadline: Duration) -> RelationshipError {
    let message = status.message().to_owned();
    match code_of(&status) {
        ErrorCode::Other(4) => RelationshipError::Deadline { deadline_ms: milliseconds(deadline) },
        ErrorCode::Other(1 | 14) => RelationshipError::Unreachable { message },
        ErrorCode::Other(12) => RelationshipError::refused(ErrorCode::Unimplemented, message),
        ErrorCode::Other(3) => RelationshipError::refused(ErrorCode::ValidationError, message),
        ErrorCode::Other(16) => RelationshipError::refused(ErrorCode::Unauthenticated, message),
        // What the library reports without a number of its own is a broken connection.
        ErrorCode::Other(2) if std::error::Error::source(&status).is_some() => {
            RelationshipError::Unreachable { message }
        }
        code => RelationshipError::Refused { code, message },
    }
}

#[async_trait]
impl RelationshipStore for OpenFga {
    async fn create_store(&self, name: &str) -> Result<Store, RelationshipError> {
        let message = wire::CreateStoreRequest { name: name.to_owned() };
        let made = self.call(Repeat::Never, message, async |mut c, r| c.create_store(r).await).await?;
        convert::store(made.id, made.name, made.created_at, made.updated_at)
    }

    async fn get_store(&self, store: &StoreId) -> Result<Store, RelationshipError> {
        let message = wire::GetStoreRequest { store_id: store.to_string() };
        let found = self.call(Repeat::Safe, message, async |mut c, r| c.get_store(r).await).await?;
        convert::store(found.id, found.name, found.created_at, found.updated_at)
    }

    async fn list_stores(
        &self,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Store>, RelationshipError> {
        let message = wire::ListStoresRequest {
            page_size: convert::page_size(&page),
            continuation_token: page.token,
            name: name.unwrap_or_default().to_owned(),
        };
        let found = self.call(Repeat::Safe, message, async |mut c, r| c.list_stores(r).await).await?;
        let stores = found.stores.into_iter();
        let items = stores
            .map(|s| convert::store(s.id, s.name, s.created_at, s.updated_at))
            .collect::<Result<_, _>>()?;
        Ok(Page { items, token: found.continuation_token })
    }

    async fn update_store(&self, store: &StoreId, name: &str) -> Result<Store, RelationshipError> {
        let message = wire::UpdateStoreRequest { store_id: store.to_string(), name: name.to_owned() };
        let renamed = self.call(Repeat::Never, message, async |mut c, r| c.update_store(r).await).await?;
        convert::store(renamed.id, renamed.name, renamed.created_at, renamed.updated_at)
    }

    async fn delete_store(&self, store: &StoreId) -> Result<(), RelationshipError> {
        let message = wire::DeleteStoreRequest { store_id: store.to_string() };
        // A deleted store may be deleted again.
        match self.call(Repeat::Safe, message, async |mut c, r| c.delete_store(r).await).await {
            Err(error) if error.is(ErrorCode::StoreIdNotFound) => Ok(()),
            result => result.map(drop),
        }
    }

    async fn write_model(
        &self,
        store: &StoreId,
        model: &AuthorizationModel,
    ) -> Result<ModelId, RelationshipError> {
        let model = wire::AuthorizationModel::from(model);
        let message = wire::WriteAuthorizationModelRequest {
            store_id: store.to_string(),
            type_definitions: model.type_definitions,
            schema_version: model.schema_version,
            conditions: model.conditions,
        };
        let call = async |mut c: Wire, r| c.write_authorization_model(r).await;
        Ok(ModelId::new(self.call(Repeat::Never, message, call).await?.authorization_model_id))
    }

    async fn read_model(
        &self,
        store: &StoreId,
        model: &ModelId,
    ) -> Result<AuthorizationModel, RelationshipError> {
        let message =
            wire::ReadAuthorizationModelRequest { store_id: store.to_string(), id: model.to_string() };
        let call = async |mut c: Wire, r| c.read_authorization_model(r).await;
        let found = self.call(Repeat::Safe, message, call).await?.authorization_model;
        Ok(convert::model(found.unwrap_or_default())?.model)
    }

    async fn list_models(
        &self,
        store: &StoreId,
        page: PageRequest,
    ) -> Result<Page<StoredModel>, RelationshipError> {
        let message = wire::ReadAuthorizationModelsRequest {
            store_id: store.to_string(),
            page_size: convert::page_size(&page),
            continuation_token: page.token,
        };
        let call = async |mut c: Wire, r| c.read_authorization_models(r).await;
        let found = self.call(Repeat::Safe, message, call).await?;
        let items = found.authorization_models.into_iter().map(convert::model).collect::<Result<_, _>>()?;
        Ok(Page { items, token: found.continuation_token })
    }

    async fn write(&self, store: &StoreId, request: WriteRequest) -> Result<(), RelationshipError> {
        let repeat = if convert::is_idempotent(&request) { Repeat::Safe } else { Repeat::Never };
        let message = convert::write(store, request);
        self.call(repeat, message, async |mut c, r| c.write(r).await).await.map(drop)
    }

    async fn read(
        &self,
        store: &StoreId,
        filter: TupleFilter,
        page: PageRequest,
    ) -> Result<Page<StoredTuple>, RelationshipError> {
        let message = convert::read(store, filter, page);
        let found = self.call(Repeat::Safe, message, async |mut c, r| c.read(r).await).await?;
        let items = found.tuples.into_iter().map(convert::tuple).collect::<Result<_, _>>()?;
        Ok(Page { items, token: found.continuation_token })
    }

    async fn read_changes(
        &self,
        store: &StoreId,
        request: ChangesRequest,
    ) -> Result<Page<Change>, RelationshipError> {
        let message = convert::changes(store, request);
        let found = self.call(Repeat::Safe, message, async |mut c, r| c.read_changes(r).await).await?;
        let items = found.changes.into_iter().map(convert::change).collect::<Result<_, _>>()?;
        Ok(Page { items, token: found.continuation_token })
    }

    async fn check(&self, store: &StoreId, request: CheckRequest) -> Result<CheckAnswer, RelationshipError> {
        let message = convert::check(store, request);
        let answer = self.call(Repeat::Safe, message, async |mut c, r| c.check(r).await).await?;
        // The server tells no grounds.
        let grounds = Grounds::default();
        Ok(if answer.allowed { CheckAnswer::Allowed(grounds) } else { CheckAnswer::Denied(grounds) })
    }

    async fn batch_check(
        &self,
        store: &StoreId,
        request: BatchCheckRequest,
    ) -> Result<Vec<BatchAnswer>, RelationshipError> {
        let message = convert::batch(store, request);
        let order: Vec<String> = message.checks.iter().map(|item| item.correlation_id.clone()).collect();
        let mut found =
            self.call(Repeat::Safe, message, async |mut c, r| c.batch_check(r).await).await?.result;
        Ok(order.into_iter().map(|name| convert::batch_answer(found.remove(&name), name)).collect())
    }

    async fn list_objects(
        &self,
        store: &StoreId,
        request: ListObjectsRequest,
    ) -> Result<Vec<String>, RelationshipError> {
        let message = convert::list_objects(store, request);
        Ok(self.call(Repeat::Safe, message, async |mut c, r| c.list_objects(r).await).await?.objects)
    }

    async fn list_users(
        &self,
        store: &StoreId,
        request: ListUsersRequest,
    ) -> Result<Vec<String>, RelationshipError> {
        let message = convert::list_users(store, request);
        let found = self.call(Repeat::Safe, message, async |mut c, r| c.list_users(r).await).await?;
        Ok(found.users.into_iter().map(String::from).collect())
    }

    async fn expand(&self, store: &StoreId, request: ExpandRequest) -> Result<ExpandNode, RelationshipError> {
        let message = convert::expand(store, request);
        let found = self.call(Repeat::Safe, message, async |mut c, r| c.expand(r).await).await?;
        convert::tree(found.tree)
    }
}
