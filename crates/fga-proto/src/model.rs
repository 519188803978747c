//! Models as messages.

use fga_model::{
    AuthorizationModel, Condition, ParameterKind, ParameterType, Relation, Restriction, Rewrite,
    TypeDefinition,
};

use crate::wire::{self, relation_reference::RelationOrWildcard, userset::Userset as Operator};

/// A message that is no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireModelError {
    /// A set expression without an operator.
    #[error("relation `{relation}` of type `{type_name}` has no operator")]
    NoOperator {
        /// The type.
        type_name: String,
        /// Its relation.
        relation: String,
    },
    /// A parameter of a type that is not known.
    #[error("parameter `{parameter}` of condition `{condition}` has the unknown type {number}")]
    ParameterType {
        /// The condition.
        condition: String,
        /// Its parameter.
        parameter: String,
        /// The number on the wire.
        number: i32,
    },
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn file_of(info: Option<wire::SourceInfo>) -> Option<String> {
    info.and_then(|info| filled(info.file))
}

fn info_of(file: &Option<String>) -> Option<wire::SourceInfo> {
    file.clone().map(|file| wire::SourceInfo { file })
}

impl TryFrom<wire::AuthorizationModel> for AuthorizationModel {
    type Error = WireModelError;

    fn try_from(model: wire::AuthorizationModel) -> Result<Self, WireModelError> {
        let types = model
            .type_definitions
            .into_iter()
            .map(TypeDefinition::try_from_wire)
            .collect::<Result<_, _>>()?;
        let conditions = model
            .conditions
            .into_iter()
            .map(|(key, condition)| Ok((key, Condition::try_from_wire(condition)?)))
            .collect::<Result<_, WireModelError>>()?;
        Ok(Self { id: filled(model.id), schema_version: model.schema_version, types, conditions })
    }
}

/// Reading of a message of this crate into a type of another.
trait TryFromWire<W>: Sized {
    fn try_from_wire(message: W) -> Result<Self, WireModelError>;
}

