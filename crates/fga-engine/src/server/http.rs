//! OpenFGA's HTTP API: JSON in, the call of the gRPC service, JSON out.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::Response,
};
use fga_model::ErrorCode;
use fga_proto::{
    code_of, from_json, status_of, to_json,
    wire::{self, open_fga_service_server::OpenFgaService},
};
use futures::{StreamExt, stream};
use serde_json::{Map, Value, json};
use tonic::Status;

use super::{
    Guard,
    grpc::{GrpcService, MODEL_HEADER},
};

/// What the HTTP side of the server holds.
pub(super) struct Api {
    pub service: GrpcService,
    pub guard: Guard,
    pub message_bytes_max: usize,
}

/// Everything under `/`: paths are told apart by [`Call::of`].
pub(super) fn router(api: Api) -> Router {
    Router::new().fallback(serve).with_state(Arc::new(api))
}

/// A call of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    CreateStore,
    ListStores,
    GetStore,
    UpdateStore,
    DeleteStore,
    WriteModel,
    ListModels,
    ReadModel,
    Write,
    Read,
    ReadChanges,
    Check,
    BatchCheck,
    Expand,
    ListObjects,
    StreamedListObjects,
    ListUsers,
    WriteAssertions,
    ReadAssertions,
}

/// Method, path below `/stores/{store_id}` (`*` is one part), call, and the field that the part fills.
const BELOW_STORE: [(Method, &str, Call, &str); 17] = [
    (Method::GET, "", Call::GetStore, ""),
    (Method::PATCH, "", Call::UpdateStore, ""),
    (Method::DELETE, "", Call::DeleteStore, ""),
    (Method::POST, "authorization-models", Call::WriteModel, ""),
    (Method::GET, "authorization-models", Call::ListModels, ""),
    (Method::GET, "authorization-models/*", Call::ReadModel, "id"),
    (Method::POST, "write", Call::Write, ""),
    (Method::POST, "read", Call::Read, ""),
    (Method::GET, "changes", Call::ReadChanges, ""),
    (Method::POST, "check", Call::Check, ""),
    (Method::POST, "batch-check", Call::BatchCheck, ""),
    (Method::POST, "expand", Call::Expand, ""),
    (Method::POST, "list-objects", Call::ListObjects, ""),
    (Method::POST, "streamed-list-objects", Call::StreamedListObjects, ""),
    (Method::POST, "list-users", Call::ListUsers, ""),
    (Method::PUT, "assertions/*", Call::WriteAssertions, "authorization_model_id"),
    (Method::GET, "assertions/*", Call::ReadAssertions, "authorization_model_id"),
];

impl Call {
    /// The call of a method and path, with the fields that the path fills.
    fn of(method: &Method, path: &str) -> Option<(Self, Map<String, Value>)> {
        let mut fields = Map::new();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let ("stores", below) = (*parts.first()?, parts.get(1..)?) else { return None };
        let Some((store, below)) = below.split_first() else {
            return Some((
                match *method {
                    Method::POST => Call::CreateStore,
                    Method::GET => Call::ListStores,
                    _ => return None,
                },
                fields,
            ));
        };
        fields.insert("store_id".into(), decoded(store).into());
        BELOW_STORE.iter().filter(|row| row.0 == *method).find_map(|(_, pattern, call, field)| {
            let pattern: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
            let fits = pattern.len() == below.len()
                && pattern.iter().zip(below).all(|(wanted, part)| *wanted == "*" || wanted == part);
            if !fits {
                return None;
            }
            let mut fields = fields.clone();
            if let (false, Some(part)) = (field.is_empty(), below.last()) {
                fields.insert((*field).into(), decoded(part).into());
            }
            Some((*call, fields))
        })
    }

    /// Success of the call.
    fn status(self) -> StatusCode {
        match self {
            Call::CreateStore | Call::WriteModel => StatusCode::CREATED,
            Call::DeleteStore | Call::WriteAssertions => StatusCode::NO_CONTENT,
            _ => StatusCode::OK,
        }
    }
}

/// A part of a path or a query without its percent signs.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |at: usize| text_at(&rest, at).and_then(|b| char::from(b).to_digit(16));
        match (byte, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest.nth(1);
            }
            (byte, ..) => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn text_at(rest: &std::str::Bytes<'_>, at: usize) -> Option<u8> {
    rest.clone().nth(at)
}

async fn serve(State(api): State<Arc<Api>>, request: Request) -> Response {
    match answer(&api, request).await {
        Ok(response) => response,
        Err(status) => refusal(&status),
    }
}

