//! The few HTML pages: plain forms, no script, field names as Keycloak has them.

use axum::{
    http::header,
    response::{Html, IntoResponse, Response},
};

const STYLE: &str = "body{font:16px system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;background:#f4f5f7;color:#1d2433}\
main{background:#fff;padding:2rem 2.5rem;border-radius:12px;box-shadow:0 2px 16px #0002;width:min(22rem,80vw)}\
h1{font-size:1.25rem;margin:0 0 .25rem}p{color:#5a6478;margin:.25rem 0 1rem}label{display:block;margin:.75rem 0 .25rem}\
input{width:100%;box-sizing:border-box;padding:.55rem;border:1px solid #c5cbd8;border-radius:6px;font:inherit}\
button{margin-top:1.25rem;width:100%;padding:.65rem;border:0;border-radius:6px;background:#2456d6;color:#fff;font:inherit}\
.error{color:#b3261e}";

/// Text that cannot leave its place in a page.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

fn page(title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{0}</title><style>{STYLE}</style></head><body><main><h1>{0}</h1>{body}</main></body></html>",
        escape(title)
    );
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
    ];
    (headers, Html(html)).into_response()
}

/// The page that asks for user name and password.
pub(super) fn login(realm: &str, action: &str, error: Option<&str>) -> Response {
    page(
        &format!("Sign in to {realm}"),
        &format!(
            "<p>Development issuer of this mesh</p>{}<form id=\"kc-form-login\" action=\"{}\" method=\"post\">\
             <label for=\"username\">Email</label><input id=\"username\" name=\"username\" autofocus autocomplete=\"username\">\
             <label for=\"password\">Password</label><input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\">\
             <button type=\"submit\">Sign in</button></form>",
            shown(error),
            escape(action)
        ),
    )
}

/// The page that asks for a new password.
pub(super) fn new_password(action: &str, error: Option<&str>) -> Response {
    page(
        "Choose a password",
        &format!(
            "<p>Your password has to be changed before you go on.</p>{}<form id=\"kc-passwd-update-form\" action=\"{}\" method=\"post\">\
             <label for=\"password-new\">New password</label><input id=\"password-new\" name=\"password-new\" type=\"password\" autofocus autocomplete=\"new-password\">\
             <label for=\"password-confirm\">Once more</label><input id=\"password-confirm\" name=\"password-confirm\" type=\"password\" autocomplete=\"new-password\">\
             <button type=\"submit\">Go on</button></form>",
            shown(error),
            escape(action)
        ),
    )
}

/// The page that asks for the code a device shows.
pub(super) fn device(action: &str, error: Option<&str>) -> Response {
    page(
        "Connect a device",
        &format!(
            "<p>Enter the code that your device shows.</p>{}<form action=\"{}\" method=\"post\">\
             <label for=\"user_code\">Code</label><input id=\"user_code\" name=\"user_code\" autofocus>\
             <button type=\"submit\">Go on</button></form>",
            shown(error),
            escape(action)
        ),
    )
}

/// A page with nothing to do.
pub(super) fn message(title: &str, text: &str) -> Response {
    page(title, &format!("<p>{}</p>", escape(text)))
}

fn shown(error: Option<&str>) -> String {
    error.map(|e| format!("<p class=\"error\" id=\"input-error\">{}</p>", escape(e))).unwrap_or_default()
}
