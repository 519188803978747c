//! Threads with large stacks, for the recursion of the parser and of deep expressions.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use thiserror::Error;

/// Bytes of each thread's stack; enough for what the guard lets through, in unoptimised builds too.
pub const STACK_SIZE: usize = 32 * 1024 * 1024;
/// Threads of the pool.
const THREADS: usize = 3;
/// Jobs that may wait.
const QUEUE_MAX: usize = 256;
/// How long a caller waits for its job.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Why a job gave no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StackError {
    /// The queue of the pool is full.
    #[error("too many expressions are waiting to be compiled or evaluated")]
    Busy,
    /// The job did not end in time.
    #[error("expression took longer than {} seconds", WAIT_MAX.as_secs())]
    Slow,
    /// The job panicked, or no thread could be started.
    #[error("expression could not be processed")]
    Failed,
}

type Job = Box<dyn FnOnce() + Send>;

static INLINE: AtomicBool = AtomicBool::new(false);
static POOL: LazyLock<Option<SyncSender<Job>>> = LazyLock::new(start);

/// Runs every job on its own large-stack thread that the caller joins, instead of on the shared pool: no thread outlives a
/// call. For runs that must repeat exactly.
pub fn use_inline_stacks(inline: bool) {
    INLINE.store(inline, Ordering::Relaxed);
}

fn start() -> Option<SyncSender<Job>> {
    let (sender, receiver) = sync_channel::<Job>(QUEUE_MAX);
    let receiver: &'static Mutex<Receiver<Job>> = Box::leak(Box::new(Mutex::new(receiver)));
    let mut started = 0;
    for number in 0..THREADS {
        let name = format!("cel-{number}");
        let work = move || {
            loop {
                let job = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                match job {
                    Ok(job) => {
                        let _ = catch_unwind(AssertUnwindSafe(job));
                    }
                    Err(_) => return,
                }
            }
        };
        started += usize::from(thread::Builder::new().name(name).stack_size(STACK_SIZE).spawn(work).is_ok());
    }
    (started > 0).then_some(sender)
}

/// Runs `work` on a large stack and waits for its result.
///
/// # Errors
/// [`StackError`] when the pool is full, the job is too slow, or it panics.
pub(crate) fn on_large_stack<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StackError> {
    if INLINE.load(Ordering::Relaxed) {
        return on_own_stack(work);
    }
    let (answer, wait) = sync_channel(1);
    let job: Job = Box::new(move || {
        let _ = answer.send(work());
    });
    let pool = POOL.as_ref().ok_or(StackError::Failed)?;
    pool.try_send(job).map_err(|error| match error {
        TrySendError::Full(_) => StackError::Busy,
        TrySendError::Disconnected(_) => StackError::Failed,
    })?;
    wait.recv_timeout(WAIT_MAX).map_err(|error| match error {
        RecvTimeoutError::Timeout => StackError::Slow,
        RecvTimeoutError::Disconnected => StackError::Failed,
    })
}

/// Runs `work`, which may borrow, on a thread of its own and waits for it.
///
/// # Errors
/// [`StackError::Failed`] when it panics or no thread can be started.
pub(crate) fn on_own_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, StackError> {
    thread::scope(|scope| {
        let handle = thread::Builder::new()
            .name("cel".to_owned())
            .stack_size(STACK_SIZE)
            .spawn_scoped(scope, work)
            .map_err(|_| StackError::Failed)?;
        handle.join().map_err(|_| StackError::Failed)
    })
}
