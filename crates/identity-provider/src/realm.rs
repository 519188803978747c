//! Settings of a realm: one organisation's users, clients and keys.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What a realm should be. Booleans are always written, so an update can turn them off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealmSettings {
    /// Name; part of the issuer URL.
    pub name: String,
    /// Whether people may register themselves.
    pub registration_allowed: bool,
    /// Life of access and ID tokens, in seconds; the idle time of a session is the same.
    pub token_lifespan: u32,
    /// Where mail is handed over; without it the provider cannot send any.
    pub mail_server: Option<MailServer>,
}

impl RealmSettings {
    /// A realm without self-registration, with tokens that live eight hours, and without mail.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), registration_allowed: false, token_lifespan: 28_800, mail_server: None }
    }

    /// Keycloak's realm representation.
    pub(crate) fn to_json(&self) -> Value {
        let mut realm = json!({
            "realm": self.name,
            "displayName": self.name,
            "enabled": true,
            "loginWithEmailAllowed": true,
            "registrationEmailAsUsername": true,
            "registrationAllowed": self.registration_allowed,
            "ssoSessionIdleTimeout": self.token_lifespan,
            "accessTokenLifespan": self.token_lifespan,
        });
        if let Some(server) = &self.mail_server {
            realm["smtpServer"] = Value::Object(server.to_json());
        }
        realm
    }
}

/// An SMTP server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailServer {
    /// Host name.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Sender address.
    pub from: String,
    /// TLS from the first byte.
    pub ssl: bool,
    /// TLS by STARTTLS.
    pub starttls: bool,
    /// User and password, where the server asks for them.
    pub login: Option<(String, String)>,
}

impl MailServer {
    fn to_json(&self) -> Map<String, Value> {
        let mut server = Map::new();
        server.insert("host".into(), self.host.clone().into());
        server.insert("port".into(), self.port.to_string().into());
        server.insert("from".into(), self.from.clone().into());
        server.insert("ssl".into(), self.ssl.into());
        server.insert("starttls".into(), self.starttls.into());
        if let Some((user, password)) = &self.login {
            server.insert("auth".into(), true.into());
            server.insert("user".into(), user.clone().into());
            server.insert("password".into(), password.clone().into());
        }
        server
    }
}

/// What ensuring a realm did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RealmChange {
    /// It was not there.
    Created,
    /// It was there and has the wanted settings now.
    Updated,
}
