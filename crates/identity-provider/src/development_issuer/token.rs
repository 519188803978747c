//! The token endpoint: every grant ends in the same tokens, with Keycloak's claims.

use std::sync::Arc;

use axum::{
    Form, Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use runtime::Ids;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    Shared,
    answers::Refusal,
    passwords::same,
    state::{Client, Realm, Session, UserRecord},
};

type Fields = Vec<(String, String)>;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/protocol/openid-connect/token", post(token))
}

pub(super) fn field<'a>(form: &'a Fields, name: &str) -> Option<&'a str> {
    form.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
}

fn need<'a>(form: &'a Fields, name: &str) -> Result<&'a str, Refusal> {
    field(form, name)
        .ok_or_else(|| Refusal::bad("invalid_request", format!("Missing form parameter: {name}")))
}

/// The client of a request: by Basic authentication, by form fields, or public by its id alone.
pub(super) fn authenticate(
    shared: &Shared,
    realm: &str,
    headers: &HeaderMap,
    form: &Fields,
) -> Result<Client, Refusal> {
    let basic = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(basic_login);
    let (id, secret) = match basic {
        Some((id, secret)) => (id, Some(secret)),
        None => (need(form, "client_id")?.to_owned(), field(form, "client_secret").map(str::to_owned)),
    };
    let wrong = || Refusal::unauthorized("invalid_client", "Invalid client or Invalid client credentials");
    let realms = shared.realms.read();
    let client = realms.get(realm).ok_or_else(Refusal::no_realm)?.client(&id).ok_or_else(wrong)?;
    match (&client.secret, secret) {
        (None, _) => Ok(client.clone()),
        (Some(kept), Some(given)) if same(kept.as_bytes(), given.as_bytes()) => Ok(client.clone()),
        (Some(_), _) => Err(wrong()),
    }
}

fn basic_login(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    // RFC 6749, section 2.3.1: both are form-encoded before they are joined.
    let plain = |part: &str| {
        url::form_urlencoded::parse(format!("v={part}").as_bytes()).next().map(|(_, v)| v.into_owned())
    };
    Some((plain(id)?, plain(secret)?))
}

