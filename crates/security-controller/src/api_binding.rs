//! The model generator: what an organisation binds becomes part of its model, as one AuthorizationModel for each resource
//! in the provider's workspace. The last binding takes it away.

mod generate;

use std::sync::Arc;

use account_model::AccountPath;
use fga_model::is_generated_export;
use kcp_api::{
    apis::v1alpha2::{ApiBinding, ApiExport},
    core::v1alpha1::LogicalCluster,
};
use multicluster::{
    Action, Cluster, ClusterObjectRef, ControllerHandle, Cx, Fleet, FleetStore, ObjectKey, ProviderName,
    lifecycle::{Lifecycle, LifecycleError, Outcome, Roles, SubError, Subroutine},
};
use platform_mesh_api::{AccountInfo, AuthorizationModel, Store, names};
use serde_json::json;

use crate::{
    app::{App, controller, is_deleting},
    write::{delete, patch},
};
use generate::Resource;

const NAME: &str = "APIBindingReconciler";
const SUBROUTINE: &str = "AuthorizationModelGeneration";
const SUBROUTINES: [&str; 1] = [SUBROUTINE];

/// Starts the controller.
pub(crate) fn start(fleet: &Fleet, provider: &ProviderName, app: Arc<App>) -> ControllerHandle {
    let generation = Generation {
        bindings: fleet.store_in(provider.clone()),
        infos: fleet.store_in(provider.clone()),
        stores: fleet.store_in(provider.clone()),
        clusters: fleet.store_in(provider.clone()),
        provider: provider.clone(),
    };
    let (of_info, of_export, of_workspace) = (generation.clone(), generation.clone(), generation.clone());
    let (of_model, of_store) = (generation.clone(), generation.clone());
    let controller = controller::<ApiBinding>(NAME, fleet, provider, &app, &SUBROUTINES)
        .watches::<AccountInfo, _>(move |cluster, _| {
            let own = cluster.key().clone();
            of_info.bindings_where(|place, binding| *place.key() == own && is_generated(binding))
        })
        .watches::<LogicalCluster, _>(move |cluster, workspace| match is_deleting(workspace.as_ref()) {
            true => {
                let own = cluster.key().clone();
                of_workspace.bindings_where(|place, _| *place.key() == own)
            }
            false => Vec::new(),
        })
        .watches::<ApiExport, _>(move |cluster, export| {
            let name = export.metadata.name.clone().unwrap_or_default();
            let id = cluster.id().to_string();
            of_export.bindings_where(|_, binding| {
                let bound =
                    binding.status.as_ref().map_or("", |status| status.api_export_cluster_name.as_str());
                bound == id && export_name(binding) == Some(name.as_str())
            })
        })
        .watches::<AuthorizationModel, _>(move |cluster, model| {
            // A module that somebody deleted is still needed by those who bind its resource.
            let (org, id) = (model.spec.store_ref.name.clone(), cluster.id().to_string());
            if !is_deleting(model.as_ref()) {
                return Vec::new();
            }
            of_model.bindings_where(|place, binding| {
                let bound =
                    binding.status.as_ref().map_or("", |status| status.api_export_cluster_name.as_str());
                bound == id && organization_of(place, binding).as_deref() == Some(org.as_str())
            })
        })
        .watches::<Store, _>(move |_, store| {
            let org = store.metadata.name.clone().unwrap_or_default();
            of_store.bindings_where(|place, binding| {
                is_generated(binding) && organization_of(place, binding).as_deref() == Some(org.as_str())
            })
        });
    let shared = Arc::new((Lifecycle::new(NAME).with(generation.clone()), generation));
    controller.run(
        move |binding: Arc<ApiBinding>, cx: Cx<App>| {
            let shared = shared.clone();
            async move {
                let (lifecycle, generation) = shared.as_ref();
                if !cx.handles(binding.metadata.labels.as_ref()) {
                    return Ok(Action::await_change());
                }
                let (started, metrics) = (tokio::time::Instant::now(), cx.metrics.clone());
                let result = match generation.workspace_goes(cx.cluster()) && !is_deleting(binding.as_ref()) {
                    true => generation.let_go(&binding, &cx).await.map_err(LifecycleError::Prepare),
                    false => lifecycle.reconcile(binding, cx).await,
                };
                metrics.reconciled("apibinding", result.is_ok(), started.elapsed());
                result
            }
        },
        |_, _: &LifecycleError, _| Action::backoff(),
        app,
    )
}

