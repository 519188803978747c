//! The creator of an organisation is invited into its realm, so that they can log in there.

use kcp_api::core::v1alpha1::LogicalCluster;
use multicluster::{
    Cx,
    lifecycle::{Outcome, Roles, SubError, Subroutine},
};
use platform_mesh_api::{Invite, InviteSpec, find_condition, names};
use serde_json::json;

use super::name_of;
use crate::{
    app::App,
    invite::is_mail_address,
    orgs::{Found, Orgs},
    write::{Written, ensure_spec, find, has_code},
};

pub(super) const NAME: &str = "InviteInitializationSubroutine";

pub(super) struct CreatorInvitation {
    pub(super) orgs: Orgs,
    pub(super) roles: Roles,
}

impl Subroutine<LogicalCluster, App> for CreatorInvitation {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roles(&self) -> Roles {
        self.roles
    }

    async fn process(&self, cluster: &mut LogicalCluster, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let org = name_of(cluster, cx)?;
        let account = match self.orgs.account(cx.fleet(), &org) {
            Found::There(account) => account,
            Found::Going => return Ok(Outcome::stop("the organisation is being deleted")),
            Found::Unknown | Found::Absent => {
                return Ok(cx.pending(NAME, cx, format!("Account {org} is not seen yet")));
            }
        };
        let creator = account.spec.creator.as_deref().unwrap_or_default();
        // Service accounts and administrators of kcp have no mail address and no place in a realm.
        if account.spec.kind != names::ACCOUNT_TYPE_ORG || !is_mail_address(creator) {
            return Ok(cx.done(NAME, cx));
        }
        let api = cx.cluster().all::<Invite>();
        let seen = find(&api, &org).await.map_err(|error| format!("reading Invite {org}: {error}"))?;
        let wanted = Invite::new(&org, InviteSpec { email: creator.to_owned(), ..InviteSpec::default() });
        match ensure_spec(&api, seen.as_ref(), &wanted, json!({ "email": creator })).await {
            Ok(Written::Unchanged) => {}
            Ok(Written::Done | Written::Outdated) => {
                return Ok(cx.pending(NAME, cx, "the Invite was written"));
            }
            // So it is until the bindings of the workspace are complete.
            Err(error) if has_code(&error, &[403, 404]) => {
                return Ok(cx.pending(NAME, cx, "the workspace does not take Invites yet"));
            }
            Err(error) => return Err(format!("writing Invite {org}: {error}").into()),
        }
        let ready = seen.as_ref().is_some_and(|invite| {
            let conditions =
                invite.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
            find_condition(conditions, names::READY).is_some_and(|ready| {
                ready.status == "True"
                    && ready.observed_generation.is_none_or(|seen| Some(seen) == invite.metadata.generation)
            })
        });
        if ready { Ok(cx.done(NAME, cx)) } else { Ok(cx.pending(NAME, cx, "the creator is not invited yet")) }
    }
}
