//! What an API request asks for, read from method, path and query: Kubernetes' RequestInfo.

use apiserver::request::RequestInfo;
use http::Method;

use crate::authorization::{Action, ResourceAction};

/// Reads a request. `path` is without the cluster prefix. The same reading routes it, so that what is judged is what is done.
pub fn action_of(method: &Method, path: &str, query: Option<&str>) -> Action {
    let info = RequestInfo::parse(method, path, query.unwrap_or_default());
    if !info.is_resource {
        return Action::Path { verb: info.verb, path: path.to_owned() };
    }
    let is_collection = matches!(info.verb.as_str(), "list" | "watch" | "deletecollection");
    let name = match selected_name(&info.field_selector) {
        Some(name) if is_collection && info.name.is_empty() => name.to_owned(),
        _ => info.name,
    };
    Action::Resource(ResourceAction {
        verb: info.verb,
        group: info.group,
        version: info.version,
        resource: info.resource,
        subresource: info.subresource,
        namespace: info.namespace,
        name,
    })
}

/// The one name that a field selector asks for.
fn selected_name(selector: &str) -> Option<&str> {
    let names = selector.split(',').filter_map(|term| term.trim().strip_prefix("metadata.name="));
    names.map(|name| name.trim_start_matches('=')).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: Method, path: &str, query: &str) -> String {
        action_of(&method, path, Some(query)).to_string()
    }

    #[test]
    fn auz_01_requests_become_verbs_on_resources() {
        assert_eq!(read(Method::GET, "/api/v1/namespaces/a/secrets/b", ""), "get secrets a/b");
        assert_eq!(read(Method::GET, "/api/v1/secrets", "watch=true"), "watch secrets");
        assert_eq!(
            read(Method::GET, "/apis/x.io/v1/things", "fieldSelector=metadata.name%3Da"),
            "list things.x.io a"
        );
        assert_eq!(read(Method::DELETE, "/apis/x.io/v1/things:0abc", ""), "deletecollection things.x.io");
        assert_eq!(read(Method::PATCH, "/apis/x.io/v1/things/a/status", ""), "patch things/status.x.io a");
        assert_eq!(
            read(Method::POST, "/api/v1/namespaces/a/serviceaccounts/b/token", ""),
            "create serviceaccounts/token a/b"
        );
        assert_eq!(read(Method::PUT, "/api/v1/namespaces/a/finalize", ""), "update namespaces/finalize a/a");
        // An object is got, whatever the query says; what is listed is not watched.
        assert_eq!(read(Method::GET, "/api/v1/namespaces/a/secrets/b", "watch=true"), "get secrets a/b");
        assert_eq!(read(Method::GET, "/api/v1/secrets", "watch=false"), "list secrets");
        assert_eq!(read(Method::GET, "/api/v1/secrets", "watch="), "watch secrets");
        // A resource of that name is no prefix.
        assert_eq!(read(Method::DELETE, "/apis/x.io/v1/watch/a", ""), "delete watch.x.io a");
        assert_eq!(read(Method::GET, "/apis/x.io", ""), "get /apis/x.io");
        assert_eq!(read(Method::GET, "/version", ""), "get /version");
    }
}
