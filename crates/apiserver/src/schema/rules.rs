//! Rules in CEL (`x-kubernetes-validations`): compiled with the schema, run after everything else has passed.
//!
//! A rule that reads `oldSelf` is a transition rule: it runs on update only, where the old value can be found. On update, a
//! rule that does not is not run again over a value that did not change.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use mesh_cel::{
    Budget, CelEngine, CelProgram, Environment, EvaluationError, Input, KubernetesCel, Outcome, Shape,
};
use serde_json::Value;

use super::{
    error::{FieldError, FieldPath, FieldReason},
    formats::Format,
    lists::Correlation,
    node::{Additional, Kind, ListType, Node},
};

/// Rules of one schema; more are refused.
const RULES_MAX: usize = 1000;
/// Bytes of all expressions of one schema; parsing takes up to a quarter of a second for 16 KiB.
const RULES_BYTES_MAX: usize = 256 * 1024;

/// One rule of a node.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The expression.
    pub text: String,
    /// What to say when it does not hold.
    pub message: Option<String>,
    /// The kind of error it gives.
    pub reason: FieldReason,
    /// Where the error is reported, below the node.
    pub field_path: Option<String>,
    /// Whether `oldSelf` is an optional, so that the rule runs on create too.
    pub optional_old_self: bool,
    program: Arc<dyn CelProgram>,
    message_program: Option<Arc<dyn CelProgram>>,
    is_transition: bool,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
            && self.message == other.message
            && self.reason == other.reason
            && self.field_path == other.field_path
            && self.optional_old_self == other.optional_old_self
            && self.message_program.is_some() == other.message_program.is_some()
    }
}

/// Compiles the rules of `json` into `node`, downwards.
pub(crate) fn compile_tree(node: &mut Node, json: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if !mentions_rules(json) {
        return;
    }
    let mut compiler = Compiler { errors, rules: 0, bytes: 0 };
    compiler.tree(node, json, path, None);
}

fn mentions_rules(json: &Value) -> bool {
    match json {
        Value::Object(map) => {
            map.contains_key("x-kubernetes-validations") || map.values().any(mentions_rules)
        }
        Value::Array(list) => list.iter().any(mentions_rules),
        _ => false,
    }
}

struct Compiler<'e> {
    errors: &'e mut Vec<FieldError>,
    rules: usize,
    bytes: usize,
}

