//! Points in time, durations, and their parts.

use jiff::{Timestamp, tz::TimeZone};

use super::{Native, text};
use crate::{
    eval::{Result, error, no_overload},
    value::{Val, parse_duration, parse_timestamp},
};

/// A part of a point in time or of a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    FullYear,
    Month,
    Date,
    DayOfMonth,
    DayOfWeek,
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

impl Part {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "getFullYear" => Self::FullYear,
            "getMonth" => Self::Month,
            "getDate" => Self::Date,
            "getDayOfMonth" => Self::DayOfMonth,
            "getDayOfWeek" => Self::DayOfWeek,
            "getDayOfYear" => Self::DayOfYear,
            "getHours" => Self::Hours,
            "getMinutes" => Self::Minutes,
            "getSeconds" => Self::Seconds,
            "getMilliseconds" => Self::Milliseconds,
            _ => return None,
        })
    }
}

pub(super) fn convert<'a>(function: Native, value: &Val<'a>) -> Result<Val<'a>> {
    match (function, value) {
        (Native::ToDuration, Val::Duration(value)) => Ok(Val::Duration(*value)),
        (Native::ToDuration, Val::Int(nanos)) => Ok(Val::Duration(jiff::SignedDuration::from_nanos(*nanos))),
        (Native::ToDuration, Val::Text(text)) => match parse_duration(text.as_str()) {
            Some(value) => Ok(Val::Duration(value)),
            None => error("type conversion error from 'string' to 'google.protobuf.Duration'"),
        },
        (Native::ToTimestamp, Val::Timestamp(value)) => Ok(Val::Timestamp(*value)),
        (Native::ToTimestamp, Val::Int(seconds)) => match Timestamp::from_second(*seconds) {
            Ok(value) => Ok(Val::Timestamp(value)),
            Err(_) => error("range error"),
        },
        (Native::ToTimestamp, Val::Text(text)) => match parse_timestamp(text.as_str()) {
            Some(value) => Ok(Val::Timestamp(value)),
            None => error("type conversion error from 'string' to 'google.protobuf.Timestamp'"),
        },
        _ => no_overload(),
    }
}

pub(super) fn part<'a>(part: Part, args: &[Val<'a>]) -> Result<Val<'a>> {
    match args.first() {
        Some(Val::Duration(value)) if args.len() == 1 => Ok(Val::Int(match part {
            Part::Hours => value.as_secs() / 3600,
            Part::Minutes => value.as_secs() / 60,
            Part::Seconds => value.as_secs(),
            Part::Milliseconds => i64::from(value.subsec_millis()),
            _ => return no_overload(),
        })),
        Some(Val::Timestamp(value)) => {
            let zone = if args.len() > 1 { zone(text(args, 1)?)? } else { TimeZone::UTC };
            let local = value.to_zoned(zone);
            Ok(Val::Int(match part {
                Part::FullYear => i64::from(local.year()),
                Part::Month => i64::from(local.month()) - 1,
                Part::Date => i64::from(local.day()),
                Part::DayOfMonth => i64::from(local.day()) - 1,
                Part::DayOfWeek => i64::from(local.weekday().to_sunday_zero_offset()),
                Part::DayOfYear => i64::from(local.day_of_year()) - 1,
                Part::Hours => i64::from(local.hour()),
                Part::Minutes => i64::from(local.minute()),
                Part::Seconds => i64::from(local.second()),
                Part::Milliseconds => i64::from(local.millisecond()),
            }))
        }
        _ => no_overload(),
    }
}

/// `UTC`, `+01:30`, or a name of the time zone database.
fn zone(name: &str) -> Result<TimeZone> {
    if matches!(name, "UTC" | "") {
        return Ok(TimeZone::UTC);
    }
    let (sign, digits) = match name.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, name.strip_prefix('+').unwrap_or(name)),
    };
    if let Some((hours, minutes)) = digits.split_once(':')
        && let (Ok(hours), Ok(minutes)) = (hours.parse::<i32>(), minutes.parse::<i32>())
        && (0..=14).contains(&hours)
        && (0..60).contains(&minutes)
        && let Ok(offset) = jiff::tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60))
    {
        return Ok(TimeZone::fixed(offset));
    }
    TimeZone::get(name).or_else(|_| error(format!("unknown time zone {name}")))
}
