//! Write-time validation: what an OpenFGA server checks before it stores a model.

use std::collections::BTreeMap;

use super::{authoring::is_name, entry::EntryPoints, server_entry::ServerSearch};
use crate::{
    AuthorizationModel, Condition, ErrorCode, RELATION_LENGTH_MAX, Relation, Restriction, Rewrite,
    TYPE_LENGTH_MAX, TypeDefinition,
};

/// Limits of a written model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelLimits {
    /// Most types. OpenFGA's default is 100.
    pub types_max: usize,
    /// Most bytes of the model. OpenFGA's default is 256 KiB.
    pub bytes_max: usize,
}

/// Most conditions of a model.
pub const CONDITIONS_MAX: usize = 25;
/// Most parameters of a condition.
pub const PARAMETERS_MAX: usize = 25;
/// Longest expression of a condition, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 512;

impl ModelLimits {
    /// The limits of an OpenFGA server with default settings.
    pub const OPENFGA: ModelLimits = ModelLimits { types_max: 100, bytes_max: 256 * 1024 };
    /// Limits for the embedded engine: organisations bind more kinds than OpenFGA's default allows.
    pub const RAISED: ModelLimits = ModelLimits { types_max: 1_000, bytes_max: 4 * 1024 * 1024 };
}

/// Why a server refuses a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelFault {
    /// More types than the limit.
    #[error("the model has {types} types, the limit is {limit}")]
    TooManyTypes {
        /// How many the model has.
        types: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// More bytes than the limit.
    #[error("the model has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// How many the model has.
        bytes: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// No types at all.
    #[error("the model has no types")]
    NoTypes,
    /// A rule of the wire: pattern or length.
    #[error("{0}")]
    Field(String),
    /// A rule of models.
    #[error("invalid authorization model: {0}")]
    Model(String),
}

impl ModelFault {
    /// OpenFGA's code for the fault.
    pub fn code(&self) -> ErrorCode {
        match self {
            ModelFault::TooManyTypes { .. } | ModelFault::TooLarge { .. } => ErrorCode::ExceededEntityLimit,
            ModelFault::NoTypes => ErrorCode::TypeDefinitionsTooFewItems,
            ModelFault::Field(_) => ErrorCode::ValidationError,
            ModelFault::Model(_) => ErrorCode::InvalidAuthorizationModel,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            ModelFault::TooManyTypes { .. } | ModelFault::TooLarge { .. } => {
                "raise the server's limits of types per model and model size, or bind fewer APIs"
            }
            _ => "check the model with an authoring tool before it is written",
        }
    }
}

/// Checks a model as a server does before it stores it, the expressions of its conditions included.
pub fn validate_for_write(model: &AuthorizationModel, limits: ModelLimits) -> Result<(), ModelFault> {
    if model.types.len() > limits.types_max {
        return Err(ModelFault::TooManyTypes { types: model.types.len(), limit: limits.types_max });
    }
    fields(model)?;
    let bytes = encoded_bytes(model);
    if bytes > limits.bytes_max {
        return Err(ModelFault::TooLarge { bytes, limit: limits.bytes_max });
    }
    if !matches!(model.schema_version.as_str(), "1.1" | "1.2") {
        return Err(ModelFault::Model(format!("schema version `{}` is not supported", model.schema_version)));
    }
    let mut types: BTreeMap<&str, &TypeDefinition> = BTreeMap::new();
    for definition in &model.types {
        if types.insert(&definition.name, definition).is_some() {
            return Err(ModelFault::Model(format!("type `{}` is defined twice", definition.name)));
        }
    }
    let check = WriteCheck { model, types };
    check.names()?;
    check.relations()?;
    check.entry_points()?;
    check.cycles()?;
    model.conditions.iter().try_for_each(|(key, condition)| check.condition(key, condition))
}

fn fields(model: &AuthorizationModel) -> Result<(), ModelFault> {
    let refuse = |what: String| Err(ModelFault::Field(what));
    if model.types.is_empty() {
        return Err(ModelFault::NoTypes);
    }
    for definition in &model.types {
        if !definition.name.is_empty() && !is_name(&definition.name.replace('*', "_"), TYPE_LENGTH_MAX) {
            return refuse(format!(
                "type name `{}` has 1 to 254 characters, none of `:`, `#`, `@`, space",
                definition.name
            ));
        }
        for name in definition.relations.keys() {
            if !name.is_empty() && !is_name(&name.replace('*', "_"), RELATION_LENGTH_MAX) {
                return refuse(format!(
                    "relation name `{name}` has 1 to 50 characters, none of `:`, `#`, `@`, space"
                ));
            }
        }
    }
    if model.conditions.len() > CONDITIONS_MAX {
        return refuse(format!(
            "the model has {} conditions, the limit is {CONDITIONS_MAX}",
            model.conditions.len()
        ));
    }
    for condition in model.conditions.values() {
        if condition.parameters.len() > PARAMETERS_MAX {
            return refuse(format!(
                "condition `{}` has more than {PARAMETERS_MAX} parameters",
                condition.name
            ));
        }
        if condition.expression.is_empty() || condition.expression.len() > EXPRESSION_BYTES_MAX {
            return refuse(format!(
                "the expression of condition `{}` has 1 to {EXPRESSION_BYTES_MAX} bytes",
                condition.name
            ));
        }
    }
    Ok(())
}

