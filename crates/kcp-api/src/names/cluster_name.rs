//! The opaque id of a logical cluster.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha224};

use super::fault::{NameError, NameFault, label_fault, repaired_label};
use super::{WorkspacePath, checked_string};
use crate::encoding::base36;
use crate::keys;

/// The name of a logical cluster: an opaque id such as `1pfxsevk3d0a9z2k`, or `root`, or a `system:` name.
///
/// Not a path: the workspace `root:orgs` has a name that no rule derives from its path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterName(pub(super) String);

checked_string!(ClusterName);

const WHAT: &str = "cluster name";

impl ClusterName {
    /// The root logical cluster.
    pub fn root() -> Self {
        Self(keys::ROOT_CLUSTER.to_owned())
    }

    /// A new name from 32 random bytes: the first 16 base-36 digits of their SHA-224.
    pub fn generate(random: [u8; 32]) -> Self {
        Self(base36(&Sha224::digest(random)).chars().take(16).collect())
    }

    /// The home cluster of a user: 12 or 13 base-36 digits from the first 8 bytes of SHA-224 of the name.
    pub fn home_of(user: &str) -> Self {
        let hash = Sha224::digest(user);
        let digits = base36(hash.get(..8).unwrap_or_default());
        Self(format!("{digits:0>12}"))
    }

    /// Whether it is one of kcp's own clusters, which plain users never see.
    pub fn is_system(&self) -> bool {
        self.0.starts_with("system:")
    }

    /// The path of one part with the same spelling, as URLs accept it.
    pub fn to_path(&self) -> WorkspacePath {
        WorkspacePath(self.0.clone())
    }
}

impl FromStr for ClusterName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = |fault| Err(NameError::new(WHAT, text, text, 0, fault).meant(repaired_label(text)));
        if let Some(rest) = text.strip_prefix("system:") {
            return match rest.chars().find(|c| c.is_control() || c.is_whitespace() || *c == '/') {
                Some(character) => fault(NameFault::Character(character)),
                None if rest.is_empty() => Err(NameError::new(WHAT, text, "", 7, NameFault::Empty)),
                None => Ok(Self(text.to_owned())),
            };
        }
        if text.contains(':') {
            return Err(NameError::new(WHAT, text, text, 0, NameFault::IsAPath));
        }
        match label_fault(text) {
            Some(found) => fault(found),
            None if text.len() < 2 => fault(NameFault::TooShort { len_min: 2 }),
            None => Ok(Self(text.to_owned())),
        }
    }
}

/// The first 8 base-36 digits of SHA-224 of a shard's name, as Workspace annotations carry it.
pub fn shard_hash(shard: &str) -> String {
    base36(&Sha224::digest(shard)).chars().take(8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kapi_04_home_clusters_match_kcps_vectors() {
        for (user, name) in [("alice", "v1u4alow0iv9"), ("bob", "2okdry95y5lkv"), ("user172", "0f9mt7goyif7")]
        {
            assert_eq!(ClusterName::home_of(user).as_str(), name);
        }
        assert_eq!(shard_hash("root"), "1pfxsevk");
    }

    #[test]
    fn kapi_04_generated_names_are_16_valid_characters() {
        for seed in 0..=255 {
            let name = ClusterName::generate([seed; 32]);
            assert_eq!(name.as_str().len(), 16);
            assert_eq!(name.as_str().parse::<ClusterName>().unwrap(), name);
        }
        assert_ne!(ClusterName::generate([1; 32]), ClusterName::generate([2; 32]));
    }

    #[test]
    fn kapi_04_a_cluster_name_is_no_path() {
        for good in ["root", "ab", "1pfxsevk3d0a9z2k", "system:admin", "system:cache:server"] {
            assert_eq!(good.parse::<ClusterName>().unwrap().as_str(), good);
        }
        for (bad, fault) in [
            ("", NameFault::Empty),
            ("a", NameFault::TooShort { len_min: 2 }),
            ("root:orgs", NameFault::IsAPath),
            ("Root", NameFault::UpperCase('R')),
            ("-ab", NameFault::OuterHyphen),
            ("a_b", NameFault::Character('_')),
            ("system:", NameFault::Empty),
            ("*", NameFault::Character('*')),
        ] {
            assert_eq!(bad.parse::<ClusterName>().unwrap_err().fault(), fault, "{bad}");
        }
        let long = "a".repeat(64);
        assert_eq!(
            long.parse::<ClusterName>().unwrap_err().fault(),
            NameFault::TooLong { len: 64, len_max: 63 }
        );
    }
}
