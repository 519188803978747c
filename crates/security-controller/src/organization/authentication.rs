//! Which tokens count in the workspaces of an organisation: those of its realm's clients.

use kcp_api::{
    core::v1alpha1::LogicalCluster,
    tenancy::v1alpha1::{WorkspaceAuthenticationConfiguration, WorkspaceType},
};
use kube::Api;
use multicluster::{
    Cx,
    lifecycle::{Outcome, Roles, SubError, Subroutine},
};
use oidc_config::{Realm, authentication_reference};
use platform_mesh_api::AccountInfo;
use serde_json::json;

use super::{account_info, name_of};
use crate::{
    app::App,
    orgs::{Found, Orgs},
    write::{Written, difference, ensure_spec, find, patch},
};

pub(super) const NAME: &str = "workspaceAuthConfiguration";

pub(super) struct WorkspaceAuthentication {
    pub(super) orgs: Orgs,
    pub(super) roles: Roles,
}

impl Subroutine<LogicalCluster, App> for WorkspaceAuthentication {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roles(&self) -> Roles {
        self.roles
    }

    async fn process(&self, cluster: &mut LogicalCluster, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let org = name_of(cluster, cx)?;
        if matches!(self.orgs.account(cx.fleet(), &org), Found::Going) {
            return Ok(Outcome::stop("the organisation is being deleted"));
        }
        let Some(info) = account_info(cx).await? else {
            return Ok(cx.pending(NAME, cx, "AccountInfo is not there yet"));
        };
        let Some(realm) = realm(&info, &org, cx.app()) else {
            return Ok(cx.pending(NAME, cx, "AccountInfo has no clients yet"));
        };
        let client = Orgs::client(cx);
        let api: Api<WorkspaceAuthenticationConfiguration> = Api::all(client.clone());
        let seen =
            find(&api, &org).await.map_err(|error| format!("reading authentication of {org}: {error}"))?;
        let wanted = realm.workspace_authentication(&org);
        let fields = json!({ "jwt": wanted.spec.jwt });
        let written = ensure_spec(&api, seen.as_ref(), &wanted, fields).await;
        if written.map_err(|error| format!("writing authentication of {org}: {error}"))? == Written::Outdated
        {
            return Ok(cx.pending(NAME, cx, "the authentication has changed meanwhile"));
        }
        let Some(types) = self.orgs.types(cx.fleet(), &org) else {
            return Ok(cx.pending(NAME, cx, "WorkspaceTypes are not listed yet"));
        };
        let api: Api<WorkspaceType> = Api::all(client);
        let fields = json!({ "authenticationConfigurations": authentication_reference(&org) });
        for type_ in types {
            let spec = serde_json::to_value(&type_.spec)?;
            let Some(changed) = difference(&spec, &fields) else { continue };
            let name = type_.metadata.name.as_deref().unwrap_or_default();
            let version = type_.metadata.resource_version.as_deref();
            let written = patch(&api, name, version, json!({ "spec": changed })).await;
            if written.map_err(|error| format!("writing WorkspaceType {name}: {error}"))? == Written::Outdated
            {
                return Ok(cx.pending(NAME, cx, format!("WorkspaceType {name} has changed meanwhile")));
            }
        }
        Ok(cx.done(NAME, cx))
    }
}

/// The realm as AccountInfo tells it; none before all its clients have ids.
fn realm(info: &AccountInfo, org: &str, app: &App) -> Option<Realm> {
    let clients = &info.spec.oidc.as_ref()?.clients;
    if clients.is_empty() || clients.values().any(|client| client.client_id.is_empty()) {
        return None;
    }
    let options = &app.options;
    let ids = clients.values().map(|client| client.client_id.clone());
    let further = options.additional_audiences.iter().filter(|audience| !audience.is_empty()).cloned();
    Some(Realm {
        certificate_authority: app.domain_ca.clone(),
        user_claim: options.user_claim.clone(),
        group_claim: options.group_claim.clone(),
        allow_unverified_emails: options.development_allow_unverified_emails,
        ..Realm::new(options.issuer(org), ids.chain(further))
    })
}
