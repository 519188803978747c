//! What an API request asks for, read from method, path and query: Kubernetes' RequestInfo.

use http::Method;

use crate::authorization::{Action, ResourceAction};

/// Reads a request. `path` is without the cluster prefix; segments are percent-decoded by the caller of the rules, so
/// a broken escape simply names an object that does not exist.
pub fn action_of(method: &Method, path: &str, query: Option<&str>) -> Action {
    let plain = || Action::Path { verb: method.as_str().to_ascii_lowercase(), path: path.to_owned() };
    let segments: Vec<String> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| crate::urls::decode(segment).unwrap_or_else(|_| segment.to_owned()))
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (group, version, rest) = match segments.as_slice() {
        ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
        ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
        _ => return plain(),
    };
    let query = Query::parse(query);
    let mut verb = match *method {
        Method::POST => "create",
        Method::GET | Method::HEAD => "get",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "",
    };
    // Legacy verbs in the path (`/api/v1/watch/…`).
    let rest = match rest {
        ["watch", rest @ ..] if !rest.is_empty() => {
            verb = "watch";
            rest
        }
        _ => rest,
    };
    let (namespace, rest) = match rest {
        // `namespaces/<name>`, `…/status` and `…/finalize` are about the namespace itself.
        ["namespaces", namespace, below @ ..]
            if below.is_empty() || below == ["status"] || below == ["finalize"] =>
        {
            (*namespace, rest)
        }
        ["namespaces", namespace, below @ ..] => (*namespace, below),
        _ => ("", rest),
    };
    let (resource, name, subresource) = match rest {
        [] => ("namespaces", "", String::new()),
        [resource] => (*resource, "", String::new()),
        [resource, name] => (*resource, *name, String::new()),
        [resource, name, subresource @ ..] => (*resource, *name, subresource.join("/")),
    };
    // The identity of `<resource>:<identity>` says where objects are stored, not what they are.
    let resource = resource.split_once(':').map_or(resource, |(plural, _)| plural);
    let mut name = name.to_owned();
    if name.is_empty() {
        verb = match verb {
            "get" if query.watch => "watch",
            "get" => "list",
            "delete" => "deletecollection",
            other => other,
        };
        if matches!(verb, "list" | "watch" | "deletecollection") {
            name = query.name;
        }
    }
    Action::Resource(ResourceAction {
        verb: verb.to_owned(),
        group: group.to_owned(),
        version: version.to_owned(),
        resource: resource.to_owned(),
        subresource,
        namespace: namespace.to_owned(),
        name,
    })
}

#[derive(Default)]
struct Query {
    watch: bool,
    name: String,
}

impl Query {
    fn parse(text: Option<&str>) -> Self {
        let mut query = Self::default();
        for pair in text.unwrap_or_default().split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "watch" => query.watch = !matches!(value, "" | "0" | "false" | "False" | "f" | "F"),
                "fieldSelector" => {
                    let selector = crate::urls::decode(value).unwrap_or_default();
                    for term in selector.split(',') {
                        if let Some(name) = term.trim().strip_prefix("metadata.name=") {
                            name.trim_start_matches('=').clone_into(&mut query.name);
                        }
                    }
                }
                _ => {}
            }
        }
        query
    }
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
        assert_eq!(read(Method::GET, "/apis/x.io", ""), "get /apis/x.io");
        assert_eq!(read(Method::GET, "/version", ""), "get /version");
    }
}
