//! Holds AccountInfo while bindings beside it need it: their clean-up asks whose organisation they are in.

use std::sync::Arc;

use kcp_api::apis::v1alpha2::ApiBinding;
use kube::{Api, api::ListParams};
use multicluster::{
    ControllerHandle, Cx, Fleet, ObjectKey, ProviderName,
    lifecycle::{Lifecycle, Outcome, Roles, SubError, Subroutine},
};
use platform_mesh_api::{AccountInfo, names};

use crate::{
    app::{App, controller, is_deleting, run, without_status},
    write::has_code,
};

const NAME: &str = "AccountInfoReconciler";
const SUBROUTINE: &str = "AccountInfoFinalizer";
const SUBROUTINES: [&str; 1] = [SUBROUTINE];

/// Starts the controller.
pub(crate) fn start(fleet: &Fleet, provider: &ProviderName, app: Arc<App>) -> ControllerHandle {
    let infos = fleet.store_in::<AccountInfo>(provider.clone());
    let controller = controller::<AccountInfo>(NAME, fleet, provider, &app, &SUBROUTINES)
        .predicate(without_status::<AccountInfo>)
        .watches::<ApiBinding, _>(move |cluster, _| {
            // Bindings make a difference only to what is waiting to go.
            let info = infos.of(cluster).get(names::ACCOUNT_INFO_NAME);
            let waits = info.is_some_and(|info| is_deleting(info.as_ref()));
            waits.then(|| cluster.object(ObjectKey::named(names::ACCOUNT_INFO_NAME)))
        });
    run(controller, "accountinfo", Lifecycle::new(NAME).with(HoldAccountInfo), app, |_, _| true)
}

struct HoldAccountInfo;

impl Subroutine<AccountInfo, App> for HoldAccountInfo {
    fn name(&self) -> &'static str {
        SUBROUTINE
    }

    fn roles(&self) -> Roles {
        Roles::FINALIZE
    }

    fn finalizers(&self, _: &AccountInfo) -> Vec<&'static str> {
        vec![names::SECURITY_ACCOUNT_INFO_FINALIZER]
    }

    /// Asks the server itself: a store that has not heard of the newest binding would let go too early.
    async fn finalize(&self, _: &mut AccountInfo, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let api: Api<ApiBinding> = cx.cluster().all();
        let bindings = match api.list(&ListParams::default()).await {
            Ok(bindings) => bindings.items,
            // Nothing is served there any more, so there are none.
            Err(error) if has_code(&error, &[404]) => Vec::new(),
            Err(error) => return Err(format!("listing APIBindings: {error}").into()),
        };
        let ours = |held: &String| held == names::API_BINDING_FINALIZER;
        let held =
            bindings.iter().filter(|binding| binding.metadata.finalizers.iter().flatten().any(ours)).count();
        if held > 0 {
            return Ok(cx.stop(SUBROUTINE, cx, format!("{held} APIBindings still need it")));
        }
        Ok(cx.done(SUBROUTINE, cx))
    }
}
