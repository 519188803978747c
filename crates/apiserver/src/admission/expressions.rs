//! CEL in admission: what expressions see of a write, and the conditions that webhooks and policies carry.

use std::sync::{Arc, LazyLock};

use mesh_cel::{Budget, CelEngine, CelProgram, CompileError, Environment, Input, KubernetesCel, Shape};
use serde_json::{Value, json};

use super::Attributes;
use crate::error::Cause;
use crate::name_rules::qualified_name_fault;

/// Conditions of one webhook or policy; Kubernetes refuses more.
const CONDITIONS_MAX: usize = 64;

/// What a write shows to expressions.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The object; null on delete.
    pub object: Value,
    /// The object as it was; null on create.
    pub old: Value,
    /// The request around it.
    pub request: Value,
}

impl Seen {
    /// What a write shows.
    pub fn of(attributes: &Attributes<'_>) -> Self {
        Self {
            object: attributes.object.clone(),
            old: attributes.old.clone(),
            request: request_of(attributes),
        }
    }

    /// The inputs of [`webhook_environment`].
    pub fn inputs(&self) -> [Input<'_>; 3] {
        [Input::Json(&self.object), Input::Json(&self.old), Input::Json(&self.request)]
    }
}

/// The request of an AdmissionReview without its uid and objects.
pub fn request_of(attributes: &Attributes<'_>) -> Value {
    let resource = attributes.resource;
    let gvk = json!({"group": &*resource.gvk.group, "version": &*resource.gvk.version, "kind": &*resource.gvk.kind});
    let gvr = json!({"group": &*resource.gvk.group, "version": &*resource.gvk.version, "resource": &*resource.plural});
    let mut request = json!({
        "kind": gvk,
        "resource": gvr,
        "requestKind": gvk,
        "requestResource": gvr,
        "name": attributes.name,
        "operation": attributes.operation.as_str(),
        "userInfo": attributes.user.to_value(),
        "dryRun": attributes.dry_run,
        "options": attributes.options,
    });
    if !attributes.namespace.is_empty() {
        request["namespace"] = attributes.namespace.into();
    }
    if let Some(subresource) = attributes.subresource {
        request["subResource"] = subresource.into();
        request["requestSubResource"] = subresource.into();
    }
    request
}

/// The variables of webhooks' match conditions: `object`, `oldObject`, `request`.
pub fn webhook_environment() -> &'static Environment {
    static OURS: LazyLock<Environment> = LazyLock::new(|| {
        ["object", "oldObject", "request"]
            .into_iter()
            .fold(Environment::new(), |all, name| all.with(name, Shape::dynamic()))
    });
    &OURS
}

/// The variables of admission policies: those of webhooks, then `namespaceObject`, `variables`, and `params` where the
/// policy has a kind of parameters.
pub fn policy_environment(variables: Arc<Shape>, has_params: bool) -> Environment {
    let environment =
        webhook_environment().clone().with("namespaceObject", Shape::dynamic()).with("variables", variables);
    if has_params { environment.with("params", Shape::dynamic()) } else { environment }
}

/// Compiles an expression that gives `expected`; `dyn` is anything.
///
/// # Errors
/// Why it cannot be used.
pub fn compile(text: &str, environment: &Environment, expected: &str) -> Result<Arc<dyn CelProgram>, String> {
    let program = KubernetesCel.compile(text, environment).map_err(|error| match error {
        CompileError::Syntax(why) => format!("compilation failed: {why}"),
        other => other.to_string(),
    })?;
    match program.result_type() {
        Some(found) if ![expected, "dyn"].contains(&found) && expected != "dyn" => {
            Err(format!("must evaluate to {expected}"))
        }
        _ => Ok(program),
    }
}

/// Conditions that must all hold.
#[derive(Clone, Debug, Default)]
pub struct Conditions(Vec<Condition>);

#[derive(Clone, Debug)]
struct Condition {
    name: String,
    program: Result<Arc<dyn CelProgram>, String>,
}

impl Conditions {
    /// The match conditions of a webhook.
    pub fn of_webhook(list: &Value) -> Self {
        Self::read(list, webhook_environment())
    }

