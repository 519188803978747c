//! The two WorkspaceTypes of an organisation.

use account_model::{deletion, plan};
use multicluster::{
    Cx,
    lifecycle::{Outcome, Roles, SubError, Subroutine},
};
use platform_mesh_api::{Account, names};

use super::holds;
use crate::{app::App, seen::View};

pub(super) const NAME: &str = "WorkspaceTypeSubroutine";

pub(super) struct WorkspaceTypes {
    pub(super) enabled: bool,
}

impl Subroutine<Account, App> for WorkspaceTypes {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roles(&self) -> Roles {
        if self.enabled { Roles::PROCESS.and(Roles::FINALIZE) } else { Roles::FINALIZE }
    }

    fn finalizers(&self, account: &Account) -> Vec<&'static str> {
        let finalizer = names::WORKSPACE_TYPE_FINALIZER;
        let wanted = self.enabled && account.spec.kind == names::ACCOUNT_TYPE_ORG;
        if wanted || holds(account, finalizer) { vec![finalizer] } else { Vec::new() }
    }

    async fn process(&self, account: &mut Account, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let view = View::fetch(account, cx);
        cx.carry_out(NAME, plan::workspace_types(account, &view.seen), &view, cx).await
    }

    async fn finalize(&self, account: &mut Account, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let view = View::fetch(account, cx).with_users_of_types(cx);
        cx.carry_out(NAME, deletion::workspace_types(account, &view.seen), &view, cx).await
    }
}
