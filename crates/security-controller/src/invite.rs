//! The reconciler of Invites: a user in the organisation's realm, and a mail that tells them. Gives no right.
//!
//! The mail is sent once, also over restarts: that a user is going to be made is written down before it is, so that a
//! user who was there before is told from one whose mail is still to be sent.

use std::sync::Arc;

use identity_provider::{Credential, NewUser, RequiredAction};
use multicluster::{
    ControllerHandle, Cx, Fleet, FleetStore, ObjectKey, ProviderName,
    lifecycle::{Lifecycle, Outcome, SubError, Subroutine},
};
use platform_mesh_api::{AccountInfo, Condition, Invite, find_condition, names};

use crate::app::{App, controller, run, without_status};

const NAME: &str = "InviteReconciler";
const SUBROUTINE: &str = "Invite";
const SUBROUTINES: [&str; 1] = [SUBROUTINE];
const MAKING: &str = "the user is being made";

/// Starts the controller.
pub(crate) fn start(fleet: &Fleet, provider: &ProviderName, app: Arc<App>) -> ControllerHandle {
    let infos = fleet.store_in::<AccountInfo>(provider.clone());
    let invites = fleet.store_in::<Invite>(provider.clone());
    let controller = controller::<Invite>(NAME, fleet, provider, &app, &SUBROUTINES)
        .predicate(without_status::<Invite>)
        .watches::<AccountInfo, _>(move |cluster, _| {
            // Invites wait for the clients that it tells.
            let all = invites.of(cluster).list();
            all.iter().map(|invite| cluster.object(ObjectKey::of(invite.as_ref()))).collect::<Vec<_>>()
        });
    run(controller, "invite", Lifecycle::new(NAME).conditions().with(UserAndMail { infos }), app, |_, _| true)
}

struct UserAndMail {
    infos: FleetStore<AccountInfo>,
}

/// How far an Invite was before this pass.
enum Progress {
    /// Nothing was done that could be told from nothing.
    New,
    /// The user is made by us, now or before; the mail may be due.
    Making,
    /// Done, for the spec as it is; with the words that it ended with.
    Done(Option<String>),
}

impl Subroutine<Invite, App> for UserAndMail {
    fn name(&self) -> &'static str {
        SUBROUTINE
    }

    async fn process(&self, invite: &mut Invite, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let email = invite.spec.email.as_str();
        let Some(info) = self.infos.of(cx.cluster()).get(names::ACCOUNT_INFO_NAME) else {
            return Ok(cx.stop(SUBROUTINE, cx, "AccountInfo is not there yet"));
        };
        let realm = info.spec.organization.name.as_str();
        if realm.is_empty() {
            return Ok(cx.stop(SUBROUTINE, cx, "AccountInfo names no organisation yet"));
        }
        let progress = progress(invite);
        if let Progress::Done(words) = &progress
            && cx.identities.find_user(realm, email).await?.is_some()
        {
            return Ok(words.clone().map_or_else(|| cx.done(SUBROUTINE, cx), Outcome::skipped));
        }
        let client = info.spec.oidc.as_ref().and_then(|oidc| oidc.clients.get(realm));
        let Some(client) = client.map(|client| client.client_id.as_str()).filter(|id| !id.is_empty()) else {
            return Ok(cx.stop(
                SUBROUTINE,
                cx,
                "AccountInfo does not tell the client of the organisation yet",
            ));
        };
        let user = cx.identities.find_user(realm, email).await?;
        if user.is_some() && !matches!(progress, Progress::Making) {
            return Ok(cx.done(SUBROUTINE, cx));
        }
        let user = match user {
            Some(user) => user,
            None => {
                if !cx.identities.client_exists(realm, client).await? {
                    return Ok(cx.stop(SUBROUTINE, cx, "client does not exist yet"));
                }
                if !matches!(progress, Progress::Making) {
                    return Ok(Outcome::pending(std::time::Duration::from_millis(1), MAKING));
                }
                cx.identities.create_user(realm, &new_user(email, cx.options.set_default_password)).await?;
                tracing::info!(realm, "user invited");
                let made = cx.identities.find_user(realm, email).await?;
                made.ok_or("the identity provider does not find the user it has just made")?
            }
        };
        let redirect = format!("https://{realm}.{}/", cx.options.base_domain);
        match cx.identities.send_actions_mail(realm, &user.id, client, &redirect).await {
            Ok(()) => Ok(cx.done(SUBROUTINE, cx)),
            // Nobody configured a mail server: that must not keep an organisation from being ready.
            Err(error) if cx.options.idp_smtp_server.is_empty() => {
                tracing::warn!(realm, error = %error, "no mail was sent");
                Ok(Outcome::skipped(
                    "the user exists; no mail was sent, because no mail server is configured",
                ))
            }
            Err(error) => Err(format!("sending mail: {error}").into()),
        }
    }
}

/// Reads how far an Invite was from its own condition.
fn progress(invite: &Invite) -> Progress {
    let conditions = invite.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let Some(condition) = find_condition(conditions, SUBROUTINE) else { return Progress::New };
    let current = |condition: &Condition| condition.observed_generation == invite.metadata.generation;
    match condition.reason.as_str() {
        "Complete" if current(condition) => Progress::Done(None),
        "Skipped" if current(condition) => Progress::Done(Some(condition.message.clone())),
        "Pending" => Progress::Making,
        // What failed after the user was made failed at the mail.
        "Error" if condition.message.contains("sending mail") => Progress::Making,
        _ => Progress::New,
    }
}

fn new_user(email: &str, default_password: bool) -> NewUser {
    let mut user = NewUser::new(email);
    user.required_actions.push(RequiredAction::UpdatePassword);
    if default_password {
        user.credentials.push(Credential::password("password", true));
    } else {
        user.required_actions.push(RequiredAction::VerifyEmail);
    }
    user
}

/// Whether a text is a mail address as Invites take it.
pub(crate) fn is_mail_address(text: &str) -> bool {
    let local = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
    let label = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    text.len() <= 254
        && text.split_once('@').is_some_and(|(user, domain)| {
            !user.is_empty() && user.chars().all(local) && domain.split('.').all(label)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v_mail_addresses_are_those_that_invites_take() {
        for good in
            ["user@example.com", "user+tag@a.b", "first.last@x-y.io", "a!#$%&'*+/=?^_`{|}~-@localhost"]
        {
            assert!(is_mail_address(good), "{good}");
        }
        for bad in [
            "",
            "user",
            "@example.com",
            "user@",
            "us er@x.io",
            "a@@b",
            "user@example..com",
            "system:admin",
            "kcp-admin",
        ] {
            assert!(!is_mail_address(bad), "{bad}");
        }
    }
}
