//! Randomness, ids and tokens, injected: one seed, one run.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use rand::{Rng as _, RngCore as _, SeedableRng as _, rngs::StdRng};
use sha2::{Digest as _, Sha256};

/// The seed of a run. `Seed::os()` for production, a number for a run that repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(Option<u64>);

impl Seed {
    /// Entropy of the operating system.
    pub fn os() -> Self {
        Seed(None)
    }

    /// The random source of the run's component `part`; components do not disturb each other's sequence.
    pub fn ids(&self, part: &str) -> Ids {
        match self.0 {
            None => Ids::random(),
            Some(seed) => Ids::seeded(seed).part(part),
        }
    }
}

impl From<u64> for Seed {
    fn from(seed: u64) -> Self {
        Seed(Some(seed))
    }
}

/// A source of random values. Clones share one sequence.
///
/// Both kinds use a cryptographic generator (ChaCha); secrets of a seeded source are as secret as its seed.
#[derive(Clone)]
pub struct Ids {
    rng: Arc<Mutex<StdRng>>,
    seed: Option<u64>,
}

impl std::fmt::Debug for Ids {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ids")
    }
}

/// Letters and digits that Kubernetes uses behind `generateName`: none that form words or look alike.
const SAFE: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const BASE36: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

impl Ids {
    /// A source that repeats its values for one seed.
    pub fn seeded(seed: u64) -> Self {
        Ids { rng: Arc::new(Mutex::new(StdRng::seed_from_u64(seed))), seed: Some(seed) }
    }

    /// A source seeded by the operating system.
    pub fn random() -> Self {
        Ids { rng: Arc::new(Mutex::new(StdRng::from_os_rng())), seed: None }
    }

    /// A source of its own for `part`, derived from the seed and the name only.
    pub fn part(&self, part: &str) -> Ids {
        let Some(seed) = self.seed else { return Ids::random() };
        let digest = Sha256::new().chain_update(seed.to_be_bytes()).chain_update(part.as_bytes()).finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Ids::seeded(u64::from_be_bytes(first))
    }

    /// A uid in the form of a version 4 UUID.
    pub fn uid(&self) -> String {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid().to_string()
    }

    /// The five-letter suffix that Kubernetes appends to `generateName`.
    pub fn suffix(&self) -> String {
        self.letters(SAFE, 5)
    }

    /// `length` characters of a-z and 0-9, the first a letter, so that the value is a DNS label.
    pub fn base36(&self, length: usize) -> String {
        let mut text = self.letters(&BASE36[..26], length.min(1));
        text.push_str(&self.letters(BASE36, length.saturating_sub(1)));
        text
    }

    /// A secret of `bytes` random bytes, base64 for URLs without padding.
    pub fn token(&self, bytes: usize) -> String {
        let mut raw = vec![0; bytes];
        self.rng.lock().fill_bytes(&mut raw);
        URL_SAFE_NO_PAD.encode(raw)
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut raw = [0; N];
        self.rng.lock().fill_bytes(&mut raw);
        raw
    }

    /// A number in `0..bound`; 0 for an empty range.
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.rng.lock().random_range(0..bound) }
    }

    /// A number in `[0, 1)`.
    pub fn fraction(&self) -> f64 {
        self.rng.lock().random()
    }

    fn letters(&self, alphabet: &[u8], length: usize) -> String {
        let mut rng = self.rng.lock();
        (0..length).map(|_| char::from(alphabet[rng.random_range(0..alphabet.len())])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence_for_each_part() {
        let (one, two) = (Seed::from(4), Seed::from(4));
        two.ids("uids").uid(); // another part must not disturb the next line
        assert_eq!(one.ids("names").base36(16), two.ids("names").base36(16));
        assert_ne!(one.ids("names").uid(), one.ids("uids").uid());
    }

    #[test]
    fn ids_have_the_forms_that_kubernetes_expects() {
        let ids = Ids::random();
        assert_eq!(ids.uid().as_bytes()[14], b'4');
        assert!(ids.base36(16).as_bytes()[0].is_ascii_lowercase());
        assert!(ids.suffix().bytes().all(|letter| SAFE.contains(&letter)));
        assert_eq!(ids.token(32).len(), 43);
        assert_eq!(ids.below(0), 0);
    }
}
