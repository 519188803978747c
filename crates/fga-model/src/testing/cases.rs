//! Models that servers accept, tuples that they take, and questions about them.

use serde_json::{Map, Value, json};

use super::Dice;
use crate::{
    AuthorizationModel, Condition, ModelLimits, ParameterKind, ParameterType, Relation, Restriction, Rewrite,
    TupleKey, TypeDefinition, validate_for_write,
};

/// A model that every server accepts, and tuples that it takes.
#[derive(Clone, Debug)]
pub struct Case {
    /// The model.
    pub model: AuthorizationModel,
    /// Tuples with different keys.
    pub tuples: Vec<TupleKey>,
}

/// May `user` have `relation` on `object`?
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// `type:id`.
    pub object: String,
    /// A relation, mostly one that the object's type has.
    pub relation: String,
    /// A user in any form.
    pub user: String,
    /// Values for conditions.
    pub context: Map<String, Value>,
}

/// Types of plain users.
const PLAIN: [&str; 2] = ["user", "robot"];
/// Types that have relations.
const OTHERS: [&str; 5] = ["group", "document", "folder", "team", "org"];
/// Relations that lead to other objects and hold nothing else.
const LINKS: [&str; 2] = ["parent", "part_of"];
const RELATIONS: [&str; 7] = ["owner", "member", "editor", "viewer", "guest", "blocked", "approved"];
const IDS: [&str; 3] = ["1", "2", "3"];
/// Most tuples of a case.
const TUPLES_MAX: usize = 60;
/// The case of a seed: up to six types of up to eight relations with rewrites of all kinds, every fifth restriction
/// with a condition.
pub fn case(seed: u64) -> Case {
    let dice = &mut Dice::new(seed);
    let model = model(dice);
    let tuples = tuples(dice, &model);
    Case { model, tuples }
}

impl Case {
    /// The questions of a seed, each about another object, relation or user.
    pub fn questions(&self, seed: u64, count: usize) -> Vec<Question> {
        let dice = &mut Dice::new(seed ^ 0x5eed);
        let mut questions: Vec<Question> = Vec::with_capacity(count);
        for _ in 0..4 * count {
            let next = question(dice, self);
            let same =
                |q: &Question| q.object == next.object && q.relation == next.relation && q.user == next.user;
            if questions.len() < count && !questions.iter().any(same) {
                questions.push(next);
            }
        }
        questions
    }
}

fn is_accepted(model: &AuthorizationModel) -> bool {
    validate_for_write(model, ModelLimits::OPENFGA).is_ok()
}

/// What a model may refer to: types with their relations.
struct Names {
    types: Vec<(&'static str, Vec<&'static str>)>,
}

impl Names {
    fn of(dice: &mut Dice) -> Self {
        let mut types = vec![(PLAIN[0], Vec::new())];
        if dice.chance(3) {
            types.push((PLAIN[1], Vec::new()));
        }
        for name in OTHERS.iter().take(1 + dice.below(5)) {
            let mut relations: Vec<&str> = Vec::new();
            for link in LINKS {
                if dice.below(3) > 0 {
                    relations.push(link);
                }
            }
            let wanted = (relations.len() + 2 + dice.below(5)).min(8);
            while relations.len() < wanted {
                let relation = *dice.pick(&RELATIONS);
                if !relations.contains(&relation) {
                    relations.push(relation);
                }
            }
            types.push((name, relations));
        }
        Self { types }
    }

    fn with_relations(&self) -> Vec<&(&'static str, Vec<&'static str>)> {
        self.types.iter().filter(|(_, relations)| !relations.is_empty()).collect()
    }

    fn relations_of(&self, type_name: &str) -> &[&'static str] {
        let found = self.types.iter().find(|(name, _)| *name == type_name);
        found.map(|(_, relations)| relations.as_slice()).unwrap_or_default()
    }
}

fn is_link(relation: &str) -> bool {
    LINKS.contains(&relation)
}

/// Every relation is plain at first. Then those of one type after the other get random definitions: all of them if the
/// model is accepted so, otherwise each for which it is.
fn model(dice: &mut Dice) -> AuthorizationModel {
    let names = Names::of(dice);
    let mut model = AuthorizationModel { schema_version: "1.1".to_owned(), ..AuthorizationModel::default() };
    for (name, relations) in &names.types {
        let mut definition = TypeDefinition::new(*name);
        for relation in relations {
            let made = match is_link(relation) {
                true => link(dice, &names),
                false => Relation::new(Rewrite::This, vec![Restriction::concrete(PLAIN[0])]),
            };
            definition.relations.insert((*relation).to_owned(), made);
        }
        model.types.push(definition);
    }
    for (at, (_, relations)) in names.types.iter().enumerate() {
        let made = definitions(dice, &names, &model.types[at], relations);
        let groups = std::iter::once(made.clone()).chain(made.into_iter().map(|one| vec![one]));
        for group in groups {
            let whole = group.len() > 1;
            let mut changed = model.clone();
            changed.types[at].relations.extend(group);
            conditions(&mut changed);
            if is_accepted(&changed) {
                model = changed;
                if whole {
                    break;
                }
            }
        }
    }
    conditions(&mut model);
    model
}

