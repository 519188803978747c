//! Clients of a realm, and the tokens with which they are registered and managed.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{
    Shared,
    answers::Refusal,
    state::{Client, Realm},
};

/// End of a token that has none, in seconds: a hundred years.
const NEVER: i64 = 3_155_760_000;

#[derive(Deserialize)]
pub(in super::super) struct InitialAccess {
    #[serde(default)]
    expiration: i64,
    count: Option<u32>,
}

pub(in super::super) async fn initial_access(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Json(asked): Json<InitialAccess>,
) -> Result<Json<Value>, Refusal> {
    let (now, token, id) = (shared.now(), shared.ids.token(32), shared.ids.uid());
    let count = asked.count.unwrap_or(1);
    let life = if asked.expiration > 0 { asked.expiration } else { NEVER };
    shared
        .realms
        .write()
        .with(&name, |realm| realm.initial_tokens.put(token.clone(), now + life, now, count))
        .ok_or_else(Refusal::no_realm)?;
    Ok(Json(json!({
        "id": id, "token": token, "timestamp": now, "expiration": asked.expiration, "count": count, "remainingCount": count,
    })))
}

#[derive(Deserialize)]
pub(in super::super) struct Filter {
    #[serde(rename = "clientId")]
    client_id: Option<String>,
}

pub(in super::super) async fn list(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Query(filter): Query<Filter>,
) -> Result<Json<Value>, Refusal> {
    let realms = shared.realms.read();
    let realm = realms.get(&name).ok_or_else(Refusal::no_realm)?;
    let wanted = |c: &&Client| filter.client_id.as_deref().is_none_or(|id| c.client_id == id);
    Ok(Json(realm.clients.values().filter(wanted).map(Client::to_json).collect()))
}

pub(in super::super) async fn create(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Json(wanted): Json<Value>,
) -> Result<Response, Refusal> {
    let client_id = wanted["clientId"].as_str().filter(|id| !id.is_empty());
    let client_id =
        client_id.ok_or_else(|| Refusal::admin(StatusCode::BAD_REQUEST, "clientId is missing"))?;
    let mut client = Client::public(shared.ids.uid(), client_id);
    client.name = wanted["name"].as_str().unwrap_or(client_id).to_owned();
    client.redirect_uris = wanted["redirectUris"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let flag = |field: &str, default: bool| wanted[field].as_bool().unwrap_or(default);
    if !flag("publicClient", false) {
        client.secret = Some(wanted["secret"].as_str().map_or_else(|| shared.ids.token(24), str::to_owned));
    }
    for (field, default, grant) in [
        ("standardFlowEnabled", true, "authorization_code"),
        ("directAccessGrantsEnabled", false, "password"),
        ("serviceAccountsEnabled", false, "client_credentials"),
    ] {
        if flag(field, default) {
            client = client.with_grant(grant);
        }
    }
    for mapper in wanted["protocolMappers"].as_array().into_iter().flatten() {
        if mapper["protocolMapper"] == "oidc-audience-mapper"
            && let Some(audience) = mapper["config"]["included.client.audience"].as_str()
        {
            client.access_audiences.push(audience.to_owned());
        }
    }
    let at = format!("{}/admin/realms/{name}/clients/{}", shared.base, client.id);
    let added = shared.realms.write().with(&name, |realm| {
        let free = realm.client(client_id).is_none();
        if free {
            realm.clients.insert(client.id.clone(), client);
        }
        free
    });
    match added.ok_or_else(Refusal::no_realm)? {
        true => Ok((StatusCode::CREATED, [(header::LOCATION, at)]).into_response()),
        false => Err(Refusal::admin(StatusCode::CONFLICT, format!("Client {client_id} already exists"))),
    }
}

fn with_client<T>(
    shared: &Shared,
    name: &str,
    id: &str,
    act: impl FnOnce(&mut Realm, Client) -> T,
) -> Result<T, Refusal> {
    shared
        .realms
        .write()
        .with(name, |realm| realm.clients.get(id).cloned().map(|client| act(realm, client)))
        .ok_or_else(Refusal::no_realm)?
        .ok_or_else(|| Refusal::missing("Could not find client: client"))
}

type At = Path<(String, String)>;

pub(in super::super) async fn read(
    State(shared): State<Arc<Shared>>,
    Path((name, id)): At,
) -> Result<Json<Value>, Refusal> {
    with_client(&shared, &name, &id, |_, client| Json(client.to_json()))
}

pub(in super::super) async fn remove(
    State(shared): State<Arc<Shared>>,
    Path((name, id)): At,
) -> Result<StatusCode, Refusal> {
    with_client(&shared, &name, &id, |realm, client| {
        realm.clients.remove(&client.id);
        StatusCode::NO_CONTENT
    })
}

pub(in super::super) async fn secret(
    State(shared): State<Arc<Shared>>,
    Path((name, id)): At,
) -> Result<Json<Value>, Refusal> {
    with_client(&shared, &name, &id, |_, client| Json(json!({"type": "secret", "value": client.secret})))
}

pub(in super::super) async fn registration_token(
    State(shared): State<Arc<Shared>>,
    Path((name, id)): At,
) -> Result<Json<Value>, Refusal> {
    let token = shared.ids.token(32);
    with_client(&shared, &name, &id, |realm, client| {
        if let Some(kept) = realm.clients.get_mut(&client.id) {
            kept.registration_token = Some(token.clone());
        }
        let mut answer = client.to_json();
        answer["registrationAccessToken"] = token.into();
        Json(answer)
    })
}