impl Compiler<'_> {
    /// `loose` is the path of the list above in which old entries cannot be found.
    fn tree(&mut self, node: &mut Node, json: &Value, path: &str, loose: Option<&str>) {
        if let Some(Value::Array(rules)) = json.get("x-kubernetes-validations")
            && !rules.is_empty()
        {
            let shape = shape_of(node);
            for (index, rule) in rules.iter().enumerate() {
                let at = format!("{path}.x-kubernetes-validations[{index}]");
                self.rules += 1;
                if self.rules > RULES_MAX {
                    self.errors.push(FieldError::too_many(at, self.rules as u64, RULES_MAX as u64));
                    return;
                }
                if let Some(rule) = self.rule(rule, &shape, &at, loose) {
                    node.rules.push(rule);
                }
            }
        }
        if let Some(Value::Object(properties)) = json.get("properties") {
            for (name, json) in properties {
                if let Some(child) = node.properties.get_mut(name) {
                    self.tree(child, json, &format!("{path}.properties[{name}]"), loose);
                }
            }
        }
        if let (Some(child), Some(json)) = (&mut node.items, json.get("items")) {
            let here = if matches!(node.list_type, ListType::Map { .. }) { None } else { Some(path) };
            self.tree(child, json, &format!("{path}.items"), loose.or(here));
        }
        if let (Additional::Schema(child), Some(json)) =
            (&mut node.additional, json.get("additionalProperties"))
        {
            self.tree(child, json, &format!("{path}.additionalProperties"), loose);
        }
    }

    fn rule(&mut self, json: &Value, shape: &Arc<Shape>, path: &str, loose: Option<&str>) -> Option<Rule> {
        let text_of = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let Some(text) = text_of("rule").filter(|text| !text.trim().is_empty()) else {
            self.errors.push(FieldError::required(format!("{path}.rule"), "rule is not specified"));
            return None;
        };
        let optional_old_self = json.get("optionalOldSelf") == Some(&Value::Bool(true));
        let environment = Environment::new().with("self", shape.clone());
        let environment = if optional_old_self {
            environment.with_optional("oldSelf", shape.clone())
        } else {
            environment.with("oldSelf", shape.clone())
        };
        let program = self.compile(
            text,
            &environment,
            "bool",
            "cel expression must evaluate to a bool",
            &format!("{path}.rule"),
        )?;
        let is_transition = program.uses("oldSelf");
        if let Some(list) = loose
            && is_transition
        {
            let detail =
                format!("oldSelf cannot be used on the uncorrelatable portion of the schema within {list}");
            self.errors.push(FieldError::invalid(format!("{path}.rule"), &Value::from(text), &detail));
        }
        if optional_old_self && !is_transition {
            let detail = "optionalOldSelf may not be set if oldSelf is not used in rule";
            self.errors.push(FieldError::invalid(
                format!("{path}.optionalOldSelf"),
                &Value::Bool(true),
                detail,
            ));
        }
        let message = text_of("message").map(|text| text.trim().to_owned());
        if let Some(message) = &message
            && message.contains('\n')
        {
            let shown = Value::from(message.as_str());
            self.errors.push(FieldError::invalid(
                format!("{path}.message"),
                &shown,
                "message must not contain line breaks",
            ));
        }
        let message_program = match text_of("messageExpression") {
            None => None,
            Some(text) => {
                let at = format!("{path}.messageExpression");
                Some(self.compile(
                    text,
                    &environment,
                    "string",
                    "messageExpression must evaluate to a string",
                    &at,
                )?)
            }
        };
        let field_path = text_of("fieldPath").map(str::to_owned);
        if let Some(field) = &field_path
            && !field.starts_with(['.', '['])
        {
            let shown = Value::from(field.as_str());
            self.errors.push(FieldError::invalid(
                format!("{path}.fieldPath"),
                &shown,
                "fieldPath must start with . or [",
            ));
        }
        Some(Rule {
            text: text.to_owned(),
            message,
            reason: self.reason(json, path),
            field_path,
            optional_old_self,
            program,
            message_program,
            is_transition,
        })
    }

    fn reason(&mut self, json: &Value, path: &str) -> FieldReason {
        const REASONS: [&str; 4] =
            ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
        match json.get("reason") {
            None | Some(Value::Null) => FieldReason::Invalid,
            Some(Value::String(text)) if REASONS.contains(&text.as_str()) => FieldReason::from_rule(text),
            Some(other) => {
                self.errors.push(FieldError::not_supported(format!("{path}.reason"), other, &REASONS));
                FieldReason::Invalid
            }
        }
    }

    fn compile(
        &mut self,
        text: &str,
        environment: &Environment,
        wanted: &str,
        detail: &str,
        path: &str,
    ) -> Option<Arc<dyn CelProgram>> {
        self.bytes += text.len();
        if self.bytes > RULES_BYTES_MAX {
            let detail =
                format!("the expressions of a schema may have at most {RULES_BYTES_MAX} bytes together");
            self.errors.push(FieldError::forbidden(path, &detail));
            return None;
        }
        match KubernetesCel.compile(text, environment) {
            Ok(program) if program.result_type().is_none_or(|name| name == wanted) => Some(program),
            Ok(_) => {
                self.errors.push(FieldError::invalid(path, &Value::from(text), detail));
                None
            }
            Err(error) => {
                self.errors.push(FieldError::invalid(path, &Value::from(text), &error.to_string()));
                None
            }
        }
    }
}

/// What expressions may expect of a node's value.
pub(crate) fn shape_of(node: &Node) -> Arc<Shape> {
    match node.kind {
        Kind::Any | Kind::IntOrString => Shape::dynamic(),
        Kind::Boolean => Arc::new(Shape::Bool),
        Kind::Integer => Arc::new(Shape::Int),
        Kind::Number => Arc::new(Shape::Double),
        Kind::String => Arc::new(match node.checks.as_ref().and_then(|checks| checks.format) {
            Some(Format::DateTime | Format::Date) => Shape::Timestamp,
            Some(Format::Duration) => Shape::Duration,
            Some(Format::Byte) => Shape::Bytes,
            _ => Shape::String,
        }),
        Kind::Array => {
            let items = node.items.as_ref().map_or_else(Shape::dynamic, |items| shape_of(items));
            Arc::new(Shape::List { items, unordered: node.list_type != ListType::Atomic })
        }
        Kind::Object => match &node.additional {
            Additional::Schema(values) if node.properties.is_empty() => {
                Arc::new(Shape::Map(shape_of(values)))
            }
            Additional::Anything if node.properties.is_empty() => Arc::new(Shape::Map(Shape::dynamic())),
            _ if node.properties.is_empty() && node.preserve_unknown => Shape::dynamic(),
            _ => {
                let fields: BTreeMap<String, Arc<Shape>> = node
                    .properties
                    .iter()
                    .map(|(name, child)| {
                        let is_meta = name == "metadata" && child.properties.contains_key("generateName");
                        (name.clone(), if is_meta { metadata_shape() } else { shape_of(child) })
                    })
                    .collect();
                Arc::new(Shape::Object { fields, open: node.preserve_unknown })
            }
        },
    }
}

/// Of object metadata, rules may read the name only.
fn metadata_shape() -> Arc<Shape> {
    static METADATA: LazyLock<Arc<Shape>> = LazyLock::new(|| {
        let text = Arc::new(Shape::String);
        let names = ["name", "generateName"].map(|name| (name.to_owned(), text.clone()));
        Arc::new(Shape::Object { fields: BTreeMap::from(names), open: true })
    });
    METADATA.clone()
}

