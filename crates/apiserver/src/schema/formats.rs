//! String and number formats that Kubernetes checks; every other format is accepted as a comment.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;

/// A format that is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 3339 date and time
    DateTime,
    /// `2006-01-02`
    Date,
    /// `1h30m`, `3 days`
    Duration,
    /// Base64 of bytes
    Byte,
    /// An absolute URI or path
    Uri,
    /// An e-mail address
    Email,
    /// A DNS name
    Hostname,
    /// An IPv4 address
    Ipv4,
    /// An IPv6 address
    Ipv6,
    /// An address with prefix length
    Cidr,
    /// A hardware address
    Mac,
    /// A UUID; the number is the version asked for, 0 for any
    Uuid(u8),
    /// `#aabbcc`
    HexColor,
    /// `rgb(1,2,3)`
    RgbColor,
    /// 24 hexadecimal digits
    BsonObjectId,
    /// An international standard book number; the number is the count of digits, 0 for both
    Isbn(u8),
    /// A US social security number
    Ssn,
    /// A payment card number
    CreditCard,
    /// An integer of 32 bits
    Int32,
    /// An integer of 64 bits
    Int64,
    /// A floating point number of 32 bits
    Float,
    /// A floating point number of 64 bits
    Double,
}

impl Format {
    /// The format named so in a schema, where it is one that is checked.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "date-time" | "datetime" => Self::DateTime,
            "date" => Self::Date,
            "duration" => Self::Duration,
            "byte" => Self::Byte,
            "uri" => Self::Uri,
            "email" => Self::Email,
            "hostname" => Self::Hostname,
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "cidr" => Self::Cidr,
            "mac" => Self::Mac,
            "uuid" => Self::Uuid(0),
            "uuid3" => Self::Uuid(3),
            "uuid4" => Self::Uuid(4),
            "uuid5" => Self::Uuid(5),
            "hexcolor" => Self::HexColor,
            "rgbcolor" => Self::RgbColor,
            "bsonobjectid" => Self::BsonObjectId,
            "isbn" => Self::Isbn(0),
            "isbn10" => Self::Isbn(10),
            "isbn13" => Self::Isbn(13),
            "ssn" => Self::Ssn,
            "creditcard" => Self::CreditCard,
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "float" => Self::Float,
            "double" => Self::Double,
            _ => return None,
        })
    }

    /// The name in a schema.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DateTime => "date-time",
            Self::Date => "date",
            Self::Duration => "duration",
            Self::Byte => "byte",
            Self::Uri => "uri",
            Self::Email => "email",
            Self::Hostname => "hostname",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Cidr => "cidr",
            Self::Mac => "mac",
            Self::Uuid(3) => "uuid3",
            Self::Uuid(4) => "uuid4",
            Self::Uuid(5) => "uuid5",
            Self::Uuid(_) => "uuid",
            Self::HexColor => "hexcolor",
            Self::RgbColor => "rgbcolor",
            Self::BsonObjectId => "bsonobjectid",
            Self::Isbn(10) => "isbn10",
            Self::Isbn(13) => "isbn13",
            Self::Isbn(_) => "isbn",
            Self::Ssn => "ssn",
            Self::CreditCard => "creditcard",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float => "float",
            Self::Double => "double",
        }
    }

    /// Whether a string has the format; formats of numbers say nothing about strings.
    #[must_use]
    pub fn holds_for_text(self, text: &str) -> bool {
        match self {
            Self::DateTime => is_date_time(text),
            Self::Date => is_date(text),
            Self::Duration => is_duration(text),
            Self::Byte => is_base64(text),
            Self::Uri => is_uri(text),
            Self::Email => is_email(text),
            Self::Hostname => is_hostname(text),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.contains(':') && text.parse::<Ipv6Addr>().is_ok(),
            Self::Cidr => is_cidr(text),
            Self::Mac => is_mac(text),
            Self::Uuid(version) => is_uuid(text, version),
            Self::HexColor => {
                let digits = text.strip_prefix('#').unwrap_or(text);
                matches!(digits.len(), 3 | 6) && is_hex(digits)
            }
            Self::RgbColor => is_rgb(text),
            Self::BsonObjectId => text.len() == 24 && is_hex(text),
            Self::Isbn(10) => is_isbn10(text),
            Self::Isbn(13) => is_isbn13(text),
            Self::Isbn(_) => is_isbn10(text) || is_isbn13(text),
            Self::Ssn => {
                let parts: Vec<&str> = text.split(['-', ' ']).collect();
                matches!(parts.as_slice(), [a, b, c] if [a.len(), b.len(), c.len()] == [3, 2, 4])
                    && parts.iter().all(|part| is_digits(part))
            }
            Self::CreditCard => is_credit_card(text),
            Self::Int32 | Self::Int64 | Self::Float | Self::Double => true,
        }
    }

    /// Whether a number has the format; formats of strings say nothing about numbers.
    #[must_use]
    pub fn holds_for_number(self, number: &serde_json::Number) -> bool {
        let integer =
            || number.as_i64().or_else(|| number.as_f64().filter(|n| n.fract() == 0.0).map(|n| n as i64));
        match self {
            Self::Int32 => integer().is_some_and(|n| i32::try_from(n).is_ok()),
            Self::Int64 => integer().is_some(),
            Self::Float => number.as_f64().is_some_and(|n| n.abs() <= f64::from(f32::MAX)),
            _ => true,
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-' && text.parse::<jiff::civil::Date>().is_ok()
}

fn is_date_time(text: &str) -> bool {
    let Some((date, rest)) = text.split_at_checked(10) else { return false };
    is_date(date) && rest.starts_with(['T', 't', ' ']) && text.parse::<jiff::Timestamp>().is_ok()
}

/// Go durations, and the words that OpenAPI's duration format knows (`3 days`).
fn is_duration(text: &str) -> bool {
    let text = text.trim().trim_start_matches(['+', '-']);
    if text == "0" {
        return true;
    }
    let mut rest = text;
    let mut any = false;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (digits, after) = rest.split_at(number);
        if digits.parse::<f64>().is_err() {
            return false;
        }
        let after = after.trim_start();
        let unit = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        const UNITS: [&str; 33] = [
            "ns",
            "us",
            "µs",
            "μs",
            "ms",
            "s",
            "m",
            "h",
            "d",
            "w",
            "nano",
            "nanosecond",
            "nanoseconds",
            "micros",
            "microsecond",
            "microseconds",
            "millis",
            "millisecond",
            "milliseconds",
            "sec",
            "secs",
            "second",
            "seconds",
            "min",
            "mins",
            "minute",
            "minutes",
            "hr",
            "hrs",
            "hour",
            "hours",
            "day",
            "days",
        ];
        if !UNITS.contains(&unit) && !["week", "weeks", "wk", "wks"].contains(&unit) {
            return false;
        }
        any = true;
        rest = after.trim_start();
    }
    any
}

