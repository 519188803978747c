//! The issuer for development: Keycloak's calls and OpenID Connect for all realms, in memory.
//!
//! It keeps people apart as a production issuer does (passwords, PKCE, redirect checks, signed tokens), but holds
//! everything in memory, has no brute-force protection and sends no mail: messages wait in an outbox.

mod admin; // Keycloak's admin REST: realms, clients, users
mod answers; // JSON answers and errors in Keycloak's shape
mod authorize; // the login page: code and PKCE, required actions
mod device; // the device grant
mod discovery; // discovery documents, key sets, userinfo, logout
mod mail; // the outbox, and the links in it
mod pages; // the few HTML pages
mod passwords; // how passwords are kept
mod registration; // dynamic client registration
mod signing; // one key a realm
mod state; // realms, clients, users, codes
mod token; // the token endpoint

use std::sync::Arc;

use axum::Router;
use parking_lot::RwLock;
use runtime::{Clock, Ids};

pub use mail::MailMessage;

use crate::{IdentityError, NewUser, RealmSettings};
use state::{Client, Realm, Realms};

/// The path below which Keycloak answers, and so do we: realms lie at `<host>/keycloak/realms/<name>`.
pub const KEYCLOAK_PATH: &str = "/keycloak";

/// An OpenID Connect issuer with as many realms as organisations, in memory. Cheap to clone; clones are one issuer.
#[derive(Clone)]
pub struct DevelopmentIssuer {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    base: String,
    clock: Clock,
    ids: Ids,
    realms: RwLock<Realms>,
    outbox: mail::Outbox,
}

impl std::fmt::Debug for DevelopmentIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DevelopmentIssuer").field("base", &self.shared.base).finish_non_exhaustive()
    }
}

impl DevelopmentIssuer {
    /// `base` is the public URL that ends in [`KEYCLOAK_PATH`]; issuers of tokens begin with it. Realm `master` is there.
    ///
    /// # Errors
    /// [`IdentityError::Configuration`] if `base` does not end in the path or no key can be made.
    pub fn new(base: &str, clock: Clock, ids: Ids) -> Result<Self, IdentityError> {
        let base = base.trim_end_matches('/');
        if !base.ends_with(KEYCLOAK_PATH) {
            let text = format!("issuer base `{base}` does not end in `{KEYCLOAK_PATH}`");
            return Err(IdentityError::Configuration(text));
        }
        let issuer = Self {
            shared: Arc::new(Shared {
                base: base.to_owned(),
                clock,
                ids,
                realms: RwLock::default(),
                outbox: mail::Outbox::default(),
            }),
        };
        issuer.add_realm(&RealmSettings { token_lifespan: 60, ..RealmSettings::new(state::MASTER) })?;
        issuer.shared.realms.write().with(state::MASTER, |realm| {
            let cli = Client::public(issuer.shared.ids.uid(), "admin-cli").with_grant("password");
            realm.clients.insert(cli.id.clone(), cli);
        });
        Ok(issuer)
    }

    /// The issuer URL of a realm.
    pub fn issuer(&self, realm: &str) -> String {
        self.shared.issuer(realm)
    }

    /// Makes a realm; one that is there keeps its clients, users and key.
    pub fn add_realm(&self, settings: &RealmSettings) -> Result<(), IdentityError> {
        let mut realms = self.shared.realms.write();
        let found = realms.with(&settings.name, |realm| realm.settings_from(&settings.to_json()));
        if found.is_none() {
            let realm =
                Realm::new(settings.to_json(), &self.shared.ids).map_err(IdentityError::Configuration)?;
            realms.insert(settings.name.clone(), realm);
        }
        Ok(())
    }

    /// Adds a confidential client to realm `master` that may administer every realm, and answers its secret.
    pub fn add_admin_client(&self, client_id: &str) -> String {
        let secret = self.shared.ids.token(24);
        self.shared.realms.write().with(state::MASTER, |realm| {
            let mut client =
                Client::public(self.shared.ids.uid(), client_id).with_grant("client_credentials");
            client.secret = Some(secret.clone());
            client.is_admin = true;
            realm.clients.retain(|_, c| c.client_id != client_id);
            realm.clients.insert(client.id.clone(), client);
        });
        secret
    }

    /// Adds a user to a realm, or gives a known one this password; for people of a development mesh.
    ///
    /// # Errors
    /// [`IdentityError::Configuration`] if the realm is not there.
    pub fn add_user(&self, realm: &str, user: &NewUser) -> Result<(), IdentityError> {
        let ids = &self.shared.ids;
        let added = self.shared.realms.write().with(realm, |realm| realm.put_user(user, ids));
        added.map(drop).ok_or_else(|| IdentityError::Configuration(format!("realm `{realm}` is not there")))
    }

    /// Names of all realms.
    pub fn realms(&self) -> Vec<String> {
        self.shared.realms.read().names()
    }

    /// Mail that would have been sent, oldest first; the outbox keeps the last hundred messages.
    pub fn outbox(&self) -> Vec<MailMessage> {
        self.shared.outbox.messages()
    }

    /// The service, answering below [`KEYCLOAK_PATH`].
    pub fn router(&self) -> Router {
        let realm = Router::new()
            .merge(discovery::routes())
            .merge(token::routes())
            .merge(authorize::routes())
            .merge(device::routes())
            .merge(mail::routes())
            .merge(registration::routes());
        let all = Router::new()
            .nest("/realms/{realm}", realm)
            .nest("/admin/realms", admin::guarded(admin::routes(), &self.shared))
            .fallback(answers::not_found)
            .layer(axum::extract::DefaultBodyLimit::max(1 << 20))
            .with_state(self.shared.clone());
        Router::new().nest(KEYCLOAK_PATH, all)
    }
}

impl Shared {
    fn issuer(&self, realm: &str) -> String {
        format!("{}/realms/{realm}", self.base)
    }

    fn now(&self) -> i64 {
        self.clock.now().as_second()
    }
}
