//! What is asked, without its wire format.

/// One request to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The caller.
    pub user: String,
    /// The caller's groups.
    pub groups: Vec<String>,
    /// The logical cluster's name; none for requests without one.
    pub cluster: Option<String>,
    /// What the caller wants.
    pub action: Action,
}

/// What a caller wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A resource.
    Resource(ResourceRequest),
    /// A path that is no resource.
    Path(String),
    /// Neither was given.
    Nothing,
}

/// A verb on a resource; a subresource is judged as the resource itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceRequest {
    /// Kubernetes verb.
    pub verb: String,
    /// API group, empty for the core group.
    pub group: String,
    /// API version; empty or `*` for any.
    pub version: String,
    /// Plural name.
    pub resource: String,
    /// Namespace, empty at the cluster scope and for all namespaces.
    pub namespace: String,
    /// Object name, empty for collections.
    pub name: String,
}

impl ResourceRequest {
    /// Whether kcp asks if an APIExport may be bound.
    pub fn is_bind(&self) -> bool {
        self.verb == "bind" && self.group == "apis.kcp.io"
    }
}

/// Begins the group that names the consumer of a bind request.
pub(crate) const CLUSTER_GROUP: &str = "system:cluster:";

impl Request {
    /// The cluster whose user asks to bind an export elsewhere.
    pub(crate) fn consumer(&self) -> Option<&str> {
        self.groups
            .iter()
            .find_map(|group| group.strip_prefix(CLUSTER_GROUP))
            .filter(|cluster| !cluster.is_empty())
    }
}
