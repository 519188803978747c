//! Secondary indexes over a store: by any value of an object, in one cluster or over all.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::Arc,
};

use parking_lot::RwLock;

use crate::{ObjectKey, store::Place};

pub(crate) trait AnyIndex<K>: Send + Sync {
    fn update(&self, place: &Place, key: &ObjectKey, old: Option<&Arc<K>>, new: Option<&Arc<K>>);
}

struct Core<K, V> {
    values: fn(&K) -> Vec<V>,
    found: RwLock<HashMap<V, HashSet<(Place, ObjectKey)>>>,
}

/// A declared index; give it to [`FleetStore::by`](crate::FleetStore::by).
pub struct Index<K, V>(Arc<Core<K, V>>);

impl<K, V> Clone for Index<K, V> {
    fn clone(&self) -> Self {
        Index(self.0.clone())
    }
}

impl<K: Send + Sync + 'static, V: Hash + Eq + Send + Sync + 'static> Index<K, V> {
    pub(crate) fn new(values: fn(&K) -> Vec<V>) -> Self {
        Index(Arc::new(Core { values, found: RwLock::default() }))
    }

    pub(crate) fn any(&self) -> Arc<dyn AnyIndex<K>> {
        self.0.clone()
    }

    pub(crate) fn find(&self, value: &V) -> Vec<(Place, ObjectKey)> {
        self.0.found.read().get(value).map(|found| found.iter().cloned().collect()).unwrap_or_default()
    }
}

impl<K: Send + Sync, V: Hash + Eq + Send + Sync> AnyIndex<K> for Core<K, V> {
    fn update(&self, place: &Place, key: &ObjectKey, old: Option<&Arc<K>>, new: Option<&Arc<K>>) {
        let at = (place.clone(), key.clone());
        let mut found = self.found.write();
        for value in old.map(|old| (self.values)(old)).unwrap_or_default() {
            if let Some(set) = found.get_mut(&value) {
                set.remove(&at);
                if set.is_empty() {
                    found.remove(&value);
                }
            }
        }
        for value in new.map(|new| (self.values)(new)).unwrap_or_default() {
            found.entry(value).or_default().insert(at.clone());
        }
    }
}
