//! The typed engine for OpenFGA's conditions: compile against declared parameters, evaluate over JSON contexts.
//!
//! It knows CEL's standard library and macros, and OpenFGA's addresses (`ipaddress("…")`, `.in_cidr("…")`). Types are
//! strict: an `int` is not compared with a `double` where both are known. Messages (`T{}`), optional values and extension
//! libraries do not exist.

mod address; // addresses and networks
mod call; // what functions compute
mod code; // the checked form
mod context; // JSON to typed values
mod infer; // the type checker
mod lex; // tokens
mod literal; // numbers and strings
mod overload; // which functions there are
mod parse; // the tree
mod run; // the evaluation
mod source; // places in the text
mod time; // durations and points in time
mod tree; // expressions as written
mod types; // types and what fits what
mod value; // values

use std::fmt;

use serde_json::{Map, Value as Json};
use thiserror::Error;

pub use context::{ContextError, ParameterType};

use self::{
    code::Code,
    run::{Evaluation, Fault},
    types::Type,
    value::Value,
};
use crate::guard::{self, GuardError};

/// What one evaluation may cost by default, in OpenFGA's units.
pub const CONDITION_COST_MAX: u64 = 100;
/// What one evaluation may cost at most, whatever the caller allows.
const COST_MAX: u64 = 1_000_000;

/// Why an expression cannot be a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionError {
    /// Line of the fault, from one.
    pub line: usize,
    /// Character of the line, from one.
    pub column: usize,
    /// What is wrong, in lower case.
    pub message: String,
    /// The line of the expression that has the fault.
    pub source: String,
}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {}, column {} of the expression)", self.message, self.line, self.column)
    }
}

impl std::error::Error for ConditionError {}

impl ConditionError {
    fn new(text: &str, at: source::At, message: String) -> Self {
        let (line, column, source) = source::locate(text, at);
        Self { line, column, message, source: source.to_owned() }
    }

    /// The line of the expression with a mark under the fault.
    #[must_use]
    pub fn snippet(&self) -> String {
        let shown: String = self.source.chars().take(self.column.max(120)).collect();
        format!("{shown}\n{:>width$}", "^", width = self.column)
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        "a condition is a CEL expression over its declared parameters that gives a truth value"
    }
}

/// Why an evaluation gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConditionFault {
    /// Parameters that neither the request's nor the tuple's context has.
    #[error("context has no value for {}", list(.parameters))]
    Missing {
        /// Their names.
        parameters: Vec<String>,
    },
    /// A value that does not fit its parameter.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The expression failed on these values.
    #[error("condition expression failed: {0}")]
    Failed(String),
    /// The evaluation cost more than it may.
    #[error("evaluation of the condition costs more than {limit}")]
    CostExceeded {
        /// What it may cost.
        limit: u64,
    },
}

impl ConditionFault {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Missing { .. } => {
                "send the missing values in the context of the request, or store them with the tuple"
            }
            Self::Context(error) => error.help(),
            Self::Failed(_) => "check the values of the context against what the expression expects",
            Self::CostExceeded { .. } => "make the expression simpler or its lists and texts shorter",
        }
    }
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A compiled condition.
#[derive(Debug)]
pub struct Condition {
    parameters: Vec<(String, ParameterType)>,
    code: Code,
}

/// The result of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConditionAnswer {
    /// Whether the condition holds.
    pub holds: bool,
    /// What the evaluation cost.
    pub cost: u64,
}

impl Condition {
    /// Compiles `expression`, which may use `parameters`. A pure function of both.
    ///
    /// # Errors
    /// [`ConditionError`] where the text is refused, is no expression, has no type, or gives no truth value.
    pub fn compile(
        expression: &str,
        parameters: impl IntoIterator<Item = (String, ParameterType)>,
    ) -> Result<Self, ConditionError> {
        let refuse = |at, message| ConditionError::new(expression, at, message);
        guard::check(expression).map_err(|fault: GuardError| refuse(0, fault.to_string()))?;
        let parameters: Vec<(String, ParameterType)> = parameters.into_iter().collect();
        let types: Vec<(String, Type)> =
            parameters.iter().map(|(name, of)| (name.clone(), cel_type(of))).collect();
        let tree = parse::parse(expression).map_err(|error| refuse(error.at, error.message))?;
        let (code, found) = infer::check(&tree, &types).map_err(|error| refuse(error.at, error.message))?;
        if found != Type::Bool {
            return Err(refuse(0, format!("expression gives `{found}`, a condition must give `bool`")));
        }
        Ok(Self { parameters, code })
    }

