//! Operations: which verbs exist under which path, for which kind, with which parameters.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{builtin, component_name, components::list_name, kind_of, reference, root};
use crate::{
    names::Verb,
    resource::{Origin, ServedResource},
};

/// The operation on the root of a group-version: its resources.
pub(super) fn discovery(group: &str, version: &str) -> Value {
    json!({"get": {
        "description": "Resources of this version.",
        "operationId": operation_id("get", group, version, "APIResources"),
        "tags": [tag(group, version)],
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": {"type": "object"}}}}},
    }})
}

/// Adds the paths of a resource.
pub(super) fn add(resource: &Arc<ServedResource>, paths: &mut Map<String, Value>) {
    let root = format!("/{}", root(&resource.gvk.group, &resource.gvk.version));
    let plural = &resource.plural;
    let own = component_name(resource);
    let operations = Operations { resource, own: own.clone(), list: list_name(resource) };
    let namespace = resource.namespaced.then(|| path_parameter("namespace", "Namespace of the objects."));
    let collection = if resource.namespaced {
        format!("{root}/namespaces/{{namespace}}/{plural}")
    } else {
        format!("{root}/{plural}")
    };
    let mut on_collection = Map::new();
    operations.put(&mut on_collection, "get", "list", Verb::List);
    operations.put(&mut on_collection, "post", "post", Verb::Create);
    operations.put(&mut on_collection, "delete", "deletecollection", Verb::DeleteCollection);
    add_path(paths, collection.clone(), on_collection, namespace.as_slice());
    if resource.namespaced && resource.serves(Verb::List) {
        let mut everywhere = Map::new();
        operations.put(&mut everywhere, "get", "list", Verb::List);
        add_path(paths, format!("{root}/{plural}"), everywhere, &[]);
    }
    let mut on_object = Map::new();
    operations.put(&mut on_object, "get", "get", Verb::Get);
    operations.put(&mut on_object, "put", "put", Verb::Update);
    operations.put(&mut on_object, "patch", "patch", Verb::Patch);
    operations.put(&mut on_object, "delete", "delete", Verb::Delete);
    let mut parameters = vec![path_parameter("name", "Name of the object.")];
    parameters.extend(namespace);
    add_path(paths, format!("{collection}/{{name}}"), on_object, &parameters);
    let mut subresources: Vec<(&str, String, Value, Vec<Verb>)> = Vec::new();
    let changing = vec![Verb::Get, Verb::Update, Verb::Patch];
    if resource.subresources.status {
        subresources.push(("status", own, kind_of(resource), changing.clone()));
    }
    if resource.subresources.scale.is_some() {
        let gvk = json!({"group": "autoscaling", "version": "v1", "kind": "Scale"});
        subresources.push(("scale", "io.k8s.api.autoscaling.v1.Scale".to_owned(), gvk, changing));
    }
    for route in &resource.subresources.routes {
        let gvk =
            json!({"group": &*route.gvk.group, "version": &*route.gvk.version, "kind": &*route.gvk.kind});
        let component = builtin::component_of(&route.gvk.api_version(), &route.gvk.kind)
            .unwrap_or_else(|| super::named(&route.gvk.group, &route.gvk.version, &route.gvk.kind));
        subresources.push((&route.name, component, gvk, route.verbs.clone()));
    }
    for (name, component, gvk, verbs) in subresources {
        let mut item = Map::new();
        for verb in verbs {
            let (method, action) = match verb {
                Verb::Get => ("get", "get"),
                Verb::Update => ("put", "put"),
                Verb::Patch => ("patch", "patch"),
                Verb::Create => ("post", "post"),
                Verb::Delete => ("delete", "delete"),
                _ => continue,
            };
            let suffix = format!("{}{}", resource.gvk.kind, upper_first(name));
            item.insert(
                method.to_owned(),
                operation(resource, action, method, &gvk, &component, &component, &suffix),
            );
        }
        add_path(paths, format!("{collection}/{{name}}/{name}"), item, &parameters);
    }
}

fn add_path(
    paths: &mut Map<String, Value>,
    path: String,
    mut item: Map<String, Value>,
    parameters: &[Value],
) {
    if item.is_empty() {
        return;
    }
    if !parameters.is_empty() {
        item.insert("parameters".to_owned(), Value::Array(parameters.to_vec()));
    }
    paths.insert(path, Value::Object(item));
}

