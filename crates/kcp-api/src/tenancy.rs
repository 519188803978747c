//! Group tenancy.kcp.io: workspaces, their types, and who may log in.

pub mod v1alpha1; // the only version
