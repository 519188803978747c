//! The authorization webhook as a function in the control plane's chain. The chain exists before what the function asks
//! does, so it has no opinion until it is connected.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use kcp_embedded::{AuthorizationAttributes, Authorizer};
use rebac_authorizer::{Action, Request, ResourceRequest};
use verdict::{Stage, Verdict};

/// A place in the chain for the webhook.
#[derive(Clone, Default)]
pub(crate) struct Relationships(Arc<OnceLock<Arc<rebac_authorizer::Authorizer>>>);

impl Relationships {
    /// From now on, this one is asked. Only the first call counts.
    pub(crate) fn connect(&self, authorizer: rebac_authorizer::Authorizer) {
        let _ = self.0.set(Arc::new(authorizer));
    }
}

#[async_trait]
impl Authorizer for Relationships {
    async fn authorize(&self, attributes: &AuthorizationAttributes) -> Verdict {
        match self.0.get() {
            Some(authorizer) => authorizer.judge(&request_of(attributes)).await.verdict,
            None => Verdict::no_opinion(Stage::Relationships, "the mesh is starting"),
        }
    }
}

fn request_of(attributes: &AuthorizationAttributes) -> Request {
    let action = match &attributes.action {
        kcp_embedded::Action::Path { path, .. } => Action::Path(path.clone()),
        kcp_embedded::Action::Resource(action) => Action::Resource(ResourceRequest {
            verb: action.verb.clone(),
            group: action.group.clone(),
            version: action.version.clone(),
            resource: action.resource.clone(),
            namespace: action.namespace.clone(),
            name: action.name.clone(),
        }),
    };
    Request {
        user: attributes.user.name.clone(),
        groups: attributes.user.groups.clone(),
        cluster: attributes.cluster.as_ref().map(|cluster| cluster.as_str().to_owned()),
        action,
    }
}
