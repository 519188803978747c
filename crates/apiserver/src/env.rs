//! Time, identifiers and stopping, injected into the server.

use std::sync::Arc;

use tokio::sync::watch;

/// Gives the time of creation stamps.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>);

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self(Arc::new(jiff::Timestamp::now))
    }

    /// Now.
    pub fn now(&self) -> jiff::Timestamp {
        (self.0)()
    }
}

/// Gives uids and name suffixes.
#[derive(Clone, Debug)]
pub struct Ids(());

impl Ids {
    /// Random ones.
    pub fn random() -> Self {
        Self(())
    }

    /// A fresh uid.
    pub fn uid(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }
}

/// Says when to stop.
#[derive(Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// Not stopped yet.
    pub fn new() -> Self {
        Self(Arc::new(watch::channel(false).0))
    }

    /// Waits until stopped.
    pub async fn cancelled(&self) {
        let mut seen = self.0.subscribe();
        while !*seen.borrow_and_update() {
            if seen.changed().await.is_err() {
                return;
            }
        }
    }
}
