//! The eleven steps, and what they share.

mod access; // invite, refuse, explain, grant, allow
mod accounts; // organisations and accounts, from nothing and back
mod provider; // publish, bind, use, unbind

use std::{collections::BTreeMap, time::Duration};

use futures::future::LocalBoxFuture;
use runtime::Tasks;
use serde_json::Value;
use tokio::time::Instant;

use super::{Fault, calls::Caller};
use crate::Reach;

/// A step of the story.
pub(super) struct Step {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) tell: for<'a> fn(&'a mut Story) -> LocalBoxFuture<'a, Result<(), Fault>>,
}

/// All steps in order.
pub(super) const STEPS: [Step; 11] = [
    Step {
        id: "organisation",
        title: "alice logs in at realm welcome and creates organisation acme",
        tell: |story| Box::pin(accounts::organization(story)),
    },
    Step {
        id: "account",
        title: "alice logs in at realm acme and creates account dev",
        tell: |story| Box::pin(accounts::account(story)),
    },
    Step {
        id: "provider",
        title: "a provider publishes an API, for all of acme",
        tell: |story| Box::pin(provider::publish(story)),
    },
    Step {
        id: "bind",
        title: "alice binds it in dev and accepts its claim; the model gains the type",
        tell: |story| Box::pin(provider::bind(story)),
    },
    Step {
        id: "use",
        title: "alice creates a bucket; the provider answers with status and a ConfigMap",
        tell: |story| Box::pin(provider::create(story)),
    },
    Step {
        id: "isolation",
        title: "a second organisation sees none of it",
        tell: |story| Box::pin(accounts::isolation(story)),
    },
    Step {
        id: "refusal",
        title: "bob is invited, logs in and is refused; the operator sees which relation is missing",
        tell: |story| Box::pin(access::refusal(story)),
    },
    Step { id: "grant", title: "bob becomes a member of dev", tell: |story| Box::pin(access::grant(story)) },
    Step { id: "access", title: "bob is allowed", tell: |story| Box::pin(access::allowed(story)) },
    Step {
        id: "unbind",
        title: "the binding goes, and with it its objects and its share of the model",
        tell: |story| Box::pin(provider::unbind(story)),
    },
    Step {
        id: "end",
        title: "dev and acme go, and nothing of them is left",
        tell: |story| Box::pin(accounts::end(story)),
    },
];

pub(super) const ALICE: &str = "alice@example.org";
pub(super) const BOB: &str = "bob@example.org";
pub(super) const ACME: &str = "root:orgs:acme";
pub(super) const DEV: &str = "root:orgs:acme:dev";
pub(super) const GLOBEX: &str = "root:orgs:globex";
/// Password that an invited person has before the first login.
const FIRST_PASSWORD: &str = "password";
/// A look every so often.
const LOOK: Duration = Duration::from_millis(10);

/// What the steps share.
pub(super) struct Story {
    pub(super) reach: Reach,
    pub(super) tasks: Tasks,
    tokens: BTreeMap<(&'static str, &'static str), String>,
    objects: Vec<String>,
    waiting: String,
    pub(super) granted: Option<Instant>,
    /// Logical clusters of acme and dev.
    pub(super) clusters: Vec<String>,
}

impl Story {
    pub(super) fn new(reach: &Reach) -> Self {
        Self {
            reach: reach.clone(),
            tasks: Tasks::with_grace(Duration::from_secs(1)),
            tokens: BTreeMap::new(),
            objects: Vec::new(),
            waiting: String::new(),
            granted: None,
            clusters: Vec::new(),
        }
    }

    /// Something that a step made, saw or took away.
    pub(super) fn note(&mut self, object: impl Into<String>) {
        self.objects.push(object.into());
    }

    pub(super) fn take_objects(&mut self) -> Vec<String> {
        std::mem::take(&mut self.objects)
    }

    /// What was last waited for, as half a sentence.
    pub(super) fn waiting(&self) -> String {
        if self.waiting.is_empty() { String::new() } else { format!(", waited for {}", self.waiting) }
    }

