//! Tuples and stores as controllers need them: every call may be repeated, what is gone already counts as done.

use std::collections::BTreeSet;

use fga_client::{RelationshipError, RelationshipStore, StoreId, TupleFilter, TupleKey};
use platform_mesh_api::Tuple;

use crate::app::App;

/// A tuple of an object as the relationship store takes it.
pub(crate) fn key(tuple: &Tuple) -> TupleKey {
    TupleKey::new(tuple.object.clone(), tuple.relation.clone(), tuple.user.clone())
}

fn keys<'a>(tuples: impl IntoIterator<Item = &'a Tuple>) -> Vec<TupleKey> {
    // A key twice in one request is refused, even where existing tuples are passed over.
    let distinct: BTreeSet<&Tuple> = tuples.into_iter().collect();
    distinct.into_iter().map(key).collect()
}

impl App {
    /// Makes tuples exist.
    pub(crate) async fn write_tuples<'a>(
        &self,
        store: &StoreId,
        tuples: impl IntoIterator<Item = &'a Tuple>,
    ) -> Result<(), RelationshipError> {
        let keys = keys(tuples);
        if keys.is_empty() {
            return Ok(());
        }
        let done = self.relationships.ensure_tuples(store, &keys).await;
        self.metrics.operated("apply", done.is_ok());
        done
    }

    /// Makes tuples not exist; a store that is gone has none.
    pub(crate) async fn delete_tuples<'a>(
        &self,
        store: &StoreId,
        tuples: impl IntoIterator<Item = &'a Tuple>,
    ) -> Result<(), RelationshipError> {
        let keys = keys(tuples);
        if keys.is_empty() {
            return Ok(());
        }
        let done = gone_is_done(self.relationships.ensure_no_tuples(store, &keys).await);
        self.metrics.operated("delete", done.is_ok());
        done
    }

    /// All tuples of a store; a store that is gone has none.
    pub(crate) async fn tuples(&self, store: &StoreId) -> Result<Vec<Tuple>, RelationshipError> {
        let read = self.relationships.read_all(store, TupleFilter::everything()).await;
        self.metrics.operated("list", read.is_ok());
        match read {
            Ok(keys) => {
                Ok(keys.into_iter().map(|key| Tuple::new(key.object, key.relation, key.user)).collect())
            }
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// What cannot be found needs no deletion.
pub(crate) fn gone_is_done(result: Result<(), RelationshipError>) -> Result<(), RelationshipError> {
    match result {
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}

/// The store of a name, if there is one.
pub(crate) async fn find(
    store: &dyn RelationshipStore,
    name: &str,
) -> Result<Option<StoreId>, RelationshipError> {
    Ok(store.find_store(name).await?.map(|found| found.id))
}
