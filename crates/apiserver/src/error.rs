//! Every refusal as a Kubernetes `Status`: code, reason, message and details that typed clients compare.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::names::{GroupResource, GroupVersionKind};

/// One entry of `status.details.causes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Machine-readable reason, for example `FieldValueRequired`.
    pub reason: String,
    /// Text for people.
    pub message: String,
    /// Path of the field, for example `spec.names[0]`; empty where none applies.
    pub field: String,
}

/// What the refusal is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Name of the object.
    pub name: String,
    /// API group.
    pub group: String,
    /// Resource, or kind in validation errors: Kubernetes uses one field for both.
    pub kind: String,
    /// Uid of the object.
    pub uid: String,
    /// Single faults.
    pub causes: Vec<Cause>,
    /// Seconds a client should wait; 0 for none.
    pub retry_after_seconds: u32,
}

/// A Kubernetes `Status` of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status code.
    pub code: u16,
    /// Machine-readable reason, for example `NotFound`; empty where Kubernetes gives none.
    pub reason: &'static str,
    /// Text for people.
    pub message: String,
    /// What it is about.
    pub details: Option<Box<Details>>,
    /// A fresh continue token, given with `Expired` on paged lists.
    pub continue_token: Option<String>,
}

impl std::error::Error for ApiError {}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

fn about(gr: &GroupResource, name: &str) -> Option<Box<Details>> {
    Some(Box::new(Details {
        name: name.to_owned(),
        group: gr.group.to_string(),
        kind: gr.resource.to_string(),
        ..Details::default()
    }))
}

impl ApiError {
    /// A refusal of any code and reason, without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None, continue_token: None }
    }

    /// 404 for an object.
    pub fn not_found(gr: &GroupResource, name: &str) -> Self {
        Self { details: about(gr, name), ..Self::new(404, "NotFound", format!("{gr} \"{name}\" not found")) }
    }

    /// 404 for a path or resource that nobody serves.
    pub fn no_such_resource() -> Self {
        let mut error = Self::new(404, "NotFound", "the server could not find the requested resource");
        error.details = Some(Box::default());
        error
    }

    /// 409: a create met an object of the same name.
    pub fn already_exists(gr: &GroupResource, name: &str) -> Self {
        Self {
            details: about(gr, name),
            ..Self::new(409, "AlreadyExists", format!("{gr} \"{name}\" already exists"))
        }
    }

    /// 409: an update lost the race or missed its precondition.
    pub fn conflict(gr: &GroupResource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {gr} \"{name}\": {why}");
        Self { details: about(gr, name), ..Self::new(409, "Conflict", message) }
    }

    /// 409 with the text every optimistic-concurrency client knows.
    pub fn modified(gr: &GroupResource, name: &str) -> Self {
        Self::conflict(
            gr,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 409 of a server-side apply that meets fields of other managers.
    pub fn apply_conflict(message: impl Into<String>, causes: Vec<Cause>) -> Self {
        let mut error = Self::new(409, "Conflict", message);
        error.details = Some(Box::new(Details { causes, ..Details::default() }));
        error
    }

    /// 403 for an object, or for the resource when `name` is empty.
    pub fn forbidden(gr: &GroupResource, name: &str, why: impl fmt::Display) -> Self {
        let message = match (gr.resource.is_empty(), name.is_empty()) {
            (true, _) => format!("forbidden: {why}"),
            (false, true) => format!("{gr} is forbidden: {why}"),
            (false, false) => format!("{gr} \"{name}\" is forbidden: {why}"),
        };
        Self { details: about(gr, name), ..Self::new(403, "Forbidden", message) }
    }

    /// 422 with its field errors. Several causes are printed as a bracketed list, as Kubernetes does.
    pub fn invalid(gvk: &GroupVersionKind, name: &str, causes: Vec<Cause>) -> Self {
        let texts: Vec<String> =
            causes
                .iter()
                .map(|c| {
                    if c.field.is_empty() { c.message.clone() } else { format!("{}: {}", c.field, c.message) }
                })
                .collect();
        let list = if texts.len() == 1 { texts.concat() } else { format!("[{}]", texts.join(", ")) };
        let mut error =
            Self::new(422, "Invalid", format!("{} \"{name}\" is invalid: {list}", gvk.group_kind_text()));
        error.details = Some(Box::new(Details {
            name: name.to_owned(),
            group: gvk.group.to_string(),
            kind: gvk.kind.to_string(),
            causes,
            ..Details::default()
        }));
        error
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 401.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 405.
    pub fn method_not_supported(gr: &GroupResource, verb: &str) -> Self {
        let message = format!("{verb} is not supported on resources of kind \"{gr}\"");
        Self { details: about(gr, ""), ..Self::new(405, "MethodNotAllowed", message) }
    }

    /// 405 for an HTTP method no verb stands for.
    pub fn method_not_allowed() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    }

    /// 406.
    pub fn not_acceptable(accepted: &str) -> Self {
        Self::new(406, "NotAcceptable", format!("only the following media types are accepted: {accepted}"))
    }

    /// 410: the revision lies before the retained history.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 413; `limit` in bytes.
    pub fn too_large(limit: usize) -> Self {
        Self::new(413, "RequestEntityTooLarge", format!("Request entity too large: limit is {limit}"))
    }

    /// 415.
    pub fn unsupported_media_type(accepted: &str) -> Self {
        Self::new(
            415,
            "UnsupportedMediaType",
            format!(
                "the body of the request was in an unknown format - accepted media types include: {accepted}"
            ),
        )
    }

    /// 500.
    pub fn internal(message: impl fmt::Display) -> Self {
        let text = message.to_string();
        let mut error = Self::new(500, "InternalError", format!("Internal error occurred: {text}"));
        error.details = Some(Box::new(Details {
            causes: vec![Cause { reason: String::new(), message: text, field: String::new() }],
            ..Details::default()
        }));
        error
    }

    /// 503.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(503, "ServiceUnavailable", message)
    }

    /// 504; `seconds` until a retry makes sense.
    pub fn timeout(message: impl Into<String>, seconds: u32) -> Self {
        let mut error = Self::new(504, "Timeout", message);
        error.details = Some(Box::new(Details { retry_after_seconds: seconds, ..Details::default() }));
        error
    }

    /// 429; `seconds` until a retry makes sense.
    pub fn too_many_requests(message: impl Into<String>, seconds: u32) -> Self {
        let mut error = Self::new(429, "TooManyRequests", message);
        error.details = Some(Box::new(Details { retry_after_seconds: seconds, ..Details::default() }));
        error
    }

    /// Whether this is a 404.
    pub fn is_not_found(&self) -> bool {
        self.code == 404
    }

    /// Whether this is a 409 of a lost race.
    pub fn is_conflict(&self) -> bool {
        self.reason == "Conflict"
    }

    /// Whether this is a 409 of an existing name.
    pub fn is_already_exists(&self) -> bool {
        self.reason == "AlreadyExists"
    }

    /// The `Status` object of the refusal.
    pub fn to_status(&self) -> Value {
        let mut metadata = Map::new();
        if let Some(token) = &self.continue_token {
            metadata.insert("continue".to_owned(), token.clone().into());
        }
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": metadata,
            "status": "Failure", "message": self.message, "code": self.code,
        });
        if let Some(map) = status.as_object_mut() {
            if !self.reason.is_empty() {
                map.insert("reason".to_owned(), self.reason.into());
            }
            if let Some(details) = &self.details {
                map.insert("details".to_owned(), details.to_value());
            }
        }
        status
    }
}

