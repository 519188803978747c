//! What every kind has: group, version, kind and plural as constants, and the Kubernetes object traits.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Deserializer};

/// A kind of kcp, known at compile time. All kinds of kcp are cluster-scoped.
pub trait Kind: kube_core::Resource<DynamicType = ()> {
    /// API group, for example `apis.kcp.io`.
    const GROUP: &'static str;
    /// Version, for example `v1alpha2`.
    const VERSION: &'static str;
    /// `group/version` as `apiVersion` spells it.
    const API_VERSION: &'static str;
    /// Kind, for example `APIExport`.
    const KIND: &'static str;
    /// Resource name, for example `apiexports`.
    const PLURAL: &'static str;
}

/// Reads an explicit `null` as the default: older writers put `null` where a list is empty.
pub(crate) fn null_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
pub(crate) fn is_false(value: &bool) -> bool {
    !*value
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The name of the logical cluster that an object read from kcp lives in (annotation `kcp.io/cluster`).
///
/// `None` where the object was not read from kcp, or the annotation does not hold a cluster name.
pub fn cluster_of(object: &impl kube_core::Resource) -> Option<crate::ClusterName> {
    annotation(object.meta(), crate::keys::CLUSTER).and_then(|name| name.parse().ok())
}

/// The canonical path that an object carries (annotation `kcp.io/path`).
pub fn path_of(object: &impl kube_core::Resource) -> Option<crate::WorkspacePath> {
    annotation(object.meta(), crate::keys::PATH).and_then(|path| path.parse().ok())
}

fn annotation<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.annotations.as_ref()?.get(key).map(String::as_str)
}

/// Declares a kind: the struct, its serialization with `apiVersion` and `kind`, and the object traits.
macro_rules! kind {
    (
        $(#[$doc:meta])*
        pub struct $name:ident: $kind:literal = $plural:literal in $group:literal $version:literal {
            spec: $spec:ty,
            $(status: $status:ty,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
        pub struct $name {
            /// Standard object metadata.
            #[serde(default)]
            pub metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
            /// What is wanted.
            #[serde(default, deserialize_with = "crate::object::null_default")]
            pub spec: $spec,
            $(
            /// What is observed; `None` until something has written it.
            #[serde(default)]
            pub status: Option<$status>,
            )?
        }

        impl $name {
            /// An object of this kind with a name and a spec, and nothing else.
            pub fn new(name: impl Into<String>, spec: $spec) -> Self {
                let mut object = Self { spec, ..Self::default() };
                object.metadata.name = Some(name.into());
                object
            }
        }

        impl crate::object::Kind for $name {
            const GROUP: &'static str = $group;
            const VERSION: &'static str = $version;
            const API_VERSION: &'static str = concat!($group, "/", $version);
            const KIND: &'static str = $kind;
            const PLURAL: &'static str = $plural;
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                #[derive(serde::Serialize)]
                struct Wire<'a> {
                    #[serde(rename = "apiVersion")]
                    api_version: &'static str,
                    kind: &'static str,
                    metadata: &'a k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
                    spec: &'a $spec,
                    $(
                    #[serde(skip_serializing_if = "Option::is_none")]
                    status: &'a Option<$status>,
                    )?
                }
                Wire {
                    api_version: <Self as crate::object::Kind>::API_VERSION,
                    kind: <Self as crate::object::Kind>::KIND,
                    metadata: &self.metadata,
                    spec: &self.spec,
                    $(status: (&self.status as &Option<$status>),)?
                }
                .serialize(serializer)
            }
        }

        impl kube_core::Resource for $name {
            type DynamicType = ();
            type Scope = kube_core::ClusterResourceScope;

            fn kind(_: &()) -> std::borrow::Cow<'_, str> {
                $kind.into()
            }
            fn group(_: &()) -> std::borrow::Cow<'_, str> {
                $group.into()
            }
            fn version(_: &()) -> std::borrow::Cow<'_, str> {
                $version.into()
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
