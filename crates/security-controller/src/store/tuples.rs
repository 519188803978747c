//! The tuples of a Store: those asked for exist, those asked for no more do not.

use std::collections::BTreeSet;

use fga_client::StoreId;
use multicluster::{
    Cx,
    lifecycle::{Outcome, Roles, SubError, Subroutine},
};
use platform_mesh_api::{Store, Tuple, names};

use crate::app::App;

pub(super) const NAME: &str = "TupleSubroutine";

pub(super) struct TuplesOf;

impl Subroutine<Store, App> for TuplesOf {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roles(&self) -> Roles {
        Roles::PROCESS.and(Roles::FINALIZE)
    }

    fn finalizers(&self, _: &Store) -> Vec<&'static str> {
        vec![names::TUPLES_FINALIZER]
    }

    async fn process(&self, store: &mut Store, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let wanted = store.spec.tuples.clone();
        let status = store.status.get_or_insert_default();
        let id = status.store_id.clone().ok_or("the relationship store has no id")?;
        bring_in_line(&StoreId::from(id), &wanted, &mut status.managed_tuples, cx).await?;
        Ok(cx.done(NAME, cx))
    }

    async fn finalize(&self, store: &mut Store, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let Some(status) = &mut store.status else { return Ok(cx.done(NAME, cx)) };
        if let Some(id) = status.store_id.clone().filter(|id| !id.is_empty()) {
            cx.delete_tuples(&StoreId::from(id), &status.managed_tuples).await?;
        }
        status.managed_tuples.clear();
        Ok(cx.done(NAME, cx))
    }
}

/// Writes what is wanted, deletes what was written and is wanted no more, and notes what is there. A failure between
/// leaves the note as it was, so that nothing written is ever forgotten.
pub(crate) async fn bring_in_line(
    store: &StoreId,
    wanted: &[Tuple],
    managed: &mut Vec<Tuple>,
    cx: &Cx<App>,
) -> Result<(), SubError> {
    cx.write_tuples(store, wanted).await?;
    let kept: BTreeSet<&Tuple> = wanted.iter().collect();
    let stale: Vec<Tuple> = managed.iter().filter(|tuple| !kept.contains(tuple)).cloned().collect();
    cx.delete_tuples(store, &stale).await?;
    *managed = wanted.to_vec();
    Ok(())
}
