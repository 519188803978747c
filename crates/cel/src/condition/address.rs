//! IP addresses and networks as Go's `netip` reads them.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

/// An address, with the zone of a link-local one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    ip: IpAddr,
    zone: Option<Arc<str>>,
}

/// Addresses whose first bits are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Network {
    ip: IpAddr,
    bits: u32,
}

impl Address {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.split_once('%') {
            Some((ip, zone)) if !zone.is_empty() => {
                let ip: Ipv6Addr = ip.parse().ok()?;
                Some(Self { ip: IpAddr::V6(ip), zone: Some(zone.into()) })
            }
            Some(_) => None,
            None => Some(Self { ip: text.parse().ok()?, zone: None }),
        }
    }

    /// Whether the address lies in the network. IPv4 in the form of IPv6 counts as IPv4; a zone is in no network.
    pub(crate) fn is_in(&self, network: &Network) -> bool {
        if self.zone.is_some() {
            return false;
        }
        match (self.ip.to_canonical(), network.ip) {
            (IpAddr::V4(ip), IpAddr::V4(net)) => {
                let mask = u32::MAX.checked_shl(32 - network.bits.min(32)).unwrap_or(0);
                u32::from(ip) & mask == u32::from(net) & mask
            }
            (IpAddr::V6(ip), IpAddr::V6(net)) => {
                let mask = u128::MAX.checked_shl(128 - network.bits.min(128)).unwrap_or(0);
                u128::from(ip) & mask == u128::from(net) & mask
            }
            _ => false,
        }
    }
}

impl Network {
    /// `address/bits`; bits without sign or leading zero, no zone.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (ip, bits) = text.rsplit_once('/')?;
        let ip: IpAddr = ip.parse().ok()?;
        let plain = !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit());
        if !plain || (bits.len() > 1 && bits.starts_with('0')) {
            return None;
        }
        let bits: u32 = bits.parse().ok()?;
        match (ip, ip.to_canonical()) {
            (IpAddr::V4(_), _) if bits <= 32 => Some(Self { ip, bits }),
            (IpAddr::V6(_), short @ IpAddr::V4(_)) if (96..=128).contains(&bits) => {
                Some(Self { ip: short, bits: bits - 96 })
            }
            (IpAddr::V6(_), _) if bits <= 128 => Some(Self { ip, bits }),
            _ => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.ip)?;
        match &self.zone {
            Some(zone) => write!(f, "%{zone}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lie_in_networks_of_their_family() {
        let cases = [
            ("192.168.0.1", "192.168.0.0/24", Some(true)),
            ("192.168.1.1", "192.168.0.0/24", Some(false)),
            ("192.168.1.1", "0.0.0.0/0", Some(true)),
            ("192.168.1.1", "192.168.1.1/32", Some(true)),
            ("192.168.1.1", "::/0", Some(false)),
            ("::ffff:192.168.0.1", "192.168.0.0/24", Some(true)),
            ("192.168.0.1", "::ffff:192.168.0.0/120", Some(true)),
            ("2001:db8::1", "2001:db8::/32", Some(true)),
            ("2001:db9::1", "2001:db8::/32", Some(false)),
            ("fe80::1%eth0", "fe80::/10", Some(false)),
            ("1.2.3.4", "1.2.3.0/024", None),
            ("1.2.3.4", "1.2.3.0/+24", None),
            ("1.2.3.4", "1.2.3.0/33", None),
            ("1.2.3.4", "1.2.3.0", None),
            ("1.2.3.4", "fe80::%eth0/10", None),
        ];
        for (address, network, want) in cases {
            let address = Address::parse(address).unwrap();
            assert_eq!(Network::parse(network).map(|net| address.is_in(&net)), want, "{address} {network}");
        }
        for text in ["", "1.2.3", "01.2.3.4", "1.2.3.4%z", "fe80::1%", "::g", "1.2.3.4/8"] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }
}
