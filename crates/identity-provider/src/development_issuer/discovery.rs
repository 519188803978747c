//! What clients read first: discovery documents and key sets; then userinfo and logout.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Shared, answers::Refusal, state::matches_any};

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(realm))
        .route("/.well-known/openid-configuration", get(document))
        .route("/protocol/openid-connect/certs", get(certs))
        .route("/protocol/openid-connect/userinfo", get(userinfo).post(userinfo))
        .route("/protocol/openid-connect/logout", get(logout))
        .route("/protocol/openid-connect/token/introspect", post(introspect))
}

async fn realm(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    let realms = shared.realms.read();
    let realm = realms.get(&name).ok_or_else(Refusal::no_realm)?;
    let issuer = shared.issuer(&name);
    Ok(Json(json!({
        "realm": name,
        "token-service": format!("{issuer}/protocol/openid-connect"),
        "account-service": format!("{issuer}/account"),
        "tokens-not-before": 0,
        "registrationAllowed": realm.settings.get("registrationAllowed"),
    })))
}

async fn document(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    if shared.realms.read().get(&name).is_none() {
        return Err(Refusal::no_realm());
    }
    let issuer = shared.issuer(&name);
    let connect = format!("{issuer}/protocol/openid-connect");
    Ok(Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{connect}/auth"),
        "token_endpoint": format!("{connect}/token"),
        "introspection_endpoint": format!("{connect}/token/introspect"),
        "userinfo_endpoint": format!("{connect}/userinfo"),
        "end_session_endpoint": format!("{connect}/logout"),
        "jwks_uri": format!("{connect}/certs"),
        "device_authorization_endpoint": format!("{connect}/auth/device"),
        "registration_endpoint": format!("{issuer}/clients-registrations/openid-connect"),
        "grant_types_supported": [
            "authorization_code", "refresh_token", "password", "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "email", "email_verified", "preferred_username", "name", "groups"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
    })))
}

async fn certs(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    let realms = shared.realms.read();
    let realm = realms.get(&name).ok_or_else(Refusal::no_realm)?;
    Ok(Json(json!({"keys": [realm.key.jwk()]})))
}

async fn userinfo(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let claims = bearer_claims(&shared, &name, &headers)
        .ok_or_else(|| Refusal::unauthorized("invalid_token", "Token verification failed"))?;
    let kept = ["sub", "email", "email_verified", "preferred_username", "name", "groups"];
    let info: Map<String, Value> =
        claims.into_iter().filter(|(claim, _)| kept.contains(&claim.as_str())).collect();
    Ok(Json(Value::Object(info)))
}

/// The claims of the bearer token in a request, if the realm signed it and it is still good.
pub(super) fn bearer_claims(shared: &Shared, realm: &str, headers: &HeaderMap) -> Option<Map<String, Value>> {
    let token = bearer(headers)?;
    shared.realms.read().get(realm)?.key.verify(token, shared.now())
}

/// The bearer token in a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[derive(Deserialize)]
struct Introspect {
    token: String,
}

async fn introspect(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    axum::Form(form): axum::Form<Vec<(String, String)>>,
) -> Result<Json<Value>, Refusal> {
    super::token::authenticate(&shared, &name, &headers, &form)?;
    let token = form.iter().find(|(field, _)| field == "token").map(|(_, value)| value.clone());
    let asked =
        Introspect { token: token.ok_or_else(|| Refusal::bad("invalid_request", "Token not provided"))? };
    let realms = shared.realms.read();
    let claims = realms.get(&name).and_then(|realm| realm.key.verify(&asked.token, shared.now()));
    Ok(Json(match claims {
        Some(mut claims) => {
            claims.insert("active".into(), true.into());
            Value::Object(claims)
        }
        None => json!({"active": false}),
    }))
}

#[derive(Deserialize)]
struct Logout {
    post_logout_redirect_uri: Option<String>,
    client_id: Option<String>,
    id_token_hint: Option<String>,
}

async fn logout(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Query(asked): Query<Logout>,
) -> Result<Response, Refusal> {
    let now = shared.now();
    let mut realms = shared.realms.write();
    let found = realms.with(&name, |realm| {
        let hint = asked.id_token_hint.as_deref().and_then(|token| realm.key.verify(token, now));
        let text = |claim: &str| hint.as_ref()?.get(claim)?.as_str().map(str::to_owned);
        if let Some(user) = text("sub") {
            realm.refresh_tokens.remove_where(|session| session.user == user);
        }
        let client = asked.client_id.clone().or_else(|| text("azp"));
        client.and_then(|id| realm.client(&id).map(|c| (c.logout_uris.clone(), c.redirect_uris.clone())))
    });
    let client = found.ok_or_else(Refusal::no_realm)?;
    match (asked.post_logout_redirect_uri, client) {
        (None, _) => Ok(super::pages::message("Signed out", "You are signed out.").into_response()),
        (Some(uri), Some((logout, login)))
            if matches_any(&logout, &uri) || (logout.is_empty() && matches_any(&login, &uri)) =>
        {
            Ok(Redirect::to(&uri).into_response())
        }
        (Some(_), _) => Ok((
            StatusCode::BAD_REQUEST,
            super::pages::message(
                "Invalid redirect uri",
                "The address to return to is not one of the client's.",
            ),
        )
            .into_response()),
    }
}
