//! Request bodies to values: JSON, YAML and Kubernetes protobuf, with bounded depth.

mod duplicates; // fields that occur twice

use bytes::Bytes;
use serde_json::Value;

use crate::error::ApiError;
use crate::negotiate::BodyForm;

pub(crate) use duplicates::duplicates;

/// Deeper bodies are refused; serde_json refuses at 128 on its own.
const DEPTH_MAX: usize = 120;

/// Decodes a body; an empty one is null.
pub(crate) fn decode(bytes: &Bytes, form: BodyForm) -> Result<Value, ApiError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let value = match form {
        BodyForm::Json => json(bytes)?,
        BodyForm::Yaml => yaml(bytes)?,
        BodyForm::Protobuf => crate::protobuf::decode(bytes)?,
    };
    if depth_exceeds(&value, DEPTH_MAX) {
        return Err(ApiError::bad_request(format!(
            "the body of the request is nested deeper than {DEPTH_MAX} levels"
        )));
    }
    Ok(value)
}

fn json(bytes: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(bytes)
        .map_err(|e| ApiError::bad_request(format!("the object provided is unrecognized: json: {e}")))
}

/// Decodes YAML, which includes JSON.
pub(crate) fn yaml(bytes: &[u8]) -> Result<Value, ApiError> {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    let text = std::str::from_utf8(bytes).map_err(|e| ApiError::bad_request(format!("yaml: {e}")))?;
    serde_saphyr::from_str(text)
        .map_err(|e| ApiError::bad_request(format!("error converting YAML to JSON: yaml: {e}")))
}

fn depth_exceeds(value: &Value, left: usize) -> bool {
    match value {
        Value::Array(list) => left == 0 || list.iter().any(|v| depth_exceeds(v, left - 1)),
        Value::Object(map) => left == 0 || map.values().any(|v| depth_exceeds(v, left - 1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dev_03_deep_bodies_are_refused_without_a_crash() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(decode(&deep.into(), BodyForm::Json).unwrap_err().code, 400);
        let deep = format!("{}{}", "{\"a\":".repeat(125), "1".to_owned() + &"}".repeat(125));
        assert_eq!(decode(&deep.into(), BodyForm::Json).unwrap_err().code, 400);
        let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
        assert_eq!(decode(&deep.into(), BodyForm::Yaml).unwrap_err().code, 400);
    }
}
