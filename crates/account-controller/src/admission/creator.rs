//! Mutating: the creator of an Account is who is authenticated, whatever the client writes.

use account_model::admission::creator_patch;
use multicluster::{AdmissionAnswer, AdmissionReview};

pub(super) fn stamp(review: &AdmissionReview<'_>) -> Result<AdmissionAnswer, String> {
    if review.operation != "CREATE" {
        return Ok(AdmissionAnswer::Allowed);
    }
    if review.user.is_empty() {
        return Err("request.userInfo.username is missing".to_owned());
    }
    if !review.object.is_object() {
        return Err("request.object is missing".to_owned());
    }
    let patch = creator_patch(review.object, review.user);
    Ok(if patch.as_array().is_some_and(Vec::is_empty) {
        AdmissionAnswer::Allowed
    } else {
        AdmissionAnswer::Patched(patch)
    })
}