    /// Conditions with these variables.
    pub fn read(list: &Value, environment: &Environment) -> Self {
        let text = |condition: &Value, field: &str| condition[field].as_str().unwrap_or_default().to_owned();
        let read = |condition: &Value| Condition {
            name: text(condition, "name"),
            program: compile(&text(condition, "expression"), environment, "bool"),
        };
        Self(list.as_array().into_iter().flatten().map(read).collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all hold. One that is false decides, whatever the others do.
    ///
    /// # Errors
    /// Which conditions cannot be evaluated, and why.
    pub fn hold(&self, inputs: &[Input<'_>], budget: &mut Budget) -> Result<bool, String> {
        let mut failed = Vec::new();
        for Condition { name, program } in &self.0 {
            let outcome = match program {
                Ok(program) => program.holds(inputs, budget).map_err(|error| error.to_string()),
                Err(why) => Err(why.clone()),
            };
            match outcome {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(why) => failed.push(format!("match condition \"{name}\" failed: {why}")),
            }
        }
        if failed.is_empty() { Ok(true) } else { Err(failed.join("; ")) }
    }

    /// The faults of a list of conditions as it is written.
    pub fn faults(list: &Value, path: &str, environment: &Environment) -> Vec<Cause> {
        let mut causes = Vec::new();
        let conditions = list.as_array().map_or(&[][..], Vec::as_slice);
        if conditions.len() > CONDITIONS_MAX {
            let text = format!("Too many: {}: must have at most {CONDITIONS_MAX} items", conditions.len());
            causes.push(Cause::field("FieldValueTooMany", path, text));
            return causes;
        }
        let mut names: Vec<&str> = Vec::new();
        for (index, condition) in conditions.iter().enumerate() {
            let at = format!("{path}[{index}]");
            let name = condition["name"].as_str().unwrap_or_default();
            match (name, qualified_name_fault(name)) {
                ("", _) => causes.push(Cause::required(format!("{at}.name"), "")),
                (name, Some(why)) => causes.push(Cause::invalid(format!("{at}.name"), &name.into(), why)),
                (name, None) if names.contains(&name) => {
                    let text = format!("Duplicate value: \"{name}\"");
                    causes.push(Cause::field("FieldValueDuplicate", format!("{at}.name"), text));
                }
                _ => {}
            }
            names.push(name);
            causes.extend(expression_fault(condition, "expression", &at, environment, "bool"));
        }
        causes
    }
}

/// The fault of one expression: missing, or not usable.
pub fn expression_fault(
    holder: &Value,
    field: &str,
    path: &str,
    environment: &Environment,
    expected: &str,
) -> Option<Cause> {
    let text = holder[field].as_str().unwrap_or_default();
    let at = format!("{path}.{field}");
    if text.trim().is_empty() {
        return Some(Cause::required(at, ""));
    }
    let why = compile(text, environment, expected).err()?;
    Some(Cause::invalid(at, &text.into(), why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(list: &Value, request: &Value) -> Result<bool, String> {
        let null = Value::Null;
        let inputs = [Input::Json(&null), Input::Json(&null), Input::Json(request)];
        Conditions::of_webhook(list).hold(&inputs, &mut Budget::default())
    }

    #[test]
    fn dev_16_a_false_condition_decides_before_a_failing_one() {
        let request = json!({"userInfo": {"username": "alice"}});
        let not_alice = json!({"name": "a", "expression": "request.userInfo.username != 'alice'"});
        let failing = json!({"name": "b", "expression": "request.missing == 1"});
        assert_eq!(hold(&json!([failing, not_alice]), &request), Ok(false));
        assert!(hold(&json!([failing]), &request).unwrap_err().contains("\"b\""));
        assert_eq!(hold(&json!([{"name": "c", "expression": "object == null"}]), &request), Ok(true));
        assert_eq!(hold(&Value::Null, &request), Ok(true));
    }

    #[test]
    fn dev_16_conditions_that_cannot_be_used_are_named() {
        let faults = |list: &Value| -> Vec<String> {
            Conditions::faults(list, "matchConditions", webhook_environment())
                .into_iter()
                .map(|cause| cause.field)
                .collect()
        };
        assert_eq!(
            faults(&json!([{"name": "a", "expression": "1 +"}, {"name": "a", "expression": "true"}])),
            ["matchConditions[0].expression", "matchConditions[1].name"]
        );
        assert_eq!(
            faults(&json!([{"name": "", "expression": ""}, {"name": "x y", "expression": "'text'"}])),
            [
                "matchConditions[0].name",
                "matchConditions[0].expression",
                "matchConditions[1].name",
                "matchConditions[1].expression"
            ]
        );
        assert_eq!(
            faults(&json!([{"name": "a", "expression": "authorizer.path('/x').check('get').allowed()"}])),
            ["matchConditions[0].expression"]
        );
        assert!(faults(&json!([{"name": "a.io/b", "expression": "object.x == oldObject.x"}])).is_empty());
    }
}
