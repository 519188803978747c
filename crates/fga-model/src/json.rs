//! The JSON form of models: protobuf JSON with OpenFGA's mixed spelling, read in both spellings.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{
    AuthorizationModel, Condition, ParameterKind, ParameterType, Relation, Restriction, Rewrite,
    TypeDefinition,
};

/// A JSON text that is no authorization model.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The text cannot be read.
    #[error("the model is not valid JSON of an authorization model: {0}")]
    Syntax(#[from] serde_json::Error),
}

impl AuthorizationModel {
    /// Reads the JSON form. Unknown fields are ignored; absent, null and empty mean the same.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        Ok(serde_json::from_str(text)?)
    }

    /// The JSON form, in OpenFGA's spelling, absent where empty.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or(serde_json::Value::Null)
    }
}

impl Serialize for AuthorizationModel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        wire::Model::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AuthorizationModel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = wire::Model::deserialize(deserializer)?;
        AuthorizationModel::try_from(wire).map_err(serde::de::Error::custom)
    }
}

mod wire {
    use super::*;

    fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(d: D) -> Result<T, D::Error> {
        Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
    }

    #[derive(Serialize, Deserialize)]
    pub(super) struct Model {
        #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
        pub id: String,
        #[serde(
            default,
            deserialize_with = "nullable",
            alias = "schemaVersion",
            skip_serializing_if = "String::is_empty"
        )]
        pub schema_version: String,
        #[serde(default, deserialize_with = "nullable", alias = "typeDefinitions")]
        pub type_definitions: Vec<Type>,
        #[serde(default, deserialize_with = "nullable", skip_serializing_if = "IndexMap::is_empty")]
        pub conditions: IndexMap<String, Cond>,
    }

    #[derive(Serialize, Deserialize, Default)]
    pub(super) struct Type {
        #[serde(default, deserialize_with = "nullable", rename = "type")]
        pub name: String,
        #[serde(default, deserialize_with = "nullable")]
        pub relations: IndexMap<String, Userset>,
        #[serde(default)]
        pub metadata: Option<Metadata>,
    }

    #[derive(Serialize, Deserialize, Default)]
    pub(super) struct Metadata {
        #[serde(default, deserialize_with = "nullable", skip_serializing_if = "IndexMap::is_empty")]
        pub relations: IndexMap<String, RelationMetadata>,
        #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
        pub module: String,
        #[serde(default, alias = "sourceInfo", skip_serializing_if = "Option::is_none")]
        pub source_info: Option<SourceInfo>,
    }

    #[derive(Serialize, Deserialize, Default)]
    pub(super) struct RelationMetadata {
        #[serde(default, deserialize_with = "nullable", alias = "directlyRelatedUserTypes")]
        pub directly_related_user_types: Vec<Reference>,
        #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
        pub module: String,
        #[serde(default, alias = "sourceInfo", skip_serializing_if = "Option::is_none")]
        pub source_info: Option<SourceInfo>,
    }

    #[derive(Serialize, Deserialize, Default)]
    pub(super) struct SourceInfo {
        #[serde(default, deserialize_with = "nullable")]
        pub file: String,
    }

    #[derive(Serialize, Deserialize, Default)]
    pub(super) struct Empty {}

    #[derive(Serialize, Deserialize, Default)]
    pub(super) struct Reference {
        #[serde(default, deserialize_with = "nullable", rename = "type")]
        pub type_name: String,
        #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
        pub relation: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub wildcard: Option<Empty>,
        #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
        pub condition: String,
    }

    #[derive(Serialize, Deserialize, Default)]
    pub(super) struct ObjectRelation {
        #[serde(default, deserialize_with = "nullable")]
        pub relation: String,
    }

    #[derive(Serialize, Deserialize, Default)]
    pub(super) struct Userset {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub this: Option<Empty>,
        #[serde(
            default,
            rename = "computedUserset",
            alias = "computed_userset",
            skip_serializing_if = "Option::is_none"
        )]
        pub computed: Option<ObjectRelation>,
        #[serde(
            default,
            rename = "tupleToUserset",
            alias = "tuple_to_userset",
            skip_serializing_if = "Option::is_none"
        )]
        pub ttu: Option<Ttu>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub union: Option<Children>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub intersection: Option<Children>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub difference: Option<Difference>,
    }

    #[derive(Serialize, Deserialize, Default)]
    pub(super) struct Ttu {
        #[serde(default)]
        pub tupleset: ObjectRelation,
        #[serde(default, rename = "computedUserset", alias = "computed_userset")]
        pub computed: ObjectRelation,
    }

    #[derive(Serialize, Deserialize, Default)]
    pub(super) struct Children {
        #[serde(default, deserialize_with = "nullable")]
        pub child: Vec<Userset>,
    }

    #[derive(Serialize, Deserialize)]
    pub(super) struct Difference {
        pub base: Box<Userset>,
        pub subtract: Box<Userset>,
    }

    #[derive(Serialize, Deserialize)]
    pub(super) struct Cond {
        #[serde(default, deserialize_with = "nullable")]
        pub name: String,
        #[serde(default, deserialize_with = "nullable")]
        pub expression: String,
        #[serde(default, deserialize_with = "nullable")]
        pub parameters: IndexMap<String, Param>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub metadata: Option<CondMetadata>,
    }

    #[derive(Serialize, Deserialize, Default)]
    pub(super) struct CondMetadata {
        #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
        pub module: String,
        #[serde(default, alias = "sourceInfo", skip_serializing_if = "Option::is_none")]
        pub source_info: Option<SourceInfo>,
    }

    #[derive(Serialize, Deserialize)]
    pub(super) struct Param {
        #[serde(default, deserialize_with = "nullable", alias = "typeName")]
        pub type_name: String,
        #[serde(
            default,
            deserialize_with = "nullable",
            alias = "genericTypes",
            skip_serializing_if = "Vec::is_empty"
        )]
        pub generic_types: Vec<Param>,
    }
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn file_of(info: Option<wire::SourceInfo>) -> Option<String> {
    info.and_then(|i| filled(i.file))
}

