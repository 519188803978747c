//! The reconciler of Stores: relationship store, model, tuples, in this order, and backwards when the Store goes.

mod discovery;
mod model;
mod relationship_store;
mod tuples;

use std::sync::Arc;

use kcp_api::core::v1alpha1::LogicalCluster;
use multicluster::{
    Cluster, ClusterKey, ControllerHandle, Fleet, FleetStore, ObjectKey, ProviderName, lifecycle::Lifecycle,
};
use platform_mesh_api::{Account, AuthorizationModel, Store};

use crate::app::{App, controller, run, without_status};
pub(crate) use model::{Judgement, Judgements};
pub(crate) use tuples::bring_in_line;

const NAME: &str = "StoreReconciler";
const SUBROUTINES: [&str; 3] = [relationship_store::NAME, model::NAME, tuples::NAME];

/// The AuthorizationModels of all providers, and whose they are.
#[derive(Clone)]
pub(crate) struct Extensions {
    models: FleetStore<AuthorizationModel>,
    provider: ProviderName,
}

impl Extensions {
    pub(crate) fn new(fleet: &Fleet, provider: &ProviderName) -> Self {
        Self { models: fleet.store_in(provider.clone()), provider: provider.clone() }
    }

    /// The modules that extend a Store, in an order that stays the same.
    fn of(&self, cluster: &Cluster, store: &str) -> Vec<(Cluster, Arc<AuthorizationModel>)> {
        let belongs = |(place, model): &(Cluster, Arc<AuthorizationModel>)| {
            let reference = &model.spec.store_ref;
            place.key().provider == self.provider
                && reference.name == store
                && reference.cluster == cluster.id().as_str()
        };
        let mut found: Vec<_> = self.models.all().into_iter().filter(belongs).collect();
        found.sort_by(|(a, left), (b, right)| {
            (a.key(), &left.metadata.name).cmp(&(b.key(), &right.metadata.name))
        });
        found
    }
}

/// Starts the controller.
pub(crate) fn start(
    fleet: &Fleet,
    provider: &ProviderName,
    judgements: &Judgements,
    app: Arc<App>,
) -> ControllerHandle {
    let extensions = Extensions::new(fleet, provider);
    let accounts = fleet.store_in::<Account>(provider.clone());
    let clusters = fleet.store_in::<LogicalCluster>(provider.clone());
    let lifecycle = Lifecycle::new(NAME)
        .conditions()
        .with(relationship_store::RelationshipStoreOf { extensions: extensions.clone(), accounts, clusters })
        .with(model::ModelOf::new(extensions, judgements.clone()))
        .with(tuples::TuplesOf);
    let of = provider.clone();
    let controller = controller::<Store>(NAME, fleet, provider, &app, &SUBROUTINES)
        .predicate(without_status::<Store>)
        .watches::<AuthorizationModel, _>(move |_, model| {
            let reference = &model.spec.store_ref;
            let home = ClusterKey::new(of.clone(), reference.cluster.as_str());
            [ObjectKey::named(reference.name.as_str()).in_cluster(&home)]
        });
    run(controller, "store", lifecycle, app, |_, _| true)
}
