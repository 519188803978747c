//! Objects of all clusters, and what kcp does with workspaces.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::sync::mpsc;

type Refusal = (u16, &'static str);
type Key = (String, String, String);

#[derive(Default)]
pub struct State {
    version: u64,
    objects: BTreeMap<Key, Value>,
    events: Vec<(u64, String, Value)>,
    watchers: Vec<(String, mpsc::UnboundedSender<Value>)>,
    pub writes: Vec<String>,
    pub conflicts: Vec<String>,
}

fn key(cluster: &str, plural: &str, name: &str) -> Key {
    (cluster.to_owned(), plural.to_owned(), name.to_owned())
}

impl State {
    pub fn get(&self, cluster: &str, plural: &str, name: &str) -> Option<Value> {
        self.objects.get(&key(cluster, plural, name)).cloned()
    }

    pub fn list(&self, cluster: &str, plural: &str) -> Value {
        let items: Vec<&Value> = self
            .objects
            .iter()
            .filter(|((at, kind, _), _)| (cluster == "*" || cluster == at) && kind == plural)
            .map(|(_, object)| object)
            .collect();
        json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": self.version.to_string()}, "items": items})
    }

    pub fn watch(&mut self, plural: &str, from: u64) -> (Vec<Value>, mpsc::UnboundedReceiver<Value>) {
        let past = self.events.iter().filter(|(version, kind, _)| *version > from && kind == plural);
        let past = past.map(|(_, _, event)| event.clone()).collect();
        let (sender, receiver) = mpsc::unbounded_channel();
        self.watchers.push((plural.to_owned(), sender));
        (past, receiver)
    }

    pub fn history<'a>(&'a self, plural: &'a str) -> impl Iterator<Item = &'a Value> {
        self.events.iter().filter(move |(_, kind, _)| kind == plural).map(|(_, _, event)| &event["object"])
    }

    fn tell(&mut self, plural: &str, kind: &str, object: &Value) {
        let event = json!({"type": kind, "object": object});
        self.events.push((self.version, plural.to_owned(), event.clone()));
        self.watchers.retain(|(wanted, watcher)| wanted != plural || watcher.send(event.clone()).is_ok());
    }

    fn store(&mut self, cluster: &str, plural: &str, mut object: Value, kind: &str) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let done = !object["metadata"]["deletionTimestamp"].is_null()
            && object["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty);
        if done {
            self.objects.remove(&key(cluster, plural, &name));
            self.tell(plural, "DELETED", &object);
        } else {
            self.objects.insert(key(cluster, plural, &name), object.clone());
            self.tell(plural, kind, &object);
        }
        object
    }

    pub fn create(&mut self, cluster: &str, plural: &str, mut object: Value) -> Result<Value, Refusal> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if self.get(cluster, plural, &name).is_some() {
            return Err((409, "AlreadyExists"));
        }
        object["metadata"]["uid"] = json!(format!("uid-{}", self.version + 1));
        object["metadata"]["generation"] = json!(1);
        object["metadata"]["creationTimestamp"] = json!("2026-01-02T03:04:05Z");
        object["metadata"]["annotations"]["kcp.io/cluster"] = json!(cluster);
        if plural == "workspaces" {
            object["metadata"]["finalizers"] = json!(["core.kcp.io/logicalcluster"]);
        }
        Ok(self.store(cluster, plural, object, "ADDED"))
    }

    pub fn patch(
        &mut self,
        cluster: &str,
        plural: &str,
        name: &str,
        patch: Value,
        status: bool,
    ) -> Result<Value, Refusal> {
        let old = self.get(cluster, plural, name).ok_or((404, "NotFound"))?;
        let expected = &patch["metadata"]["resourceVersion"];
        if !expected.is_null() && *expected != old["metadata"]["resourceVersion"] {
            return Err((409, "Conflict"));
        }
        let mut new = old.clone();
        if status {
            merge(&mut new, &json!({"status": patch["status"]}));
        } else {
            merge(&mut new, &patch);
            new["status"] = old["status"].clone();
        }
        new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].clone();
        if new == old {
            return Ok(old);
        }
        if new["spec"] != old["spec"] {
            new["metadata"]["generation"] = json!(old["metadata"]["generation"].as_i64().unwrap() + 1);
        }
        Ok(self.store(cluster, plural, new, "MODIFIED"))
    }

    pub fn delete(
        &mut self,
        cluster: &str,
        plural: &str,
        name: &str,
        uid: Option<&str>,
    ) -> Result<Value, Refusal> {
        let mut object = self.get(cluster, plural, name).ok_or((404, "NotFound"))?;
        if uid.is_some_and(|uid| object["metadata"]["uid"] != uid) {
            return Err((409, "Conflict"));
        }
        if object["metadata"]["deletionTimestamp"].is_null() {
            object["metadata"]["deletionTimestamp"] = json!("2026-01-02T04:00:00Z");
            object = self.store(cluster, plural, object, "MODIFIED");
        }
        Ok(object)
    }

    /// What kcp's controllers and the security operator's initializer do: types become ready, workspaces get a logical
    /// cluster, become ready once they hold AccountInfo, and take their content with them. Returns new and lost clusters.
    pub fn react(&mut self, paths: &[(String, String)]) -> (Vec<(String, String)>, Vec<String>) {
        let (mut engage, mut disengage) = (Vec::new(), Vec::new());
        loop {
            let before = self.version;
            let all: Vec<(Key, Value)> =
                self.objects.iter().map(|(key, object)| (key.clone(), object.clone())).collect();
            for ((cluster, plural, name), object) in all {
                match plural.as_str() {
                    "workspacetypes" if object["status"].is_null() => {
                        let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-02T03:04:05Z"}]}});
                        self.patch(&cluster, &plural, &name, ready, true).unwrap();
                    }
                    "workspaces" => {
                        self.workspace(&cluster, &name, &object, paths, &mut engage, &mut disengage)
                    }
                    _ => {}
                }
            }
            if self.version == before {
                return (engage, disengage);
            }
        }
    }

    fn workspace(
        &mut self,
        cluster: &str,
        name: &str,
        object: &Value,
        paths: &[(String, String)],
        engage: &mut Vec<(String, String)>,
        disengage: &mut Vec<String>,
    ) {
        let Some(inside) = object["spec"]["cluster"].as_str().map(str::to_owned) else {
            let Some((_, parent)) = paths.iter().find(|(id, _)| id == cluster) else { return };
            let (id, path) = (format!("{name}id{}", self.version), format!("{parent}:{name}"));
            let url = format!("https://kcp.test/clusters/{path}");
            self.patch(cluster, "workspaces", name, json!({"spec": {"cluster": id, "URL": url}}), false)
                .unwrap();
            self.patch(cluster, "workspaces", name, json!({"status": {"phase": "Initializing"}}), true)
                .unwrap();
            engage.push((id, path));
            return;
        };
        if !object["metadata"]["deletionTimestamp"].is_null() {
            let content: Vec<Key> = self.objects.keys().filter(|(at, _, _)| *at == inside).cloned().collect();
            for (at, plural, name) in &content {
                let _ = self.delete(at, plural, name, None);
            }
            if content.is_empty() {
                disengage.push(inside);
                self.patch(cluster, "workspaces", name, json!({"metadata": {"finalizers": null}}), false)
                    .unwrap();
            }
        } else if object["status"]["phase"] == "Initializing"
            && self.get(&inside, "accountinfos", "account").is_some()
        {
            self.patch(cluster, "workspaces", name, json!({"status": {"phase": "Ready"}}), true).unwrap();
        }
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(target.as_object_mut().unwrap().entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
