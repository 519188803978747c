//! OpenFGA's gRPC API over an engine: the same messages, the same error numbers.

mod convert; // messages to questions, answers to messages
mod grpc; // the service

use std::sync::Arc;

use fga_proto::{RawStatusLayer, Side, status_of, wire::open_fga_service_server::OpenFgaServiceServer};
use runtime::Stop;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Status, service::interceptor::InterceptedService};

use crate::Engine;
use fga_model::ErrorCode;
use grpc::GrpcService;

/// Largest message that is read, in bytes: room for the largest model.
const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How the API is served.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// Bearer token that callers must send; `None` lets everybody in.
    pub token: Option<String>,
}

/// A server that ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The listener or a connection failed for good.
    #[error("the gRPC server ended: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves the API and a health service on a listener until `stop`, without TLS.
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
    let service =
        OpenFgaServiceServer::new(GrpcService::new(engine)).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let token = options.token.map(Arc::<str>::from);
    let guarded = InterceptedService::new(service, move |request| authenticate(token.as_deref(), request));
    tonic::transport::Server::builder()
        .layer(RawStatusLayer(Side::Server))
        .add_service(health)
        .add_service(guarded)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop.wait())
        .await?;
    Ok(())
}

fn authenticate(token: Option<&str>, request: Request<()>) -> Result<Request<()>, Status> {
    let Some(token) = token else { return Ok(request) };
    let sent = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
    match sent.and_then(|value| value.strip_prefix("Bearer ")) {
        None => Err(status_of(ErrorCode::BearerTokenMissing, "missing bearer token")),
        Some(sent) if same(sent, token) => Ok(request),
        Some(_) => Err(status_of(ErrorCode::Unauthenticated, "unauthenticated")),
    }
}

/// Compares in a time that depends on the lengths only.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
