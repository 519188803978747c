//! Values of flags as Go programs write them, so that a chart written for those keeps working.

use std::{net::SocketAddr, time::Duration};

/// Reads Go's spelling of a duration (`time.ParseDuration`): `1h30m`, `5m`, `1.5s`, `250ms`, and `0`.
///
/// ```
/// # use std::time::Duration;
/// assert_eq!(runtime::parse_go_duration("1m30s"), Ok(Duration::from_secs(90)));
/// assert!(runtime::parse_go_duration("90").is_err());
/// ```
///
/// # Errors
/// A sentence for a text that is none, and for a negative one.
pub fn parse_go_duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is not a duration, write for example `1m`, `1h30m` or `250ms`");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.is_empty() {
        return Err(bad());
    }
    let mut rest = text;
    let mut seconds = 0f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
        let (number, tail) = rest.split_at(digits);
        let (unit, tail) =
            tail.split_at(tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len()));
        let unit = match unit {
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return Err(bad()),
        };
        seconds += number.parse::<f64>().map_err(|_| bad())? * unit;
        rest = tail;
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| bad())
}

/// Reads an address to listen on: `:9090` is every interface, `0` and nothing are no listener.
///
/// # Errors
/// A sentence for a text that is none.
pub fn parse_listen_address(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.is_empty() || text == "0" {
        return Ok(None);
    }
    let full = if text.starts_with(':') {
        format!("0.0.0.0{text}")
    } else {
        text.replacen("localhost:", "127.0.0.1:", 1)
    };
    full.parse().map(Some).map_err(|_| format!("`{text}` is not an address to listen on"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rt_flag_durations_are_read_as_go_writes_them() {
        assert_eq!(parse_go_duration("1h30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(parse_go_duration("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(parse_go_duration("0"), Ok(Duration::ZERO));
        for bad in
            ["", "5", "5 minutes", "PT1M", "1d", "m", "1.2.3s", "-1s", "1µ", "99999999999999999999999h"]
        {
            assert!(parse_go_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rt_listen_addresses_are_read_as_go_writes_them() {
        assert_eq!(parse_listen_address(":9090"), Ok("0.0.0.0:9090".parse().ok()));
        assert_eq!(parse_listen_address("localhost:1"), Ok("127.0.0.1:1".parse().ok()));
        assert_eq!(parse_listen_address("0"), Ok(None));
        assert!(parse_listen_address("9090").is_err());
    }
}
