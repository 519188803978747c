//! From URL to handler: the steps every request takes, in order.
//!
//! 1. health, for everybody; 2. URL to logical cluster; 3. who is calling; 4. as whom; 5. virtual workspaces branch off;
//! 6. may they; 7. the Kubernetes API machinery, in the cluster found.

use std::sync::Arc;

use apiserver::{
    ApiError, ApiSets, GroupResource, Partition, RequestCx, Scope, UserInfo, answer,
    body::{self, Body},
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use runtime::PeerCertificate;

use crate::{
    authentication::{Credentials, service_accounts},
    authorization::{Action, AuthorizationAttributes, forbidden},
    core::{Core, ROOT},
    health,
    identity::{GROUP_KCP_ADMIN, GROUP_MASTERS, in_group},
    impersonation::{Wanted, impersonate},
    request_info::action_of,
    urls::{Destination, Target},
    virtual_workspaces::{self, VirtualCall},
};

/// A caller that in-process code vouches for: a request extension, which no network client can set.
#[derive(Clone, Debug)]
pub struct TrustedCaller(pub UserInfo);

/// The kcp whose behaviour is served.
const KCP_VERSION: &str = "v0.32.0";
const AUDIT_ID: &str = "audit-id";
const DEEP_REVIEW: &str = "x-kcp-internal-deep-subjectaccessreview";

/// Where a request leads after its URL was read.
enum Place {
    /// No cluster: shard-level paths.
    Shard,
    /// Every cluster.
    Everywhere,
    /// One cluster.
    Cluster(Partition),
    /// A name or path that leads nowhere.
    Unknown(Target),
}

/// Answers a request.
///
/// # Cancellation
/// As [`apiserver::ApiServer::handle`].
pub async fn handle<B>(core: Arc<Core>, request: Request<B>) -> Response<Body>
where
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<tower::BoxError>,
{
    let mut request = request.map(body::boxed);
    let audit_id = audit_id(&core, request.headers());
    let mut response = match steps(&core, &audit_id, &mut request).await {
        Ok(response) => response,
        Err(error) => answer::error(&error),
    };
    if let Ok(value) = HeaderValue::from_str(&audit_id) {
        response.headers_mut().insert(AUDIT_ID, value);
    }
    response
}

async fn steps(
    core: &Arc<Core>,
    audit_id: &str,
    request: &mut Request<Body>,
) -> Result<Response<Body>, ApiError> {
    let path = request.uri().path().to_owned();
    if let Some(response) = health::answer(core, &path, request.uri().query()) {
        return Ok(response);
    }
    let bearer =
        Credentials::bearer(request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()));
    let destination = destination(&path, bearer.as_deref())?;
    core.feeds.catch_up();
    let (place, rest) = match &destination {
        Destination::Bare(rest) => (Place::Shard, rest.clone()),
        Destination::Cluster(target, rest) => (place(core, target), rest.clone()),
        Destination::Service(name, rest) => {
            return service(core, audit_id, request, bearer, name, rest).await;
        }
    };
    if let Some(response) = health::answer(core, &rest, request.uri().query()) {
        return Ok(response);
    }
    let cluster = match &place {
        Place::Cluster(cluster) => Some(cluster.clone()),
        _ => None,
    };
    let user = Presented::read(request, bearer)?.caller(core, cluster.as_ref()).await?;
    let action = action_of(request.method(), &rest, request.uri().query());
    let deep = in_group(&user, GROUP_MASTERS) && request.headers().contains_key(DEEP_REVIEW);
    let attributes = AuthorizationAttributes { user, cluster: cluster.clone(), action, deep };
    let place = match place {
        Place::Unknown(target) => emptied(&attributes, &target)?,
        place => place,
    };
    if let (Place::Shard, Some(id)) = (&place, rest.strip_prefix("/debug/decisions/")) {
        return decision(core, &attributes.user, id).await;
    }
    authorize(core, audit_id, &attributes).await?;
    let scope = match place {
        Place::Shard => return shard_path(core, request, &rest),
        Place::Everywhere => Scope::All,
        Place::Cluster(cluster) => Scope::One(cluster),
        Place::Unknown(target) => return Err(unknown_cluster(&attributes, &target)),
    };
    if rest == "/metrics" {
        return Err(ApiError::new(
            501,
            "NotImplemented",
            "metrics are served without a cluster, at `/metrics`",
        ));
    }
    if matches!(rest.as_str(), "/version" | "/version/") && request.method() == Method::GET {
        return Ok(answer::json(200, &version()));
    }
    if let Some(empty) = unserved_version(core, &scope, request.method(), &rest) {
        return Ok(empty);
    }
    if let Some(closing) = closing(core, &attributes) {
        return Err(closing);
    }
    let apis: Arc<dyn ApiSets> = core.apis.clone();
    let cx = RequestCx::new(scope, apis, attributes.user);
    let request = std::mem::replace(request, Request::new(body::empty()));
    Ok(core.server.handle(cx, rewrite(request, &rest)?).await)
}

