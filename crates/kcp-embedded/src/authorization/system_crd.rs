//! System resources whose status only the server writes, however wide the caller's rights are.

use verdict::{Stage, Verdict};

use super::{AuthorizationAttributes, Link};

pub(super) fn link(attributes: &AuthorizationAttributes) -> Link {
    let Some(action) = attributes.action.resource() else { return Link::Delegates };
    let guarded = action.group == "apis.kcp.io"
        && matches!(action.resource.as_str(), "apibindings" | "apiexports")
        && action.subresource == "status"
        && matches!(action.verb.as_str(), "update" | "patch" | "create" | "delete" | "deletecollection");
    if guarded {
        return Link::ends(Verdict::deny(
            Stage::SystemCrd,
            "the status is written by the control plane alone",
        ));
    }
    Link::Delegates
}
