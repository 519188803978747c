//! The objects of a fake server, with their history.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::{Arc, OnceLock},
};

use serde_json::{Value, json};

use super::kinds::Kinds;

/// Changes that are remembered; watches from before expire.
const HISTORY: usize = 200_000;

/// An object with its JSON text, made when first asked for.
pub(crate) struct Stored {
    pub(crate) value: Value,
    text: OnceLock<Box<str>>,
}

impl Stored {
    fn new(value: Value) -> Arc<Self> {
        Arc::new(Stored { value, text: OnceLock::new() })
    }

    pub(crate) fn text(&self) -> &str {
        self.text.get_or_init(|| self.value.to_string().into())
    }
}

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    pub(crate) group: String,
    pub(crate) plural: String,
    pub(crate) cluster: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
}

impl Address {
    pub(crate) fn new(cluster: &str, group: &str, plural: &str, namespace: Option<&str>, name: &str) -> Self {
        Address {
            group: group.to_owned(),
            plural: plural.to_owned(),
            cluster: cluster.to_owned(),
            namespace: namespace.filter(|namespace| !namespace.is_empty()).map(str::to_owned),
            name: name.to_owned(),
        }
    }

    /// A continue token that names this address.
    pub(crate) fn token(&self) -> String {
        let namespace = self.namespace.as_deref().unwrap_or_default();
        [&self.group, &self.plural, &self.cluster, namespace, &self.name].join("~")
    }

    pub(crate) fn from_token(token: &str) -> Option<Self> {
        let mut parts = token.split('~');
        let mut next = || parts.next();
        let (group, plural, cluster) = (next()?, next()?, next()?);
        let (namespace, name) = (next()?, next()?);
        Some(Self::new(cluster, group, plural, Some(namespace), name))
    }

    pub(crate) fn of(cluster: &str, object: &Value, plural: &str) -> Self {
        let group = object["apiVersion"]
            .as_str()
            .and_then(|text| text.split_once('/'))
            .map_or("", |(group, _)| group);
        let metadata = &object["metadata"];
        Self::new(
            cluster,
            group,
            plural,
            metadata["namespace"].as_str(),
            metadata["name"].as_str().unwrap_or_default(),
        )
    }
}

/// One change.
#[derive(Clone)]
pub(crate) struct Event {
    pub(crate) revision: u64,
    pub(crate) address: Address,
    pub(crate) old: Option<Arc<Stored>>,
    pub(crate) new: Option<Arc<Stored>>,
}

#[derive(Default)]
pub(crate) struct Objects {
    pub(crate) revision: u64,
    pub(crate) compacted: u64,
    objects: BTreeMap<Address, Arc<Stored>>,
    log: VecDeque<Event>,
    uid: u64,
    pub(crate) kinds: Kinds,
}

impl Objects {
    pub(crate) fn get(&self, address: &Address) -> Option<Value> {
        self.stored(address).map(|stored| stored.value.clone())
    }

    pub(crate) fn stored(&self, address: &Address) -> Option<Arc<Stored>> {
        self.objects.get(address).cloned()
    }

    /// Objects of one kind, those behind `after` only.
    pub(crate) fn of_kind<'a>(
        &'a self,
        group: &'a str,
        plural: &'a str,
        after: Option<Address>,
    ) -> impl Iterator<Item = (&'a Address, &'a Arc<Stored>)> {
        let first =
            after.map_or_else(|| Bound::Included(Address::new("", group, plural, None, "")), Bound::Excluded);
        let range = self.objects.range((first, Bound::Unbounded));
        range.take_while(move |(address, _)| address.group == group && address.plural == plural)
    }

    /// Writes an object with a new revision and what the server fills in.
    pub(crate) fn put(&mut self, address: Address, mut object: Value) -> Value {
        self.revision += 1;
        self.kinds.learn(&address, &object);
        let before = self.objects.get(&address).cloned();
        let old = before.as_ref().map(|stored| &stored.value);
        let metadata = &mut object["metadata"];
        metadata["resourceVersion"] = json!(self.revision.to_string());
        metadata["annotations"]["kcp.io/cluster"] = json!(address.cluster);
        match old {
            None => {
                self.uid += 1;
                if metadata["uid"].is_null() {
                    metadata["uid"] = json!(format!("uid-{}", self.uid));
                }
                if metadata["creationTimestamp"].is_null() {
                    metadata["creationTimestamp"] = json!("2024-01-01T00:00:00Z");
                }
                if metadata["generation"].is_null() {
                    metadata["generation"] = json!(1);
                }
            }
            Some(old) => {
                for field in ["uid", "creationTimestamp"] {
                    metadata[field] = old["metadata"][field].clone();
                }
                let deletion = |object: &Value| object["metadata"]["deletionTimestamp"].is_null();
                let changed = old["spec"] != object["spec"] || deletion(old) != deletion(&object);
                let generation = old["metadata"]["generation"].as_i64().unwrap_or(1) + i64::from(changed);
                object["metadata"]["generation"] = json!(generation);
            }
        }
        let stored = Stored::new(object.clone());
        self.objects.insert(address.clone(), stored.clone());
        self.note(Event { revision: self.revision, address, old: before, new: Some(stored) });
        object
    }

    fn note(&mut self, event: Event) {
        self.log.push_back(event);
        if self.log.len() > HISTORY
            && let Some(oldest) = self.log.pop_front()
        {
            self.compacted = oldest.revision;
        }
    }

    pub(crate) fn remove(&mut self, address: &Address) -> Option<Value> {
        let old = self.objects.remove(address)?;
        self.revision += 1;
        let address = address.clone();
        let value = old.value.clone();
        self.note(Event { revision: self.revision, address, old: Some(old), new: None });
        Some(value)
    }

    pub(crate) fn compact(&mut self) {
        self.log.clear();
        self.revision += 1;
        self.compacted = self.revision;
    }

    /// Changes after a revision; none if the history does not go back that far.
    pub(crate) fn since(&self, revision: u64) -> Option<Vec<Event>> {
        if revision < self.compacted {
            return None;
        }
        let first = self.log.partition_point(|event| event.revision <= revision);
        Some(self.log.range(first..).cloned().collect())
    }
}
