//! Roles and bindings of every cluster, indexed by subject: RBAC questions read this, not the store.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use apiserver::{Partition, StoragePrefix, UserInfo, rbac::Rule, store::ObjectKey};
use parking_lot::RwLock;
use serde_json::Value;
use verdict::PolicyRule;

use crate::{
    authorization::{Action, Rules},
    feeds::{Feeds, Sink},
};

const GROUP: &str = "rbac.authorization.k8s.io";

/// The cluster whose roles and bindings hold everywhere.
const BOOTSTRAP: &str = "system:admin";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ClusterRole,
    Role,
    ClusterRoleBinding,
    RoleBinding,
}

/// The index. Cheap to share by reference.
#[derive(Default)]
pub struct RbacIndex {
    clusters: RwLock<HashMap<Partition, ClusterRbac>>,
}

impl std::fmt::Debug for RbacIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RbacIndex").field("clusters", &self.clusters.read().len()).finish()
    }
}

/// Namespace (empty at the cluster scope) and name.
type Place = (Arc<str>, Arc<str>);

#[derive(Default)]
struct ClusterRbac {
    roles: BTreeMap<Place, Arc<[Rule]>>,
    bindings: BTreeMap<Place, Binding>,
    /// Bindings by `u:<user>` and `g:<group>`.
    by_subject: HashMap<Box<str>, BTreeSet<Place>>,
}

struct Binding {
    role_is_cluster_wide: bool,
    role: Arc<str>,
    subjects: Vec<Box<str>>,
}

impl RbacIndex {
    /// Registers the four kinds of RBAC with the feeds.
    pub fn follow(self: &Arc<Self>, feeds: &Feeds) {
        let kinds = [
            ("clusterroles", Kind::ClusterRole),
            ("roles", Kind::Role),
            ("clusterrolebindings", Kind::ClusterRoleBinding),
            ("rolebindings", Kind::RoleBinding),
        ];
        for (resource, kind) in kinds {
            feeds.add(StoragePrefix::new(GROUP, resource), Arc::new(Follower { index: self.clone(), kind }));
        }
    }

    /// The rules of a role as `cluster` sees it: its own first, then that of `system:admin`.
    pub fn role_rules(
        &self,
        cluster: &Partition,
        namespace: Option<&str>,
        name: &str,
    ) -> Option<Arc<[Rule]>> {
        let clusters = self.clusters.read();
        role(&clusters, cluster, namespace.unwrap_or_default(), name)
    }
}

fn role(
    clusters: &HashMap<Partition, ClusterRbac>,
    cluster: &Partition,
    namespace: &str,
    name: &str,
) -> Option<Arc<[Rule]>> {
    let place: Place = (namespace.into(), name.into());
    let own = clusters.get(cluster).and_then(|c| c.roles.get(&place));
    let shared = || {
        namespace.is_empty().then(|| clusters.get(&Partition::from(BOOTSTRAP))?.roles.get(&place)).flatten()
    };
    own.or_else(shared).cloned()
}

