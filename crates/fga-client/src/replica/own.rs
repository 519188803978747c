//! What was written through this client: answers after a write see it, and a change that does not show up in time shows that
//! the server hides the end of its changelog.

use std::collections::HashMap;

use fga_engine::{Change, Operation, WriteRequest};
use fga_model::TupleKey;
use tokio::time::Instant;

use super::view::View;

/// Written keys that are waited for; beyond it they are not told apart any more.
const WAITED_MAX: usize = 10_000;

/// Writes through this client, counted in the order in which the server acknowledged them.
#[derive(Default)]
pub(super) struct OwnWrites {
    last: u64,
    last_model: u64,
    tickets: u64,
    waited: HashMap<(String, String, String), Waited>,
}

/// A written tuple that the changelog has to show.
struct Waited {
    ticket: u64,
    operation: Operation,
    /// Number and time of the acknowledgement; `None` while the server has not answered.
    acknowledged: Option<(u64, Instant)>,
    key: TupleKey,
}

fn identity(key: &TupleKey) -> (String, String, String) {
    (key.object.clone(), key.relation.clone(), key.user.clone())
}

impl OwnWrites {
    /// The number of the last acknowledged write.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The number of the last acknowledged model.
    pub fn last_model(&self) -> u64 {
        self.last_model
    }

    /// A model was acknowledged.
    pub fn wrote_model(&mut self) {
        self.last += 1;
        self.last_model = self.last;
    }

    /// A write is about to be sent.
    pub fn begin(&mut self, request: &WriteRequest) -> u64 {
        self.tickets += 1;
        let ticket = self.tickets;
        let deletes = request.deletes.iter().map(|key| (key, Operation::Delete));
        let writes = request.writes.iter().map(|key| (key, Operation::Write));
        for (key, operation) in deletes.chain(writes) {
            if self.waited.len() < WAITED_MAX {
                let waited = Waited { ticket, operation, acknowledged: None, key: key.clone() };
                self.waited.insert(identity(key), waited);
            }
        }
        ticket
    }

    /// The server answered.
    pub fn end(&mut self, ticket: u64, acknowledged: bool) {
        if !acknowledged {
            self.waited.retain(|_, waited| waited.ticket != ticket);
            return;
        }
        self.last += 1;
        let now = (self.last, Instant::now());
        let sent = self.waited.values_mut().filter(|waited| waited.ticket == ticket);
        sent.for_each(|waited| waited.acknowledged = Some(now));
    }

    /// The changelog was read to its end after the write with number `through` was acknowledged. The first write that it
    /// should have shown and did not, if any.
    pub fn seen(&mut self, changes: &[Change], view: &View, through: u64) -> Option<(u64, Instant)> {
        for change in changes {
            self.waited.remove(&identity(&change.key));
        }
        self.waited.retain(|_, waited| {
            let due = waited.acknowledged.is_some_and(|(number, _)| number <= through);
            // A write that changed nothing has no change to show.
            !(due && view.has(&waited.key) == (waited.operation == Operation::Write))
        });
        let hidden = self.waited.values().filter_map(|waited| waited.acknowledged);
        hidden.filter(|(number, _)| *number <= through).min()
    }

    /// The store is read as a whole: what was sent until now may have been carried out and overwritten before the place in
    /// the changelog from which changes are taken, so that none will show it.
    pub fn forget(&mut self) {
        self.waited.clear();
    }
}
