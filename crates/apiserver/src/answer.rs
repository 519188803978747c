//! Answers over HTTP.

use serde_json::Value;

use crate::body::{Body, full};
use crate::error::ApiError;
use crate::server::{ApiServer, RequestCx};

pub(crate) async fn respond(
    _server: &ApiServer,
    _cx: RequestCx,
    _request: http::Request<Body>,
) -> http::Response<Body> {
    error(&ApiError::no_such_resource())
}

/// A `Status` answer.
pub fn error(error: &ApiError) -> http::Response<Body> {
    json(error.code, &error.to_status())
}

/// A JSON answer.
pub fn json(code: u16, value: &Value) -> http::Response<Body> {
    let mut response = http::Response::new(full(serde_json::to_vec(value).unwrap_or_default()));
    *response.status_mut() =
        http::StatusCode::from_u16(code).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
