//! Roles and bindings in memory, bindings found by subject.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use serde_json::Value;

use super::{Binding, Role, RoleRef, Rule, RuleSource, Subject};
use crate::UserInfo;

/// Namespace and name; the namespace is empty at the cluster scope.
type Place = (String, String);

/// The roles and bindings of one place. A question costs as much as the user has bindings.
#[derive(Clone, Debug, Default)]
pub struct RbacIndex {
    roles: HashMap<Place, Arc<Role>>,
    bindings: BTreeMap<Place, Arc<Binding>>,
    by_subject: HashMap<Subject, BTreeSet<Place>>,
}

impl RbacIndex {
    /// An empty index.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a role or binding, or replaces it. Objects of other kinds are left out; a binding that refers to no
    /// known kind of role grants nothing.
    pub fn put(&mut self, object: &Value) {
        let Some(place) = place_of(object) else { return };
        match kind_of(object) {
            "ClusterRole" | "Role" => {
                self.roles.insert(place, Arc::new(Role { rules: Rule::all_of(object) }));
            }
            "ClusterRoleBinding" | "RoleBinding" => {
                self.drop_binding(&place);
                let Some(binding) = Binding::from_value(object) else { return };
                for subject in &binding.subjects {
                    self.by_subject.entry(subject.clone()).or_default().insert(place.clone());
                }
                self.bindings.insert(place, Arc::new(binding));
            }
            _ => {}
        }
    }

    /// Takes out a role or binding; only kind, namespace and name count.
    pub fn remove(&mut self, object: &Value) {
        let Some(place) = place_of(object) else { return };
        match kind_of(object) {
            "ClusterRole" | "Role" => drop(self.roles.remove(&place)),
            "ClusterRoleBinding" | "RoleBinding" => self.drop_binding(&place),
            _ => {}
        }
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
}

impl RuleSource for RbacIndex {
    fn bindings_of(&self, user: &UserInfo, namespace: &str) -> Vec<(Arc<Binding>, Subject)> {
        let mut found: BTreeMap<&Place, Subject> = BTreeMap::new();
        for subject in Subject::of_user(user) {
            for place in self.by_subject.get(&subject).into_iter().flatten() {
                if place.0.is_empty() || place.0 == namespace {
                    found.entry(place).or_insert_with(|| subject.clone());
                }
            }
        }
        // The empty namespace sorts first: cluster-wide bindings come first.
        let bindings = found.into_iter().filter_map(|(p, s)| Some((self.bindings.get(p)?.clone(), s)));
        bindings.collect()
    }

    fn role(&self, namespace: &str, reference: &RoleRef) -> Option<Arc<Role>> {
        let place = match reference {
            RoleRef::ClusterRole(name) => (String::new(), name.clone()),
            RoleRef::Role(name) => (namespace.to_owned(), name.clone()),
        };
        self.roles.get(&place).cloned()
    }
}

fn kind_of(object: &Value) -> &str {
    object.get("kind").and_then(Value::as_str).unwrap_or_default()
}

fn place_of(object: &Value) -> Option<Place> {
    let metadata = object.get("metadata")?;
    let namespace = metadata.get("namespace").and_then(Value::as_str).unwrap_or_default();
    let namespace = if kind_of(object).starts_with("Cluster") { "" } else { namespace };
    Some((namespace.to_owned(), metadata.get("name")?.as_str()?.to_owned()))
}
