//! Functions that the Kubernetes libraries of kube-cel answer: quantities, addresses, URLs, versions, sets, formats.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use kube_cel::{
    KubeCelExt as _,
    cel::{
        Context, ExecutionError, Value,
        objects::{Key, Map, OptionalValue},
    },
};

use crate::{
    eval::{Result, error, no_overload},
    ir::LibraryCall,
    meter::Meter,
    value::Val,
};

thread_local! {
    static CONTEXT: Context<'static> = Context::default().with_all();
}

/// Digits behind the point that a format may ask for.
const PRECISION_MAX: usize = 100;

/// Calls a library function; arguments are copied, at a price.
pub(crate) fn call<'a>(call: &LibraryCall, args: Vec<Val<'a>>, meter: &mut Meter) -> Result<Val<'a>> {
    let mut sizes = Vec::with_capacity(args.len());
    for arg in &args {
        let size = arg.size(meter.left());
        meter.charge(size)?;
        sizes.push(size);
    }
    if call.name.starts_with("sets.") || matches!(call.name.as_str(), "distinct" | "sort") {
        // Every entry is compared with every other.
        let other = sizes.get(1).or(sizes.first()).copied().unwrap_or(1);
        meter.charge(sizes.first().copied().unwrap_or(1).saturating_mul(other))?;
    }
    if call.name == "format"
        && let Some(Val::Text(text)) = args.first()
    {
        check_precision(text.as_str())?;
        // A list may be printed once for each verb.
        let verbs = text.as_str().matches('%').count() as u64;
        meter.charge(verbs.saturating_mul(sizes.get(1).copied().unwrap_or(1)))?;
    }
    let converted = args.iter().map(to_library).collect::<Result<Vec<_>>>()?;
    let answer = catch_unwind(AssertUnwindSafe(|| {
        CONTEXT.with(|context| {
            let mut scope = context.new_inner_scope();
            for (i, value) in converted.into_iter().enumerate() {
                scope.add_variable_from_value(format!("a{i}"), value);
            }
            Value::resolve(&call.expression, &scope)
        })
    }));
    match answer {
        Ok(Ok(value)) => from_library(value),
        Ok(Err(fault)) => error(fault_text(&fault)),
        Err(_) => error(format!("`{}` failed on its arguments", call.name)),
    }
}

/// `string()` of an address or another library value.
pub(crate) fn to_text<'a>(value: &Val<'a>, meter: &mut Meter) -> Result<Val<'a>> {
    let by_name = crate::lower::library_call("string", false, 1);
    call(&by_name, vec![value.clone()], meter)
}

fn fault_text(fault: &ExecutionError) -> String {
    match fault {
        ExecutionError::NoSuchOverload
        | ExecutionError::UnexpectedType { .. }
        | ExecutionError::UnsupportedTargetType { .. }
        | ExecutionError::NotSupportedAsMethod { .. }
        | ExecutionError::InvalidArgumentCount { .. } => "no such overload".to_owned(),
        ExecutionError::FunctionError { message, .. } => message.clone(),
        other => other.to_string(),
    }
}

fn check_precision(format: &str) -> Result<()> {
    let mut rest = format;
    while let Some(at) = rest.find("%.") {
        rest = &rest[at + 2..];
        let digits: String = rest.chars().take_while(char::is_ascii_digit).take(6).collect();
        if digits.parse::<usize>().is_ok_and(|precision| precision > PRECISION_MAX) {
            return error(format!("format precision is above {PRECISION_MAX}"));
        }
    }
    Ok(())
}

fn to_library(value: &Val<'_>) -> Result<Value> {
    Ok(match value {
        Val::Null => Value::Null,
        Val::Bool(value) => Value::Bool(*value),
        Val::Int(value) => Value::Int(*value),
        Val::Uint(value) => Value::UInt(*value),
        Val::Double(value) => Value::Float(*value),
        Val::Text(text) => Value::String(Arc::new(text.as_str().to_owned())),
        Val::Bytes(bytes) => Value::Bytes(Arc::new(bytes.to_vec())),
        Val::Timestamp(_) | Val::Duration(_) | Val::Type(_) => Value::from(crate::functions::to_text(value)),
        Val::Library(value) => value.clone(),
        Val::Optional(inner) => {
            let inner = inner.as_ref().map(|inner| to_library(inner)).transpose()?;
            Value::Opaque(Arc::new(inner.map_or_else(OptionalValue::none, OptionalValue::of)))
        }
        Val::View(..) | Val::List(_) => {
            let entries = value.entries().map(|entries| entries.to_vec()).unwrap_or_default();
            Value::List(Arc::new(entries.iter().map(to_library).collect::<Result<_>>()?))
        }
        Val::Object(..) | Val::Map(_) => {
            let mut map = std::collections::HashMap::new();
            for (key, value) in value.pairs().unwrap_or_default() {
                let key = match &key {
                    Val::Text(text) => Key::String(Arc::new(text.as_str().to_owned())),
                    Val::Int(value) => Key::Int(*value),
                    Val::Uint(value) => Key::Uint(*value),
                    Val::Bool(value) => Key::Bool(*value),
                    _ => return no_overload(),
                };
                map.insert(key, to_library(&value)?);
            }
            Value::Map(Map { map: Arc::new(map) })
        }
    })
}

fn from_library<'a>(value: Value) -> Result<Val<'a>> {
    Ok(match value {
        Value::Null => Val::Null,
        Value::Bool(value) => Val::Bool(value),
        Value::Int(value) => Val::Int(value),
        Value::UInt(value) => Val::Uint(value),
        Value::Float(value) => Val::Double(value),
        Value::String(text) => Val::from(text.as_str().to_owned()),
        Value::Bytes(bytes) => Val::Bytes(bytes.as_slice().into()),
        Value::List(list) => Val::list(list.iter().cloned().map(from_library).collect::<Result<_>>()?),
        Value::Map(map) => {
            let mut pairs = Vec::with_capacity(map.map.len());
            for (key, value) in map.map.iter() {
                let key = match key {
                    Key::String(text) => Val::from(text.as_str().to_owned()),
                    Key::Int(value) => Val::Int(*value),
                    Key::Uint(value) => Val::Uint(*value),
                    Key::Bool(value) => Val::Bool(*value),
                };
                pairs.push((key, from_library(value.clone())?));
            }
            Val::Map(Arc::new(pairs))
        }
        Value::Opaque(opaque) => match opaque.downcast_ref::<OptionalValue>() {
            Some(inner) => {
                let inner = inner.value().cloned().map(from_library).transpose()?;
                Val::Optional(inner.map(Arc::new))
            }
            None => Val::Library(Value::Opaque(opaque)),
        },
        Value::Timestamp(time) => {
            let nanos =
                i128::from(time.timestamp()) * 1_000_000_000 + i128::from(time.timestamp_subsec_nanos());
            match jiff::Timestamp::from_nanosecond(nanos) {
                Ok(time) => Val::Timestamp(time),
                Err(_) => return error("range error"),
            }
        }
        Value::Duration(duration) => match duration.num_nanoseconds() {
            Some(nanos) => Val::Duration(jiff::SignedDuration::from_nanos(nanos)),
            None => return error("range error"),
        },
        Value::Function(..) => return no_overload(),
    })
}