/// About the size of the model on the wire: every name and text, and a few bytes for each field.
fn encoded_bytes(model: &AuthorizationModel) -> usize {
    fn rewrite(of: &Rewrite) -> usize {
        match of {
            Rewrite::This => 4,
            Rewrite::Computed(name) => name.len() + 6,
            Rewrite::TupleToUserset { tupleset, computed } => tupleset.len() + computed.len() + 10,
            Rewrite::Union(all) | Rewrite::Intersection(all) => {
                4 + all.iter().map(|o| 2 + rewrite(o)).sum::<usize>()
            }
            Rewrite::Difference { base, subtract } => 8 + rewrite(base) + rewrite(subtract),
        }
    }
    let text = |t: &Option<String>| t.as_ref().map_or(0, |t| t.len() + 4);
    let restriction = |r: &Restriction| 4 + r.type_name.len() + text(&r.relation) + text(&r.condition);
    let relation = |(name, r): (&String, &Relation)| {
        let restrictions: usize = r.restrictions.iter().map(restriction).sum();
        2 * (name.len() + 4) + rewrite(&r.rewrite) + restrictions + text(&r.module) + text(&r.file)
    };
    let types: usize = model
        .types
        .iter()
        .map(|t| {
            t.name.len()
                + 6
                + text(&t.module)
                + text(&t.file)
                + t.relations.iter().map(relation).sum::<usize>()
        })
        .sum();
    let conditions: usize = model
        .conditions
        .iter()
        .map(|(key, c)| {
            2 * key.len() + c.expression.len() + c.parameters.keys().map(|p| p.len() + 8).sum::<usize>()
        })
        .sum();
    types + conditions
}

struct WriteCheck<'a> {
    model: &'a AuthorizationModel,
    types: BTreeMap<&'a str, &'a TypeDefinition>,
}

fn invalid<T>(text: String) -> Result<T, ModelFault> {
    Err(ModelFault::Model(text))
}

impl<'a> WriteCheck<'a> {
    fn names(&self) -> Result<(), ModelFault> {
        for definition in self.types.values() {
            let names = std::iter::once(&definition.name).chain(definition.relations.keys());
            if let Some(bad) =
                names.into_iter().find(|n| n.is_empty() || matches!(n.as_str(), "self" | "this"))
            {
                return invalid(format!(
                    "`{bad}` is no name for a type or relation (type `{}`)",
                    definition.name
                ));
            }
        }
        Ok(())
    }

    fn relations(&self) -> Result<(), ModelFault> {
        for definition in self.types.values() {
            let sorted: BTreeMap<&String, &Relation> = definition.relations.iter().collect();
            for (name, relation) in sorted {
                self.rewrite(definition, name, &relation.rewrite)?;
                self.restrictions(definition, name, relation)?;
            }
        }
        Ok(())
    }

    fn rewrite(&self, of: &TypeDefinition, name: &str, rewrite: &Rewrite) -> Result<(), ModelFault> {
        let at = format!("relation `{name}` of type `{}`", of.name);
        match rewrite {
            Rewrite::This => Ok(()),
            Rewrite::Computed(other) if other == name => invalid(format!("{at} is computed from itself")),
            Rewrite::Computed(other) if !of.relations.contains_key(other) => {
                invalid(format!("{at} uses `{other}`, which is not defined"))
            }
            Rewrite::Computed(_) => Ok(()),
            Rewrite::TupleToUserset { tupleset, computed } => {
                let Some(from) = of.relations.get(tupleset) else {
                    return invalid(format!("{at} uses `{tupleset}`, which is not defined"));
                };
                if !from.rewrite.is_purely_direct() {
                    return invalid(format!("{at} follows `{tupleset}`, which is not purely direct"));
                }
                let has = |r: &Restriction| {
                    self.types.get(r.type_name.as_str()).is_some_and(|t| t.relations.contains_key(computed))
                };
                if !from.restrictions.iter().any(has) {
                    return invalid(format!(
                        "{at} takes `{computed}` from `{tupleset}`, but no type there has it"
                    ));
                }
                Ok(())
            }
            Rewrite::Union(operands) | Rewrite::Intersection(operands) => {
                if operands.len() < 2 {
                    return invalid(format!("{at} has a set operator with fewer than two operands"));
                }
                operands.iter().try_for_each(|o| self.rewrite(of, name, o))
            }
            Rewrite::Difference { base, subtract } => {
                self.rewrite(of, name, base)?;
                self.rewrite(of, name, subtract)
            }
        }
    }