fn info_of(file: &Option<String>) -> Option<wire::SourceInfo> {
    file.as_ref().map(|file| wire::SourceInfo { file: file.clone() })
}

/// What is wrong with a model's JSON although it is JSON.
#[derive(Debug, thiserror::Error)]
enum ShapeError {
    #[error("relation `{relation}` of type `{type_name}` has no operator")]
    NoOperator { type_name: String, relation: String },
    #[error("parameter `{parameter}` of condition `{condition}` has the unknown type `{type_name}`")]
    ParameterType { condition: String, parameter: String, type_name: String },
}

impl TryFrom<wire::Model> for AuthorizationModel {
    type Error = ShapeError;

    fn try_from(model: wire::Model) -> Result<Self, ShapeError> {
        let types =
            model.type_definitions.into_iter().map(TypeDefinition::try_from).collect::<Result<_, _>>()?;
        let conditions = model
            .conditions
            .into_iter()
            .map(|(key, condition)| Ok((key, Condition::try_from(condition)?)))
            .collect::<Result<_, ShapeError>>()?;
        Ok(Self { id: filled(model.id), schema_version: model.schema_version, types, conditions })
    }
}

impl TryFrom<wire::Type> for TypeDefinition {
    type Error = ShapeError;

    fn try_from(definition: wire::Type) -> Result<Self, ShapeError> {
        let wire::Type { name, relations, metadata } = definition;
        let mut metadata = metadata.unwrap_or_default();
        let relations = relations
            .into_iter()
            .map(|(relation, userset)| {
                let rewrite = rewrite_of(userset).ok_or_else(|| ShapeError::NoOperator {
                    type_name: name.clone(),
                    relation: relation.clone(),
                })?;
                let about = metadata.relations.swap_remove(&relation).unwrap_or_default();
                let restrictions =
                    about.directly_related_user_types.into_iter().map(restriction_of).collect();
                let value = Relation {
                    rewrite,
                    restrictions,
                    module: filled(about.module),
                    file: file_of(about.source_info),
                };
                Ok((relation, value))
            })
            .collect::<Result<_, ShapeError>>()?;
        Ok(Self { name, relations, module: filled(metadata.module), file: file_of(metadata.source_info) })
    }
}

