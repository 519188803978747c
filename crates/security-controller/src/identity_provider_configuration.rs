//! The reconciler of IdentityProviderConfigurations: a realm and its clients, and a Secret for each client.

mod clients;
mod secrets;

use std::sync::Arc;

use multicluster::{
    ControllerHandle, Cx, Fleet, ProviderName,
    lifecycle::{Lifecycle, Outcome, Roles, SubError, Subroutine},
};
use platform_mesh_api::{
    IdentityProviderConfiguration, IdentityProviderConfigurationStatus, SecretRef, names,
};

use crate::app::{App, controller, run, without_status};
use secrets::Secrets;

const NAME: &str = "IdentityProviderConfigurationReconciler";
const SUBROUTINE: &str = "IdentityProviderConfiguration";
const SUBROUTINES: [&str; 1] = [SUBROUTINE];

/// Starts the controller.
pub(crate) fn start(fleet: &Fleet, provider: &ProviderName, app: Arc<App>) -> ControllerHandle {
    let controller = controller(NAME, fleet, provider, &app, &SUBROUTINES)
        .predicate(without_status::<IdentityProviderConfiguration>);
    let lifecycle = Lifecycle::new(NAME).conditions().with(RealmAndClients);
    run(controller, "identityprovider", lifecycle, app, |_, _| true)
}

struct RealmAndClients;

impl Subroutine<IdentityProviderConfiguration, App> for RealmAndClients {
    fn name(&self) -> &'static str {
        SUBROUTINE
    }

    fn roles(&self) -> Roles {
        Roles::PROCESS.and(Roles::FINALIZE)
    }

    fn finalizers(&self, _: &IdentityProviderConfiguration) -> Vec<&'static str> {
        vec![names::IDENTITY_PROVIDER_FINALIZER]
    }

    async fn process(
        &self,
        configuration: &mut IdentityProviderConfiguration,
        cx: &Cx<App>,
    ) -> Result<Outcome, SubError> {
        let realm = configuration.metadata.name.clone().unwrap_or_default();
        let adopted = configuration.status.as_ref().is_some_and(|status| !status.managed_clients.is_empty());
        if cx.options.is_denied_realm(&realm) && !adopted {
            return Ok(Outcome::stop(format!("realm name {realm} is reserved")));
        }
        let registration = configuration.spec.registration_allowed.unwrap_or_default();
        let change = cx.identities.ensure_realm(&cx.options.realm(&realm, registration)).await?;
        tracing::debug!(realm, ?change, "realm is there");
        let secrets = Secrets::new(cx);
        let wanted = configuration.spec.clients.clone();
        let status = configuration.status.get_or_insert_with(IdentityProviderConfigurationStatus::default);
        clients::remove_others(&realm, &wanted, &mut status.managed_clients, &secrets, cx).await?;
        for client in &wanted {
            clients::ensure(&realm, client, &mut status.managed_clients, &secrets, cx).await?;
        }
        Ok(cx.done(SUBROUTINE, cx))
    }

    /// With the realm go its clients and users; Secrets go one by one.
    async fn finalize(
        &self,
        configuration: &mut IdentityProviderConfiguration,
        cx: &Cx<App>,
    ) -> Result<Outcome, SubError> {
        let realm = configuration.metadata.name.clone().unwrap_or_default();
        let managed =
            configuration.status.as_ref().map(|status| status.managed_clients.clone()).unwrap_or_default();
        let asked = configuration.spec.clients.iter().filter_map(|client| client.secret_ref.clone());
        let references: Vec<SecretRef> =
            managed.values().map(|client| client.secret_ref.clone()).chain(asked).collect();
        // A realm that was never ours, because its name is reserved, stays.
        if !cx.options.is_denied_realm(&realm) || !managed.is_empty() && realm != "master" {
            cx.identities.delete_realm(&realm).await?;
            tracing::info!(realm, "realm deleted");
        }
        let secrets = Secrets::new(cx);
        for reference in &references {
            secrets.delete(reference).await?;
        }
        if let Some(status) = &mut configuration.status {
            status.managed_clients.clear();
        }
        Ok(cx.done(SUBROUTINE, cx))
    }
}
