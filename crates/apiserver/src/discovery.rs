//! Discovery: which groups, versions and resources there are, in the legacy form and aggregated; and the version of the server.

use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::answer;
use crate::body::Body;
use crate::catalog::{Catalog, CatalogGroup, CatalogVersion};
use crate::error::ApiError;
use crate::names::{Verb, api_version};
use crate::negotiate::wants_aggregated_discovery;
use crate::request::decode_segment;
use crate::resource::ServedResource;
use crate::server::RequestCx;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The Kubernetes version whose behaviour is served.
pub const VERSION: (&str, &str, &str) = ("1", "36", "v1.36.0");

/// Answers a path that is no resource.
pub(crate) fn document(
    cx: &RequestCx,
    path: &str,
    headers: &HeaderMap,
) -> Result<http::Response<Body>, ApiError> {
    let segments: Vec<String> = path.split('/').filter(|s| !s.is_empty()).map(decode_segment).collect();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let aggregated = wants_aggregated_discovery(headers);
    let catalog = || cx.apis.catalog(&cx.scope);
    match parts.as_slice() {
        [] => Ok(answer::json(200, &json!({"paths": paths(&catalog())}))),
        ["version"] => Ok(answer::json(200, &version())),
        ["api" | "apis"] if aggregated => Ok(aggregated_answer(&aggregate(&catalog(), parts == ["api"]))),
        ["api"] => Ok(answer::json(
            200,
            &json!({
                "kind": "APIVersions", "versions": ["v1"],
                "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}],
            }),
        )),
        ["apis"] => {
            let catalog = catalog();
            let groups: Vec<Value> =
                catalog.groups().iter().filter(|g| !g.name.is_empty()).map(group).collect();
            Ok(answer::json(200, &json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})))
        }
        ["apis", name] => {
            let catalog = catalog();
            let found = catalog.group(name).ok_or_else(ApiError::no_such_resource)?;
            let mut value = group(found);
            value["kind"] = "APIGroup".into();
            value["apiVersion"] = "v1".into();
            Ok(answer::json(200, &value))
        }
        ["api", version] => resources(&catalog(), "", version),
        ["apis", group, version] => resources(&catalog(), group, version),
        ["openapi", rest @ ..] => crate::openapi_routes::document(&catalog(), rest, headers),
        _ => Err(ApiError::no_such_resource()),
    }
}

/// Everything that answers below `/`, as an index.
fn paths(catalog: &Catalog) -> Vec<String> {
    let mut paths = vec!["/api".to_owned(), "/apis".to_owned()];
    for group in catalog.groups() {
        let below = if group.name.is_empty() {
            "/api".to_owned()
        } else {
            let below = format!("/apis/{}", group.name);
            paths.push(below.clone());
            below
        };
        paths.extend(group.versions.iter().map(|version| format!("{below}/{}", version.name)));
    }
    paths.extend(["/healthz", "/livez", "/openapi/v3", "/readyz", "/version"].map(str::to_owned));
    paths.sort_unstable();
    paths
}

/// The version document.
pub fn version() -> Value {
    let (major, minor, git) = VERSION;
    // Platforms are named as Go does.
    let machine = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    json!({
        "major": major, "minor": minor, "gitVersion": git, "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, machine),
    })
}

fn group(group: &CatalogGroup) -> Value {
    let versions: Vec<Value> = group
        .versions
        .iter()
        .map(|v| json!({"groupVersion": api_version(&group.name, &v.name), "version": v.name}))
        .collect();
    json!({"name": group.name, "versions": versions, "preferredVersion": versions.first()})
}

fn resources(catalog: &Catalog, group: &str, version: &str) -> Result<http::Response<Body>, ApiError> {
    let found = catalog.version(group, version).ok_or_else(ApiError::no_such_resource)?;
    let resources: Vec<Value> = found.resources.iter().flat_map(|r| rows(r)).collect();
    Ok(answer::json(
        200,
        &json!({
            "kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": api_version(group, version), "resources": resources,
        }),
    ))
}

/// A subresource in discovery: name, group, version, kind, verbs.
struct SubresourceRow {
    name: String,
    group: String,
    version: String,
    kind: String,
    verbs: Vec<&'static str>,
}

