//! A certificate authority that issues server and client certificates.

use std::net::IpAddr;

use jiff::{Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};

use crate::Clock;

/// Why a certificate could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The library refused the parameters or the input.
    #[error("certificate of `{name}` could not be made: {source}")]
    Make {
        /// Common name of the certificate.
        name: String,
        /// The cause.
        source: rcgen::Error,
    },
    /// A certificate subject can name two groups at most here.
    #[error("client certificate of `{user}` cannot name {count} groups, at most 2")]
    TooManyGroups {
        /// The user of the certificate.
        user: String,
        /// How many groups were asked for.
        count: usize,
    },
    /// The key does not read.
    #[error("private key of the certificate authority does not read: {0}")]
    Key(rcgen::Error),
    /// The certificate does not read.
    #[error("certificate of the certificate authority does not read: {0}")]
    Certificate(rcgen::Error),
}

/// A certificate with its private key, both PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate chain, leaf first.
    pub certificate_pem: String,
    /// The private key (PKCS#8).
    pub key_pem: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(…)")
    }
}

/// The names a server certificate is valid for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerNames {
    /// DNS names, wildcards allowed.
    pub dns: Vec<String>,
    /// IP addresses.
    pub ips: Vec<IpAddr>,
}

impl ServerNames {
    /// `localhost`, `127.0.0.1`, `::1`, and these host names or addresses.
    pub fn local_and<'a>(hosts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names = ServerNames::default();
        for host in ["localhost", "127.0.0.1", "::1"].into_iter().chain(hosts) {
            match host.parse::<IpAddr>() {
                Ok(ip) if !names.ips.contains(&ip) => names.ips.push(ip),
                Err(_) if !host.is_empty() && !names.dns.iter().any(|name| name == host) => {
                    names.dns.push(host.to_owned());
                }
                _ => {}
            }
        }
        names
    }
}

/// A certificate authority. Keys are ECDSA P-256 and come from the operating system's randomness, never from the seed of a run.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
    key_pem: String,
    clock: Clock,
}

const YEARS: i16 = 10;

impl Authority {
    /// A new authority of `name`, valid for ten years.
    pub fn new(name: &str, clock: &Clock) -> Result<Self, AuthorityError> {
        let fault = |source| AuthorityError::Make { name: name.to_owned(), source };
        let mut params = CertificateParams::new(Vec::new()).map_err(fault)?;
        params.distinguished_name = subject(&authority_name(name), &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        set_validity(&mut params, clock.now());
        let key = KeyPair::generate().map_err(fault)?;
        let key_pem = key.serialize_pem();
        let certificate = params.self_signed(&key).map_err(fault)?;
        Ok(Authority {
            certificate_pem: certificate.pem(),
            key_pem,
            issuer: Issuer::new(params, key),
            clock: clock.clone(),
        })
    }

    /// An authority from its PEM certificate and key, as saved earlier.
    pub fn from_pem(certificate_pem: &str, key_pem: &str, clock: &Clock) -> Result<Self, AuthorityError> {
        let key = KeyPair::from_pem(key_pem).map_err(AuthorityError::Key)?;
        let issuer = Issuer::from_ca_cert_pem(certificate_pem, key).map_err(AuthorityError::Certificate)?;
        Ok(Authority {
            issuer,
            certificate_pem: certificate_pem.to_owned(),
            key_pem: key_pem.to_owned(),
            clock: clock.clone(),
        })
    }

    /// The certificate that clients trust, PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The private key, PEM. Save it with [`write_private`](crate::write_private) only.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// A certificate for a server with these names.
    pub fn issue_server(&self, name: &str, names: &ServerNames) -> Result<Identity, AuthorityError> {
        let fault = |source| AuthorityError::Make { name: name.to_owned(), source };
        let mut params = CertificateParams::new(names.dns.clone()).map_err(fault)?;
        params.subject_alt_names.extend(names.ips.iter().copied().map(SanType::IpAddress));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(name, &[], params)
    }

    /// A client certificate: Kubernetes reads the common name as the user and the organizations as its groups (at most two).
    pub fn issue_client(&self, user: &str, groups: &[String]) -> Result<Identity, AuthorityError> {
        if groups.len() > 2 {
            return Err(AuthorityError::TooManyGroups { user: user.to_owned(), count: groups.len() });
        }
        let fault = |source| AuthorityError::Make { name: user.to_owned(), source };
        let mut params = CertificateParams::new(Vec::new()).map_err(fault)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(user, groups, params)
    }

    fn issue(
        &self,
        name: &str,
        groups: &[String],
        mut params: CertificateParams,
    ) -> Result<Identity, AuthorityError> {
        let fault = |source| AuthorityError::Make { name: name.to_owned(), source };
        params.distinguished_name = subject(name, groups);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.use_authority_key_identifier_extension = true;
        set_validity(&mut params, self.clock.now());
        let key = KeyPair::generate().map_err(fault)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(fault)?;
        Ok(Identity { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }
}

/// The common name of an authority is never that of what it signs: OpenSSL takes a certificate whose issuer and subject are
/// equal for a self-signed one, and refuses it.
fn authority_name(name: &str) -> String {
    format!("{name} authority")
}

fn subject(name: &str, groups: &[String]) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    for (at, group) in groups.iter().enumerate() {
        subject.push(group_type(at), group.as_str());
    }
    subject.push(DnType::CommonName, name);
    subject
}

/// The attribute type of the nth group: organization (2.5.4.10), spelt in two ways since a subject keeps one value for each type.
fn group_type(at: usize) -> DnType {
    if at == 0 { DnType::OrganizationName } else { DnType::CustomDnType(vec![2, 5, 4, 10]) }
}

fn set_validity(params: &mut CertificateParams, now: Timestamp) {
    // One day back, so that a client whose clock lags does not refuse a fresh certificate.
    let from = now.to_zoned(TimeZone::UTC).date().yesterday().unwrap_or(jiff::civil::Date::MIN);
    let until_year = i32::from(from.year().saturating_add(YEARS));
    let (month, day) = (from.month().unsigned_abs(), from.day().unsigned_abs().min(28));
    params.not_before = date_time_ymd(i32::from(from.year()), month, day);
    params.not_after = date_time_ymd(until_year, month, day);
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;

    #[test]
    fn dev_01_what_an_authority_signs_does_not_look_self_signed() {
        let authority = Authority::new("kcp", &Clock::system()).unwrap();
        let leaf = authority.issue_server("kcp", &ServerNames::local_and([])).unwrap();
        let body: String = leaf.certificate_pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(body).unwrap();
        // A common name: object identifier 2.5.4.3, then a UTF-8 string.
        let names: Vec<&[u8]> = der
            .windows(5)
            .enumerate()
            .filter(|(_, window)| *window == [0x06, 0x03, 0x55, 0x04, 0x03])
            .map(|(at, _)| &der[at + 7..at + 7 + usize::from(der[at + 6])])
            .collect();
        assert_eq!(names, [b"kcp authority".as_slice(), b"kcp".as_slice()]);
    }
}
