//! The endpoint: `POST /authz`, a review in, a review out.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};
use tokio::time::Instant;

use crate::{Answer, Authorizer, Review, ReviewFault, wire::BODY_MAX};

struct Endpoint {
    authorizer: Arc<Authorizer>,
    cluster_keys: Vec<String>,
}

/// The service. `cluster_keys` are the extra fields of a review that may name the logical cluster.
pub fn service(authorizer: Arc<Authorizer>, cluster_keys: Vec<String>) -> Router {
    let endpoint = Arc::new(Endpoint { authorizer, cluster_keys });
    Router::new().route("/authz", any(authz)).with_state(endpoint)
}

async fn authz(State(endpoint): State<Arc<Endpoint>>, headers: HeaderMap, body: Body) -> Response {
    let (start, metrics) = (Instant::now(), endpoint.authorizer.metrics.clone());
    metrics.begin();
    let response = judge(&endpoint, &headers, body).await;
    metrics.served(response.status().as_u16(), start.elapsed());
    response
}

async fn judge(endpoint: &Endpoint, headers: &HeaderMap, body: Body) -> Response {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let keys: Vec<&str> = endpoint.cluster_keys.iter().map(String::as_str).collect();
    let parsed = match to_bytes(body, BODY_MAX).await {
        Ok(bytes) => Review::parse(content_type, &bytes, &keys),
        Err(_) => Err(ReviewFault::TooLarge),
    };
    let review = match parsed {
        Ok(review) => review,
        Err(fault) => return Json(fault.answer()).into_response(),
    };
    let judgement = endpoint.authorizer.judge(&review.request).await;
    match judgement.answer {
        // A body would take precedence over the header in the API server's client.
        Answer::Retry(after) => {
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, after.as_secs().to_string())])
                .into_response()
        }
        _ => Json(review.answer(&judgement)).into_response(),
    }
}
