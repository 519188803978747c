//! A server over gRPC, called with the protocol's messages.

use std::sync::Arc;

use fga_model::{ErrorCode, ModelId, StoreId, TupleKey};
use fga_proto::{
    RawStatus, Side, code_of, context_to_wire, to_json,
    wire::{self, open_fga_service_client::OpenFgaServiceClient},
};
use serde_json::Value;
use tokio::runtime::Runtime;
use tonic::{
    Request, Status,
    transport::{Channel, Endpoint},
};

use super::{Failure, List, Question, RawWrite, Target, filter_of, parsed};

type Client = OpenFgaServiceClient<RawStatus<Channel>>;

/// A server over gRPC.
pub struct Grpc {
    client: Client,
    runtime: Arc<Runtime>,
    write_keys_max: Option<usize>,
}

impl Grpc {
    /// Asks the server at a URL.
    pub fn new(
        url: &str,
        runtime: Arc<Runtime>,
        write_keys_max: Option<usize>,
    ) -> Result<Self, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(url.to_owned())?;
        let channel = {
            let _inside = runtime.enter();
            endpoint.connect_lazy()
        };
        let client = OpenFgaServiceClient::new(RawStatus::new(channel, Side::Client));
        Ok(Self { client, runtime, write_keys_max })
    }

    fn client(&self) -> Client {
        self.client.clone()
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let code = match code_of(&status) {
            // Rules of fields are refused with gRPC's own code by OpenFGA; over HTTP the same refusal has this number.
            ErrorCode::Other(3) => ErrorCode::ValidationError.number(),
            code => code.number(),
        };
        Failure::new(code, status.message())
    }
}

fn keys(tuples: &[TupleKey]) -> Vec<wire::TupleKey> {
    tuples.iter().cloned().map(Into::into).collect()
}

fn contextual(question: &Question<'_>) -> Option<wire::ContextualTupleKeys> {
    let tuple_keys = keys(&question.contextual);
    (!tuple_keys.is_empty()).then_some(wire::ContextualTupleKeys { tuple_keys })
}

fn context(question: &Question<'_>) -> Option<fga_proto::WireContext> {
    (!question.context.is_empty()).then(|| context_to_wire(&question.context))
}

