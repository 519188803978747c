//! Strings to dense ids, per store, and the hasher for those ids.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::Arc,
};

/// A type name of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TypeId(pub u32);

/// A relation name of a store, whatever type it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RelId(pub u32);

/// An object of a store, or above [`Names::objects`] one that only the request knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ObjId(pub u32);

/// The user side of a tuple. The order groups concrete objects, then wildcards, then usersets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Subject {
    Object(ObjId),
    Wildcard(TypeId),
    Userset(ObjId, RelId),
}

/// Map whose keys are ids we made ourselves: a folded multiplication is enough, and fast.
pub(crate) type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// Folded multiplication: both halves of the 128-bit product take part, so packed keys do not collapse.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl IdHasher {
    fn fold(&mut self, value: u64) {
        let product = u128::from(self.0 ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        let bytes = product.to_le_bytes();
        let half =
            |at: usize| bytes.iter().skip(at).take(8).rev().fold(0u64, |all, b| (all << 8) | u64::from(*b));
        self.0 = half(0) ^ half(8);
    }
}

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes
            .chunks(8)
            .for_each(|chunk| self.fold(chunk.iter().fold(1, |all, b| (all << 8) | u64::from(*b))));
    }

    fn write_u32(&mut self, value: u32) {
        self.fold(u64::from(value) | 1 << 32);
    }

    fn write_u64(&mut self, value: u64) {
        self.fold(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.fold(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.fold(value as u64);
    }
}

/// Names that are interned once and never forgotten.
#[derive(Default)]
struct Interner {
    ids: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

impl Interner {
    fn intern(&mut self, text: &str) -> u32 {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        // More than four billion names do not fit into memory.
        let id = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let text: Arc<str> = text.into();
        self.texts.push(text.clone());
        self.ids.insert(text, id);
        id
    }

    fn text(&self, id: u32) -> &str {
        self.texts.get(id as usize).map_or("", |t| t)
    }
}

/// Every name of one store. Keys are hashed with a seeded hash: callers choose them.
#[derive(Default)]
pub(crate) struct Names {
    types: Interner,
    relations: Interner,
    objects: Interner,
    object_types: Vec<TypeId>,
}

impl Names {
    pub fn intern_type(&mut self, name: &str) -> TypeId {
        TypeId(self.types.intern(name))
    }

    pub fn intern_relation(&mut self, name: &str) -> RelId {
        RelId(self.relations.intern(name))
    }

    /// Interns `type:id`.
    pub fn intern_object(&mut self, object: &str) -> ObjId {
        let id = self.objects.intern(object);
        if id as usize == self.object_types.len() {
            let type_id = self.intern_type(object.split(':').next().unwrap_or_default());
            self.object_types.push(type_id);
        }
        ObjId(id)
    }

    pub fn type_id(&self, name: &str) -> Option<TypeId> {
        self.types.ids.get(name).copied().map(TypeId)
    }

    pub fn relation_id(&self, name: &str) -> Option<RelId> {
        self.relations.ids.get(name).copied().map(RelId)
    }

    pub fn object_id(&self, object: &str) -> Option<ObjId> {
        self.objects.ids.get(object).copied().map(ObjId)
    }

    pub fn type_name(&self, id: TypeId) -> &str {
        self.types.text(id.0)
    }

    pub fn relation_name(&self, id: RelId) -> &str {
        self.relations.text(id.0)
    }

    pub fn object_name(&self, id: ObjId) -> &str {
        self.objects.text(id.0)
    }

    pub fn type_of(&self, id: ObjId) -> Option<TypeId> {
        self.object_types.get(id.0 as usize).copied()
    }

    /// How many objects there are; ids from here on belong to requests.
    pub fn objects(&self) -> u32 {
        u32::try_from(self.object_types.len()).unwrap_or(u32::MAX)
    }

    /// How many types there are.
    pub fn types(&self) -> usize {
        self.types.texts.len()
    }

    pub fn subject_name(&self, subject: Subject) -> String {
        match subject {
            Subject::Object(object) => self.object_name(object).to_owned(),
            Subject::Wildcard(type_id) => format!("{}:*", self.type_name(type_id)),
            Subject::Userset(object, relation) => {
                format!("{}#{}", self.object_name(object), self.relation_name(relation))
            }
        }
    }
}