impl TryFromWire<wire::TypeDefinition> for TypeDefinition {
    fn try_from_wire(message: wire::TypeDefinition) -> Result<Self, WireModelError> {
        let wire::TypeDefinition { r#type: name, relations, metadata } = message;
        let mut metadata = metadata.unwrap_or_default();
        let relations = relations
            .into_iter()
            .map(|(relation, userset)| {
                let fault =
                    || WireModelError::NoOperator { type_name: name.clone(), relation: relation.clone() };
                let rewrite = rewrite_of(userset).ok_or_else(fault)?;
                let about = metadata.relations.remove(&relation).unwrap_or_default();
                let restrictions =
                    about.directly_related_user_types.into_iter().map(restriction_of).collect();
                let (module, file) = (filled(about.module), file_of(about.source_info));
                Ok((relation, Relation { rewrite, restrictions, module, file }))
            })
            .collect::<Result<_, WireModelError>>()?;
        Ok(Self { name, relations, module: filled(metadata.module), file: file_of(metadata.source_info) })
    }
}

fn restriction_of(reference: wire::RelationReference) -> Restriction {
    let (relation, wildcard) = match reference.relation_or_wildcard {
        Some(RelationOrWildcard::Relation(relation)) => (filled(relation), false),
        Some(RelationOrWildcard::Wildcard(_)) => (None, true),
        None => (None, false),
    };
    Restriction { type_name: reference.r#type, relation, wildcard, condition: filled(reference.condition) }
}

fn rewrite_of(userset: wire::Userset) -> Option<Rewrite> {
    let all = |sets: wire::Usersets| sets.child.into_iter().map(rewrite_of).collect::<Option<Vec<_>>>();
    Some(match userset.userset? {
        Operator::This(_) => Rewrite::This,
        Operator::ComputedUserset(computed) => Rewrite::Computed(computed.relation),
        Operator::TupleToUserset(ttu) => Rewrite::TupleToUserset {
            tupleset: ttu.tupleset.unwrap_or_default().relation,
            computed: ttu.computed_userset.unwrap_or_default().relation,
        },
        Operator::Union(sets) => Rewrite::Union(all(sets)?),
        Operator::Intersection(sets) => Rewrite::Intersection(all(sets)?),
        Operator::Difference(difference) => Rewrite::Difference {
            base: Box::new(rewrite_of(*difference.base?)?),
            subtract: Box::new(rewrite_of(*difference.subtract?)?),
        },
    })
}

impl TryFromWire<wire::Condition> for Condition {
    fn try_from_wire(message: wire::Condition) -> Result<Self, WireModelError> {
        let metadata = message.metadata.unwrap_or_default();
        let name = message.name;
        let parameters = message
            .parameters
            .into_iter()
            .map(|(parameter, reference)| {
                let fault = |number| WireModelError::ParameterType {
                    condition: name.clone(),
                    parameter: parameter.clone(),
                    number,
                };
                let kind = parameter_of(reference).map_err(fault)?;
                Ok((parameter, kind))
            })
            .collect::<Result<_, WireModelError>>()?;
        let (module, file) = (filled(metadata.module), file_of(metadata.source_info));
        Ok(Self { name, expression: message.expression, parameters, module, file })
    }
}

fn parameter_of(reference: wire::ConditionParamTypeRef) -> Result<ParameterType, i32> {
    let number = reference.type_name;
    let kind = ParameterKind::from_number(number).ok_or(number)?;
    let generics = reference.generic_types.into_iter().map(parameter_of).collect::<Result<_, _>>()?;
    Ok(ParameterType { kind, generics })
}

impl From<&AuthorizationModel> for wire::AuthorizationModel {
    fn from(model: &AuthorizationModel) -> Self {
        Self {
            id: model.id.clone().unwrap_or_default(),
            schema_version: model.schema_version.clone(),
            type_definitions: model.types.iter().map(Into::into).collect(),
            conditions: model.conditions.iter().map(|(key, c)| (key.clone(), c.into())).collect(),
        }
    }
}

impl From<&TypeDefinition> for wire::TypeDefinition {
    fn from(definition: &TypeDefinition) -> Self {
        let relations = &definition.relations;
        let described = !relations.is_empty() || definition.module.is_some() || definition.file.is_some();
        let metadata = described.then(|| wire::Metadata {
            relations: relations.iter().map(|(name, relation)| (name.clone(), relation.into())).collect(),
            module: definition.module.clone().unwrap_or_default(),
            source_info: info_of(&definition.file),
        });
        let relations = relations.iter().map(|(name, r)| (name.clone(), userset_of(&r.rewrite))).collect();
        Self { r#type: definition.name.clone(), relations, metadata }
    }
}

impl From<&Relation> for wire::RelationMetadata {
    fn from(relation: &Relation) -> Self {
        let reference = |r: &Restriction| wire::RelationReference {
            r#type: r.type_name.clone(),
            relation_or_wildcard: match &r.relation {
                Some(relation) => Some(RelationOrWildcard::Relation(relation.clone())),
                None => r.wildcard.then_some(RelationOrWildcard::Wildcard(wire::Wildcard {})),
            },
            condition: r.condition.clone().unwrap_or_default(),
        };
        Self {
            directly_related_user_types: relation.restrictions.iter().map(reference).collect(),
            module: relation.module.clone().unwrap_or_default(),
            source_info: info_of(&relation.file),
        }
    }
}

fn userset_of(rewrite: &Rewrite) -> wire::Userset {
    let to = |relation: &String| wire::ObjectRelation { object: String::new(), relation: relation.clone() };
    let all = |operands: &[Rewrite]| wire::Usersets { child: operands.iter().map(userset_of).collect() };
    let operator = match rewrite {
        Rewrite::This => Operator::This(wire::DirectUserset {}),
        Rewrite::Computed(relation) => Operator::ComputedUserset(to(relation)),
        Rewrite::TupleToUserset { tupleset, computed } => Operator::TupleToUserset(wire::TupleToUserset {
            tupleset: Some(to(tupleset)),
            computed_userset: Some(to(computed)),
        }),
        Rewrite::Union(operands) => Operator::Union(all(operands)),
        Rewrite::Intersection(operands) => Operator::Intersection(all(operands)),
        Rewrite::Difference { base, subtract } => Operator::Difference(Box::new(wire::Difference {
            base: Some(Box::new(userset_of(base))),
            subtract: Some(Box::new(userset_of(subtract))),
        })),
    };
    wire::Userset { userset: Some(operator) }
}

impl From<&Condition> for wire::Condition {
    fn from(condition: &Condition) -> Self {
        fn parameter(kind: &ParameterType) -> wire::ConditionParamTypeRef {
            wire::ConditionParamTypeRef {
                type_name: kind.kind.number(),
                generic_types: kind.generics.iter().map(parameter).collect(),
            }
        }
        let metadata =
            (condition.module.is_some() || condition.file.is_some()).then(|| wire::ConditionMetadata {
                module: condition.module.clone().unwrap_or_default(),
                source_info: info_of(&condition.file),
            });
        Self {
            name: condition.name.clone(),
            expression: condition.expression.clone(),
            parameters: condition
                .parameters
                .iter()
                .map(|(name, kind)| (name.clone(), parameter(kind)))
                .collect(),
            metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use fga_model::{ModuleFile, compose_modules};

    use super::*;

    #[test]
    fn fgm_06_a_model_comes_back_from_the_wire_as_it_went() -> Result<(), Box<dyn std::error::Error>> {
        let core = "module core\n\ntype user\n\ntype doc\n  relations\n    define parent: [doc]\n    define blocked: [user with c]\n    define viewer: ([user, user:*, doc#viewer] or viewer from parent) but not blocked\n\ncondition c(x: list<int>) {\n  1 in x\n}\n";
        let more = "module more\n\nextend type doc\n  relations\n    define editor: [user] and viewer\n";
        let files = [ModuleFile::new("core.fga", core), ModuleFile::new("more.fga", more)];
        let model = compose_modules(&files, "1.2")?;
        let message = wire::AuthorizationModel::from(&model);
        assert_eq!(AuthorizationModel::try_from(message)?, model);
        Ok(())
    }
}
