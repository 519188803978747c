//! The realm of an organisation: asked for as an IdentityProviderConfiguration, told in AccountInfo once it is there.

use std::collections::BTreeMap;

use kcp_api::core::v1alpha1::LogicalCluster;
use kube::Api;
use multicluster::{
    Cx,
    lifecycle::{Outcome, Roles, SubError, Subroutine},
};
use platform_mesh_api::{
    AccountInfo, ClientType, IdentityProviderClient, IdentityProviderConfiguration,
    IdentityProviderConfigurationSpec, OidcClient, OidcInfo, SecretRef, find_condition, names,
};
use serde_json::json;

use super::{account_info, name_of};
use crate::{
    app::App,
    options::Options,
    orgs::{Found, Orgs},
    write::{Written, difference, ensure_spec, patch},
};

pub(super) const NAME: &str = "IDPSubroutine";

pub(super) struct OrganizationRealm {
    pub(super) orgs: Orgs,
    pub(super) roles: Roles,
}

impl Subroutine<LogicalCluster, App> for OrganizationRealm {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roles(&self) -> Roles {
        self.roles
    }

    async fn process(&self, cluster: &mut LogicalCluster, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let org = name_of(cluster, cx)?;
        match self.orgs.account(cx.fleet(), &org) {
            Found::There(account) if account.spec.kind == names::ACCOUNT_TYPE_ORG => {}
            Found::There(_) => return Ok(cx.done(NAME, cx)),
            Found::Going => return Ok(Outcome::stop("the organisation is being deleted")),
            Found::Unknown | Found::Absent => {
                return Ok(cx.pending(NAME, cx, format!("Account {org} is not seen yet")));
            }
        }
        let seen = match self.orgs.realm(cx.fleet(), &org) {
            Found::Unknown => return Ok(cx.pending(NAME, cx, "realms are not listed yet")),
            Found::Going => {
                return Ok(cx.pending(NAME, cx, "the realm of an earlier organisation is being deleted"));
            }
            Found::Absent => None,
            Found::There(realm) => Some(realm),
        };
        let clients = with_wanted_clients(seen.as_deref(), &org, &cx.options);
        let spec = IdentityProviderConfigurationSpec {
            registration_allowed: Some(cx.options.idp_registration_allowed),
            clients,
            ..IdentityProviderConfigurationSpec::default()
        };
        let fields = json!({ "registrationAllowed": spec.registration_allowed, "clients": spec.clients });
        let api: Api<IdentityProviderConfiguration> = Api::all(Orgs::client(cx));
        let new = IdentityProviderConfiguration::new(&org, spec);
        let written = ensure_spec(&api, seen.as_deref(), &new, fields).await;
        match written.map_err(|error| format!("writing IdentityProviderConfiguration {org}: {error}"))? {
            Written::Unchanged => {}
            Written::Done | Written::Outdated => return Ok(cx.pending(NAME, cx, "the realm was asked for")),
        }
        let Some(realm) = seen.filter(|realm| is_ready(realm)) else {
            return Ok(cx.pending(NAME, cx, "the realm is not ready yet"));
        };
        let oidc = oidc(&realm, &org, &cx.options)?;
        let Some(info) = account_info(cx).await? else {
            return Ok(cx.pending(NAME, cx, "AccountInfo is not there yet"));
        };
        let spec = serde_json::to_value(&info.spec)?;
        if let Some(changed) = difference(&spec, &json!({ "oidc": oidc })) {
            let api = cx.cluster().all::<AccountInfo>();
            let version = info.metadata.resource_version.as_deref();
            let written = patch(&api, names::ACCOUNT_INFO_NAME, version, json!({ "spec": changed })).await;
            if written.map_err(|error| format!("writing clients into AccountInfo: {error}"))?
                == Written::Outdated
            {
                return Ok(cx.pending(NAME, cx, "AccountInfo has changed meanwhile"));
            }
        }
        Ok(cx.done(NAME, cx))
    }
}

/// Ready, and so for what is asked for now.
fn is_ready(realm: &IdentityProviderConfiguration) -> bool {
    let conditions = realm.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    find_condition(conditions, names::READY).is_some_and(|ready| {
        ready.status == "True"
            && ready.observed_generation.is_none_or(|seen| Some(seen) == realm.metadata.generation)
    })
}

/// The clients of the realm, ours as wanted, those of others as they are.
fn with_wanted_clients(
    seen: Option<&IdentityProviderConfiguration>,
    org: &str,
    options: &Options,
) -> Vec<IdentityProviderClient> {
    let mut clients = seen.map(|realm| realm.spec.clients.clone()).unwrap_or_default();
    for wanted in wanted_clients(org, options) {
        match clients.iter_mut().find(|client| client.client_name == wanted.client_name) {
            Some(client) => *client = IdentityProviderClient { extra: client.extra.clone(), ..wanted },
            None => clients.push(wanted),
        }
    }
    clients
}

fn wanted_clients(org: &str, options: &Options) -> [IdentityProviderClient; 2] {
    let secret = |client: &str| {
        let name = account_model::names::client_secret_name(org, client);
        Some(SecretRef::new("default", name))
    };
    let own = |path: &str| format!("https://{org}.{}/{path}", options.base_domain);
    let mut redirects = options.idp_additional_redirect_urls.clone();
    redirects.push(own("*"));
    [
        IdentityProviderClient {
            client_type: ClientType::Confidential,
            client_name: org.to_owned(),
            redirect_uris: redirects,
            post_logout_redirect_uris: vec![own("logout*")],
            secret_ref: secret(org),
            ..IdentityProviderClient::default()
        },
        IdentityProviderClient {
            client_type: ClientType::Public,
            client_name: names::KUBECTL_CLIENT.to_owned(),
            redirect_uris: options.idp_kubectl_client_redirect_urls.clone(),
            secret_ref: secret(names::KUBECTL_CLIENT),
            ..IdentityProviderClient::default()
        },
    ]
}

/// Issuer and clients as AccountInfo tells them.
fn oidc(realm: &IdentityProviderConfiguration, org: &str, options: &Options) -> Result<OidcInfo, SubError> {
    let managed = realm.status.as_ref().map(|status| status.managed_clients.clone()).unwrap_or_default();
    let has = |name: &str| managed.get(name).is_some_and(|client| !client.client_id.is_empty());
    if let Some(missing) = realm.spec.clients.iter().find(|client| !has(&client.client_name)) {
        return Err(format!("client {} of realm {org} has no id", missing.client_name).into());
    }
    let clients: BTreeMap<String, OidcClient> = managed
        .into_iter()
        .map(|(name, client)| (name, OidcClient { client_id: client.client_id, ..OidcClient::default() }))
        .collect();
    Ok(OidcInfo { issuer_url: options.issuer(org), clients, ..OidcInfo::default() })
}
