//! What a URL of the Kubernetes API asks for. Hosts authorize by it; the server routes by it.

use crate::error::ApiError;
use crate::query::Query;

/// A parsed request line, with the fields of `RequestInfo` in Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestInfo {
    /// Whether it addresses a resource; otherwise only `path` and `verb` count.
    pub is_resource: bool,
    /// The path.
    pub path: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; for other paths the lower-case method.
    pub verb: String,
    /// API group; empty for the core group.
    pub group: String,
    /// Version.
    pub version: String,
    /// Namespace; empty for none.
    pub namespace: String,
    /// Plural, without identity.
    pub resource: String,
    /// The part after the colon in `<resource>:<identity>`.
    pub identity: Option<String>,
    /// `status`, `scale`, `token`, …; empty for none. Deeper segments stay joined by `/`.
    pub subresource: String,
    /// Object name; empty for collections.
    pub name: String,
    /// `fieldSelector` of the query.
    pub field_selector: String,
    /// `labelSelector` of the query.
    pub label_selector: String,
}

impl RequestInfo {
    /// Reads method, path and query. Never fails: what is no resource path is a plain path.
    pub fn parse(method: &http::Method, path: &str, query: &str) -> Self {
        let plain =
            Self { path: path.to_owned(), verb: method.as_str().to_ascii_lowercase(), ..Self::default() };
        let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
        let (group, version, rest) = match segments.as_slice() {
            ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
            ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
            _ => return plain,
        };
        let query = Query::parse(query);
        let mut info = Self {
            is_resource: true,
            group: group.to_owned(),
            version: version.to_owned(),
            field_selector: query.get("fieldSelector").unwrap_or_default().to_owned(),
            label_selector: query.get("labelSelector").unwrap_or_default().to_owned(),
            ..plain
        };
        info.read_segments(rest);
        info.verb = verb_of(method, &info, query.flag("watch"));
        info
    }

    fn read_segments(&mut self, rest: &[&str]) {
        let decode = |s: &str| decode_segment(s);
        let rest = match rest {
            ["namespaces", namespace, tail @ ..] => {
                self.namespace = decode(namespace);
                match tail {
                    // The namespace itself, or one of its own subresources.
                    [] | ["status" | "finalize"] => {
                        self.resource = "namespaces".to_owned();
                        self.name = decode(namespace);
                        self.subresource = tail.concat();
                        return;
                    }
                    tail => tail,
                }
            }
            rest => rest,
        };
        let resource = rest.first().map(|s| decode(s)).unwrap_or_default();
        match resource.split_once(':') {
            Some((plural, identity)) => {
                self.resource = plural.to_owned();
                self.identity = Some(identity.to_owned());
            }
            None => self.resource = resource,
        }
        self.name = rest.get(1).map(|s| decode(s)).unwrap_or_default();
        self.subresource = rest.get(2..).unwrap_or_default().join("/");
        if self.resource == "namespaces" && self.group.is_empty() {
            self.namespace.clone_from(&self.name);
        }
    }

    /// The resource with its subresource, as authorization spells it: `pods/status`.
    pub fn resource_with_subresource(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }
}

fn verb_of(method: &http::Method, info: &RequestInfo, watch: bool) -> String {
    let named = !info.name.is_empty();
    let verb = match *method {
        http::Method::GET | http::Method::HEAD if named => "get",
        http::Method::GET | http::Method::HEAD if watch => "watch",
        http::Method::GET | http::Method::HEAD => "list",
        http::Method::POST => "create",
        http::Method::PUT => "update",
        http::Method::PATCH => "patch",
        http::Method::DELETE if named => "delete",
        http::Method::DELETE => "deletecollection",
        _ => "",
    };
    verb.to_owned()
}

/// Percent-decodes one path segment.
pub fn decode_segment(segment: &str) -> String {
    if !segment.contains('%') {
        return segment.to_owned();
    }
    let bytes = segment.as_bytes();
    let (mut out, mut i) = (Vec::with_capacity(bytes.len()), 0);
    while i < bytes.len() {
        let hex = bytes.get(i + 1..i + 3).and_then(|h| std::str::from_utf8(h).ok());
        match (bytes[i], hex.and_then(|h| u8::from_str_radix(h, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                i += 3;
            }
            (byte, _) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Refuses path segments that no name can be.
///
/// # Errors
/// 400.
pub fn check_path(path: &str) -> Result<(), ApiError> {
    if path.len() > 4096 {
        return Err(ApiError::bad_request("the path of the request is too long"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: &str, url: &str, expected: &str) {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let info = RequestInfo::parse(&method.parse().unwrap(), path, query);
        let text = if info.is_resource {
            format!(
                "{} {}/{} ns={} {} name={}",
                info.verb,
                info.group,
                info.version,
                info.namespace,
                info.resource_with_subresource(),
                info.name
            )
        } else {
            format!("{} {}", info.verb, info.path)
        };
        assert_eq!(text, expected, "{method} {url}");
    }

    #[test]
    fn dev_02_urls_are_read_as_kubernetes_reads_them() {
        check("GET", "/api/v1/namespaces", "list /v1 ns= namespaces name=");
        check("GET", "/api/v1/namespaces/a", "get /v1 ns=a namespaces name=a");
        check("PUT", "/api/v1/namespaces/a/finalize", "update /v1 ns=a namespaces/finalize name=a");
        check("GET", "/api/v1/namespaces/a/secrets?watch=true", "watch /v1 ns=a secrets name=");
        check("DELETE", "/api/v1/namespaces/a/secrets", "deletecollection /v1 ns=a secrets name=");
        check("PATCH", "/apis/x.io/v1/things/a/status", "patch x.io/v1 ns= things/status name=a");
        check(
            "POST",
            "/api/v1/namespaces/a/serviceaccounts/b/token",
            "create /v1 ns=a serviceaccounts/token name=b",
        );
        check("GET", "/apis/x.io/v1/things/system%3Aa", "get x.io/v1 ns= things name=system:a");
        check("GET", "/apis/x.io/v1", "get /apis/x.io/v1");
        check("GET", "/version", "get /version");
        let info = RequestInfo::parse(&http::Method::GET, "/apis/x.io/v1/things:abc", "");
        assert_eq!((info.resource.as_str(), info.identity.as_deref()), ("things", Some("abc")));
    }
}
