//! Service accounts: every namespace has one named `default`, token secrets are filled, and the root certificates lie in
//! a ConfigMap.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::queue::Queue;
use super::{Controllers, is_settled};
use crate::error::ApiError;
use crate::lifecycle::namespaces_prefix;
use crate::local::{DeleteParams, WriteParams};
use crate::names::GroupVersionResource;
use crate::object;
use crate::partition::{Partition, Scope};
use crate::resource::StoragePrefix;
use crate::store::{Change, Event, Fed, ObjectKey, Range};
use crate::tokens::TokenClaims;

const CALLER: &str = "service-account-controller";
const ROOT_CERTIFICATES: &str = "kube-root-ca.crt";
const TOKEN_TYPE: &str = "kubernetes.io/service-account-token";
const ACCOUNT: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Namespace(Partition, String),
    Secret(Partition, String, String),
}

pub(super) async fn run(controllers: &Controllers) {
    let feed = controllers.server.store().feed();
    let mut queue = Queue::new();
    scan(controllers, &mut queue);
    loop {
        tokio::select! {
            biased;
            fed = feed.next() => match fed {
                Fed::Lost => scan(controllers, &mut queue),
                Fed::Change(prefix, event) => see(controllers, &mut queue, &prefix, &event),
            },
            key = queue.next() => match settle(controllers, &key).await {
                Ok(()) => queue.done(&key),
                Err(error) => {
                    if !is_settled(&error) && error.code != 403 {
                        tracing::warn!(error = %error, "service accounts are retried");
                    }
                    queue.retry(key);
                }
            },
        }
    }
}

fn prefix(resource: &str) -> StoragePrefix {
    StoragePrefix::new("", resource)
}

fn scan(controllers: &Controllers, queue: &mut Queue<Key>) {
    let (store, everywhere) = (controllers.server.store(), Range::scope(Scope::All));
    for stored in store.list_all(&namespaces_prefix(), &everywhere).items {
        queue.push(Key::Namespace(stored.key.partition().clone(), stored.key.name().to_owned()));
    }
    for stored in store.list_all(&prefix("secrets"), &everywhere).items {
        if is_token(&stored.bytes) {
            queue.push(secret_key(&stored.key));
        }
    }
}

fn secret_key(key: &ObjectKey) -> Key {
    Key::Secret(key.partition().clone(), key.namespace().to_owned(), key.name().to_owned())
}

/// Whether bytes look like a token secret; spares decoding of most secrets.
fn is_token(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.contains(TOKEN_TYPE))
}

fn see(controllers: &Controllers, queue: &mut Queue<Key>, of: &StoragePrefix, event: &Event) {
    if !of.group.is_empty() || of.identity.is_some() {
        return;
    }
    let partition = event.key.partition();
    match (&*of.resource, event.change) {
        ("namespaces", Change::Added) => {
            queue.push(Key::Namespace(partition.clone(), event.key.name().to_owned()));
        }
        ("serviceaccounts" | "configmaps", Change::Deleted | Change::Modified)
            if matches!(event.key.name(), "default" | ROOT_CERTIFICATES) =>
        {
            queue.push(Key::Namespace(partition.clone(), event.key.namespace().to_owned()));
        }
        ("secrets", Change::Added | Change::Modified) if is_token(&event.object) => {
            queue.push(secret_key(&event.key))
        }
        _ => {}
    }
    if &*of.resource == "serviceaccounts" {
        // Secrets of an account are filled when it comes and go with it.
        let range = Range::in_namespace(Scope::One(partition.clone()), event.key.namespace());
        for stored in controllers.server.store().list_all(&prefix("secrets"), &range).items {
            if is_token(&stored.bytes) {
                queue.push(secret_key(&stored.key));
            }
        }
    }
}

async fn settle(controllers: &Controllers, key: &Key) -> Result<(), ApiError> {
    match key {
        Key::Namespace(partition, namespace) => furnish(controllers, partition, namespace).await,
        Key::Secret(partition, namespace, name) => fill(controllers, partition, namespace, name).await,
    }
}