impl Details {
    /// The `details` object of a `Status`; empty parts are left out.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        for (key, text) in
            [("name", &self.name), ("group", &self.group), ("kind", &self.kind), ("uid", &self.uid)]
        {
            if !text.is_empty() {
                map.insert(key.to_owned(), text.clone().into());
            }
        }
        if !self.causes.is_empty() {
            map.insert("causes".to_owned(), self.causes.iter().map(Cause::to_value).collect());
        }
        if self.retry_after_seconds > 0 {
            map.insert("retryAfterSeconds".to_owned(), self.retry_after_seconds.into());
        }
        Value::Object(map)
    }
}

impl Cause {
    /// A cause about one field.
    pub fn field(reason: &str, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason: reason.to_owned(), message: message.into(), field: field.into() }
    }

    /// `Invalid value: …: why`, with strings quoted.
    pub fn invalid(field: impl Into<String>, value: &Value, why: impl fmt::Display) -> Self {
        Self::field("FieldValueInvalid", field, format!("Invalid value: {value}: {why}"))
    }

    /// `Required value: why`; `why` may be empty.
    pub fn required(field: impl Into<String>, why: &str) -> Self {
        let message =
            if why.is_empty() { "Required value".to_owned() } else { format!("Required value: {why}") };
        Self::field("FieldValueRequired", field, message)
    }

    /// `Forbidden: why`.
    pub fn forbidden(field: impl Into<String>, why: impl fmt::Display) -> Self {
        Self::field("FieldValueForbidden", field, format!("Forbidden: {why}"))
    }

    /// `Unsupported value: … : supported values: …`.
    pub fn not_supported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let list: Vec<String> = supported.iter().map(|s| format!("\"{s}\"")).collect();
        Self::field(
            "FieldValueNotSupported",
            field,
            format!("Unsupported value: {value}: supported values: {}", list.join(", ")),
        )
    }

    fn to_value(&self) -> Value {
        let mut map = Map::new();
        for (key, text) in [("reason", &self.reason), ("message", &self.message), ("field", &self.field)] {
            if !text.is_empty() {
                map.insert(key.to_owned(), text.clone().into());
            }
        }
        Value::Object(map)
    }
}
