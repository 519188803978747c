//! Questions: what a request resolves to, and Check and BatchCheck themselves.

use std::collections::HashSet;

use fga_model::{ErrorCode, ModelId, StoreId, TupleKey};

use crate::{
    Engine, EngineError,
    admission::Admission,
    answer::{BatchAnswer, BatchFault, CheckAnswer, Grounds},
    check::{Checker, Depth, Fault, Outcome, Probe, reason},
    deadline::Deadline,
    model::CompiledModel,
    question::{BatchCheckRequest, CheckRequest, Explain},
    state::State,
    tuples::{contextual::Contextual, view::View},
};

impl Engine {
    /// Answers one question.
    pub fn check(&self, store: &StoreId, request: &CheckRequest) -> Result<CheckAnswer, EngineError> {
        let cell = self.cell(store)?;
        let state = cell.state.read();
        let model = state.compiled(store.as_str(), request.model.as_ref())?;
        self.check_in(&state, &model, request)
    }

    /// Answers many questions from one state; a failed one does not fail the others.
    pub fn batch_check(
        &self,
        store: &StoreId,
        request: &BatchCheckRequest,
    ) -> Result<Vec<BatchAnswer>, EngineError> {
        let cell = self.cell(store)?;
        let limit = self.limits.batch_max;
        if request.checks.is_empty() || request.checks.len() > limit {
            let count = request.checks.len();
            return Err(EngineError::invalid(format!(
                "a batch has 1 to {limit} checks, this one has {count}"
            )));
        }
        let mut names = HashSet::new();
        for item in &request.checks {
            let name = item.correlation.as_str();
            let fine = (1..=36).contains(&name.len())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            if !fine || !names.insert(name) {
                return Err(EngineError::invalid(format!(
                    "correlation id `{name}` is not valid or not unique"
                )));
            }
        }
        let state = cell.state.read();
        let model = state.compiled(store.as_str(), request.model.as_ref())?;
        let answer = |check: &CheckRequest| self.check_in(&state, &model, check).map_err(batch_fault);
        let items = request.checks.iter();
        Ok(items
            .map(|item| BatchAnswer { correlation: item.correlation.clone(), answer: answer(&item.check) })
            .collect())
    }

    fn check_in(
        &self,
        state: &State,
        model: &CompiledModel,
        request: &CheckRequest,
    ) -> Result<CheckAnswer, EngineError> {
        let admission = self.admission(state, model);
        let invalid = |error: EngineError| EngineError::invalid(error.to_string());
        let mut contextual = Contextual::new(&state.names);
        let (target, object) =
            admission.place(&mut contextual, &request.object, &request.relation).map_err(invalid)?;
        let key = target.key;
        let subject = admission.subject(&mut contextual, &request.user)?;
        self.contextual(&admission, &mut contextual, &request.contextual)?;
        let deadline = self.deadline();
        let view = View::new(model, &state.names, &state.tuples, contextual, &request.context, &deadline);
        let Some(probe) = Probe::new(&view, subject) else {
            return Ok(CheckAnswer::Denied(Grounds::default()));
        };
        let depth = self.depth(true);
        let explain = request.explain == Explain::Grounds;
        // Where only unions are reached the grounds cost nothing more; elsewhere a second, bounded walk finds them.
        let at_once = explain && model.relation(key).monotone;
        let mut checker = Checker::new(&view, probe, depth);
        if at_once {
            checker = checker.explained();
        }
        let outcome = checker.check(object, key);
        let grounds = match explain && !at_once {
            true => reason(&view, probe, depth, (object, key), outcome),
            false => checker.grounds(outcome),
        };
        match outcome {
            Outcome::Allowed => Ok(CheckAnswer::Allowed(grounds)),
            Outcome::Denied { .. } => Ok(CheckAnswer::Denied(grounds)),
            Outcome::Failed(fault) => Err(self.fault(fault, &view)),
        }
    }

    pub(crate) fn admission<'a>(&self, state: &'a State, model: &'a CompiledModel) -> Admission<'a> {
        Admission {
            model,
            names: &state.names,
            condition_context_bytes_max: self.limits.condition_context_bytes_max,
        }
    }

    /// Adds the request's own tuples, if all of them are valid.
    pub(crate) fn contextual<'a>(
        &self,
        admission: &Admission<'_>,
        contextual: &mut Contextual<'a>,
        tuples: &'a [TupleKey],
    ) -> Result<(), EngineError> {
        let limit = self.limits.contextual_max;
        if tuples.len() > limit {
            return Err(EngineError::invalid(format!("a question has at most {limit} contextual tuples")));
        }
        tuples.iter().try_for_each(|tuple| {
            admission
                .add(contextual, tuple)
                .map_err(|why| EngineError::InvalidContextual { tuple: tuple.to_string(), why })
        })
    }

    pub(crate) fn depth(&self, last_hop_is_free: bool) -> Depth {
        Depth { max: self.limits.depth_max, last_hop_is_free, steps_max: self.limits.steps_max }
    }

    pub(crate) fn deadline(&self) -> Deadline<'_> {
        Deadline::new(&self.clock, self.limits.time_max)
    }

    pub(crate) fn fault(&self, fault: Fault, view: &View<'_>) -> EngineError {
        match fault {
            Fault::TooDeep => EngineError::TooComplex { depth: self.limits.depth_max },
            Fault::Condition => view.failure.take().map_or_else(
                || EngineError::invalid("a condition could not be evaluated"),
                EngineError::Condition,
            ),
            Fault::Budget => EngineError::Budget { steps: self.limits.steps_max },
            Fault::Deadline => EngineError::Late { time: self.limits.time_max },
        }
    }

    /// The id of the model that a question without one is answered with.
    pub fn latest_model_id(&self, store: &StoreId) -> Result<ModelId, EngineError> {
        self.cell(store)?.state.read().latest(store.as_str()).cloned()
    }
}

/// Codes of a batch's items are fewer than those of a check.
fn batch_fault(error: EngineError) -> BatchFault {
    let code = match error.code() {
        ErrorCode::InvalidTuple => ErrorCode::InvalidTuple,
        ErrorCode::ResolutionTooComplex => ErrorCode::ResolutionTooComplex,
        ErrorCode::DeadlineExceeded => ErrorCode::DeadlineExceeded,
        ErrorCode::Unimplemented => ErrorCode::Unimplemented,
        code if code.http_status() == 500 => ErrorCode::InternalError,
        _ => ErrorCode::ValidationError,
    };
    BatchFault { code, message: error.to_string() }
}