#[derive(Clone)]
struct Generation {
    bindings: FleetStore<ApiBinding>,
    infos: FleetStore<AccountInfo>,
    stores: FleetStore<Store>,
    clusters: FleetStore<LogicalCluster>,
    provider: ProviderName,
}

impl Subroutine<ApiBinding, App> for Generation {
    fn name(&self) -> &'static str {
        SUBROUTINE
    }

    fn roles(&self) -> Roles {
        Roles::PROCESS.and(Roles::FINALIZE)
    }

    fn finalizers(&self, binding: &ApiBinding) -> Vec<&'static str> {
        let finalizer = names::API_BINDING_FINALIZER;
        let held = binding.metadata.finalizers.iter().flatten().any(|held| held == finalizer);
        if held || is_generated(binding) { vec![finalizer] } else { Vec::new() }
    }

    async fn process(&self, binding: &mut ApiBinding, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let Some(org) = organization_of(cx.cluster(), binding).filter(|_| is_generated(binding)) else {
            return Ok(cx.done(SUBROUTINE, cx));
        };
        let exporter = binding.status.as_ref().map(|status| status.api_export_cluster_name.clone());
        let (Some(exporter), Some(export)) = (exporter.filter(|id| !id.is_empty()), export_name(binding))
        else {
            // Its own change to Bound brings the next pass.
            return Ok(cx.done(SUBROUTINE, cx));
        };
        let Some(info) = self.infos.of(cx.cluster()).get(names::ACCOUNT_INFO_NAME) else {
            return Ok(cx.stop(SUBROUTINE, cx, "AccountInfo is not there yet"));
        };
        let home = info.spec.organization.origin_cluster_id.clone();
        if !self.store_stays(&home, &org, cx) {
            return Ok(cx.stop(SUBROUTINE, cx, format!("the Store of organisation {org} is not there")));
        }
        let key = multicluster::ClusterKey::new(self.provider.clone(), exporter.as_str());
        let Some(provider) = cx.fleet().cluster(&key).engaged() else {
            return Ok(cx.stop(SUBROUTINE, cx, "the provider's workspace does not bind the core export"));
        };
        for module in generate::modules(&provider, export, &org, &home, cx.app()).await? {
            module.ensure(&provider).await?;
        }
        Ok(cx.done(SUBROUTINE, cx))
    }

    async fn finalize(&self, binding: &mut ApiBinding, cx: &Cx<App>) -> Result<Outcome, SubError> {
        self.clean(binding, cx).await?;
        Ok(cx.done(SUBROUTINE, cx))
    }
}

impl Generation {
    /// Whether the workspace of a binding is on its way out.
    fn workspace_goes(&self, cluster: &Cluster) -> bool {
        let workspace = self.clusters.of(cluster).get(names::LOGICAL_CLUSTER_NAME);
        workspace.is_some_and(|workspace| is_deleting(workspace.as_ref()))
    }

    /// Cleans up for a binding that will go with its workspace. Of a workspace that goes, kcp deletes bindings last and
    /// all at once; once the binding of the core export is gone, nobody could remove a finalizer from the others.
    async fn let_go(&self, binding: &ApiBinding, cx: &Cx<App>) -> Result<Action, SubError> {
        let finalizers = binding.metadata.finalizers.clone().unwrap_or_default();
        if !finalizers.iter().any(|held| held == names::API_BINDING_FINALIZER) {
            return Ok(Action::await_change());
        }
        self.clean(binding, cx).await?;
        let left: Vec<String> =
            finalizers.into_iter().filter(|held| held != names::API_BINDING_FINALIZER).collect();
        let name = binding.metadata.name.as_deref().unwrap_or_default();
        let version = binding.metadata.resource_version.as_deref();
        let body = json!({ "metadata": { "finalizers": left } });
        let written = patch(&cx.cluster().all::<ApiBinding>(), name, version, body).await;
        written.map_err(|error| format!("releasing APIBinding {name}: {error}"))?;
        Ok(Action::await_change())
    }

