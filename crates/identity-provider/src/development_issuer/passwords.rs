//! How passwords are kept: salted and hashed, compared without telling how far they agree.

use sha2::{Digest as _, Sha256};

/// A password as it is kept in memory.
#[derive(Clone)]
pub(super) struct Password {
    salt: String,
    hash: [u8; 32],
    /// Whether it must be changed at the next login.
    pub(super) temporary: bool,
}

impl Password {
    pub(super) fn new(text: &str, salt: String, temporary: bool) -> Self {
        let hash = digest(&salt, text);
        Self { salt, hash, temporary }
    }

    pub(super) fn fits(&self, text: &str) -> bool {
        same(&self.hash, &digest(&self.salt, text))
    }
}

/// Whether two byte strings agree, in a time that depends on their length only.
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (x, y)| differs | (x ^ y)) == 0
}

fn digest(salt: &str, text: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(salt.as_bytes());
    hash.update([0]);
    hash.update(text.as_bytes());
    hash.finalize().into()
}