impl ClusterRbac {
    /// Bindings that reach the user: cluster-wide ones and those of `namespace`.
    fn bindings_of<'a>(
        &'a self,
        user: &UserInfo,
        namespace: &str,
    ) -> impl Iterator<Item = (&'a Place, &'a Binding, String)> + use<'a> {
        let subjects =
            std::iter::once(format!("u:{}", user.name)).chain(user.groups.iter().map(|g| format!("g:{g}")));
        let mut found = Vec::new();
        for subject in subjects {
            for place in self.by_subject.get(subject.as_str()).into_iter().flatten() {
                if (place.0.is_empty() || &*place.0 == namespace)
                    && let Some(binding) = self.bindings.get(place)
                {
                    found.push((place, binding, subject.clone()));
                }
            }
        }
        found.into_iter()
    }

    fn put_binding(&mut self, place: Place, object: &Value) {
        self.drop_binding(&place);
        let subjects: Vec<Box<str>> = object["subjects"]
            .as_array()
            .map(|subjects| subjects.iter().filter_map(|s| subject_key(s, &place.0)).collect())
            .unwrap_or_default();
        for subject in &subjects {
            self.by_subject.entry(subject.clone()).or_default().insert(place.clone());
        }
        let reference = &object["roleRef"];
        let binding = Binding {
            role_is_cluster_wide: reference["kind"] == "ClusterRole",
            role: reference["name"].as_str().unwrap_or_default().into(),
            subjects,
        };
        self.bindings.insert(place, binding);
    }

    fn drop_binding(&mut self, place: &Place) {
        let Some(binding) = self.bindings.remove(place) else { return };
        for subject in &binding.subjects {
            if let Some(places) = self.by_subject.get_mut(subject) {
                places.remove(place);
                if places.is_empty() {
                    self.by_subject.remove(subject);
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.bindings.is_empty()
    }
}

fn subject_key(subject: &Value, binding_namespace: &str) -> Option<Box<str>> {
    let name = subject["name"].as_str()?;
    match subject["kind"].as_str()? {
        "User" => Some(format!("u:{name}").into()),
        "Group" => Some(format!("g:{name}").into()),
        "ServiceAccount" => {
            let namespace =
                subject["namespace"].as_str().filter(|n| !n.is_empty()).unwrap_or(binding_namespace);
            (!namespace.is_empty()).then(|| format!("u:system:serviceaccount:{namespace}:{name}").into())
        }
        _ => None,
    }
}

impl Rules for RbacIndex {
    fn granting(&self, cluster: &Partition, user: &UserInfo, action: &Action) -> Option<PolicyRule> {
        let clusters = self.clusters.read();
        let rbac = clusters.get(cluster)?;
        let namespace = action.resource().map(|a| a.namespace.as_str()).unwrap_or_default();
        for (place, binding, subject) in rbac.bindings_of(user, namespace) {
            let role_namespace = if binding.role_is_cluster_wide { "" } else { &*place.0 };
            // A role binding reaches resources of its namespace only, never paths.
            if !place.0.is_empty() && action.resource().is_none() {
                continue;
            }
            let Some(rules) = role(&clusters, cluster, role_namespace, &binding.role) else { continue };
            if rules.iter().any(|rule| rule.grants(&action.as_request())) {
                return Some(policy_rule(place, binding, &subject));
            }
        }
        None
    }

    fn rules_for(&self, cluster: &Partition, user: &UserInfo, namespace: Option<&str>) -> Vec<Rule> {
        let clusters = self.clusters.read();
        let Some(rbac) = clusters.get(cluster) else { return Vec::new() };
        rbac.bindings_of(user, namespace.unwrap_or_default())
            .filter_map(|(place, binding, _)| {
                let role_namespace = if binding.role_is_cluster_wide { "" } else { &*place.0 };
                role(&clusters, cluster, role_namespace, &binding.role)
            })
            .flat_map(|rules| rules.to_vec())
            .collect()
    }
}

fn policy_rule(place: &Place, binding: &Binding, subject: &str) -> PolicyRule {
    let (namespace, name) = place;
    let subject = match subject.split_once(':') {
        Some(("u", user)) => match user.strip_prefix("system:serviceaccount:") {
            Some(account) => format!("ServiceAccount {}", account.replacen(':', "/", 1)),
            None => format!("User {user}"),
        },
        Some((_, group)) => format!("Group {group}"),
        None => subject.to_owned(),
    };
    PolicyRule {
        role_kind: if binding.role_is_cluster_wide { "ClusterRole" } else { "Role" }.to_owned(),
        role: binding.role.to_string(),
        binding_kind: if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" }.to_owned(),
        binding: if namespace.is_empty() { name.to_string() } else { format!("{namespace}/{name}") },
        subject,
    }
}

struct Follower {
    index: Arc<RbacIndex>,
    kind: Kind,
}

impl Sink for Follower {
    fn upsert(&self, key: &ObjectKey, object: &Value) {
        let mut clusters = self.index.clusters.write();
        let rbac = clusters.entry(key.partition().clone()).or_default();
        let place: Place = (key.namespace().into(), key.name().into());
        match self.kind {
            Kind::ClusterRole | Kind::Role => {
                rbac.roles.insert(place, Rule::all_of(object).into());
            }
            Kind::ClusterRoleBinding | Kind::RoleBinding => rbac.put_binding(place, object),
        }
    }

    fn remove(&self, key: &ObjectKey) {
        let mut clusters = self.index.clusters.write();
        let Some(rbac) = clusters.get_mut(key.partition()) else { return };
        let place: Place = (key.namespace().into(), key.name().into());
        match self.kind {
            Kind::ClusterRole | Kind::Role => {
                rbac.roles.remove(&place);
            }
            Kind::ClusterRoleBinding | Kind::RoleBinding => rbac.drop_binding(&place),
        }
        if rbac.is_empty() {
            clusters.remove(key.partition());
        }
    }

    fn clear(&self) {
        let namespaced = matches!(self.kind, Kind::Role | Kind::RoleBinding);
        for rbac in self.index.clusters.write().values_mut() {
            match self.kind {
                Kind::ClusterRole | Kind::Role => {
                    rbac.roles.retain(|place, _| place.0.is_empty() == namespaced)
                }
                Kind::ClusterRoleBinding | Kind::RoleBinding => {
                    let gone: Vec<Place> = rbac
                        .bindings
                        .keys()
                        .filter(|place| place.0.is_empty() != namespaced)
                        .cloned()
                        .collect();
                    gone.iter().for_each(|place| rbac.drop_binding(place));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::authorization::ResourceAction;

    fn put(index: &Arc<RbacIndex>, kind: Kind, cluster: &str, namespace: &str, name: &str, object: Value) {
        let key = ObjectKey::new(Partition::from(cluster), namespace, name);
        Follower { index: index.clone(), kind }.upsert(&key, &object);
    }

    fn get_secrets(namespace: &str) -> Action {
        Action::Resource(ResourceAction {
            verb: "get".into(),
            resource: "secrets".into(),
            namespace: namespace.into(),
            ..ResourceAction::default()
        })
    }

    #[test]
    fn auz_02_role_binding_grants_in_its_namespace_and_local_role_hides_the_bootstrap_one() {
        let index = Arc::new(RbacIndex::default());
        let (admin, local) = (Partition::from("system:admin"), Partition::from("c1"));
        let reader = json!({"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}]});
        put(&index, Kind::ClusterRole, "system:admin", "", "reader", reader);
        let binding = json!({"roleRef": {"kind": "ClusterRole", "name": "reader"},
            "subjects": [{"kind": "User", "name": "alice"}, {"kind": "ServiceAccount", "name": "rest"}]});
        put(&index, Kind::RoleBinding, "c1", "a", "b", binding);
        let alice = UserInfo { name: "alice".into(), ..UserInfo::default() };
        let rule = index.granting(&local, &alice, &get_secrets("a")).unwrap();
        assert_eq!(rule.to_string(), "ClusterRole `reader` through RoleBinding `a/b` to User alice");
        assert!(index.granting(&local, &alice, &get_secrets("other")).is_none());
        assert!(index.granting(&admin, &alice, &get_secrets("a")).is_none());
        let rest = UserInfo { name: "system:serviceaccount:a:rest".into(), ..UserInfo::default() };
        assert!(index.granting(&local, &rest, &get_secrets("a")).is_some());
        put(&index, Kind::ClusterRole, "c1", "", "reader", json!({"rules": []}));
        assert!(index.granting(&local, &alice, &get_secrets("a")).is_none());
    }

    #[test]
    fn auz_09_grant_ends_with_its_binding() {
        let index = Arc::new(RbacIndex::default());
        let cluster = Partition::from("c1");
        let all = json!({"rules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]});
        put(&index, Kind::ClusterRole, "c1", "", "all", all);
        let binding = json!({"roleRef": {"kind": "ClusterRole", "name": "all"}, "subjects": [{"kind": "Group", "name": "g"}]});
        put(&index, Kind::ClusterRoleBinding, "c1", "", "b", binding);
        let user = UserInfo { name: "u".into(), groups: vec!["g".into()], ..UserInfo::default() };
        let access = Action::path("access", "/");
        assert!(index.granting(&cluster, &user, &access).is_some());
        let follower = Follower { index: index.clone(), kind: Kind::ClusterRoleBinding };
        follower.remove(&ObjectKey::new(cluster.clone(), "", "b"));
        assert!(index.granting(&cluster, &user, &access).is_none());
    }
}