async fn token(
    State(shared): State<Arc<Shared>>,
    Path(realm): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Fields>,
) -> Result<Response, Refusal> {
    let client = authenticate(&shared, &realm, &headers, &form)?;
    let grant = need(&form, "grant_type")?;
    let answer = match grant {
        "client_credentials" => client_credentials(&shared, &realm, &client),
        "password" => password(&shared, &realm, &client, &form),
        "authorization_code" => authorization_code(&shared, &realm, &client, &form),
        "refresh_token" => refresh(&shared, &realm, &client, &form),
        "urn:ietf:params:oauth:grant-type:device_code" => {
            super::device::exchange(&shared, &realm, &client, &form)
        }
        other => Err(Refusal::bad("unsupported_grant_type", format!("Unsupported grant_type: {other}"))),
    }?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

fn client_credentials(shared: &Shared, name: &str, client: &Client) -> Result<Value, Refusal> {
    if client.secret.is_none() || !client.allows("client_credentials") {
        let text = "Client not enabled to retrieve service account";
        return Err(Refusal::unauthorized("unauthorized_client", text));
    }
    let mut user = UserRecord::new(client.id.clone(), "");
    user.email = None;
    user.username = format!("service-account-{}", client.client_id);
    let session = Session {
        client_id: client.client_id.clone(),
        user: client.id.clone(),
        scope: "profile email".into(),
        sid: shared.ids.uid(),
    };
    let realms = shared.realms.read();
    let realm = realms.get(name).ok_or_else(Refusal::no_realm)?;
    let issue = Issue { issuer: shared.issuer(name), now: shared.now(), ids: &shared.ids, realm, client };
    let access_token = issue.access_token(&user, &session)?;
    Ok(
        json!({"access_token": access_token, "token_type": "Bearer", "expires_in": realm.token_life(), "scope": session.scope}),
    )
}

fn password(shared: &Shared, name: &str, client: &Client, form: &Fields) -> Result<Value, Refusal> {
    if !client.allows("password") {
        return Err(Refusal::bad("unauthorized_client", "Client not allowed for direct access grants"));
    }
    let (username, given) = (need(form, "username")?, need(form, "password")?);
    let wrong = || Refusal::unauthorized("invalid_grant", "Invalid user credentials");
    let user = {
        let realms = shared.realms.read();
        let user = realms.get(name).and_then(|r| r.user_named(username)).cloned().ok_or_else(wrong)?;
        if !user.password.as_ref().is_some_and(|p| p.fits(given)) {
            return Err(wrong());
        }
        user
    };
    if !user.enabled {
        return Err(Refusal::bad("invalid_grant", "Account disabled"));
    }
    if user.next_action().is_some() {
        return Err(Refusal::bad("invalid_grant", "Account is not fully set up"));
    }
    let scope = field(form, "scope").unwrap_or_default();
    grant_tokens(shared, name, client, &user.id, scope, None, None)
}

fn authorization_code(shared: &Shared, name: &str, client: &Client, form: &Fields) -> Result<Value, Refusal> {
    let bad = |text: &str| Refusal::bad("invalid_grant", text);
    let given = need(form, "code")?;
    let now = shared.now();
    let code = shared.realms.write().with(name, |realm| realm.codes.take(given, now)).flatten();
    let code = code.ok_or_else(|| bad("Code not valid"))?;
    if code.login.client_id != client.client_id {
        return Err(bad("Code not valid"));
    }
    if field(form, "redirect_uri").is_some_and(|uri| uri != code.login.redirect_uri) {
        return Err(bad("Incorrect redirect_uri"));
    }
    if let Some(challenge) = &code.login.challenge {
        let verifier = field(form, "code_verifier").ok_or_else(|| bad("PKCE code verifier not specified"))?;
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        if !same(hash.as_bytes(), challenge.as_bytes()) {
            return Err(bad("PKCE verification failed: Code mismatch"));
        }
    }
    grant_tokens(shared, name, client, &code.user, &code.login.scope, code.login.nonce.as_deref(), None)
}

fn refresh(shared: &Shared, name: &str, client: &Client, form: &Fields) -> Result<Value, Refusal> {
    let given = need(form, "refresh_token")?;
    let now = shared.now();
    let session = shared.realms.write().with(name, |realm| realm.refresh_tokens.take(given, now)).flatten();
    let session = session
        .filter(|s| s.client_id == client.client_id)
        .ok_or_else(|| Refusal::bad("invalid_grant", "Invalid refresh token"))?;
    grant_tokens(shared, name, client, &session.user, &session.scope, None, Some(session.sid))
}

/// Access, refresh and (with scope `openid`) ID token for a user.
pub(super) fn grant_tokens(
    shared: &Shared,
    name: &str,
    client: &Client,
    user: &str,
    scope: &str,
    nonce: Option<&str>,
    sid: Option<String>,
) -> Result<Value, Refusal> {
    let now = shared.now();
    let session = Session {
        client_id: client.client_id.clone(),
        user: user.to_owned(),
        scope: granted_scope(scope),
        sid: sid.unwrap_or_else(|| shared.ids.uid()),
    };
    let mut realms = shared.realms.write();
    realms
        .with(name, |realm| {
            let user = realm.users.get(user).filter(|u| u.enabled).cloned();
            let user = user.ok_or_else(|| Refusal::bad("invalid_grant", "User not found or disabled"))?;
            let issue = Issue { issuer: shared.issuer(name), now, ids: &shared.ids, realm, client };
            let access_token = issue.access_token(&user, &session)?;
            let id_token = match session.scope.split(' ').any(|s| s == "openid") {
                true => Some(issue.id_token(&user, &session, &access_token, nonce)?),
                false => None,
            };
            let (refresh_token, life) = (shared.ids.token(32), realm.session_life());
            let mut answer = json!({
                "access_token": access_token,
                "expires_in": realm.token_life(),
                "refresh_expires_in": life,
                "refresh_token": refresh_token,
                "token_type": "Bearer",
                "not-before-policy": 0,
                "session_state": session.sid,
                "scope": session.scope,
            });
            if let Some(token) = id_token {
                answer["id_token"] = token.into();
            }
            realm.refresh_tokens.put(refresh_token, now + life, now, session);
            Ok(answer)
        })
        .ok_or_else(Refusal::no_realm)?
}

fn granted_scope(asked: &str) -> String {
    let mut scopes = vec!["profile", "email"];
    if asked.split(' ').any(|s| s == "openid") {
        scopes.insert(0, "openid");
    }
    scopes.join(" ")
}

struct Issue<'a> {
    issuer: String,
    now: i64,
    ids: &'a Ids,
    realm: &'a Realm,
    client: &'a Client,
}

