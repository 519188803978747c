//! Holds AccountInfo while Accounts exist beside it: they and their clean-up need to know where they are.

use std::sync::Arc;

use account_model::{Step, deletion};
use kube::api::ListParams;
use multicluster::{
    Action, Concurrency, Controller, ControllerHandle, Cx, Fleet, ObjectKey, StaticThenExponential,
    lifecycle::{Lifecycle, LifecycleError, Outcome, Roles, SubError, Subroutine},
};
use platform_mesh_api::{Account, AccountInfo, names};

use crate::{app::App, options::Options};

/// Name of the controller, for logs and metrics.
const NAME: &str = "AccountInfoReconciler";
const SUBROUTINE: &str = "FinalizeAccountInfoSubroutine";

/// Starts the controller. Switched off, it still lets go of what it once held.
pub(crate) fn start(fleet: &Fleet, options: &Options, app: Arc<App>) -> ControllerHandle {
    let lifecycle = Arc::new(lifecycle(options));
    let forgetting = app.clone();
    Controller::<AccountInfo>::new(NAME, fleet)
        .provider(app.provider.clone())
        .concurrency(Concurrency::total(options.max_concurrent_reconciles))
        .backoff(StaticThenExponential::default())
        .watches::<Account, _>(|cluster, account| {
            // Only the end of an Account can make a difference.
            let going = account.metadata.deletion_timestamp.is_some();
            going.then(|| cluster.object(ObjectKey::named(names::ACCOUNT_INFO_NAME)))
        })
        .on_deleted(move |cluster, key, _| {
            forgetting.forget(&cluster.object(key), &[SUBROUTINE]);
            async {}
        })
        .run(
            move |info, cx: Cx<App>| {
                let lifecycle = lifecycle.clone();
                async move {
                    if !cx.handles(info.metadata.labels.as_ref()) {
                        return Ok(Action::await_change());
                    }
                    lifecycle.reconcile(info, cx).await
                }
            },
            |_, _: &LifecycleError, _| Action::backoff(),
            app,
        )
}

pub(crate) fn lifecycle(options: &Options) -> Lifecycle<AccountInfo, App> {
    Lifecycle::new(NAME).with(HoldAccountInfo { enabled: options.controllers_account_info_enabled })
}

struct HoldAccountInfo {
    enabled: bool,
}

impl Subroutine<AccountInfo, App> for HoldAccountInfo {
    fn name(&self) -> &'static str {
        SUBROUTINE
    }

    fn roles(&self) -> Roles {
        Roles::FINALIZE
    }

    fn finalizers(&self, info: &AccountInfo) -> Vec<&'static str> {
        let finalizer = names::ACCOUNT_INFO_FINALIZER;
        let held = info.metadata.finalizers.iter().flatten().any(|held| held == finalizer);
        let wanted = self.enabled && info.metadata.name.as_deref() == Some(names::ACCOUNT_INFO_NAME);
        if wanted || held { vec![finalizer] } else { Vec::new() }
    }

    /// Asks the server itself: a store that has not heard of the newest Account would let go too early.
    async fn finalize(&self, _: &mut AccountInfo, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let beside = match cx.cluster().all::<Account>().list(&ListParams::default().limit(1)).await {
            Ok(accounts) => accounts.items.len(),
            // Accounts are not served there any more, so there are none.
            Err(kube::Error::Api(status)) if status.code == 404 => 0,
            Err(error) => return Err(format!("listing child accounts: {error}").into()),
        };
        match deletion::account_info(beside) {
            Step::Wait(why) => Ok(Outcome::stop_for(cx.wait(SUBROUTINE, cx), why)),
            _ => {
                cx.forget(&cx.object_ref(), &[SUBROUTINE]);
                Ok(Outcome::ok())
            }
        }
    }
}
