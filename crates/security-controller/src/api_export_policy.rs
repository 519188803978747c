//! The reconciler of APIExportPolicies: tuples that let accounts bind an export.
//!
//! Two loops: one over policies, one over AccountInfos, so that an organisation that comes later gets its tuples too.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use account_model::{AccountRef, BindExpression};
use fga_client::StoreId;
use multicluster::{
    Action, Cluster, ClusterKey, ControllerHandle, Cx, Fleet, FleetStore, ObjectKey, ProviderName,
    lifecycle::{Lifecycle, Outcome, Roles, SubError, Subroutine},
};
use platform_mesh_api::{AccountInfo, ApiExportPolicy, ApiExportPolicyStatus, Store, Tuple, names};

use crate::{
    app::{App, controller, is_deleting, run, without_status},
    orgs::usable_store,
};

const NAME: &str = "APIExportPolicyReconciler";
const TARGETS: &str = "APIExportPolicyTargets";
const SUBROUTINE: &str = "APIExportPolicySubroutine";
const SUBROUTINES: [&str; 1] = [SUBROUTINE];
/// The export that tuples were written for: `<cluster>/<name>`. A policy may change its mind.
const MANAGED_EXPORT: &str = "system.platform-mesh.io/managed-export";

/// Starts both controllers.
pub(crate) fn start(
    fleet: &Fleet,
    provider: &ProviderName,
    core: &ProviderName,
    app: Arc<App>,
) -> [ControllerHandle; 2] {
    let accounts = Targets {
        infos: fleet.store_in(core.clone()),
        stores: fleet.store_in(core.clone()),
        core: core.clone(),
    };
    let policies = fleet.store_in::<ApiExportPolicy>(provider.clone());
    let subroutine = PolicyTuples { accounts: accounts.clone(), policies: policies.clone() };
    let lifecycle = Lifecycle::new(NAME).conditions().with(subroutine);
    let own =
        controller(NAME, fleet, provider, &app, &SUBROUTINES).predicate(without_status::<ApiExportPolicy>);
    let of_policies = run(own, "apiexportpolicy", lifecycle, app.clone(), |_, _| true);

    let (known, of) = (fleet.clone(), core.clone());
    let targets = controller::<AccountInfo>(TARGETS, fleet, core, &app, &[])
        .watches::<Store, _>(move |_, store| {
            let path = format!("{}:{}", names::ORGS, store.metadata.name.as_deref().unwrap_or_default());
            let org = known.resolve_in(&of, &path);
            org.map(|org| org.object(ObjectKey::named(names::ACCOUNT_INFO_NAME)))
        })
        .run(
            move |info: Arc<AccountInfo>, cx: Cx<App>| {
                let (accounts, policies) = (accounts.clone(), policies.clone());
                async move { greet(&info, &accounts, &policies, &cx).await }
            },
            |_, _: &GreetError, _| Action::backoff(),
            app,
        );
    [of_policies, targets]
}

/// Why the tuples of an account could not be written.
#[derive(Debug, thiserror::Error)]
#[error("policies for account {account}: {why}")]
struct GreetError {
    account: String,
    why: String,
}

/// Gives an account what the policies that were there before it say.
async fn greet(
    info: &AccountInfo,
    accounts: &Targets,
    policies: &FleetStore<ApiExportPolicy>,
    cx: &Cx<App>,
) -> Result<Action, GreetError> {
    if is_deleting(info) || info.spec.account.name.is_empty() {
        return Ok(Action::await_change());
    }
    let Some(store) = accounts.store(info, cx.fleet()) else { return Ok(Action::await_change()) };
    let mut tuples = BTreeSet::new();
    for (cluster, policy) in policies.all() {
        let handled = cx.handles(policy.metadata.labels.as_ref()) && cluster.key().provider != accounts.core;
        let export = accounts.export(&policy, cx.fleet());
        let Some(export) = export.filter(|_| handled && !is_deleting(policy.as_ref())) else { continue };
        for expression in &policy.spec.allow_path_expressions {
            let Ok(expression) = BindExpression::parse(expression) else { continue };
            if means(&expression, info) {
                tuples.insert(bind(info, &expression, &export, cx.app()));
            }
        }
    }
    let written = cx.write_tuples(&store, &tuples).await;
    written
        .map_err(|error| GreetError { account: info.spec.account.path.clone(), why: error.to_string() })?;
    Ok(Action::await_change())
}

