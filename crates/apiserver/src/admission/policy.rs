//! A ValidatingAdmissionPolicy, compiled: what it says of one write.

use std::{collections::BTreeMap, sync::Arc};

use mesh_cel::{Budget, CelProgram, Environment, Input, Outcome, Shape};
use serde_json::{Map, Value};

use super::expressions::{Conditions, Seen, compile, expression_fault, policy_environment};
use crate::error::Cause;

type Compiled = Result<Arc<dyn CelProgram>, String>;

/// A policy, ready to judge.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Whether it has a kind of parameters.
    pub has_params: bool,
    /// Whether what cannot be evaluated refuses the write (`failurePolicy: Fail`).
    pub fails_closed: bool,
    conditions: Conditions,
    variables: Vec<(String, Compiled)>,
    validations: Vec<Validation>,
}

#[derive(Clone, Debug)]
struct Validation {
    text: String,
    message: Option<String>,
    reason: Reason,
    program: Compiled,
    message_program: Option<Compiled>,
}

/// Reason and code of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(pub &'static str, pub u16);

impl Reason {
    const INVALID: Self = Self("Invalid", 422);

    fn read(text: Option<&str>) -> Self {
        match text {
            Some("Unauthorized") => Self("Unauthorized", 401),
            Some("Forbidden") => Self("Forbidden", 403),
            Some("RequestEntityTooLarge") => Self("RequestEntityTooLarge", 413),
            _ => Self::INVALID,
        }
    }
}

/// Why a policy refuses a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Reason and code.
    pub reason: Reason,
    /// What its author says, or the expression that failed.
    pub message: String,
}

/// Variables with the types of their expressions, as later expressions see them.
struct Variables {
    programs: Vec<(String, Compiled)>,
    shape: Arc<Shape>,
}

impl Variables {
    fn read(list: &Value, has_params: bool) -> Self {
        let mut fields = BTreeMap::new();
        let shape = |fields: &BTreeMap<String, Arc<Shape>>| {
            Arc::new(Shape::Object { fields: fields.clone(), open: false })
        };
        let mut programs = Vec::new();
        for variable in list.as_array().into_iter().flatten() {
            let name = variable["name"].as_str().unwrap_or_default().to_owned();
            let text = variable["expression"].as_str().unwrap_or_default();
            let program = compile(text, &policy_environment(shape(&fields), has_params), "dyn");
            let result = program.as_ref().ok().and_then(|program| program.result_type());
            fields.insert(name.clone(), shape_named(result));
            programs.push((name, program));
        }
        Self { programs, shape: shape(&fields) }
    }
}

fn shape_named(name: Option<&str>) -> Arc<Shape> {
    match name {
        Some("bool") => Arc::new(Shape::Bool),
        Some("int") => Arc::new(Shape::Int),
        Some("double") => Arc::new(Shape::Double),
        Some("string") => Arc::new(Shape::String),
        Some("timestamp") => Arc::new(Shape::Timestamp),
        Some("duration") => Arc::new(Shape::Duration),
        _ => Shape::dynamic(),
    }
}