impl Target for Grpc {
    fn path(&self) -> &'static str {
        "gRPC"
    }

    fn write_keys_max(&self) -> Option<usize> {
        self.write_keys_max
    }

    fn create_store(&self) -> Result<StoreId, Failure> {
        let message = wire::CreateStoreRequest { name: "conformance".to_owned() };
        let made = self.runtime.block_on(async { self.client().create_store(message).await })?;
        Ok(StoreId::new(made.into_inner().id))
    }

    fn write_model(&self, store: &StoreId, dsl: &str) -> Result<ModelId, Failure> {
        let model = wire::AuthorizationModel::from(&parsed(dsl)?);
        let message = wire::WriteAuthorizationModelRequest {
            store_id: store.to_string(),
            type_definitions: model.type_definitions,
            schema_version: model.schema_version,
            conditions: model.conditions,
        };
        let call = async { self.client().write_authorization_model(message).await };
        Ok(ModelId::new(self.runtime.block_on(call)?.into_inner().authorization_model_id))
    }

    fn write_raw(&self, store: &StoreId, model: Option<&ModelId>, request: &RawWrite) -> Result<(), Failure> {
        let writes = wire::WriteRequestWrites {
            tuple_keys: keys(&request.writes),
            on_duplicate: request.on_duplicate.clone(),
        };
        let deletes = wire::WriteRequestDeletes {
            tuple_keys: request.deletes.iter().cloned().map(Into::into).collect(),
            on_missing: request.on_missing.clone(),
        };
        let message = wire::WriteRequest {
            store_id: store.to_string(),
            writes: (!writes.tuple_keys.is_empty() || !writes.on_duplicate.is_empty()).then_some(writes),
            deletes: (!deletes.tuple_keys.is_empty() || !deletes.on_missing.is_empty()).then_some(deletes),
            authorization_model_id: model.map(ToString::to_string).unwrap_or_default(),
        };
        self.runtime.block_on(async { self.client().write(message).await })?;
        Ok(())
    }

    fn read_all(&self, store: &StoreId) -> Result<Vec<TupleKey>, Failure> {
        let message = wire::ReadRequest {
            store_id: store.to_string(),
            page_size: Some(100),
            ..wire::ReadRequest::default()
        };
        let found = self.runtime.block_on(async { self.client().read(message).await })?.into_inner();
        Ok(found.tuples.into_iter().filter_map(|tuple| tuple.key.map(Into::into)).collect())
    }

    fn check(&self, question: &Question<'_>, key: &TupleKey) -> Result<bool, Failure> {
        let TupleKey { object, relation, user, .. } = key.clone();
        let message = wire::CheckRequest {
            store_id: question.store.to_string(),
            tuple_key: Some(wire::CheckRequestTupleKey { user, relation, object }),
            contextual_tuples: contextual(question),
            authorization_model_id: question.model.to_string(),
            context: context(question),
            ..wire::CheckRequest::default()
        };
        Ok(self.runtime.block_on(async { self.client().check(message).await })?.into_inner().allowed)
    }

    fn list_objects(
        &self,
        question: &Question<'_>,
        type_name: &str,
        relation: &str,
        user: &str,
        list: List,
    ) -> Result<Vec<String>, Failure> {
        let (store_id, authorization_model_id) = (question.store.to_string(), question.model.to_string());
        let (r#type, relation, user) = (type_name.to_owned(), relation.to_owned(), user.to_owned());
        let (contextual_tuples, context, consistency) = (contextual(question), context(question), 0);
        match list {
            List::Unary => {
                let message = wire::ListObjectsRequest {
                    store_id,
                    authorization_model_id,
                    r#type,
                    relation,
                    user,
                    contextual_tuples,
                    context,
                    consistency,
                };
                let call = async { self.client().list_objects(message).await };
                Ok(self.runtime.block_on(call)?.into_inner().objects)
            }
            List::Streamed => {
                let message = wire::StreamedListObjectsRequest {
                    store_id,
                    authorization_model_id,
                    r#type,
                    relation,
                    user,
                    contextual_tuples,
                    context,
                    consistency,
                };
                self.runtime.block_on(async {
                    let mut stream =
                        self.client().streamed_list_objects(Request::new(message)).await?.into_inner();
                    let mut objects = Vec::new();
                    while let Some(found) = stream.message().await? {
                        objects.push(found.object);
                    }
                    Ok(objects)
                })
            }
        }
    }

    fn list_users(
        &self,
        question: &Question<'_>,
        object: &str,
        relation: &str,
        filter: &str,
    ) -> Result<Vec<String>, Failure> {
        let (object_type, id) = object.split_once(':').unwrap_or((object, ""));
        let (type_name, of) = filter_of(filter);
        let message = wire::ListUsersRequest {
            store_id: question.store.to_string(),
            authorization_model_id: question.model.to_string(),
            object: Some(wire::Object { r#type: object_type.to_owned(), id: id.to_owned() }),
            relation: relation.to_owned(),
            user_filters: vec![wire::UserTypeFilter { r#type: type_name, relation: of }],
            contextual_tuples: keys(&question.contextual),
            context: context(question),
            consistency: 0,
        };
        let found = self.runtime.block_on(async { self.client().list_users(message).await })?;
        Ok(found.into_inner().users.into_iter().map(String::from).collect())
    }

    fn expand(&self, question: &Question<'_>, object: &str, relation: &str) -> Result<Value, Failure> {
        let message = wire::ExpandRequest {
            store_id: question.store.to_string(),
            tuple_key: Some(wire::ExpandRequestTupleKey {
                relation: relation.to_owned(),
                object: object.to_owned(),
            }),
            authorization_model_id: question.model.to_string(),
            consistency: 0,
            contextual_tuples: contextual(question),
        };
        let found = self.runtime.block_on(async { self.client().expand(message).await })?.into_inner();
        let json = to_json("ExpandResponse", &found).map_err(|error| Failure::text(error.to_string()))?;
        Ok(json["tree"]["root"].clone())
    }
}
