//! The reconciler of AuthorizationModels: whether the Store has merged the module, and the tuples that come with it.

use std::sync::Arc;

use fga_client::StoreId;
use multicluster::{
    ClusterKey, ClusterObjectRef, ControllerHandle, Cx, Fleet, FleetStore, ObjectKey, ProviderName,
    lifecycle::{Lifecycle, Outcome, Roles, SubError, Subroutine},
};
use platform_mesh_api::{AuthorizationModel, AuthorizationModelStatus, Store, names};

use crate::{
    app::{App, controller, run, without_status},
    orgs::usable_store,
    store::{Judgement, Judgements, bring_in_line},
};

const NAME: &str = "AuthorizationModelReconciler";
const MERGED: &str = "Merged";
const TUPLES: &str = "TupleSubroutine";
const SUBROUTINES: [&str; 2] = [MERGED, TUPLES];

/// Starts the controller.
pub(crate) fn start(
    fleet: &Fleet,
    provider: &ProviderName,
    judgements: &Judgements,
    app: Arc<App>,
) -> ControllerHandle {
    let stores = fleet.store_in::<Store>(provider.clone());
    let models = fleet.store_in::<AuthorizationModel>(provider.clone());
    let lifecycle = Lifecycle::new(NAME)
        .conditions()
        .with(Merged { judgements: judgements.clone() })
        .with(ModuleTuples { stores });
    let (forgetting, waits, of) = (judgements.clone(), app.clone(), provider.clone());
    let controller = controller::<AuthorizationModel>(NAME, fleet, provider, &app, &SUBROUTINES)
        .predicate(without_status::<AuthorizationModel>)
        .watches::<Store, _>(move |home, store| {
            let name = store.metadata.name.clone().unwrap_or_default();
            let home = home.id().to_string();
            let belongs = |model: &AuthorizationModel| {
                model.spec.store_ref.name == name && model.spec.store_ref.cluster == home
            };
            let all = models
                .all()
                .into_iter()
                .filter(|(cluster, model)| cluster.key().provider == of && belongs(model));
            all.map(|(cluster, model)| cluster.object(ObjectKey::of(model.as_ref())))
                .collect::<Vec<ClusterObjectRef>>()
        })
        .on_deleted(move |cluster, key, _| {
            let object = cluster.object(key);
            forgetting.forget(&object);
            waits.forget(&object, &SUBROUTINES);
            async {}
        });
    run(controller, "authorizationmodel", lifecycle, app, |_, _| true)
}

/// Tells what the Store made of the module.
struct Merged {
    judgements: Judgements,
}

impl Subroutine<AuthorizationModel, App> for Merged {
    fn name(&self) -> &'static str {
        MERGED
    }

    async fn process(&self, model: &mut AuthorizationModel, cx: &Cx<App>) -> Result<Outcome, SubError> {
        match self.judgements.of(&cx.object_ref(), model) {
            Some(Judgement::Merged(id)) => {
                tracing::debug!(object = %cx.object(), model = %id, "module is merged");
                Ok(cx.done(MERGED, cx))
            }
            Some(Judgement::Refused(why)) => Ok(Outcome::stop(format!("the module is left out: {why}"))),
            None => Ok(cx.stop(MERGED, cx, "the Store has not merged the module yet")),
        }
    }
}

/// The tuples of a module, in the store that it extends.
struct ModuleTuples {
    stores: FleetStore<Store>,
}

impl ModuleTuples {
    fn store(&self, model: &AuthorizationModel, cx: &Cx<App>) -> Option<Arc<Store>> {
        let reference = &model.spec.store_ref;
        let home = ClusterKey::new(cx.core.clone(), reference.cluster.as_str());
        self.stores.of(&cx.fleet().cluster(&home).engaged()?).get(&reference.name)
    }
}

impl Subroutine<AuthorizationModel, App> for ModuleTuples {
    fn name(&self) -> &'static str {
        TUPLES
    }

    fn roles(&self) -> Roles {
        Roles::PROCESS.and(Roles::FINALIZE)
    }

    fn finalizers(&self, _: &AuthorizationModel) -> Vec<&'static str> {
        vec![names::TUPLES_FINALIZER]
    }

    async fn process(&self, model: &mut AuthorizationModel, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let managed = model.status.as_ref().is_some_and(|status| !status.managed_tuples.is_empty());
        if model.spec.tuples.is_empty() && !managed {
            return Ok(cx.done(TUPLES, cx));
        }
        let Some(id) = self.store(model, cx).and_then(|store| usable_store(&store)) else {
            return Ok(cx.stop(TUPLES, cx, "the Store is not ready yet"));
        };
        let wanted = model.spec.tuples.clone();
        let status = model.status.get_or_insert_with(AuthorizationModelStatus::default);
        bring_in_line(&id, &wanted, &mut status.managed_tuples, cx).await?;
        Ok(cx.done(TUPLES, cx))
    }

    /// A Store that is gone took its tuples along.
    async fn finalize(&self, model: &mut AuthorizationModel, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let id = self.store(model, cx).and_then(|store| store.status.as_ref()?.store_id.clone());
        if let Some(status) = &mut model.status {
            if let Some(id) = id.filter(|id| !id.is_empty()) {
                cx.delete_tuples(&StoreId::from(id), &status.managed_tuples).await?;
            }
            status.managed_tuples.clear();
        }
        Ok(cx.done(TUPLES, cx))
    }
}