fn is_base64(text: &str) -> bool {
    use base64::engine::general_purpose::STANDARD;
    let clean: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    STANDARD.decode(clean).is_ok()
}

fn is_uri(text: &str) -> bool {
    if text.bytes().any(|b| b <= 0x20 || b == 0x7f) {
        return false;
    }
    text.starts_with('/') || url::Url::parse(text).is_ok()
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let local_ok = !local.is_empty()
        && local.len() <= 64
        && (local.starts_with('"') && local.ends_with('"') && local.len() > 1
            || local.split('.').all(|part| {
                !part.is_empty()
                    && part.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c))
            }));
    local_ok && (is_hostname(domain) || domain.starts_with('[') && domain.ends_with(']'))
}

fn is_hostname(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    !text.is_empty()
        && text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        })
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    if !is_digits(bits) || bits.len() > 3 {
        return false;
    }
    let bits: u16 = bits.parse().unwrap_or(u16::MAX);
    address.parse::<Ipv4Addr>().is_ok() && bits <= 32 || address.parse::<Ipv6Addr>().is_ok() && bits <= 128
}

fn is_mac(text: &str) -> bool {
    let (separator, width) = match text {
        _ if text.contains(':') => (':', 2),
        _ if text.contains('-') => ('-', 2),
        _ if text.contains('.') => ('.', 4),
        _ => return false,
    };
    let parts: Vec<&str> = text.split(separator).collect();
    let bytes = parts.len() * width / 2;
    matches!(bytes, 6 | 8 | 20) && parts.iter().all(|part| part.len() == width && is_hex(part))
}

