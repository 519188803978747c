//! Permission claims as an algebra: what an export asks, what a binding accepts, what both together grant.
//!
//! A provider gets what the export asks **and** the consumer accepts, claim by claim. Verbs meet as literal
//! sets: `*` is a word like any other, so asking `get` and accepting `*` grants nothing.
//!
//! ```
//! use kcp_api::apis::v1alpha2::PermissionClaim;
//! use kcp_api::claims::{self, Claims, ClaimRequest};
//!
//! let asked = [PermissionClaim {
//!     resource: "configmaps".into(),
//!     verbs: vec!["get".into(), "list".into()],
//!     ..PermissionClaim::default()
//! }];
//! let answers = claims::accept_all(&asked);
//! let claims = Claims::new(&asked, &answers);
//! assert!(claims.covers(&ClaimRequest::new("get", "", "configmaps")).is_covered());
//! assert_eq!(
//!     claims.covers(&ClaimRequest::new("delete", "", "configmaps")).to_string(),
//!     "verb `delete` on `configmaps` is not asked by the export: it asks get, list"
//! );
//! ```

mod answers; // what a consumer answers, and what is wrong with it
mod coverage; // may the provider do this? Start here.
mod diff; // what an upgrade would newly expose
mod grants; // sets of verbs and objects by resource, and their intersection
mod selector; // which objects of a resource

pub use answers::{ClaimProblem, accept_all, applied, check_answers, check_asked, pending, problems};
pub use coverage::{ClaimRequest, Claims, Coverage};
pub use diff::{ClaimChange, ClaimDiff, diff, diff_granted};
pub use grants::{ClaimKey, Grant, Grants, Verbs};
pub use selector::{Requirement, Selector};
