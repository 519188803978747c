//! Tasks with an owner, a name, and a declared end.
//!
//! Nothing dies unseen: a panic is caught and logged with the name of its task, a task that must not end stops the process, and shutdown ends
//! tasks in the reverse order of their start, each in bounded time.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
    time::Duration,
};

use futures::FutureExt as _;
use parking_lot::Mutex;
use tokio::task::{AbortHandle, JoinHandle};

use crate::{Backoff, FullJitter, Ids, Stop};

/// What the end of a task means to its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The end is expected: one-shot work, a connection, a reconcile.
    MayEnd,
    /// The process cannot do its job without the task: its end, error or panic stops everything and becomes the result of the run.
    StopProcess,
}

/// What a task may return: nothing, or a result whose error is logged and counts as a failure.
pub trait TaskOutput {
    /// The error text, where the task failed.
    fn failure(self) -> Option<String>;
}

impl TaskOutput for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: fmt::Display> TaskOutput for Result<(), E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}

/// A task that must not end ended.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("task `{name}` ended: {why}")]
pub struct TaskFailure {
    /// The name given to the task.
    pub name: String,
    /// Its error, its panic, or that it returned early.
    pub why: String,
}

struct Entry {
    name: Cow<'static, str>,
    stop: Stop,
    graceful: bool,
    handle: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Table {
    next: u64,
    closed: bool,
    entries: BTreeMap<u64, Entry>,
    failure: Option<TaskFailure>,
}

struct Inner {
    /// Given when a task that must not end does.
    failed: Stop,
    grace: Duration,
    table: Mutex<Table>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        for entry in self.table.get_mut().entries.values() {
            entry.stop.stop();
            if let Some(handle) = &entry.handle {
                handle.abort();
            }
        }
    }
}

/// The owner of tasks. Clones share one table; dropping the last clone aborts what still runs.
#[derive(Clone)]
pub struct Tasks(Arc<Inner>);

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

impl Tasks {
    /// An owner without tasks; at shutdown each task has 5 seconds.
    pub fn new() -> Self {
        Self::with_grace(Duration::from_secs(5))
    }

    /// An owner whose tasks have `grace` to end after they were told, before they are aborted.
    pub fn with_grace(grace: Duration) -> Self {
        Tasks(Arc::new(Inner { failed: Stop::new(), grace, table: Mutex::default() }))
    }