fn subresources(resource: &ServedResource) -> Vec<SubresourceRow> {
    let own = &resource.gvk;
    let changing = vec![Verb::Get.as_str(), Verb::Patch.as_str(), Verb::Update.as_str()];
    let mut rows = Vec::new();
    if resource.subresources.status {
        rows.push(SubresourceRow {
            name: "status".to_owned(),
            group: own.group.to_string(),
            version: own.version.to_string(),
            kind: own.kind.to_string(),
            verbs: changing.clone(),
        });
    }
    if resource.subresources.scale.is_some() {
        rows.push(SubresourceRow {
            name: "scale".to_owned(),
            group: "autoscaling".to_owned(),
            version: "v1".to_owned(),
            kind: "Scale".to_owned(),
            verbs: changing,
        });
    }
    rows.extend(resource.subresources.routes.iter().map(|route| SubresourceRow {
        name: route.name.clone(),
        group: route.gvk.group.to_string(),
        version: route.gvk.version.to_string(),
        kind: route.gvk.kind.to_string(),
        verbs: route.verbs.iter().map(|v| v.as_str()).collect(),
    }));
    rows
}

fn verbs(resource: &ServedResource) -> Vec<&'static str> {
    Verb::ALL.iter().filter(|v| resource.serves(**v)).map(|v| v.as_str()).collect()
}

fn rows(resource: &ServedResource) -> Vec<Value> {
    let mut main = json!({
        "name": &*resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
        "kind": &*resource.gvk.kind, "verbs": verbs(resource),
    });
    if let Some(map) = main.as_object_mut() {
        for (key, list) in [("shortNames", &resource.short_names), ("categories", &resource.categories)] {
            if !list.is_empty() {
                map.insert(key.to_owned(), list.clone().into());
            }
        }
        if !resource.storage_version_hash.is_empty() {
            map.insert("storageVersionHash".to_owned(), resource.storage_version_hash.clone().into());
        }
    }
    let mut rows = vec![main];
    rows.extend(subresources(resource).into_iter().map(|sub| {
        let mut row = json!({
            "name": format!("{}/{}", resource.plural, sub.name), "singularName": "",
            "namespaced": resource.namespaced, "kind": sub.kind, "verbs": sub.verbs,
        });
        if let Some(map) = row.as_object_mut().filter(|_| sub.group != *resource.gvk.group) {
            map.insert("group".to_owned(), sub.group.into());
            map.insert("version".to_owned(), sub.version.into());
        }
        row
    }));
    rows
}

fn aggregate(catalog: &Catalog, core: bool) -> Value {
    let items: Vec<Value> = catalog
        .groups()
        .iter()
        .filter(|g| g.name.is_empty() == core)
        .map(|g| {
            let versions: Vec<Value> = g.versions.iter().map(aggregate_version).collect();
            let metadata = if g.name.is_empty() {
                json!({"creationTimestamp": null})
            } else {
                json!({"name": g.name, "creationTimestamp": null})
            };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

fn aggregate_version(version: &CatalogVersion) -> Value {
    let resources: Vec<Value> = version.resources.iter().map(|r| aggregate_resource(r)).collect();
    json!({"version": version.name, "freshness": "Current", "resources": resources})
}

fn aggregate_resource(resource: &ServedResource) -> Value {
    let kind =
        |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let gvk = &resource.gvk;
    let mut row = json!({
        "resource": &*resource.plural, "responseKind": kind(&gvk.group, &gvk.version, &gvk.kind),
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular, "verbs": verbs(resource),
    });
    let Some(map) = row.as_object_mut() else { return row };
    for (key, list) in [("shortNames", &resource.short_names), ("categories", &resource.categories)] {
        if !list.is_empty() {
            map.insert(key.to_owned(), list.clone().into());
        }
    }
    let subs: Vec<Value> = subresources(resource)
        .into_iter()
        .map(|s| json!({"subresource": s.name, "responseKind": kind(&s.group, &s.version, &s.kind), "verbs": s.verbs}))
        .collect();
    if !subs.is_empty() {
        map.insert("subresources".to_owned(), subs.into());
    }
    row
}

fn aggregated_answer(value: &Value) -> http::Response<Body> {
    let mut response = answer::json(200, value);
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static(AGGREGATED));
    response.headers_mut().insert(http::header::VARY, HeaderValue::from_static("Accept"));
    response
}
