//! The device grant (RFC 8628): a program without a browser shows a code, its user confirms it elsewhere.

use std::sync::Arc;

use axum::{
    Form, Json, Router,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{
    Shared,
    answers::Refusal,
    pages,
    state::{Client, Device, PendingLogin},
    token::{authenticate, field, grant_tokens},
};

/// Time to confirm a device, in seconds.
const DEVICE_LIFE: i64 = 600;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/protocol/openid-connect/auth/device", post(start))
        .route("/device", get(ask).post(confirm_code))
}

async fn start(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Json<Value>, Refusal> {
    let client = authenticate(&shared, &name, &headers, &form)?;
    let now = shared.now();
    let device_code = shared.ids.token(32);
    let raw = shared.ids.suffix() + &shared.ids.suffix();
    let user_code = format!("{}-{}", &raw[..4], &raw[4..8]).to_ascii_uppercase();
    let device = Device {
        client_id: client.client_id,
        scope: field(&form, "scope").unwrap_or_default().to_owned(),
        user_code: user_code.clone(),
        user: None,
    };
    shared.realms.write().with(&name, |r| r.devices.put(device_code.clone(), now + DEVICE_LIFE, now, device));
    let page = format!("{}/device", shared.issuer(&name));
    Ok(Json(json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={user_code}"),
        "expires_in": DEVICE_LIFE,
        "interval": 5,
    })))
}

async fn ask(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Response {
    pages::device(&format!("{}/device", shared.issuer(&name)), None)
}

async fn confirm_code(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Refusal> {
    let now = shared.now();
    let given = field(&form, "user_code").unwrap_or_default().trim().to_ascii_uppercase();
    let found = shared
        .realms
        .write()
        .with(&name, |r| r.devices.find(now, |d| d.user_code == given).map(|(key, d)| (key, d.clone())))
        .ok_or_else(Refusal::no_realm)?;
    let Some((device_code, device)) = found else {
        let page = format!("{}/device", shared.issuer(&name));
        return Ok(pages::device(&page, Some("Invalid code, please try again.")));
    };
    let login = PendingLogin {
        client_id: device.client_id,
        redirect_uri: String::new(),
        scope: device.scope,
        state: None,
        nonce: None,
        challenge: None,
        user: None,
        device: Some(device_code),
    };
    Ok(super::authorize::begin(&shared, &name, login))
}

/// The user of a device is known now.
pub(super) fn confirm(shared: &Shared, name: &str, login: &PendingLogin, user: String) -> Response {
    let now = shared.now();
    let device_code = login.device.clone().unwrap_or_default();
    shared.realms.write().with(name, |realm| {
        if let Some(device) = realm.devices.get(&device_code, now) {
            device.user = Some(user);
        }
    });
    pages::message("Device connected", "You can close this page and go back to your device.")
}

/// The device asks for its tokens.
pub(super) fn exchange(
    shared: &Shared,
    name: &str,
    client: &Client,
    form: &Vec<(String, String)>,
) -> Result<Value, Refusal> {
    let now = shared.now();
    let code = field(form, "device_code").unwrap_or_default();
    let found = shared.realms.write().with(name, |realm| realm.devices.get(code, now).cloned()).flatten();
    let device = found
        .filter(|d| d.client_id == client.client_id)
        .ok_or_else(|| Refusal::bad("expired_token", "Device code is expired"))?;
    let Some(user) = device.user else {
        return Err(Refusal::bad("authorization_pending", "The authorization request is still pending"));
    };
    shared.realms.write().with(name, |realm| realm.devices.take(code, now));
    grant_tokens(shared, name, client, &user, &device.scope, None, None)
}
