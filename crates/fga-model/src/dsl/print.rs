//! The printer: a model as canonical DSL text.

use crate::{AuthorizationModel, Condition, Relation, Rewrite, TypeDefinition};

/// Why a model cannot be written as DSL text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrintError {
    /// A relation with a direct part where the DSL has no place for it.
    #[error(
        "the '{relation}' relation definition under the '{type_name}' type is not supported by the OpenFGA DSL syntax yet"
    )]
    Relation {
        /// The type.
        type_name: String,
        /// Its relation.
        relation: String,
    },
    /// A condition whose key is not its name.
    #[error("the '{key}' condition has a different nested condition name ('{name}')")]
    Condition {
        /// The key in the map.
        key: String,
        /// The name inside.
        name: String,
    },
}

/// Whether the printer tells the module and file of each definition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceInfo {
    /// Say nothing.
    #[default]
    Omit,
    /// Append ` # module: M, file: F`.
    Include,
}

/// Writes the canonical DSL text of a model: relations, conditions and parameters sorted, types in their order (in a
/// modular model sorted by module, file and name).
pub fn print_model(model: &AuthorizationModel, source: SourceInfo) -> Result<String, PrintError> {
    let mut text = format!("model\n  schema {}\n", model.schema_version);
    let modular = model.is_modular();
    let mut types: Vec<&TypeDefinition> = model.types.iter().collect();
    if modular {
        types.sort_by_key(|t| origin(&t.module, &t.file, &t.name));
    }
    for definition in types {
        print_type(definition, modular, source, &mut text)?;
    }
    let mut conditions: Vec<(&String, &Condition)> = model.conditions.iter().collect();
    if modular {
        conditions.sort_by_key(|(key, c)| origin(&c.module, &c.file, key));
    } else {
        conditions.sort_by_key(|(key, _)| *key);
    }
    for (key, condition) in conditions {
        if *key != condition.name {
            return Err(PrintError::Condition { key: key.clone(), name: condition.name.clone() });
        }
        print_condition(condition, source, &mut text);
    }
    Ok(text)
}

fn origin<'a>(
    module: &'a Option<String>,
    file: &'a Option<String>,
    name: &'a str,
) -> (&'a str, &'a str, &'a str) {
    (module.as_deref().unwrap_or_default(), file.as_deref().unwrap_or_default(), name)
}

fn remark(prefix: &str, module: &Option<String>, file: &Option<String>, source: SourceInfo) -> String {
    match (source, module) {
        (SourceInfo::Include, Some(module)) => {
            format!(" # {prefix}module: {module}, file: {}", file.as_deref().unwrap_or_default())
        }
        _ => String::new(),
    }
}

fn print_type(
    definition: &TypeDefinition,
    modular: bool,
    source: SourceInfo,
    text: &mut String,
) -> Result<(), PrintError> {
    let about = remark("", &definition.module, &definition.file, source);
    text.push_str(&format!("\ntype {}{about}\n", definition.name));
    if definition.relations.is_empty() {
        return Ok(());
    }
    text.push_str("  relations\n");
    let mut relations: Vec<(&String, &Relation)> = definition.relations.iter().collect();
    if modular {
        relations.sort_by_key(|(name, r)| origin(&r.module, &r.file, name));
    } else {
        relations.sort_by_key(|(name, _)| *name);
    }
    for (name, relation) in relations {
        let refused = || PrintError::Relation { type_name: definition.name.clone(), relation: name.clone() };
        if relation.rewrite.direct_parts() > 1 {
            return Err(refused());
        }
        let expression = print_rewrite(&relation.rewrite, relation, true, true).ok_or_else(refused)?;
        let about = remark("extended by: ", &relation.module, &relation.file, source);
        text.push_str(&format!("    define {name}: {expression}{about}\n"));
    }
    Ok(())
}

/// `None` where a direct part cannot become the first leaf.
fn print_rewrite(rewrite: &Rewrite, relation: &Relation, first: bool, top: bool) -> Option<String> {
    let joined = match rewrite {
        Rewrite::This => {
            let list: Vec<String> = relation.restrictions.iter().map(ToString::to_string).collect();
            return first.then(|| format!("[{}]", list.join(", ")));
        }
        Rewrite::Computed(relation) => return Some(relation.clone()),
        Rewrite::TupleToUserset { tupleset, computed } => return Some(format!("{computed} from {tupleset}")),
        Rewrite::Union(operands) => print_operands(operands, " or ", relation, first)?,
        Rewrite::Intersection(operands) => print_operands(operands, " and ", relation, first)?,
        Rewrite::Difference { base, subtract } => {
            let base = print_rewrite(base, relation, first, false)?;
            format!("{base} but not {}", print_rewrite(subtract, relation, false, false)?)
        }
    };
    Some(if top { joined } else { format!("({joined})") })
}

fn print_operands(operands: &[Rewrite], operator: &str, relation: &Relation, first: bool) -> Option<String> {
    let mut ordered: Vec<&Rewrite> = operands.iter().collect();
    // A direct operand moves to the front; the order of the others stays.
    ordered.sort_by_key(|o| !o.is_purely_direct());
    let printed: Option<Vec<String>> =
        ordered.iter().enumerate().map(|(i, o)| print_rewrite(o, relation, first && i == 0, false)).collect();
    Some(printed?.join(operator))
}

fn print_condition(condition: &Condition, source: SourceInfo, text: &mut String) {
    let mut parameters: Vec<_> = condition.parameters.iter().collect();
    parameters.sort_by_key(|(name, _)| *name);
    let list: Vec<String> = parameters.iter().map(|(name, kind)| format!("{name}: {kind}")).collect();
    let about = remark("", &condition.module, &condition.file, source);
    // Blanks before the brace are part of an expression only on its own line; printed, the brace has a line to itself.
    let (name, expression) = (&condition.name, condition.expression.trim_ascii_end());
    text.push_str(&format!("\ncondition {name}({}) {{\n  {expression}\n}}{about}\n", list.join(", ")));
}
