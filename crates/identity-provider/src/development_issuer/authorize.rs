//! The login page: authorization code with PKCE, and what a user must do before going on.

use std::sync::Arc;

use axum::{
    Form, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;

use super::{
    Shared,
    answers::Refusal,
    mail::NewPassword,
    pages,
    passwords::Password,
    state::{Code, PendingLogin},
};
use crate::RequiredAction;

/// Time to log in, in seconds.
const LOGIN_LIFE: i64 = 1_800;
/// Time to exchange a code, in seconds.
const CODE_LIFE: i64 = 60;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/protocol/openid-connect/auth", get(auth))
        .route("/login-actions/authenticate", post(authenticate))
        .route("/login-actions/required-action", post(required_action))
}

#[derive(Deserialize)]
struct Asked {
    client_id: Option<String>,
    redirect_uri: Option<String>,
    response_type: Option<String>,
    scope: Option<String>,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
}

async fn auth(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let client = {
        let realms = shared.realms.read();
        let realm = realms.get(&name).ok_or_else(Refusal::no_realm)?;
        asked.client_id.as_deref().and_then(|id| realm.client(id)).cloned()
    };
    // Before client and address are known to belong together, nothing is sent back to the address.
    let Some(client) = client else {
        return Ok(refuse("Client not found", "No application of this id is registered here."));
    };
    let Some(redirect_uri) = asked.redirect_uri.clone().filter(|uri| client.may_return_to(uri)) else {
        return Ok(refuse(
            "Invalid parameter: redirect_uri",
            "The address to return to is not one of the application's.",
        ));
    };
    let back = |error: &str| {
        Ok(redirect(
            &redirect_uri,
            &[("error", error), ("state", asked.state.as_deref().unwrap_or_default())],
        ))
    };
    if asked.response_type.as_deref() != Some("code") {
        return back("unsupported_response_type");
    }
    let challenge = match (asked.code_challenge, asked.code_challenge_method.as_deref()) {
        (Some(challenge), Some("S256")) => Some(challenge),
        (None, None) if client.secret.is_some() => None,
        // A public client proves by PKCE alone that the code is its own.
        (None, None) => None,
        _ => return back("invalid_request"),
    };
    let login = PendingLogin {
        client_id: client.client_id,
        redirect_uri,
        scope: asked.scope.unwrap_or_default(),
        state: asked.state,
        nonce: asked.nonce,
        challenge,
        user: None,
        device: None,
    };
    Ok(begin(&shared, &name, login))
}

/// Shows the login page for what was asked.
pub(super) fn begin(shared: &Shared, realm: &str, login: PendingLogin) -> Response {
    let now = shared.now();
    let session = shared.ids.token(32);
    shared.realms.write().with(realm, |r| r.logins.put(session.clone(), now + LOGIN_LIFE, now, login));
    pages::login(realm, &action(shared, realm, "authenticate", &session), None)
}

fn action(shared: &Shared, realm: &str, step: &str, session: &str) -> String {
    format!("{}/login-actions/{step}?session_code={session}", shared.issuer(realm))
}

#[derive(Deserialize)]
struct SessionCode {
    session_code: String,
}

#[derive(Deserialize)]
struct Credentials {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
}

enum Step {
    Unknown,
    Wrong,
    Disabled,
    MustChangePassword,
    Done(Box<PendingLogin>, String),
}

async fn authenticate(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Query(at): Query<SessionCode>,
    Form(given): Form<Credentials>,
) -> Result<Response, Refusal> {
    let now = shared.now();
    let step = shared
        .realms
        .write()
        .with(&name, |realm| {
            let Some(user) = realm.user_named(given.username.trim()).cloned() else {
                return if realm.logins.get(&at.session_code, now).is_some() {
                    Step::Wrong
                } else {
                    Step::Unknown
                };
            };
            let Some(login) = realm.logins.get(&at.session_code, now) else { return Step::Unknown };
            if !user.password.as_ref().is_some_and(|p| p.fits(&given.password)) {
                return Step::Wrong;
            }
            if !user.enabled {
                return Step::Disabled;
            }
            login.user = Some(user.id.clone());
            finish(realm, &at.session_code, now)
        })
        .ok_or_else(Refusal::no_realm)?;
    Ok(answer(&shared, &name, &at.session_code, step))
}