/// Random definitions of the relations of a type that are no links.
fn definitions(
    dice: &mut Dice,
    names: &Names,
    definition: &TypeDefinition,
    relations: &[&'static str],
) -> Vec<(String, Relation)> {
    let leads_to = |link: &str| {
        let link = definition.relations.get(link).into_iter().flat_map(|link| &link.restrictions);
        link.map(|restriction| restriction.type_name.clone()).collect()
    };
    let links: Vec<(&str, Vec<String>)> =
        relations.iter().filter(|r| is_link(r)).map(|link| (*link, leads_to(link))).collect();
    let scope = Scope { names, relations, links: &links };
    let mut made = Vec::new();
    for relation in relations.iter().filter(|relation| !is_link(relation)) {
        let rewrite = scope.rewrite(dice, 2, true);
        let restrictions = match rewrite.direct_parts() {
            0 => Vec::new(),
            _ => restrictions(dice, names),
        };
        made.push(((*relation).to_owned(), Relation::new(rewrite, restrictions)));
    }
    made
}

/// The conditions that restrictions name.
fn conditions(model: &mut AuthorizationModel) {
    let relations = model.types.iter().flat_map(|definition| definition.relations.values());
    let used: Vec<String> =
        relations.flat_map(|r| &r.restrictions).filter_map(|r| r.condition.clone()).collect();
    let plain = |kind| ParameterType { kind, generics: Vec::new() };
    let all = [
        ("is_small", "x < 10", vec![("x", plain(ParameterKind::Int))]),
        (
            "is_listed",
            "name in names",
            vec![
                ("name", plain(ParameterKind::String)),
                (
                    "names",
                    ParameterType { kind: ParameterKind::List, generics: vec![plain(ParameterKind::String)] },
                ),
            ],
        ),
    ];
    for (name, expression, parameters) in all {
        if used.iter().any(|used| used == name) {
            let parameters = parameters.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect();
            let (name, expression) = (name.to_owned(), expression.to_owned());
            let condition = Condition { name: name.clone(), expression, parameters, ..Condition::default() };
            model.conditions.insert(name, condition);
        }
    }
}

fn condition(dice: &mut Dice) -> Option<String> {
    dice.chance(5).then(|| (*dice.pick(&["is_small", "is_listed"])).to_owned())
}

/// A relation that leads to objects of one or two types.
fn link(dice: &mut Dice, names: &Names) -> Relation {
    let targets = names.with_relations();
    let mut restrictions = vec![Restriction::concrete(dice.pick(&targets).0)];
    if dice.chance(3) {
        let more = Restriction::concrete(dice.pick(&targets).0);
        if !restrictions.contains(&more) {
            restrictions.push(more);
        }
    }
    if let Some(first) = restrictions.first_mut() {
        first.condition = condition(dice).filter(|_| dice.chance(2));
    }
    Relation::new(Rewrite::This, restrictions)
}

fn restrictions(dice: &mut Dice, names: &Names) -> Vec<Restriction> {
    let mut made: Vec<Restriction> = Vec::new();
    for at in 0..1 + dice.below(3) {
        let mut next = match if at == 0 { dice.below(5) } else { dice.below(6) } {
            0..4 if at == 0 => Restriction::concrete(PLAIN[0]),
            0..2 => Restriction::concrete(PLAIN[0]),
            2 | 3 => Restriction::wildcard(PLAIN[0]),
            4 => {
                let (name, relations) = *dice.pick(&names.with_relations());
                Restriction::userset(*name, *dice.pick(relations))
            }
            _ => Restriction::concrete(dice.pick(&names.types).0),
        };
        next.condition = condition(dice);
        if !made.contains(&next) {
            made.push(next);
        }
    }
    made
}

/// Where a rewrite stands.
struct Scope<'a> {
    names: &'a Names,
    relations: &'a [&'static str],
    /// Links of the type, with the types they lead to.
    links: &'a [(&'static str, Vec<String>)],
}

