//! AdmissionReview v1, out and in.

use apiserver::{
    ApiError,
    admission::{Attributes, Operation, request_of},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::configurations::{Kind, Webhook};

/// Why a webhook's answer cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReviewError {
    #[error("failed to call webhook: {0}")]
    Call(String),
    #[error("the answer is no AdmissionReview: {0}")]
    Answer(String),
    #[error("the answer is for request `{found}`, not `{sent}`")]
    OtherRequest { found: String, sent: String },
    #[error("the patch cannot be applied: {0}")]
    Patch(String),
}

pub(super) struct Review {
    pub(super) uid: String,
    pub(super) body: String,
}

pub(super) fn request(webhook: &Webhook, attributes: &Attributes<'_>) -> Result<Review, ReviewError> {
    let uid = runtime::Ids::random().uid();
    let mut request = request_of(attributes);
    request["uid"] = uid.as_str().into();
    request["object"] = shown(&attributes.object, attributes);
    request["oldObject"] = shown(&attributes.old, attributes);
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    serde_json::to_string(&review)
        .map(|body| Review { uid, body })
        .map_err(|e| ReviewError::Call(format!("{}: {e}", webhook.name)))
}

/// The object with its cluster, which webhooks of many workspaces need, also before it is stored.
pub(super) fn shown(object: &Value, attributes: &Attributes<'_>) -> Value {
    if !object.is_object() {
        return Value::Null;
    }
    let mut object = object.clone();
    crate::records::set_annotation(
        &mut object,
        crate::core::CLUSTER_ANNOTATION,
        attributes.partition.as_str(),
    );
    object
}

/// What a webhook said.
#[derive(Debug)]
pub(super) struct Verdict {
    refusal: Option<Value>,
    patch: Option<Value>,
    warnings: Vec<String>,
}

pub(super) fn response(
    webhook: &Webhook,
    uid: &str,
    answer: &[u8],
    kind: Kind,
) -> Result<Verdict, ReviewError> {
    let review: Value = serde_json::from_slice(answer).map_err(|e| ReviewError::Answer(e.to_string()))?;
    let response = &review["response"];
    if review["kind"] != "AdmissionReview" || !response.is_object() {
        return Err(ReviewError::Answer(format!("webhook `{}` sent no response", webhook.name)));
    }
    let found = response["uid"].as_str().unwrap_or_default();
    if found != uid {
        return Err(ReviewError::OtherRequest { found: found.to_owned(), sent: uid.to_owned() });
    }
    let allowed = response["allowed"].as_bool().unwrap_or(false);
    let patch = match (response["patch"].as_str(), kind) {
        (Some(text), Kind::Mutating) if !text.is_empty() => {
            if response["patchType"].as_str() != Some("JSONPatch") {
                return Err(ReviewError::Patch("patchType is not JSONPatch".into()));
            }
            let bytes = STANDARD.decode(text).map_err(|e| ReviewError::Patch(e.to_string()))?;
            Some(serde_json::from_slice(&bytes).map_err(|e| ReviewError::Patch(e.to_string()))?)
        }
        _ => None,
    };
    let warnings = response["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Ok(Verdict {
        refusal: (!allowed).then(|| response["status"].clone()),
        patch,
        warnings: warnings.map(str::to_owned).collect(),
    })
}

impl Verdict {
    /// Refuses the write, or changes its object.
    pub(super) fn take_effect(
        self,
        webhook: &Webhook,
        attributes: &mut Attributes<'_>,
    ) -> Result<(), ApiError> {
        attributes.warnings.extend(self.warnings);
        if let Some(status) = self.refusal {
            return Err(refusal(webhook, &status));
        }
        let Some(patch) = self.patch else { return Ok(()) };
        if attributes.operation == Operation::Delete {
            return Ok(());
        }
        let failed = |e: String| {
            ApiError::internal(format!(
                "failed calling webhook \"{}\": {}",
                webhook.name,
                ReviewError::Patch(e)
            ))
        };
        let patch: json_patch::Patch = serde_json::from_value(patch).map_err(|e| failed(e.to_string()))?;
        // The webhook saw the cluster annotation, so its patch may speak of the annotations map that came with it.
        let mut object = shown(&attributes.object, attributes);
        json_patch::patch(&mut object, &patch).map_err(|e| failed(e.to_string()))?;
        apiserver::server::Decorator::strip(
            &crate::core::ClusterAnnotation,
            attributes.partition,
            &mut object,
        );
        attributes.object = object;
        Ok(())
    }
}

/// Kubernetes' words for a denial.
fn refusal(webhook: &Webhook, status: &Value) -> ApiError {
    let text = |field: &str| status[field].as_str().unwrap_or_default();
    let why = match (text("message"), text("reason")) {
        ("", "") => " without explanation".to_owned(),
        ("", reason) => format!(": {reason}"),
        (message, _) => format!(": {message}"),
    };
    let code = status["code"]
        .as_u64()
        .and_then(|c| u16::try_from(c).ok())
        .filter(|c| (400..600).contains(c))
        .unwrap_or(400);
    let reason = match code {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        422 => "Invalid",
        429 => "TooManyRequests",
        500.. => "InternalError",
        _ => "Unknown",
    };
    ApiError::new(code, reason, format!("admission webhook \"{}\" denied the request{why}", webhook.name))
}
