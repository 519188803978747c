//! What a Kubernetes kind must be to be stored and reconciled.

use std::{any::Any, fmt::Debug};

use kube::{Resource, api::DynamicObject, core::ApiResource, core::TypeMeta};
use serde::{Serialize, de::DeserializeOwned};

/// A kind that the fleet can watch, store and hand to reconcilers: typed kinds, `PartialObjectMeta`, and `DynamicObject`.
///
/// Implemented for every fitting type. Kinds known at compile time have the dynamic type `()`; for `DynamicObject` it is an
/// `ApiResource`, given to the `…_with` twin of each method.
pub trait Cached:
    Resource<DynamicType: Clone + Send + Sync + 'static>
    + Clone
    + Debug
    + DeserializeOwned
    + Serialize
    + Send
    + Sync
    + 'static
{
}

impl<K> Cached for K where
    K: Resource<DynamicType: Clone + Send + Sync + 'static>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize
        + Send
        + Sync
        + 'static
{
}

/// `apiVersion/plural`, with the Rust type where it differs: the identity of a shared store.
pub(crate) fn kind_label<K: Resource>(dt: &K::DynamicType) -> String {
    format!("{}/{}", K::api_version(dt), K::plural(dt))
}

/// Items of typed lists come without their type; dynamic objects need it.
pub(crate) fn fill_types<K: Resource + Any>(object: &mut K, dt: &K::DynamicType) {
    let types = TypeMeta { api_version: K::api_version(dt).into_owned(), kind: K::kind(dt).into_owned() };
    if let Some(object) = (object as &mut dyn Any).downcast_mut::<DynamicObject>() {
        object.types.get_or_insert(types);
    }
}

/// The dynamic type of a kind known by group, version, kind and plural.
pub fn dynamic_kind(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&kube::core::GroupVersionKind::gvk(group, version, kind), plural)
}