/// Runs all rules over `object`; none of them when earlier checks found that values have not the declared types or sizes.
pub(crate) fn check(root: &Node, object: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    if !root.below.rules {
        return;
    }
    use FieldReason::{NotSupported, Required, TooLong, TooMany, TypeInvalid};
    if errors.iter().any(|e| matches!(e.reason, NotSupported | Required | TooLong | TooMany | TypeInvalid)) {
        let detail = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
        errors.push(FieldError::invalid("", &Value::Null, detail));
        return;
    }
    let mut run = Run { budget: Budget::default(), errors, stopped: false };
    run.node(root, object, old, &FieldPath::Root);
}

struct Run<'e> {
    budget: Budget,
    errors: &'e mut Vec<FieldError>,
    stopped: bool,
}

impl Run<'_> {
    fn node(&mut self, node: &Node, value: &Value, old: Option<&Value>, path: &FieldPath<'_>) {
        if !node.below.rules || self.stopped || value.is_null() {
            return;
        }
        if !node.rules.is_empty() {
            let unchanged = old == Some(value);
            for rule in &node.rules {
                self.rule(rule, node, value, old, unchanged, path);
                if self.stopped {
                    return;
                }
            }
        }
        match value {
            Value::Object(map) => {
                let old = old.and_then(Value::as_object);
                for (name, child) in map {
                    let old_child = old.and_then(|old| old.get(name));
                    match (node.properties.get(name), &node.additional) {
                        (Some(known), _) => self.node(known, child, old_child, &path.field(name)),
                        (None, Additional::Schema(known)) => {
                            self.node(known, child, old_child, &path.key(name))
                        }
                        (None, _) => {}
                    }
                }
            }
            Value::Array(list) => {
                let Some(items) = node.items.as_ref().filter(|items| items.below.rules) else { return };
                let old = old.and_then(Value::as_array).map(|old| Correlation::new(&node.list_type, old));
                for (index, child) in list.iter().enumerate() {
                    let old_child = old.as_ref().and_then(|old| old.of(child));
                    self.node(items, child, old_child, &path.index(index));
                }
            }
            _ => {}
        }
    }

    fn rule(
        &mut self,
        rule: &Rule,
        node: &Node,
        value: &Value,
        old: Option<&Value>,
        unchanged: bool,
        path: &FieldPath<'_>,
    ) {
        let old = old.filter(|old| !old.is_null());
        let old_input = match (rule.optional_old_self, old) {
            (true, old) => Input::Optional(old),
            (false, Some(old)) => Input::Json(old),
            // A transition without a state before it says nothing; other rules do not read the slot.
            (false, None) if rule.is_transition => return,
            (false, None) => Input::Json(&Value::Null),
        };
        if unchanged && !rule.is_transition {
            return;
        }
        let inputs = [Input::Json(value), old_input];
        let fault = match rule.program.holds(&inputs, &mut self.budget) {
            Ok(true) => return,
            Ok(false) => {
                let message = self.message(rule, &inputs);
                self.errors.push(rule.error(node, path, &message));
                return;
            }
            Err(fault) => fault,
        };
        let said = rule.message.clone().unwrap_or_else(|| rule.text.trim().to_owned());
        let shown = Value::from(node.kind.as_str());
        let detail = match &fault {
            EvaluationError::Budget => {
                self.stopped = true;
                self.errors.push(FieldError::invalid(path.to_string(), &shown, &fault.to_string()));
                return;
            }
            EvaluationError::CallCost => {
                self.stopped = true;
                format!(
                    "no further validation rules will be run due to call cost exceeds limit for rule: {said}"
                )
            }
            EvaluationError::Failed(text) if text == "no such overload" => {
                format!(
                    "call arguments did not match a supported operator, function or macro signature for rule: {said}"
                )
            }
            other => format!("{other} evaluating rule: {said}"),
        };
        self.errors.push(FieldError::invalid(path.to_string(), &shown, &detail));
    }

    fn message(&mut self, rule: &Rule, inputs: &[Input<'_>]) -> String {
        if let Some(program) = &rule.message_program
            && let Ok(Outcome::Text(text)) = program.evaluate(inputs, &mut self.budget)
        {
            let text = text.trim();
            if !text.is_empty() && text.len() <= 5120 && !text.contains('\n') {
                return text.to_owned();
            }
        }
        rule.message.clone().unwrap_or_else(|| format!("failed rule: {}", rule.text.trim()))
    }
}

impl Rule {
    fn error(&self, node: &Node, path: &FieldPath<'_>, message: &str) -> FieldError {
        let mut at = path.to_string();
        if let Some(field) = &self.field_path {
            at.push_str(field);
            at = at.trim_start_matches('.').to_owned();
        }
        let shown = Value::from(node.kind.as_str());
        match self.reason {
            FieldReason::Required => FieldError::required(at, message),
            FieldReason::Forbidden => FieldError::forbidden(at, message),
            FieldReason::Duplicate => FieldError::duplicate(at, &shown),
            _ => FieldError::invalid(at, &shown, message),
        }
    }
}
