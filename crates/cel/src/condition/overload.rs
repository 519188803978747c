//! Which functions and operators there are, for which types.

use std::sync::Arc;

use super::types::{Solver, Type};

/// What is computed when a call is evaluated; which types it takes is said by its [`Overload`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Not,
    Negate,
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    In,
    Size,
    Type,
    ToBool,
    ToBytes,
    ToDouble,
    ToDuration,
    ToDyn,
    ToInt,
    ToText,
    ToTimestamp,
    ToUint,
    ToAddress,
    Contains,
    EndsWith,
    StartsWith,
    Matches,
    InCidr,
    FullYear,
    Month,
    DayOfYear,
    DayOfMonth,
    Date,
    DayOfWeek,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

/// What a call costs beyond its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    One,
    /// A tenth of the first argument's size.
    First,
    /// A tenth of the smaller argument's size.
    Smaller,
    /// A tenth of both sizes.
    Both,
    /// The second argument's size.
    Entries,
    /// Text times pattern.
    Pattern,
    /// A tenth of the one size times a tenth of the other.
    Search,
    Nothing,
}

impl Function {
    /// Whether the function gives its argument in another type; constants are converted before any evaluation.
    pub(crate) fn is_conversion(self) -> bool {
        use Function::{
            ToBool, ToBytes, ToDouble, ToDuration, ToDyn, ToInt, ToText, ToTimestamp, ToUint, Type,
        };
        matches!(
            self,
            ToBool | ToBytes | ToDouble | ToDuration | ToDyn | ToInt | ToText | ToTimestamp | ToUint | Type
        )
    }
}

/// A type in the declaration of a function.
#[derive(Debug, Clone, Copy)]
enum Sig {
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Duration,
    Timestamp,
    Address,
    Dyn,
    A,
    ListA,
    MapAB,
    TypeA,
}

/// One form of a function.
#[derive(Debug)]
pub(crate) struct Overload {
    pub(crate) function: Function,
    pub(crate) method: bool,
    pub(crate) cost: Cost,
    args: &'static [Sig],
    result: Sig,
}

impl Overload {
    /// The types of arguments and result, with variables of their own.
    pub(crate) fn instance(&self, solver: &mut Solver) -> (Vec<Type>, Type) {
        let uses = |sig: &Sig| matches!(sig, Sig::A | Sig::ListA | Sig::MapAB | Sig::TypeA);
        let (a, b) = if self.args.iter().any(uses) {
            (solver.fresh(), solver.fresh())
        } else {
            (Type::Dyn, Type::Dyn)
        };
        let of = |sig: Sig| match sig {
            Sig::Bool => Type::Bool,
            Sig::Int => Type::Int,
            Sig::Uint => Type::Uint,
            Sig::Double => Type::Double,
            Sig::Text => Type::Text,
            Sig::Bytes => Type::Bytes,
            Sig::Duration => Type::Duration,
            Sig::Timestamp => Type::Timestamp,
            Sig::Address => Type::Address,
            Sig::Dyn => Type::Dyn,
            Sig::A => a.clone(),
            Sig::ListA => Type::list(a.clone()),
            Sig::MapAB => Type::map(a.clone(), b.clone()),
            Sig::TypeA => Type::Kind(Arc::new(a.clone())),
        };
        (self.args.iter().map(|sig| of(*sig)).collect(), of(self.result))
    }
}

/// The forms of the function or operator `name`; none if there is no such function.
pub(crate) fn overloads(name: &str) -> Option<&'static [Overload]> {
    FUNCTIONS.iter().find(|(known, _)| *known == name).map(|(_, overloads)| *overloads)
}

macro_rules! functions {
    ($($name:literal $function:ident { $(($($arg:ident),*) $result:ident $style:ident $cost:ident;)* })*) => {
        static FUNCTIONS: &[(&str, &[Overload])] = &[$((
            $name,
            &[$(Overload {
                function: Function::$function,
                method: functions!(@ $style),
                cost: Cost::$cost,
                args: &[$(Sig::$arg),*],
                result: Sig::$result,
            }),*],
        )),*];
    };
    (@ method) => { true };
    (@ global) => { false };
}