/// Ends a login whose password was right, unless something remains to be done.
fn finish(realm: &mut super::state::Realm, session: &str, now: i64) -> Step {
    let Some(user) = realm.logins.get(session, now).and_then(|login| login.user.clone()) else {
        return Step::Unknown;
    };
    let Some(record) = realm.users.get_mut(&user) else { return Step::Unknown };
    // No mail leaves this process, so an address is taken as proven with the first right password.
    if record.required_actions.remove(&RequiredAction::VerifyEmail) {
        record.email_verified = true;
    }
    record.required_actions.remove(&RequiredAction::UpdateProfile);
    if record.next_action() == Some(RequiredAction::UpdatePassword) {
        return Step::MustChangePassword;
    }
    match realm.logins.take(session, now) {
        Some(login) => Step::Done(Box::new(login), user),
        None => Step::Unknown,
    }
}

async fn required_action(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Query(at): Query<SessionCode>,
    Form(given): Form<NewPassword>,
) -> Result<Response, Refusal> {
    if let Some(fault) = given.fault() {
        let action = action(&shared, &name, "required-action", &at.session_code);
        return Ok(pages::new_password(&action, Some(fault)));
    }
    let (now, salt) = (shared.now(), shared.ids.token(12));
    let step = shared
        .realms
        .write()
        .with(&name, |realm| {
            let Some(user) = realm.logins.get(&at.session_code, now).and_then(|l| l.user.clone()) else {
                return Step::Unknown;
            };
            if let Some(record) = realm.users.get_mut(&user) {
                record.password = Some(Password::new(&given.new, salt, false));
                record.required_actions.remove(&RequiredAction::UpdatePassword);
            }
            finish(realm, &at.session_code, now)
        })
        .ok_or_else(Refusal::no_realm)?;
    Ok(answer(&shared, &name, &at.session_code, step))
}

fn answer(shared: &Shared, realm: &str, session: &str, step: Step) -> Response {
    let again =
        |error: &str| pages::login(realm, &action(shared, realm, "authenticate", session), Some(error));
    match step {
        Step::Unknown => refuse("Page has expired", "Start the sign-in again from your application."),
        Step::Wrong => again("Invalid username or password."),
        Step::Disabled => again("Account is disabled, contact your administrator."),
        Step::MustChangePassword => {
            pages::new_password(&action(shared, realm, "required-action", session), None)
        }
        Step::Done(login, user) if login.device.is_some() => {
            super::device::confirm(shared, realm, &login, user)
        }
        Step::Done(login, user) => {
            let now = shared.now();
            let (code, sid) = (shared.ids.token(32), shared.ids.uid());
            let issuer = shared.issuer(realm);
            let (uri, state) = (login.redirect_uri.clone(), login.state.clone());
            shared.realms.write().with(realm, |r| {
                r.codes.put(code.clone(), now + CODE_LIFE, now, Code { login: *login, user })
            });
            let mut fields =
                vec![("session_state", sid.as_str()), ("iss", issuer.as_str()), ("code", code.as_str())];
            if let Some(state) = &state {
                fields.insert(0, ("state", state));
            }
            redirect(&uri, &fields)
        }
    }
}

fn redirect(uri: &str, fields: &[(&str, &str)]) -> Response {
    let Ok(mut target) = url::Url::parse(uri) else {
        return refuse("Invalid redirect uri", "The address to return to is no URL.");
    };
    target.query_pairs_mut().extend_pairs(fields);
    match axum::http::HeaderValue::try_from(target.as_str()) {
        // 302, not the 303 of axum's redirect: Keycloak's clients look for it.
        Ok(location) => (StatusCode::FOUND, [(axum::http::header::LOCATION, location)]).into_response(),
        Err(_) => refuse("Invalid redirect uri", "The address to return to cannot stand in a header."),
    }
}

fn refuse(title: &str, text: &str) -> Response {
    (StatusCode::BAD_REQUEST, pages::message(title, text)).into_response()
}