    pub(super) async fn end(&self) {
        self.tasks.shutdown().await;
    }

    /// Somebody in a workspace, logged in at a realm; a login is kept for the rest of the story.
    pub(super) async fn person(
        &mut self,
        user: &'static str,
        realm: &'static str,
        workspace: &str,
    ) -> Result<Caller, Fault> {
        if !self.tokens.contains_key(&(user, realm)) {
            let token = self.log_in(user, realm).await?;
            self.note(format!("login {user} at {realm}"));
            self.tokens.insert((user, realm), token);
        }
        let token = self.tokens.get(&(user, realm)).cloned().unwrap_or_default();
        Caller::new(&self.reach, &token, workspace).await
    }

    /// At first with the password of the invitation, then with the person's own.
    async fn log_in(&mut self, user: &'static str, realm: &'static str) -> Result<String, Fault> {
        let own = self.reach.file().password.clone();
        let first = self.reach.login(user, realm, &own).await;
        let tokens = match first {
            Err(_) if own != FIRST_PASSWORD => self.reach.login(user, realm, FIRST_PASSWORD).await?,
            other => other?,
        };
        Ok(tokens.id_token)
    }

    /// The operator of the mesh in a workspace.
    pub(super) async fn operator(&self, workspace: &str) -> Result<Caller, Fault> {
        let token = self.reach.file().operator_token.clone();
        Caller::new(&self.reach, &token, workspace).await
    }

    /// Looks again and again until there is something to see.
    pub(super) async fn until<T>(
        &mut self,
        what: impl Into<String>,
        within: Duration,
        mut look: impl AsyncFnMut() -> Result<Option<T>, Fault>,
    ) -> Result<T, Fault> {
        self.waiting = what.into();
        let end = Instant::now() + within;
        loop {
            if let Some(seen) = look().await? {
                self.waiting.clear();
                return Ok(seen);
            }
            if Instant::now() >= end {
                return Err(format!("{} is not there after {} s", self.waiting, within.as_secs()).into());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The object at a path, once it is as `done` wants it.
    pub(super) async fn object(
        &mut self,
        caller: &Caller,
        path: &str,
        done: impl Fn(&Value) -> bool,
    ) -> Result<Value, Fault> {
        let mut last = String::from("nothing");
        let result = self
            .until(format!("`{path}`"), Duration::from_secs(30), async || {
                let answer = caller.get(path).await?;
                if answer.status == 200 && done(&answer.body) {
                    return Ok(Some(answer.body));
                }
                last = if answer.status == 200 {
                    answer.body["status"].to_string()
                } else {
                    format!("{} {}", answer.status, answer.body["message"])
                };
                Ok(None)
            })
            .await;
        result.map_err(|error| format!("{error}; last seen: {last}").into())
    }

    /// Nothing at a path any more.
    pub(super) async fn gone(&mut self, caller: &Caller, path: &str) -> Result<(), Fault> {
        let mut last = String::new();
        let result = self
            .until(format!("the end of `{path}`"), Duration::from_secs(30), async || {
                let answer = caller.get(path).await?;
                if answer.status == 404 {
                    return Ok(Some(()));
                }
                last = format!("{} {}", answer.status, answer.body["metadata"]["finalizers"]);
                Ok(None)
            })
            .await;
        result.map_err(|error| format!("{error}; last seen: {last}").into())
    }

    /// Whether the newest model of an organisation has a type.
    pub(super) async fn model_has(&self, org: &str, type_name: &str) -> Result<bool, Fault> {
        let stores = self.reach.relationships()?;
        let Some(store) = stores.find_store(org).await? else {
            return Err(format!("there is no relationship store `{org}`").into());
        };
        let model = stores.latest_model(&store.id).await?;
        Ok(model
            .is_some_and(|stored| stored.model.types.iter().any(|definition| definition.name == type_name)))
    }
}

/// The condition Ready is true.
pub(super) fn is_ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
}

/// An expectation of the story; the text is what was expected.
pub(super) fn check(holds: bool, expected: impl Into<String>) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(format!("expected {}", expected.into()).into()) }
}
