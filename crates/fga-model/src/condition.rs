//! From a condition as it is declared to one that can be evaluated: parameter types decoded, the expression checked.

use mesh_cel::{Condition as Program, ConditionError, ParameterType as CelType};

use crate::{Condition, ParameterKind, ParameterType};

/// Why a declared condition cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionFault {
    /// A parameter's type is not one.
    #[error("parameter `{parameter}` of condition `{condition}` has no valid type: {why}")]
    Parameter {
        /// The condition.
        condition: String,
        /// The parameter.
        parameter: String,
        /// What is wrong with it.
        why: String,
    },
    /// The expression is not CEL, or does not fit the parameters.
    #[error("expression of condition `{condition}` is not valid: {fault}")]
    Expression {
        /// The condition.
        condition: String,
        /// What is wrong, and where.
        fault: ConditionError,
    },
}

impl ConditionFault {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            ConditionFault::Parameter { .. } => {
                "`list` and `map` take one element type, other types take none"
            }
            ConditionFault::Expression { fault, .. } => fault.help(),
        }
    }
}

impl ParameterType {
    /// The type as the engine knows it.
    ///
    /// # Errors
    /// What is wrong with the type: it is not said, or has too many or too few element types.
    pub fn for_evaluation(&self) -> Result<CelType, String> {
        let wanted = usize::from(self.kind.is_container());
        if self.generics.len() != wanted {
            let found = self.generics.len();
            return Err(format!("`{}` takes {wanted} element types, found {found}", self.kind.dsl()));
        }
        let element = || match self.generics.first() {
            Some(element) => element.for_evaluation().map(Box::new),
            None => Err("element type is missing".to_owned()),
        };
        Ok(match self.kind {
            ParameterKind::Unspecified => return Err("the type is not said".to_owned()),
            ParameterKind::Any => CelType::Any,
            ParameterKind::Bool => CelType::Bool,
            ParameterKind::String => CelType::String,
            ParameterKind::Int => CelType::Int,
            ParameterKind::Uint => CelType::Uint,
            ParameterKind::Double => CelType::Double,
            ParameterKind::Duration => CelType::Duration,
            ParameterKind::Timestamp => CelType::Timestamp,
            ParameterKind::IpAddress => CelType::IpAddress,
            ParameterKind::List => CelType::List(element()?),
            ParameterKind::Map => CelType::Map(element()?),
        })
    }
}

impl Condition {
    /// Compiles the condition, once for all its evaluations.
    ///
    /// # Errors
    /// [`ConditionFault`] where a parameter's type or the expression is not valid.
    pub fn compile(&self) -> Result<Program, ConditionFault> {
        let mut parameters = Vec::with_capacity(self.parameters.len());
        for (name, declared) in &self.parameters {
            let of = declared.for_evaluation().map_err(|why| ConditionFault::Parameter {
                condition: self.name.clone(),
                parameter: name.clone(),
                why,
            })?;
            parameters.push((name.clone(), of));
        }
        Program::compile(&self.expression, parameters)
            .map_err(|fault| ConditionFault::Expression { condition: self.name.clone(), fault })
    }
}