struct Operations<'r> {
    resource: &'r Arc<ServedResource>,
    own: String,
    list: String,
}

impl Operations<'_> {
    fn put(&self, item: &mut Map<String, Value>, method: &str, action: &str, verb: Verb) {
        if !self.resource.serves(verb) {
            return;
        }
        let status = builtin::meta("Status");
        let answer = match action {
            "list" => &self.list,
            "delete" | "deletecollection" => &status,
            _ => &self.own,
        };
        let gvk = kind_of(self.resource);
        let json = operation(self.resource, action, method, &gvk, &self.own, answer, &self.resource.gvk.kind);
        item.insert(method.to_owned(), json);
    }
}

fn operation(
    resource: &ServedResource,
    action: &str,
    method: &str,
    gvk: &Value,
    body: &str,
    answer: &str,
    suffix: &str,
) -> Value {
    let (group, version) = (&*resource.gvk.group, &*resource.gvk.version);
    let scope = if resource.namespaced { "Namespaced" } else { "" };
    let mut json = json!({
        "description": format!("{action} {}", resource.gvk.kind),
        "operationId": operation_id(action, group, version, &format!("{scope}{suffix}")),
        "tags": [tag(group, version)],
        "parameters": parameters(action),
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": reference(answer)}}},
            "401": {"description": "Unauthorized"},
        },
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": gvk,
    });
    let content = match method {
        "post" | "put" => Some(json!({"*/*": {"schema": reference(body)}})),
        "patch" => {
            let patch = json!({"schema": reference(&builtin::meta("Patch"))});
            // kubectl reads here which patch it may send, so custom kinds must not offer the strategic one.
            let strategic = (resource.origin == Origin::BuiltIn).then_some("strategic-merge-patch+json");
            let kinds =
                ["json-patch+json", "merge-patch+json", "apply-patch+yaml"].into_iter().chain(strategic);
            Some(kinds.map(|kind| (format!("application/{kind}"), patch.clone())).collect())
        }
        "delete" => Some(json!({"*/*": {"schema": reference(&builtin::meta("DeleteOptions"))}})),
        _ => None,
    };
    if let Some(content) = content {
        json["requestBody"] = json!({"content": content, "required": method != "delete"});
    }
    if method == "post" {
        json["responses"]["201"] = json["responses"]["200"].clone();
        json["responses"]["201"]["description"] = json!("Created");
    }
    json
}

/// Query parameters of an operation.
fn parameters(action: &str) -> Value {
    const WRITE: &[&str] = &["dryRun", "fieldManager", "fieldValidation", "pretty"];
    const PATCH: &[&str] = &["dryRun", "fieldManager", "fieldValidation", "force", "pretty"];
    const DELETE: &[&str] =
        &["dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy", "pretty"];
    const LIST: &[&str] = &[
        "allowWatchBookmarks",
        "continue",
        "fieldSelector",
        "labelSelector",
        "limit",
        "pretty",
        "resourceVersion",
        "resourceVersionMatch",
        "sendInitialEvents",
        "timeoutSeconds",
        "watch",
    ];
    let names = match action {
        "post" | "put" => WRITE,
        "patch" => PATCH,
        "delete" => DELETE,
        "list" | "deletecollection" => LIST,
        _ => &["pretty"],
    };
    names.iter().map(|name| query_parameter(name)).collect()
}

fn query_parameter(name: &str) -> Value {
    let kind = match name {
        "allowWatchBookmarks" | "sendInitialEvents" | "watch" | "force" | "orphanDependents" => "boolean",
        "limit" | "timeoutSeconds" | "gracePeriodSeconds" => "integer",
        _ => "string",
    };
    json!({"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": true}})
}

fn path_parameter(name: &str, description: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "description": description, "schema": {"type": "string", "uniqueItems": true}})
}

fn tag(group: &str, version: &str) -> String {
    let group = if group.is_empty() { "core" } else { group.split('.').next().unwrap_or(group) };
    format!("{group}_{version}")
}

fn operation_id(action: &str, group: &str, version: &str, suffix: &str) -> String {
    let verb = match action {
        "get" => "read",
        "post" => "create",
        "put" => "replace",
        "deletecollection" => "deleteCollection",
        other => other,
    };
    let group: String =
        if group.is_empty() { "Core".to_owned() } else { group.split(['.', '-']).map(upper_first).collect() };
    format!("{verb}{group}{}{suffix}", upper_first(version))
}

fn upper_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
