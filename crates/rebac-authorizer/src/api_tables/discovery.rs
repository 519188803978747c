//! Reading discovery documents: aggregated where the server has them, else one for each group and version.

use std::collections::BTreeMap;

use http::{Request, header};
use kube::Client;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::ApiEntry;

const AGGREGATED: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
/// Most groups with their versions that are read one by one.
const VERSIONS_MAX: usize = 500;

/// The resources of a workspace, by group, version and plural.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    entries: BTreeMap<(String, String, String), ApiEntry>,
}

impl Table {
    pub(crate) async fn read(client: &Client) -> Result<Self, kube::Error> {
        let mut table = Self::default();
        let core = get(client, "/api", AGGREGATED).await?;
        if !table.add_aggregated(&core) {
            table.add_version("", "v1", &get(client, "/api/v1", "application/json").await?);
        }
        let groups = get(client, "/apis", AGGREGATED).await?;
        if !table.add_aggregated(&groups) {
            for (group, version) in versions_of(&groups) {
                // A group that went between the two calls is no fault.
                if let Ok(list) = get(client, &format!("/apis/{group}/{version}"), "application/json").await {
                    table.add_version(&group, &version, &list);
                }
            }
        }
        Ok(table)
    }

    fn add_aggregated(&mut self, document: &Value) -> bool {
        if document["kind"] != "APIGroupDiscoveryList" {
            return false;
        }
        for group in document["items"].as_array().into_iter().flatten() {
            let name = group["metadata"]["name"].as_str().unwrap_or_default();
            for version in group["versions"].as_array().into_iter().flatten() {
                let version_name = version["version"].as_str().unwrap_or_default();
                for resource in version["resources"].as_array().into_iter().flatten() {
                    let kind = resource["responseKind"]["kind"].as_str().unwrap_or_default();
                    let plural = resource["resource"].as_str().unwrap_or_default();
                    let singular = resource["singularResource"].as_str().unwrap_or_default();
                    let is_namespaced = resource["scope"] == "Namespaced";
                    self.add(name, version_name, plural, singular, kind, is_namespaced);
                }
            }
        }
        true
    }

    fn add_version(&mut self, group: &str, version: &str, list: &Value) {
        for resource in list["resources"].as_array().into_iter().flatten() {
            let text = |field: &str| resource[field].as_str().unwrap_or_default();
            if !text("name").contains('/') {
                let is_namespaced = resource["namespaced"] == true;
                self.add(group, version, text("name"), text("singularName"), text("kind"), is_namespaced);
            }
        }
    }

    fn add(
        &mut self,
        group: &str,
        version: &str,
        plural: &str,
        singular: &str,
        kind: &str,
        is_namespaced: bool,
    ) {
        // Discovery of built-in kinds may leave the singular out; it is the kind in lower case.
        let singular = if singular.is_empty() { kind.to_lowercase() } else { singular.to_owned() };
        let entry = ApiEntry { group: group.to_owned(), singular, is_namespaced };
        self.entries.insert((group.to_owned(), version.to_owned(), plural.to_owned()), entry);
    }

    /// Finds a resource; upper-case letters in its name do not count.
    pub(crate) fn find(&self, group: &str, version: &str, resource: &str) -> Option<ApiEntry> {
        let resource = resource.to_lowercase();
        let exact = (group.to_owned(), version.to_owned(), resource.clone());
        if let Some(entry) = self.entries.get(&exact) {
            return Some(entry.clone());
        }
        let named = || self.entries.iter().filter(|((_, _, plural), _)| *plural == resource);
        match (group.is_empty(), version.is_empty()) {
            (_, true) => named().find(|((g, _, _), _)| g == group).map(|(_, entry)| entry.clone()),
            // The map is sorted, so the core group comes first.
            (true, false) => named().find(|((_, v, _), _)| v == version).map(|(_, entry)| entry.clone()),
            (false, false) => None,
        }
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for ((group, version, plural), entry) in &self.entries {
            hash.update(format!("{group}|{version}|{plural}|{}|{}\n", entry.singular, entry.is_namespaced));
        }
        hash.finalize().into()
    }
}

fn versions_of(groups: &Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for group in groups["groups"].as_array().into_iter().flatten() {
        let name = group["name"].as_str().unwrap_or_default();
        for version in group["versions"].as_array().into_iter().flatten() {
            all.push((name.to_owned(), version["version"].as_str().unwrap_or_default().to_owned()));
        }
    }
    all.truncate(VERSIONS_MAX);
    all
}

async fn get(client: &Client, path: &str, accept: &str) -> Result<Value, kube::Error> {
    let request =
        Request::get(path).header(header::ACCEPT, accept).body(Vec::new()).map_err(kube::Error::HttpError)?;
    client.request(request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn table() -> Table {
        let mut table = Table::default();
        table.add_version(
            "",
            "v1",
            &json!({"resources": [
                {"name": "configmaps", "singularName": "configmap", "namespaced": true, "kind": "ConfigMap"},
                {"name": "namespaces/status", "singularName": "", "namespaced": false, "kind": "Namespace"},
            ]}),
        );
        assert!(table.add_aggregated(&json!({"kind": "APIGroupDiscoveryList", "items": [{
            "metadata": {"name": "s.io"},
            "versions": [{"version": "v1", "resources": [
                {"resource": "buckets", "singularResource": "", "scope": "Cluster", "responseKind": {"kind": "Bucket"}},
            ]}],
        }]})));
        table
    }

    #[test]
    fn rbw_07_resource_is_found_by_group_version_and_any_version() {
        let found = table().find("s.io", "", "Buckets").unwrap();
        assert_eq!((found.singular.as_str(), found.is_namespaced), ("bucket", false));
        assert!(table().find("", "v1", "configmaps").unwrap().is_namespaced);
        assert_eq!(table().find("", "v1", "buckets").unwrap().group, "s.io");
        assert!(table().find("other.io", "v1", "buckets").is_none());
        assert!(table().find("", "v1", "namespaces").is_none(), "a subresource is no resource");
    }
}
