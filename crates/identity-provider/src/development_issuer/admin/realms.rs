//! Realms.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::super::{
    Shared,
    answers::Refusal,
    state::{MASTER, Realm},
};

pub(in super::super) async fn list(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let realms = shared.realms.read();
    let all = realms
        .names()
        .iter()
        .filter_map(|name| realms.get(name))
        .map(|r| Value::Object(r.settings.clone()))
        .collect();
    Json(Value::Array(all))
}

pub(in super::super) async fn create(
    State(shared): State<Arc<Shared>>,
    Json(settings): Json<Value>,
) -> Result<Response, Refusal> {
    let name = settings["realm"].as_str().unwrap_or_default().to_owned();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(plain) {
        let text = format!("Realm name `{name}` is not valid: letters, digits, `-`, `_` and `.` only");
        return Err(Refusal::admin(StatusCode::BAD_REQUEST, text));
    }
    if shared.realms.read().get(&name).is_some() {
        return Err(Refusal::admin(StatusCode::CONFLICT, format!("Realm {name} already exists")));
    }
    let realm = Realm::new(settings, &shared.ids).map_err(Refusal::internal)?;
    let mut realms = shared.realms.write();
    // Somebody may have been faster while the key was made.
    if realms.get(&name).is_some() {
        return Err(Refusal::admin(StatusCode::CONFLICT, format!("Realm {name} already exists")));
    }
    realms.insert(name.clone(), realm);
    Ok((StatusCode::CREATED, [(header::LOCATION, format!("{}/admin/realms/{name}", shared.base))])
        .into_response())
}

pub(in super::super) async fn read(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let realms = shared.realms.read();
    let realm = realms.get(&name).ok_or_else(Refusal::no_realm)?;
    Ok(Json(Value::Object(realm.settings.clone())))
}

pub(in super::super) async fn update(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Json(settings): Json<Value>,
) -> Result<StatusCode, Refusal> {
    if settings["realm"].as_str().is_some_and(|other| other != name) {
        return Err(Refusal::admin(StatusCode::BAD_REQUEST, "the development issuer does not rename realms"));
    }
    shared
        .realms
        .write()
        .with(&name, |realm| realm.settings_from(&settings))
        .map(|()| StatusCode::NO_CONTENT)
        .ok_or_else(Refusal::no_realm)
}

pub(in super::super) async fn remove(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    if name == MASTER {
        return Err(Refusal::admin(StatusCode::BAD_REQUEST, "Can't delete master realm"));
    }
    if shared.realms.write().remove(&name) { Ok(StatusCode::NO_CONTENT) } else { Err(Refusal::no_realm()) }
}
