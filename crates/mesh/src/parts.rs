//! The operators and the webhook, each under its own service account.

use std::{sync::Arc, time::Duration};

use account_controller::WebhookServer;
use fga_client::RelationshipStore;
use fga_model::Naming;
use identity_provider::{DevelopmentIssuer, KEYCLOAK_PATH, Keycloak, ServiceTransport};
use kube::Client;
use multicluster::{Fleet, Provider as _, prefix_client};
use multicluster_kcp::{ApiExport, Connection};
use platform_mesh_api::{bootstrap::WebhookEndpoint, names};
use runtime::{Authority, Clock, End, Ids, Metrics, Ops, ServerTls, Tasks};
use security_controller::Mode;

use crate::{
    MeshError,
    front::{issue, listen_anywhere, local_port},
    relationships::Relationships,
};

/// How long parts may go on after they were told to end.
pub(crate) const DRAIN: Duration = Duration::from_secs(1);

/// What every part gets.
pub(crate) struct Surroundings<'a> {
    pub(crate) tasks: &'a Tasks,
    pub(crate) authority: &'a Authority,
    pub(crate) clock: &'a Clock,
    pub(crate) ids: Ids,
    pub(crate) ops: &'a Ops,
}

/// Accounts to workspaces. Answers where its admission is reached.
pub(crate) async fn account_operator(
    around: &Surroundings<'_>,
    kcp: &Client,
) -> Result<WebhookEndpoint, MeshError> {
    let listener = listen_anywhere().await?;
    let base_url = format!("https://127.0.0.1:{}", local_port(&listener)?);
    let tls = ServerTls::new(&issue(around.authority, "account-operator", [])?, None)?;
    let options = account_controller::Options {
        webhooks_enabled: true,
        webhooks_additional_account_types: vec![names::ACCOUNT_TYPE_ACCOUNT.to_owned()],
        shutdown_timeout: DRAIN,
        ..account_controller::Options::default()
    };
    let ca = around.authority.certificate_pem().to_owned();
    let parts = account_controller::Parts {
        provider: Arc::new(ApiExport::new(Connection::in_process(kcp, names::SYSTEM), names::CORE_EXPORT)),
        ca: ca.clone(),
        runtime: None,
        webhook: Some(WebhookServer { listener, tls }),
        clock: around.clock.clone(),
        ids: around.ids.part(names::ACCOUNT_OPERATOR),
        ops: around.ops.clone(),
    };
    around.tasks.spawn_graceful("account-operator", End::StopProcess, move |stop| {
        account_controller::run(options, parts, stop)
    });
    Ok(WebhookEndpoint { base_url, ca: Some(ca) })
}

/// Stores, models, tuples and realms of organisations: all modes. Answers where its admission is reached.
pub(crate) async fn security_operator(
    around: &Surroundings<'_>,
    kcp: &Client,
    store: Arc<dyn RelationshipStore>,
    issuer: &DevelopmentIssuer,
    domain: &str,
) -> Result<WebhookEndpoint, MeshError> {
    let listener = listen_anywhere().await?;
    let base_url = format!("https://127.0.0.1:{}", local_port(&listener)?);
    let tls = ServerTls::new(&issue(around.authority, names::SECURITY_OPERATOR, [])?, None)?;
    let keycloak = format!("https://{domain}{KEYCLOAK_PATH}");
    let secret = issuer.add_admin_client(names::SECURITY_OPERATOR);
    let transport = Arc::new(ServiceTransport::new(issuer.router()));
    let identities = Keycloak::new(&keycloak, names::SECURITY_OPERATOR, &secret, transport);
    let options = security_controller::Options {
        base_domain: domain.to_owned(),
        keycloak_base_url: keycloak,
        fga_naming: security_controller::FlagNaming::Injective,
        // No mail leaves this machine, so nobody could prove an address or choose a first password by mail.
        development_allow_unverified_emails: true,
        set_default_password: true,
        webhooks_enabled: true,
        shutdown_timeout: DRAIN,
        ..security_controller::Options::default()
    };
    let ca = around.authority.certificate_pem().to_owned();
    let parts = security_controller::Parts {
        domain_ca: Some(ca.clone()),
        webhook: Some(security_controller::WebhookServer { listener, tls }),
        clock: around.clock.clone(),
        ids: around.ids.part(names::SECURITY_OPERATOR),
        ops: around.ops.clone(),
        ..security_controller::Parts::in_process(&options, kcp.clone(), store, Arc::new(identities))
    };
    around.tasks.spawn_graceful("security-operator", End::StopProcess, move |stop| async move {
        security_controller::run(&Mode::ALL, options, parts, stop).await
    });
    Ok(WebhookEndpoint { base_url, ca: Some(ca) })
}

/// The webhook as a function of the chain.
pub(crate) fn webhook(
    around: &Surroundings<'_>,
    kcp: &Client,
    store: Arc<dyn RelationshipStore>,
    place: &Relationships,
) -> Result<(), MeshError> {
    let provider = ApiExport::new(Connection::in_process(kcp, names::SYSTEM), names::CORE_EXPORT);
    let name = provider.name();
    let fleet = Fleet::builder()
        .provider(provider)
        .clock(around.clock.clone())
        .ids(around.ids.part(names::REBAC_AUTHZ_WEBHOOK))
        .build()
        .map_err(|error| MeshError::Internal(error.to_string()))?;
    let root = kcp.clone();
    let client_of = Arc::new(move |cluster: &str| prefix_client(&root, &format!("/clusters/{cluster}")));
    let options = rebac_authorizer::Options { naming: NAMING, ..rebac_authorizer::Options::default() };
    place.connect(rebac_authorizer::authorizer(&fleet, name, store, client_of, &options));
    around.tasks.spawn_graceful("webhook", End::StopProcess, move |stop| async move {
        fleet.run_until(async move { stop.cancelled().await }).await
    });
    Ok(())
}

/// How names that do not fit OpenFGA's limits are made to fit; model generator and webhook must agree.
pub(crate) const NAMING: Naming = Naming::Injective;

/// Health and metrics of the whole process.
pub(crate) fn ops() -> Ops {
    Ops::new(Metrics::new())
}
