//! Authorization models as values: types, relations, rewrites, restrictions, conditions.

use std::fmt;

use indexmap::IndexMap;

/// An authorization model, or the content of one module file before it is assembled.
///
/// Metadata stands where it belongs: a relation's restrictions, module and file are fields of the relation.
/// Equality ignores the order of relations, conditions and parameters, but not the order of types.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuthorizationModel {
    /// Id given by the server; `None` for a model that was not read from one.
    pub id: Option<String>,
    /// `1.1` or `1.2`; empty for a module file.
    pub schema_version: String,
    /// Types in their order.
    pub types: Vec<TypeDefinition>,
    /// Conditions by key. In a valid model the key is the condition's name.
    pub conditions: IndexMap<String, Condition>,
}

/// A type and its relations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TypeDefinition {
    /// Name of the type.
    pub name: String,
    /// Relations by name.
    pub relations: IndexMap<String, Relation>,
    /// Module that defines the type.
    pub module: Option<String>,
    /// File that defines the type.
    pub file: Option<String>,
}

/// A relation: what it is computed from, and who may be assigned directly.
#[derive(Clone, Debug, PartialEq)]
pub struct Relation {
    /// The set expression.
    pub rewrite: Rewrite,
    /// Who may stand in a tuple of this relation; empty where the rewrite has no direct part.
    pub restrictions: Vec<Restriction>,
    /// Module that added the relation to a type of another module.
    pub module: Option<String>,
    /// File that added the relation.
    pub file: Option<String>,
}

/// A set expression over relations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Rewrite {
    /// Users of stored tuples.
    This,
    /// Another relation of the same object.
    Computed(String),
    /// `computed from tupleset`: the relation `computed` of every object that `tupleset` leads to.
    TupleToUserset {
        /// Relation of this object that leads to other objects.
        tupleset: String,
        /// Relation taken of those.
        computed: String,
    },
    /// Users of any operand.
    Union(Vec<Rewrite>),
    /// Users of all operands.
    Intersection(Vec<Rewrite>),
    /// Users of the base that are not users of `subtract`.
    Difference {
        /// The set taken from.
        base: Box<Rewrite>,
        /// The set taken away.
        subtract: Box<Rewrite>,
    },
}

/// One entry of the list in brackets: who may be assigned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Restriction {
    /// Type of the user, or of the userset's object.
    pub type_name: String,
    /// Relation, for a userset.
    pub relation: Option<String>,
    /// Whether all objects of the type are meant (`type:*`). Never together with `relation` in a valid model.
    pub wildcard: bool,
    /// Condition under which a tuple of this form holds.
    pub condition: Option<String>,
}

/// A named rule over request and tuple context.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Condition {
    /// Name of the condition.
    pub name: String,
    /// CEL text, verbatim.
    pub expression: String,
    /// Parameters by name.
    pub parameters: IndexMap<String, ParameterType>,
    /// Module that defines the condition.
    pub module: Option<String>,
    /// File that defines the condition.
    pub file: Option<String>,
}

/// The type of a condition's parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterType {
    /// The type, or the container.
    pub kind: ParameterKind,
    /// Element types of a container.
    pub generics: Vec<ParameterType>,
}

macro_rules! parameter_kinds {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $dsl:literal, $json:literal;)*) => {
        /// Types that a condition's parameter may have.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ParameterKind {
            $($(#[$doc])* $variant,)*
        }

        impl ParameterKind {
            /// The word of the DSL.
            pub fn dsl(self) -> &'static str {
                match self { $(ParameterKind::$variant => $dsl,)* }
            }

            /// The name in JSON.
            pub fn json(self) -> &'static str {
                match self { $(ParameterKind::$variant => $json,)* }
            }

            /// The number on the wire.
            pub fn number(self) -> i32 {
                match self { $(ParameterKind::$variant => $number,)* }
            }

            /// The kind of this DSL word.
            pub fn from_dsl(word: &str) -> Option<Self> {
                match word { $($dsl => Some(ParameterKind::$variant),)* _ => None }
            }

            /// The kind of this JSON name.
            pub fn from_json(name: &str) -> Option<Self> {
                match name { $($json => Some(ParameterKind::$variant),)* _ => None }
            }

            /// The kind of this wire number.
            pub fn from_number(number: i32) -> Option<Self> {
                match number { $($number => Some(ParameterKind::$variant),)* _ => None }
            }
        }
    };
}

