//! Service accounts: tokens issued and checked against what is stored, and the loop that gives every namespace its
//! default account and CA bundle, and secrets their tokens.

use std::sync::Arc;

use apiserver::{
    ApiError, Partition, StoragePrefix, Store,
    store::ObjectKey,
    tokens::{SignedToken, TokenClaims, TokenIssuer},
};
use async_trait::async_trait;
use base64::Engine as _;
use jiff::Timestamp;
use runtime::Tasks;
use serde_json::{Value, json};

use crate::{
    authentication::service_accounts::{ISSUER, ServiceAccountGetter, ServiceAccountTokens, TokenRequest},
    core::Core,
    reconcile::{self, Next, Source},
    records::{self, annotation},
};

const TOKEN_SECRET: &str = "kubernetes.io/service-account-token";
const ACCOUNT_NAME: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";
const CA_CONFIG_MAP: &str = "kube-root-ca.crt";

fn accounts() -> StoragePrefix {
    StoragePrefix::new("", "serviceaccounts")
}

fn secrets() -> StoragePrefix {
    StoragePrefix::new("", "secrets")
}

/// Reads accounts and secrets from the store.
pub struct StoredAccounts(pub Store);

impl StoredAccounts {
    fn uid(
        &self,
        prefix: &StoragePrefix,
        cluster: &Partition,
        namespace: &str,
        name: &str,
    ) -> Option<String> {
        let object = self.0.get(prefix, &ObjectKey::new(cluster.clone(), namespace, name))?.value();
        let deleting = object["metadata"]["deletionTimestamp"].is_string();
        object["metadata"]["uid"].as_str().filter(|_| !deleting).map(str::to_owned)
    }
}

impl ServiceAccountGetter for StoredAccounts {
    fn account_uid(&self, cluster: &Partition, namespace: &str, name: &str) -> Option<String> {
        self.uid(&accounts(), cluster, namespace, name)
    }

    fn secret_uid(&self, cluster: &Partition, namespace: &str, name: &str) -> Option<String> {
        self.uid(&secrets(), cluster, namespace, name)
    }
}

/// Signs what subresource `serviceaccounts/token` asks for.
pub struct Issuer(pub Arc<ServiceAccountTokens>);

#[async_trait]
impl TokenIssuer for Issuer {
    async fn issue(&self, claims: &TokenClaims) -> Result<SignedToken, ApiError> {
        let request = TokenRequest {
            cluster: claims.partition.as_str(),
            namespace: &claims.namespace,
            name: &claims.name,
            uid: &claims.uid,
            audiences: claims.audiences.clone(),
            seconds: claims.seconds.unwrap_or(3600),
            secret: claims.secret.as_ref().map(|(name, uid)| (name.as_str(), uid.as_str())),
        };
        if claims.seconds.is_none() {
            let token = self.0.issue_for_secret(&request).map_err(ApiError::internal)?;
            return Ok(SignedToken { token, expires: Timestamp::MAX, audiences: vec![ISSUER.to_owned()] });
        }
        let issued = self.0.issue(&request).map_err(ApiError::internal)?;
        let expires = issued.expires.parse().map_err(ApiError::internal)?;
        let audiences =
            if claims.audiences.is_empty() { vec![ISSUER.to_owned()] } else { claims.audiences.clone() };
        Ok(SignedToken { token: issued.token, expires, audiences })
    }
}

