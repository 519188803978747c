//! Names of logical clusters, paths of workspaces, names of initializers: three types that cannot be mixed up.

mod cluster_name; // the opaque id of a logical cluster
mod fault; // what is wrong with a name, where, and what was probably meant
mod initializer_name; // `<cluster name>:<type>` or `system:…`
mod workspace_path; // `root:orgs:acme`

pub use cluster_name::{ClusterName, shard_hash};
pub use fault::{NameError, NameFault};
pub use initializer_name::InitializerName;
pub use workspace_path::{ClusterTarget, WorkspacePath};

/// Longest part of a path, and longest cluster name, in characters.
pub const NAME_LEN_MAX: usize = 63;

/// Whether a text may be one part of a path, which is also the rule for names of workspaces: a DNS label.
pub fn is_path_part(text: &str) -> bool {
    check_path_part(text).is_ok()
}

/// Checks one part of a path, a DNS label of at most [`NAME_LEN_MAX`] characters.
///
/// # Errors
/// The first fault found.
pub fn check_path_part(text: &str) -> Result<(), NameFault> {
    fault::label_fault(text).map_or(Ok(()), Err)
}

/// Implements reading, printing and serde for a checked string.
macro_rules! checked_string {
    ($name:ident) => {
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
        impl TryFrom<String> for $name {
            type Error = crate::names::NameError;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
        impl TryFrom<&str> for $name {
            type Error = crate::names::NameError;
            fn try_from(text: &str) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
    };
}
use checked_string;