fn is_uuid(text: &str, version: u8) -> bool {
    let bare: String = if text.len() == 36 {
        let bytes = text.as_bytes();
        if [8, 13, 18, 23].iter().any(|&at| bytes[at] != b'-') {
            return false;
        }
        text.chars().filter(|c| *c != '-').collect()
    } else {
        text.to_owned()
    };
    if bare.len() != 32 || !is_hex(&bare) {
        return false;
    }
    let bytes = bare.as_bytes();
    match version {
        0 => true,
        3 => bytes[12] == b'3',
        _ => bytes[12] == b'0' + version && matches!(bytes[16], b'8' | b'9' | b'a' | b'b' | b'A' | b'B'),
    }
}

fn is_rgb(text: &str) -> bool {
    let Some(inner) = text.strip_prefix("rgb(").and_then(|rest| rest.strip_suffix(')')) else { return false };
    let parts: Vec<&str> = inner.split(',').map(str::trim).collect();
    parts.len() == 3 && parts.iter().all(|part| is_digits(part) && part.parse::<u8>().is_ok())
}

fn is_isbn10(text: &str) -> bool {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !matches!(c, '-' | ' '))
        .enumerate()
        .map(|(i, c)| if i == 9 && matches!(c, 'X' | 'x') { 10 } else { c.to_digit(10).unwrap_or(100) })
        .collect();
    digits.len() == 10
        && digits.iter().all(|digit| *digit <= 10)
        && digits.iter().zip(1u32..).map(|(digit, weight)| digit * weight).sum::<u32>().is_multiple_of(11)
}

fn is_isbn13(text: &str) -> bool {
    let digits: Vec<u32> =
        text.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| c.to_digit(10).unwrap_or(100)).collect();
    digits.len() == 13
        && digits.iter().all(|digit| *digit <= 9)
        && digits
            .iter()
            .enumerate()
            .map(|(i, digit)| if i % 2 == 0 { *digit } else { digit * 3 })
            .sum::<u32>()
            % 10
            == 0
}

/// Thirteen to nineteen digits with a valid Luhn sum.
fn is_credit_card(text: &str) -> bool {
    let digits: Vec<u32> =
        text.chars().filter(|c| !matches!(c, '-' | ' ')).filter_map(|c| c.to_digit(10)).collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, digit)| match (i % 2, digit * 2) {
            (0, _) => *digit,
            (_, twice) if twice > 9 => twice - 9,
            (_, twice) => twice,
        })
        .sum();
    (13..=19).contains(&digits.len())
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | ' '))
        && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_accept_and_refuse_as_documented() {
        let cases: [(&str, &[&str], &[&str]); 14] = [
            (
                "date-time",
                &["2024-01-02T03:04:05Z", "2024-01-02T03:04:05.123+02:00"],
                &["2024-01-02", "x", "", "2024-13-02T03:04:05Z", "2024-01-02T03:04:05"],
            ),
            ("date", &["2024-02-29"], &["2023-02-29", "24-01-01"]),
            ("duration", &["1h30m", "0", "3 days", "1.5s"], &["1", "h", "1x", ""]),
            ("byte", &["aGk=", ""], &["a", "@@@@"]),
            ("uri", &["https://x.y/z", "urn:a:b", "/a"], &["a b", "x"]),
            ("email", &["a@b.c", "a.b+c@d.example"], &["a", "@b", "a@"]),
            ("hostname", &["a.b", "a"], &["-a", "a..b", ""]),
            ("ipv4", &["1.2.3.4"], &["1.2.3", "::1"]),
            ("ipv6", &["::1"], &["1.2.3.4", "x"]),
            ("cidr", &["10.0.0.0/8", "fd00::/8"], &["10.0.0.0", "10.0.0.0/33"]),
            ("mac", &["00:11:22:33:44:55"], &["00:11", "zz:11:22:33:44:55"]),
            ("uuid", &["6ba7b810-9dad-11d1-80b4-00c04fd430c8"], &["6ba7b810", "x"]),
            ("isbn", &["0-306-40615-2", "978-0-306-40615-7"], &["0-306-40615-3"]),
            ("creditcard", &["4111 1111 1111 1111"], &["4111 1111 1111 1112"]),
        ];
        for (name, good, bad) in cases {
            let format = Format::from_name(name).unwrap();
            for text in good {
                assert!(format.holds_for_text(text), "{name}: {text:?}");
            }
            for text in bad {
                assert!(!format.holds_for_text(text), "{name}: {text:?}");
            }
        }
        assert_eq!(Format::from_name("my-own"), None);
    }
}
