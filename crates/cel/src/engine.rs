//! The door: compile once, evaluate often, with a budget.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use kube_cel::cel::parser::Parser;
use serde_json::Value;
use thiserror::Error;

use crate::{
    check,
    eval::{Evaluation, Fault},
    guard::{self, GuardError},
    ir::Ir,
    lower,
    meter::{Budget, CALL_COST_MAX, Meter},
    shape::Shape,
    stack::{self, StackError},
    value::Val,
};

/// Levels of a compiled expression above which it is evaluated on a large stack.
const INLINE_DEPTH_MAX: usize = 48;
/// Compiled expressions that are remembered; the map is emptied when full.
const REMEMBERED_MAX: usize = 8192;

/// The variables an expression may use, in order.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: Vec<Variable>,
}

#[derive(Debug, Clone)]
struct Variable {
    name: String,
    shape: Arc<Shape>,
    optional: bool,
}

impl Environment {
    /// An environment without variables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a variable that holds a value of `shape`.
    #[must_use]
    pub fn with(mut self, name: &str, shape: Arc<Shape>) -> Self {
        self.variables.push(Variable { name: name.to_owned(), shape, optional: false });
        self
    }

    /// Adds a variable that holds an optional of `shape`.
    #[must_use]
    pub fn with_optional(mut self, name: &str, shape: Arc<Shape>) -> Self {
        self.variables.push(Variable { name: name.to_owned(), shape, optional: true });
        self
    }
}

/// Why an expression cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CompileError {
    /// Refused before parsing.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// Not processed.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// Not an expression.
    #[error("compilation failed: {0}")]
    Syntax(String),
    /// A name, field or type that does not exist or does not fit.
    #[error("compilation failed: ERROR: <input>: {0}")]
    Type(String),
}

/// Why an evaluation gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EvaluationError {
    /// The expression failed on these values.
    #[error("{0}")]
    Failed(String),
    /// One evaluation cost more than [`CALL_COST_MAX`].
    #[error("call cost exceeds limit")]
    CallCost,
    /// The budget of the object was used up.
    #[error("validation failed due to running out of cost budget, no further validation rules will be run")]
    Budget,
    /// The result has another type than the caller can use.
    #[error("expected {expected}, got {got}")]
    WrongType {
        /// The type the caller needs.
        expected: &'static str,
        /// The type of the result.
        got: &'static str,
    },
    /// Not processed.
    #[error(transparent)]
    Stack(#[from] StackError),
}

