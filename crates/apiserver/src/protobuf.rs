//! Kubernetes protobuf bodies, decoded to JSON.
//!
//! Clients send built-in kinds this way: four bytes of magic, an envelope that names version and kind, and the object.
//! [`decode`] reads every kind of the table of built-in kinds; answers are never protobuf. Depth and number of values
//! are bounded; what is malformed is refused with its place.
//!
//! ```
//! use apiserver::protobuf;
//!
//! let body = b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09Namespace\x12\x0b\x0a\x05\x0a\x03dev\x12\x00\x1a\x00\x1a\x00\x22\x00";
//! let object = protobuf::decode(body)?;
//! assert_eq!(object["kind"], "Namespace");
//! assert_eq!(object["metadata"]["name"], "dev");
//! # Ok::<(), protobuf::ProtobufError>(())
//! ```

mod message; // messages by the table
mod special; // times, quantities, free JSON, schemas
mod wire; // varints, lengths, fields

use serde_json::Value;

use crate::{ApiError, builtin};
use message::Decoder;
use wire::Reader;

/// The first bytes of a body.
pub const MAGIC: [u8; 4] = *b"k8s\0";
/// The media type of such bodies.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// Why a body was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtobufError {
    /// The body does not begin with the magic bytes.
    #[error("the body is no Kubernetes protobuf: it does not begin with the bytes 6b 38 73 00")]
    NoMagic,
    /// A part cannot be read.
    #[error("malformed protobuf at byte {offset} in `{field}`: {why}")]
    Malformed {
        /// Position in the body, from 0.
        offset: usize,
        /// The field, in JSON names with dots.
        field: String,
        /// What is wrong.
        why: String,
    },
    /// The envelope does not name version and kind.
    #[error("the protobuf body does not name its apiVersion and kind")]
    NoKind,
    /// The envelope has another content.
    #[error("the content `{0}` of a protobuf body is not supported")]
    Content(String),
    /// The kind has no protobuf form here (415).
    #[error("kind `{kind}` of `{api_version}` has no protobuf form here; send JSON")]
    UnknownKind {
        /// Version of the body.
        api_version: String,
        /// Kind of the body.
        kind: String,
    },
}

impl From<ProtobufError> for ApiError {
    fn from(error: ProtobufError) -> Self {
        match &error {
            ProtobufError::UnknownKind { .. } => {
                ApiError::new(415, "UnsupportedMediaType", error.to_string())
            }
            _ => ApiError::bad_request(error.to_string()),
        }
    }
}

/// Whether a body begins like a protobuf body.
pub fn is_protobuf(body: &[u8]) -> bool {
    body.starts_with(&MAGIC)
}

/// The object of a body, as JSON with `apiVersion` and `kind`.
///
/// # Errors
/// Bodies without magic or kind, kinds that are not in the table, malformed content.
pub fn decode(body: &[u8]) -> Result<Value, ProtobufError> {
    let envelope = Envelope::read(body)?;
    let mut object = match envelope.content_type.as_str() {
        "application/json" => serde_json::from_slice(envelope.raw.bytes())
            .map_err(|e| envelope.raw.fault("raw", e.to_string()))?,
        "" | MEDIA_TYPE => {
            let (version, kind) = (envelope.api_version.as_str(), envelope.kind.as_str());
            let message = builtin::table().kind(version, kind).ok_or_else(|| ProtobufError::UnknownKind {
                api_version: version.to_owned(),
                kind: kind.to_owned(),
            })?;
            Value::Object(Decoder::new().message(message, envelope.raw)?)
        }
        other => return Err(ProtobufError::Content(other.to_owned())),
    };
    let Some(fields) = object.as_object_mut() else {
        return Err(ProtobufError::Content("a value that is no object".to_owned()));
    };
    fields.insert("apiVersion".to_owned(), envelope.api_version.into());
    fields.insert("kind".to_owned(), envelope.kind.into());
    Ok(object)
}

/// What stands around the object.
struct Envelope<'b> {
    api_version: String,
    kind: String,
    content_type: String,
    raw: Reader<'b>,
}

impl<'b> Envelope<'b> {
    fn read(body: &'b [u8]) -> Result<Self, ProtobufError> {
        let content = body.strip_prefix(&MAGIC).ok_or(ProtobufError::NoMagic)?;
        let mut reader = Reader::new(content, MAGIC.len());
        let raw = Reader::new(&[], body.len());
        let mut envelope =
            Envelope { api_version: String::new(), kind: String::new(), content_type: String::new(), raw };
        while let Some(field) = reader.next("envelope")? {
            match field.number {
                1 => {
                    let mut meta = field.content("typeMeta")?;
                    while let Some(field) = meta.next("typeMeta")? {
                        match field.number {
                            1 => envelope.api_version = field.text("apiVersion")?,
                            2 => envelope.kind = field.text("kind")?,
                            _ => {}
                        }
                    }
                }
                2 => envelope.raw = field.content("raw")?,
                3 => match field.text("contentEncoding")? {
                    none if none.is_empty() => {}
                    other => return Err(ProtobufError::Content(other)),
                },
                4 => envelope.content_type = field.text("contentType")?,
                _ => {}
            }
        }
        if envelope.api_version.is_empty() || envelope.kind.is_empty() {
            return Err(ProtobufError::NoKind);
        }
        Ok(envelope)
    }
}
