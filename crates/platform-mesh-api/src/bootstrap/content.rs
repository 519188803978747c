//! The few objects that controllers start from: the store of `root:orgs`, realm `welcome`, its authentication.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    Lookup, Parameters,
    step::{Phase, Step},
};
use crate::{
    ClientType, IdentityProviderClient, IdentityProviderConfiguration, IdentityProviderConfigurationSpec,
    SecretRef, Store, StoreSpec, Tuple, names,
};

/// Everybody who has logged in may list Accounts in `root:orgs` and create one: that is how an organisation begins.
const ORGS_MODULE: &str = "module core

type user

type role
  relations
    define assignee: [user, user:*]

type tenancy_kcp_io_workspace
  relations
    define owner: [role#assignee]
    define member: [role#assignee]

    define create_core_platform-mesh_io_accounts: member
    define get_core_platform-mesh_io_accounts: member
    define list_core_platform-mesh_io_accounts: member
    define watch_core_platform-mesh_io_accounts: member
";

pub(super) fn steps(parameters: &Parameters) -> Vec<Step> {
    let mut steps = vec![
        Step::new(names::ORGS, as_value(&orgs_store())),
        Step::new(names::SYSTEM, as_value(&welcome_configuration(parameters))),
    ];
    if let Some(ca) = &parameters.domain_ca {
        // Where the security operator looks for the certificates of the issuer.
        let object = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "domain-certificate-ca", "namespace": names::SYSTEM_NAMESPACE},
            "type": "Opaque",
            "data": {"tls.crt": STANDARD.encode(ca)},
        });
        steps.push(Step::new(names::RUNTIME, object));
    }
    steps
}

/// The authentication of `root:orgs`, now with the ids of the clients that the security operator has made.
pub(super) fn orgs_authentication_with_clients(parameters: &Parameters) -> Step {
    let clients = Lookup::client_ids(names::SYSTEM, names::WELCOME_REALM).to_string();
    Step::new(names::ROOT, orgs_authentication(parameters, json!(clients))).in_phase(Phase::Identity)
}

pub(super) fn orgs_authentication(parameters: &Parameters, audiences: Value) -> Value {
    let mut issuer = json!({
        "url": parameters.issuer(names::WELCOME_REALM),
        "audiences": audiences,
        "audienceMatchPolicy": "MatchAny",
    });
    if let Some(ca) = &parameters.domain_ca {
        issuer["certificateAuthority"] = json!(ca);
    }
    let mut jwt = json!({
        "issuer": issuer,
        "claimMappings": {
            "groups": {"claim": "groups", "prefix": ""},
            "username": {"claim": "email", "prefix": ""},
        },
    });
    if parameters.allow_unverified_emails {
        jwt["claimMappings"]["username"] = json!({"expression": "claims.email"});
        // An expression on `email` is refused unless some rule speaks of `email_verified`; this one lets both pass.
        jwt["claimValidationRules"] = json!([{
            "expression": "claims.?email_verified.orValue(true) == true || claims.?email_verified.orValue(true) == false",
            "message": "Allowing both verified and unverified emails",
        }]);
    }
    json!({
        "apiVersion": "tenancy.kcp.io/v1alpha1",
        "kind": "WorkspaceAuthenticationConfiguration",
        "metadata": {"name": names::ORGS_AUTHENTICATION},
        "spec": {"jwt": [jwt]},
    })
}

fn orgs_store() -> Store {
    let tuples = vec![
        Tuple::new("role:authenticated", "assignee", "user:*"),
        Tuple::new("tenancy_kcp_io_workspace:orgs", "member", "role:authenticated#assignee"),
    ];
    Store::new(
        names::ORGS_STORE,
        StoreSpec { core_module: ORGS_MODULE.to_owned(), tuples, ..StoreSpec::default() },
    )
}

fn welcome_configuration(parameters: &Parameters) -> IdentityProviderConfiguration {
    let own = |path: &str| format!("https://{}/{path}", parameters.base_domain);
    let secret = |name: &str| Some(SecretRef::new("default", name));
    let mut redirects = vec![own("callback*")];
    redirects.extend(parameters.welcome_redirect_uris.iter().cloned());
    let mut post_logout = vec![own("logout*")];
    post_logout.extend(parameters.welcome_post_logout_redirect_uris.iter().cloned());
    let portal = IdentityProviderClient {
        client_type: ClientType::Confidential,
        client_name: names::WELCOME_REALM.to_owned(),
        redirect_uris: redirects,
        post_logout_redirect_uris: post_logout,
        secret_ref: secret("portal-client-secret-welcome"),
        ..IdentityProviderClient::default()
    };
    let kubectl = IdentityProviderClient {
        client_type: ClientType::Public,
        client_name: "welcome-kubectl".to_owned(),
        redirect_uris: vec!["http://localhost:8000/*".to_owned(), "http://localhost:18000/*".to_owned()],
        secret_ref: secret("welcome-kubectl-client-secret"),
        ..IdentityProviderClient::default()
    };
    let spec = IdentityProviderConfigurationSpec {
        registration_allowed: Some(parameters.registration_allowed),
        clients: vec![portal, kubectl],
        ..IdentityProviderConfigurationSpec::default()
    };
    IdentityProviderConfiguration::new(names::WELCOME_REALM, spec)
}

/// Kinds of this crate have only text keys, so they always are JSON.
fn as_value<T: serde::Serialize>(object: &T) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}
