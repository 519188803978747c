//! Durations as Go writes them, points in time as RFC 3339 writes them, and the parts of both.

use std::fmt;

use jiff::{Timestamp, tz::TimeZone};

use super::overload::Function;

/// Seconds of the first and last points in time that an expression may compute: the years 1 to 9999.
const SECOND_MIN: i64 = -62_135_596_800;
const SECOND_MAX: i64 = 253_402_300_799;
const NANOS: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * NANOS;

/// A point in time, up to the end of the year 9999: jiff's own ends a day earlier, and that last day is what people write
/// for "never".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    /// Nanoseconds since the start of 1970.
    nanos: i128,
}

/// Year, month, day.
type Civil = (i64, i64, i64);

/// Days from the start of 1970 to a day of the Gregorian calendar.
fn days_of((year, month, day): Civil) -> i64 {
    // Years begin in March, so that the leap day is their last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_of(days: i64) -> Civil {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

impl Moment {
    /// Whole seconds since the start of 1970.
    pub(crate) fn second(self) -> i64 {
        self.nanos.div_euclid(NANOS) as i64
    }

    /// Days since the start of 1970, and nanoseconds of the day.
    fn split(self) -> (i64, i64) {
        (self.nanos.div_euclid(DAY) as i64, self.nanos.rem_euclid(DAY) as i64)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, nanos) = self.split();
        let (year, month, day) = civil_of(days);
        let second = nanos / 1_000_000_000;
        let (hour, minute) = (second / 3600, second / 60 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}", second % 60)?;
        match nanos % 1_000_000_000 {
            0 => f.write_str("Z"),
            fraction => write!(f, ".{}Z", format!("{fraction:09}").trim_end_matches('0')),
        }
    }
}

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
pub(crate) fn parse_timestamp(text: &str) -> Option<Moment> {
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
    let days = days_of((year, month, day));
    // A day that its month does not have is another day.
    if civil_of(days) != (year, month, day) {
        return None;
    }
    let second = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    Some(Moment { nanos: i128::from(second) * NANOS + i128::from(nanos) })
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
pub(crate) fn in_range(value: Moment) -> Option<Moment> {
    (SECOND_MIN..=SECOND_MAX).contains(&value.second()).then_some(value)
}

/// The point in time so many seconds after the start of 1970.
pub(crate) fn from_second(second: i64) -> Option<Moment> {
    in_range(Moment { nanos: i128::from(second) * NANOS })
}

/// A point in time moved by nanoseconds.
pub(crate) fn moved(value: Moment, nanos: i64) -> Option<Moment> {
    in_range(Moment { nanos: value.nanos + i128::from(nanos) })
}

/// Nanoseconds from `b` to `a`.
pub(crate) fn between(a: Moment, b: Moment) -> Option<i64> {
    i64::try_from(a.nanos - b.nanos).ok()
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

/// A part of a point in time, in a zone; none if a point in time has no such part.
pub(crate) fn timestamp_part(part: Function, value: Moment, zone: &TimeZone) -> Option<i64> {
    let edge = if value.nanos < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let offset = zone.to_offset(Timestamp::from_nanosecond(value.nanos).unwrap_or(edge));
    let (days, nanos) = Moment { nanos: value.nanos + i128::from(offset.seconds()) * NANOS }.split();
    let (year, month, day) = civil_of(days);
    let second = nanos / 1_000_000_000;
    Some(match part {
        Function::FullYear => year,
        Function::Month => month - 1,
        Function::DayOfYear => days - days_of((year, 1, 1)),
        Function::DayOfMonth => day - 1,
        Function::Date => day,
        // The first day of 1970 was a Thursday.
        Function::DayOfWeek => (days + 4).rem_euclid(7),
        Function::Hours => second / 3600,
        Function::Minutes => second / 60 % 60,
        Function::Seconds => second % 60,
        Function::Milliseconds => nanos % 1_000_000_000 / 1_000_000,
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
            ("9999-12-31T23:59:59.999999999Z", Some("9999-12-31T23:59:59.999999999Z")),
            ("0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00Z")),
            ("1969-12-31T23:59:59.5Z", Some("1969-12-31T23:59:59.5Z")),
            ("2023-13-01T00:00:00Z", None),
            ("2023-00-01T00:00:00Z", None),
            ("2023-01-00T00:00:00Z", None),
            ("1900-02-29T00:00:00Z", None),
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

    #[test]
    fn days_and_dates_are_inverse() {
        for days in (-719_162..2_932_896).step_by(37) {
            assert_eq!(days_of(civil_of(days)), days);
        }
        assert_eq!(days_of((1970, 1, 1)), 0);
        assert_eq!(civil_of(19_782), (2024, 2, 29));
    }
}
