//! OpenAPI documents by URL.

use http::{HeaderMap, HeaderValue, header};

use crate::answer;
use crate::body::{self, Body};
use crate::catalog::Catalog;
use crate::error::ApiError;
use crate::openapi;

/// Answers below `/openapi`. Every Accept header is answered with plain JSON.
pub(crate) fn document(
    catalog: &Catalog,
    rest: &[&str],
    headers: &HeaderMap,
) -> Result<http::Response<Body>, ApiError> {
    let found = match rest {
        ["v3"] => return Ok(answer::json(200, &openapi::index(catalog))),
        ["v3", "api", version] => openapi::document(catalog, "", version),
        ["v3", "apis", group, version] => openapi::document(catalog, group, version),
        _ => None,
    };
    let found = found.ok_or_else(ApiError::no_such_resource)?;
    let tag = format!("\"{}\"", found.hash);
    let same = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = http::Response::new(if same { body::empty() } else { body::full(found.json) });
    *response.status_mut() = if same { http::StatusCode::NOT_MODIFIED } else { http::StatusCode::OK };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}
