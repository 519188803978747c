//! Dynamic client registration (RFC 7591, RFC 7592), with Keycloak's rules for tokens.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{
    Shared,
    answers::Refusal,
    discovery::bearer,
    passwords::same,
    state::{Client, Realm},
};

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/clients-registrations/openid-connect", post(register))
        .route("/clients-registrations/openid-connect/{client_id}", get(read).put(update).delete(remove))
}

async fn register(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Json(wanted): Json<Value>,
) -> Result<Response, Refusal> {
    let now = shared.now();
    let token = bearer(&headers).ok_or_else(|| invalid_token("Not authorized to register client"))?;
    let mut realms = shared.realms.write();
    let answer = realms
        .with(&name, |realm| {
            let left = realm.initial_tokens.get(token, now);
            let left = left.ok_or_else(|| invalid_token("Failed decode token"))?;
            if *left == 0 {
                return Err(invalid_token("No remaining count on initial access token"));
            }
            let id = shared.ids.uid();
            let mut client = Client::public(id.clone(), &id);
            apply(&mut client, &wanted, &shared)?;
            *left -= 1;
            client.registration_token = Some(shared.ids.token(32));
            let answer = describe(&client, &shared.issuer(&name));
            realm.clients.insert(client.id.clone(), client);
            Ok(answer)
        })
        .ok_or_else(Refusal::no_realm)??;
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

async fn read(
    State(shared): State<Arc<Shared>>,
    Path((name, client_id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let mut realms = shared.realms.write();
    realms
        .with(&name, |realm| Ok(Json(describe(own(realm, &client_id, &headers)?, &shared.issuer(&name)))))
        .ok_or_else(Refusal::no_realm)?
}

async fn update(
    State(shared): State<Arc<Shared>>,
    Path((name, client_id)): Path<(String, String)>,
    headers: HeaderMap,
    Json(wanted): Json<Value>,
) -> Result<Json<Value>, Refusal> {
    let mut realms = shared.realms.write();
    realms
        .with(&name, |realm| {
            let client = own(realm, &client_id, &headers)?;
            if wanted["client_id"].as_str() != Some(client_id.as_str()) {
                return Err(Refusal::bad("invalid_client_metadata", "Client Identifier modified"));
            }
            apply(client, &wanted, &shared)?;
            // Every update rotates the token; whoever loses the answer asks an administrator for a new one.
            client.registration_token = Some(shared.ids.token(32));
            Ok(Json(describe(client, &shared.issuer(&name))))
        })
        .ok_or_else(Refusal::no_realm)?
}

async fn remove(
    State(shared): State<Arc<Shared>>,
    Path((name, client_id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let mut realms = shared.realms.write();
    realms
        .with(&name, |realm| {
            let id = own(realm, &client_id, &headers)?.id.clone();
            realm.clients.remove(&id);
            Ok(StatusCode::NO_CONTENT)
        })
        .ok_or_else(Refusal::no_realm)?
}

fn invalid_token(text: &str) -> Refusal {
    Refusal::unauthorized("invalid_token", text)
}

/// The client whose registration access token the request carries. A client that is gone is a 401: its token died with it.
fn own<'a>(realm: &'a mut Realm, client_id: &str, headers: &HeaderMap) -> Result<&'a mut Client, Refusal> {
    let refused = || invalid_token("Not authorized to view client. Maybe missing token or bad token type.");
    let token = bearer(headers).ok_or_else(refused)?;
    realm
        .clients
        .values_mut()
        .find(|c| c.client_id == client_id)
        .filter(|c| {
            c.registration_token.as_deref().is_some_and(|kept| same(kept.as_bytes(), token.as_bytes()))
        })
        .ok_or_else(refused)
}

fn apply(client: &mut Client, wanted: &Value, shared: &Shared) -> Result<(), Refusal> {
    let strings = |field: &str| -> Vec<String> {
        wanted[field].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let redirect_uris = strings("redirect_uris");
    if let Some(bad) = redirect_uris.iter().find(|uri| !uri.contains(':')) {
        return Err(Refusal::bad("invalid_redirect_uri", format!("`{bad}` is no absolute URI")));
    }
    let grants: BTreeSet<String> = strings("grant_types").into_iter().collect();
    client.name = wanted["client_name"].as_str().unwrap_or(&client.client_id).to_owned();
    client.logout_uris = strings("post_logout_redirect_uris");
    client.redirect_uris = redirect_uris;
    client.grants =
        if grants.is_empty() { BTreeSet::from(["authorization_code".to_owned()]) } else { grants };
    match wanted["token_endpoint_auth_method"].as_str() {
        Some("none") => client.secret = None,
        None | Some("client_secret_basic" | "client_secret_post") => {
            client.secret.get_or_insert_with(|| shared.ids.token(24));
        }
        Some(other) => {
            let text =
                format!("token_endpoint_auth_method `{other}` is not supported by the development issuer");
            return Err(Refusal::bad("invalid_client_metadata", text));
        }
    }
    Ok(())
}

fn describe(client: &Client, issuer: &str) -> Value {
    let mut answer = json!({
        "client_id": client.client_id,
        "client_name": client.name,
        "redirect_uris": client.redirect_uris,
        "grant_types": client.grants,
        "response_types": ["code"],
        "token_endpoint_auth_method": if client.secret.is_some() { "client_secret_basic" } else { "none" },
        "post_logout_redirect_uris": if client.logout_uris.is_empty() { &client.redirect_uris } else { &client.logout_uris },
        "registration_client_uri": format!("{issuer}/clients-registrations/openid-connect/{}", client.client_id),
        "registration_access_token": client.registration_token,
    });
    if let Some(secret) = &client.secret {
        answer["client_secret"] = secret.clone().into();
        answer["client_secret_expires_at"] = 0.into();
    }
    answer
}
