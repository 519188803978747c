//! Mutating: the creator of an Account is who is authenticated, whatever the client writes.

use account_model::admission::creator_patch;

use super::{Answer, Inner, Review};

pub(super) fn stamp(_: &Inner, review: &Review<'_>) -> Result<Answer, String> {
    if review.operation != "CREATE" {
        return Ok(Answer::Allowed);
    }
    if review.user.is_empty() {
        return Err("request.userInfo.username is missing".to_owned());
    }
    if !review.object.is_object() {
        return Err("request.object is missing".to_owned());
    }
    let patch = creator_patch(review.object, review.user);
    Ok(if patch.as_array().is_some_and(Vec::is_empty) { Answer::Allowed } else { Answer::Patched(patch) })
}
