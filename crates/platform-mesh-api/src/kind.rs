//! What every kind of this group has in common, and the macro that writes it down once.

use serde_json::{Map, Value};

/// A condition of a status, as every Kubernetes API has it.
pub type Condition = k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// Fields of an object that this version of the crate does not know; they are written back unchanged.
pub type Extra = Map<String, Value>;

/// The condition of a type, or none.
pub fn find_condition<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// True if a condition of this type has status `True`; absent and `Unknown` are not true.
pub fn condition_is_true(conditions: &[Condition], type_: &str) -> bool {
    find_condition(conditions, type_).is_some_and(|condition| condition.status == "True")
}

/// Writes a cluster-scoped kind of `core.platform-mesh.io/v1alpha1`: the struct, its constructor, `kube_core::Resource`.
macro_rules! kind {
    ($(#[$doc:meta])* $name:ident, $text:literal, $plural:literal, $spec:ty, $status:ty) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            /// Group and version; always `core.platform-mesh.io/v1alpha1`.
            #[serde(rename = "apiVersion", default = "crate::names::api_version")]
            pub api_version: String,
            /// The kind's name; items of a list may come without it.
            #[serde(default = "kind_text")]
            pub kind: String,
            /// Name, labels, finalizers and the rest of an object's metadata.
            #[serde(default)]
            pub metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
            /// What is wanted.
            #[serde(default)]
            pub spec: $spec,
            /// What is; written by controllers through the status subresource.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub status: Option<$status>,
            /// Fields beside these, kept as they came.
            #[serde(flatten)]
            pub extra: crate::Extra,
        }

        fn kind_text() -> String {
            $text.to_owned()
        }

        impl $name {
            /// A new object with a name and a spec; nothing else is set.
            pub fn new(name: impl Into<String>, spec: $spec) -> Self {
                Self {
                    api_version: crate::names::api_version(),
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
                crate::names::GROUP.into()
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
