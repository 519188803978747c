//! Bearer tokens against OpenID Connect issuers: discovery, key sets, claims.
//!
//! Says whether a token is genuine, meant for us and still good, and what it claims. Never says who that is to
//! Kubernetes: claim mappings live with the control plane.
//!
//! ```no_run
//! use std::sync::Arc;
//! use token_verifier::{HttpsFetch, Issuer, Verifier};
//!
//! # async fn run(token: &str) -> Result<(), token_verifier::TokenError> {
//! let issuer = Issuer::new("https://127.0.0.1:8443/keycloak/realms/acme", ["kubectl".to_owned()]);
//! let verifier = Verifier::new(issuer, Arc::new(HttpsFetch::default()));
//! let claims = verifier.verify(token, jiff::Timestamp::now()).await?;
//! # Ok(())
//! # }
//! ```

mod error;
mod fetch; // the one seam to the network
mod issuer; // whose tokens, for which audiences
mod keys; // key sets: fetched once, refreshed when a new key shows up
mod peek; // what an unverified token says of itself
mod verifier; // Start here: a token in, claims out // why a token was refused, and whether asking again helps

pub use error::TokenError;
pub use fetch::{Fetch, FetchError, HttpsFetch};
pub use issuer::Issuer;
pub use peek::unverified_issuer;
pub use verifier::{Claims, Verifier};
