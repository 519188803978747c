//! Who depends on whom, by the uids in owner references.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::object;
use crate::partition::Partition;
use crate::resource::StoragePrefix;
use crate::store::ObjectKey;

/// An object anywhere in the store.
pub(super) type Place = (StoragePrefix, ObjectKey);

/// Dependents by the uid of their owner. Uids of other partitions are other owners.
#[derive(Default)]
pub(super) struct Graph {
    dependents: HashMap<(Partition, String), HashSet<Place>>,
}

impl Graph {
    /// Takes over the owner references of an object; `before` and `after` are its states, where there are any.
    pub(super) fn change(&mut self, place: &Place, before: Option<&Value>, after: Option<&Value>) {
        let partition = place.1.partition();
        let uids = |object: Option<&Value>| -> HashSet<String> {
            object.map(owner_uids).unwrap_or_default().into_iter().map(str::to_owned).collect()
        };
        let (old, new) = (uids(before), uids(after));
        for uid in old.difference(&new) {
            let key = (partition.clone(), uid.clone());
            if let Some(places) = self.dependents.get_mut(&key) {
                places.remove(place);
                if places.is_empty() {
                    self.dependents.remove(&key);
                }
            }
        }
        for uid in new {
            self.dependents.entry((partition.clone(), uid)).or_default().insert(place.clone());
        }
    }

    /// The dependents of an owner.
    pub(super) fn of(&self, partition: &Partition, uid: &str) -> Vec<Place> {
        self.dependents
            .get(&(partition.clone(), uid.to_owned()))
            .map(|places| places.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// Whether nobody depends on anybody.
    pub(super) fn is_empty(&self) -> bool {
        self.dependents.is_empty()
    }
}

/// The uids of all owners.
pub(super) fn owner_uids(object: &Value) -> Vec<&str> {
    object::owner_references(object).iter().filter_map(|o| o.get("uid").and_then(Value::as_str)).collect()
}
