//! Strings: search, parts, patterns. Positions count characters.

use super::{Native, int, part, text};
use crate::{
    Pattern,
    eval::{Result, error, no_overload},
    meter::Meter,
    value::Val,
};

pub(super) fn call<'a>(function: Native, args: &[Val<'a>], meter: &mut Meter) -> Result<Val<'a>> {
    let value = text(args, 0)?;
    meter.charge_bytes(value.len())?;
    match function {
        Native::Contains => {
            let needle = text(args, 1)?;
            meter.charge_bytes(value.len() / 10 * (needle.len() / 10 + 1))?;
            Ok(Val::Bool(value.contains(needle)))
        }
        Native::StartsWith => Ok(Val::Bool(value.starts_with(text(args, 1)?))),
        Native::EndsWith => Ok(Val::Bool(value.ends_with(text(args, 1)?))),
        Native::Matches => {
            let pattern = pattern(text(args, 1)?, value, meter)?;
            Ok(Val::Bool(pattern.is_match(value)))
        }
        Native::Find => {
            let pattern = pattern(text(args, 1)?, value, meter)?;
            match pattern.regex().find(value) {
                Some(found) => part(&args[0], found.start(), found.end()),
                None => Ok(Val::from(String::new())),
            }
        }
        Native::FindAll => {
            let pattern = pattern(text(args, 1)?, value, meter)?;
            let most = if args.len() > 2 {
                usize::try_from(int(args, 2)?).unwrap_or(usize::MAX)
            } else {
                usize::MAX
            };
            let mut list = Vec::new();
            for found in pattern.regex().find_iter(value).take(most) {
                meter.charge(1)?;
                list.push(part(&args[0], found.start(), found.end())?);
            }
            Ok(Val::list(list))
        }
        Native::CharAt => {
            let index = int(args, 1)?;
            let position = usize::try_from(index).ok();
            let length = value.chars().count();
            match position.and_then(|i| value.chars().nth(i)) {
                Some(c) => Ok(Val::from(c.to_string())),
                None if position == Some(length) => Ok(Val::from(String::new())),
                None => error(format!("index out of range: {index}")),
            }
        }
        Native::IndexOf | Native::LastIndexOf => index_of(function, args),
        Native::LowerAscii => Ok(Val::from(value.to_ascii_lowercase())),
        Native::UpperAscii => Ok(Val::from(value.to_ascii_uppercase())),
        Native::Trim => {
            let start = value.len() - value.trim_start().len();
            part(&args[0], start, start + value.trim().len())
        }
        Native::Replace => replace(args, meter),
        Native::Split => split(args, meter),
        Native::Substring => substring(args),
        _ => no_overload(),
    }
}

fn pattern(pattern: &str, value: &str, meter: &mut Meter) -> Result<Pattern> {
    // The price of a search grows with both; as Kubernetes has it.
    meter.charge((value.len() as u64 / 10 + 1).saturating_mul(pattern.len() as u64 / 4 + 1))?;
    Pattern::compile(pattern).or_else(|fault| error(format!("invalid pattern `{pattern}`: {fault}")))
}

fn byte_at(value: &str, position: usize) -> Option<usize> {
    value.char_indices().map(|(at, _)| at).chain([value.len()]).nth(position)
}

fn index_of<'a>(function: Native, args: &[Val<'a>]) -> Result<Val<'a>> {
    let (value, needle) = (text(args, 0)?, text(args, 1)?);
    let offset = if args.len() > 2 { Some(int(args, 2)?) } else { None };
    let bound = match offset {
        None => None,
        Some(offset) => match usize::try_from(offset).ok().and_then(|at| byte_at(value, at)) {
            Some(at) => Some(at),
            None => return error(format!("index out of range: {offset}")),
        },
    };
    let found = match (function, bound) {
        (Native::IndexOf, bound) => {
            let from = bound.unwrap_or(0);
            value[from..].find(needle).map(|at| at + from)
        }
        (_, None) => value.rfind(needle),
        (_, Some(at)) => {
            value.match_indices(needle).map(|(found, _)| found).take_while(|found| *found <= at).last()
        }
    };
    Ok(Val::Int(found.map_or(-1, |at| value[..at].chars().count() as i64)))
}

fn replace<'a>(args: &[Val<'a>], meter: &mut Meter) -> Result<Val<'a>> {
    let (value, from, to) = (text(args, 0)?, text(args, 1)?, text(args, 2)?);
    let most = match args.get(3) {
        None => usize::MAX,
        Some(_) => usize::try_from(int(args, 3)?).unwrap_or(usize::MAX),
    };
    let hits = value.matches(from).take(most).count();
    meter.charge_bytes(value.len().saturating_add(hits.saturating_mul(to.len())))?;
    Ok(Val::from(value.replacen(from, to, hits)))
}

fn split<'a>(args: &[Val<'a>], meter: &mut Meter) -> Result<Val<'a>> {
    let (value, separator) = (text(args, 0)?, text(args, 1)?);
    let most = match args.get(2) {
        None => -1,
        Some(_) => int(args, 2)?,
    };
    if most == 0 {
        return Ok(Val::list(Vec::new()));
    }
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    meter.charge(value.len() as u64 + 1)?;
    let parts: Vec<Val<'a>> = if separator.is_empty() {
        // Between every two characters; the last part keeps what is left.
        let cut = byte_at(value, most.saturating_sub(1)).unwrap_or(value.len());
        let (single, rest) = value.split_at(cut);
        let tail = (!rest.is_empty()).then(|| rest.to_owned());
        single.chars().map(|c| c.to_string()).chain(tail).map(Val::from).collect()
    } else {
        value.splitn(most, separator).map(|part| Val::from(part.to_owned())).collect()
    };
    Ok(Val::list(parts))
}

fn substring<'a>(args: &[Val<'a>]) -> Result<Val<'a>> {
    let value = text(args, 0)?;
    let from = int(args, 1)?;
    let to = if args.len() > 2 { Some(int(args, 2)?) } else { None };
    let start = usize::try_from(from).ok().and_then(|at| byte_at(value, at));
    let end = match to {
        None => Some(value.len()),
        Some(to) => usize::try_from(to).ok().and_then(|at| byte_at(value, at)),
    };
    match (start, end) {
        (Some(start), Some(end)) if start <= end => part(&args[0], start, end),
        (Some(_), Some(_)) => {
            error(format!("invalid substring range. start: {from}, end: {}", to.unwrap_or_default()))
        }
        (None, _) => error(format!("index out of range: {from}")),
        (_, None) => error(format!("index out of range: {}", to.unwrap_or_default())),
    }
}
