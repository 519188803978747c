//! One rule of a role, and the question whether it grants a request.

use std::fmt;

use serde_json::{Map, Value, json};

/// What a caller wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// A verb on a resource.
    Resource {
        /// Kubernetes verb.
        verb: &'a str,
        /// API group; empty for the core group.
        group: &'a str,
        /// Plural name.
        resource: &'a str,
        /// Subresource; empty for the object itself.
        subresource: &'a str,
        /// Namespace; empty at the cluster scope.
        namespace: &'a str,
        /// Object name; empty for collections and creations.
        name: &'a str,
    },
    /// A verb on a path that is no resource.
    Path {
        /// HTTP method in lower case.
        verb: &'a str,
        /// The path.
        path: &'a str,
    },
}

impl<'a> Request<'a> {
    /// A verb on a resource at the cluster scope; `resource` may carry a subresource after a slash.
    pub fn resource(verb: &'a str, group: &'a str, resource: &'a str) -> Self {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        Request::Resource { verb, group, resource, subresource, namespace: "", name: "" }
    }

    /// A verb on a path.
    pub fn path(verb: &'a str, path: &'a str) -> Self {
        Request::Path { verb, path }
    }

    /// The same in a namespace.
    #[must_use]
    pub fn in_namespace(mut self, to: &'a str) -> Self {
        if let Request::Resource { namespace, .. } = &mut self {
            *namespace = to;
        }
        self
    }

    /// The same on one object.
    #[must_use]
    pub fn named(mut self, to: &'a str) -> Self {
        if let Request::Resource { name, .. } = &mut self {
            *name = to;
        }
        self
    }
}

/// One rule of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule {
    /// Verbs; `*` is all.
    pub verbs: Vec<String>,
    /// API groups; `*` is all, empty text is the core group.
    pub api_groups: Vec<String>,
    /// Resources, with subresources after a slash; `*` is all, `*/x` subresource x of all.
    pub resources: Vec<String>,
    /// Object names; none means all.
    pub resource_names: Vec<String>,
    /// Paths that are no resources; a trailing `*` matches the rest.
    pub non_resource_urls: Vec<String>,
}

impl Rule {
    /// A rule on resources.
    pub fn of(verbs: &[&str], api_groups: &[&str], resources: &[&str]) -> Self {
        Self {
            verbs: owned(verbs),
            api_groups: owned(api_groups),
            resources: owned(resources),
            ..Self::default()
        }
    }

    /// A rule on paths.
    pub fn of_paths(verbs: &[&str], paths: &[&str]) -> Self {
        Self { verbs: owned(verbs), non_resource_urls: owned(paths), ..Self::default() }
    }

    /// Reads one entry of `rules`; parts of the wrong kind count as absent.
    pub fn from_value(rule: &Value) -> Self {
        let list = |name: &str| -> Vec<String> {
            let items = rule.get(name).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
        };
        Self {
            verbs: list("verbs"),
            api_groups: list("apiGroups"),
            resources: list("resources"),
            resource_names: list("resourceNames"),
            non_resource_urls: list("nonResourceURLs"),
        }
    }

    /// Reads the `rules` of a role.
    pub fn all_of(role: &Value) -> Vec<Self> {
        let rules = role.get("rules").and_then(Value::as_array).into_iter().flatten();
        rules.map(Self::from_value).collect()
    }

    /// The entry of `rules`; empty parts but verbs are left out.
    pub fn to_value(&self) -> Value {
        let mut rule = Map::from_iter([("verbs".to_owned(), json!(self.verbs))]);
        for (name, list) in [
            ("apiGroups", &self.api_groups),
            ("resources", &self.resources),
            ("resourceNames", &self.resource_names),
            ("nonResourceURLs", &self.non_resource_urls),
        ] {
            if !list.is_empty() {
                rule.insert(name.to_owned(), json!(list));
            }
        }
        Value::Object(rule)
    }

