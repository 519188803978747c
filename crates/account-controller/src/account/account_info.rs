//! AccountInfo inside the account's workspace, written while the workspace still initializes.

use account_model::{Action, Step, plan};
use multicluster::{
    Cx,
    lifecycle::{Outcome, SubError, Subroutine},
};
use platform_mesh_api::{Account, names};

use crate::{
    app::{App, age},
    seen::View,
};

pub(super) const NAME: &str = "ManageAccountInfoSubroutine";

pub(super) struct ManageAccountInfo;

impl Subroutine<Account, App> for ManageAccountInfo {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn process(&self, account: &mut Account, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let view = View::fetch(account, cx);
        let step = plan::account_info(account, &view.seen);
        let creates = matches!(&step, Step::Write(writes) if writes.iter().any(|write| matches!(write.action, Action::Create(_))));
        let outcome = cx.carry_out(NAME, step, &view, cx).await?;
        if creates && outcome == Outcome::ok() && account.spec.kind == names::ACCOUNT_TYPE_ORG {
            age(account, cx.clock().now())
                .into_iter()
                .for_each(|seconds| cx.metrics.org_provisioned(seconds));
        }
        Ok(outcome)
    }
}
