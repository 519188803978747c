//! Evaluates expressions that users wrote, without trusting them: a guard before the parser, large stacks under it, a meter on
//! every step. Never decides what an expression is for.
//!
//! Kubernetes rules go through [`KubernetesCel`]: the parser and the function libraries come from kube-cel; the evaluation is
//! ours, for it has to be interruptible and must not copy objects.
//!
//! ```
//! use mesh_cel::{Budget, CelEngine, Environment, Input, KubernetesCel, Shape};
//! use serde_json::json;
//!
//! let environment = Environment::new().with("self", Shape::dynamic());
//! let rule = KubernetesCel.compile("self.replicas <= self.max", &environment)?;
//! let object = json!({"replicas": 3, "max": 5});
//! assert_eq!(rule.holds(&[Input::Json(&object)], &mut Budget::default()), Ok(true));
//!
//! let nested = "[".repeat(10_000);
//! assert!(KubernetesCel.compile(&nested, &environment).is_err());
//! # Ok::<(), mesh_cel::CompileError>(())
//! ```
//!
//! OpenFGA's conditions are [`Condition`]s: typed parameters, a type checker, OpenFGA's costs. Parser, checker and evaluation
//! are ours, behind the same guard.
//!
//! ```
//! use mesh_cel::{CONDITION_COST_MAX, Condition, ParameterType};
//! use serde_json::json;
//!
//! let parameters = [("client".to_owned(), ParameterType::IpAddress)];
//! let condition = Condition::compile("client.in_cidr('10.0.0.0/8')", parameters)?;
//! let context = json!({"client": "10.1.2.3"});
//! let answer = condition.evaluate(context.as_object(), None, CONDITION_COST_MAX)?;
//! assert!(answer.holds);
//!
//! let error = Condition::compile("client > 3", condition.parameters().to_vec()).unwrap_err();
//! assert_eq!(error.to_string(), "operator `>` does not take ipaddress and int (line 1, column 8 of the expression)");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod condition; // the typed engine for OpenFGA's conditions: compile and evaluate
mod engine; // the engine for Kubernetes rules: compile and evaluate. Start here.

mod check; // types, before any evaluation
mod eval; // the walk
mod functions; // native functions
mod guard; // what may reach the parser
mod ir; // the compiled form
mod library; // functions of kube-cel
mod lower; // from the parser's tree to it
mod meter; // what evaluations may cost
mod pattern; // regular expressions of Go
mod shape; // what a schema declares of a value
mod stack; // threads with large stacks
mod value; // values, viewed or owned

pub use condition::{
    CONDITION_COST_MAX, Condition, ConditionAnswer, ConditionError, ConditionFault, ContextError,
    ParameterType,
};
pub use engine::{
    CelEngine, CelProgram, CompileError, Environment, EvaluationError, Input, KubernetesCel, Outcome,
};
pub use guard::{BRACKET_DEPTH_MAX, CHAIN_LENGTH_MAX, GuardError, LENGTH_MAX};
pub use meter::{Budget, CALL_COST_MAX, OBJECT_COST_MAX};
pub use pattern::{PATTERN_LENGTH_MAX, Pattern, PatternError};
pub use shape::{Shape, unescape};
pub use stack::{STACK_SIZE, StackError, use_inline_stacks};

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
