//! One signal that ends everything below it.

use tokio_util::sync::CancellationToken;

/// A stop signal: cheap to clone, can be given once, never taken back.
///
/// A [`child`](Stop::child) ends with its parent but not the other way round.
#[derive(Clone, Debug, Default)]
pub struct Stop(CancellationToken);

impl Stop {
    /// A signal that nobody gave yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the signal. Further calls change nothing.
    pub fn stop(&self) {
        self.0.cancel();
    }

    /// Whether the signal was given.
    pub fn is_stopped(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits for the signal; returns at once if it was given before.
    ///
    /// # Cancellation
    /// Dropping the future changes nothing.
    pub async fn cancelled(&self) {
        self.0.cancelled().await;
    }

    /// The same wait as an owned future, for services that want a `'static` one.
    pub fn wait(&self) -> impl Future<Output = ()> + Send + 'static {
        self.0.clone().cancelled_owned()
    }

    /// A signal that is given with this one, and may be given earlier on its own.
    pub fn child(&self) -> Stop {
        Stop(self.0.child_token())
    }

    /// Runs `future` until it ends or the signal is given; `None` means the signal came first.
    ///
    /// # Cancellation
    /// When the signal comes first, `future` is dropped where it stands.
    pub async fn or<F: Future>(&self, future: F) -> Option<F::Output> {
        self.0.run_until_cancelled(future).await
    }

    /// Waits for SIGINT or SIGTERM, then gives the signal. Run it as a task of its own.
    pub async fn on_signals(self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let name = tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
            () = self.cancelled() => return Ok(()),
        };
        tracing::info!(signal = name, "stopping");
        self.stop();
        Ok(())
    }
}
