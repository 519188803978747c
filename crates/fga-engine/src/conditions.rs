//! Rules that tuples hold under: a model's conditions, compiled, and asked with the values of request and tuple.

use std::collections::HashMap;

use fga_model::{AuthorizationModel, ParameterKind, ParameterType, TupleCondition};
use mesh_cel::{CONDITION_COST_MAX, Condition};

use crate::question::Context;

/// A condition that could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to evaluate relationship condition `{condition}`: {why}")]
pub struct ConditionFault {
    /// The condition.
    pub condition: String,
    /// Why.
    pub why: String,
}

/// The conditions of a model, compiled.
#[derive(Default)]
pub(crate) struct Conditions {
    compiled: HashMap<String, Condition>,
}

impl Conditions {
    /// Compiles every condition of a model.
    pub fn compile(source: &AuthorizationModel) -> Result<Self, String> {
        let mut compiled = HashMap::with_capacity(source.conditions.len());
        for (name, condition) in &source.conditions {
            let refused =
                |why: String| format!("failed to compile the expression of condition `{name}`: {why}");
            let mut parameters = Vec::with_capacity(condition.parameters.len());
            for (parameter, kind) in &condition.parameters {
                let unknown = || refused(format!("parameter `{parameter}` has no valid type"));
                parameters.push((parameter.clone(), type_of(kind).ok_or_else(unknown)?));
            }
            let rule = Condition::compile(&condition.expression, parameters)
                .map_err(|error| refused(error.to_string()))?;
            compiled.insert(name.clone(), rule);
        }
        Ok(Self { compiled })
    }

    /// Whether a tuple's condition holds for the request; where both have a value, the tuple's counts.
    pub fn holds(&self, condition: &TupleCondition, request: &Context) -> Result<bool, ConditionFault> {
        let fault = |why: String| ConditionFault { condition: condition.name.clone(), why };
        let rule = self.compiled.get(&condition.name);
        let rule = rule.ok_or_else(|| fault("the model does not define it".to_owned()))?;
        rule.evaluate(Some(request), Some(&condition.context), CONDITION_COST_MAX)
            .map(|answer| answer.holds)
            .map_err(|error| fault(error.to_string()))
    }

    /// Whether values may be stored with a tuple under a condition: each is of a parameter, and of its type.
    pub fn admits(&self, condition: &TupleCondition) -> Result<(), String> {
        let rule = self.compiled.get(&condition.name);
        let rule =
            rule.ok_or_else(|| format!("condition `{}` is not defined in the model", condition.name))?;
        rule.check_context(&condition.context).map_err(|error| error.to_string())
    }
}

fn type_of(kind: &ParameterType) -> Option<mesh_cel::ParameterType> {
    use mesh_cel::ParameterType as Cel;
    let element = || kind.generics.first().and_then(type_of).map(Box::new);
    Some(match kind.kind {
        ParameterKind::Unspecified => return None,
        ParameterKind::Any => Cel::Any,
        ParameterKind::Bool => Cel::Bool,
        ParameterKind::String => Cel::String,
        ParameterKind::Int => Cel::Int,
        ParameterKind::Uint => Cel::Uint,
        ParameterKind::Double => Cel::Double,
        ParameterKind::Duration => Cel::Duration,
        ParameterKind::Timestamp => Cel::Timestamp,
        ParameterKind::IpAddress => Cel::IpAddress,
        ParameterKind::List => Cel::List(element()?),
        ParameterKind::Map => Cel::Map(element()?),
    })
}
