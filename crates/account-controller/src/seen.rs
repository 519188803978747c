//! Fetches all that a plan needs, once, from the shared stores.

use account_model::{Seen, plan};
use multicluster::{Cluster, ClusterKey, Cx};
use platform_mesh_api::{Account, names};
use serde::Serialize;
use serde_json::Value;

use crate::app::App;

/// What was found, and the clusters that it was found in.
pub(crate) struct View {
    pub(crate) seen: Seen,
    /// The workspace of organisations.
    pub(crate) orgs: Option<Cluster>,
    /// The account's own workspace.
    pub(crate) inside: Option<Cluster>,
}

impl View {
    pub(crate) fn fetch(account: &Account, cx: &Cx<App>) -> Self {
        let app = cx.app();
        let beside = cx.cluster();
        let name = account.metadata.name.as_deref().unwrap_or_default();
        let orgs = app.orgs(cx.fleet());
        let workspace = app.workspaces.of(beside).get(name);
        let inside =
            workspace.as_ref().filter(|workspace| !workspace.spec.cluster.is_empty()).and_then(|workspace| {
                let key = ClusterKey::new(app.provider.clone(), workspace.spec.cluster.as_str());
                cx.fleet().cluster(&key).engaged()
            });
        let own_info = inside.as_ref().and_then(|inside| app.infos.of(inside).get(names::ACCOUNT_INFO_NAME));
        let mut seen = Seen {
            cluster: beside.id().to_string(),
            orgs_cluster: orgs.as_ref().map(|orgs| orgs.id().to_string()),
            workspace: workspace.map(|workspace| raw(workspace.as_ref())),
            parent_info: app.infos.of(beside).get(names::ACCOUNT_INFO_NAME).map(|info| info.as_ref().clone()),
            own_info: own_info.map(|info| raw(info.as_ref())),
            ca: app.ca.to_string(),
            ..Seen::default()
        };
        if let Some(orgs) = &orgs {
            let types = app.types.of(orgs);
            seen.workspace_types = plan::workspace_types_to_see(account, &seen)
                .into_iter()
                .filter_map(|name| types.get(&name).map(|found| (name, raw(found.as_ref()))))
                .collect();
        }
        Self { seen, orgs, inside }
    }

    /// Adds the workspaces in `root:orgs` that are made of the account's types; needed before the types go.
    pub(crate) fn with_users_of_types(mut self, cx: &Cx<App>) -> Self {
        if let Some(orgs) = &self.orgs {
            let types = &self.seen.workspace_types;
            let uses = |name: &str| types.contains_key(name);
            self.seen.orgs_workspaces = cx
                .app()
                .workspaces
                .of(orgs)
                .list()
                .into_iter()
                .filter(|workspace| {
                    workspace.spec.type_.as_ref().is_some_and(|reference| uses(&reference.name))
                })
                .map(|workspace| raw(workspace.as_ref()))
                .collect();
        }
        self
    }
}

/// Kinds are JSON at heart; all their keys are texts, so this does not fail.
fn raw<K: Serialize>(object: &K) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}