/// Whether an expression names an account.
fn means(expression: &BindExpression, info: &AccountInfo) -> bool {
    match expression.path() {
        None => info.spec.account.kind == names::ACCOUNT_TYPE_ORG,
        Some(path) => info.spec.account.path == path.to_string(),
    }
}

/// An export as tuples name it: cluster and name.
type Export = (String, String);

fn bind(info: &AccountInfo, expression: &BindExpression, (cluster, name): &Export, app: &App) -> Tuple {
    app.names.bind(&AccountRef::from(info), expression.relation(), cluster, name)
}

/// Accounts and their stores, as policies need them.
#[derive(Clone)]
struct Targets {
    infos: FleetStore<AccountInfo>,
    stores: FleetStore<Store>,
    core: ProviderName,
}

impl Targets {
    /// The export of a policy; none while its workspace is not seen.
    fn export(&self, policy: &ApiExportPolicy, fleet: &Fleet) -> Option<Export> {
        let reference = &policy.spec.api_export_ref;
        let path = reference.cluster_path.trim_start_matches(':');
        let cluster = fleet.resolve_in(&self.core, path)?;
        Some((cluster.id().to_string(), reference.name.clone()))
    }

    /// The relationship store of an account's organisation.
    fn store(&self, info: &AccountInfo, fleet: &Fleet) -> Option<StoreId> {
        let organization = &info.spec.organization;
        let home = ClusterKey::new(self.core.clone(), organization.origin_cluster_id.as_str());
        let store = self.stores.of(&fleet.cluster(&home).engaged()?).get(&organization.name)?;
        if is_deleting(store.as_ref()) { None } else { usable_store(&store) }
    }

    fn all(&self) -> Vec<(Cluster, Arc<AccountInfo>)> {
        let all = self.infos.all().into_iter();
        all.filter(|(cluster, _)| cluster.key().provider == self.core).collect()
    }

    /// The accounts that an expression names now.
    fn named(&self, expression: &BindExpression, fleet: &Fleet) -> Vec<Arc<AccountInfo>> {
        match expression.path() {
            None => {
                self.all().into_iter().map(|(_, info)| info).filter(|info| means(expression, info)).collect()
            }
            Some(path) => {
                let cluster = fleet.resolve_in(&self.core, &path.to_string());
                let info = cluster.and_then(|cluster| self.infos.of(&cluster).get(names::ACCOUNT_INFO_NAME));
                info.into_iter().collect()
            }
        }
    }

    /// The tuples of some expressions, by store, and the expressions that name nobody who has a store.
    fn tuples(
        &self,
        expressions: &[BindExpression],
        export: &Export,
        cx: &Cx<App>,
    ) -> (BTreeMap<StoreId, BTreeSet<Tuple>>, Vec<String>) {
        let mut tuples: BTreeMap<StoreId, BTreeSet<Tuple>> = BTreeMap::new();
        let mut nobody = Vec::new();
        for expression in expressions {
            let mut met = expression.path().is_none();
            for info in self.named(expression, cx.fleet()) {
                // An organisation without a store is on its way; its AccountInfo and Store will say so.
                let Some(store) = self.store(&info, cx.fleet()) else { continue };
                tuples.entry(store).or_default().insert(bind(&info, expression, export, cx.app()));
                met = true;
            }
            if !met {
                nobody.push(expression.to_string());
            }
        }
        (tuples, nobody)
    }
}

struct PolicyTuples {
    accounts: Targets,
    policies: FleetStore<ApiExportPolicy>,
}

