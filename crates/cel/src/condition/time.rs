//! Durations as Go writes them, points in time as RFC 3339 writes them, and the parts of both.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use super::overload::Function;

/// Seconds of the first and last points in time that an expression may compute: the years 1 to 9999.
const SECOND_MIN: i64 = -62_135_596_800;
const SECOND_MAX: i64 = 253_402_300_799;

/// Nanoseconds of a duration such as `1h30m`, `-1.5s`, `250ms`; none if it is malformed or out of range.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let whole = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, after) = rest.split_at(whole);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(after.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("", after),
        };
        if digits.is_empty() && fraction.is_empty() {
            return None;
        }
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let unit: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        // More digits than this are out of range whatever the unit is.
        let trimmed = digits.trim_start_matches('0');
        if trimmed.len() > 19 {
            return None;
        }
        let number: i128 = if trimmed.is_empty() { 0 } else { trimmed.parse().ok()? };
        total = total.checked_add(number.checked_mul(unit)?)?;
        total = total.checked_add(part_of(fraction, unit))?;
        if total > i128::from(i64::MAX) + 1 {
            return None;
        }
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// The part of `unit` that digits behind a point stand for; what is below a nanosecond is cut.
fn part_of(fraction: &str, unit: i128) -> i128 {
    let digits = fraction.get(..fraction.len().min(18)).unwrap_or_default();
    match digits.parse::<i128>() {
        Ok(number) => number * unit / 10_i128.pow(digits.len() as u32),
        Err(_) => 0,
    }
}

/// A duration as CEL converts it to text: seconds.
pub(crate) fn duration_text(nanos: i64) -> String {
    format!("{}s", nanos as f64 / 1e9)
}

/// A point in time such as `2023-05-03T21:25:20.5+02:00`; none if it is malformed.
pub(crate) fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok() } else { None }
    };
    let is = |at: usize, mark: u8| bytes.get(at) == Some(&mark);
    if !(is(4, b'-') && is(7, b'-') && is(10, b'T') && is(13, b':') && is(16, b':')) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let mut rest = text.get(19..)?;
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return None;
        }
        nanos = part_of(fraction.get(..digits.min(9))?, 1_000_000_000) as i64;
        rest = fraction.get(digits..)?;
    }
    let offset = zone_offset(rest)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let date = Date::new(year as i16, month as i8, day as i8).ok()?;
    let days = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    let seconds = days + hour * 3600 + minute * 60 + second - offset;
    Timestamp::new(seconds, nanos as i32).ok()
}

