//! Which peer a slot belongs to: weighted rendezvous hashing, so that a peer that comes or goes moves only its own share.

use super::SLOTS;
use crate::ClusterKey;

/// The slot of a cluster.
pub(crate) fn slot_of(key: &ClusterKey) -> u16 {
    let hash = mix(fnv(fnv(FNV, key.provider.as_str().as_bytes()), key.id.as_str().as_bytes()));
    (hash % SLOTS as u64) as u16
}

/// The peer with the best score for a slot. A peer with twice the weight gets twice the slots.
pub(super) fn owner<'a>(slot: u16, peers: impl Iterator<Item = (&'a str, f64)>) -> Option<&'a str> {
    let mut best: Option<(f64, &str)> = None;
    for (name, weight) in peers {
        let score = score(slot, name, weight);
        // Equal scores do not happen in practice; the name makes the answer one all the same.
        if best.is_none_or(|(other, known)| score > other || (score == other && name < known)) {
            best = Some((score, name));
        }
    }
    best.map(|(_, name)| name)
}

/// `-w / ln u` for a `u` that is uniform in (0, 1).
fn score(slot: u16, name: &str, weight: f64) -> f64 {
    let hash = mix(fnv(fnv(FNV, name.as_bytes()), &slot.to_be_bytes()));
    let uniform = ((hash >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -weight.max(0.001) / uniform.ln()
}

const FNV: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv(mut hash: u64, bytes: &[u8]) -> u64 {
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    // The length separates `a` + `bc` from `ab` + `c`.
    (hash ^ bytes.len() as u64).wrapping_mul(0x0000_0100_0000_01b3)
}

/// Spreads names that differ in one digit over all bits; without it, three pods of a StatefulSet get 25, 25 and 50 percent.
fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(peers: &[(&str, f64)]) -> Vec<usize> {
        let count = |name: &str| {
            let ours = (0..SLOTS as u16).filter(|slot| owner(*slot, peers.iter().copied()) == Some(name));
            ours.count()
        };
        peers.iter().map(|(name, _)| count(name)).collect()
    }

    #[test]
    fn pods_of_a_stateful_set_get_even_shares() {
        for count in [2, 3, 5] {
            let names: Vec<String> = (0..count).map(|at| format!("operator-{at}")).collect();
            let peers: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 1.0)).collect();
            let even = SLOTS / count;
            for share in shares(&peers) {
                assert!(share.abs_diff(even) <= even / 3, "{:?}", shares(&peers));
            }
        }
    }

    #[test]
    fn a_weight_of_three_gets_three_times_the_slots() {
        let shares = shares(&[("a", 1.0), ("b", 3.0)]);
        assert!((48..=80).contains(&shares[0]), "{shares:?}");
    }

    #[test]
    fn a_peer_that_goes_moves_only_its_own_slots() {
        let all = [("a", 1.0), ("b", 1.0), ("c", 1.0)];
        for slot in 0..SLOTS as u16 {
            let before = owner(slot, all.iter().copied());
            let after = owner(slot, all[..2].iter().copied());
            assert!(before == Some("c") || before == after, "slot {slot}");
        }
    }

    #[test]
    fn clusters_spread_over_the_slots() {
        let mut slots = vec![0; SLOTS];
        for at in 0..25_600 {
            slots[usize::from(slot_of(&ClusterKey::new("core", format!("cluster-{at}"))))] += 1;
        }
        assert!(slots.iter().all(|count| (50..=160).contains(count)), "{slots:?}");
    }
}
