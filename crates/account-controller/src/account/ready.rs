//! The Account is ready when its Workspace is. A step of its own: were it part of the Workspace's, AccountInfo would wait
//! for a workspace that waits for AccountInfo.

use std::time::Duration;

use account_model::{Step, plan};
use multicluster::{
    Cx,
    lifecycle::{Outcome, SubError, Subroutine},
};
use platform_mesh_api::{Account, condition_is_true};

use super::RESYNC;
use crate::{
    app::{App, age},
    seen::View,
};

pub(super) const NAME: &str = "WorkspaceReadySubroutine";

pub(super) struct WorkspaceReady;

impl Subroutine<Account, App> for WorkspaceReady {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn process(&self, account: &mut Account, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let view = View::fetch(account, cx);
        let step = plan::workspace_ready(account, &view.seen);
        let done = step == Step::Done;
        let outcome = cx.carry_out(NAME, step, &view, cx).await?;
        if !done {
            return Ok(outcome);
        }
        let before =
            account.status.as_ref().is_some_and(|status| condition_is_true(&status.conditions, NAME));
        if !before && let Some(seconds) = age(account, cx.clock().now()) {
            cx.metrics.workspace_ready(&account.spec.kind, seconds);
        }
        let jitter = cx.fleet().ids().below(RESYNC.as_secs());
        Ok(Outcome::ok_after(RESYNC + Duration::from_secs(jitter)))
    }
}
