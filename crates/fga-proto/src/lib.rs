//! OpenFGA's wire types, their conversion, and the raw status trailer. Knows no meaning: who answers and asks is elsewhere.
//!
//! ```
//! use fga_model::parse_model;
//! use fga_proto::wire;
//!
//! let model = parse_model("model\n  schema 1.1\ntype user\n")?;
//! let message = wire::AuthorizationModel::from(&model);
//! assert_eq!(message.type_definitions[0].r#type, "user");
//! # Ok::<(), fga_model::ModelErrors>(())
//! ```

mod json; // messages to JSON and back
mod model; // models to messages and back
mod raw_status; // error numbers above sixteen, in the trailer
mod values; // tuples, contexts, timestamps to messages and back

/// A context on the wire.
pub use prost_types::Struct as WireContext;
/// A time on the wire.
pub use prost_types::Timestamp as WireTimestamp;

pub use json::{JsonWireError, from_json, to_json};
pub use model::WireModelError;
pub use raw_status::{RawStatus, RawStatusBody, RawStatusLayer, Side, code_of, status_of};
pub use values::{context_from_wire, context_to_wire, timestamp_from_wire, timestamp_to_wire};

/// The messages and stubs, as the protocol file has them.
#[allow(missing_docs, clippy::all, reason = "generated from the protocol file")]
pub mod wire {
    tonic::include_proto!("openfga.v1");
}

/// The protocol file, described: what reflection serves and JSON follows.
pub const FILE_DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openfga.descriptors"));

/// Name of the gRPC service.
pub const SERVICE_NAME: &str = "openfga.v1.OpenFGAService";