impl Issue<'_> {
    fn access_token(&self, user: &UserRecord, session: &Session) -> Result<String, Refusal> {
        let mut audiences = self.client.access_audiences.clone();
        audiences.push("account".into());
        let audience = if audiences.len() == 1 { json!("account") } else { json!(audiences) };
        let mut claims = self.common(user, session, "Bearer");
        claims["aud"] = audience;
        claims["scope"] = session.scope.clone().into();
        if self.client.is_admin {
            claims["realm_access"] = json!({"roles": ["admin", "create-realm"]});
        }
        self.sign(&claims)
    }

    fn id_token(
        &self,
        user: &UserRecord,
        session: &Session,
        access: &str,
        nonce: Option<&str>,
    ) -> Result<String, Refusal> {
        let mut claims = self.common(user, session, "ID");
        claims["aud"] = self.client.client_id.clone().into();
        let half = &Sha256::digest(access.as_bytes())[..16];
        claims["at_hash"] = URL_SAFE_NO_PAD.encode(half).into();
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        self.sign(&claims)
    }

    fn common(&self, user: &UserRecord, session: &Session, kind: &str) -> Value {
        let mut claims = json!({
            "iss": self.issuer,
            "iat": self.now,
            "exp": self.now + self.realm.token_life(),
            "jti": self.ids.uid(),
            "sub": user.id,
            "typ": kind,
            "azp": self.client.client_id,
            "sid": session.sid,
            "preferred_username": user.username,
            "email_verified": user.email_verified,
        });
        if let Some(email) = &user.email {
            claims["email"] = email.clone().into();
        }
        let names: Vec<&str> =
            [user.first_name.as_deref(), user.last_name.as_deref()].into_iter().flatten().collect();
        if !names.is_empty() {
            claims["name"] = names.join(" ").into();
        }
        if !user.groups.is_empty() {
            claims["groups"] = json!(user.groups);
        }
        claims
    }

    fn sign(&self, claims: &Value) -> Result<String, Refusal> {
        self.realm.key.sign(claims).map_err(Refusal::internal)
    }
}

/// Whether a request carries a good token of an administrator of all realms.
pub(super) fn is_admin(shared: &Shared, headers: &HeaderMap) -> Result<(), Refusal> {
    let refused = || {
        Refusal::oauth(
            StatusCode::UNAUTHORIZED,
            "HTTP 401 Unauthorized",
            "a token of realm `master` is needed",
        )
    };
    let claims =
        super::discovery::bearer_claims(shared, super::state::MASTER, headers).ok_or_else(refused)?;
    let realms = shared.realms.read();
    let master = realms.get(super::state::MASTER).ok_or_else(Refusal::no_realm)?;
    let client = claims.get("azp").and_then(Value::as_str).and_then(|id| master.client(id));
    // Users of realm `master` exist only because somebody with admin rights made them; they administer.
    let by_user = claims.get("sub").and_then(Value::as_str).is_some_and(|sub| master.users.contains_key(sub));
    if client.is_some_and(|c| c.is_admin) || by_user {
        return Ok(());
    }
    Err(Refusal::oauth(StatusCode::FORBIDDEN, "HTTP 403 Forbidden", "the client may not administer realms"))
}