    /// The declared parameters.
    #[must_use]
    pub fn parameters(&self) -> &[(String, ParameterType)] {
        &self.parameters
    }

    /// Checks the context that is to be stored with a tuple: every key is a parameter and has a value of its type. Not all
    /// parameters need to be there.
    ///
    /// # Errors
    /// [`ContextError`] for the first key that does not fit.
    pub fn check_context(&self, context: &Map<String, Json>) -> Result<(), ContextError> {
        if !context.is_empty() && self.parameters.is_empty() {
            return Err(ContextError::NoParameters);
        }
        context.iter().try_for_each(|(key, json)| {
            match self.parameters.iter().find(|(name, _)| name == key) {
                Some((name, of)) => of.convert(name, json).map(|_| ()),
                None => Err(ContextError::Undeclared { key: key.clone() }),
            }
        })
    }

    /// Evaluates over the context of the request and that of the tuple; where both have a key, the tuple's value counts.
    /// Keys that are no parameters are passed over. Every parameter must have a value, used or not.
    ///
    /// # Errors
    /// [`ConditionFault`] where a value is missing or of the wrong type, or the expression fails or costs more than
    /// `cost_max`.
    pub fn evaluate(
        &self,
        request: Option<&Map<String, Json>>,
        tuple: Option<&Map<String, Json>>,
        cost_max: u64,
    ) -> Result<ConditionAnswer, ConditionFault> {
        let limit = cost_max.min(COST_MAX);
        let values = self.values(request, tuple)?;
        let mut evaluation = Evaluation::new(&values, limit);
        match evaluation.eval(&self.code) {
            Ok(Value::Bool(holds)) => Ok(ConditionAnswer { holds, cost: evaluation.cost() }),
            Ok(other) => {
                Err(ConditionFault::Failed(format!("expected `bool`, found `{}`", other.type_name())))
            }
            Err(Fault::Failed(text)) => Err(ConditionFault::Failed(text)),
            Err(Fault::OverCost) => Err(ConditionFault::CostExceeded { limit }),
        }
    }

    fn values(
        &self,
        request: Option<&Map<String, Json>>,
        tuple: Option<&Map<String, Json>>,
    ) -> Result<Vec<Value>, ConditionFault> {
        let given = |context: Option<&Map<String, Json>>| context.is_some_and(|context| !context.is_empty());
        if self.parameters.is_empty() && (given(request) || given(tuple)) {
            return Err(ContextError::NoParameters.into());
        }
        let mut values = Vec::with_capacity(self.parameters.len());
        let mut missing = Vec::new();
        for (name, of) in &self.parameters {
            let json = tuple.and_then(|tuple| tuple.get(name)).or_else(|| request?.get(name));
            match json {
                Some(json) => values.push(of.convert(name, json)?),
                None => missing.push(name.clone()),
            }
        }
        if missing.is_empty() { Ok(values) } else { Err(ConditionFault::Missing { parameters: missing }) }
    }
}

fn cel_type(of: &ParameterType) -> Type {
    match of {
        ParameterType::Any => Type::Dyn,
        ParameterType::Bool => Type::Bool,
        ParameterType::String => Type::Text,
        ParameterType::Int => Type::Int,
        ParameterType::Uint => Type::Uint,
        ParameterType::Double => Type::Double,
        ParameterType::Duration => Type::Duration,
        ParameterType::Timestamp => Type::Timestamp,
        ParameterType::IpAddress => Type::Address,
        ParameterType::List(of) => Type::list(cel_type(of)),
        ParameterType::Map(of) => Type::map(Type::Text, cel_type(of)),
    }
}