    /// Starts a task that may be dropped at any of its awaits when its turn to stop comes.
    pub fn spawn<F>(&self, name: impl Into<Cow<'static, str>>, end: End, future: F) -> AbortHandle
    where
        F: Future + Send + 'static,
        F::Output: TaskOutput,
    {
        self.start(name.into(), end, Stop::new(), false, future)
    }

    /// Starts a task that is told when its turn to stop comes, and has the owner's grace to end by itself.
    pub fn spawn_graceful<F, Fut>(&self, name: impl Into<Cow<'static, str>>, end: End, task: F) -> AbortHandle
    where
        F: FnOnce(Stop) -> Fut,
        Fut: Future + Send + 'static,
        Fut::Output: TaskOutput,
    {
        let stop = Stop::new();
        let future = task(stop.clone());
        self.start(name.into(), end, stop, true, future)
    }

    /// Starts a task that is made anew whenever it ends, with growing pauses of at most 30 seconds between quick ends.
    ///
    /// An attempt that lasted a minute resets the pause.
    pub fn spawn_restarting<F, Fut>(&self, name: impl Into<Cow<'static, str>>, make: F) -> AbortHandle
    where
        F: Fn(Stop) -> Fut + Send + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: TaskOutput,
    {
        let name = name.into();
        let title = name.clone();
        let stop = Stop::new();
        let told = stop.clone();
        let future = async move {
            let mut pause =
                FullJitter::new(Duration::from_millis(200), Duration::from_secs(30), Ids::random());
            while !told.is_stopped() {
                let started = tokio::time::Instant::now();
                let why = outcome(make(told.clone())).await.unwrap_or_else(|| "returned".to_owned());
                if told.is_stopped() {
                    return;
                }
                if started.elapsed() > Duration::from_secs(60) {
                    pause.reset();
                }
                let wait = pause.next_delay();
                tracing::warn!(task = %title, why, wait_ms = wait.as_millis() as u64, "task ended, starting it again");
                if told.or(tokio::time::sleep(wait)).await.is_none() {
                    return;
                }
            }
        };
        self.start(name, End::MayEnd, stop, true, future)
    }

    /// An owner whose tasks all end as one task of this owner does.
    pub fn child(&self, name: impl Into<Cow<'static, str>>) -> Tasks {
        let child = Tasks::with_grace(self.0.grace);
        let run = child.clone();
        self.spawn_graceful(name, End::StopProcess, move |stop| async move { run.run_until(stop).await });
        child
    }

    /// Names of the tasks that run now, in the order of their start.
    pub fn names(&self) -> Vec<String> {
        self.0.table.lock().entries.values().map(|entry| entry.name.to_string()).collect()
    }

    /// A future that resolves when a task that must not end did.
    pub async fn failed(&self) -> TaskFailure {
        self.0.failed.cancelled().await;
        self.0
            .table
            .lock()
            .failure
            .clone()
            .unwrap_or(TaskFailure { name: String::new(), why: "ended".into() })
    }

    /// Waits for `stop`, or for the end of a task that must not end, then ends all tasks in reverse order.
    ///
    /// Takes at most the grace for each task that does not end by itself; in practice all but stuck ones end at once.
    ///
    /// # Errors
    /// The first failure of a task declared [`End::StopProcess`].
    ///
    /// # Cancellation
    /// Dropping the future leaves the tasks to their owner.
    pub async fn run_until(&self, stop: Stop) -> Result<(), TaskFailure> {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.0.failed.cancelled() => {}
        }
        self.shutdown().await;
        self.0.table.lock().failure.take().map_or(Ok(()), Err)
    }

    /// Ends all tasks in the reverse order of their start; new ones are refused from now on.
    pub async fn shutdown(&self) {
        self.0.table.lock().closed = true;
        loop {
            // The lock must not be held while waiting: tasks remove themselves from the table.
            let last = {
                let mut table = self.0.table.lock();
                table.entries.pop_last()
            };
            let Some((_, mut entry)) = last else { return };
            entry.stop.stop();
            let Some(mut handle) = entry.handle.take() else { continue };
            if !entry.graceful {
                handle.abort();
            }
            if tokio::time::timeout(self.0.grace, &mut handle).await.is_err() {
                tracing::warn!(task = %entry.name, "task did not end in time, aborting it");
                handle.abort();
            }
        }
    }

    fn start<F>(
        &self,
        name: Cow<'static, str>,
        end: End,
        stop: Stop,
        graceful: bool,
        future: F,
    ) -> AbortHandle
    where
        F: Future + Send + 'static,
        F::Output: TaskOutput,
    {
        let mut table = self.0.table.lock();
        let id = table.next;
        table.next += 1;
        let title = name.clone();
        let told = stop.clone();
        let owner: Weak<Inner> = Arc::downgrade(&self.0);
        let body = async move {
            let why = outcome(future).await;
            if let Some(why) = &why {
                tracing::error!(task = %title, error = %why, "task failed");
            }
            let Some(owner) = owner.upgrade() else { return };
            let mut table = owner.table.lock();
            table.entries.remove(&id);
            if end == End::StopProcess && !told.is_stopped() && !table.closed {
                let why = why.unwrap_or_else(|| "returned while it was needed".to_owned());
                table.failure.get_or_insert(TaskFailure { name: title.to_string(), why });
                owner.failed.stop();
            }
        };
        #[expect(clippy::disallowed_methods, reason = "this is the one place where tasks are started")]
        let handle = tokio::spawn(body);
        let abort = handle.abort_handle();
        if table.closed {
            abort.abort();
        } else {
            table.entries.insert(id, Entry { name, stop, graceful, handle: Some(handle) });
        }
        abort
    }
}

/// Runs a task body; its error or panic as text.
async fn outcome<F>(future: F) -> Option<String>
where
    F: Future,
    F::Output: TaskOutput,
{
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(output) => output.failure(),
        Err(panic) => {
            let text = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "unknown".to_owned());
            Some(format!("panic: {text}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tasks_end_in_the_reverse_order_of_their_start() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let (tasks, stop) = (Tasks::new(), Stop::new());
        for name in ["a", "b", "c"] {
            let order = order.clone();
            tasks.spawn_graceful(name, End::StopProcess, move |stop| async move {
                stop.cancelled().await;
                tokio::time::sleep(Duration::from_secs(1)).await;
                order.lock().push(name);
            });
        }
        stop.stop();
        assert_eq!(tasks.run_until(stop).await, Ok(()));
        assert_eq!(*order.lock(), ["c", "b", "a"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_never_ends_is_aborted_after_the_grace() {
        let (tasks, stop) = (Tasks::with_grace(Duration::from_secs(3)), Stop::new());
        tasks.spawn_graceful("deaf", End::MayEnd, |_| std::future::pending::<()>());
        stop.stop();
        let started = tokio::time::Instant::now();
        assert_eq!(tasks.run_until(stop).await, Ok(()));
        assert_eq!(started.elapsed().as_secs(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_in_a_needed_task_stops_the_run_and_names_it() {
        let tasks = Tasks::new();
        tasks.spawn("fragile", End::StopProcess, async {
            assert_eq!(1, 2, "broken");
        });
        tasks.spawn("other", End::StopProcess, std::future::pending::<()>());
        let failure = tasks.run_until(Stop::new()).await.unwrap_err();
        assert!(failure.why.starts_with("panic: "), "{failure}");
        assert_eq!(failure, TaskFailure { name: "fragile".into(), why: failure.why.clone() });
    }

    #[tokio::test(start_paused = true)]
    async fn a_restarting_task_runs_again_after_a_pause() {
        let count = Arc::new(Mutex::new(0));
        let (tasks, stop) = (Tasks::new(), Stop::new());
        let (seen, end) = (count.clone(), stop.clone());
        tasks.spawn_restarting("again", move |_| {
            let (seen, end) = (seen.clone(), end.clone());
            async move {
                *seen.lock() += 1;
                if *seen.lock() == 3 {
                    end.stop();
                }
                Err::<(), _>("no luck")
            }
        });
        tasks.run_until(stop).await.unwrap();
        assert_eq!(*count.lock(), 3);
    }

    #[tokio::test]
    async fn finished_tasks_leave_the_table() {
        let tasks = Tasks::new();
        let handle = tasks.spawn("short", End::MayEnd, async {});
        while !handle.is_finished() {
            tokio::task::yield_now().await;
        }
        assert!(tasks.names().is_empty());
    }
}
