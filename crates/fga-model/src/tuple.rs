//! A relationship tuple: object, relation, user, and the rules that its texts follow.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Longest object, `type:id`, in characters.
pub const OBJECT_LENGTH_MAX: usize = 256;
/// Longest relation in characters.
pub const RELATION_LENGTH_MAX: usize = 50;
/// Longest user in characters.
pub const USER_LENGTH_MAX: usize = 512;
/// Longest type name in characters.
pub const TYPE_LENGTH_MAX: usize = 254;

/// One relationship: `user` has `relation` on `object`, if the condition holds where there is one.
///
/// Identity is object, relation and user; two tuples that differ only by their condition have the same key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TupleKey {
    /// `type:id`.
    pub object: String,
    /// Name of a relation of the object's type.
    pub relation: String,
    /// `type:id`, `type:id#relation` or `type:*`.
    pub user: String,
    /// The condition under which the relationship holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<TupleCondition>,
}

/// A named condition of the model with the values a tuple fixes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TupleCondition {
    /// Name of a condition of the model.
    pub name: String,
    /// Values of the condition's parameters.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub context: serde_json::Map<String, serde_json::Value>,
}

impl TupleKey {
    /// A relationship without a condition.
    pub fn new(object: impl Into<String>, relation: impl Into<String>, user: impl Into<String>) -> Self {
        Self { object: object.into(), relation: relation.into(), user: user.into(), condition: None }
    }

    /// The same relationship under a condition.
    #[must_use]
    pub fn with_condition(
        mut self,
        name: impl Into<String>,
        context: serde_json::Map<String, serde_json::Value>,
    ) -> Self {
        self.condition = Some(TupleCondition { name: name.into(), context });
        self
    }

    /// Whether both are the same relationship, conditions aside.
    pub fn same_key(&self, other: &TupleKey) -> bool {
        self.object == other.object && self.relation == other.relation && self.user == other.user
    }
}

impl fmt::Display for TupleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}@{}", self.object, self.relation, self.user)?;
        match &self.condition {
            Some(condition) => write!(f, " with {}", condition.name),
            None => Ok(()),
        }
    }
}

/// A text that does not follow the rules of tuples.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TupleFault {
    /// Not `object#relation@user`.
    #[error("`{0}` is no relationship: expected `object#relation@user`")]
    Notation(String),
    /// An object that is not `type:id`.
    #[error(
        "object `{0}` is not valid: expected `type:id` with one `:` and no `#`, space or control character"
    )]
    Object(String),
    /// A relation with a character that has a meaning in tuples.
    #[error("relation `{0}` is not valid: it has no `:`, `#`, `@`, space, and 1 to 50 characters")]
    Relation(String),
    /// A user that has none of the three forms.
    #[error("user `{0}` is not valid: expected `type:id`, `type:id#relation` or `type:*`")]
    User(String),
}

impl TupleFault {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            TupleFault::Notation(_) => "write for example `document:1#viewer@user:anne`",
            TupleFault::Object(_) | TupleFault::User(_) => {
                "names that contain `:`, such as Kubernetes service accounts, must be escaped before they become ids"
            }
            TupleFault::Relation(_) => "use a relation name as the model defines it",
        }
    }
}

impl FromStr for TupleKey {
    type Err = TupleFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = || TupleFault::Notation(text.to_owned());
        let (object, rest) = text.split_once('#').ok_or_else(fault)?;
        let (relation, user) = rest.split_once('@').ok_or_else(fault)?;
        ObjectRef::parse(object)?;
        check_relation(relation)?;
        UserRef::parse(user)?;
        Ok(TupleKey::new(object, relation, user))
    }
}

/// A well-formed object, split at its `:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectRef<'a> {
    /// The type before the `:`.
    pub type_name: &'a str,
    /// The id after it.
    pub id: &'a str,
}

impl<'a> ObjectRef<'a> {
    /// Splits `type:id`; refuses a second `:`, `#`, white space and control characters.
    pub fn parse(text: &'a str) -> Result<Self, TupleFault> {
        Self::split(text).ok_or_else(|| TupleFault::Object(text.to_owned()))
    }

    fn split(text: &'a str) -> Option<Self> {
        if text.len() > OBJECT_LENGTH_MAX && text.chars().count() > OBJECT_LENGTH_MAX {
            return None;
        }
        // Nearly all names are plain.
        if any_byte(text, |byte| byte <= b' ' || byte >= 0x7f || byte == b'#') {
            return Self::split_strange(text);
        }
        let colon = text.bytes().position(|byte| byte == b':')?;
        let (type_name, id) = (text.get(..colon)?, text.get(colon + 1..)?);
        let more = any_byte(id, |byte| byte == b':');
        (!type_name.is_empty() && !id.is_empty() && !more).then_some(Self { type_name, id })
    }

    /// A text with characters that may be refused, or that are beyond ASCII.
    #[cold]
    fn split_strange(text: &'a str) -> Option<Self> {
        let (type_name, id) = text.split_once(':')?;
        let strange = |c: char| matches!(c, ':' | '#') || c.is_whitespace() || c.is_control();
        let fine = |part: &str| !part.is_empty() && !part.chars().any(strange);
        (fine(type_name) && fine(id)).then_some(Self { type_name, id })
    }
}

/// Whether a text has such a byte. All bytes of a block are looked at without a way out, which a compiler makes one wide
/// step of; the last block overlaps the one before it.
fn any_byte(text: &str, such: impl Fn(u8) -> bool) -> bool {
    let any = |block: &[u8]| block.iter().fold(0, |any, byte| any | u8::from(such(*byte))) != 0;
    let bytes = text.as_bytes();
    match bytes.last_chunk::<16>() {
        Some(last) => bytes.as_chunks::<16>().0.iter().any(|block| any(block)) || any(last),
        None => any(bytes),
    }
}