    fn restrictions(&self, of: &TypeDefinition, name: &str, relation: &Relation) -> Result<(), ModelFault> {
        let at = format!("relation `{name}` of type `{}`", of.name);
        let assignable = relation.rewrite.direct_parts() > 0;
        if assignable && relation.restrictions.is_empty() {
            return invalid(format!("{at} is assignable but lists no type"));
        }
        if !assignable && !relation.restrictions.is_empty() {
            return invalid(format!("{at} lists types but is not assignable"));
        }
        let tupleset = of.relations.values().any(|r| follows(&r.rewrite, name));
        for restriction in &relation.restrictions {
            let Some(target) = self.types.get(restriction.type_name.as_str()) else {
                return invalid(format!("{at} lists type `{}`, which is not defined", restriction.type_name));
            };
            if restriction.wildcard && restriction.relation.is_some() {
                return invalid(format!(
                    "{at} lists `{}` with a wildcard and a relation",
                    restriction.type_name
                ));
            }
            if let Some(relation) = &restriction.relation
                && !target.relations.contains_key(relation)
            {
                return invalid(format!("{at} lists `{restriction}`, but that relation is not defined"));
            }
            if tupleset && (restriction.wildcard || restriction.relation.is_some()) {
                return invalid(format!(
                    "{at} is used after `from` and lists `{restriction}`, which is no plain type"
                ));
            }
            if let Some(condition) = &restriction.condition
                && !self.model.conditions.contains_key(condition)
            {
                return invalid(format!("{at} names condition `{condition}`, which is not defined"));
            }
        }
        Ok(())
    }

    fn entry_points(&self) -> Result<(), ModelFault> {
        let entry = EntryPoints::of(self.model);
        for definition in self.types.values() {
            for name in definition.relations.keys() {
                if !ServerSearch::has(&entry, &definition.name, name) {
                    return invalid(format!(
                        "no user can ever have relation `{name}` of type `{}`",
                        definition.name
                    ));
                }
            }
        }
        Ok(())
    }

    /// Relations that lead back to themselves without any tuple in between: what remains when relations that are
    /// computed from none, or from removed ones only, are removed again and again.
    fn cycles(&self) -> Result<(), ModelFault> {
        for definition in self.types.values() {
            let mut uses: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (name, relation) in &definition.relations {
                computed_of(&relation.rewrite, uses.entry(name).or_default());
            }
            let mut used_by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            let mut open: BTreeMap<&str, usize> = BTreeMap::new();
            for (name, others) in &uses {
                open.insert(name, others.len());
                others.iter().for_each(|other| used_by.entry(other).or_default().push(name));
            }
            let mut free: Vec<&str> = open.iter().filter(|(_, n)| **n == 0).map(|(name, _)| *name).collect();
            while let Some(name) = free.pop() {
                open.remove(name);
                for user in used_by.get(name).into_iter().flatten() {
                    if let Some(count) = open.get_mut(user) {
                        *count -= 1;
                        if *count == 0 {
                            free.push(user);
                        }
                    }
                }
            }
            if let Some(name) = open.keys().next() {
                return invalid(format!(
                    "relation `{name}` of type `{}` is part of a cycle",
                    definition.name
                ));
            }
        }
        Ok(())
    }

    fn condition(&self, key: &str, condition: &Condition) -> Result<(), ModelFault> {
        if key != condition.name {
            return invalid(format!("condition key `{key}` differs from its name `{}`", condition.name));
        }
        match condition.compile() {
            Ok(_) => Ok(()),
            Err(fault) => invalid(fault.to_string()),
        }
    }
}

fn follows(rewrite: &Rewrite, tupleset_name: &str) -> bool {
    match rewrite {
        Rewrite::This | Rewrite::Computed(_) => false,
        Rewrite::TupleToUserset { tupleset, .. } => tupleset == tupleset_name,
        Rewrite::Union(all) | Rewrite::Intersection(all) => all.iter().any(|o| follows(o, tupleset_name)),
        Rewrite::Difference { base, subtract } => {
            follows(base, tupleset_name) || follows(subtract, tupleset_name)
        }
    }
}

fn computed_of<'a>(rewrite: &'a Rewrite, into: &mut Vec<&'a str>) {
    match rewrite {
        Rewrite::This | Rewrite::TupleToUserset { .. } => {}
        Rewrite::Computed(name) => into.push(name),
        Rewrite::Union(all) | Rewrite::Intersection(all) => all.iter().for_each(|o| computed_of(o, into)),
        Rewrite::Difference { base, subtract } => {
            computed_of(base, into);
            computed_of(subtract, into);
        }
    }
}
