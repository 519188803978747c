//! How an object lies in memory.

use std::sync::Arc;

use crate::Cached;

/// What a store keeps of each object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// The object as a value: reads cost nothing.
    #[default]
    Whole,
    /// Its JSON, decoded on each read: a tenth of the memory of a dynamic object, half of a typed one.
    Compact,
}

/// An object in one of the forms.
pub(crate) enum Kept<K> {
    Whole(Arc<K>),
    Compact { version: Option<Box<str>>, json: Arc<[u8]> },
}

impl<K> Clone for Kept<K> {
    fn clone(&self) -> Self {
        match self {
            Kept::Whole(object) => Kept::Whole(object.clone()),
            Kept::Compact { version, json } => Kept::Compact { version: version.clone(), json: json.clone() },
        }
    }
}

impl<K: Cached> Kept<K> {
    pub(crate) fn new(form: Form, object: &Arc<K>) -> Self {
        let json = match form {
            Form::Whole => return Kept::Whole(object.clone()),
            Form::Compact => serde_json::to_vec(object.as_ref()),
        };
        let version = object.meta().resource_version.as_deref().map(Box::from);
        // What cannot be written as JSON came from JSON of another shape; it is kept whole.
        json.map_or_else(|_| Kept::Whole(object.clone()), |json| Kept::Compact { version, json: json.into() })
    }

    /// The object; none where a kind does not read what it wrote itself.
    pub(crate) fn read(&self) -> Option<Arc<K>> {
        match self {
            Kept::Whole(object) => Some(object.clone()),
            Kept::Compact { json, .. } => match serde_json::from_slice::<K>(json) {
                Ok(object) => Some(Arc::new(object)),
                Err(error) => {
                    tracing::error!(%error, "kind does not read its own JSON");
                    None
                }
            },
        }
    }

    pub(crate) fn is_version(&self, version: Option<&str>) -> bool {
        match self {
            Kept::Whole(object) => object.meta().resource_version.as_deref() == version,
            Kept::Compact { version: known, .. } => known.as_deref() == version,
        }
    }

    /// Bytes of the compact form; 0 for a whole object.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Kept::Whole(_) => 0,
            Kept::Compact { json, .. } => json.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::api::DynamicObject;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_compact_object_reads_back_as_it_was_and_keeps_its_type() {
        let raw = json!({"apiVersion": "test.io/v1", "kind": "Widget",
            "metadata": {"name": "w", "resourceVersion": "7"}, "spec": {"size": 3}});
        let object: Arc<DynamicObject> = Arc::new(serde_json::from_value(raw).unwrap());
        let kept = Kept::new(Form::Compact, &object);
        assert_eq!(kept.read().unwrap().as_ref(), object.as_ref());
        assert!(kept.is_version(Some("7")) && !kept.is_version(Some("8")) && kept.bytes() > 50);
        let typed: Arc<ConfigMap> =
            Arc::new(serde_json::from_value(json!({"metadata": {"name": "a"}})).unwrap());
        assert_eq!(Kept::new(Form::Compact, &typed).read(), Some(typed.clone()));
        assert_eq!(Kept::new(Form::Whole, &typed).bytes(), 0);
    }
}
