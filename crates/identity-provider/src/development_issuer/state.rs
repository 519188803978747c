//! Realms, clients, users, and what a login leaves behind for a moment.

use std::collections::{BTreeMap, BTreeSet};

use runtime::Ids;
use serde_json::{Map, Value, json};

use super::{passwords::Password, signing::SigningKey};
use crate::{NewUser, RequiredAction};

/// The realm of administrators.
pub(super) const MASTER: &str = "master";

/// Most short-lived items of one kind in a realm; the oldest go first.
const ITEMS_MAX: usize = 10_000;

#[derive(Default)]
pub(super) struct Realms {
    by_name: BTreeMap<String, Realm>,
}

impl Realms {
    pub(super) fn with<T>(&mut self, name: &str, act: impl FnOnce(&mut Realm) -> T) -> Option<T> {
        self.by_name.get_mut(name).map(act)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Realm> {
        self.by_name.get(name)
    }

    pub(super) fn insert(&mut self, name: String, realm: Realm) {
        self.by_name.insert(name, realm);
    }

    pub(super) fn remove(&mut self, name: &str) -> bool {
        self.by_name.remove(name).is_some()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.by_name.keys().cloned().collect()
    }
}

pub(super) struct Realm {
    /// Keycloak's representation, with fields that we do not use.
    pub(super) settings: Map<String, Value>,
    pub(super) key: SigningKey,
    pub(super) clients: BTreeMap<String, Client>,
    pub(super) users: BTreeMap<String, UserRecord>,
    pub(super) initial_tokens: Expiring<u32>,
    pub(super) logins: Expiring<PendingLogin>,
    pub(super) codes: Expiring<Code>,
    pub(super) refresh_tokens: Expiring<Session>,
    pub(super) devices: Expiring<Device>,
    pub(super) action_links: Expiring<ActionLink>,
}

impl Realm {
    pub(super) fn new(settings: Value, ids: &Ids) -> Result<Self, String> {
        let mut realm = Self {
            settings: Map::new(),
            key: SigningKey::generate(ids.token(24))?,
            clients: BTreeMap::new(),
            users: BTreeMap::new(),
            initial_tokens: Expiring::default(),
            logins: Expiring::default(),
            codes: Expiring::default(),
            refresh_tokens: Expiring::default(),
            devices: Expiring::default(),
            action_links: Expiring::default(),
        };
        realm.settings.insert("id".into(), ids.uid().into());
        realm.settings.insert("enabled".into(), false.into());
        realm.settings_from(&settings);
        Ok(realm)
    }

    /// Takes over the fields that are given; the rest stays, as with Keycloak's PUT.
    pub(super) fn settings_from(&mut self, settings: &Value) {
        for (name, value) in settings.as_object().into_iter().flatten() {
            self.settings.insert(name.clone(), value.clone());
        }
    }

    pub(super) fn token_life(&self) -> i64 {
        self.settings.get("accessTokenLifespan").and_then(Value::as_i64).filter(|s| *s > 0).unwrap_or(300)
    }

    pub(super) fn session_life(&self) -> i64 {
        self.settings.get("ssoSessionIdleTimeout").and_then(Value::as_i64).filter(|s| *s > 0).unwrap_or(1_800)
    }

    pub(super) fn client(&self, client_id: &str) -> Option<&Client> {
        self.clients.values().find(|c| c.client_id == client_id)
    }

    pub(super) fn user_named(&self, name: &str) -> Option<&UserRecord> {
        self.users.values().find(|u| u.username.eq_ignore_ascii_case(name) || u.has_email(name))
    }

    /// Adds a user, or updates the one with this address; answers its id.
    pub(super) fn put_user(&mut self, user: &NewUser, ids: &Ids) -> String {
        let id = match self.user_named(&user.email) {
            Some(found) => found.id.clone(),
            None => ids.uid(),
        };
        let record = self.users.entry(id.clone()).or_insert_with(|| UserRecord::new(id.clone(), &user.email));
        record.enabled = user.enabled;
        record.email_verified |= user.email_verified;
        record.required_actions.extend(user.required_actions.iter().copied());
        if let Some(credential) = user.credentials.first() {
            record.password = Some(Password::new(&credential.value, ids.token(12), credential.temporary));
        }
        id
    }
}

/// A client of OpenID Connect.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) client_id: String,
    pub(super) name: String,
    pub(super) secret: Option<String>,
    pub(super) redirect_uris: Vec<String>,
    pub(super) logout_uris: Vec<String>,
    pub(super) grants: BTreeSet<String>,
    /// May administer every realm; only in realm `master`.
    pub(super) is_admin: bool,
    pub(super) registration_token: Option<String>,
    /// Audiences that an audience mapper adds to access tokens.
    pub(super) access_audiences: Vec<String>,
}

impl Client {
    pub(super) fn public(id: String, client_id: &str) -> Self {
        Self {
            id,
            client_id: client_id.to_owned(),
            name: client_id.to_owned(),
            secret: None,
            redirect_uris: Vec::new(),
            logout_uris: Vec::new(),
            grants: BTreeSet::new(),
            is_admin: false,
            registration_token: None,
            access_audiences: Vec::new(),
        }
    }

    pub(super) fn with_grant(mut self, grant: &str) -> Self {
        self.grants.insert(grant.to_owned());
        self
    }

