//! Finalizers and deletion of any object.

use kube_core::Resource;

/// Adds a finalizer; `true` where it was not there.
pub fn add(object: &mut impl Resource, finalizer: &str) -> bool {
    if has(object, finalizer) {
        return false;
    }
    object.meta_mut().finalizers.get_or_insert_default().push(finalizer.to_owned());
    true
}

/// Removes a finalizer; `true` where it was there.
pub fn remove(object: &mut impl Resource, finalizer: &str) -> bool {
    let Some(list) = object.meta_mut().finalizers.as_mut() else { return false };
    let before = list.len();
    list.retain(|known| known != finalizer);
    let changed = list.len() != before;
    if changed && list.is_empty() {
        object.meta_mut().finalizers = None;
    }
    changed
}

/// Whether a finalizer is there.
pub fn has(object: &impl Resource, finalizer: &str) -> bool {
    object.meta().finalizers.iter().flatten().any(|known| known == finalizer)
}

/// Whether deletion was asked for.
pub fn is_deleting(object: &impl Resource) -> bool {
    object.meta().deletion_timestamp.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apis::v1alpha2::ApiBinding;
    use crate::keys::API_BINDING_FINALIZER;

    #[test]
    fn kapi_05_finalizers_change_once() {
        let mut binding = ApiBinding::default();
        assert!(add(&mut binding, API_BINDING_FINALIZER));
        assert!(!add(&mut binding, API_BINDING_FINALIZER));
        assert!(remove(&mut binding, API_BINDING_FINALIZER));
        assert!(!remove(&mut binding, API_BINDING_FINALIZER));
        assert_eq!(binding, ApiBinding::default());
        assert!(!is_deleting(&binding));
    }
}