/// What a variable holds in one evaluation.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// A JSON value, seen as the shape that the environment declares.
    Json(&'a Value),
    /// An optional JSON value, for variables declared optional.
    Optional(Option<&'a Value>),
}

/// The result of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A truth value.
    Bool(bool),
    /// A string.
    Text(String),
    /// A whole number.
    Int(i64),
    /// Anything else, by the name of its type.
    Other(&'static str),
}

/// An engine that compiles expressions; another one can take its place behind this trait.
pub trait CelEngine: Send + Sync {
    /// Compiles `text` for `environment`. A pure function of both.
    ///
    /// # Errors
    /// [`CompileError`] when the text is refused, is no expression, or names what does not exist.
    fn compile(&self, text: &str, environment: &Environment) -> Result<Arc<dyn CelProgram>, CompileError>;
}

/// A compiled expression.
pub trait CelProgram: Send + Sync + std::fmt::Debug {
    /// Whether the expression reads variable `name`.
    fn uses(&self, name: &str) -> bool;

    /// The type of the result, where it is known without evaluating.
    fn result_type(&self) -> Option<&'static str>;

    /// Evaluates with one input for each variable of the environment, in order.
    ///
    /// # Errors
    /// [`EvaluationError`] when the expression fails or costs too much.
    fn evaluate(&self, inputs: &[Input<'_>], budget: &mut Budget) -> Result<Outcome, EvaluationError>;

    /// Evaluates like [`CelProgram::evaluate`] and gives the result as JSON: timestamps and durations as text, bytes as base64.
    ///
    /// # Errors
    /// Those of [`CelProgram::evaluate`], and [`EvaluationError::WrongType`] for a result that JSON cannot hold.
    fn value(&self, inputs: &[Input<'_>], budget: &mut Budget) -> Result<Value, EvaluationError>;
}

impl dyn CelProgram {
    /// Evaluates an expression that must give a truth value.
    ///
    /// # Errors
    /// Those of [`CelProgram::evaluate`], and [`EvaluationError::WrongType`].
    pub fn holds(&self, inputs: &[Input<'_>], budget: &mut Budget) -> Result<bool, EvaluationError> {
        match self.evaluate(inputs, budget)? {
            Outcome::Bool(value) => Ok(value),
            other => Err(EvaluationError::WrongType { expected: "bool", got: other.type_name() }),
        }
    }
}

impl Outcome {
    /// The name of the result's type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Bool(_) => "bool",
            Self::Text(_) => "string",
            Self::Int(_) => "int",
            Self::Other(name) => name,
        }
    }
}

/// The engine for Kubernetes rules: the parser and function libraries of kube-cel, an own metered evaluation.
#[derive(Debug, Clone, Copy, Default)]
pub struct KubernetesCel;

type Parsed = Result<Arc<Ir>, CompileError>;

/// Names of variables, and the text.
type Source = (Vec<String>, String);

/// Expressions by variables and text. Refusals of the text itself are remembered too; those of a busy pool are not.
static REMEMBERED: LazyLock<Mutex<HashMap<Source, Parsed>>> = LazyLock::new(Mutex::default);

impl CelEngine for KubernetesCel {
    fn compile(&self, text: &str, environment: &Environment) -> Result<Arc<dyn CelProgram>, CompileError> {
        guard::check(text)?;
        let names: Vec<String> = environment.variables.iter().map(|variable| variable.name.clone()).collect();
        let ir = parse_remembered(text, names)?;
        let variables: Vec<(Arc<Shape>, bool)> = environment
            .variables
            .iter()
            .map(|variable| (variable.shape.clone(), variable.optional))
            .collect();
        let depth = ir.depth();
        let result_type = if depth > INLINE_DEPTH_MAX {
            stack::on_own_stack(|| check::check(&ir, &variables))?
        } else {
            check::check(&ir, &variables)
        }
        .map_err(CompileError::Type)?;
        Ok(Arc::new(Program { ir, environment: environment.clone(), depth, result_type }))
    }
}

fn parse_remembered(text: &str, names: Vec<String>) -> Parsed {
    let key = (names, text.to_owned());
    if let Ok(known) = REMEMBERED.lock()
        && let Some(parsed) = known.get(&key)
    {
        return parsed.clone();
    }
    let (names, source) = key.clone();
    let parsed =
        stack::on_large_stack(move || parse(&source, &names)).unwrap_or_else(|error| Err(error.into()));
    if !matches!(parsed, Err(CompileError::Stack(StackError::Busy)))
        && let Ok(mut known) = REMEMBERED.lock()
    {
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(key, parsed.clone());
    }
    parsed
}

fn parse(text: &str, names: &[String]) -> Parsed {
    let expression = Parser::default()
        .enable_optional_syntax(true)
        .parse(text)
        .map_err(|errors| CompileError::Syntax(one_line(&errors.to_string())))?;
    lower::lower(expression, names).map(Arc::new).map_err(CompileError::Type)
}

/// Bytes of a syntax error that are passed on.
const SYNTAX_TEXT_MAX: usize = 500;

fn one_line(report: &str) -> String {
    let mut text =
        report.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    if text.len() > SYNTAX_TEXT_MAX {
        let mut end = SYNTAX_TEXT_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

#[derive(Debug)]
struct Program {
    ir: Arc<Ir>,
    environment: Environment,
    depth: usize,
    result_type: Option<&'static str>,
}

impl CelProgram for Program {
    fn uses(&self, name: &str) -> bool {
        let slot = self.environment.variables.iter().position(|variable| variable.name == name);
        slot.is_some_and(|slot| uses_slot(&self.ir, slot))
    }

    fn result_type(&self) -> Option<&'static str> {
        self.result_type
    }

    fn evaluate(&self, inputs: &[Input<'_>], budget: &mut Budget) -> Result<Outcome, EvaluationError> {
        self.on_stack(inputs, budget, outcome)
    }

    fn value(&self, inputs: &[Input<'_>], budget: &mut Budget) -> Result<Value, EvaluationError> {
        let expected = "a value of JSON";
        self.on_stack(inputs, budget, |value| value.to_json().ok_or(value.type_name()))?
            .map_err(|got| EvaluationError::WrongType { expected, got })
    }
}

fn uses_slot(ir: &Ir, slot: usize) -> bool {
    if matches!(ir, Ir::Slot(used) if *used == slot) {
        return true;
    }
    let mut found = false;
    ir.each(&mut |child| found = found || uses_slot(child, slot));
    found
}

fn outcome(value: &Val<'_>) -> Outcome {
    match value {
        Val::Bool(value) => Outcome::Bool(*value),
        Val::Int(value) => Outcome::Int(*value),
        Val::Text(text) => Outcome::Text(text.as_str().to_owned()),
        other => Outcome::Other(other.type_name()),
    }
}

impl Program {
    fn on_stack<R: Send>(
        &self,
        inputs: &[Input<'_>],
        budget: &mut Budget,
        read: impl FnOnce(&Val<'_>) -> R + Send,
    ) -> Result<R, EvaluationError> {
        if self.depth > INLINE_DEPTH_MAX {
            stack::on_own_stack(|| self.run(inputs, budget, read))?
        } else {
            self.run(inputs, budget, read)
        }
    }

    fn run<R>(
        &self,
        inputs: &[Input<'_>],
        budget: &mut Budget,
        read: impl FnOnce(&Val<'_>) -> R,
    ) -> Result<R, EvaluationError> {
        if budget.left() == 0 {
            return Err(EvaluationError::Budget);
        }
        let slots = self
            .environment
            .variables
            .iter()
            .zip(inputs)
            .map(|(variable, input)| match input {
                Input::Json(value) => Val::view(value, &variable.shape),
                Input::Optional(value) => {
                    Val::Optional(value.map(|value| Arc::new(Val::view(value, &variable.shape))))
                }
            })
            .collect();
        let limit = budget.left().min(CALL_COST_MAX);
        let mut meter = Meter::new(limit);
        let result = Evaluation { slots, meter: &mut meter }.eval(&self.ir).map(|value| read(&value));
        budget.spend(meter.spent());
        result.map_err(|fault| match fault {
            Fault::Error(text) => EvaluationError::Failed(text),
            Fault::OverBudget if limit < CALL_COST_MAX => EvaluationError::Budget,
            Fault::OverBudget => EvaluationError::CallCost,
        })
    }
}
