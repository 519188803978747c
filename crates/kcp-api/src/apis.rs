//! Group apis.kcp.io: what providers publish and consumers bind.

pub mod v1alpha1; // schemas, endpoint slices, conversions; exports and bindings as older manifests spell them
pub mod v1alpha2; // exports and bindings as kcp stores them