/// Reads the URL; a service account's token leads paths without a cluster to the account's own.
fn destination(path: &str, bearer: Option<&str>) -> Result<Destination, ApiError> {
    let parsed = Destination::parse(path).map_err(|error| match error {
        crate::urls::UrlError::TwoClusters => ApiError::new(404, "NotFound", error.to_string()),
        other => ApiError::bad_request(other.to_string()),
    })?;
    let Destination::Bare(rest) = &parsed else { return Ok(parsed) };
    let of_an_api =
        ["/api", "/apis", "/openapi"].iter().any(|p| rest == p || rest.starts_with(&format!("{p}/")));
    match bearer.and_then(service_accounts::unverified_cluster) {
        Some(cluster) if of_an_api => Ok(Destination::Cluster(Target::Named(cluster), rest.clone())),
        _ => Ok(parsed),
    }
}

fn place(core: &Core, target: &Target) -> Place {
    match target {
        Target::Wildcard => Place::Everywhere,
        _ => core.tree.resolve(target).map_or_else(|| Place::Unknown(target.clone()), Place::Cluster),
    }
}

/// What a request presents of its caller.
struct Presented {
    trusted: Option<UserInfo>,
    credentials: Credentials,
    wanted: Option<Wanted>,
}

impl Presented {
    fn read(request: &Request<Body>, bearer: Option<String>) -> Result<Self, ApiError> {
        Ok(Self {
            trusted: request.extensions().get::<TrustedCaller>().map(|TrustedCaller(user)| user.clone()),
            credentials: Credentials {
                certificate: request.extensions().get::<PeerCertificate>().cloned(),
                token: bearer,
            },
            wanted: Wanted::from_headers(request.headers())?,
        })
    }

    /// Who is calling, after impersonation.
    ///
    /// # Errors
    /// 401 for credentials that are given but not valid; 403 for an impersonation that is not allowed.
    async fn caller(self, core: &Core, cluster: Option<&Partition>) -> Result<UserInfo, ApiError> {
        let user = match (self.trusted, core.authentication.get()) {
            (Some(user), _) => user,
            (None, None) => return Err(ApiError::unavailable("the server is starting")),
            (None, Some(authentication)) => {
                authentication.authenticate(&self.credentials, cluster).await.map_err(|error| {
                    tracing::info!(%error, "authentication failed");
                    ApiError::unauthorized()
                })?
            }
        };
        match self.wanted {
            Some(wanted) => impersonate(&core.chain, user, wanted, cluster).await,
            None => Ok(user),
        }
    }
}

