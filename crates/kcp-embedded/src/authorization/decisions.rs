//! Recent authorization traces by audit id: what `GET /debug/decisions/<audit-id>` answers.
//!
//! Bounded: the oldest trace gives way. Nothing is recomputed; the stored value is what was decided.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use serde::Serialize;
use verdict::{Decision, Trace};

use super::AuthorizationAttributes;

/// Traces kept.
pub const DECISIONS_MAX: usize = 4096;

/// One recorded decision.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionRecord {
    /// The request's audit id (header `Audit-Id` of the answer).
    pub audit_id: String,
    /// Caller.
    pub user: String,
    /// Groups of the caller.
    pub groups: Vec<String>,
    /// Logical cluster, empty where there was none.
    pub cluster: String,
    /// Canonical path of the cluster, empty where there was none.
    pub path: String,
    /// What was asked for.
    pub action: String,
    /// Whether the request was let through.
    pub allowed: bool,
    /// Every verdict given, first stage first.
    pub trace: Trace,
}

/// The bounded store of recent decisions.
#[derive(Debug, Default)]
pub struct Decisions {
    inner: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    order: VecDeque<String>,
    records: HashMap<String, DecisionRecord>,
    privileged_allows: u64,
}

impl Decisions {
    /// Records what was decided for one request.
    pub fn record(&self, audit_id: &str, path: &str, attributes: &AuthorizationAttributes, trace: &Trace) {
        let outcome = trace.outcome();
        let record = DecisionRecord {
            audit_id: audit_id.to_owned(),
            user: attributes.user.name.clone(),
            groups: attributes.user.groups.clone(),
            cluster: attributes.cluster.as_ref().map(|c| c.as_str().to_owned()).unwrap_or_default(),
            path: path.to_owned(),
            action: attributes.action.to_string(),
            allowed: outcome.decision == Decision::Allow,
            trace: trace.clone(),
        };
        let mut ring = self.inner.lock();
        let privileged = record.groups.iter().any(|g| g == "system:masters" || g == "system:kcp:admin");
        if record.allowed && privileged {
            ring.privileged_allows += 1;
        }
        // Clients may propose audit ids; none of them may hide what was recorded under one before.
        if ring.records.contains_key(audit_id) {
            return;
        }
        ring.records.insert(audit_id.to_owned(), record);
        ring.order.push_back(audit_id.to_owned());
        while ring.order.len() > DECISIONS_MAX {
            if let Some(oldest) = ring.order.pop_front() {
                ring.records.remove(&oldest);
            }
        }
    }

    /// The decision recorded under an audit id, if it is still kept.
    pub fn get(&self, audit_id: &str) -> Option<DecisionRecord> {
        self.inner.lock().records.get(audit_id).cloned()
    }

    /// How many requests of `system:masters` and `system:kcp:admin` were let through since start.
    pub fn privileged_allows(&self) -> u64 {
        self.inner.lock().privileged_allows
    }
}

#[cfg(test)]
mod tests {
    use apiserver::UserInfo;
    use verdict::{Stage, Verdict};

    use super::*;
    use crate::authorization::Action;

    #[test]
    fn auz_07_trace_is_found_by_audit_id_and_the_oldest_gives_way() {
        let decisions = Decisions::default();
        let attributes = AuthorizationAttributes {
            user: UserInfo { name: "bob".into(), ..UserInfo::default() },
            cluster: None,
            action: Action::path("get", "/version"),
            deep: false,
        };
        let mut trace = Trace::new();
        trace.record(Verdict::no_opinion(Stage::LocalPolicy, "no role"));
        for n in 0..=DECISIONS_MAX {
            decisions.record(&n.to_string(), "root", &attributes, &trace);
        }
        assert!(decisions.get("0").is_none());
        let kept = decisions.get("1").unwrap();
        assert_eq!((kept.allowed, kept.action.as_str()), (false, "get /version"));
    }
}