/// A well-formed user of a tuple in one of its three forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserRef<'a> {
    /// `type:id`.
    Object(ObjectRef<'a>),
    /// `type:id#relation`: everybody who has the relation.
    Userset(ObjectRef<'a>, &'a str),
    /// `type:*`: every object of the type.
    Wildcard(&'a str),
}

impl<'a> UserRef<'a> {
    /// Reads a user; a userset's object has no `*` id.
    pub fn parse(text: &'a str) -> Result<Self, TupleFault> {
        Self::split(text).ok_or_else(|| TupleFault::User(text.to_owned()))
    }

    fn split(text: &'a str) -> Option<Self> {
        if text.len() > USER_LENGTH_MAX && text.chars().count() > USER_LENGTH_MAX {
            return None;
        }
        // Most users are objects, which have no `#`.
        if let Some(object) = ObjectRef::split(text) {
            return Some(match object.id {
                "*" => UserRef::Wildcard(object.type_name),
                _ => UserRef::Object(object),
            });
        }
        let (object, relation) = text.split_once('#')?;
        let object = ObjectRef::split(object)?;
        check_relation(relation).ok()?;
        (!object.id.contains('*')).then_some(UserRef::Userset(object, relation))
    }

    /// The type of the user, of the userset's object or of the wildcard.
    pub fn type_name(&self) -> &'a str {
        match self {
            UserRef::Object(object) | UserRef::Userset(object, _) => object.type_name,
            UserRef::Wildcard(type_name) => type_name,
        }
    }
}

/// Refuses a relation that no tuple may carry.
pub fn check_relation(relation: &str) -> Result<(), TupleFault> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b':' | b'#' | b'@');
    if (1..=RELATION_LENGTH_MAX).contains(&relation.len()) && relation.bytes().all(plain) {
        return Ok(());
    }
    let refused = |c: char| matches!(c, ':' | '#' | '@') || c.is_whitespace() || c.is_control();
    if relation.is_empty() || relation.chars().any(refused) || relation.chars().count() > RELATION_LENGTH_MAX
    {
        return Err(TupleFault::Relation(relation.to_owned()));
    }
    Ok(())
}

/// Whether authoring tools accept this text as an object id (the part after `type:`): it starts with none of
/// `#`, `:`, `*` and white space, and goes on with letters, digits and `_ | * @ . + / -`.
pub fn is_authoring_object_id(id: &str) -> bool {
    let mut chars = id.chars();
    let Some(first) = chars.next() else { return false };
    let start = !matches!(first, '#' | ':' | '*') && !first.is_whitespace();
    start && chars.all(|c| c.is_ascii_alphanumeric() || "_|*@.+/-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fga_03_three_forms_of_users_are_told_apart() {
        assert!(matches!(UserRef::parse("user:anne"), Ok(UserRef::Object(o)) if o.id == "anne"));
        assert!(matches!(UserRef::parse("group:a/b@c#member"), Ok(UserRef::Userset(_, "member"))));
        assert!(matches!(UserRef::parse("user:*"), Ok(UserRef::Wildcard("user"))));
        for bad in [
            "anne",
            "user:",
            ":anne",
            "user:a b",
            "group:*#member",
            "group:1#",
            "user:system:admin",
            "a:b#c#d",
        ] {
            assert!(UserRef::parse(bad).is_err(), "{bad}");
        }
    }

    /// The quick look at plain names finds what looking at one character after the other does.
    #[test]
    fn fga_03_objects_are_split_alike_whatever_their_length_and_where_a_strange_character_stands() {
        let plainly = |text: &str| {
            let (type_name, id) = text.split_once(':')?;
            let strange = |c: char| matches!(c, ':' | '#') || c.is_whitespace() || c.is_control();
            let fine = |part: &str| !part.is_empty() && !part.contains(strange);
            let short = text.chars().count() <= OBJECT_LENGTH_MAX;
            (short && fine(type_name) && fine(id)).then(|| (type_name.to_owned(), id.to_owned()))
        };
        for length in (0..40).chain([OBJECT_LENGTH_MAX, OBJECT_LENGTH_MAX + 1]) {
            for colon in (0..length.min(36)).step_by(3).chain([length]) {
                let mut plain = vec!['x'; length];
                plain.get_mut(colon).into_iter().for_each(|place| *place = ':');
                for strange in [':', '#', ' ', '\t', '\u{7f}', '\u{1}', 'ä', '\u{a0}', '@', '*', 'y'] {
                    for at in (0..length.min(36)).chain([length.saturating_sub(1)]) {
                        let mut text = plain.clone();
                        text.get_mut(at).into_iter().for_each(|place| *place = strange);
                        let text: String = text.into_iter().collect();
                        let split = ObjectRef::parse(&text).ok();
                        let split = split.map(|o| (o.type_name.to_owned(), o.id.to_owned()));
                        assert_eq!(split, plainly(&text), "{text:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn fga_03_notation_reads_back_what_it_prints() -> Result<(), TupleFault> {
        let key: TupleKey = "role:acc/1/x/owner#assignee@user:alice@example.org".parse()?;
        assert_eq!(key.relation, "assignee");
        assert_eq!(key.user, "user:alice@example.org");
        assert_eq!(key.to_string().parse::<TupleKey>()?, key);
        assert!("document:1#viewer".parse::<TupleKey>().is_err());
        Ok(())
    }
}