impl Policy {
    /// Reads a stored policy. Expressions that cannot be used fail when they are met.
    pub fn read(object: &Value) -> Self {
        let spec = &object["spec"];
        let has_params = spec["paramKind"].is_object();
        let variables = Variables::read(&spec["variables"], has_params);
        let environment = policy_environment(variables.shape, has_params);
        let text = |value: &Value, field: &str| {
            value[field].as_str().map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned)
        };
        let validation = |value: &Value| {
            let expression = text(value, "expression").unwrap_or_default();
            Validation {
                message: text(value, "message"),
                reason: Reason::read(value["reason"].as_str()),
                program: compile(&expression, &environment, "bool"),
                message_program: text(value, "messageExpression")
                    .map(|expression| compile(&expression, &environment, "string")),
                text: expression,
            }
        };
        Self {
            name: object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            has_params,
            fails_closed: spec["failurePolicy"].as_str() != Some("Ignore"),
            conditions: Conditions::read(&spec["matchConditions"], &environment),
            variables: variables.programs,
            validations: spec["validations"].as_array().into_iter().flatten().map(validation).collect(),
        }
    }

    /// What the policy has against a write; nothing where it agrees or does not care.
    pub fn judge(&self, seen: &Seen, namespace: &Value, params: &Value, budget: &mut Budget) -> Vec<Refusal> {
        let variables = self.variables(seen, namespace, params, budget);
        let inputs = inputs(seen, namespace, &variables, params);
        match self.conditions.hold(&inputs, budget) {
            Ok(true) => {}
            Ok(false) => return Vec::new(),
            Err(message) => return self.failed(message).into_iter().collect(),
        }
        self.validations.iter().filter_map(|v| self.refusal(v, &inputs, budget)).collect()
    }

    /// The values of the variables. One that fails is missing, so that only what reads it fails.
    fn variables(&self, seen: &Seen, namespace: &Value, params: &Value, budget: &mut Budget) -> Value {
        let mut values = Value::Object(Map::new());
        for (name, program) in &self.variables {
            let Ok(program) = program else { continue };
            let value = program.value(&inputs(seen, namespace, &values, params), budget);
            match value {
                Ok(value) => values[name.as_str()] = value,
                Err(error) => tracing::debug!(policy = self.name, variable = name, %error, "variable failed"),
            }
        }
        values
    }

    fn refusal(&self, validation: &Validation, inputs: &[Input<'_>], budget: &mut Budget) -> Option<Refusal> {
        let outcome = match &validation.program {
            Ok(program) => program.holds(inputs, budget).map_err(|error| error.to_string()),
            Err(why) => Err(why.clone()),
        };
        match outcome {
            Ok(true) => None,
            Ok(false) => {
                Some(Refusal { reason: validation.reason, message: validation.message(inputs, budget) })
            }
            Err(why) => self.failed(format!("expression '{}' resulted in error: {why}", validation.text)),
        }
    }

    fn failed(&self, message: String) -> Option<Refusal> {
        if self.fails_closed {
            return Some(Refusal { reason: Reason::INVALID, message });
        }
        tracing::warn!(policy = self.name, error = message, "policy failed and is ignored");
        None
    }

    /// The faults of a policy as it is written.
    pub fn faults(object: &Value) -> Vec<Cause> {
        let spec = &object["spec"];
        let has_params = spec["paramKind"].is_object();
        let variables = Variables::read(&spec["variables"], has_params);
        let mut causes = variable_faults(&spec["variables"], &variables.programs);
        let environment = policy_environment(variables.shape, has_params);
        causes.extend(Conditions::faults(&spec["matchConditions"], "spec.matchConditions", &environment));
        causes.extend(validation_faults(&spec["validations"], &environment));
        causes
    }
}

impl Validation {
    fn message(&self, inputs: &[Input<'_>], budget: &mut Budget) -> String {
        if let Some(Ok(program)) = &self.message_program
            && let Ok(Outcome::Text(text)) = program.evaluate(inputs, budget)
            && !text.trim().is_empty()
            && !text.contains('\n')
        {
            return text.trim().to_owned();
        }
        self.message.clone().unwrap_or_else(|| format!("failed expression: {}", self.text))
    }
}

fn inputs<'a>(
    seen: &'a Seen,
    namespace: &'a Value,
    variables: &'a Value,
    params: &'a Value,
) -> [Input<'a>; 6] {
    let [object, old, request] = seen.inputs();
    [object, old, request, Input::Json(namespace), Input::Json(variables), Input::Json(params)]
}

fn variable_faults(list: &Value, programs: &[(String, Compiled)]) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (index, (variable, (name, program))) in
        list.as_array().into_iter().flatten().zip(programs).enumerate()
    {
        let path = format!("spec.variables[{index}]");
        let is_identifier = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if name.is_empty() {
            causes.push(Cause::required(format!("{path}.name"), "name is not specified"));
        } else if !is_identifier {
            let why = "name is not a valid CEL identifier";
            causes.push(Cause::invalid(format!("{path}.name"), &name.as_str().into(), why));
        }
        let text = &variable["expression"];
        match program {
            _ if text.as_str().is_none_or(|t| t.trim().is_empty()) => {
                causes.push(Cause::required(format!("{path}.expression"), "expression is not specified"));
            }
            Err(why) => causes.push(Cause::invalid(format!("{path}.expression"), text, why)),
            Ok(_) => {}
        }
    }
    causes
}