/// The default account and the root certificates of a namespace.
async fn furnish(controllers: &Controllers, partition: &Partition, namespace: &str) -> Result<(), ApiError> {
    let store = controllers.server.store();
    let found = store.get(&namespaces_prefix(), &ObjectKey::new(partition.clone(), "", namespace));
    if found.is_none_or(|n| object::is_deleting(&n.value())) {
        return Ok(());
    }
    let caller = controllers.caller(partition, CALLER);
    let key = |name: &str| ObjectKey::new(partition.clone(), namespace, name);
    if controllers.default_accounts && store.get(&prefix("serviceaccounts"), &key("default")).is_none() {
        let account = json!({"metadata": {"name": "default", "namespace": namespace}});
        let gvr = GroupVersionResource::new("", "v1", "serviceaccounts");
        unless_there(caller.create(&gvr, account, &WriteParams::default()).await)?;
    }
    if controllers.root_certificates.is_empty() {
        return Ok(());
    }
    let data = json!({"ca.crt": controllers.root_certificates});
    let gvr = GroupVersionResource::new("", "v1", "configmaps");
    match store.get(&prefix("configmaps"), &key(ROOT_CERTIFICATES)).map(|s| s.value()) {
        None => {
            let text = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the \
                internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";
            let map = json!({
                "metadata": {"name": ROOT_CERTIFICATES, "namespace": namespace, "annotations": {"kubernetes.io/description": text}},
                "data": data,
            });
            unless_there(caller.create(&gvr, map, &WriteParams::default()).await)
        }
        Some(map) if map.get("data") != Some(&data) => {
            let mut map = map;
            map["data"] = data;
            caller.update(&gvr, map, &WriteParams::default()).await.map(|_| ())
        }
        Some(_) => Ok(()),
    }
}

fn unless_there(answer: Result<Value, ApiError>) -> Result<(), ApiError> {
    match answer {
        Err(error) if !error.is_already_exists() && !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

/// Fills a token secret, or removes it with its account.
async fn fill(
    controllers: &Controllers,
    partition: &Partition,
    namespace: &str,
    name: &str,
) -> Result<(), ApiError> {
    let store = controllers.server.store();
    let key = |name: &str| ObjectKey::new(partition.clone(), namespace, name);
    let Some(mut secret) = store.get(&prefix("secrets"), &key(name)).map(|s| s.value()) else {
        return Ok(());
    };
    let account = object::annotation(&secret, ACCOUNT).unwrap_or_default().to_owned();
    if secret.get("type").and_then(Value::as_str) != Some(TOKEN_TYPE) || account.is_empty() {
        return Ok(());
    }
    let caller = controllers.caller(partition, CALLER);
    let gvr = GroupVersionResource::new("", "v1", "secrets");
    let uid = store
        .get(&prefix("serviceaccounts"), &key(&account))
        .map(|s| object::uid(&s.value()).to_owned())
        .unwrap_or_default();
    let known = object::annotation(&secret, ACCOUNT_UID).unwrap_or_default();
    if uid.is_empty() || (!known.is_empty() && known != uid) {
        if known.is_empty() {
            // The account may still come.
            return Ok(());
        }
        let params = DeleteParams { uid: Some(object::uid(&secret).to_owned()), ..DeleteParams::default() };
        return match caller.delete(&gvr, namespace, name, &params).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        };
    }
    let has = |key: &str| {
        secret.pointer(&format!("/data/{key}")).and_then(Value::as_str).is_some_and(|t| !t.is_empty())
    };
    let Some(issuer) = &controllers.tokens else { return Ok(()) };
    if has("token") && has("namespace") && known == uid {
        return Ok(());
    }
    let claims = TokenClaims {
        partition: partition.clone(),
        namespace: namespace.to_owned(),
        name: account,
        uid: uid.clone(),
        audiences: Vec::new(),
        seconds: None,
        secret: Some((name.to_owned(), object::uid(&secret).to_owned())),
    };
    let token = issuer.issue(&claims).await?.token;
    object::set_annotation(&mut secret, ACCOUNT_UID, &uid);
    if !secret.get("data").is_some_and(Value::is_object) {
        secret["data"] = json!({});
    }
    secret["data"]["token"] = STANDARD.encode(token).into();
    secret["data"]["namespace"] = STANDARD.encode(namespace).into();
    if !controllers.root_certificates.is_empty() {
        secret["data"]["ca.crt"] = STANDARD.encode(&controllers.root_certificates).into();
    }
    caller.update(&gvr, secret, &WriteParams::default()).await.map(|_| ())
}
