//! Functions and methods that this crate evaluates itself: CEL's own and the common string and list ones of Kubernetes.

mod lists;
mod numbers;
mod strings;
mod times;

use std::sync::Arc;

use crate::{
    eval::{Result, error, no_overload},
    meter::Meter,
    value::{Text, Val},
};

/// A function or method that is evaluated natively.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Native {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
    Find,
    FindAll,
    CharAt,
    IndexOf,
    LastIndexOf,
    LowerAscii,
    UpperAscii,
    Replace,
    Split,
    Substring,
    Trim,
    Join,
    IsSorted,
    Sum,
    Min,
    Max,
    Range,
    ToBool,
    ToInt,
    ToUint,
    ToDouble,
    ToText,
    ToBytes,
    ToDuration,
    ToTimestamp,
    TypeOf,
    Dyn,
    Time(times::Part),
    OptionalNone,
    OptionalOf,
    OptionalOfNonZero,
    HasValue,
    Value,
    Or,
    OrValue,
}

impl Native {
    /// The function of this name, form and count of arguments (the target of a method not counted).
    pub(crate) fn find(name: &str, is_method: bool, count: usize) -> Option<Self> {
        Some(match (name, is_method, count) {
            ("size", true, 0) | ("size", false, 1) => Self::Size,
            ("contains", true, 1) => Self::Contains,
            ("startsWith", true, 1) => Self::StartsWith,
            ("endsWith", true, 1) => Self::EndsWith,
            ("matches", true, 1) | ("matches", false, 2) => Self::Matches,
            ("find", true, 1) => Self::Find,
            ("findAll", true, 1 | 2) => Self::FindAll,
            ("charAt", true, 1) => Self::CharAt,
            ("indexOf", true, 1 | 2) => Self::IndexOf,
            ("lastIndexOf", true, 1 | 2) => Self::LastIndexOf,
            ("lowerAscii", true, 0) => Self::LowerAscii,
            ("upperAscii", true, 0) => Self::UpperAscii,
            ("replace", true, 2 | 3) => Self::Replace,
            ("split", true, 1 | 2) => Self::Split,
            ("substring", true, 1 | 2) => Self::Substring,
            ("trim", true, 0) => Self::Trim,
            ("join", true, 0 | 1) => Self::Join,
            ("isSorted", true, 0) => Self::IsSorted,
            ("sum", true, 0) => Self::Sum,
            ("min", true, 0) => Self::Min,
            ("max", true, 0) => Self::Max,
            ("lists.range", false, 1) => Self::Range,
            ("bool", false, 1) => Self::ToBool,
            ("int", false, 1) => Self::ToInt,
            ("uint", false, 1) => Self::ToUint,
            ("double", false, 1) => Self::ToDouble,
            ("string", false, 1) => Self::ToText,
            ("bytes", false, 1) => Self::ToBytes,
            ("duration", false, 1) => Self::ToDuration,
            ("timestamp", false, 1) => Self::ToTimestamp,
            ("type", false, 1) => Self::TypeOf,
            ("dyn", false, 1) => Self::Dyn,
            ("optional.none", false, 0) => Self::OptionalNone,
            ("optional.of", false, 1) => Self::OptionalOf,
            ("optional.ofNonZeroValue", false, 1) => Self::OptionalOfNonZero,
            ("hasValue", true, 0) => Self::HasValue,
            ("value", true, 0) => Self::Value,
            ("or", true, 1) => Self::Or,
            ("orValue", true, 1) => Self::OrValue,
            (name, true, 0 | 1) => Self::Time(times::Part::from_name(name)?),
            _ => return None,
        })
    }

    /// The type of the result, where it is always the same; for checks before any evaluation.
    pub(crate) fn result_type(self) -> Option<&'static str> {
        Some(match self {
            Self::Size | Self::IndexOf | Self::LastIndexOf | Self::ToInt => "int",
            Self::Contains
            | Self::StartsWith
            | Self::EndsWith
            | Self::Matches
            | Self::IsSorted
            | Self::ToBool => "bool",
            Self::HasValue => "bool",
            Self::Find
            | Self::CharAt
            | Self::LowerAscii
            | Self::UpperAscii
            | Self::Replace
            | Self::Substring => "string",
            Self::Trim | Self::Join | Self::ToText => "string",
            Self::FindAll | Self::Split | Self::Range => "list",
            Self::ToUint => "uint",
            Self::ToDouble => "double",
            Self::ToBytes => "bytes",
            Self::ToDuration => "duration",
            Self::ToTimestamp => "timestamp",
            Self::TypeOf => "type",
            _ => return None,
        })
    }
}