async fn answer(api: &Api, request: Request) -> Result<Response, Status> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    if path == "/healthz" && parts.method == Method::GET {
        return Ok(respond(StatusCode::OK, None, &json!({"status": "SERVING"})));
    }
    let sent = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    api.guard.admit(sent)?;
    let Some((call, fields)) = Call::of(&parts.method, path) else {
        return Err(status_of(ErrorCode::UndefinedEndpoint, "Not Found"));
    };
    let body = to_bytes(body, api.message_bytes_max).await.map_err(|_| {
        let limit = api.message_bytes_max;
        status_of(ErrorCode::ExceededEntityLimit, format!("the request has more than {limit} bytes"))
    })?;
    let json = message(&body, parts.uri.query(), fields)?;
    dispatch(api, call, json).await
}

/// Body, query and path as one message; the path wins.
fn message(body: &Bytes, query: Option<&str>, path: Map<String, Value>) -> Result<Value, Status> {
    let mut fields = Map::new();
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        fields.insert(decoded(name), decoded(&value.replace('+', " ")).into());
    }
    if !body.is_empty() {
        let refused = |error| status_of(ErrorCode::ValidationError, format!("invalid body: {error}"));
        match serde_json::from_slice(body).map_err(refused)? {
            Value::Object(given) => fields.extend(given),
            _ => return Err(status_of(ErrorCode::ValidationError, "invalid body: it is no object")),
        }
    }
    fields.extend(path);
    Ok(Value::Object(fields))
}

/// Reads the request of a method, calls it, and writes its response.
macro_rules! unary {
    ($api:expr, $call:expr, $json:expr, $method:ident, $request:ident, $response:literal) => {{
        let message: wire::$request = read(stringify!($request), $json)?;
        let answer = $api.service.$method(tonic::Request::new(message)).await?;
        let model = answer.metadata().get(MODEL_HEADER).and_then(|value| value.to_str().ok());
        let model = model.map(str::to_owned);
        let broken = |error| status_of(ErrorCode::InternalError, format!("{error}"));
        let body = to_json($response, answer.get_ref()).map_err(broken)?;
        Ok(respond($call.status(), model.as_deref(), &body))
    }};
}

async fn dispatch(api: &Api, call: Call, json: Value) -> Result<Response, Status> {
    match call {
        Call::CreateStore => unary!(api, call, json, create_store, CreateStoreRequest, "CreateStoreResponse"),
        Call::ListStores => unary!(api, call, json, list_stores, ListStoresRequest, "ListStoresResponse"),
        Call::GetStore => unary!(api, call, json, get_store, GetStoreRequest, "GetStoreResponse"),
        Call::UpdateStore => unary!(api, call, json, update_store, UpdateStoreRequest, "UpdateStoreResponse"),
        Call::DeleteStore => unary!(api, call, json, delete_store, DeleteStoreRequest, "DeleteStoreResponse"),
        Call::WriteModel => unary!(
            api,
            call,
            json,
            write_authorization_model,
            WriteAuthorizationModelRequest,
            "WriteAuthorizationModelResponse"
        ),
        Call::ListModels => unary!(
            api,
            call,
            json,
            read_authorization_models,
            ReadAuthorizationModelsRequest,
            "ReadAuthorizationModelsResponse"
        ),
        Call::ReadModel => unary!(
            api,
            call,
            json,
            read_authorization_model,
            ReadAuthorizationModelRequest,
            "ReadAuthorizationModelResponse"
        ),
        Call::Write => unary!(api, call, json, write, WriteRequest, "WriteResponse"),
        Call::Read => unary!(api, call, json, read, ReadRequest, "ReadResponse"),
        Call::ReadChanges => unary!(api, call, json, read_changes, ReadChangesRequest, "ReadChangesResponse"),
        Call::Check => unary!(api, call, json, check, CheckRequest, "CheckResponse"),
        Call::BatchCheck => unary!(api, call, json, batch_check, BatchCheckRequest, "BatchCheckResponse"),
        Call::Expand => unary!(api, call, json, expand, ExpandRequest, "ExpandResponse"),
        Call::ListObjects => unary!(api, call, json, list_objects, ListObjectsRequest, "ListObjectsResponse"),
        Call::StreamedListObjects => streamed(api, json).await,
        Call::ListUsers => unary!(api, call, json, list_users, ListUsersRequest, "ListUsersResponse"),
        Call::WriteAssertions => {
            unary!(api, call, json, write_assertions, WriteAssertionsRequest, "WriteAssertionsResponse")
        }
        Call::ReadAssertions => {
            unary!(api, call, json, read_assertions, ReadAssertionsRequest, "ReadAssertionsResponse")
        }
    }
}

