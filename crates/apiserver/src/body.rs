//! Bodies: the boxed type of requests and answers, and bounded reading.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};

use crate::error::ApiError;

/// The error of a broken transfer.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BodyError(Box<dyn std::error::Error + Send + Sync>);

/// The body of requests and answers.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// Kubernetes takes bodies up to 3 MiB.
pub const BODY_BYTES_MAX: usize = 3 * 1024 * 1024;

/// A body that is there already.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body without bytes.
pub fn empty() -> Body {
    full(Bytes::new())
}

/// Boxes any body.
pub fn boxed<B>(body: B) -> Body
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    body.map_err(|e| BodyError(e.into())).boxed_unsync()
}

/// Reads a body whole.
///
/// # Errors
/// 413 above [`BODY_BYTES_MAX`]; 400 for a broken transfer.
pub async fn read(body: Body) -> Result<Bytes, ApiError> {
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
            Err(ApiError::too_large(BODY_BYTES_MAX))
        }
        Err(error) => Err(ApiError::bad_request(format!("the request body could not be read: {error}"))),
    }
}