functions! {
    "!_" Not { (Bool) Bool global One; }
    "-_" Negate { (Double) Double global One; (Int) Int global One; }
    "_==_" Equal { (A, A) Bool global Smaller; }
    "_!=_" Unequal { (A, A) Bool global Smaller; }
    "_<_" Less {
        (Bool, Bool) Bool global One; (Int, Int) Bool global One; (Uint, Uint) Bool global One;
        (Double, Double) Bool global One; (Text, Text) Bool global Smaller; (Bytes, Bytes) Bool global Smaller;
        (Timestamp, Timestamp) Bool global One; (Duration, Duration) Bool global One;
    }
    "_<=_" LessEqual {
        (Bool, Bool) Bool global One; (Int, Int) Bool global One; (Uint, Uint) Bool global One;
        (Double, Double) Bool global One; (Text, Text) Bool global Smaller; (Bytes, Bytes) Bool global Smaller;
        (Timestamp, Timestamp) Bool global One; (Duration, Duration) Bool global One;
    }
    "_>_" Greater {
        (Bool, Bool) Bool global One; (Int, Int) Bool global One; (Uint, Uint) Bool global One;
        (Double, Double) Bool global One; (Text, Text) Bool global Smaller; (Bytes, Bytes) Bool global Smaller;
        (Timestamp, Timestamp) Bool global One; (Duration, Duration) Bool global One;
    }
    "_>=_" GreaterEqual {
        (Bool, Bool) Bool global One; (Int, Int) Bool global One; (Uint, Uint) Bool global One;
        (Double, Double) Bool global One; (Text, Text) Bool global Smaller; (Bytes, Bytes) Bool global Smaller;
        (Timestamp, Timestamp) Bool global One; (Duration, Duration) Bool global One;
    }
    "_+_" Add {
        (Bytes, Bytes) Bytes global Both; (Double, Double) Double global One;
        (Duration, Duration) Duration global One; (Duration, Timestamp) Timestamp global One;
        (Timestamp, Duration) Timestamp global One; (Int, Int) Int global One;
        (ListA, ListA) ListA global One; (Text, Text) Text global Both; (Uint, Uint) Uint global One;
    }
    "_-_" Subtract {
        (Double, Double) Double global One; (Duration, Duration) Duration global One;
        (Int, Int) Int global One; (Timestamp, Duration) Timestamp global One;
        (Timestamp, Timestamp) Duration global One; (Uint, Uint) Uint global One;
    }
    "_*_" Multiply {
        (Double, Double) Double global One; (Int, Int) Int global One; (Uint, Uint) Uint global One;
    }
    "_/_" Divide {
        (Double, Double) Double global One; (Int, Int) Int global One; (Uint, Uint) Uint global One;
    }
    "_%_" Remainder { (Int, Int) Int global One; (Uint, Uint) Uint global One; }
    "@in" In { (A, ListA) Bool global Entries; (A, MapAB) Bool global One; }
    "size" Size {
        (Bytes) Int global One; (Bytes) Int method One; (ListA) Int global One; (ListA) Int method One;
        (MapAB) Int global One; (MapAB) Int method One; (Text) Int global One; (Text) Int method One;
    }
    "type" Type { (A) TypeA global One; }
    "bool" ToBool { (Bool) Bool global One; (Text) Bool global One; }
    "bytes" ToBytes { (Bytes) Bytes global One; (Text) Bytes global First; }
    "double" ToDouble {
        (Double) Double global One; (Int) Double global One; (Text) Double global One; (Uint) Double global One;
    }
    "duration" ToDuration {
        (Duration) Duration global One; (Int) Duration global One; (Text) Duration global One;
    }
    "dyn" ToDyn { (A) Dyn global One; }
    "int" ToInt {
        (Int) Int global One; (Double) Int global One; (Duration) Int global One; (Text) Int global One;
        (Timestamp) Int global One; (Uint) Int global One;
    }
    "string" ToText {
        (Text) Text global One; (Bool) Text global One; (Bytes) Text global First; (Double) Text global One;
        (Duration) Text global One; (Int) Text global One; (Timestamp) Text global One; (Uint) Text global One;
    }
    "timestamp" ToTimestamp {
        (Timestamp) Timestamp global One; (Int) Timestamp global One; (Text) Timestamp global One;
    }
    "uint" ToUint {
        (Uint) Uint global One; (Double) Uint global One; (Int) Uint global One; (Text) Uint global One;
    }
    "ipaddress" ToAddress { (Text) Address global One; }
    "contains" Contains { (Text, Text) Bool method Search; }
    "endsWith" EndsWith { (Text, Text) Bool method Smaller; }
    "startsWith" StartsWith { (Text, Text) Bool method Smaller; }
    "matches" Matches { (Text, Text) Bool global Pattern; (Text, Text) Bool method Pattern; }
    "in_cidr" InCidr { (Address, Text) Bool method One; }
    "getFullYear" FullYear { (Timestamp) Int method One; (Timestamp, Text) Int method One; }
    "getMonth" Month { (Timestamp) Int method One; (Timestamp, Text) Int method One; }
    "getDayOfYear" DayOfYear { (Timestamp) Int method One; (Timestamp, Text) Int method One; }
    "getDayOfMonth" DayOfMonth { (Timestamp) Int method One; (Timestamp, Text) Int method One; }
    "getDate" Date { (Timestamp) Int method One; (Timestamp, Text) Int method One; }
    "getDayOfWeek" DayOfWeek { (Timestamp) Int method One; (Timestamp, Text) Int method One; }
    "getHours" Hours {
        (Timestamp) Int method One; (Timestamp, Text) Int method One; (Duration) Int method One;
    }
    "getMinutes" Minutes {
        (Timestamp) Int method One; (Timestamp, Text) Int method One; (Duration) Int method One;
    }
    "getSeconds" Seconds {
        (Timestamp) Int method One; (Timestamp, Text) Int method One; (Duration) Int method One;
    }
    "getMilliseconds" Milliseconds {
        (Timestamp) Int method One; (Timestamp, Text) Int method One; (Duration) Int method One;
    }
}
