//! Mail that would have been sent, and the pages behind its links.

use std::{collections::VecDeque, sync::Arc};

use axum::{
    Form, Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use parking_lot::Mutex;
use serde::Deserialize;

use super::{Shared, answers::Refusal, pages, passwords::Password, state::ActionLink};
use crate::RequiredAction;

/// Most messages that wait in the outbox; the oldest go first.
const MESSAGES_MAX: usize = 100;

/// Life of a link in a mail, in seconds: twelve hours, Keycloak's default for such links.
const LINK_LIFE: i64 = 43_200;

/// A message that the development issuer would have mailed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailMessage {
    /// The realm it speaks for.
    pub realm: String,
    /// Address of the receiver.
    pub to: String,
    /// Subject line.
    pub subject: String,
    /// The link that the receiver should open.
    pub link: String,
}

#[derive(Default)]
pub(super) struct Outbox(Mutex<VecDeque<MailMessage>>);

impl Outbox {
    pub(super) fn messages(&self) -> Vec<MailMessage> {
        self.0.lock().iter().cloned().collect()
    }

    fn push(&self, message: MailMessage) {
        let mut messages = self.0.lock();
        if messages.len() >= MESSAGES_MAX {
            messages.pop_front();
        }
        messages.push_back(message);
    }
}

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/login-actions/action-token", get(show).post(submit))
}

/// Writes the mail that asks a user to do what they must. `None` when the user has no address.
pub(super) fn invite(
    shared: &Shared,
    realm: &str,
    user_id: &str,
    redirect_uri: Option<String>,
) -> Option<()> {
    let now = shared.now();
    let key = shared.ids.token(32);
    let email = shared.realms.write().with(realm, |realm| {
        let email = realm.users.get(user_id)?.email.clone()?;
        let link = ActionLink { user: user_id.to_owned(), redirect_uri };
        realm.action_links.put(key.clone(), now + LINK_LIFE, now, link);
        Some(email)
    })??;
    let link = format!("{}/login-actions/action-token?key={key}", shared.issuer(realm));
    tracing::info!(realm, "a mail with a link waits in the development issuer's outbox");
    shared.outbox.push(MailMessage {
        realm: realm.to_owned(),
        to: email,
        subject: format!("Update your account at {realm}"),
        link,
    });
    Some(())
}

#[derive(Deserialize)]
struct Key {
    key: String,
}

async fn show(
    State(shared): State<Arc<Shared>>,
    Path(realm): Path<String>,
    Query(asked): Query<Key>,
) -> Result<Response, Refusal> {
    let now = shared.now();
    let known = shared
        .realms
        .write()
        .with(&realm, |realm| realm.action_links.get(&asked.key, now).is_some())
        .ok_or_else(Refusal::no_realm)?;
    let action = format!("{}/login-actions/action-token?key={}", shared.issuer(&realm), asked.key);
    Ok(if known { pages::new_password(&action, None) } else { expired() })
}

#[derive(Deserialize)]
pub(super) struct NewPassword {
    #[serde(rename = "password-new", default)]
    pub(super) new: String,
    #[serde(rename = "password-confirm", default)]
    pub(super) confirm: String,
}

impl NewPassword {
    pub(super) fn fault(&self) -> Option<&'static str> {
        if self.new.is_empty() {
            Some("Please specify password.")
        } else if self.new != self.confirm {
            Some("Passwords don't match.")
        } else {
            None
        }
    }
}

async fn submit(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Query(asked): Query<Key>,
    Form(form): Form<NewPassword>,
) -> Result<Response, Refusal> {
    let action = format!("{}/login-actions/action-token?key={}", shared.issuer(&name), asked.key);
    if let Some(fault) = form.fault() {
        return Ok(pages::new_password(&action, Some(fault)));
    }
    let now = shared.now();
    let salt = shared.ids.token(12);
    let done = shared.realms.write().with(&name, |realm| {
        let link = realm.action_links.take(&asked.key, now)?;
        let user = realm.users.get_mut(&link.user)?;
        user.password = Some(Password::new(&form.new, salt, false));
        user.required_actions.remove(&RequiredAction::UpdatePassword);
        user.required_actions.remove(&RequiredAction::VerifyEmail);
        user.email_verified = true;
        Some(link)
    });
    match done.ok_or_else(Refusal::no_realm)? {
        Some(ActionLink { redirect_uri: Some(uri), .. }) => Ok(Redirect::to(&uri).into_response()),
        Some(_) => Ok(pages::message("Your account has been updated", "You can sign in now.")),
        None => Ok(expired()),
    }
}

fn expired() -> Response {
    pages::message("Action expired", "This link is no longer good. Ask for a new one.")
}
