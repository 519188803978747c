//! What every kind of this group has in common, and the macro that writes it down once.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Fields of an object that this version of the crate does not know; they are written back unchanged.
pub type Extra = Map<String, Value>;

/// Reads an explicit `null` as the default: writers in Go put `null` where a list or an object is empty.
pub(crate) fn null_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Writes a cluster-scoped kind of version `v1alpha1`: the struct, its constructor, `kube_core::Resource`. The group is
/// `core.platform-mesh.io` unless another one is named.
macro_rules! kind {
    ($(#[$doc:meta])* $name:ident, $text:literal, $plural:literal, $spec:ty, $status:ty) => {
        crate::kind::kind!($(#[$doc])* $name, $text, $plural in crate::names::GROUP, $spec, $status);
    };
    ($(#[$doc:meta])* $name:ident, $text:literal, $plural:literal in $group:expr, $spec:ty, $status:ty) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            /// Group and version of the kind; items of a list may come without it.
            #[serde(rename = "apiVersion", default = "api_version_text")]
            pub api_version: String,
            /// The kind's name; items of a list may come without it.
            #[serde(default = "kind_text")]
            pub kind: String,
            /// Name, labels, finalizers and the rest of an object's metadata.
            #[serde(default, deserialize_with = "crate::kind::null_default")]
            pub metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
            /// What is wanted.
            #[serde(default, deserialize_with = "crate::kind::null_default")]
            pub spec: $spec,
            /// What is; written by controllers through the status subresource.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub status: Option<$status>,
            /// Fields beside these, kept as they came.
            #[serde(flatten)]
            pub extra: crate::Extra,
        }

        fn api_version_text() -> String {
            format!("{}/{}", $group, crate::names::VERSION)
        }

        fn kind_text() -> String {
            $text.to_owned()
        }

        impl $name {
            /// A new object with a name and a spec; nothing else is set.
            pub fn new(name: impl Into<String>, spec: $spec) -> Self {
                Self {
                    api_version: api_version_text(),
                    kind: kind_text(),
                    metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                        name: Some(name.into()),
                        ..Default::default()
                    },
                    spec,
                    status: None,
                    extra: crate::Extra::new(),
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                let mut object = Self::new("", <$spec>::default());
                object.metadata.name = None;
                object
            }
        }

        impl kube_core::Resource for $name {
            type DynamicType = ();
            type Scope = kube_core::ClusterResourceScope;

            fn kind(_: &()) -> std::borrow::Cow<'_, str> {
                $text.into()
            }
            fn group(_: &()) -> std::borrow::Cow<'_, str> {
                $group.into()
            }
            fn version(_: &()) -> std::borrow::Cow<'_, str> {
                crate::names::VERSION.into()
            }
            fn plural(_: &()) -> std::borrow::Cow<'_, str> {
                $plural.into()
            }
            fn meta(&self) -> &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &self.metadata
            }
            fn meta_mut(&mut self) -> &mut k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &mut self.metadata
            }
        }
    };
}
pub(crate) use kind;
