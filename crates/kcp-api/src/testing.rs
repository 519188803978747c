//! Arbitrary objects and the laws that they must obey: one place for property tests, fuzz targets and the
//! conformance runner. Feature `testing`.
//!
//! A generator draws from [`Choices`]: from bytes, which property tests shrink and fuzzers mutate, or from a seed,
//! which repeats.
//!
//! ```
//! use kcp_api::testing::{Choices, laws, objects};
//!
//! for seed in 0..100 {
//!     let export = objects::export_v1alpha2(&mut Choices::seeded(seed));
//!     laws::conversion_is_the_identity(&export, "apis.kcp.io/v1alpha1").unwrap();
//! }
//! ```

mod choices; // decisions of a generator, from bytes or a seed

pub mod by_schema; // objects that a schema describes, and more
pub mod claims; // claims of both versions
pub mod compare; // definitions side by side
pub mod hostile; // any JSON where objects are expected
pub mod laws; // what holds for every object
pub mod names; // texts that nearly are names
pub mod objects; // exports and bindings of both versions

pub use choices::Choices;