/// Asks the chain and keeps what it said.
///
/// # Errors
/// 403 if nothing allows the request.
pub(crate) async fn authorize(
    core: &Core,
    audit_id: &str,
    attributes: &AuthorizationAttributes,
) -> Result<(), ApiError> {
    let trace = core.chain.authorize(attributes).await;
    let path = attributes.cluster.as_ref().map(|cluster| core.tree.path_of(cluster)).unwrap_or_default();
    core.decisions.record(audit_id, &path, attributes, &trace);
    let outcome = trace.outcome();
    tracing::debug!(
        user = attributes.user.name,
        cluster = attributes.cluster.as_ref().map(Partition::as_str),
        verdict = %outcome,
        "request judged"
    );
    if outcome.is_allow() { Ok(()) } else { Err(forbidden(attributes, &trace)) }
}

/// Nothing new is made of a resource whose binding goes away: for kcp's clients that is forbidden, not an unknown method.
fn closing(core: &Core, attributes: &AuthorizationAttributes) -> Option<ApiError> {
    let (Some(cluster), Action::Resource(action)) = (&attributes.cluster, &attributes.action) else {
        return None;
    };
    if action.verb != "create" || !action.subresource.is_empty() {
        return None;
    }
    let (binding, _) = core.bound.bindings.resource(cluster, &action.group, &action.resource)?;
    let why = "the APIBinding of this resource is being deleted";
    binding.deleting.then(|| crate::authorization::forbidden_because(attributes, why))
}

/// A cluster name that leads nowhere. For `system:masters` it is a cluster without content, which they may read: so it is
/// with a shard of kcp, and so they can see that nothing is left of a deleted one.
fn emptied(attributes: &AuthorizationAttributes, target: &Target) -> Result<Place, ApiError> {
    let reads = match &attributes.action {
        Action::Resource(action) => matches!(action.verb.as_str(), "get" | "list" | "watch"),
        Action::Path { verb, .. } => verb == "get",
    };
    match target {
        Target::Named(name) if reads && !name.contains(':') && in_group(&attributes.user, GROUP_MASTERS) => {
            Ok(Place::Cluster(Partition::from(name.as_str())))
        }
        _ => Err(unknown_cluster(attributes, target)),
    }
}

/// Administrators learn that a cluster is unknown; everybody else gets what they would get for one they may not enter.
fn unknown_cluster(attributes: &AuthorizationAttributes, target: &Target) -> ApiError {
    let user = &attributes.user;
    if in_group(user, GROUP_MASTERS) || in_group(user, GROUP_KCP_ADMIN) {
        return ApiError::not_found(&GroupResource::new("", "workspaces"), &target.to_string());
    }
    crate::authorization::forbidden_because(attributes, "access denied")
}

async fn service(
    core: &Arc<Core>,
    audit_id: &str,
    request: &mut Request<Body>,
    bearer: Option<String>,
    name: &str,
    rest: &str,
) -> Result<Response<Body>, ApiError> {
    // The cluster in the URL selects the workspace's issuers, as for the cluster itself.
    let target = rest.split_once("/clusters/").and_then(|(_, tail)| {
        let (segment, _) = crate::urls::split_segment(tail);
        crate::urls::parse_target(&crate::urls::decode(segment).ok()?).ok()
    });
    let cluster = target.as_ref().and_then(|target| core.tree.resolve(target));
    let user = Presented::read(request, bearer)?.caller(core, cluster.as_ref()).await?;
    let request = std::mem::replace(request, Request::new(body::empty()));
    let call = VirtualCall {
        name: name.to_owned(),
        rest: rest.to_owned(),
        user,
        audit_id: audit_id.to_owned(),
        request,
    };
    Ok(virtual_workspaces::handle(core, call).await)
}

/// Paths of the shard itself, authorized already.
fn shard_path(core: &Core, request: &Request<Body>, rest: &str) -> Result<Response<Body>, ApiError> {
    match rest {
        "/version" | "/version/" if request.method() == Method::GET => Ok(answer::json(200, &version())),
        "/metrics" => Ok(text(200, metrics(core))),
        _ => Err(ApiError::no_such_resource()),
    }
}