    pub(super) fn allows(&self, grant: &str) -> bool {
        self.grants.contains(grant)
    }

    /// Keycloak's rule: letter by letter, or up to a trailing `*`.
    pub(super) fn may_return_to(&self, uri: &str) -> bool {
        matches_any(&self.redirect_uris, uri)
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "clientId": self.client_id,
            "name": self.name,
            "enabled": true,
            "protocol": "openid-connect",
            "publicClient": self.secret.is_none(),
            "secret": self.secret,
            "redirectUris": self.redirect_uris,
            "standardFlowEnabled": self.allows("authorization_code"),
            "directAccessGrantsEnabled": self.allows("password"),
            "serviceAccountsEnabled": self.allows("client_credentials"),
            "attributes": {"post.logout.redirect.uris": self.logout_uris.join("##")},
        })
    }
}

pub(super) fn matches_any(patterns: &[String], uri: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => uri.starts_with(start),
        None => uri == pattern,
    })
}

/// A user of a realm.
#[derive(Clone)]
pub(super) struct UserRecord {
    pub(super) id: String,
    pub(super) username: String,
    pub(super) email: Option<String>,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) enabled: bool,
    pub(super) email_verified: bool,
    pub(super) groups: Vec<String>,
    pub(super) required_actions: BTreeSet<RequiredAction>,
    pub(super) password: Option<Password>,
}

impl UserRecord {
    pub(super) fn new(id: String, email: &str) -> Self {
        Self {
            id,
            username: email.to_ascii_lowercase(),
            email: Some(email.to_ascii_lowercase()),
            first_name: None,
            last_name: None,
            enabled: true,
            email_verified: false,
            groups: Vec::new(),
            required_actions: BTreeSet::new(),
            password: None,
        }
    }

    pub(super) fn has_email(&self, email: &str) -> bool {
        self.email.as_deref().is_some_and(|e| e.eq_ignore_ascii_case(email))
    }

    /// What stands between the right password and a token.
    pub(super) fn next_action(&self) -> Option<RequiredAction> {
        let must_change = self.password.as_ref().is_some_and(|p| p.temporary);
        if must_change {
            Some(RequiredAction::UpdatePassword)
        } else {
            self.required_actions.first().copied()
        }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "username": self.username,
            "email": self.email,
            "firstName": self.first_name,
            "lastName": self.last_name,
            "enabled": self.enabled,
            "emailVerified": self.email_verified,
            "requiredActions": self.required_actions,
        })
    }
}

/// What an authorization request asked for, while its user logs in.
#[derive(Clone)]
pub(super) struct PendingLogin {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) scope: String,
    pub(super) state: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) challenge: Option<String>,
    /// The user, once the password was right and actions remain.
    pub(super) user: Option<String>,
    /// The device whose code is being confirmed, instead of a redirect.
    pub(super) device: Option<String>,
}

/// A login that an application may exchange for tokens, once.
#[derive(Clone)]
pub(super) struct Code {
    pub(super) login: PendingLogin,
    pub(super) user: String,
}

/// What a refresh token stands for.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) client_id: String,
    pub(super) user: String,
    pub(super) scope: String,
    pub(super) sid: String,
}

/// A device that waits for its user.
#[derive(Clone)]
pub(super) struct Device {
    pub(super) client_id: String,
    pub(super) scope: String,
    pub(super) user_code: String,
    pub(super) user: Option<String>,
}

/// A link in a mail.
#[derive(Clone)]
pub(super) struct ActionLink {
    pub(super) user: String,
    pub(super) redirect_uri: Option<String>,
}

/// Items by secret, each with an end; bounded.
pub(super) struct Expiring<T> {
    items: BTreeMap<String, (i64, T)>,
}

impl<T> Default for Expiring<T> {
    fn default() -> Self {
        Self { items: BTreeMap::new() }
    }
}

impl<T> Expiring<T> {
    pub(super) fn put(&mut self, key: String, until: i64, now: i64, item: T) {
        if self.items.len() >= ITEMS_MAX {
            self.items.retain(|_, (until, _)| *until > now);
        }
        if self.items.len() >= ITEMS_MAX
            && let Some(oldest) =
                self.items.iter().min_by_key(|(_, (until, _))| *until).map(|(k, _)| k.clone())
        {
            self.items.remove(&oldest);
        }
        self.items.insert(key, (until, item));
    }

    pub(super) fn get(&mut self, key: &str, now: i64) -> Option<&mut T> {
        self.items.get_mut(key).filter(|(until, _)| *until > now).map(|(_, item)| item)
    }

    /// Takes the item out: codes and tokens of this kind serve once.
    pub(super) fn take(&mut self, key: &str, now: i64) -> Option<T> {
        self.items.remove(key).filter(|(until, _)| *until > now).map(|(_, item)| item)
    }

    pub(super) fn find(&mut self, now: i64, wanted: impl Fn(&T) -> bool) -> Option<(String, &mut T)> {
        self.items
            .iter_mut()
            .find(|(_, (until, item))| *until > now && wanted(item))
            .map(|(key, (_, item))| (key.clone(), item))
    }

    pub(super) fn remove_where(&mut self, unwanted: impl Fn(&T) -> bool) {
        self.items.retain(|_, (_, item)| !unwanted(item));
    }
}
