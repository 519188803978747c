//! Users of a realm.

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
    mail,
    passwords::Password,
    state::{Realm, UserRecord, matches_any},
};
use crate::{Credential, NewUser};

#[derive(Deserialize)]
pub(in super::super) struct Filter {
    email: Option<String>,
    username: Option<String>,
    search: Option<String>,
    #[serde(default)]
    exact: bool,
    max: Option<usize>,
    first: Option<usize>,
}

impl Filter {
    /// Keycloak's rule: a part is enough, unless `exact` asks for the whole.
    fn admits(&self, user: &UserRecord) -> bool {
        let email = user.email.as_deref().unwrap_or_default();
        let fits = |wanted: &Option<String>, value: &str| match wanted {
            None => true,
            Some(wanted) if self.exact => value.eq_ignore_ascii_case(wanted),
            Some(wanted) => value.to_ascii_lowercase().contains(&wanted.to_ascii_lowercase()),
        };
        fits(&self.email, email)
            && fits(&self.username, &user.username)
            && (fits(&self.search, email) || fits(&self.search, &user.username))
    }
}

pub(in super::super) async fn list(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Query(filter): Query<Filter>,
) -> Result<Json<Value>, Refusal> {
    let realms = shared.realms.read();
    let realm = realms.get(&name).ok_or_else(Refusal::no_realm)?;
    let found = realm.users.values().filter(|u| filter.admits(u)).skip(filter.first.unwrap_or(0));
    Ok(Json(found.take(filter.max.unwrap_or(100).min(1_000)).map(UserRecord::to_json).collect()))
}

pub(in super::super) async fn count(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let realms = shared.realms.read();
    Ok(Json(json!(realms.get(&name).ok_or_else(Refusal::no_realm)?.users.len())))
}

pub(in super::super) async fn create(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Json(wanted): Json<Value>,
) -> Result<Response, Refusal> {
    let mut wanted = wanted;
    // A user may be named by `username` alone; the address is the name here.
    if wanted["email"].is_null() {
        wanted["email"] = wanted["username"].clone();
    }
    if wanted["enabled"].is_null() {
        wanted["enabled"] = false.into();
    }
    let user: NewUser = serde_json::from_value(wanted.clone())
        .map_err(|e| Refusal::admin(StatusCode::BAD_REQUEST, format!("the user is not valid: {e}")))?;
    let added = shared.realms.write().with(&name, |realm| {
        if realm.user_named(&user.email).is_some() {
            return None;
        }
        let id = realm.put_user(&user, &shared.ids);
        describe(realm, &id, &wanted);
        Some(id)
    });
    match added.ok_or_else(Refusal::no_realm)? {
        Some(id) => {
            let at = format!("{}/admin/realms/{name}/users/{id}", shared.base);
            Ok((StatusCode::CREATED, [(header::LOCATION, at)]).into_response())
        }
        None => Err(Refusal::admin(StatusCode::CONFLICT, "User exists with same email")),
    }
}

fn describe(realm: &mut Realm, id: &str, wanted: &Value) {
    let Some(user) = realm.users.get_mut(id) else { return };
    let text = |field: &str| wanted[field].as_str().map(str::to_owned);
    user.first_name = text("firstName").or(user.first_name.take());
    user.last_name = text("lastName").or(user.last_name.take());
    if let Some(groups) = wanted["groups"].as_array() {
        let names = groups.iter().filter_map(Value::as_str);
        user.groups = names.map(|g| g.rsplit('/').next().unwrap_or(g).to_owned()).collect();
    }
}

fn with_user<T>(
    shared: &Shared,
    name: &str,
    id: &str,
    act: impl FnOnce(&mut Realm) -> T,
) -> Result<T, Refusal> {
    shared
        .realms
        .write()
        .with(name, |realm| realm.users.contains_key(id).then(|| act(realm)))
        .ok_or_else(Refusal::no_realm)?
        .ok_or_else(|| Refusal::missing("User"))
}

type At = Path<(String, String)>;

pub(in super::super) async fn read(
    State(shared): State<Arc<Shared>>,
    Path((name, id)): At,
) -> Result<Json<Value>, Refusal> {
    with_user(&shared, &name, &id, |realm| {
        Json(realm.users.get(&id).map(UserRecord::to_json).unwrap_or_default())
    })
}

pub(in super::super) async fn update(
    State(shared): State<Arc<Shared>>,
    Path((name, id)): At,
    Json(wanted): Json<Value>,
) -> Result<StatusCode, Refusal> {
    with_user(&shared, &name, &id, |realm| {
        if let Some(user) = realm.users.get_mut(&id) {
            user.enabled = wanted["enabled"].as_bool().unwrap_or(user.enabled);
            user.email_verified = wanted["emailVerified"].as_bool().unwrap_or(user.email_verified);
            if let Ok(actions) = serde_json::from_value(wanted["requiredActions"].clone()) {
                user.required_actions = actions;
            }
        }
        describe(realm, &id, &wanted);
        StatusCode::NO_CONTENT
    })
}

pub(in super::super) async fn remove(
    State(shared): State<Arc<Shared>>,
    Path((name, id)): At,
) -> Result<StatusCode, Refusal> {
    with_user(&shared, &name, &id, |realm| {
        realm.users.remove(&id);
        realm.refresh_tokens.remove_where(|session| session.user == id);
        StatusCode::NO_CONTENT
    })
}

pub(in super::super) async fn reset_password(
    State(shared): State<Arc<Shared>>,
    Path((name, id)): At,
    Json(given): Json<Credential>,
) -> Result<StatusCode, Refusal> {
    let salt = shared.ids.token(12);
    with_user(&shared, &name, &id, |realm| {
        if let Some(user) = realm.users.get_mut(&id) {
            user.password = Some(Password::new(&given.value, salt, given.temporary));
        }
        StatusCode::NO_CONTENT
    })
}

#[derive(Deserialize)]
pub(in super::super) struct MailQuery {
    client_id: Option<String>,
    redirect_uri: Option<String>,
}

pub(in super::super) async fn actions_mail(
    State(shared): State<Arc<Shared>>,
    Path((name, id)): At,
    Query(asked): Query<MailQuery>,
) -> Result<StatusCode, Refusal> {
    let allowed = with_user(&shared, &name, &id, |realm| {
        let client = asked.client_id.as_deref().and_then(|id| realm.client(id));
        match (&asked.redirect_uri, client) {
            (None, _) => true,
            (Some(uri), Some(client)) => matches_any(&client.redirect_uris, uri),
            (Some(_), None) => false,
        }
    })?;
    if !allowed {
        return Err(Refusal::admin(StatusCode::BAD_REQUEST, "Invalid redirect uri."));
    }
    mail::invite(&shared, &name, &id, asked.redirect_uri)
        .map(|()| StatusCode::NO_CONTENT)
        .ok_or_else(|| Refusal::admin(StatusCode::BAD_REQUEST, "User email missing"))
}
