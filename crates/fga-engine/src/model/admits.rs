//! Which tuples a relation takes, by type, shape and condition of the user.

use fga_model::Restriction;

use crate::names::{Names, RelId, TypeId};

/// The restrictions of a relation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Admits(Vec<Admitted>);

#[derive(Clone, Debug)]
struct Admitted {
    type_id: TypeId,
    userset: Option<RelId>,
    wildcard: bool,
    condition: Option<String>,
}

impl Admits {
    pub fn of(restrictions: &[Restriction], names: &Names) -> Self {
        let admitted = |r: &Restriction| {
            Some(Admitted {
                type_id: names.type_id(&r.type_name)?,
                userset: match &r.relation {
                    Some(relation) => Some(names.relation_id(relation)?),
                    None => None,
                },
                wildcard: r.wildcard,
                condition: r.condition.clone(),
            })
        };
        Self(restrictions.iter().filter_map(admitted).collect())
    }

    /// Whether the model allows a tuple with such a user. A condition must be listed for the user's type; for which
    /// shape does not matter (OpenFGA does not compare it).
    pub fn allows(
        &self,
        type_id: TypeId,
        userset: Option<RelId>,
        wildcard: bool,
        condition: Option<&str>,
    ) -> bool {
        let shape = |a: &&Admitted| a.type_id == type_id && a.userset == userset && a.wildcard == wildcard;
        match condition {
            None => self.0.iter().filter(shape).any(|a| a.condition.is_none()),
            Some(name) => {
                let listed = |a: &Admitted| a.type_id == type_id && a.condition.as_deref() == Some(name);
                self.0.iter().any(|a| shape(&a)) && self.0.iter().any(listed)
            }
        }
    }

    /// Whether any tuple with such a user is allowed, with or without a condition.
    pub fn shape(&self, type_id: TypeId, userset: Option<RelId>, wildcard: bool) -> bool {
        self.0.iter().any(|a| a.type_id == type_id && a.userset == userset && a.wildcard == wildcard)
    }

    /// Whether any tuple may have a condition.
    pub fn conditional(&self) -> bool {
        self.0.iter().any(|a| a.condition.is_some())
    }

    /// Whether any tuple may name a userset.
    pub fn has_usersets(&self) -> bool {
        self.0.iter().any(|a| a.userset.is_some())
    }

    /// Types whose objects may stand in a tuple.
    pub fn concrete(&self) -> impl Iterator<Item = TypeId> {
        self.0.iter().filter(|a| a.userset.is_none() && !a.wildcard).map(|a| a.type_id)
    }

    /// Types that may stand in a tuple as a wildcard.
    pub fn wildcards(&self) -> impl Iterator<Item = TypeId> {
        self.0.iter().filter(|a| a.wildcard).map(|a| a.type_id)
    }

    /// Usersets that may stand in a tuple.
    pub fn usersets(&self) -> impl Iterator<Item = (TypeId, RelId)> {
        self.0.iter().filter_map(|a| Some((a.type_id, a.userset?)))
    }
}