/// Names before a dot that are no variables: `math.greatest`.
pub(crate) fn is_namespace(name: &str) -> bool {
    matches!(
        name,
        "math" | "sets" | "lists" | "base64" | "optional" | "format" | "ip" | "jsonpatch" | "strings" | "cel"
    )
}

/// Whether the Kubernetes libraries of kube-cel have this function or method.
pub(crate) fn is_library(name: &str, is_method: bool) -> bool {
    const METHODS: [&str; 42] = [
        "add",
        "asApproximateFloat",
        "asInteger",
        "cidr",
        "compareTo",
        "containsCIDR",
        "containsIP",
        "distinct",
        "family",
        "first",
        "flatten",
        "format",
        "getEscapedPath",
        "getHost",
        "getHostname",
        "getPort",
        "getQuery",
        "getScheme",
        "ip",
        "isCanonical",
        "isGlobalUnicast",
        "isGreaterThan",
        "isInteger",
        "isLessThan",
        "isLinkLocalMulticast",
        "isLinkLocalUnicast",
        "isLoopback",
        "isUnspecified",
        "last",
        "major",
        "masked",
        "minor",
        "patch",
        "prefixLength",
        "reverse",
        "sign",
        "slice",
        "sort",
        "string",
        "sub",
        "validate",
        "value",
    ];
    const FUNCTIONS: [&str; 14] = [
        "quantity",
        "isQuantity",
        "url",
        "isURL",
        "ip",
        "isIP",
        "cidr",
        "isCIDR",
        "semver",
        "isSemver",
        "isIPv4",
        "isIPv6",
        "isCIDRv4",
        "isCIDRv6",
    ];
    const QUALIFIED: [&str; 37] = [
        "math.abs",
        "math.bitAnd",
        "math.bitNot",
        "math.bitOr",
        "math.bitShiftLeft",
        "math.bitShiftRight",
        "math.bitXor",
        "math.ceil",
        "math.floor",
        "math.greatest",
        "math.isFinite",
        "math.isInf",
        "math.isNaN",
        "math.least",
        "math.round",
        "math.sign",
        "math.sqrt",
        "math.trunc",
        "sets.contains",
        "sets.equivalent",
        "sets.intersects",
        "base64.decode",
        "base64.encode",
        "ip.isCanonical",
        "jsonpatch.escapeKey",
        "strings.quote",
        "format.named",
        "format.byte",
        "format.date",
        "format.datetime",
        "format.dns1035Label",
        "format.dns1123Label",
        "format.dns1123Subdomain",
        "format.labelValue",
        "format.qualifiedName",
        "format.uri",
        "format.uuid",
    ];
    const PREFIXES: [&str; 3] =
        ["format.dns1035LabelPrefix", "format.dns1123LabelPrefix", "format.dns1123SubdomainPrefix"];
    if is_method {
        METHODS.contains(&name)
    } else {
        FUNCTIONS.contains(&name) || QUALIFIED.contains(&name) || PREFIXES.contains(&name)
    }
}