fn read<M: prost::Message + Default>(name: &str, json: Value) -> Result<M, Status> {
    from_json(name, json)
        .map_err(|error| status_of(ErrorCode::ValidationError, format!("invalid body: {error}")))
}

/// A line for each object; a failure is a line too.
async fn streamed(api: &Api, json: Value) -> Result<Response, Status> {
    let message: wire::StreamedListObjectsRequest = read("StreamedListObjectsRequest", json)?;
    let answer = api.service.streamed_list_objects(tonic::Request::new(message)).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(status) => {
            let (code, _) = described(&status);
            return Ok(respond(code, None, &in_stream(&status)));
        }
    };
    let model = answer.metadata().get(MODEL_HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let lines = answer.into_inner().map(|item| {
        let line = match item {
            Ok(found) => json!({"result": {"object": found.object}}),
            Err(status) => in_stream(&status),
        };
        Ok::<_, std::convert::Infallible>(Bytes::from(format!("{line}\n")))
    });
    let mut response = Response::new(Body::from_stream(lines.chain(stream::empty())));
    headers(&mut response, model.as_deref());
    Ok(response)
}

/// A failure as a line of a stream: the code is a number there.
fn in_stream(status: &Status) -> Value {
    json!({"error": {"code": code_of(status).number(), "message": status.message(), "details": []}})
}

fn respond(status: StatusCode, model: Option<&str>, body: &Value) -> Response {
    let mut response = Response::new(Body::from(match status {
        StatusCode::NO_CONTENT => String::new(),
        _ => body.to_string(),
    }));
    *response.status_mut() = status;
    headers(&mut response, model);
    response
}

fn headers(response: &mut Response, model: Option<&str>) {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(model) = model.and_then(|model| HeaderValue::from_str(model).ok()) {
        headers.insert(MODEL_HEADER, model);
    }
}

fn refusal(status: &Status) -> Response {
    let (code, body) = described(status);
    respond(code, None, &body)
}

/// HTTP status and body of a refused call.
fn described(status: &Status) -> (StatusCode, Value) {
    let code = match code_of(status) {
        // Codes of gRPC itself.
        ErrorCode::Other(3 | 11) => ErrorCode::ValidationError,
        ErrorCode::Other(4) => ErrorCode::DeadlineExceeded,
        ErrorCode::Other(12) => ErrorCode::Unimplemented,
        ErrorCode::Other(14) => ErrorCode::Unavailable,
        ErrorCode::Other(16) => ErrorCode::Unauthenticated,
        ErrorCode::Other(_) => ErrorCode::InternalError,
        code => code,
    };
    let number = StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (number, json!({"code": code.name(), "message": status.message()}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fga_06_paths_and_methods_find_their_call() {
        let find = |method: Method, path: &str| Call::of(&method, path).map(|(call, _)| call);
        assert_eq!(find(Method::POST, "/stores"), Some(Call::CreateStore));
        assert_eq!(find(Method::GET, "/stores/s"), Some(Call::GetStore));
        assert_eq!(find(Method::PUT, "/stores/s/assertions/m"), Some(Call::WriteAssertions));
        assert_eq!(find(Method::POST, "/stores/s/list-objects"), Some(Call::ListObjects));
        assert_eq!(find(Method::GET, "/stores/s/check"), None);
        assert_eq!(find(Method::GET, "/stores/s/authorization-models/m/x"), None);
        assert_eq!(find(Method::GET, "/playground"), None);
        let (_, fields) = Call::of(&Method::GET, "/stores/s%20t/authorization-models/m")
            .unwrap_or_else(|| panic!("a path of the API"));
        assert_eq!(Value::Object(fields), json!({"store_id": "s t", "id": "m"}));
    }

    #[test]
    fn fga_06_path_wins_over_body_and_body_over_query() -> Result<(), Status> {
        let path = Map::from_iter([("store_id".to_owned(), json!("s"))]);
        let body = Bytes::from_static(br#"{"store_id": "other", "name": "body"}"#);
        let read = message(&body, Some("name=query&page_size=3&continuation_token=a%3D%3D"), path)?;
        let wanted = json!({"store_id": "s", "name": "body", "page_size": "3", "continuation_token": "a=="});
        assert_eq!(read, wanted);
        assert!(message(&Bytes::from_static(b"[]"), None, Map::new()).is_err());
        Ok(())
    }
}