    /// Whether the rule grants the request.
    pub fn grants(&self, request: &Request<'_>) -> bool {
        match *request {
            Request::Path { verb, path } => {
                has(&self.verbs, verb) && self.non_resource_urls.iter().any(|p| path_matches(p, path))
            }
            Request::Resource { verb, group, resource, subresource, name, .. } => {
                has(&self.verbs, verb)
                    && has(&self.api_groups, group)
                    && self.resources.iter().any(|r| resource_matches(r, resource, subresource))
                    && (self.resource_names.is_empty() || self.resource_names.iter().any(|n| n == name))
            }
        }
    }
}

/// Kubernetes' short form, as it stands in refusals: `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("APIGroups", &self.api_groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.non_resource_urls),
            ("ResourceNames", &self.resource_names),
            ("Verbs", &self.verbs),
        ];
        f.write_str("{")?;
        for (i, (name, list)) in parts.into_iter().filter(|(_, list)| !list.is_empty()).enumerate() {
            write!(f, "{}{name}:{}", if i > 0 { ", " } else { "" }, quoted(list))?;
        }
        f.write_str("}")
    }
}

/// A list as Go prints quoted strings: `["a" "b"]`.
pub(super) fn quoted(list: &[String]) -> String {
    let items: Vec<String> = list.iter().map(|item| format!("{item:?}")).collect();
    format!("[{}]", items.join(" "))
}

pub(super) fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|item| item == "*" || item == wanted)
}

pub(super) fn path_matches(pattern: &str, path: &str) -> bool {
    pattern == path
        || pattern.strip_suffix('*').is_some_and(|start| path.starts_with(start.trim_end_matches('*')))
}

fn resource_matches(pattern: &str, resource: &str, subresource: &str) -> bool {
    match pattern.split_once('/') {
        None => pattern == "*" || (subresource.is_empty() && pattern == resource),
        Some((of, below)) => !subresource.is_empty() && below == subresource && (of == "*" || of == resource),
    }
}

fn owned(list: &[&str]) -> Vec<String> {
    list.iter().map(|item| (*item).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_grant_as_kubernetes_reads_them() {
        let cases = [
            (Rule::of(&["get"], &[""], &["pods"]), Request::resource("get", "", "pods"), true),
            (Rule::of(&["get"], &[""], &["pods"]), Request::resource("get", "", "pods/log"), false),
            (Rule::of(&["get"], &[""], &["pods"]), Request::resource("get", "apps", "pods"), false),
            (Rule::of(&["*"], &["*"], &["*"]), Request::resource("get", "a", "b/c"), true),
            (Rule::of(&["get"], &[""], &["*/status"]), Request::resource("get", "", "pods/status"), true),
            (Rule::of(&["get"], &[""], &["*/status"]), Request::resource("get", "", "pods"), false),
            (Rule::of(&["get"], &[""], &["pods/status"]), Request::resource("get", "", "pods/status"), true),
            (Rule::of(&["*"], &["*"], &["*"]), Request::path("get", "/metrics"), false),
            (Rule::of_paths(&["get"], &["/api/*"]), Request::path("get", "/api/v1"), true),
            (Rule::of_paths(&["get"], &["/api/*"]), Request::path("get", "/api"), false),
            (Rule::of_paths(&["get"], &["*"]), Request::path("get", "/anything"), true),
            (Rule::of_paths(&["get"], &["*"]), Request::path("post", "/anything"), false),
        ];
        for (rule, request, want) in cases {
            assert_eq!(rule.grants(&request), want, "{rule} {request:?}");
        }
        let named = Rule { resource_names: vec!["a".to_owned()], ..Rule::of(&["get"], &[""], &["pods"]) };
        assert!(named.grants(&Request::resource("get", "", "pods").named("a")));
        assert!(!named.grants(&Request::resource("get", "", "pods").named("b")));
        assert!(!named.grants(&Request::resource("get", "", "pods")));
        assert_eq!(Rule::from_value(&named.to_value()), named);
    }
}
