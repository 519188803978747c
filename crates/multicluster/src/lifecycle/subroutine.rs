//! One step of a lifecycle.

use futures::future::BoxFuture;

use super::Outcome;
use crate::Cx;

/// Why a subroutine failed: an unexpected fault, retried with backoff. What is only not there yet is [`Outcome::Pending`].
pub type SubError = Box<dyn std::error::Error + Send + Sync>;

/// Which of its methods a subroutine implements; the others are never called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// `process`, on objects that are not being deleted.
    pub const PROCESS: Roles = Roles(1);
    /// `finalize`, on objects that are being deleted and hold one of the subroutine's finalizers.
    pub const FINALIZE: Roles = Roles(2);
    /// `initialize` instead of `process`, while the lifecycle's initializer is in `status.initializers`.
    pub const INITIALIZE: Roles = Roles(4);
    /// `terminate` instead of `finalize`, while the lifecycle's terminator is in `status.terminators`.
    pub const TERMINATE: Roles = Roles(8);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Roles) -> Roles {
        Roles(self.0 | other.0)
    }

    /// Whether all of `other` is in here.
    pub const fn has(self, other: Roles) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A step of a [`Lifecycle`](super::Lifecycle). Changes the object in memory only; the lifecycle writes.
pub trait Subroutine<K: Send, C: Send + Sync>: Send + Sync + 'static {
    /// The name: the type of its condition, with `Finalize` behind it while deleting.
    fn name(&self) -> &'static str;

    /// What it implements; [`Roles::PROCESS`] unless said otherwise.
    fn roles(&self) -> Roles {
        Roles::PROCESS
    }

    /// Finalizers to add before any work, and to remove once `finalize` is done.
    fn finalizers(&self, _object: &K) -> Vec<&'static str> {
        Vec::new()
    }

    /// Brings the world in line with the object.
    fn process(
        &self,
        _object: &mut K,
        _cx: &Cx<C>,
    ) -> impl Future<Output = Result<Outcome, SubError>> + Send {
        async { Ok(Outcome::ok()) }
    }

    /// Undoes what `process` made. Only [`Outcome::ok`] releases the finalizers.
    fn finalize(
        &self,
        _object: &mut K,
        _cx: &Cx<C>,
    ) -> impl Future<Output = Result<Outcome, SubError>> + Send {
        async { Ok(Outcome::ok()) }
    }

    /// As `process`, in a workspace that is initializing.
    fn initialize(
        &self,
        object: &mut K,
        cx: &Cx<C>,
    ) -> impl Future<Output = Result<Outcome, SubError>> + Send {
        self.process(object, cx)
    }

    /// As `finalize`, in a workspace that is terminating.
    fn terminate(
        &self,
        object: &mut K,
        cx: &Cx<C>,
    ) -> impl Future<Output = Result<Outcome, SubError>> + Send {
        self.finalize(object, cx)
    }
}

/// What a pass does with a subroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SubAction {
    Process,
    Finalize,
    Initialize,
    Terminate,
}

impl SubAction {
    pub(crate) fn name(self) -> &'static str {
        match self {
            SubAction::Process => "process",
            SubAction::Finalize => "finalize",
            SubAction::Initialize => "initialize",
            SubAction::Terminate => "terminate",
        }
    }

    /// Appended to the name of the condition.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            SubAction::Process | SubAction::Initialize => "",
            SubAction::Finalize | SubAction::Terminate => "Finalize",
        }
    }
}

/// A subroutine behind a pointer.
pub(crate) trait AnySubroutine<K, C>: Send + Sync {
    fn name(&self) -> &'static str;
    fn roles(&self) -> Roles;
    fn finalizers(&self, object: &K) -> Vec<&'static str>;
    fn run<'a>(
        &'a self,
        action: SubAction,
        object: &'a mut K,
        cx: &'a Cx<C>,
    ) -> BoxFuture<'a, Result<Outcome, SubError>>;
}

impl<K: Send, C: Send + Sync, S: Subroutine<K, C>> AnySubroutine<K, C> for S {
    fn name(&self) -> &'static str {
        Subroutine::name(self)
    }

    fn roles(&self) -> Roles {
        Subroutine::roles(self)
    }

    fn finalizers(&self, object: &K) -> Vec<&'static str> {
        Subroutine::finalizers(self, object)
    }

    fn run<'a>(
        &'a self,
        action: SubAction,
        object: &'a mut K,
        cx: &'a Cx<C>,
    ) -> BoxFuture<'a, Result<Outcome, SubError>> {
        match action {
            SubAction::Process => Box::pin(self.process(object, cx)),
            SubAction::Finalize => Box::pin(self.finalize(object, cx)),
            SubAction::Initialize => Box::pin(self.initialize(object, cx)),
            SubAction::Terminate => Box::pin(self.terminate(object, cx)),
        }
    }
}