fn validation_faults(list: &Value, environment: &Environment) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (index, validation) in list.as_array().into_iter().flatten().enumerate() {
        let path = format!("spec.validations[{index}]");
        causes.extend(expression_fault(validation, "expression", &path, environment, "bool"));
        if validation["messageExpression"].as_str().is_some_and(|text| !text.is_empty()) {
            causes.extend(expression_fault(validation, "messageExpression", &path, environment, "string"));
        }
        if validation["message"].as_str().is_some_and(|text| text.trim().contains('\n')) {
            let why = "message must not contain line breaks";
            causes.push(Cause::invalid(format!("{path}.message"), &validation["message"], why));
        }
        let known = ["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"];
        if let Some(reason) = validation["reason"].as_str().filter(|r| !known.contains(r)) {
            causes.push(Cause::not_supported(format!("{path}.reason"), &reason.into(), &known));
        }
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn judge(spec: Value, object: Value, params: &Value) -> Vec<String> {
        let policy = Policy::read(&json!({"metadata": {"name": "p"}, "spec": spec}));
        let seen = Seen { object, old: Value::Null, request: json!({"operation": "CREATE"}) };
        let refusals = policy.judge(&seen, &Value::Null, params, &mut Budget::default());
        refusals.into_iter().map(|r| format!("{} {}", r.reason.1, r.message)).collect()
    }

    #[test]
    fn dev_16_a_policy_refuses_in_its_authors_words() {
        let spec = json!({"validations": [
            {"expression": "object.n < 3"},
            {"expression": "object.n < 4", "message": "too many", "reason": "Forbidden"},
            {"expression": "object.n < 5", "messageExpression": "'got ' + string(object.n)"},
        ]});
        assert_eq!(judge(spec.clone(), json!({"n": 2}), &Value::Null), Vec::<String>::new());
        assert_eq!(
            judge(spec, json!({"n": 7}), &Value::Null),
            ["422 failed expression: object.n < 3", "403 too many", "422 got 7"]
        );
    }

    #[test]
    fn dev_16_variables_build_on_each_other_and_fail_only_where_they_are_read() {
        let spec = json!({
            "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
            "variables": [
                {"name": "most", "expression": "int(params.data.most)"},
                {"name": "broken", "expression": "object.nothing.here"},
                {"name": "names", "expression": "object.items.map(i, i.name)"},
                {"name": "few", "expression": "size(variables.names) <= variables.most"},
            ],
            "validations": [{"expression": "variables.few", "messageExpression": "'more than ' + string(variables.most)"}],
        });
        let params = json!({"data": {"most": "1"}});
        let items = |n: usize| json!({"items": vec![json!({"name": "x"}); n]});
        assert_eq!(judge(spec.clone(), items(1), &params), Vec::<String>::new());
        assert_eq!(judge(spec, items(2), &params), ["422 more than 1"]);
    }

    #[test]
    fn dev_16_what_cannot_be_evaluated_counts_as_the_failure_policy_says() {
        let spec = |policy: &str| json!({"failurePolicy": policy, "validations": [{"expression": "object.missing == 1"}]});
        assert_eq!(judge(spec("Ignore"), json!({}), &Value::Null), Vec::<String>::new());
        let refused = judge(spec("Fail"), json!({}), &Value::Null);
        assert!(
            refused[0].starts_with("422 expression 'object.missing == 1' resulted in error"),
            "{refused:?}"
        );
    }

    #[test]
    fn dev_16_a_match_condition_keeps_a_policy_out() {
        let spec = json!({"matchConditions": [{"name": "a", "expression": "request.operation == 'DELETE'"}],
            "validations": [{"expression": "false"}]});
        assert_eq!(judge(spec, json!({}), &Value::Null), Vec::<String>::new());
    }

    #[test]
    fn dev_16_faults_name_the_expression() {
        let fields = |spec: Value| -> Vec<String> {
            Policy::faults(&json!({"spec": spec})).into_iter().map(|c| c.field).collect()
        };
        let spec = json!({
            "variables": [{"name": "a-b", "expression": "1"}, {"name": "ok", "expression": "nobody"}],
            "validations": [{"expression": "params.x == 1"}, {"expression": "1"}, {"expression": "true", "reason": "Odd"}],
        });
        assert_eq!(
            fields(spec),
            [
                "spec.variables[0].name",
                "spec.variables[1].expression",
                "spec.validations[0].expression",
                "spec.validations[1].expression",
                "spec.validations[2].reason"
            ]
        );
    }
}
