//! Decisions of a generator.

/// A stream of decisions. The simplest decision is 0, and bytes that are used up give nothing else, so that a
/// shorter input makes a smaller object.
#[derive(Clone, Debug)]
pub struct Choices<'a> {
    source: Source<'a>,
}

#[derive(Clone, Debug)]
enum Source<'a> {
    Bytes(&'a [u8]),
    Seeded(u64),
}

impl<'a> Choices<'a> {
    /// Decisions by bytes.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { source: Source::Bytes(bytes) }
    }

    /// Decisions by a seed: SplitMix64, equal for equal seeds on every machine.
    pub fn seeded(seed: u64) -> Choices<'static> {
        Choices { source: Source::Seeded(seed) }
    }

    /// A number from 0, below the bound; 0 where the bound is 0 or 1. Of bytes, two are used beyond 256.
    pub fn below(&mut self, bound: usize) -> usize {
        if bound < 2 {
            return 0;
        }
        match &mut self.source {
            Source::Bytes(rest) => {
                let mut byte = || {
                    let (first, others) = rest.split_first().unwrap_or((&0, &[]));
                    *rest = others;
                    usize::from(*first)
                };
                let low = byte();
                let drawn = if bound > 256 { (low << 8) | byte() } else { low };
                drawn % bound
            }
            Source::Seeded(state) => {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut mixed = *state;
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                mixed ^= mixed >> 31;
                // The upper bits are the better ones; bounds are far below 2^32.
                usize::try_from(mixed >> 32).unwrap_or_default() % bound
            }
        }
    }

    /// Yes or no; no is simpler.
    pub fn flip(&mut self) -> bool {
        self.below(2) == 1
    }

    /// Yes in one of so many cases.
    pub fn one_in(&mut self, cases: usize) -> bool {
        cases > 0 && self.below(cases) == cases - 1
    }

    /// One of some words; the first is simplest. Empty where there is none.
    pub fn word(&mut self, words: &[&'static str]) -> &'static str {
        words.get(self.below(words.len())).copied().unwrap_or_default()
    }

    /// A value, or none.
    pub fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.flip() { Some(make(self)) } else { None }
    }

    /// Fewer values than the bound.
    pub fn list<T>(&mut self, bound: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let length = self.below(bound);
        (0..length).map(|_| make(self)).collect()
    }

    /// A text over an alphabet, shorter than the bound.
    pub fn text(&mut self, alphabet: &str, bound: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        let length = self.below(bound);
        (0..length).filter_map(|_| letters.get(self.below(letters.len())).copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_repeat_and_end_in_the_simplest() {
        let mut bytes = Choices::of(&[7, 1]);
        assert_eq!((bytes.below(5), bytes.flip(), bytes.below(1000), bytes.flip()), (2, true, 0, false));
        let drawn = |seed| -> Vec<usize> {
            let mut choices = Choices::seeded(seed);
            (0..50).map(|_| choices.below(7)).collect()
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        assert!((0..7).all(|n| drawn(3).contains(&n)));
    }
}
