//! What should exist for an account: names and paths, WorkspaceTypes, the Workspace, AccountInfo, verdicts of admission,
//! and the tuples that owners, members, bindings and policies mean. Never does I/O, never reads a clock.
//!
//! A controller fetches what is there ([`Seen`]), asks what to do next, and does it:
//!
//! ```
//! use account_model::{Seen, Step, plan};
//! use platform_mesh_api::{Account, AccountSpec};
//!
//! let account = Account::new("acme", AccountSpec { kind: "org".into(), display_name: "Acme".into(), ..Default::default() });
//! let seen = Seen { cluster: "orgs-id".into(), orgs_cluster: Some("orgs-id".into()), ..Seen::default() };
//! let Step::Write(writes) = plan::workspace_types(&account, &seen) else { panic!("two types are missing") };
//! assert_eq!(writes.iter().map(|write| write.name.as_str()).collect::<Vec<_>>(), ["acme-org", "acme-account"]);
//! ```

pub mod names; // which names an account may have, and what is named after it
mod path; // root:orgs:acme:dev: organisation, parent, depth

mod account_info; // what an account workspace says about itself
mod merge; // the smallest patch that makes an object hold given values
mod workspace; // the workspace of an account, and whose it is
mod workspace_type; // the two types of an organisation

pub mod deletion; // what to do next for an account that goes …
pub mod plan; // … and for one that stays
mod seen; // what a plan is made from, and what it may answer

pub mod admission; // who may create and change accounts
mod bind; // path expressions of export policies
pub mod tuples; // relationships of accounts

pub use bind::{BindExpression, BindExpressionError, BindRelation};
pub use path::{AccountPath, AccountPathError};
pub use seen::{Action, Seen, Step, Target, Write};
pub use tuples::{AccountRef, TupleNames};
pub use workspace::{WorkspaceView, is_owned_by, path_of_url};
pub use workspace_type::{TypeRef, type_is_ready};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