parameter_kinds! {
    /// Not said; refused by validation.
    Unspecified = 0, "unspecified", "TYPE_NAME_UNSPECIFIED";
    /// Any value; exists in JSON only.
    Any = 1, "any", "TYPE_NAME_ANY";
    /// A truth value.
    Bool = 2, "bool", "TYPE_NAME_BOOL";
    /// A text.
    String = 3, "string", "TYPE_NAME_STRING";
    /// A signed 64-bit integer.
    Int = 4, "int", "TYPE_NAME_INT";
    /// An unsigned 64-bit integer.
    Uint = 5, "uint", "TYPE_NAME_UINT";
    /// A 64-bit float.
    Double = 6, "double", "TYPE_NAME_DOUBLE";
    /// A length of time.
    Duration = 7, "duration", "TYPE_NAME_DURATION";
    /// A point in time.
    Timestamp = 8, "timestamp", "TYPE_NAME_TIMESTAMP";
    /// A map from text to one element type.
    Map = 9, "map", "TYPE_NAME_MAP";
    /// A list of one element type.
    List = 10, "list", "TYPE_NAME_LIST";
    /// An IP address.
    IpAddress = 11, "ipaddress", "TYPE_NAME_IPADDRESS";
}

impl ParameterKind {
    /// Whether the DSL has no word for the kind.
    pub(crate) fn is_json_only(self) -> bool {
        matches!(self, ParameterKind::Any | ParameterKind::Unspecified)
    }

    /// Whether the kind takes one element type.
    pub fn is_container(self) -> bool {
        matches!(self, ParameterKind::List | ParameterKind::Map)
    }
}

impl fmt::Display for ParameterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.dsl())?;
        match self.generics.first() {
            Some(element) => write!(f, "<{element}>"),
            None => Ok(()),
        }
    }
}

impl AuthorizationModel {
    /// The type with this name.
    pub fn type_named(&self, name: &str) -> Option<&TypeDefinition> {
        self.types.iter().find(|t| t.name == name)
    }

    /// The relation of a type.
    pub fn relation(&self, type_name: &str, relation: &str) -> Option<&Relation> {
        self.type_named(type_name)?.relations.get(relation)
    }

    /// Whether any type, relation or condition names a module.
    pub fn is_modular(&self) -> bool {
        self.types.iter().any(|t| t.module.is_some())
    }

    /// The same content in one fixed order: types, relations, conditions and parameters sorted by name, without
    /// an id. Two models mean the same text exactly when their canonical forms are equal.
    #[must_use]
    pub fn canonical(&self) -> AuthorizationModel {
        let mut model = AuthorizationModel { id: None, ..self.clone() };
        model.types.sort_by(|a, b| a.name.cmp(&b.name));
        for definition in &mut model.types {
            definition.relations.sort_unstable_keys();
        }
        model.conditions.sort_unstable_keys();
        for condition in model.conditions.values_mut() {
            condition.parameters.sort_unstable_keys();
        }
        model
    }

    /// Whether both say the same, ids and order of types aside.
    pub fn same_content(&self, other: &AuthorizationModel) -> bool {
        self.canonical() == other.canonical()
    }
}

impl TypeDefinition {
    /// A type without relations.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

impl Relation {
    /// A relation that belongs to its type's own module.
    pub fn new(rewrite: Rewrite, restrictions: Vec<Restriction>) -> Self {
        Self { rewrite, restrictions, module: None, file: None }
    }
}

impl Rewrite {
    /// Whether the expression is nothing but the direct part.
    pub fn is_purely_direct(&self) -> bool {
        matches!(self, Rewrite::This)
    }

    /// How many direct parts the expression has.
    pub fn direct_parts(&self) -> usize {
        match self {
            Rewrite::This => 1,
            Rewrite::Computed(_) | Rewrite::TupleToUserset { .. } => 0,
            Rewrite::Union(operands) | Rewrite::Intersection(operands) => {
                operands.iter().map(Rewrite::direct_parts).sum()
            }
            Rewrite::Difference { base, subtract } => base.direct_parts() + subtract.direct_parts(),
        }
    }
}

impl Restriction {
    /// `type`.
    pub fn concrete(type_name: impl Into<String>) -> Self {
        Self { type_name: type_name.into(), ..Self::default() }
    }

    /// `type:*`.
    pub fn wildcard(type_name: impl Into<String>) -> Self {
        Self { type_name: type_name.into(), wildcard: true, ..Self::default() }
    }

    /// `type#relation`.
    pub fn userset(type_name: impl Into<String>, relation: impl Into<String>) -> Self {
        Self { type_name: type_name.into(), relation: Some(relation.into()), ..Self::default() }
    }
}

impl fmt::Display for Restriction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.type_name)?;
        if self.wildcard {
            f.write_str(":*")?;
        }
        if let Some(relation) = &self.relation {
            write!(f, "#{relation}")?;
        }
        match &self.condition {
            Some(condition) => write!(f, " with {condition}"),
            None => Ok(()),
        }
    }
}
