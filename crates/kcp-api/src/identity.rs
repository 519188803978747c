//! Identity of an export: a secret key, and the hash of it that everybody may see.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::encoding::hex;

/// The secret key of an identity: 43 ASCII characters, base64 (URL alphabet, no padding) of 32 random bytes.
///
/// Who holds it can publish under the identity, so it prints as dots.
#[derive(Clone, PartialEq, Eq)]
pub struct IdentityKey(Vec<u8>);

impl IdentityKey {
    /// The key made of 32 random bytes.
    pub fn from_random(random: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(random).into_bytes())
    }

    /// The key as found in a secret, after the decoding that all secret data has.
    ///
    /// # Errors
    /// An empty key is no identity.
    pub fn from_secret(data: &[u8]) -> Result<Self, IdentityError> {
        if data.is_empty() {
            return Err(IdentityError::EmptyKey);
        }
        Ok(Self(data.to_vec()))
    }

    /// What belongs under `data.key` of the secret, before base64.
    pub fn secret_data(&self) -> &[u8] {
        &self.0
    }

    /// The hash that stands in `status.identityHash`.
    pub fn hash(&self) -> IdentityHash {
        IdentityHash(hex(&Sha256::digest(&self.0)))
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityKey(…)")
    }
}

/// The public half of an identity: 64 lower-case hex digits, SHA-256 of the key's characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdentityHash(String);

impl IdentityHash {
    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Checks the hash of a key found now against the hash recorded before.
    ///
    /// # Errors
    /// A recorded identity never changes; the message is the one that kcp puts into the condition
    /// `IdentityValid`.
    pub fn verify(&self, recorded: &str) -> Result<(), IdentityError> {
        if recorded.is_empty() || recorded == self.0 {
            return Ok(());
        }
        Err(IdentityError::Mismatch { found: self.0.clone(), recorded: recorded.to_owned() })
    }
}

impl fmt::Display for IdentityHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<IdentityHash> for String {
    fn from(hash: IdentityHash) -> Self {
        hash.0
    }
}

impl TryFrom<String> for IdentityHash {
    type Error = IdentityError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if fits {
            Ok(Self(text))
        } else {
            Err(IdentityError::NotAHash { text: text.chars().take(80).collect() })
        }
    }
}

impl FromStr for IdentityHash {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

/// The identity hash of the decoded bytes under `data.key`: lower-case hex SHA-256, no salt.
pub fn identity_hash(key: &[u8]) -> String {
    hex(&Sha256::digest(key))
}

/// Why an identity cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The secret has no key.
    #[error("the identity secret has an empty `key`")]
    EmptyKey,
    /// The secret was replaced.
    #[error("hash mismatch: identity secret hash \"{found}\" must match status.identityHash \"{recorded}\"")]
    Mismatch {
        /// Hash of the key found now.
        found: String,
        /// Hash recorded in the status.
        recorded: String,
    },
    /// Not 64 lower-case hex digits.
    #[error("`{text}` is no identity hash: it must be 64 lower-case hexadecimal digits")]
    NotAHash {
        /// What was given, shortened.
        text: String,
    },
}

impl IdentityError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::EmptyKey => "put a random text under `key`, or delete the secret so that kcp makes one",
            Self::Mismatch { .. } => {
                "restore the key that the export was created with; an identity cannot change"
            }
            Self::NotAHash { .. } => {
                "copy it from `status.identityHash` of the export that provides the resource"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idh_01_the_hash_is_taken_over_the_characters_of_the_key() {
        let key = IdentityKey::from_random([7; 32]);
        assert_eq!(key.secret_data().len(), 43);
        assert_eq!(key.secret_data(), b"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
        assert_eq!(key.hash().as_str(), identity_hash(key.secret_data()));
        // SHA-256 of "abc", the standard's own vector.
        assert_eq!(
            IdentityKey::from_secret(b"abc").unwrap().hash().as_str(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn exp_02_a_changed_secret_is_a_mismatch_in_kcps_words() {
        let hash = IdentityKey::from_secret(b"abc").unwrap().hash();
        assert_eq!(hash.verify(""), Ok(()));
        assert_eq!(hash.verify(hash.as_str()), Ok(()));
        let error = hash.verify("00").unwrap_err();
        assert!(error.to_string().starts_with("hash mismatch: identity secret hash \"ba7816bf"));
        assert!(error.to_string().ends_with("must match status.identityHash \"00\""));
        assert_eq!(IdentityKey::from_secret(b""), Err(IdentityError::EmptyKey));
    }

    #[test]
    fn idh_01_only_lower_case_hex_is_a_hash() {
        let hash = IdentityKey::from_random([0; 32]).hash();
        assert_eq!(hash.as_str().parse::<IdentityHash>().unwrap(), hash);
        assert!(hash.as_str().to_uppercase().parse::<IdentityHash>().is_err());
        assert!("".parse::<IdentityHash>().is_err());
        assert_eq!(format!("{:?}", IdentityKey::from_random([0; 32])), "IdentityKey(…)");
    }
}
