//! The one HTTPS address of a mesh: the issuer below its path, the control plane everywhere else.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    task::{Context, Poll},
};

use axum::{Router, body::Body};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use identity_provider::KEYCLOAK_PATH;
use kcp_embedded::KcpService;
use runtime::{Authority, Clock, Identity, ServerNames, ServerTls};
use tokio::net::TcpListener;
use tower::{Service, ServiceExt as _};

use crate::MeshError;

/// An open socket with its certificate and the URL it is reached by.
pub(crate) struct Address {
    pub(crate) listener: TcpListener,
    pub(crate) tls: ServerTls,
    /// Host and port, as in the URL.
    pub(crate) domain: String,
    /// Issues the certificates of all parts.
    pub(crate) authority: Authority,
}

impl Address {
    /// Takes the port, and makes a certificate for loopback and `hostname`.
    pub(crate) async fn open(
        bind: IpAddr,
        port: u16,
        hostname: Option<&str>,
        clock: &Clock,
    ) -> Result<Self, MeshError> {
        let listener = listen(SocketAddr::new(bind, port)).await?;
        let port = local_port(&listener)?;
        let host = hostname.map_or_else(
            || match bind {
                ip if ip.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
                ip => ip.to_string(),
            },
            str::to_owned,
        );
        let authority = Authority::new("platform-mesh", clock)?;
        let bound = bind.to_string();
        let tls = ServerTls::new(&issue(&authority, "platform-mesh", [host.as_str(), &bound])?, None)?;
        Ok(Self { listener, tls, domain: format!("{host}:{port}"), authority })
    }
}

/// A certificate for loopback and these hosts.
pub(crate) fn issue<'a>(
    authority: &Authority,
    name: &str,
    hosts: impl IntoIterator<Item = &'a str>,
) -> Result<Identity, MeshError> {
    Ok(authority.issue_server(name, &ServerNames::local_and(hosts))?)
}

/// An open socket.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, MeshError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| MeshError::Listen { address: address.to_string(), why: error.to_string() })
}

/// A free port on loopback.
pub(crate) async fn listen_anywhere() -> Result<TcpListener, MeshError> {
    listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
}

pub(crate) fn local_port(listener: &TcpListener) -> Result<u16, MeshError> {
    listener
        .local_addr()
        .map(|address| address.port())
        .map_err(|error| MeshError::Listen { address: "a free port".to_owned(), why: error.to_string() })
}

/// Issuer or control plane, by path.
#[derive(Clone)]
pub(crate) struct Front {
    pub(crate) issuer: Router,
    pub(crate) kcp: KcpService,
}

impl<B> Service<Request<B>> for Front
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<tower::BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let below = request.uri().path().strip_prefix(KEYCLOAK_PATH);
        if below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            let issuer = self.issuer.clone();
            return Box::pin(issuer.oneshot(request.map(Body::new)));
        }
        let mut kcp = self.kcp.clone();
        Box::pin(async move { kcp.call(request).await.map(|response| response.map(Body::new)) })
    }
}