/// Evaluates a native function.
pub(crate) fn call<'a>(function: Native, args: Vec<Val<'a>>, meter: &mut Meter) -> Result<Val<'a>> {
    if let Native::Time(part) = function {
        return times::part(part, &args);
    }
    let Some(first) = args.first() else {
        return match function {
            Native::OptionalNone => Ok(Val::Optional(None)),
            _ => no_overload(),
        };
    };
    match function {
        Native::Size => match first.length() {
            Some(length) => {
                if let Val::Text(text) = first {
                    meter.charge_bytes(text.as_str().len())?;
                }
                Ok(Val::Int(length as i64))
            }
            None => no_overload(),
        },
        Native::IndexOf | Native::LastIndexOf if first.entries().is_some() => {
            lists::position(function, &args, meter)
        }
        Native::Join | Native::IsSorted | Native::Sum | Native::Min | Native::Max | Native::Range => {
            lists::call(function, &args, meter)
        }
        Native::ToBool | Native::ToInt | Native::ToUint | Native::ToDouble | Native::ToBytes => {
            numbers::convert(function, first, meter)
        }
        Native::ToText => {
            if let Val::Library(_) = first {
                return crate::library::to_text(first, meter);
            }
            to_text_value(first, meter)
        }
        Native::ToDuration | Native::ToTimestamp => times::convert(function, first),
        Native::TypeOf => Ok(Val::Type(first.type_name())),
        Native::Dyn => Ok(first.clone()),
        Native::OptionalOf => Ok(Val::Optional(Some(Arc::new(first.clone())))),
        Native::OptionalOfNonZero => {
            let zero = match first {
                Val::Null => true,
                Val::Bool(value) => !value,
                Val::Int(value) => *value == 0,
                Val::Uint(value) => *value == 0,
                Val::Double(value) => *value == 0.0,
                other => other.length() == Some(0),
            };
            Ok(Val::Optional((!zero).then(|| Arc::new(first.clone()))))
        }
        Native::HasValue | Native::Value | Native::Or | Native::OrValue => optional(function, first, &args),
        _ => strings::call(function, &args, meter),
    }
}

fn optional<'a>(function: Native, first: &Val<'a>, args: &[Val<'a>]) -> Result<Val<'a>> {
    let Val::Optional(inner) = first else { return no_overload() };
    match (function, inner, args.get(1)) {
        (Native::HasValue, inner, _) => Ok(Val::Bool(inner.is_some())),
        (Native::Or, Some(_), Some(_)) => Ok(first.clone()),
        (Native::Value | Native::OrValue, Some(inner), _) => Ok(inner.as_ref().clone()),
        (Native::Value, None, _) => error("optional.none() dereference"),
        (_, None, Some(other)) => Ok(other.clone()),
        _ => no_overload(),
    }
}

fn to_text_value<'a>(value: &Val<'a>, meter: &mut Meter) -> Result<Val<'a>> {
    Ok(match value {
        Val::Text(_) => value.clone(),
        Val::Bytes(bytes) => {
            meter.charge_bytes(bytes.len())?;
            match std::str::from_utf8(bytes) {
                Ok(text) => Val::from(text.to_owned()),
                Err(_) => return error("invalid UTF-8 in bytes, cannot convert to string"),
            }
        }
        Val::Null | Val::List(_) | Val::View(..) | Val::Map(_) | Val::Object(..) | Val::Optional(_) => {
            return no_overload();
        }
        other => Val::from(to_text(other)),
    })
}

/// A scalar as text, as `string()` gives it.
pub(crate) fn to_text(value: &Val<'_>) -> String {
    match value {
        Val::Bool(value) => value.to_string(),
        Val::Int(value) => value.to_string(),
        Val::Uint(value) => value.to_string(),
        Val::Double(value) => value.to_string(),
        Val::Text(text) => text.as_str().to_owned(),
        Val::Timestamp(value) => value.to_string(),
        Val::Duration(value) => format!("{}s", value.as_secs_f64()),
        Val::Type(name) => (*name).to_owned(),
        other => other.type_name().to_owned(),
    }
}

/// The text of an argument, or no overload.
pub(crate) fn text<'v>(args: &'v [Val<'_>], index: usize) -> Result<&'v str> {
    match args.get(index) {
        Some(Val::Text(text)) => Ok(text.as_str()),
        _ => no_overload(),
    }
}

/// The whole number of an argument, or no overload.
pub(crate) fn int(args: &[Val<'_>], index: usize) -> Result<i64> {
    match args.get(index) {
        Some(Val::Int(value)) => Ok(*value),
        _ => no_overload(),
    }
}

/// Part of a text: borrowed where the whole is.
pub(crate) fn part<'a>(whole: &Val<'a>, from: usize, to: usize) -> Result<Val<'a>> {
    match whole {
        Val::Text(Text::Borrowed(text)) => {
            Ok(Val::Text(Text::Borrowed(text.get(from..to).unwrap_or_default())))
        }
        Val::Text(Text::Shared(text)) => Ok(Val::from(text.get(from..to).unwrap_or_default().to_owned())),
        _ => no_overload(),
    }
}
