//! Who is on the other end of a connection.

use std::{net::SocketAddr, sync::Arc};

use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The remote address of the connection; a request extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// A client certificate whose chain was verified against the configured authorities; a request extension.
#[derive(Clone, Debug)]
pub struct PeerCertificate(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    der: Vec<u8>,
    common_name: String,
    organizations: Vec<String>,
}

impl PeerCertificate {
    /// Reads a verified certificate; `None` where it is no X.509 certificate.
    pub fn from_der(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(der.as_ref()).ok()?;
        let subject = parsed.subject();
        let common_name = subject
            .iter_common_name()
            .last()
            .and_then(|name| name.as_str().ok())
            .unwrap_or_default()
            .to_owned();
        let organizations =
            subject.iter_organization().filter_map(|name| name.as_str().ok()).map(str::to_owned).collect();
        Some(PeerCertificate(Arc::new(Parts { der: der.as_ref().to_vec(), common_name, organizations })))
    }

    /// Common name of the subject: the user name in Kubernetes. May be empty.
    pub fn common_name(&self) -> &str {
        &self.0.common_name
    }

    /// Organizations of the subject: the groups in Kubernetes.
    pub fn organizations(&self) -> &[String] {
        &self.0.organizations
    }

    /// The certificate as it was sent.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }
}
