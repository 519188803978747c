//! Service account tokens: the `token` subresource, signed by the host.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::error::{ApiError, Cause};
use crate::names::{GroupResource, GroupVersionKind};
use crate::object;
use crate::partition::Partition;
use crate::resource::StoragePrefix;
use crate::store::ObjectKey;
use crate::subresource::{SubresourceHandler, SubresourceRequest};

const DEFAULT_SECONDS: i64 = 3600;
const LEAST_SECONDS: i64 = 600;

/// What a token is to say.
#[derive(Clone, Debug)]
pub struct TokenClaims {
    /// Partition of the service account.
    pub partition: Partition,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Audiences; empty: those of the server.
    pub audiences: Vec<String>,
    /// Lifetime in seconds; `None`: without end (tokens in secrets).
    pub seconds: Option<i64>,
    /// The secret a legacy token lives in: name and uid.
    pub secret: Option<(String, String)>,
}

/// A signed token.
#[derive(Clone, Debug)]
pub struct SignedToken {
    /// The token.
    pub token: String,
    /// When it ends; far away for tokens without end.
    pub expires: Timestamp,
    /// The audiences it has.
    pub audiences: Vec<String>,
}

/// Signs tokens of service accounts.
#[async_trait]
pub trait TokenIssuer: Send + Sync {
    /// Signs a token.
    ///
    /// # Errors
    /// Where the host cannot sign now.
    async fn issue(&self, claims: &TokenClaims) -> Result<SignedToken, ApiError>;
}

/// The `token` subresource of service accounts.
pub(crate) struct TokenRoute(pub(crate) Arc<dyn TokenIssuer>);

#[async_trait]
impl SubresourceHandler for TokenRoute {
    async fn handle(&self, request: SubresourceRequest<'_>) -> Result<Value, ApiError> {
        let partition = request.cx.partition()?.clone();
        let key = ObjectKey::new(partition.clone(), request.namespace, request.name);
        let account = request
            .server
            .store()
            .get(&StoragePrefix::new("", "serviceaccounts"), &key)
            .ok_or_else(|| ApiError::not_found(&GroupResource::new("", "serviceaccounts"), request.name))?
            .value();
        let spec = request.body.get("spec").cloned().unwrap_or(Value::Null);
        let seconds = seconds(&spec)?;
        let audiences: Vec<String> = spec
            .get("audiences")
            .and_then(Value::as_array)
            .map(|list| list.iter().filter_map(|a| a.as_str().map(str::to_owned)).collect())
            .unwrap_or_default();
        let claims = TokenClaims {
            partition,
            namespace: request.namespace.to_owned(),
            name: request.name.to_owned(),
            uid: object::uid(&account).to_owned(),
            audiences,
            seconds: Some(seconds),
            secret: None,
        };
        let signed = self.0.issue(&claims).await?;
        let mut spec = spec;
        if !spec.is_object() {
            spec = json!({});
        }
        spec["audiences"] = signed.audiences.into();
        spec["expirationSeconds"] = seconds.into();
        let now = request.server.parts().clock.now();
        Ok(json!({
            "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": request.name, "namespace": request.namespace, "creationTimestamp": object::time_text(now)},
            "spec": spec,
            "status": {"token": signed.token, "expirationTimestamp": object::time_text(signed.expires)},
        }))
    }
}

fn seconds(spec: &Value) -> Result<i64, ApiError> {
    let Some(seconds) = spec.get("expirationSeconds").and_then(Value::as_i64) else {
        return Ok(DEFAULT_SECONDS);
    };
    let why = if seconds < LEAST_SECONDS {
        "may not specify a duration less than 10 minutes"
    } else if seconds > 1 << 32 {
        "may not specify a duration larger than 2^32 seconds"
    } else {
        return Ok(seconds);
    };
    let cause = Cause::invalid("spec.expirationSeconds", &seconds.into(), why);
    Err(ApiError::invalid(
        &GroupVersionKind::new("authentication.k8s.io", "v1", "TokenRequest"),
        "",
        vec![cause],
    ))
}
