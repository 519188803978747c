//! OpenFGA's error numbers on gRPC.
//!
//! OpenFGA puts numbers such as 2017 into `grpc-status` itself. The gRPC library knows 0 to 16 only: it cannot send
//! others, and reads them as "unknown". So the number travels in a header of its own between the library and this
//! layer, which stands on both sides of the wire: a server moves it into `grpc-status`, a client copies it out.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use fga_model::ErrorCode;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use tonic::{Code, Status, metadata::MetadataValue};
use tower::{Layer, Service};

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// Carries the number between library and layer; never on the wire.
static RAW: HeaderName = HeaderName::from_static("x-raw-grpc-status");

/// Which side of the wire a layer stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Numbers leave.
    Server,
    /// Numbers arrive.
    Client,
}

/// A gRPC status with one of OpenFGA's codes, for a service behind the server's layer.
pub fn status_of(code: ErrorCode, message: impl Into<String>) -> Status {
    let message = message.into();
    let known = match code {
        ErrorCode::Aborted => Code::Aborted,
        ErrorCode::Unimplemented => Code::Unimplemented,
        code if code.number() <= 16 => Code::from_i32(i32::try_from(code.number()).unwrap_or_default()),
        _ => Code::Unknown,
    };
    let mut status = Status::new(known, message);
    if code.number() > 16
        && let Ok(number) = MetadataValue::try_from(code.number().to_string())
    {
        status.metadata_mut().insert(RAW.as_str(), number);
    }
    status
}

/// OpenFGA's code of a status that came through the client's layer; the number of gRPC's own otherwise.
pub fn code_of(status: &Status) -> ErrorCode {
    let raw = status.metadata().get(RAW.as_str()).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    ErrorCode::from_number(raw.unwrap_or(u32::try_from(i32::from(status.code())).unwrap_or_default()))
}

fn rewrite(headers: &mut HeaderMap, side: Side) {
    match side {
        Side::Server => {
            if let Some(number) = headers.remove(&RAW) {
                headers.insert(GRPC_STATUS.clone(), number);
            }
        }
        Side::Client => {
            let number =
                headers.get(&GRPC_STATUS).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u32>().ok());
            headers.remove(&RAW);
            if let Some(number) = number.filter(|n| *n > 16) {
                headers.insert(RAW.clone(), HeaderValue::from(number));
            }
        }
    }
}

/// Wraps services with [`RawStatus`].
#[derive(Clone, Copy, Debug)]
pub struct RawStatusLayer(pub Side);

impl<S> Layer<S> for RawStatusLayer {
    type Service = RawStatus<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RawStatus { inner, side: self.0 }
    }
}

/// A service whose responses carry OpenFGA's numbers.
#[derive(Clone, Debug)]
pub struct RawStatus<S> {
    inner: S,
    side: Side,
}

impl<S> RawStatus<S> {
    /// Wraps one service.
    pub fn new(inner: S, side: Side) -> Self {
        Self { inner, side }
    }
}

impl<S, A, B> Service<Request<A>> for RawStatus<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    B: 'static,
{
    type Response = Response<RawStatusBody<B>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (response, side) = (self.inner.call(request), self.side);
        Box::pin(async move {
            let mut response = response.await?;
            rewrite(response.headers_mut(), side);
            Ok(response.map(|inner| RawStatusBody { inner: Box::pin(inner), side }))
        })
    }
}

/// A body whose trailers carry OpenFGA's numbers.
pub struct RawStatusBody<B> {
    inner: Pin<Box<B>>,
    side: Side,
}

impl<B: Default> Default for RawStatusBody<B> {
    fn default() -> Self {
        Self { inner: Box::pin(B::default()), side: Side::Client }
    }
}

impl<B: Body> Body for RawStatusBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let side = self.side;
        self.inner.as_mut().poll_frame(cx).map_ok(|mut frame| {
            if let Some(trailers) = frame.trailers_mut() {
                rewrite(trailers, side);
            }
            frame
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fga_01_number_of_openfga_crosses_the_wire_in_grpc_status() {
        let status = status_of(ErrorCode::WriteFailedDueToInvalidInput, "exists");
        let mut headers = status.metadata().clone().into_headers();
        headers.insert(GRPC_STATUS.clone(), HeaderValue::from_static("2"));
        rewrite(&mut headers, Side::Server);
        assert_eq!(headers.get("grpc-status").map(HeaderValue::as_bytes), Some(&b"2017"[..]));
        assert!(!headers.contains_key(&RAW));
        rewrite(&mut headers, Side::Client);
        let read = Status::from_header_map(&headers).unwrap_or_else(|| Status::ok(""));
        assert_eq!(code_of(&read), ErrorCode::WriteFailedDueToInvalidInput);
        assert_eq!(code_of(&Status::unavailable("gone")), ErrorCode::Other(14));
        assert_eq!(status_of(ErrorCode::Aborted, "").code(), Code::Aborted);
    }
}
