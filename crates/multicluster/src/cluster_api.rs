//! Requests to one cluster that keep nothing for it: no client, no buffer, no task.

use std::{sync::Arc, time::Duration};

use kube::{
    Client,
    api::{DeleteParams, ListParams, Patch, PatchParams},
    core::{ObjectList, Request, Status},
};
use serde::Serialize;

use crate::{Cached, ClientSpec};

/// A request without an answer in this long has failed, so a hanging cluster gives its workers back.
const ANSWER: Duration = Duration::from_secs(30);

/// The objects of one kind in one cluster, over the client of the whole scope. Costs a pointer and a path.
///
/// For anything else than these requests, [`Cluster::all`](crate::Cluster::all) gives kube's own `Api`.
///
/// # Errors
/// Every method fails with `kube::Error`, after 30 seconds at the latest.
pub struct ClusterApi<K: Cached> {
    client: Client,
    path: Arc<str>,
    dt: K::DynamicType,
}

impl<K: Cached> ClusterApi<K> {
    pub(crate) fn new(spec: &ClientSpec, dt: K::DynamicType) -> Self {
        let (client, path) = match spec {
            ClientSpec::Own(client) => (client.clone(), Arc::from("")),
            ClientSpec::Prefix { base, path } => (base.clone(), path.clone()),
        };
        ClusterApi { client, path, dt }
    }

    fn request(&self, namespace: Option<&str>) -> Request {
        Request::new(format!("{}{}", self.path.trim_end_matches('/'), K::url_path(&self.dt, namespace)))
    }

    async fn send<T: serde::de::DeserializeOwned>(
        &self,
        built: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<T, kube::Error> {
        let request = built.map_err(kube::Error::BuildRequest)?;
        let sent = tokio::time::timeout(ANSWER, self.client.request::<T>(request)).await;
        sent.unwrap_or_else(|_| Err(kube::Error::Service("no answer in 30 seconds".into())))
    }

    /// One object.
    pub async fn get(&self, namespace: Option<&str>, name: &str) -> Result<K, kube::Error> {
        self.send(self.request(namespace).get(name, &Default::default())).await
    }

    /// One object, none where there is none.
    pub async fn get_opt(&self, namespace: Option<&str>, name: &str) -> Result<Option<K>, kube::Error> {
        match self.get(namespace, name).await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Objects of a namespace, or of the whole cluster.
    pub async fn list(
        &self,
        namespace: Option<&str>,
        params: &ListParams,
    ) -> Result<ObjectList<K>, kube::Error> {
        self.send(self.request(namespace).list(params)).await
    }

    /// Server-side apply under the name of a field manager.
    pub async fn apply(&self, manager: &str, object: &K) -> Result<K, kube::Error> {
        let meta = object.meta();
        let name = meta.name.as_deref().unwrap_or_default();
        let params = PatchParams::apply(manager);
        self.patch(meta.namespace.as_deref(), name, &params, &Patch::Apply(object)).await
    }

    /// Changes an object.
    pub async fn patch<P: Serialize + std::fmt::Debug>(
        &self,
        namespace: Option<&str>,
        name: &str,
        params: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<K, kube::Error> {
        self.send(self.request(namespace).patch(name, params, patch)).await
    }

    /// Changes the status of an object.
    pub async fn patch_status<P: Serialize + std::fmt::Debug>(
        &self,
        namespace: Option<&str>,
        name: &str,
        params: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<K, kube::Error> {
        self.send(self.request(namespace).patch_subresource("status", name, params, patch)).await
    }

    /// Deletes an object; says whether it was there.
    pub async fn delete(
        &self,
        namespace: Option<&str>,
        name: &str,
        params: &DeleteParams,
    ) -> Result<bool, kube::Error> {
        let request = self.request(namespace).delete(name, params).map_err(kube::Error::BuildRequest)?;
        let sent = tokio::time::timeout(ANSWER, self.client.request_status::<K>(request)).await;
        match sent.unwrap_or_else(|_| Err(kube::Error::Service("no answer in 30 seconds".into()))) {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if is_absent(&status) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn is_absent(status: &Status) -> bool {
    status.code == 404
}
