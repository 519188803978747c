//! Users of a realm.

use serde::{Deserialize, Serialize};

/// What a user must do at the next login, by Keycloak's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RequiredAction {
    /// Choose a new password.
    UpdatePassword,
    /// Prove that the mail address is theirs.
    VerifyEmail,
    /// Complete name and address.
    UpdateProfile,
}

/// A password at creation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Always `password`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The password.
    pub value: String,
    /// Whether it must be changed at the first login.
    #[serde(default)]
    pub temporary: bool,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("temporary", &self.temporary).finish_non_exhaustive()
    }
}

impl Credential {
    /// A password.
    pub fn password(value: impl Into<String>, temporary: bool) -> Self {
        Self { kind: "password".into(), value: value.into(), temporary }
    }
}

/// A user that should be created; the mail address is the user name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewUser {
    /// Mail address.
    pub email: String,
    /// Whether the user may log in.
    pub enabled: bool,
    /// Whether the address counts as proven.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub email_verified: bool,
    /// What they must do first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_actions: Vec<RequiredAction>,
    /// Passwords.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<Credential>,
}

impl NewUser {
    /// An enabled user without password.
    pub fn new(email: impl Into<String>) -> Self {
        Self {
            email: email.into(),
            enabled: true,
            email_verified: false,
            required_actions: Vec::new(),
            credentials: Vec::new(),
        }
    }
}

/// A user as the provider holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Key of the admin API and `sub` of tokens.
    pub id: String,
    /// User name.
    #[serde(default)]
    pub username: String,
    /// Mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Whether the user may log in.
    #[serde(default)]
    pub enabled: bool,
    /// Whether the address is proven.
    #[serde(default)]
    pub email_verified: bool,
}