    /// Takes away the modules that nobody in the organisation needs without this binding.
    async fn clean(&self, binding: &ApiBinding, cx: &Cx<App>) -> Result<(), SubError> {
        let exporter = binding.status.as_ref().map(|status| status.api_export_cluster_name.clone());
        let (Some(org), Some(exporter)) =
            (organization_of(cx.cluster(), binding), exporter.filter(|id| !id.is_empty()))
        else {
            // It never was bound in an organisation, so it made nothing.
            return Ok(());
        };
        // A list that lacks a shard would take away what another binding needs.
        self.bindings.ready().await;
        let client = cx.consumer(cx.fleet(), &exporter);
        let mut mine: Vec<Resource> = generate::bound(binding);
        mine.extend(generate::exported(&client, export_name(binding).unwrap_or_default()).await?);
        mine.sort();
        mine.dedup();
        let others = self.others(binding, &org, &exporter, cx);
        let kept = |resource: &Resource| {
            others.iter().any(|other| generate::needs(other, export_name(binding), resource))
        };
        let api = kube::Api::<AuthorizationModel>::all(client);
        for resource in mine.iter().filter(|resource| !kept(resource)) {
            let name = resource.model_name(&org);
            match delete(&api, &name).await {
                Ok(true) => tracing::info!(object = name, cluster = exporter, "module deleted"),
                // Also where the provider's workspace is gone: nothing is left to clean.
                Ok(false) => {}
                Err(error) if crate::write::has_code(&error, &[403, 404]) => {}
                Err(error) => return Err(format!("deleting AuthorizationModel {name}: {error}").into()),
            }
        }
        Ok(())
    }

    fn bindings_where(&self, wanted: impl Fn(&Cluster, &ApiBinding) -> bool) -> Vec<ClusterObjectRef> {
        let all = self.bindings.all().into_iter();
        all.filter(|(cluster, binding)| cluster.key().provider == self.provider && wanted(cluster, binding))
            .map(|(cluster, binding)| cluster.object(ObjectKey::of(binding.as_ref())))
            .collect()
    }

    /// The bindings of the same organisation to the same provider that stay.
    fn others(&self, own: &ApiBinding, org: &str, exporter: &str, cx: &Cx<App>) -> Vec<Arc<ApiBinding>> {
        let is_own = |cluster: &Cluster, binding: &ApiBinding| {
            cluster.key() == cx.cluster().key() && binding.metadata.name == own.metadata.name
        };
        let counts = |cluster: &Cluster, binding: &ApiBinding| {
            let bound = binding.status.as_ref().map_or("", |status| status.api_export_cluster_name.as_str());
            cluster.key().provider == self.provider
                && !is_own(cluster, binding)
                && !is_deleting(binding)
                && !self.workspace_goes(cluster)
                && is_generated(binding)
                && (bound == exporter || (bound.is_empty() && same_reference(binding, own)))
                && organization_of(cluster, binding).as_deref() == Some(org)
        };
        let all = self.bindings.all().into_iter();
        all.filter(|(cluster, binding)| counts(cluster, binding)).map(|(_, binding)| binding).collect()
    }

    /// Whether the organisation has a Store that is not on its way out.
    fn store_stays(&self, home: &str, org: &str, cx: &Cx<App>) -> bool {
        let key = multicluster::ClusterKey::new(self.provider.clone(), home);
        let home = cx.fleet().cluster(&key).engaged();
        home.and_then(|home| self.stores.of(&home).get(org)).is_some_and(|store| !is_deleting(store.as_ref()))
    }
}

fn export_name(binding: &ApiBinding) -> Option<&str> {
    binding.spec.reference.export.as_ref().map(|export| export.name.as_str())
}

fn same_reference(one: &ApiBinding, other: &ApiBinding) -> bool {
    one.spec.reference.export == other.spec.reference.export
}

/// Whether a binding makes modules: one to an export of the platform or of kcp does not.
fn is_generated(binding: &ApiBinding) -> bool {
    export_name(binding).is_some_and(|name| name != names::PROVIDERS_EXPORT && is_generated_export(name))
}

/// The organisation that a binding is in, by the path of its workspace; none outside of organisations.
fn organization_of(cluster: &Cluster, binding: &ApiBinding) -> Option<String> {
    let annotated = kcp_api::path_of(binding).map(|path| path.to_string());
    let path = annotated.or_else(|| cluster.alias().map(|alias| alias.to_string()))?;
    Some(AccountPath::parse(&path).ok()?.organization().to_owned())
}
