//! Conversion of Rust values, through JSON.

use serde::{Serialize, de::DeserializeOwned};

use super::{ConversionError, convert};
use crate::Kind;
use crate::apis::{v1alpha1, v1alpha2};

fn through_json<A: Serialize, B: Kind + DeserializeOwned>(object: &A) -> Result<B, ConversionError> {
    let not_json = |error: serde_json::Error| ConversionError::Field {
        path: error.to_string(),
        wanted: "what the schema says",
    };
    let value = serde_json::to_value(object).map_err(not_json)?;
    serde_json::from_value(convert(value, B::API_VERSION)?).map_err(not_json)
}

macro_rules! both_ways {
    ($($kind:ident),+) => {$(
        impl TryFrom<&v1alpha1::$kind> for v1alpha2::$kind {
            type Error = ConversionError;
            fn try_from(object: &v1alpha1::$kind) -> Result<Self, Self::Error> {
                through_json(object)
            }
        }
        impl TryFrom<&v1alpha2::$kind> for v1alpha1::$kind {
            type Error = ConversionError;
            fn try_from(object: &v1alpha2::$kind) -> Result<Self, Self::Error> {
                through_json(object)
            }
        }
    )+};
}
both_ways!(ApiExport, ApiBinding);
