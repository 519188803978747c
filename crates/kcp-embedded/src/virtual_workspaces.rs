//! Virtual workspaces: `/services/<name>/…`, each with its own rules of access.

use std::sync::Arc;

use apiserver::{ApiError, UserInfo, answer, body::Body};

use crate::core::Core;

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
pub async fn handle(_core: &Arc<Core>, call: VirtualCall) -> http::Response<Body> {
    answer::error(&ApiError::new(404, "NotFound", format!("virtual workspace `{}` is not served", call.name)))
}
