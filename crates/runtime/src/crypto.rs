//! The one rustls provider of the process.

/// Makes aws-lc-rs the provider of every TLS connection of the process. Call first in `main`; later calls change nothing.
///
/// Without it, rustls panics at the first handshake as soon as two providers are linked.
pub fn install_crypto() {
    // An error only says that a provider is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
