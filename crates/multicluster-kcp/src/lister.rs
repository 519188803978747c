//! Reading a kind over all clusters of a provider at once, live.

use kube::{
    Api, Resource,
    api::{ListParams, ObjectMeta},
};
use multicluster::{Cached, ClusterId, ScopeId};

use crate::{endpoints::Scopes, state::cluster_of};

/// Lists over every endpoint that is open, without a cache. Clones share the provider's endpoints.
#[derive(Clone)]
pub struct Lister {
    scopes: Scopes,
}

/// What could be read, and what could not.
#[derive(Debug)]
pub struct Listed<K> {
    /// The objects with their clusters, in no order across endpoints.
    pub objects: Vec<(ClusterId, K)>,
    /// Endpoints that could not be read; the others are complete.
    pub errors: Vec<(ScopeId, kube::Error)>,
}

impl Lister {
    pub(crate) fn new(scopes: Scopes) -> Self {
        Lister { scopes }
    }

    /// All objects of a kind.
    pub async fn list<K: Cached<DynamicType = ()>>(&self, params: &ListParams) -> Listed<K> {
        self.list_with(&(), params).await
    }

    /// The twin of [`list`](Lister::list) for dynamic kinds.
    pub async fn list_with<K: Cached>(&self, dt: &K::DynamicType, params: &ListParams) -> Listed<K> {
        let scopes: Vec<_> =
            self.scopes.lock().iter().map(|(id, client)| (id.clone(), client.clone())).collect();
        let mut listed = Listed { objects: Vec::new(), errors: Vec::new() };
        for (id, client) in scopes {
            if let Err(error) = pages(&Api::<K>::all_with(client, dt), params, &mut listed.objects).await {
                listed.errors.push((id, error));
            }
        }
        listed
    }
}

async fn pages<K: Cached>(
    api: &Api<K>,
    params: &ListParams,
    into: &mut Vec<(ClusterId, K)>,
) -> Result<(), kube::Error> {
    let mut params = ListParams { limit: params.limit.or(Some(500)), ..params.clone() };
    loop {
        let page = api.list(&params).await?;
        let of = |object: K| {
            let meta: &ObjectMeta = Resource::meta(&object);
            cluster_of(meta).map(|id| (id, object))
        };
        into.extend(page.items.into_iter().filter_map(of));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params.continue_token = Some(token),
            None => return Ok(()),
        }
    }
}