fn restriction_of(reference: wire::Reference) -> Restriction {
    Restriction {
        type_name: reference.type_name,
        relation: filled(reference.relation),
        wildcard: reference.wildcard.is_some(),
        condition: filled(reference.condition),
    }
}

fn rewrite_of(userset: wire::Userset) -> Option<Rewrite> {
    let children = |c: wire::Children| c.child.into_iter().map(rewrite_of).collect::<Option<Vec<_>>>();
    if userset.this.is_some() {
        Some(Rewrite::This)
    } else if let Some(computed) = userset.computed {
        Some(Rewrite::Computed(computed.relation))
    } else if let Some(ttu) = userset.ttu {
        Some(Rewrite::TupleToUserset { tupleset: ttu.tupleset.relation, computed: ttu.computed.relation })
    } else if let Some(union) = userset.union {
        Some(Rewrite::Union(children(union)?))
    } else if let Some(intersection) = userset.intersection {
        Some(Rewrite::Intersection(children(intersection)?))
    } else if let Some(difference) = userset.difference {
        let (base, subtract) = (rewrite_of(*difference.base)?, rewrite_of(*difference.subtract)?);
        Some(Rewrite::Difference { base: Box::new(base), subtract: Box::new(subtract) })
    } else {
        None
    }
}

impl TryFrom<wire::Cond> for Condition {
    type Error = ShapeError;

    fn try_from(condition: wire::Cond) -> Result<Self, ShapeError> {
        let metadata = condition.metadata.unwrap_or_default();
        let parameters = condition
            .parameters
            .into_iter()
            .map(|(parameter, wire)| {
                let type_name = wire.type_name.clone();
                let value = parameter_of(wire).ok_or_else(|| ShapeError::ParameterType {
                    condition: condition.name.clone(),
                    parameter: parameter.clone(),
                    type_name,
                })?;
                Ok((parameter, value))
            })
            .collect::<Result<_, ShapeError>>()?;
        Ok(Self {
            name: condition.name,
            expression: condition.expression,
            parameters,
            module: filled(metadata.module),
            file: file_of(metadata.source_info),
        })
    }
}

fn parameter_of(parameter: wire::Param) -> Option<ParameterType> {
    let kind = if parameter.type_name.is_empty() {
        ParameterKind::Unspecified
    } else {
        ParameterKind::from_json(&parameter.type_name)?
    };
    let generics = parameter.generic_types.into_iter().map(parameter_of).collect::<Option<_>>()?;
    Some(ParameterType { kind, generics })
}

impl From<&AuthorizationModel> for wire::Model {
    fn from(model: &AuthorizationModel) -> Self {
        Self {
            id: model.id.clone().unwrap_or_default(),
            schema_version: model.schema_version.clone(),
            type_definitions: model.types.iter().map(wire::Type::from).collect(),
            conditions: model.conditions.iter().map(|(key, c)| (key.clone(), wire::Cond::from(c))).collect(),
        }
    }
}

impl From<&TypeDefinition> for wire::Type {
    fn from(definition: &TypeDefinition) -> Self {
        let relations =
            definition.relations.iter().map(|(name, r)| (name.clone(), userset_of(&r.rewrite))).collect();
        let metadata = (!definition.relations.is_empty()
            || definition.module.is_some()
            || definition.file.is_some())
        .then(|| wire::Metadata {
            relations: definition.relations.iter().map(|(name, r)| (name.clone(), r.into())).collect(),
            module: definition.module.clone().unwrap_or_default(),
            source_info: info_of(&definition.file),
        });
        Self { name: definition.name.clone(), relations, metadata }
    }
}