/// Starts the loops over namespaces and token secrets.
pub(crate) fn start(core: &Arc<Core>, tasks: &Tasks, tokens: Arc<ServiceAccountTokens>) {
    let (weak, store) = (Arc::downgrade(core), core.store().clone());
    let namespaces = apiserver::lifecycle::namespaces_prefix();
    let into_namespace = |event: &apiserver::store::Event| {
        vec![ObjectKey::new(event.key.partition().clone(), "", event.key.namespace())]
    };
    let sources = vec![
        Source::itself(namespaces.clone()),
        // A default account or CA bundle that somebody deleted comes back.
        Source::mapped(accounts(), move |event| match event.change {
            apiserver::store::Change::Deleted => into_namespace(event),
            _ => Vec::new(),
        }),
    ];
    tasks.spawn_graceful("namespaces' service accounts", runtime::End::StopProcess, move |stop| {
        let reconcile: reconcile::Reconcile = Arc::new(move |key: ObjectKey| {
            let weak = weak.clone();
            Box::pin(async move { furnish(&*crate::core::upgrade(&weak)?, &key) })
        });
        reconcile::run(store, "service accounts", sources, reconcile, stop)
    });
    let (weak, store) = (Arc::downgrade(core), core.store().clone());
    tasks.spawn_graceful("token secrets", runtime::End::StopProcess, move |stop| {
        let reconcile: reconcile::Reconcile = Arc::new(move |key: ObjectKey| {
            let (weak, tokens) = (weak.clone(), tokens.clone());
            Box::pin(async move { fill_secret(&*crate::core::upgrade(&weak)?, &tokens, &key) })
        });
        reconcile::run(store, "token secrets", vec![Source::itself(secrets())], reconcile, stop)
    });
}

/// The default account and the CA bundle of a namespace.
fn furnish(core: &Core, namespace: &ObjectKey) -> Result<Next, ApiError> {
    let prefix = apiserver::lifecycle::namespaces_prefix();
    let Some(stored) = core.store().get(&prefix, namespace) else { return Ok(Next::Wait) };
    if stored.value()["metadata"]["deletionTimestamp"].is_string() {
        return Ok(Next::Wait);
    }
    let at = |name: &str| ObjectKey::new(namespace.partition().clone(), namespace.name(), name);
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {}});
    if core.store().get(&accounts(), &at("default")).is_none() {
        records::create(core, &accounts(), at("default"), account)?;
    }
    let config_maps = StoragePrefix::new("", "configmaps");
    if let Some(ca) = core.ca_pem.get()
        && core.store().get(&config_maps, &at(CA_CONFIG_MAP)).is_none()
    {
        let bundle = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "data": {"ca.crt": ca}});
        records::create(core, &config_maps, at(CA_CONFIG_MAP), bundle)?;
    }
    Ok(Next::Wait)
}

/// The token of a secret that asks for one.
fn fill_secret(core: &Core, tokens: &ServiceAccountTokens, key: &ObjectKey) -> Result<Next, ApiError> {
    let Some(stored) = core.store().get(&secrets(), key) else { return Ok(Next::Wait) };
    // Most secrets are none of ours; looking for the type in the bytes saves decoding them.
    if !stored.bytes.windows(TOKEN_SECRET.len()).any(|window| window == TOKEN_SECRET.as_bytes()) {
        return Ok(Next::Wait);
    }
    let secret = stored.value();
    if secret["type"] != TOKEN_SECRET || secret["data"]["token"].is_string() {
        return Ok(Next::Wait);
    }
    let Some(name) = annotation(&secret, ACCOUNT_NAME) else { return Ok(Next::Wait) };
    let account = ObjectKey::new(key.partition().clone(), key.namespace(), name);
    let Some(account) = core.store().get(&accounts(), &account) else {
        return Err(ApiError::unavailable(format!("service account `{name}` is not there yet")));
    };
    let uid = account.value()["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    let request = TokenRequest {
        cluster: key.partition().as_str(),
        namespace: key.namespace(),
        name,
        uid: &uid,
        audiences: Vec::new(),
        seconds: 0,
        secret: Some((key.name(), secret["metadata"]["uid"].as_str().unwrap_or_default())),
    };
    let token = tokens.issue_for_secret(&request).map_err(ApiError::internal)?;
    let base64 = base64::engine::general_purpose::STANDARD;
    records::modify(core, &secrets(), key, |object: &mut Value| {
        records::set_annotation(object, ACCOUNT_UID, uid.as_str());
        object["data"]["token"] = base64.encode(&token).into();
        object["data"]["namespace"] = base64.encode(key.namespace()).into();
        if let Some(ca) = core.ca_pem.get() {
            object["data"]["ca.crt"] = base64.encode(ca).into();
        }
        Ok(())
    })?;
    Ok(Next::Wait)
}
