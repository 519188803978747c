//! The end of an organisation: its Store, its realm and its authentication go before its workspace does.

use std::fmt::Debug;

use kcp_api::{core::v1alpha1::LogicalCluster, tenancy::v1alpha1::WorkspaceAuthenticationConfiguration};
use kube::{Api, Resource};
use multicluster::{
    Cx,
    lifecycle::{Outcome, Roles, SubError, Subroutine},
};
use platform_mesh_api::{IdentityProviderConfiguration, Store};
use serde::de::DeserializeOwned;

use super::name_of;
use crate::{
    app::{App, is_deleting},
    orgs::Orgs,
    write::{delete, has_code},
};

pub(super) const NAME: &str = "OrgTerminationSubroutine";

pub(super) struct OrganizationTermination;

impl Subroutine<LogicalCluster, App> for OrganizationTermination {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roles(&self) -> Roles {
        Roles::TERMINATE
    }

    /// Asks the server itself: what a watch has not shown yet must not outlive the organisation.
    async fn terminate(&self, cluster: &mut LogicalCluster, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let org = name_of(cluster, cx)?;
        let client = Orgs::client(cx);
        let stores: Api<Store> = Api::all(client.clone());
        let realms: Api<IdentityProviderConfiguration> = Api::all(client.clone());
        let authentications: Api<WorkspaceAuthenticationConfiguration> = Api::all(client);
        let mut left = Vec::new();
        if !end(&stores, &org).await? {
            left.push("Store");
        }
        if !end(&realms, &org).await? {
            left.push("IdentityProviderConfiguration");
        }
        if !left.is_empty() {
            return Ok(cx.stop(NAME, cx, format!("{} of {org} is being deleted", left.join(" and "))));
        }
        // Last: as long as the realm is there, its tokens count.
        if !end(&authentications, &org).await? {
            return Ok(cx.stop(NAME, cx, format!("authentication of {org} is being deleted")));
        }
        Ok(cx.done(NAME, cx))
    }
}

/// Deletes an object; says whether it is gone.
async fn end<K>(api: &Api<K>, name: &str) -> Result<bool, SubError>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let kind = K::kind(&());
    match api.get(name).await {
        Err(error) if has_code(&error, &[404]) => Ok(true),
        Err(error) => Err(format!("reading {kind} {name}: {error}").into()),
        Ok(object) if is_deleting(&object) => Ok(false),
        Ok(_) => {
            delete(api, name).await.map_err(|error| format!("deleting {kind} {name}: {error}"))?;
            // Without finalizers it is gone already.
            Ok(matches!(api.get(name).await, Err(error) if has_code(&error, &[404])))
        }
    }
}
