//! Virtual workspaces: `/services/<name>/…`, each with its own resources and its own rules of access.

mod api_export; // a provider's view of its consumers
mod export_apis; // which resources that view has
mod lifecycle; // initializing and terminating workspaces
mod lifecycle_apis; // logical clusters as their initializers and terminators see them

use std::sync::Arc;

use apiserver::{ApiError, Partition, Scope, UserInfo, answer, body::Body};

use crate::{
    authorization::{Action, AuthorizationAttributes, forbidden_because},
    core::Core,
    urls,
};

/// A request to a virtual workspace: authenticated, impersonation done, not yet authorized.
pub struct VirtualCall {
    /// Name behind `/services/`.
    pub name: String,
    /// The rest of the path, beginning with `/`.
    pub rest: String,
    /// The caller.
    pub user: UserInfo,
    /// The request's audit id, under which verdicts are recorded.
    pub audit_id: String,
    /// The request; its URI is the whole one.
    pub request: http::Request<Body>,
}

/// Answers a request to a virtual workspace.
pub async fn handle(core: &Arc<Core>, call: VirtualCall) -> http::Response<Body> {
    let outcome = match call.name.as_str() {
        "apiexport" => api_export::handle(core, call).await,
        "initializingworkspaces" => lifecycle::handle(core, call, lifecycle::Stage::Initializing).await,
        "terminatingworkspaces" => lifecycle::handle(core, call, lifecycle::Stage::Terminating).await,
        _ => Err(unresolved(&call)),
    };
    outcome.unwrap_or_else(|error| answer::error(&error))
}

/// A URL below a virtual workspace: leading segments, then `clusters/<name or *>`, then the Kubernetes path.
struct Inside {
    heads: Vec<String>,
    scope: Scope,
    rest: String,
}

/// What everybody gets who asks for a virtual workspace that there is not: nobody may, as nothing grants it.
fn unresolved(call: &VirtualCall) -> ApiError {
    let path = call.request.uri().path().to_owned();
    let verb = call.request.method().as_str().to_ascii_lowercase();
    let attributes = AuthorizationAttributes {
        user: call.user.clone(),
        cluster: None,
        action: Action::Path { verb, path },
        deep: false,
    };
    forbidden_because(&attributes, "Path not resolved to a valid virtual workspace")
}

/// Takes `heads` segments, the cluster and the rest off a path.
///
/// # Errors
/// 403 for another shape, and for a path where a cluster name must stand: these endpoints know names only.
fn inside(call: &VirtualCall, heads: usize) -> Result<Inside, ApiError> {
    let lost = || unresolved(call);
    let mut rest = call.rest.clone();
    let mut segments = Vec::new();
    for _ in 0..heads + 2 {
        let (segment, tail) = urls::split_segment(rest.strip_prefix('/').unwrap_or(&rest));
        let decoded = urls::decode(segment).map_err(|error| ApiError::bad_request(error.to_string()))?;
        if decoded.is_empty() {
            return Err(lost());
        }
        segments.push(decoded);
        rest = tail;
    }
    let (Some(cluster), Some(word)) = (segments.pop(), segments.pop()) else { return Err(lost()) };
    if word != "clusters" {
        return Err(lost());
    }
    let scope = match cluster.as_str() {
        "*" => Scope::All,
        name if name.contains(':') => {
            let text = format!("`{name}` is no cluster name: virtual workspaces take names, not paths");
            return Err(ApiError::new(403, "Forbidden", text));
        }
        name => Scope::One(Partition::from(name)),
    };
    let rest = if rest.is_empty() { "/".to_owned() } else { rest };
    Ok(Inside { heads: segments, scope, rest })
}