impl Subroutine<ApiExportPolicy, App> for PolicyTuples {
    fn name(&self) -> &'static str {
        SUBROUTINE
    }

    fn roles(&self) -> Roles {
        Roles::PROCESS.and(Roles::FINALIZE)
    }

    fn finalizers(&self, _: &ApiExportPolicy) -> Vec<&'static str> {
        vec![names::API_EXPORT_POLICY_FINALIZER]
    }

    async fn process(&self, policy: &mut ApiExportPolicy, cx: &Cx<App>) -> Result<Outcome, SubError> {
        // All are read before anything is written.
        let mut wanted = Vec::new();
        for expression in &policy.spec.allow_path_expressions {
            match BindExpression::parse(expression) {
                Ok(expression) => wanted.push(expression),
                Err(error) => return Ok(Outcome::stop(crate::error::in_words(&error))),
            }
        }
        self.accounts.infos.ready().await;
        let Some(export) = self.accounts.export(policy, cx.fleet()) else {
            let path = &policy.spec.api_export_ref.cluster_path;
            return Ok(cx.stop(SUBROUTINE, cx, format!("workspace {path} does not bind the core export")));
        };
        let (tuples, nobody) = self.accounts.tuples(&wanted, &export, cx);
        self.remove(policy, Some(&export), &tuples, cx).await?;
        let managed = format!("{}/{}", export.0, export.1);
        policy.metadata.annotations.get_or_insert_default().insert(MANAGED_EXPORT.to_owned(), managed);
        for (store, tuples) in &tuples {
            cx.write_tuples(store, tuples).await?;
        }
        let all = policy.spec.allow_path_expressions.clone();
        let status = policy.status.get_or_insert_with(ApiExportPolicyStatus::default);
        status.managed_allow_expressions = all;
        if !nobody.is_empty() {
            return Ok(cx.stop(SUBROUTINE, cx, format!("no account is there yet for {}", nobody.join(", "))));
        }
        Ok(cx.done(SUBROUTINE, cx))
    }

    /// Accounts that are gone took their tuples along.
    async fn finalize(&self, policy: &mut ApiExportPolicy, cx: &Cx<App>) -> Result<Outcome, SubError> {
        self.accounts.infos.ready().await;
        let export = self.accounts.export(policy, cx.fleet());
        self.remove(policy, export.as_ref(), &BTreeMap::new(), cx).await?;
        Ok(cx.done(SUBROUTINE, cx))
    }
}

impl PolicyTuples {
    /// Takes away what was written for this policy, now or for an earlier export, except for what is kept.
    async fn remove(
        &self,
        policy: &ApiExportPolicy,
        export: Option<&Export>,
        kept: &BTreeMap<StoreId, BTreeSet<Tuple>>,
        cx: &Cx<App>,
    ) -> Result<(), SubError> {
        let status = policy.status.as_ref();
        let managed = status.map(|status| status.managed_allow_expressions.as_slice()).unwrap_or_default();
        let all: BTreeSet<&String> = managed.iter().chain(&policy.spec.allow_path_expressions).collect();
        let all: Vec<BindExpression> =
            all.into_iter().filter_map(|text| BindExpression::parse(text).ok()).collect();
        let annotations = policy.metadata.annotations.as_ref();
        let earlier =
            annotations.and_then(|all| all.get(MANAGED_EXPORT)).and_then(|text| text.split_once('/'));
        let earlier = earlier.map(|(cluster, name)| (cluster.to_owned(), name.to_owned()));
        for export in earlier.iter().chain(export.filter(|export| Some(*export) != earlier.as_ref())) {
            let (tuples, _) = self.accounts.tuples(&all, export, cx);
            let (others, _) = self.accounts.tuples(&self.others(policy, export, cx), export, cx);
            for (store, tuples) in tuples {
                let stays = |tuple: &Tuple| {
                    [kept, &others].iter().any(|all| all.get(&store).is_some_and(|all| all.contains(tuple)))
                };
                cx.delete_tuples(&store, tuples.iter().filter(|tuple| !stays(tuple))).await?;
            }
        }
        Ok(())
    }

    /// What other policies say about an export.
    fn others(&self, own: &ApiExportPolicy, export: &Export, cx: &Cx<App>) -> Vec<BindExpression> {
        let is_own = |cluster: &Cluster, policy: &ApiExportPolicy| {
            cluster.key() == cx.cluster().key() && policy.metadata.name == own.metadata.name
        };
        let counts = |cluster: &Cluster, policy: &ApiExportPolicy| {
            cluster.key().provider == cx.cluster().key().provider
                && !is_own(cluster, policy)
                && !is_deleting(policy)
                && self.accounts.export(policy, cx.fleet()).as_ref() == Some(export)
        };
        let all = self.policies.all().into_iter().filter(|(cluster, policy)| counts(cluster, policy));
        all.flat_map(|(_, policy)| policy.spec.allow_path_expressions.clone())
            .filter_map(|text| BindExpression::parse(&text).ok())
            .collect()
    }
}
