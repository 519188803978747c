//! Clients of the control plane in this process: no socket, each with an identity of its own.

use apiserver::UserInfo;
use http::{HeaderValue, Request, header::AUTHORIZATION};
use kcp_embedded::RunningServer;
use kube::{Client, client::Body};
use multicluster::prefix_client;
use serde_json::{Value, json};
use tower::ServiceBuilder;

use crate::MeshError;

/// How long tokens of the parts live, in seconds. The mesh keeps everything in memory, so no token outlives it for long.
const TOKEN_SECONDS: u64 = 365 * 24 * 3600;

/// A client at the server's root that sends this bearer token.
pub(crate) fn with_token(server: &RunningServer, token: &str) -> Result<Client, MeshError> {
    let value = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| MeshError::Internal("a token has characters that no header may have".to_owned()))?;
    let service = ServiceBuilder::new()
        .map_request(move |mut request: Request<Body>| {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
            request
        })
        .service(server.service());
    Ok(Client::new(service, "default"))
}

/// The bootstrapper: the only one who is allowed everything, and only until the mesh is ready.
pub(crate) fn bootstrapper(server: &RunningServer) -> Client {
    let user = UserInfo {
        name: "platform-mesh-bootstrapper".to_owned(),
        groups: vec!["system:kcp:admin".to_owned(), "system:authenticated".to_owned()],
        ..UserInfo::default()
    };
    Client::new(server.service_as(user), "default")
}

/// A token of a service account.
pub(crate) async fn service_account_token(
    root: &Client,
    workspace: &str,
    namespace: &str,
    account: &str,
) -> Result<String, MeshError> {
    let client = prefix_client(root, &format!("/clusters/{workspace}"));
    let body = json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": TOKEN_SECONDS},
    });
    let uri = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
    let request = Request::post(uri)
        .header("content-type", "application/json")
        .body(body.to_string().into_bytes())
        .map_err(|error| MeshError::Internal(error.to_string()))?;
    let answer: Value = client.request(request).await.map_err(|error| {
        MeshError::call(format!("token of service account `{account}` in `{workspace}`"), error)
    })?;
    match answer["status"]["token"].as_str() {
        Some(token) => Ok(token.to_owned()),
        None => Err(MeshError::Internal(format!("no token was issued for service account `{account}`"))),
    }
}
