//! One pass of a lifecycle over one object.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{
    CONFLICT, Lifecycle, Outcome, Roles, SubError,
    conditions::{
        COMPLETE, Conditions, ERROR, PENDING, READY, STOPPED, Verdict, of_outcome, ready_message, skipped_by,
    },
    persist::{Target, Written, diff, status_of},
    subroutine::{AnySubroutine, SubAction},
};
use crate::{Action, Cached, Cx, metrics::SubroutineRun};

/// Why a pass failed; retried with the controller's backoff.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    /// The finalizers could not be added.
    #[error("adding finalizers")]
    Finalizers(#[source] kube::Error),
    /// The hook before the subroutines failed.
    #[error("preparing context: {0}")]
    Prepare(SubError),
    /// A subroutine failed.
    #[error("subroutine `{subroutine}` failed to {action}: {error}")]
    Subroutine {
        /// Its name.
        subroutine: &'static str,
        /// What it did.
        action: &'static str,
        /// Its error.
        error: SubError,
    },
    /// The result of the pass could not be written.
    #[error("writing the result of the pass{}", .after.as_ref().map(|error| format!(" after: {error}")).unwrap_or_default())]
    Write {
        /// The write's error.
        #[source]
        source: kube::Error,
        /// The subroutine's error before it, if there was one.
        after: Option<Box<LifecycleError>>,
    },
    /// The object cannot be written as JSON.
    #[error("object does not turn into JSON: {0}")]
    Json(serde_json::Error),
}

/// Hears of errors of subroutines, for example to send them to an error tracker.
pub trait Reporter: Send + Sync {
    /// An unexpected fault; what only waits is never reported.
    fn report(&self, controller: &str, subroutine: &str, action: &str, object: &str, error: &SubError);
}

/// What the subroutines of a pass said, taken together.
#[derive(Default)]
struct Sum {
    requeue: Option<Duration>,
    error: Option<LifecycleError>,
    stopped: bool,
    pending: bool,
    skipped_rest: Option<bool>,
    released: Vec<&'static str>,
}

impl Sum {
    fn ask(&mut self, delay: Option<Duration>) {
        self.requeue = match (self.requeue, delay) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    fn is_complete(&self) -> bool {
        self.error.is_none()
            && !self.stopped
            && !self.pending
            && self.skipped_rest.is_none()
            && self.requeue.is_none()
    }

    fn ready(&self) -> Verdict {
        if self.error.is_some() {
            ERROR
        } else if self.stopped || self.skipped_rest == Some(false) {
            STOPPED
        } else if self.pending {
            PENDING
        } else {
            COMPLETE
        }
    }
}

pub(super) async fn pass<K: Cached, C: Send + Sync + 'static>(
    lifecycle: &Lifecycle<K, C>,
    fetched: Arc<K>,
    cx: &Cx<C>,
) -> Result<Action, LifecycleError> {
    let original = serde_json::to_value(fetched.as_ref()).map_err(LifecycleError::Json)?;
    let deleting = fetched.meta().deletion_timestamp.is_some();
    let now = cx.clock().now();
    if let Some(spread) = lifecycle.spread.filter(|_| !deleting)
        && let Some(wait) = spread.wait(&original, now)
    {
        return Ok(Action::requeue(wait));
    }
    let target = Target::of(cx.client(), fetched.as_ref(), &lifecycle.dt);
    if !deleting && !lifecycle.read_only {
        let missing = missing_finalizers(lifecycle, fetched.as_ref());
        if !missing.is_empty() {
            return add_finalizers(&target, fetched.as_ref(), missing).await;
        }
    }

    let mut object = fetched.as_ref().clone();
    if let Some(prepare) = &lifecycle.prepare {
        prepare(&mut object, cx).await.map_err(LifecycleError::Prepare)?;
    }
    let mut conditions = Conditions::new(&original, fetched.meta().generation, now);
    let mut sum = Sum::default();
    if lifecycle.conditions {
        for subroutine in &lifecycle.subroutines {
            conditions.await_first(subroutine.name());
        }
        conditions.await_first(READY);
    }
    run_all(lifecycle, &original, deleting, &mut object, cx, &mut conditions, &mut sum).await;
    if lifecycle.conditions {
        let ready = sum.ready();
        conditions.set(READY, ready, ready_message(ready));
    }

    let mut result = serde_json::to_value(&object).map_err(LifecycleError::Json)?;
    if lifecycle.conditions
        && let Some(status) = status_of(&mut result)
    {
        status.insert("conditions".to_owned(), Value::Array(conditions.into_list()));
    }
    release(&mut result, &sum.released);
    if sum.is_complete() {
        let (field, marker) = match deleting {
            false => ("initializers", &lifecycle.initializer),
            true => ("terminators", &lifecycle.terminator),
        };
        if let Some(marker) = marker {
            remove_marker(&mut result, field, marker);
        }
    }
    if let Some(spread) = &lifecycle.spread
        && !deleting
        && sum.error.is_none()
        && !sum.stopped
        && sum.requeue.is_none()
    {
        spread.advance(&mut result, now, cx.fleet().ids());
    }
    let written = match lifecycle.read_only {
        true => Ok(false),
        false => write(lifecycle, &target, &original, &result, deleting).await,
    };
    finish(written, sum)
}

