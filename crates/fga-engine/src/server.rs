//! OpenFGA's API over an engine, on gRPC and on HTTP: the same messages, the same error codes.

mod convert; // messages to questions, answers to messages
mod grpc; // the service
mod http; // the same service in JSON
mod rules; // what fields may hold

use std::sync::Arc;

use axum::serve::ListenerExt;
use fga_model::ErrorCode;
use fga_proto::{
    FILE_DESCRIPTORS, RawStatusLayer, Side, status_of, wire::open_fga_service_server::OpenFgaServiceServer,
};
use runtime::Stop;
use tokio::net::TcpListener;
use tonic::{Request, Status, service::interceptor::InterceptedService, transport::server::TcpIncoming};

use crate::Engine;
use grpc::GrpcService;

/// Largest message that is read, in bytes: room for the largest model.
const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Largest message that an OpenFGA server with default settings reads.
const MESSAGE_BYTES_STRICT: usize = 616_448;

/// How the API is served.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Bearer token that callers must send; `None` lets everybody in.
    pub token: Option<String>,
    /// Largest message that is read, in bytes.
    pub message_bytes_max: usize,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self { token: None, message_bytes_max: MESSAGE_BYTES_MAX }
    }
}

impl ServerOptions {
    /// The options of an OpenFGA server with default settings.
    pub fn strict() -> Self {
        Self { message_bytes_max: MESSAGE_BYTES_STRICT, ..Self::default() }
    }
}

/// A server that ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The listener or a connection of the gRPC API failed for good.
    #[error("the gRPC server ended: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The listener of the HTTP API failed for good.
    #[error("the HTTP server ended: {0}")]
    Http(#[source] std::io::Error),
    /// The description of the protocol cannot be read.
    #[error("reflection cannot be served: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// Serves the gRPC API, a health service and reflection on a listener until `stop`, without TLS.
///
/// # Cancellation
/// Dropping the future closes all connections; acknowledged writes stand.
pub async fn serve(
    engine: Arc<Engine>,
    listener: TcpListener,
    options: ServerOptions,
    stop: Stop,
) -> Result<(), ServerError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<OpenFgaServiceServer<GrpcService>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let service = OpenFgaServiceServer::new(GrpcService::new(engine))
        .max_decoding_message_size(options.message_bytes_max);
    let guard = Guard::new(&options);
    let guarded = InterceptedService::new(service, move |request: Request<()>| {
        let sent = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
        guard.admit(sent)?;
        Ok(request)
    });
    // An answer is some small frames: none of them waits for the one before to be confirmed.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    tonic::transport::Server::builder()
        .layer(RawStatusLayer(Side::Server))
        .add_service(health)
        .add_service(reflection)
        .add_service(guarded)
        .serve_with_incoming_shutdown(incoming, stop.wait())
        .await?;
    Ok(())
}

/// Serves the HTTP API and `/healthz` on a listener until `stop`, without TLS.
///
/// # Cancellation
/// Dropping the future closes all connections; acknowledged writes stand.
pub async fn serve_http(
    engine: Arc<Engine>,
    listener: TcpListener,
    options: ServerOptions,
    stop: Stop,
) -> Result<(), ServerError> {
    let guard = Guard::new(&options);
    let api =
        http::Api { service: GrpcService::new(engine), guard, message_bytes_max: options.message_bytes_max };
    let listener = listener.tap_io(|connection| {
        // A connection that refuses the option serves all the same.
        let _ = connection.set_nodelay(true);
    });
    axum::serve(listener, http::router(api))
        .with_graceful_shutdown(stop.wait())
        .await
        .map_err(ServerError::Http)
}

/// Who may call: everybody, or whoever sends the token.
#[derive(Clone)]
struct Guard(Option<Arc<str>>);

impl Guard {
    fn new(options: &ServerOptions) -> Self {
        Self(options.token.as_deref().map(Arc::from))
    }

    /// Lets a call in by its `Authorization` header.
    fn admit(&self, sent: Option<&str>) -> Result<(), Status> {
        let Some(token) = &self.0 else { return Ok(()) };
        match sent.and_then(|value| value.strip_prefix("Bearer ")) {
            None => Err(status_of(ErrorCode::BearerTokenMissing, "missing bearer token")),
            Some(sent) if same(sent, token) => Ok(()),
            Some(_) => Err(status_of(ErrorCode::Unauthenticated, "unauthenticated")),
        }
    }
}

/// Compares in a time that depends on the lengths only.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