impl Scope<'_> {
    /// A rewrite whose direct part, if it has one, is its very first leaf.
    fn rewrite(&self, dice: &mut Dice, depth: usize, first: bool) -> Rewrite {
        if depth == 0 || dice.below(5) < 2 {
            return self.leaf(dice, first);
        }
        let count = 2 + usize::from(dice.chance(4));
        match dice.below(6) {
            0..4 => Rewrite::Union(self.operands(dice, depth, first, count)),
            4 => Rewrite::Intersection(self.operands(dice, depth, first, count)),
            _ => {
                let base = Box::new(self.rewrite(dice, depth - 1, first));
                Rewrite::Difference { base, subtract: Box::new(self.rewrite(dice, depth - 1, false)) }
            }
        }
    }

    fn operands(&self, dice: &mut Dice, depth: usize, first: bool, count: usize) -> Vec<Rewrite> {
        (0..count).map(|at| self.rewrite(dice, depth - 1, first && at == 0)).collect()
    }

    fn leaf(&self, dice: &mut Dice, first: bool) -> Rewrite {
        if first && dice.below(4) > 0 {
            return Rewrite::This;
        }
        if !self.links.is_empty() && dice.chance(2) {
            let (tupleset, types) = dice.pick(self.links);
            let computed: Vec<&str> =
                types.iter().flat_map(|t| self.names.relations_of(t)).copied().collect();
            let computed = (*dice.pick(&computed)).to_owned();
            return Rewrite::TupleToUserset { tupleset: (*tupleset).to_owned(), computed };
        }
        let mut relation = *dice.pick(self.relations);
        if is_link(relation) && dice.below(4) > 0 {
            // Whoever a link leads to is no user; such relations are of little interest.
            relation = *dice.pick(self.relations);
        }
        Rewrite::Computed(relation.to_owned())
    }
}

fn tuples(dice: &mut Dice, model: &AuthorizationModel) -> Vec<TupleKey> {
    let mut open: Vec<(&str, &str, &Restriction)> = Vec::new();
    for definition in &model.types {
        for (name, relation) in &definition.relations {
            open.extend(relation.restrictions.iter().map(|r| (definition.name.as_str(), name.as_str(), r)));
        }
    }
    let mut tuples: Vec<TupleKey> = Vec::new();
    if open.is_empty() {
        return tuples;
    }
    for _ in 0..20 + dice.below(TUPLES_MAX - 20) {
        let (type_name, relation, restriction) = *dice.pick(&open);
        let object = format!("{type_name}:{}", dice.pick(&IDS));
        let id = if restriction.wildcard { "*" } else { *dice.pick(&IDS) };
        let user = match &restriction.relation {
            None => format!("{}:{id}", restriction.type_name),
            Some(of) => format!("{}:{id}#{of}", restriction.type_name),
        };
        let mut tuple = TupleKey::new(object, relation, user);
        if let Some(condition) = &restriction.condition {
            tuple = tuple.with_condition(condition, values(dice, condition, Wrong::Never));
        }
        let own = tuple.user == format!("{}#{}", tuple.object, tuple.relation);
        if !own && !tuples.iter().any(|t| t.same_key(&tuple)) {
            tuples.push(tuple);
        }
    }
    tuples
}

/// Whether values may have a wrong type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Never,
    Seldom,
}

/// Values of some of a condition's parameters.
fn values(dice: &mut Dice, condition: &str, wrong: Wrong) -> Map<String, Value> {
    let mut values = Map::new();
    if condition == "is_small" && dice.below(3) > 0 {
        let wrong = wrong == Wrong::Seldom && dice.chance(12);
        values.insert("x".to_owned(), if wrong { json!("many") } else { json!(dice.below(20)) });
    }
    if condition == "is_listed" {
        if dice.below(3) > 0 {
            values.insert("name".to_owned(), json!(*dice.pick(&["a", "b"])));
        }
        if dice.below(3) > 0 {
            values.insert("names".to_owned(), json!([*dice.pick(&["a", "b"]), "c"]));
        }
    }
    values
}

fn question(dice: &mut Dice, case: &Case) -> Question {
    let types = &case.model.types;
    let with: Vec<&TypeDefinition> = types.iter().filter(|t| !t.relations.is_empty()).collect();
    let definition = *dice.pick(&with);
    let relations: Vec<&str> = definition.relations.keys().map(String::as_str).collect();
    let mut relation = if dice.chance(60) { *dice.pick(&RELATIONS) } else { *dice.pick(&relations) };
    if is_link(relation) && dice.below(3) > 0 {
        relation = *dice.pick(&relations);
    }
    let user = match dice.below(12) {
        0 => format!("{}:*", dice.pick(types).name),
        1 | 2 => {
            let of = *dice.pick(&with);
            let relations: Vec<&str> = of.relations.keys().map(String::as_str).collect();
            format!("{}:{}#{}", of.name, dice.pick(&IDS), dice.pick(&relations))
        }
        3 => format!("{}:{}", dice.pick(types).name, dice.pick(&IDS)),
        _ => format!("user:{}", dice.pick(&IDS)),
    };
    let mut context = Map::new();
    for condition in case.model.conditions.keys() {
        context.extend(values(dice, condition, Wrong::Seldom));
    }
    Question {
        object: format!("{}:{}", definition.name, dice.pick(&IDS)),
        relation: relation.to_owned(),
        user,
        context,
    }
}
