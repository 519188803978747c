//! The Workspace of an account: created, and on deletion awaited until it is gone.

use account_model::{Step, deletion, plan};
use kcp_api::tenancy::v1alpha1::Workspace;
use multicluster::{
    Cx,
    lifecycle::{Outcome, Roles, SubError, Subroutine},
};
use platform_mesh_api::{Account, names};

use super::holds;
use crate::{app::App, seen::View};

pub(super) const NAME: &str = "WorkspaceSubroutine";

pub(super) struct AccountWorkspace {
    pub(super) enabled: bool,
}

impl Subroutine<Account, App> for AccountWorkspace {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roles(&self) -> Roles {
        if self.enabled { Roles::PROCESS.and(Roles::FINALIZE) } else { Roles::FINALIZE }
    }

    fn finalizers(&self, account: &Account) -> Vec<&'static str> {
        let finalizer = names::ACCOUNT_FINALIZER;
        if self.enabled || holds(account, finalizer) { vec![finalizer] } else { Vec::new() }
    }

    async fn process(&self, account: &mut Account, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let view = View::fetch(account, cx);
        cx.carry_out(NAME, plan::workspace(account, &view.seen), &view, cx).await
    }

    /// Asks the server itself: the store may still hold a Workspace whose kind is not served any more.
    async fn finalize(&self, account: &mut Account, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let mut view = View::fetch(account, cx);
        let name = account.metadata.name.as_deref().unwrap_or_default();
        let found = cx.cluster().all::<Workspace>().get_opt(name).await?;
        view.seen.workspace = found.map(serde_json::to_value).transpose()?;
        let step = deletion::workspace(account, &view.seen);
        let deletes = matches!(step, Step::Write(_));
        let outcome = cx.carry_out(NAME, step, &view, cx).await?;
        if deletes && outcome == Outcome::ok() {
            return Ok(Outcome::stop_for(cx.wait(NAME, cx), deletion::WAITING_FOR_WORKSPACE));
        }
        Ok(outcome)
    }
}
