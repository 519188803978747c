//! HTTPS and HTTP listeners over a tower service.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tower::{BoxError, Service, ServiceExt as _};

use crate::{PeerAddress, PeerCertificate, ServerTls, Stop};

/// Why a listener ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listening socket failed for good.
    #[error("listener failed: {0}")]
    Accept(std::io::Error),
}

/// Bounds of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeOptions {
    /// A TLS handshake that takes longer is dropped.
    pub handshake: Duration,
    /// A client that takes longer to send its request headers is dropped (HTTP/1).
    pub headers: Duration,
    /// Open connections; further ones wait in the kernel's queue.
    pub connections: usize,
    /// Concurrent requests of one HTTP/2 connection. Watches count.
    pub streams: u32,
    /// After stop, open requests have this long to end.
    pub drain: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        ServeOptions {
            handshake: Duration::from_secs(10),
            headers: Duration::from_secs(30),
            connections: 10_000,
            streams: 4096,
            drain: Duration::from_secs(2),
        }
    }
}

/// Serves HTTPS until `stop`, then drains. Requests carry [`PeerAddress`] and, where the client presented one, [`PeerCertificate`].
///
/// # Errors
/// Only when the listening socket fails for good; faults of a connection end that connection.
///
/// # Cancellation
/// Dropping the future drops all connections.
pub async fn serve_https<S, B>(
    listener: TcpListener,
    tls: ServerTls,
    service: S,
    options: ServeOptions,
    stop: Stop,
) -> Result<(), ServeError>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    serve(listener, Some(tls), service, options, stop).await
}

/// Serves plain HTTP until `stop`, then drains; otherwise as [`serve_https`].
pub async fn serve_http<S, B>(
    listener: TcpListener,
    service: S,
    options: ServeOptions,
    stop: Stop,
) -> Result<(), ServeError>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    serve(listener, None, service, options, stop).await
}

async fn serve<S, B>(
    listener: TcpListener,
    tls: Option<ServerTls>,
    service: S,
    options: ServeOptions,
    stop: Stop,
) -> Result<(), ServeError>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let places = Arc::new(Semaphore::new(options.connections));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let served = loop {
        while connections.try_join_next().is_some() {}
        let accepted = stop.or(async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        });
        let (place, accepted) = match accepted.await {
            None => break Ok(()),
            Some(next) => next,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(error) if is_out_of_files(&error) => {
                tracing::warn!(%error, "no file descriptor left, waiting");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            Err(error) => break Err(ServeError::Accept(error)),
        };
        // Small answers must not wait for more data; a failure only costs latency.
        let _ = stream.set_nodelay(true);
        let (tls, service, watcher) = (tls.clone(), service.clone(), graceful.watcher());
        connections.spawn(async move {
            let _place = place;
            let address = PeerAddress(address);
            match tls {
                None => connection(stream, address, None, service, options, watcher).await,
                Some(tls) => match handshake(stream, &tls, options.handshake).await {
                    Ok((stream, peer)) => connection(stream, address, peer, service, options, watcher).await,
                    Err(error) => tracing::debug!(peer = %address.0, %error, "TLS handshake failed"),
                },
            }
        });
    };
    drop(listener);
    if tokio::time::timeout(options.drain, graceful.shutdown()).await.is_err() {
        tracing::debug!(open = connections.len(), "closing connections that did not drain");
    }
    connections.shutdown().await;
    served
}

type TlsStream = tokio_rustls::server::TlsStream<TcpStream>;

async fn handshake(
    stream: TcpStream,
    tls: &ServerTls,
    limit: Duration,
) -> std::io::Result<(TlsStream, Option<PeerCertificate>)> {
    let stream = tokio::time::timeout(limit, TlsAcceptor::from(tls.current()).accept(stream)).await??;
    let (_, session) = stream.get_ref();
    let peer =
        session.peer_certificates().and_then(|chain| chain.first()).and_then(PeerCertificate::from_der);
    Ok((stream, peer))
}

async fn connection<I, S, B>(
    io: I,
    address: PeerAddress,
    peer: Option<PeerCertificate>,
    service: S,
    options: ServeOptions,
    watcher: hyper_util::server::graceful::Watcher,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let handler = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(address);
        if let Some(peer) = &peer {
            request.extensions_mut().insert(peer.clone());
        }
        service.clone().oneshot(request)
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(options.headers);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(30))
        .max_concurrent_streams(options.streams)
        .max_header_list_size(64 * 1024);
    let served =
        watcher.watch(builder.serve_connection_with_upgrades(TokioIo::new(io), handler).into_owned());
    if let Err(error) = served.await {
        tracing::trace!(peer = %address.0, error, "connection ended with an error");
    }
}

fn is_of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

fn is_out_of_files(error: &std::io::Error) -> bool {
    // ENFILE and EMFILE on Linux and macOS.
    matches!(error.raw_os_error(), Some(23 | 24))
}
