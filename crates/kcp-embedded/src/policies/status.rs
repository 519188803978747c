//! What a stored policy says of itself: that its expressions were looked at, in which generation.

use std::sync::Arc;

use apiserver::store::ObjectKey;
use serde_json::json;

use super::index::prefix;
use crate::{
    core::{WeakCore, upgrade},
    reconcile::{Next, Reconcile, Source},
    records,
};

/// The loop. Expressions are checked when they are written, so a stored policy has no warnings.
pub(crate) fn controller(core: &WeakCore) -> (Vec<Source>, Reconcile) {
    let weak = core.clone();
    let reconcile: Reconcile = Arc::new(move |key: ObjectKey| {
        let weak = weak.clone();
        Box::pin(async move {
            let core = upgrade(&weak)?;
            records::modify(&core, &prefix(), &key, |policy| {
                if policy["status"]["observedGeneration"] != policy["metadata"]["generation"] {
                    let generation = policy["metadata"]["generation"].clone();
                    policy["status"] = json!({"observedGeneration": generation, "typeChecking": {}});
                }
                Ok(())
            })?;
            Ok(Next::Wait)
        })
    });
    (vec![Source::itself(prefix())], reconcile)
}