/// From the write and the subroutines to what the queue does next.
fn finish(written: Result<bool, kube::Error>, sum: Sum) -> Result<Action, LifecycleError> {
    match (written, sum.error) {
        (Err(source), error) => Err(LifecycleError::Write { source, after: error.map(Box::new) }),
        (Ok(_), Some(error)) => Err(error),
        (Ok(true), None) => Ok(Action::requeue(CONFLICT)),
        (Ok(false), None) => Ok(sum.requeue.map_or_else(Action::await_change, Action::requeue)),
    }
}

async fn run_all<K: Cached, C: Send + Sync + 'static>(
    lifecycle: &Lifecycle<K, C>,
    original: &Value,
    deleting: bool,
    object: &mut K,
    cx: &Cx<C>,
    conditions: &mut Conditions,
    sum: &mut Sum,
) {
    let mut order: Vec<&dyn AnySubroutine<K, C>> = lifecycle.subroutines.iter().map(AsRef::as_ref).collect();
    if deleting {
        order.reverse();
    }
    for (at, subroutine) in order.iter().enumerate() {
        let Some(action) = choose(lifecycle, *subroutine, original, deleting, object) else { continue };
        let outcome = run_one(lifecycle, *subroutine, action, object, cx).await;
        let type_ = format!("{}{}", subroutine.name(), action.suffix());
        let outcome = match outcome {
            Err(error) => {
                if lifecycle.conditions {
                    conditions.set(&type_, ERROR, &error.to_string());
                }
                let named = cx.object_ref().to_string();
                for reporter in &lifecycle.reporters {
                    reporter.report(lifecycle.name, subroutine.name(), action.name(), &named, &error);
                }
                sum.error = Some(LifecycleError::Subroutine {
                    subroutine: subroutine.name(),
                    action: action.name(),
                    error,
                });
                return;
            }
            Ok(outcome) => outcome,
        };
        if lifecycle.conditions {
            let (verdict, message) = of_outcome(&outcome);
            conditions.set(&type_, verdict, message);
        }
        sum.ask(outcome.requeue());
        if action == SubAction::Finalize
            && matches!(outcome, Outcome::Continue { .. })
            && outcome.requeue().is_none()
        {
            sum.released.extend(subroutine.finalizers(object));
        }
        match outcome {
            Outcome::Continue { .. } | Outcome::Skipped { .. } => {}
            Outcome::Pending { .. } => sum.pending = true,
            Outcome::Stop { .. } => {
                sum.stopped = true;
                return;
            }
            Outcome::SkipRest { ready, why } => {
                sum.skipped_rest = Some(ready);
                for later in &order[at + 1..] {
                    let chosen = choose(lifecycle, *later, original, deleting, object);
                    if lifecycle.conditions
                        && let Some(action) = chosen
                    {
                        let type_ = format!("{}{}", later.name(), action.suffix());
                        conditions.set(&type_, skipped_by(ready), &why);
                    }
                }
                return;
            }
        }
    }
}

async fn run_one<K: Cached, C: Send + Sync + 'static>(
    lifecycle: &Lifecycle<K, C>,
    subroutine: &dyn AnySubroutine<K, C>,
    action: SubAction,
    object: &mut K,
    cx: &Cx<C>,
) -> Result<Outcome, SubError> {
    let started = Instant::now();
    let outcome = subroutine.run(action, object, cx).await;
    let (label, requeue) = match &outcome {
        Ok(outcome) => (outcome.label(), outcome.requeue()),
        Err(_) => ("error", None),
    };
    let run = SubroutineRun {
        controller: lifecycle.name,
        subroutine: subroutine.name(),
        action: action.name(),
        outcome: label,
    };
    cx.fleet().metrics().subroutine(&run, started.elapsed(), requeue);
    let (cluster, key) = (cx.cluster().key(), cx.object());
    tracing::debug!(controller = lifecycle.name, subroutine = subroutine.name(), action = action.name(), outcome = label, %cluster, object = %key, "subroutine ran");
    outcome
}

