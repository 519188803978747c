//! The reasons of the last clusters that went, so that "gone" differs from "never seen".

use std::collections::{HashMap, VecDeque};

use crate::ClusterKey;

const KEPT: usize = 10_000;

#[derive(Default)]
pub(super) struct Gone {
    reasons: HashMap<ClusterKey, crate::Gone>,
    order: VecDeque<ClusterKey>,
}

impl Gone {
    pub(super) fn put(&mut self, key: ClusterKey, why: crate::Gone) {
        if self.reasons.insert(key.clone(), why).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.reasons.remove(&oldest);
        }
    }

    pub(super) fn get(&self, key: &ClusterKey) -> Option<crate::Gone> {
        self.reasons.get(key).copied()
    }
}
