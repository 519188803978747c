//! The clients of a realm: registered where they are missing, updated where they differ, deleted where nobody asks for
//! them any more. What a server gave us is written down before anything else is asked of it.

use std::collections::BTreeMap;

use identity_provider::{ClientHandle, ClientMetadata, Registration, TokenEndpointAuth};
use multicluster::{Cx, lifecycle::SubError};
use platform_mesh_api::{ClientType, IdentityProviderClient, ManagedClient, SecretRef};

use super::secrets::{Credentials, Secrets};
use crate::app::App;

type Managed = BTreeMap<String, ManagedClient>;

/// Deletes clients that were made and are wanted no more.
pub(super) async fn remove_others(
    realm: &str,
    wanted: &[IdentityProviderClient],
    managed: &mut Managed,
    secrets: &Secrets,
    cx: &Cx<App>,
) -> Result<(), SubError> {
    let stale: Vec<String> = managed
        .keys()
        .filter(|name| !wanted.iter().any(|client| client.client_name == **name))
        .cloned()
        .collect();
    for name in stale {
        let Some(client) = managed.get(&name) else { continue };
        let token = secrets.read(&client.secret_ref).await?.registration_access_token;
        let handle = handle(client.client_id.clone(), Some(client.registration_client_uri.clone()), token);
        cx.identities.delete_client(realm, &handle).await?;
        secrets.delete(&client.secret_ref).await?;
        tracing::info!(realm, client = name, "client deleted");
        managed.remove(&name);
    }
    Ok(())
}

/// Makes one client what it should be.
pub(super) async fn ensure(
    realm: &str,
    client: &IdentityProviderClient,
    managed: &mut Managed,
    secrets: &Secrets,
    cx: &Cx<App>,
) -> Result<(), SubError> {
    let name = client.client_name.as_str();
    let reference = client.secret_ref.clone().unwrap_or_default();
    let metadata = metadata(client)?;
    let held = secrets.read(&reference).await?;
    let known = match managed.get(name).filter(|known| !known.client_id.is_empty()) {
        Some(known) => Some((known.client_id.clone(), Some(known.registration_client_uri.clone()))),
        None => {
            let all = cx.identities.clients(realm).await?;
            all.into_iter()
                .find(|found| found.name.as_deref() == Some(name))
                .map(|found| (found.client_id, None))
        }
    };
    let mut registration = None;
    if let Some((id, uri)) = known {
        let handle = handle(id, uri, held.registration_access_token.clone());
        if let Some(found) = cx.identities.read_client(realm, &handle).await? {
            registration = Some(if metadata.is_held_by(&found.as_metadata()) {
                found
            } else {
                // The token of the answer before replaces a lost one; an update rotates it once more.
                let token =
                    found.registration_access_token.clone().or(handle.registration_access_token.clone());
                let handle = ClientHandle { registration_access_token: token, ..handle };
                let updated = cx.identities.update_client(realm, &handle, &metadata).await?;
                tracing::info!(realm, client = name, "client updated");
                updated
            });
        }
    }
    let registration = match registration {
        Some(registration) => registration,
        None => {
            let made = cx.identities.register_client(realm, &metadata).await?;
            tracing::info!(realm, client = name, "client registered");
            made
        }
    };
    managed.insert(name.to_owned(), record(realm, &registration, managed.get(name), &reference, cx));
    let credentials = Credentials {
        client_secret: registration.client_secret,
        registration_access_token: registration.registration_access_token,
    };
    let owner = [
        (platform_mesh_api::names::IDP_NAME_LABEL, realm),
        (platform_mesh_api::names::CLIENT_NAME_LABEL, name),
    ];
    secrets.write(&reference, &credentials, &owner).await
}

/// The client as the status tells it.
fn record(
    realm: &str,
    registration: &Registration,
    before: Option<&ManagedClient>,
    reference: &SecretRef,
    cx: &Cx<App>,
) -> ManagedClient {
    let usual = || {
        let base = cx.options.keycloak_base_url.trim_end_matches('/');
        let base = if base.is_empty() {
            format!("https://{}/keycloak", cx.options.base_domain)
        } else {
            base.to_owned()
        };
        format!("{base}/realms/{realm}/clients-registrations/openid-connect/{}", registration.client_id)
    };
    let kept = before.filter(|before| before.client_id == registration.client_id);
    let uri = registration
        .registration_client_uri
        .clone()
        .or_else(|| kept.map(|before| before.registration_client_uri.clone()))
        .filter(|uri| !uri.is_empty())
        .unwrap_or_else(usual);
    ManagedClient {
        client_id: registration.client_id.clone(),
        registration_client_uri: uri,
        secret_ref: reference.clone(),
        extra: before.map(|before| before.extra.clone()).unwrap_or_default(),
    }
}

fn handle(client_id: String, uri: Option<String>, token: Option<String>) -> ClientHandle {
    let registration_client_uri = uri.filter(|uri| !uri.is_empty());
    ClientHandle { client_id, registration_client_uri, registration_access_token: token }
}

fn metadata(client: &IdentityProviderClient) -> Result<ClientMetadata, SubError> {
    let token_endpoint_auth_method = match &client.client_type {
        ClientType::Confidential => TokenEndpointAuth::ClientSecretBasic,
        ClientType::Public => TokenEndpointAuth::None,
        ClientType::Other(other) => {
            return Err(format!("client {} has unknown type `{other}`", client.client_name).into());
        }
    };
    Ok(ClientMetadata {
        client_id: None,
        client_name: client.client_name.clone(),
        redirect_uris: client.redirect_uris.clone(),
        grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
        token_endpoint_auth_method,
        post_logout_redirect_uris: client.post_logout_redirect_uris.clone(),
    })
}