/// What a pass does with a subroutine; none: nothing.
fn choose<K: Cached, C: Send + Sync + 'static>(
    lifecycle: &Lifecycle<K, C>,
    subroutine: &dyn AnySubroutine<K, C>,
    original: &Value,
    deleting: bool,
    object: &K,
) -> Option<SubAction> {
    let roles = subroutine.roles();
    let marked = |marker: &Option<Arc<str>>, field| {
        marker.as_ref().is_some_and(|name| has_marker(original, field, name))
    };
    if deleting {
        if roles.has(Roles::TERMINATE) && marked(&lifecycle.terminator, "terminators") {
            return Some(SubAction::Terminate);
        }
        let held = object.meta().finalizers.as_deref().unwrap_or_default();
        let holds = subroutine.finalizers(object).iter().any(|name| held.iter().any(|held| held == name));
        return (roles.has(Roles::FINALIZE) && holds).then_some(SubAction::Finalize);
    }
    if roles.has(Roles::INITIALIZE) && marked(&lifecycle.initializer, "initializers") {
        return Some(SubAction::Initialize);
    }
    roles.has(Roles::PROCESS).then_some(SubAction::Process)
}

fn missing_finalizers<K: Cached, C: Send + Sync + 'static>(
    lifecycle: &Lifecycle<K, C>,
    object: &K,
) -> Vec<&'static str> {
    let held = object.meta().finalizers.as_deref().unwrap_or_default();
    let mut missing = Vec::new();
    for subroutine in
        lifecycle.subroutines.iter().filter(|subroutine| subroutine.roles().has(Roles::FINALIZE))
    {
        for name in subroutine.finalizers(object) {
            if !held.iter().any(|held| held == name) && !missing.contains(&name) {
                missing.push(name);
            }
        }
    }
    missing
}

/// Adds all finalizers at once, before any work; the event of the write brings the next pass.
async fn add_finalizers<K: Cached>(
    target: &Target,
    object: &K,
    missing: Vec<&'static str>,
) -> Result<Action, LifecycleError> {
    let mut all = object.meta().finalizers.clone().unwrap_or_default();
    all.extend(missing.into_iter().map(str::to_owned));
    let body = json!({ "metadata": { "finalizers": all } });
    let version = object.meta().resource_version.as_deref();
    match target.patch(body, version, false).await.map_err(LifecycleError::Finalizers)? {
        Written::Conflict => Ok(Action::requeue(CONFLICT)),
        Written::Nothing | Written::Object(_) | Written::NotFound => Ok(Action::await_change()),
    }
}

fn release(result: &mut Value, released: &[&str]) {
    if let Some(list) = result.pointer_mut("/metadata/finalizers").and_then(Value::as_array_mut) {
        list.retain(|held| !released.iter().any(|name| held == name));
    }
}

/// Markers may be one string or a list of strings.
fn has_marker(object: &Value, field: &str, marker: &str) -> bool {
    match &object["status"][field] {
        Value::String(only) => only == marker,
        Value::Array(list) => list.iter().any(|one| one == marker),
        _ => false,
    }
}

/// Removes a marker; a field that becomes empty goes.
fn remove_marker(object: &mut Value, field: &str, marker: &str) {
    let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) else { return };
    let empty = match status.get_mut(field) {
        Some(Value::String(only)) => only == marker,
        Some(Value::Array(list)) => {
            list.retain(|one| one != marker);
            list.is_empty()
        }
        _ => false,
    };
    if empty {
        status.remove(field);
    }
}

/// Writes metadata (and spec), then status; says whether somebody else wrote meanwhile.
async fn write<K: Cached, C: Send + Sync + 'static>(
    lifecycle: &Lifecycle<K, C>,
    target: &Target,
    original: &Value,
    result: &Value,
    deleting: bool,
) -> Result<bool, kube::Error> {
    let mut version = original["metadata"]["resourceVersion"].as_str().map(str::to_owned);
    let status = diff(&original["status"], &result["status"]);
    let finalizers = result["metadata"]["finalizers"].as_array().map_or(0, Vec::len);
    // Once the last finalizer goes the object goes with it, and a status has nowhere to be.
    let vanishes = deleting
        && finalizers == 0
        && original["metadata"]["finalizers"].as_array().is_some_and(|held| !held.is_empty());

    let mut main = Map::new();
    if let Some(patch) = diff(&original["metadata"], &result["metadata"]) {
        main.insert("metadata".to_owned(), patch);
    }
    if lifecycle.spec_patch
        && let Some(patch) = diff(&original["spec"], &result["spec"])
    {
        main.insert("spec".to_owned(), patch);
    }
    match target.patch(Value::Object(main), version.as_deref(), false).await? {
        Written::Nothing => {}
        Written::Object(object) => {
            version = object["metadata"]["resourceVersion"].as_str().map(str::to_owned)
        }
        Written::Conflict => return Ok(true),
        Written::NotFound => return Ok(false),
    }
    let Some(status) = status.filter(|_| !vanishes) else { return Ok(false) };
    match target.patch(json!({ "status": status }), version.as_deref(), true).await? {
        Written::Conflict => Ok(true),
        Written::Nothing | Written::Object(_) | Written::NotFound => Ok(false),
    }
}
