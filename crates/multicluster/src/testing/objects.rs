//! The objects of a fake server, with their history.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

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
    pub(crate) old: Option<Value>,
    pub(crate) new: Option<Value>,
}

#[derive(Default)]
pub(crate) struct Objects {
    pub(crate) revision: u64,
    pub(crate) compacted: u64,
    objects: BTreeMap<Address, Value>,
    log: VecDeque<Event>,
    uid: u64,
}

impl Objects {
    pub(crate) fn get(&self, address: &Address) -> Option<Value> {
        self.objects.get(address).cloned()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Address, &Value)> {
        self.objects.iter()
    }

    /// Writes an object with a new revision and what the server fills in.
    pub(crate) fn put(&mut self, address: Address, mut object: Value) -> Value {
        self.revision += 1;
        let old = self.objects.get(&address).cloned();
        let metadata = &mut object["metadata"];
        metadata["resourceVersion"] = json!(self.revision.to_string());
        metadata["annotations"]["kcp.io/cluster"] = json!(address.cluster);
        match &old {
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
        self.objects.insert(address.clone(), object.clone());
        self.log.push_back(Event { revision: self.revision, address, old, new: Some(object.clone()) });
        object
    }

    pub(crate) fn remove(&mut self, address: &Address) -> Option<Value> {
        let old = self.objects.remove(address)?;
        self.revision += 1;
        self.log.push_back(Event {
            revision: self.revision,
            address: address.clone(),
            old: Some(old.clone()),
            new: None,
        });
        Some(old)
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
