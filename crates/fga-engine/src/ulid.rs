//! ULIDs: ids that sort by the time they were made.

use jiff::Timestamp;
use parking_lot::Mutex;
use runtime::Ids;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Length of the text form.
const LENGTH: usize = 26;

/// A ULID: 48 bits of milliseconds, 80 bits that grow within one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ulid(pub u128);

impl Ulid {
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != LENGTH || !text.starts_with(|c: char| ('0'..='7').contains(&c)) {
            return None;
        }
        text.bytes()
            .try_fold(0u128, |value, byte| {
                let digit = ALPHABET.iter().position(|c| *c == byte.to_ascii_uppercase())?;
                Some((value << 5) | digit as u128)
            })
            .map(Self)
    }

    /// The least ULID of a time.
    pub fn at(time: Timestamp) -> Self {
        let milliseconds = u64::try_from(time.as_millisecond()).unwrap_or_default();
        Self(u128::from(milliseconds & 0xFFFF_FFFF_FFFF) << 80)
    }
}

impl std::fmt::Display for Ulid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digit = |place: usize| {
            let shift = 5 * (LENGTH - 1 - place);
            let index = (self.0 >> shift) as usize & 31;
            char::from(ALPHABET.get(index).copied().unwrap_or(b'0'))
        };
        f.write_str(&(0..LENGTH).map(digit).collect::<String>())
    }
}

/// Makes ULIDs that never repeat and never go back, even if the clock does.
pub(crate) struct Ulids {
    ids: Ids,
    last: Mutex<u128>,
}

impl Ulids {
    pub fn new(ids: Ids) -> Self {
        Self { ids, last: Mutex::new(0) }
    }

    pub fn next(&self, now: Timestamp) -> Ulid {
        let random = self.ids.bytes::<10>().iter().fold(0u128, |all, byte| (all << 8) | u128::from(*byte));
        let mut last = self.last.lock();
        // The top bit stays free, so that the numbers after it in the same millisecond fit.
        let fresh = Ulid::at(now).0 | (random >> 1);
        *last = fresh.max(*last + 1);
        Ulid(*last)
    }

    /// Later ULIDs are greater than this one.
    pub fn seen(&self, ulid: Ulid) {
        let mut last = self.last.lock();
        *last = (*last).max(ulid.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fga_04_ids_sort_by_time_and_read_back() {
        let ulids = Ulids::new(Ids::seeded(1));
        let time = |ms| Timestamp::from_millisecond(ms).unwrap_or_default();
        let (a, b, c) = (ulids.next(time(5_000)), ulids.next(time(4_000)), ulids.next(time(9_000)));
        assert!(a < b && b < c);
        assert_eq!(Ulid::parse(&c.to_string()), Some(c));
        assert_eq!(c.to_string().len(), 26);
        assert_eq!(Ulid::parse("not a ulid"), None);
        assert!(Ulid::at(time(9_000)) <= c && Ulid::at(time(9_001)) > c);
    }
}
