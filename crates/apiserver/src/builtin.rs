//! What the built-in kinds look like: fields with their wire numbers, list types, merge keys, patch strategies.
//!
//! One table, made from the published schemas, serves protobuf bodies, strategic merge patches and server-side apply.
//! It knows shapes only, never defaults or validation.

mod kinds; // messages and fields as values
mod nodes; // the same as a schema for merging
mod parse; // the text of the table

pub use kinds::{Field, Many, Message, Table, Type, table};
