//! Which kinds a fake server has, as discovery tells it: clients in other languages ask before they list.

use std::collections::{BTreeMap, BTreeSet};

use kube::discovery::{ApiResource, Scope};
use serde_json::{Value, json};

use super::objects::Address;

/// Kinds by group and plural.
#[derive(Default)]
pub(crate) struct Kinds {
    known: BTreeMap<(String, String), Kind>,
}

struct Kind {
    name: String,
    scope: Scope,
    versions: BTreeSet<String>,
}

impl Kinds {
    /// A kind that is there before its objects are.
    pub(super) fn add(&mut self, kind: &ApiResource, scope: &Scope) {
        let key = (kind.group.clone(), kind.plural.clone());
        let new = || Kind { name: kind.kind.clone(), scope: scope.clone(), versions: BTreeSet::new() };
        self.known.entry(key).or_insert_with(new).versions.insert(kind.version.clone());
    }

    /// The kind of an object that is written.
    pub(super) fn learn(&mut self, address: &Address, object: &Value) {
        let (Some(version), Some(name)) = (object["apiVersion"].as_str(), object["kind"].as_str()) else {
            return;
        };
        let version = version.rsplit('/').next().unwrap_or(version);
        let kind =
            self.known.entry((address.group.clone(), address.plural.clone())).or_insert_with(|| Kind {
                name: name.to_owned(),
                scope: if address.namespace.is_some() { Scope::Namespaced } else { Scope::Cluster },
                versions: BTreeSet::new(),
            });
        if !kind.versions.contains(version) {
            kind.versions.insert(version.to_owned());
        }
    }

    /// What objects of a plural are called.
    pub(super) fn name(&self, group: &str, plural: &str) -> Option<&str> {
        self.known.get(&(group.to_owned(), plural.to_owned())).map(|kind| kind.name.as_str())
    }

    /// `/api`
    pub(super) fn versions(&self) -> Value {
        json!({"kind": "APIVersions", "versions": self.versions_of(""), "serverAddressByClientCIDRs": []})
    }

    /// `/apis`
    pub(super) fn groups(&self) -> Value {
        let names: BTreeSet<&str> = self.known.keys().map(|(group, _)| group.as_str()).collect();
        let groups: Vec<Value> = names.into_iter().filter_map(|name| self.group(name)).collect();
        json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
    }

    /// `/apis/GROUP`
    pub(super) fn group(&self, name: &str) -> Option<Value> {
        let form = |version: &&str| json!({"groupVersion": format!("{name}/{version}"), "version": version});
        let versions = self.versions_of(name);
        // By their names the last one is the one that clients should prefer: v1alpha2 after v1alpha1.
        let preferred = versions.last().filter(|_| !name.is_empty()).map(form)?;
        let all: Vec<Value> = versions.iter().map(form).collect();
        Some(
            json!({"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": all, "preferredVersion": preferred}),
        )
    }

    /// `/api/VERSION` and `/apis/GROUP/VERSION`
    pub(super) fn resources(&self, group: &str, version: &str) -> Option<Value> {
        let here =
            self.known.iter().filter(|((known, _), kind)| known == group && kind.versions.contains(version));
        let resources: Vec<Value> = here
            .map(|((_, plural), kind)| {
                let verbs = ["create", "delete", "get", "list", "patch", "update", "watch"];
                let namespaced = matches!(kind.scope, Scope::Namespaced);
                json!({"name": plural, "singularName": kind.name.to_lowercase(), "namespaced": namespaced, "kind": kind.name, "verbs": verbs})
            })
            .collect();
        let served = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        let list = json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": served, "resources": resources});
        (!resources.is_empty()).then_some(list)
    }

    fn versions_of(&self, group: &str) -> Vec<&str> {
        let here = self.known.iter().filter(|((known, _), _)| known == group);
        let versions: BTreeSet<&str> =
            here.flat_map(|(_, kind)| kind.versions.iter().map(String::as_str)).collect();
        versions.into_iter().collect()
    }
}
