//! JSON answers and errors in Keycloak's shape.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// An answer that is not a success.
pub(super) struct Refusal {
    status: StatusCode,
    body: Value,
}

impl Refusal {
    /// An OAuth error: `error` is a code of RFC 6749 or RFC 7591.
    pub(super) fn oauth(status: StatusCode, error: &str, description: impl Into<String>) -> Self {
        Self { status, body: json!({"error": error, "error_description": description.into()}) }
    }

    pub(super) fn bad(error: &str, description: impl Into<String>) -> Self {
        Self::oauth(StatusCode::BAD_REQUEST, error, description)
    }

    pub(super) fn unauthorized(error: &str, description: impl Into<String>) -> Self {
        Self::oauth(StatusCode::UNAUTHORIZED, error, description)
    }

    /// An error of the admin API.
    pub(super) fn admin(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, body: json!({"errorMessage": message.into()}) }
    }

    pub(super) fn no_realm() -> Self {
        Self { status: StatusCode::NOT_FOUND, body: json!({"error": "Realm not found."}) }
    }

    pub(super) fn missing(what: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, body: json!({"error": format!("{what} not found")}) }
    }

    pub(super) fn internal(cause: String) -> Self {
        tracing::error!(error = %cause, "the development issuer failed");
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, body: json!({"error": "unknown_error"}) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

pub(super) async fn not_found() -> Refusal {
    Refusal {
        status: StatusCode::NOT_FOUND,
        body: json!({
            "error": "Unable to find matching target resource method",
            "error_description": "the development issuer does not answer this call",
        }),
    }
}