/// Seconds of `Z`, `+01:30`.
fn zone_offset(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two = |digits: &str| -> Option<i64> {
        let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        if plain { digits.parse().ok() } else { None }
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    Some(sign * (hours * 3600 + minutes * 60))
}

/// The point in time, if an expression may compute it.
pub(crate) fn in_range(value: Timestamp) -> Option<Timestamp> {
    (SECOND_MIN..=SECOND_MAX).contains(&value.as_second()).then_some(value)
}

/// The point in time so many seconds after the start of 1970.
pub(crate) fn from_second(second: i64) -> Option<Timestamp> {
    Timestamp::from_second(second).ok().and_then(in_range)
}

/// A point in time moved by nanoseconds.
pub(crate) fn moved(value: Timestamp, nanos: i64) -> Option<Timestamp> {
    value.checked_add(SignedDuration::from_nanos(nanos)).ok().and_then(in_range)
}

/// Nanoseconds from `b` to `a`.
pub(crate) fn between(a: Timestamp, b: Timestamp) -> Option<i64> {
    i64::try_from(a.as_nanosecond() - b.as_nanosecond()).ok()
}

/// A part of a duration; none if a duration has no such part.
pub(crate) fn duration_part(part: Function, nanos: i64) -> Option<i64> {
    Some(match part {
        Function::Hours => nanos / 3_600_000_000_000,
        Function::Minutes => nanos / 60_000_000_000,
        Function::Seconds => nanos / 1_000_000_000,
        Function::Milliseconds => nanos / 1_000_000,
        _ => return None,
    })
}

/// A part of a point in time, in a zone.
pub(crate) fn timestamp_part(part: Function, value: Timestamp, zone: TimeZone) -> Option<i64> {
    let local = value.to_zoned(zone);
    Some(match part {
        Function::FullYear => i64::from(local.year()),
        Function::Month => i64::from(local.month()) - 1,
        Function::DayOfYear => i64::from(local.day_of_year()) - 1,
        Function::DayOfMonth => i64::from(local.day()) - 1,
        Function::Date => i64::from(local.day()),
        Function::DayOfWeek => i64::from(local.weekday().to_sunday_zero_offset()),
        Function::Hours => i64::from(local.hour()),
        Function::Minutes => i64::from(local.minute()),
        Function::Seconds => i64::from(local.second()),
        Function::Milliseconds => i64::from(local.millisecond()),
        _ => return None,
    })
}

/// A zone by name (`Europe/Berlin`) or by hours and minutes (`-08:00`, `9:30`).
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    if matches!(name, "" | "UTC") {
        return Some(TimeZone::UTC);
    }
    let Some((hours, minutes)) = name.split_once(':') else { return TimeZone::get(name).ok() };
    let number = |text: &str| text.parse::<i32>().ok().filter(|number| number.abs() < 100);
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let minutes = if name.starts_with('-') { hours * 60 - minutes } else { hours * 60 + minutes };
    jiff::tz::Offset::from_seconds(minutes * 60).ok().map(TimeZone::fixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let cases = [
            ("1h30m", Some(5_400_000_000_000)),
            ("-1.5s", Some(-1_500_000_000)),
            ("250ms", Some(250_000_000)),
            ("0", Some(0)),
            ("+5s", Some(5_000_000_000)),
            (".5s", Some(500_000_000)),
            ("1.s", Some(1_000_000_000)),
            ("1us2ns", Some(1_002)),
            ("0.1h", Some(360_000_000_000)),
            ("9223372036854775807ns", Some(i64::MAX)),
            ("-9223372036854775808ns", Some(i64::MIN)),
            ("9223372036854775808ns", None),
            ("2562048h", None),
            ("99999999999999999999s", None),
            ("", None),
            ("-", None),
            ("1", None),
            ("s", None),
            (".s", None),
            ("1 s", None),
            ("1d", None),
        ];
        for (text, want) in cases {
            assert_eq!(parse_duration(text), want, "{text}");
        }
    }

    #[test]
    fn points_in_time_are_read_strictly() {
        let at = |text: &str| parse_timestamp(text).map(|t| t.to_string());
        let cases = [
            ("2023-05-03T21:25:20Z", Some("2023-05-03T21:25:20Z")),
            ("2023-05-03T21:25:20.5+02:00", Some("2023-05-03T19:25:20.5Z")),
            ("2023-05-03T21:25:20,25-00:30", Some("2023-05-03T21:55:20.25Z")),
            ("2023-05-03T21:25:20.1234567891Z", Some("2023-05-03T21:25:20.123456789Z")),
            ("2024-02-29T00:00:00Z", Some("2024-02-29T00:00:00Z")),
            ("2023-02-29T00:00:00Z", None),
            ("2023-05-03T24:00:00Z", None),
            ("2023-05-03T21:25:60Z", None),
            ("2023-05-03t21:25:20z", None),
            ("2023-05-03 21:25:20Z", None),
            ("2023-05-03T21:25:20", None),
            ("2023-05-03T21:25:20.Z", None),
            ("2023-05-03T21:25Z", None),
            ("2023-05-03", None),
            ("+023-05-03T21:25:20Z", None),
            ("2023-05-03T21:25:20+0200", None),
            ("2023-05-03T21:25:20Zé", None),
        ];
        for (text, want) in cases {
            assert_eq!(at(text).as_deref(), want, "{text}");
        }
    }
}
