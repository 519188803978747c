//! Validating: asks the model, counts, answers.

use account_model::admission::{AccountRequest, AccountVerdict, validate};
use multicluster::{AdmissionAnswer, AdmissionReview};

use super::Inner;

pub(super) fn check(inner: &Inner, review: &AdmissionReview<'_>) -> Result<AdmissionAnswer, String> {
    let present = |value: &serde_json::Value, name: &str| {
        if value.is_object() { Ok(()) } else { Err(format!("{name} is missing")) }
    };
    let (operation, place, request) = match review.operation {
        "CREATE" => {
            present(review.object, "request.object")?;
            ("create", inner.place(review.object), AccountRequest::Create { object: review.object })
        }
        "UPDATE" => {
            present(review.object, "request.object")?;
            present(review.old, "request.oldObject")?;
            (
                "update",
                inner.place(review.old),
                AccountRequest::Update { old: review.old, new: review.object },
            )
        }
        "DELETE" => return Ok(AdmissionAnswer::Allowed),
        other => return Err(format!("operation `{other}` is not known")),
    };
    let verdict = validate(&inner.rules, place, request);
    let account_type = review.object["spec"]["type"].as_str().unwrap_or_default();
    inner.metrics.validated(operation, verdict == AccountVerdict::Allowed, account_type);
    Ok(match verdict {
        AccountVerdict::Allowed => AdmissionAnswer::Allowed,
        AccountVerdict::Denied(denial) => {
            tracing::debug!(user = review.user, verdict = %denial, "account refused");
            AdmissionAnswer::Denied(denial.to_string())
        }
    })
}
