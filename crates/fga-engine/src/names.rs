//! Strings to dense ids, per store, and the hasher for those ids.

use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, Hasher},
};

use fga_model::ObjectRef;
use hashbrown::{DefaultHashBuilder, HashTable};

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
        self.0 = product as u64 ^ (product >> 64) as u64;
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

/// Bytes of one block of texts.
const BLOCK_BYTES: usize = 256 * 1024;

/// Names that are interned once. Texts lie one after another in blocks that never move; a table of hashes finds them.
#[derive(Default)]
struct Interner {
    /// Seeded: callers choose the texts.
    hasher: DefaultHashBuilder,
    /// Half of the hash beside the id: growing the table does not touch the texts.
    table: HashTable<(u32, u32)>,
    blocks: Vec<String>,
    places: Vec<Place>,
}

/// Where a text lies.
#[derive(Clone, Copy)]
struct Place {
    start: u32,
    block: u16,
    length: u16,
    /// What is known of the text beside its place; whoever finds a text has it at hand.
    tag: u32,
}

/// The hash of the table from the half that is kept.
fn spread(half: u32) -> u64 {
    u64::from(half).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Interner {
    fn half(&self, text: &str) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(text.as_bytes());
        (hasher.finish() >> 16) as u32
    }

    fn find(&self, text: &str) -> Option<u32> {
        let half = self.half(text);
        self.table.find(spread(half), |(h, id)| *h == half && self.is(*id, text)).map(|(_, id)| *id)
    }

    fn intern(&mut self, text: &str) -> u32 {
        self.find(text).unwrap_or_else(|| self.add(text, 0))
    }

    /// Takes a text that is not there.
    fn add(&mut self, text: &str, tag: u32) -> u32 {
        // More than four billion names do not fit into memory.
        let id = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        if self.blocks.last().is_none_or(|block| block.len() + text.len() > BLOCK_BYTES) {
            self.blocks.push(String::with_capacity(BLOCK_BYTES.min(256 << self.blocks.len().min(16))));
        }
        let block = self.blocks.len() - 1;
        if let Some(last) = self.blocks.last_mut() {
            let start = u32::try_from(last.len()).unwrap_or(u32::MAX);
            last.push_str(text);
            let block = u16::try_from(block).unwrap_or(u16::MAX);
            self.places.push(Place { start, block, length, tag });
        }
        let half = self.half(text);
        self.table.insert_unique(spread(half), (half, id), |(h, _)| spread(*h));
        id
    }

    #[inline]
    fn is(&self, id: u32, text: &str) -> bool {
        let Some(place) = self.places.get(id as usize).filter(|p| usize::from(p.length) == text.len()) else {
            return false;
        };
        let start = place.start as usize;
        let block = self.blocks.get(usize::from(place.block)).map(|block| block.as_bytes());
        block.and_then(|block| block.get(start..start + text.len())) == Some(text.as_bytes())
    }

    fn text(&self, id: u32) -> &str {
        let Some(place) = self.places.get(id as usize) else { return "" };
        let start = place.start as usize;
        let block = self.blocks.get(usize::from(place.block));
        block.and_then(|block| block.get(start..start + usize::from(place.length))).unwrap_or_default()
    }

    fn tag(&self, id: u32) -> Option<u32> {
        self.places.get(id as usize).map(|place| place.tag)
    }

    fn len(&self) -> usize {
        self.places.len()
    }
}

/// Every name of one store. Keys are hashed with a seeded hash: callers choose them.
#[derive(Default)]
pub(crate) struct Names {
    types: Interner,
    relations: Interner,
    /// The tag is the type, and [`UNFIT`].
    objects: Interner,
    /// How many objects each type has.
    of_types: Vec<u32>,
}

/// What a store knows of the text of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// The object, of this type: the text is well-formed and no wildcard.
    Object(ObjId, TypeId),
    /// The type before the `:` alone: the rest is not read, and may be anything.
    Type(TypeId),
    /// Not even that, or that the text is not in order.
    Nothing,
}

/// What stands before the `:`.
fn type_text(object: &str) -> &str {
    let end = object.bytes().position(|byte| byte == b':').unwrap_or(object.len());
    object.get(..end).unwrap_or_default()
}

/// Marks an object that no question may name: a copy of another server's store has what that server accepted.
const UNFIT: u32 = 1 << 31;

/// Names of objects that were taken from a store.
pub(crate) struct Objects(Interner);

impl Objects {
    pub fn text(&self, id: u32) -> &str {
        self.0.text(id)
    }
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
        if let Some(id) = self.objects.find(object) {
            return ObjId(id);
        }
        let fit = ObjectRef::parse(object).is_ok_and(|object| object.id != "*");
        let type_id = self.intern_type(type_text(object));
        let at = type_id.0 as usize;
        if at >= self.of_types.len() {
            self.of_types.resize(at + 1, 0);
        }
        if let Some(count) = self.of_types.get_mut(at) {
            *count = count.saturating_add(1);
        }
        ObjId(self.objects.add(object, if fit { type_id.0 } else { type_id.0 | UNFIT }))
    }

    pub fn type_id(&self, name: &str) -> Option<TypeId> {
        self.types.find(name).map(TypeId)
    }

    pub fn relation_id(&self, name: &str) -> Option<RelId> {
        self.relations.find(name).map(RelId)
    }

    pub fn object_id(&self, object: &str) -> Option<ObjId> {
        self.objects.find(object).map(ObjId)
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

    /// What is known of the text of an object before anybody reads it whole.
    pub fn known(&self, object: &str) -> Known {
        let Some(type_id) = self.type_id(type_text(object)) else { return Known::Nothing };
        // Most questions name objects that no tuple does: a type without any needs no look at the table.
        if self.of_types.get(type_id.0 as usize).is_none_or(|count| *count == 0) {
            return Known::Type(type_id);
        }
        let Some(id) = self.objects.find(object) else { return Known::Type(type_id) };
        match self.objects.tag(id) {
            Some(tag) if tag & UNFIT == 0 => Known::Object(ObjId(id), type_id),
            _ => Known::Nothing,
        }
    }

    pub fn type_of(&self, id: ObjId) -> Option<TypeId> {
        self.objects.tag(id.0).map(|tag| TypeId(tag & !UNFIT))
    }

    /// The type of what a subject is or names. Subjects of tuples are interned.
    pub fn type_of_subject(&self, subject: Subject) -> TypeId {
        match subject {
            Subject::Wildcard(type_id) => type_id,
            Subject::Object(object) | Subject::Userset(object, _) => {
                self.type_of(object).unwrap_or(TypeId(u32::MAX))
            }
        }
    }

    /// Takes all names of objects away, to be interned again by whoever still mentions them.
    pub fn take_objects(&mut self) -> Objects {
        self.of_types.clear();
        Objects(std::mem::take(&mut self.objects))
    }

    /// How many objects there are; ids from here on belong to requests.
    pub fn objects(&self) -> u32 {
        u32::try_from(self.objects.len()).unwrap_or(u32::MAX)
    }

    /// How many names of types and relations there are.
    pub fn of_models(&self) -> usize {
        self.types.len() + self.relations.len()
    }

    /// How many types there are.
    pub fn types(&self) -> usize {
        self.types.len()
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
