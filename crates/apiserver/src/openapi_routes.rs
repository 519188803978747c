//! OpenAPI documents by URL.

use http::HeaderMap;

use crate::body::Body;
use crate::catalog::Catalog;
use crate::error::ApiError;

/// Answers below `/openapi`.
pub(crate) fn document(
    _catalog: &Catalog,
    _rest: &[&str],
    _headers: &HeaderMap,
) -> Result<http::Response<Body>, ApiError> {
    Err(ApiError::no_such_resource())
}
