//! Conversions between numbers, booleans, bytes and text.

use super::Native;
use crate::{
    eval::{Result, error, no_overload},
    meter::Meter,
    value::Val,
};

pub(super) fn convert<'a>(function: Native, value: &Val<'a>, meter: &mut Meter) -> Result<Val<'a>> {
    if let Val::Text(text) = value {
        meter.charge_bytes(text.as_str().len())?;
    }
    match (function, value) {
        (Native::ToBool, Val::Bool(value)) => Ok(Val::Bool(*value)),
        (Native::ToBool, Val::Text(text)) => match text.as_str() {
            "true" | "True" | "TRUE" | "t" | "1" => Ok(Val::Bool(true)),
            "false" | "False" | "FALSE" | "f" | "0" => Ok(Val::Bool(false)),
            _ => error("type conversion error from 'string' to 'bool'"),
        },
        (Native::ToInt, Val::Int(value)) => Ok(Val::Int(*value)),
        (Native::ToInt, Val::Uint(value)) => {
            i64::try_from(*value).map_or_else(|_| range(), |value| Ok(Val::Int(value)))
        }
        (Native::ToInt, Val::Double(value)) if value.abs() < 9.223_372_036_854_775e18 => {
            Ok(Val::Int(*value as i64))
        }
        (Native::ToInt, Val::Double(_)) => range(),
        (Native::ToInt, Val::Text(text)) => number(text.as_str().parse().ok().map(Val::Int), "int"),
        (Native::ToInt, Val::Timestamp(value)) => Ok(Val::Int(value.as_second())),
        (Native::ToInt, Val::Duration(value)) => {
            i64::try_from(value.as_nanos()).map_or_else(|_| range(), |value| Ok(Val::Int(value)))
        }
        (Native::ToUint, Val::Uint(value)) => Ok(Val::Uint(*value)),
        (Native::ToUint, Val::Int(value)) => {
            u64::try_from(*value).map_or_else(|_| range(), |value| Ok(Val::Uint(value)))
        }
        (Native::ToUint, Val::Double(value)) if *value >= 0.0 && *value < 1.844_674_407_370_955e19 => {
            Ok(Val::Uint(*value as u64))
        }
        (Native::ToUint, Val::Double(_)) => range(),
        (Native::ToUint, Val::Text(text)) => number(text.as_str().parse().ok().map(Val::Uint), "uint"),
        (Native::ToDouble, Val::Double(value)) => Ok(Val::Double(*value)),
        (Native::ToDouble, Val::Int(value)) => Ok(Val::Double(*value as f64)),
        (Native::ToDouble, Val::Uint(value)) => Ok(Val::Double(*value as f64)),
        (Native::ToDouble, Val::Text(text)) => number(text.as_str().parse().ok().map(Val::Double), "double"),
        (Native::ToBytes, Val::Bytes(value)) => Ok(Val::Bytes(value.clone())),
        (Native::ToBytes, Val::Text(text)) => Ok(Val::Bytes(text.as_str().as_bytes().into())),
        _ => no_overload(),
    }
}

fn range<'a>() -> Result<Val<'a>> {
    error("range error")
}

fn number<'a>(parsed: Option<Val<'a>>, name: &str) -> Result<Val<'a>> {
    parsed.map_or_else(|| error(format!("type conversion error from 'string' to '{name}'")), Ok)
}
