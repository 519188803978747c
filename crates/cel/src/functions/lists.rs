//! Lists: order, sums, search.

use std::cmp::Ordering;

use super::{Native, int, text};
use crate::{
    eval::{Result, error, no_overload},
    meter::Meter,
    value::Val,
};

pub(super) fn call<'a>(function: Native, args: &[Val<'a>], meter: &mut Meter) -> Result<Val<'a>> {
    if function == Native::Range {
        let count = u64::try_from(int(args, 0)?).or_else(|_| error("range must not be negative"))?;
        meter.charge(count)?;
        return Ok(Val::list((0..count as i64).map(Val::Int).collect()));
    }
    let Some(entries) = args.first().and_then(Val::entries) else { return no_overload() };
    let list = entries.to_vec();
    meter.charge(list.len() as u64)?;
    match function {
        Native::Join => {
            let separator = if args.len() > 1 { text(args, 1)? } else { "" };
            let mut bytes = separator.len().saturating_mul(list.len());
            let mut parts = Vec::with_capacity(list.len());
            for entry in &list {
                let Val::Text(part) = entry else { return no_overload() };
                bytes = bytes.saturating_add(part.as_str().len());
                parts.push(part.as_str());
            }
            meter.charge_bytes(bytes)?;
            Ok(Val::from(parts.join(separator)))
        }
        Native::IsSorted => {
            for pair in list.windows(2) {
                match pair[0].compare(&pair[1]) {
                    Some(Ordering::Greater) => return Ok(Val::Bool(false)),
                    Some(_) => {}
                    None => return no_overload(),
                }
            }
            Ok(Val::Bool(true))
        }
        Native::Min | Native::Max => {
            let wanted = if function == Native::Min { Ordering::Less } else { Ordering::Greater };
            let name = if function == Native::Min { "min" } else { "max" };
            let mut list = list.into_iter();
            let Some(mut best) = list.next() else { return error(format!("{name} called on empty list")) };
            for entry in list {
                match entry.compare(&best) {
                    Some(order) if order == wanted => best = entry,
                    Some(_) => {}
                    None => return no_overload(),
                }
            }
            Ok(best)
        }
        Native::Sum => sum(list),
        _ => no_overload(),
    }
}

fn sum<'a>(list: Vec<Val<'a>>) -> Result<Val<'a>> {
    let mut total: Option<Val<'a>> = None;
    for entry in list {
        let next = match (total.take(), entry) {
            (None, entry @ (Val::Int(_) | Val::Uint(_) | Val::Double(_) | Val::Duration(_))) => Some(entry),
            (Some(Val::Int(a)), Val::Int(b)) => a.checked_add(b).map(Val::Int),
            (Some(Val::Uint(a)), Val::Uint(b)) => a.checked_add(b).map(Val::Uint),
            (Some(Val::Double(a)), Val::Double(b)) => Some(Val::Double(a + b)),
            (Some(Val::Duration(a)), Val::Duration(b)) => a.checked_add(b).map(Val::Duration),
            _ => return no_overload(),
        };
        match next {
            Some(value) => total = Some(value),
            None => return error("return error for overflow"),
        }
    }
    Ok(total.unwrap_or(Val::Int(0)))
}

/// `indexOf` and `lastIndexOf` of lists.
pub(super) fn position<'a>(function: Native, args: &[Val<'a>], meter: &mut Meter) -> Result<Val<'a>> {
    let (Some(entries), Some(wanted)) = (args.first().and_then(Val::entries), args.get(1)) else {
        return no_overload();
    };
    meter.charge(entries.len() as u64)?;
    let same = |i: &usize| entries.get(*i).is_some_and(|entry| entry.equals(wanted));
    let found = if function == Native::IndexOf {
        (0..entries.len()).find(same)
    } else {
        (0..entries.len()).rev().find(same)
    };
    Ok(Val::Int(found.map_or(-1, |i| i as i64)))
}
