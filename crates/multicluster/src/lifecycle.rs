//! Reconciling in named steps: subroutines, their conditions, finalizers and kcp markers.
//!
//! A pass over an object: add missing finalizers and stop; or run the subroutines in order (reversed when deleting), set their conditions and
//! `Ready`, remove the initializer or terminator where everything is done, and write metadata and status, each at most once and only where
//! something differs.

mod conditions;
mod engine;
mod outcome;
mod persist;
mod spread;
mod subroutine;

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;

use crate::{Action, Cached, Cx};

pub use engine::{LifecycleError, Reporter};
pub use outcome::{After, Outcome};
pub use spread::Spread;
pub(crate) use subroutine::AnySubroutine;
pub use subroutine::{Roles, SubError, Subroutine};

type Prepare<K, C> =
    Box<dyn for<'a> Fn(&'a mut K, &'a Cx<C>) -> BoxFuture<'a, Result<(), SubError>> + Send + Sync>;

/// An ordered list of subroutines with the rules of their pass.
pub struct Lifecycle<K: Cached, C> {
    name: &'static str,
    dt: K::DynamicType,
    subroutines: Vec<Box<dyn AnySubroutine<K, C>>>,
    conditions: bool,
    read_only: bool,
    spec_patch: bool,
    spread: Option<Spread>,
    initializer: Option<Arc<str>>,
    terminator: Option<Arc<str>>,
    prepare: Option<Prepare<K, C>>,
    reporters: Vec<Arc<dyn Reporter>>,
}

impl<K: Cached<DynamicType = ()>, C: Send + Sync + 'static> Lifecycle<K, C> {
    /// An empty list; the name is the controller's in logs and metrics.
    pub fn new(name: &'static str) -> Self {
        Self::new_with(name, ())
    }
}

impl<K: Cached, C: Send + Sync + 'static> Lifecycle<K, C> {
    /// The twin of [`new`](Lifecycle::new) for dynamic kinds.
    pub fn new_with(name: &'static str, dt: K::DynamicType) -> Self {
        Lifecycle {
            name,
            dt,
            subroutines: Vec::new(),
            conditions: false,
            read_only: false,
            spec_patch: false,
            spread: None,
            initializer: None,
            terminator: None,
            prepare: None,
            reporters: Vec::new(),
        }
    }

    /// Adds a subroutine behind the others.
    #[must_use]
    pub fn with(mut self, subroutine: impl Subroutine<K, C>) -> Self {
        self.subroutines.push(Box::new(subroutine));
        self
    }

    /// Keeps a condition for each subroutine and `Ready` in `status.conditions`.
    #[must_use]
    pub fn conditions(mut self) -> Self {
        self.conditions = true;
        self
    }

    /// Runs unchanged objects again at times drawn from a window, in order to spread the load of resyncs.
    #[must_use]
    pub fn spread(mut self, spread: Spread) -> Self {
        self.spread = Some(spread);
        self
    }

    /// Removes this name from `status.initializers` once everything is done; while it is there, subroutines initialize.
    #[must_use]
    pub fn initializer(mut self, name: impl Into<Arc<str>>) -> Self {
        self.initializer = Some(name.into());
        self
    }

    /// Removes this name from `status.terminators` once everything is done; while it is there, subroutines terminate.
    #[must_use]
    pub fn terminator(mut self, name: impl Into<Arc<str>>) -> Self {
        self.terminator = Some(name.into());
        self
    }

    /// Computes everything, writes nothing.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Also writes what subroutines change in `spec`; otherwise such changes are dropped.
    #[must_use]
    pub fn spec_patch(mut self) -> Self {
        self.spec_patch = true;
        self
    }

    /// Called before the subroutines of each pass; its error ends the pass without a status.
    #[must_use]
    pub fn prepare<F>(mut self, f: F) -> Self
    where
        F: for<'a> Fn(&'a mut K, &'a Cx<C>) -> BoxFuture<'a, Result<(), SubError>> + Send + Sync + 'static,
    {
        self.prepare = Some(Box::new(f));
        self
    }

    /// Hears of every error of a subroutine.
    #[must_use]
    pub fn reporter(mut self, reporter: Arc<dyn Reporter>) -> Self {
        self.reporters.push(reporter);
        self
    }

    /// One pass over an object.
    pub async fn reconcile(&self, object: Arc<K>, cx: Cx<C>) -> Result<Action, LifecycleError> {
        engine::pass(self, object, &cx).await
    }

    /// The reconcile function for [`Controller::run`](crate::Controller::run):
    /// `controller.run(lifecycle.into_reconciler(), |_, _, _| Action::backoff(), app)`.
    pub fn into_reconciler(
        self,
    ) -> impl Fn(Arc<K>, Cx<C>) -> BoxFuture<'static, Result<Action, LifecycleError>> + Send + Sync + 'static
    {
        let shared = Arc::new(self);
        move |object, cx| {
            let lifecycle = shared.clone();
            Box::pin(async move { lifecycle.reconcile(object, cx).await })
        }
    }
}

/// After a write met somebody else's, the pass runs again this soon.
const CONFLICT: Duration = Duration::from_secs(1);