/// The version document, with kcp's mark in it: clients look for `+kcp`.
fn version() -> serde_json::Value {
    let mut document = apiserver::discovery::version();
    let kubernetes = apiserver::discovery::VERSION.2;
    document["gitVersion"] = format!("{kubernetes}+kcp-{KCP_VERSION}").into();
    document
}

/// kcp's answer to the discovery of a group and version that no definition has: an empty list, since definitions come and
/// go. Versions that a built-in group does not have are not found.
fn unserved_version(core: &Core, scope: &Scope, method: &Method, rest: &str) -> Option<Response<Body>> {
    let segments: Vec<&str> = rest.split('/').filter(|s| !s.is_empty()).collect();
    let ["apis", group, version] = segments.as_slice() else { return None };
    let name = |text: &str| apiserver::name_rules::subdomain_fault(text).is_none();
    if *method != Method::GET || !name(group) || !name(version) {
        return None;
    }
    let catalog = core.apis.catalog(scope);
    let is_built_in = |group: &apiserver::catalog::CatalogGroup| {
        group.versions.iter().flat_map(|v| &v.resources).any(|r| r.origin == apiserver::Origin::BuiltIn)
    };
    if catalog.version(group, version).is_some() || catalog.group(group).is_some_and(is_built_in) {
        return None;
    }
    let list = serde_json::json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": format!("{group}/{version}"), "resources": [],
    });
    Some(answer::json(200, &list))
}

fn metrics(core: &Core) -> String {
    let mut out = String::new();
    for (name, help, value) in [
        ("kcp_logical_clusters", "Logical clusters.", core.tree.len() as u64),
        ("kcp_store_revision", "Newest revision of the store.", core.store().revision()),
        ("kcp_store_watches", "Open watches.", core.store().watches() as u64),
        (
            "kcp_privileged_requests_total",
            "Requests of administrators let through.",
            core.decisions.privileged_allows(),
        ),
    ] {
        out.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n"));
    }
    out
}

/// `GET /debug/decisions/<audit-id>`: operators only, judged by RBAC of root.
async fn decision(core: &Core, user: &UserInfo, id: &str) -> Result<Response<Body>, ApiError> {
    let question = AuthorizationAttributes {
        user: user.clone(),
        cluster: Some(Partition::from(ROOT)),
        action: Action::path("get", &format!("/debug/decisions/{id}")),
        deep: false,
    };
    let trace = core.chain.authorize(&question).await;
    if !trace.outcome().is_allow() {
        return Err(forbidden(&question, &trace));
    }
    match core.decisions.get(id) {
        Some(record) => {
            let value = serde_json::to_value(record).map_err(ApiError::internal)?;
            Ok(answer::json(200, &value))
        }
        None => Err(ApiError::new(404, "NotFound", format!("no decision is kept under audit id `{id}`"))),
    }
}

pub(crate) fn text(code: u16, content: String) -> Response<Body> {
    let mut response = Response::new(body::full(content));
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or_default();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// The request with the path the API machinery serves.
pub(crate) fn rewrite(request: Request<Body>, rest: &str) -> Result<Request<Body>, ApiError> {
    let (mut parts, body) = request.into_parts();
    let target = match parts.uri.query() {
        Some(query) => format!("{rest}?{query}"),
        None => rest.to_owned(),
    };
    parts.uri = target.parse::<Uri>().map_err(|_| ApiError::bad_request("the path is not valid"))?;
    Ok(Request::from_parts(parts, body))
}

/// The audit id a client proposes, if it is a plain one, else a fresh one.
fn audit_id(core: &Core, headers: &HeaderMap) -> String {
    headers
        .get(AUDIT_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| {
            (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
        .map_or_else(|| core.ids.uid(), str::to_owned)
}

/// Methods that Kubernetes knows.
pub fn is_known_method(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE
    )
}
