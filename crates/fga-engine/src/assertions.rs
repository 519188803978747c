//! Assertions: questions with expected answers, kept beside a model for whoever tests it.

use fga_model::{ModelId, StoreId};

use crate::{Engine, EngineError, answer::Assertion, log::LogEntry, tuples::contextual::Contextual};

/// Most assertions of one model.
const ASSERTIONS_MAX: usize = 100;
/// Most contextual tuples of one assertion.
const CONTEXTUAL_MAX: usize = 20;
/// Most bytes of all assertions of one model.
const BYTES_MAX: usize = 64_000;

impl Engine {
    /// Replaces the assertions of a model.
    ///
    /// # Errors
    /// No such store or model; more than a model may have; a question that the model cannot be asked.
    pub fn write_assertions(
        &self,
        store: &StoreId,
        model: &ModelId,
        assertions: &[Assertion],
    ) -> Result<(), EngineError> {
        let cell = self.cell(store)?;
        cell.commits.alone(|_| {
            let id = {
                let state = cell.state.read();
                let (id, compiled) = state.model(store.as_str(), Some(model))?;
                if assertions.len() > ASSERTIONS_MAX {
                    return Err(EngineError::TooManyAssertions { limit: ASSERTIONS_MAX });
                }
                let admission = self.admission(&state, &compiled);
                for assertion in assertions {
                    let key = &assertion.key;
                    admission
                        .target(&key.object, &key.relation)
                        .map_err(|error| EngineError::invalid(error.to_string()))?;
                    admission.user(&key.user)?;
                    if assertion.contextual.len() > CONTEXTUAL_MAX {
                        return Err(EngineError::invalid(format!(
                            "an assertion has at most {CONTEXTUAL_MAX} contextual tuples"
                        )));
                    }
                    let mut contextual = Contextual::new(&state.names);
                    self.contextual(&admission, &mut contextual, &assertion.contextual)?;
                }
                let bytes: usize = assertions.iter().map(size).sum();
                if bytes > BYTES_MAX {
                    return Err(EngineError::TooLarge { what: "assertions", bytes, limit: BYTES_MAX });
                }
                id
            };
            self.append(&LogEntry::Assertions {
                store: store.clone(),
                model: model.clone(),
                assertions: assertions.to_vec(),
            })?;
            cell.state.write().set_assertions(id, assertions.to_vec());
            Ok(())
        })
    }

    /// The assertions of a model; none if it never got any.
    ///
    /// # Errors
    /// No such store or model.
    pub fn read_assertions(&self, store: &StoreId, model: &ModelId) -> Result<Vec<Assertion>, EngineError> {
        let cell = self.cell(store)?;
        let state = cell.state.read();
        let (id, _) = state.model(store.as_str(), Some(model))?;
        Ok(state.assertions(id))
    }
}

/// About the bytes of an assertion on the wire.
fn size(assertion: &Assertion) -> usize {
    let key = |key: &fga_model::TupleKey| {
        let condition = key.condition.as_ref().map_or(0, |c| c.name.len() + context(&c.context));
        key.object.len() + key.relation.len() + key.user.len() + condition + 8
    };
    key(&assertion.key)
        + assertion.contextual.iter().map(key).sum::<usize>()
        + context(&assertion.context)
        + 4
}

fn context(context: &crate::Context) -> usize {
    context.iter().map(|(name, value)| name.len() + value.to_string().len()).sum()
}