impl From<&Relation> for wire::RelationMetadata {
    fn from(relation: &Relation) -> Self {
        let reference = |r: &Restriction| wire::Reference {
            type_name: r.type_name.clone(),
            relation: r.relation.clone().unwrap_or_default(),
            wildcard: r.wildcard.then_some(wire::Empty {}),
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
    let to = |relation: &String| wire::ObjectRelation { relation: relation.clone() };
    let children =
        |operands: &[Rewrite]| Some(wire::Children { child: operands.iter().map(userset_of).collect() });
    let mut userset = wire::Userset::default();
    match rewrite {
        Rewrite::This => userset.this = Some(wire::Empty {}),
        Rewrite::Computed(relation) => userset.computed = Some(to(relation)),
        Rewrite::TupleToUserset { tupleset, computed } => {
            userset.ttu = Some(wire::Ttu { tupleset: to(tupleset), computed: to(computed) });
        }
        Rewrite::Union(operands) => userset.union = children(operands),
        Rewrite::Intersection(operands) => userset.intersection = children(operands),
        Rewrite::Difference { base, subtract } => {
            userset.difference = Some(wire::Difference {
                base: Box::new(userset_of(base)),
                subtract: Box::new(userset_of(subtract)),
            });
        }
    }
    userset
}

impl From<&Condition> for wire::Cond {
    fn from(condition: &Condition) -> Self {
        fn parameter(value: &ParameterType) -> wire::Param {
            wire::Param {
                type_name: value.kind.json().to_owned(),
                generic_types: value.generics.iter().map(parameter).collect(),
            }
        }
        let metadata = (condition.module.is_some() || condition.file.is_some()).then(|| wire::CondMetadata {
            module: condition.module.clone().unwrap_or_default(),
            source_info: info_of(&condition.file),
        });
        Self {
            name: condition.name.clone(),
            expression: condition.expression.clone(),
            parameters: condition.parameters.iter().map(|(k, p)| (k.clone(), parameter(p))).collect(),
            metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fga_02_both_spellings_and_emitted_defaults_read_as_the_same_model() -> Result<(), JsonError> {
        let short = r#"{"schema_version":"1.2","type_definitions":[{"type":"user"},{"type":"doc","relations":{
            "parent":{"this":{}},"viewer":{"tupleToUserset":{"computedUserset":{"relation":"viewer"},"tupleset":{"relation":"parent"}}}},
            "metadata":{"module":"m","source_info":{"file":"a.fga"},"relations":{"parent":{"directly_related_user_types":[{"type":"doc"}]}}}}]}"#;
        let long = r#"{"schemaVersion":"1.2","conditions":null,"typeDefinitions":[{"type":"user","relations":{},"metadata":null},{"type":"doc","extra":1,"relations":{
            "parent":{"this":{}},"viewer":{"tuple_to_userset":{"computed_userset":{"object":"","relation":"viewer"},"tupleset":{"object":"","relation":"parent"}}}},
            "metadata":{"module":"m","sourceInfo":{"file":"a.fga"},"relations":{"viewer":{"directlyRelatedUserTypes":[],"module":"","source_info":null},
            "parent":{"directlyRelatedUserTypes":[{"type":"doc","condition":""}]}}}}]}"#;
        let (a, b) = (AuthorizationModel::from_json(short)?, AuthorizationModel::from_json(long)?);
        assert_eq!(a, b);
        assert_eq!(AuthorizationModel::from_json(&a.to_json().to_string())?, a);
        assert!(
            AuthorizationModel::from_json(r#"{"type_definitions":[{"type":"a","relations":{"x":{}}}]}"#)
                .is_err()
        );
        Ok(())
    }
}
