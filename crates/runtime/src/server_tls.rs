//! Server side TLS: ALPN, client certificates, reload without a restart.

use std::{path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use rustls::{RootCertStore, ServerConfig, crypto::aws_lc_rs, server::WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use crate::{Identity, Stop};

/// Why a TLS set-up is not usable.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Not PEM, or nothing in it.
    #[error("{what} does not read as PEM: {why}")]
    Pem {
        /// Which input.
        what: &'static str,
        /// The parser's words.
        why: String,
    },
    /// rustls refused the pair.
    #[error("server certificate and key are not usable: {0}")]
    Pair(#[from] rustls::Error),
    /// The client authorities are not usable.
    #[error("client certificate authorities are not usable: {0}")]
    ClientAuthorities(String),
    /// A file does not read.
    #[error("TLS file `{path}` does not read: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

/// Files that hold a server identity; they may be replaced while the server runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM chain, leaf first.
    pub certificate: PathBuf,
    /// PEM key.
    pub key: PathBuf,
    /// PEM authorities of client certificates; none: client certificates are not asked for.
    pub client_authorities: Option<PathBuf>,
}

/// The TLS side of a listener. Clones share one configuration, which can be replaced while connections are open.
#[derive(Clone)]
pub struct ServerTls(Arc<ArcSwap<ServerConfig>>);

impl ServerTls {
    /// TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1.
    ///
    /// With `client_authorities` (PEM), a client may present a certificate; one that no authority signed ends the handshake.
    pub fn new(identity: &Identity, client_authorities: Option<&str>) -> Result<Self, TlsError> {
        Ok(ServerTls(Arc::new(ArcSwap::from_pointee(config(identity, client_authorities)?))))
    }

    /// The same, from files; see [`follow`](ServerTls::follow) for replacing them.
    pub async fn from_files(files: &TlsFiles) -> Result<Self, TlsError> {
        let (identity, authorities) = load(files).await?;
        Self::new(&identity, authorities.as_deref())
    }

    /// Uses another identity for connections that begin from now on.
    pub fn reload(&self, identity: &Identity, client_authorities: Option<&str>) -> Result<(), TlsError> {
        self.0.store(Arc::new(config(identity, client_authorities)?));
        Ok(())
    }

    /// Compares the files' content every `period` and reloads when it changed; a broken file keeps the last good one. Run it as a task.
    ///
    /// # Cancellation
    /// Ends with `stop`; may be dropped at any time.
    pub async fn follow(self, files: TlsFiles, period: Duration, stop: Stop) {
        let mut last =
            load(&files).await.ok().map(|(identity, authorities)| (identity.certificate_pem, authorities));
        while stop.or(tokio::time::sleep(period)).await.is_some() {
            let (identity, authorities) = match load(&files).await {
                Ok(loaded) => loaded,
                Err(error) => {
                    tracing::warn!(%error, "server certificate does not read, keeping the last one");
                    continue;
                }
            };
            let seen = Some((identity.certificate_pem.clone(), authorities.clone()));
            if seen == last {
                continue;
            }
            match self.reload(&identity, authorities.as_deref()) {
                Ok(()) => {
                    last = seen;
                    tracing::info!("server certificate reloaded");
                }
                Err(error) => {
                    tracing::warn!(%error, "new server certificate is not usable, keeping the last one")
                }
            }
        }
    }

    /// The configuration for a connection that begins now.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        self.0.load_full()
    }
}

async fn load(files: &TlsFiles) -> Result<(Identity, Option<String>), TlsError> {
    let identity =
        Identity { certificate_pem: read(&files.certificate).await?, key_pem: read(&files.key).await? };
    let authorities = match &files.client_authorities {
        Some(path) => Some(read(path).await?),
        None => None,
    };
    Ok((identity, authorities))
}

async fn read(path: &std::path::Path) -> Result<String, TlsError> {
    tokio::fs::read_to_string(path).await.map_err(|source| TlsError::File { path: path.to_owned(), source })
}

fn certificates(what: &'static str, pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let all = read.map_err(|why| TlsError::Pem { what, why: why.to_string() })?;
    if all.is_empty() {
        return Err(TlsError::Pem { what, why: "it holds no certificate".into() });
    }
    Ok(all)
}

fn config(identity: &Identity, client_authorities: Option<&str>) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let chain = certificates("server certificate", &identity.certificate_pem)?;
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes())
        .map_err(|why| TlsError::Pem { what: "server key", why: why.to_string() })?;
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let builder = match client_authorities {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates("client certificate authorities", pem)? {
                roots.add(certificate)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()
                .map_err(|why| TlsError::ClientAuthorities(why.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
