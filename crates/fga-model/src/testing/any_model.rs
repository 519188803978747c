//! Models as texts: what can be written, whether it means something or not.

use super::Dice;
use crate::{
    AuthorizationModel, Condition, ParameterKind, ParameterType, Relation, Restriction, Rewrite,
    TypeDefinition,
};

const TYPES: [&str; 6] = ["user", "group", "core_platform-mesh_io_account", "a/b.c", "_x", "model"];
const RELATIONS: [&str; 7] = ["member", "owner", "can_view", "a-b", "type", "parent", "r2"];
const CONDITIONS: [&str; 2] = ["in_office", "not-expired"];
const EXPRESSIONS: [&str; 4] =
    ["x < 100", "'}' == y && x > 1", "x == 1 ||\n  x == 2", "[1, 2].all(z, z != x)"];
const PRIMITIVES: [ParameterKind; 8] = [
    ParameterKind::Bool,
    ParameterKind::String,
    ParameterKind::Int,
    ParameterKind::Uint,
    ParameterKind::Double,
    ParameterKind::Duration,
    ParameterKind::Timestamp,
    ParameterKind::IpAddress,
];

fn restriction(dice: &mut Dice) -> Restriction {
    let mut restriction = Restriction::concrete(*dice.pick(&TYPES));
    match dice.below(4) {
        0 => restriction.wildcard = true,
        1 => restriction.relation = Some((*dice.pick(&RELATIONS)).to_owned()),
        _ => {}
    }
    if dice.chance(5) {
        restriction.condition = Some((*dice.pick(&CONDITIONS)).to_owned());
    }
    restriction
}

/// A rewrite whose direct part, if it has one, is its very first leaf.
fn rewrite(dice: &mut Dice, depth: usize, first: bool) -> Rewrite {
    if depth == 0 || dice.chance(2) {
        return match dice.below(3) {
            0 if first => Rewrite::This,
            1 => Rewrite::TupleToUserset {
                tupleset: (*dice.pick(&RELATIONS)).to_owned(),
                computed: (*dice.pick(&RELATIONS)).to_owned(),
            },
            _ => Rewrite::Computed((*dice.pick(&RELATIONS)).to_owned()),
        };
    }
    let count = 2 + dice.below(2);
    let operands = |dice: &mut Dice, count: usize| -> Vec<Rewrite> {
        (0..count).map(|i| rewrite(dice, depth - 1, first && i == 0)).collect()
    };
    match dice.below(3) {
        0 => Rewrite::Union(operands(dice, count)),
        1 => Rewrite::Intersection(operands(dice, count)),
        _ => {
            let base = Box::new(rewrite(dice, depth - 1, first));
            Rewrite::Difference { base, subtract: Box::new(rewrite(dice, depth - 1, false)) }
        }
    }
}

fn parameter(dice: &mut Dice) -> ParameterType {
    let plain = |kind| ParameterType { kind, generics: Vec::new() };
    let element = plain(*dice.pick(&PRIMITIVES));
    match dice.below(4) {
        0 => ParameterType { kind: ParameterKind::List, generics: vec![element] },
        1 => ParameterType { kind: ParameterKind::Map, generics: vec![element] },
        _ => element,
    }
}

/// A model that can be written down: every part of the language, with names that need not fit together.
pub fn any_model(seed: u64) -> AuthorizationModel {
    let dice = &mut Dice::new(seed);
    let mut model = AuthorizationModel { schema_version: "1.1".to_owned(), ..AuthorizationModel::default() };
    for name in TYPES {
        if dice.chance(3) {
            continue;
        }
        let mut definition = TypeDefinition::new(name);
        for relation in RELATIONS {
            if dice.chance(2) {
                let rewrite = rewrite(dice, 3, true);
                let count = rewrite.direct_parts() * (1 + dice.below(3));
                let restrictions = (0..count).map(|_| restriction(dice)).collect();
                definition.relations.insert(relation.to_owned(), Relation::new(rewrite, restrictions));
            }
        }
        model.types.push(definition);
    }
    for name in CONDITIONS {
        if dice.chance(2) {
            let mut condition = Condition {
                name: name.to_owned(),
                expression: (*dice.pick(&EXPRESSIONS)).to_owned(),
                ..Condition::default()
            };
            for parameter_name in ["x", "y"].iter().take(1 + dice.below(2)) {
                condition.parameters.insert((*parameter_name).to_owned(), parameter(dice));
            }
            model.conditions.insert(name.to_owned(), condition);
        }
    }
    model
}
