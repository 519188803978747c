//! Laws of conversion between v1alpha1 and v1alpha2.

use serde_json::{Value, json};

use super::{Outcome, holds, same};
use crate::apis::{v1alpha1, v1alpha2};
use crate::testing::compare::differences;
use crate::{Kind, Lossless, convert};

/// An object converted to another version and back is the object, every field and annotation of it.
///
/// # Errors
/// What came back differently, and what it was in between.
pub fn conversion_is_the_identity(object: &Value, other: &str) -> Outcome {
    let own = object["apiVersion"].as_str().unwrap_or_default();
    let there = convert(object.clone(), other).map_err(|error| format!("{error} in {object}"))?;
    same("apiVersion", &there["apiVersion"], &json!(other))?;
    let back = convert(there.clone(), own).map_err(|error| format!("{error} on the way back of {there}"))?;
    holds(back == *object, || {
        let found = differences("$", &back, object).join("; ");
        format!("{found}; by way of {there}; from {object}")
    })
}

/// An older client that touches metadata and writes the object back leaves every claim as narrow as it was.
///
/// # Errors
/// What came back differently.
pub fn a_change_in_the_older_version_widens_nothing(newer: &Value) -> Outcome {
    let text = |error: crate::ConversionError| format!("{error} in {newer}");
    let mut older = convert(newer.clone(), v1alpha1::ApiBinding::API_VERSION).map_err(text)?;
    older["metadata"]["touched"] = json!("yes");
    let mut back = convert(older, v1alpha2::ApiBinding::API_VERSION).map_err(text)?;
    if let Some(metadata) = back["metadata"].as_object_mut() {
        metadata.remove("touched");
    }
    holds(back == *newer, || differences("$", &back, newer).join("; "))
}

/// Any JSON converts, or is refused with a message and a next step; views of it do not panic.
///
/// # Errors
/// An object that says it is another version than was wanted, or an error that says nothing.
pub fn any_json_converts_or_is_refused(object: &Value) -> Outcome {
    for to in [v1alpha1::ApiExport::API_VERSION, v1alpha2::ApiExport::API_VERSION] {
        match convert(object.clone(), to) {
            Ok(converted) => same("apiVersion", &converted["apiVersion"], &json!(to))?,
            Err(error) => holds(!error.to_string().is_empty() && !error.help().is_empty(), || {
                format!("an error without words for {object}")
            })?,
        }
    }
    let _ = Lossless::<v1alpha1::ApiExport>::from_value(object.clone());
    let _ = Lossless::<v1alpha2::ApiExport>::from_value(object.clone());
    let _ = Lossless::<v1alpha1::ApiBinding>::from_value(object.clone());
    let _ = Lossless::<v1alpha2::ApiBinding>::from_value(object.clone());
    Ok(())
}
