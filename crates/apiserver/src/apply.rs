//! Ownership of fields: managed fields on every write, and server-side apply.
//!
//! [`track_update`] moves ownership after a create, update or patch; [`apply`] merges what a manager applies into the
//! live object, removes what it no longer applies, and refuses to take fields from others without force. Both are
//! pure: no store, no clock but the time they are given. Never validates beyond what merging needs.
//!
//! ```
//! use apiserver::apply::{Tracking, apply};
//! use apiserver::fields::DEDUCED;
//! use serde_json::json;
//!
//! let cx = Tracking::new("v1", &DEDUCED, "alice", "2030-01-01T00:00:00Z".parse()?);
//! let wish = json!({"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": {"size": 1}});
//! let first = apply(&cx, None, &wish, false)?;
//! let again = apply(&cx, Some(&first.object), &wish, false)?;
//! assert!(!again.changed);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod compare; // what changed between two objects
mod conflict; // conflicts and their words
mod conform; // does an applied object fit the shapes
mod engine; // ownership algebra over versions
mod last_applied; // client-side apply's annotation
mod managed; // metadata.managedFields as a value
mod manager_name; // field manager from a query or a user agent
mod merge; // applied into live
mod object_schema; // root of an object: type, metadata, rest
mod reconcile; // owned sets after a schema turned atomic
mod remove; // fields out of an object
mod server_side; // apply: merge, prune, conflicts. Start here.
mod structural; // structural schemas as schemas for merging
mod tracking; // who writes, in which version, through which subresource
mod update; // ownership after create, update, patch

pub use conflict::{Conflict, Conflicts};
pub use last_applied::LAST_APPLIED;
pub use managed::{ManagedFields, ManagerId, Operation, OwnedFields};
pub use manager_name::{manager_name, validate_manager_name};
pub use object_schema::{ObjectSchema, object_meta};
pub use server_side::{Applied, ApplyError, apply};
pub use tracking::{OneVersion, SameShape, Tracking, Versions};
pub use update::{keep_timestamps, track_update};
