//! Everything an empty kcp needs to become a Platform Mesh, in order: which object in which workspace, and what to
//! wait for before the next. Applying them is somebody else's work; server-side apply makes it repeatable.
//!
//! ```
//! use platform_mesh_api::bootstrap::{Parameters, Phase, steps};
//!
//! let all = steps(&Parameters::new("portal.example.org"));
//! let first = &all[0];
//! assert_eq!((first.workspace.as_str(), first.phase), ("root", Phase::Platform));
//! assert!(all.iter().any(|step| step.workspace == "root:orgs" && step.object["kind"] == "Store"));
//! ```

mod content; // the few objects that controllers start from
mod exports; // schemas, exports, slices, bindings
mod identities; // service accounts and what each may do
mod lookup; // values that only the running kcp knows
mod parameters; // what differs from mesh to mesh
mod step; // one line of the list
mod webhooks; // admission of Accounts and realms
mod workspaces; // types and workspaces

pub use identities::provider_identity;
pub use lookup::{Lookup, UnresolvedLookup};
pub use parameters::{ExtraDefaultBinding, Parameters, WebhookEndpoint};
pub use step::{Phase, Step, Wait};

use crate::names;

/// Who applies the list, as the field manager of server-side apply.
pub const FIELD_MANAGER: &str = "platform-mesh-operator";

/// The whole list, in the order it has to be applied.
///
/// Steps of [`Phase::Platform`] need kcp only. Those of [`Phase::Identity`] name clients that exist once the security
/// operator has made realm `welcome`; those of [`Phase::Admission`] refuse every write of Accounts until the webhook
/// servers answer, so both come later.
pub fn steps(parameters: &Parameters) -> Vec<Step> {
    let mut all = Vec::new();
    all.extend(workspaces::foundations(parameters));
    all.extend(exports::steps(parameters));
    all.extend(identities::in_system_workspace());
    all.extend(workspaces::tree(parameters));
    all.extend(identities::in_other_workspaces());
    all.extend(content::steps(parameters));
    all.push(content::orgs_authentication_with_clients(parameters));
    all.extend(webhooks::steps(parameters));
    all
}

/// The steps of one phase, in order.
pub fn steps_of(parameters: &Parameters, phase: Phase) -> Vec<Step> {
    steps(parameters).into_iter().filter(|step| step.phase == phase).collect()
}

/// Paths of all workspaces that the list makes, parents first.
pub fn workspaces() -> [&'static str; 4] {
    [names::SYSTEM, names::PROVIDERS, names::RUNTIME, names::ORGS]
}
