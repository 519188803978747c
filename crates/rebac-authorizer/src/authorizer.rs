//! From request to judgement: three handlers in order, the first explicit answer ends it.

use std::{sync::Arc, time::Duration};

use fga_client::{CheckAnswer, Explain, RelationshipError, RelationshipStore, StoreId};
use fga_model::Naming;
use parking_lot::Mutex;
use tokio::time::Instant;
use verdict::{Missing, Stage, Verdict};

use crate::{
    Action, ApiTables, Metrics, Question, Request, ResourceRequest, Workspace, WorkspaceInfo, Workspaces,
    misses::Misses,
};

/// What the caller of the authorizer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The request may proceed.
    Allowed,
    /// This authorizer cannot say; others may.
    NoOpinion,
    /// Ask again after this time: the workspace is not known yet.
    Retry(Duration),
}

/// Which handler gave the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Handler {
    /// Paths that are no resources.
    NonResource,
    /// The workspace of all organisations.
    Orgs,
    /// Resources of an account's workspace.
    Contextual,
    /// Binding of an export.
    Bind,
}

impl Handler {
    /// The label of metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Handler::NonResource => "nonresource",
            Handler::Orgs => "orgs",
            Handler::Contextual => "contextual",
            Handler::Bind => "bind",
        }
    }
}

/// An answer with its grounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What the caller is told.
    pub answer: Answer,
    /// Why, for operators.
    pub verdict: Verdict,
    /// Who said so.
    pub handler: Handler,
}

/// Paths that everybody may read unless options say otherwise.
pub(crate) const NON_RESOURCE_PREFIXES: [&str; 3] = ["/api", "/openapi", "/version"];

/// Name of the store of the workspace of all organisations.
const ORGS_STORE: &str = "orgs";

/// How long a look for the orgs store that found none is remembered.
const ORGS_STORE_PAUSE: Duration = Duration::from_millis(250);

/// The authorizer. Shared by reference; knows nothing of HTTP.
pub struct Authorizer {
    pub(crate) store: Arc<dyn RelationshipStore>,
    pub(crate) workspaces: Arc<dyn Workspaces>,
    pub(crate) apis: Arc<dyn ApiTables>,
    pub(crate) naming: Naming,
    pub(crate) non_resource_prefixes: Vec<String>,
    pub(crate) misses: Misses,
    pub(crate) metrics: Metrics,
    orgs_store: Mutex<OrgsStore>,
}

#[derive(Default)]
struct OrgsStore {
    found: Option<StoreId>,
    looked: Option<Instant>,
}

impl Authorizer {
    /// An authorizer with the default prefixes and no retries.
    pub fn new(
        store: Arc<dyn RelationshipStore>,
        workspaces: Arc<dyn Workspaces>,
        apis: Arc<dyn ApiTables>,
        naming: Naming,
    ) -> Self {
        Self {
            store,
            workspaces,
            apis,
            naming,
            non_resource_prefixes: NON_RESOURCE_PREFIXES.map(str::to_owned).to_vec(),
            misses: Misses::none(),
            metrics: Metrics::default(),
            orgs_store: Mutex::default(),
        }
    }

    /// Paths that begin with one of these are allowed to everybody.
    #[must_use]
    pub fn with_non_resource_prefixes(mut self, prefixes: Vec<String>) -> Self {
        self.non_resource_prefixes = prefixes;
        self
    }

    /// Tells callers to come back while a workspace is unknown, this often for each cluster.
    #[must_use]
    pub fn with_retries(mut self, max: u32, window: Duration, after: Duration) -> Self {
        self.misses = Misses::new(max, window, after);
        self
    }

    /// Counts into these metrics.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Judges one request. A fault of a backend is no opinion, never an allow.
    ///
    /// # Cancellation
    /// Nothing stands if the future is dropped.
    pub async fn judge(&self, request: &Request) -> Judgement {
        let judgement = match &request.action {
            Action::Path(path) => self.path(path),
            Action::Nothing => {
                no_opinion(Handler::Contextual, "the review names neither a resource nor a path")
            }
            Action::Resource(resource) => self.resource(request, resource).await,
        };
        self.metrics.decided(&judgement);
        tracing::debug!(user = request.user, cluster = request.cluster, verdict = %judgement.verdict, "request judged");
        judgement
    }

    fn path(&self, path: &str) -> Judgement {
        match self.non_resource_prefixes.iter().find(|prefix| path.starts_with(prefix.as_str())) {
            Some(prefix) => {
                allowed(Handler::NonResource, format!("paths that begin with `{prefix}` are open"))
            }
            None => no_opinion(Handler::NonResource, "the path is not among the open ones"),
        }
    }

    async fn resource(&self, request: &Request, resource: &ResourceRequest) -> Judgement {
        let Some(cluster) = request.cluster.as_deref().filter(|c| !c.is_empty()) else {
            return no_opinion(Handler::Contextual, "the request names no logical cluster");
        };
        if self.workspaces.orgs().as_deref() == Some(cluster)
            && let Some(judgement) = self.orgs(request, resource).await
        {
            return judgement;
        }
        if resource.is_bind() {
            return self.bind(request, resource, cluster).await;
        }
        let info = match self.account(cluster, Handler::Contextual).await {
            Ok(info) => info,
            Err(judgement) => return judgement,
        };
        let version = if resource.version == "*" { "" } else { &resource.version };
        let found = self.apis.find(cluster, &resource.group, version, &resource.resource).await;
        let Some(api) = found else {
            let text = format!(
                "the workspace serves no resource `{}` in group `{}`",
                resource.resource, resource.group
            );
            return no_opinion(Handler::Contextual, text);
        };
        let question = Question::on_resource(self.naming, &info.account, resource, &api, &request.user);
        self.ask(Handler::Contextual, &info.store, &question).await
    }

    /// The workspace of all organisations has a store of its own. None: the next handler is asked.
    async fn orgs(&self, request: &Request, resource: &ResourceRequest) -> Option<Judgement> {
        let store = self.orgs_store().await?;
        let question = Question::on_orgs(self.naming, resource, &request.user);
        match self.check(&store, &question).await {
            Ok(answer) => Some(judged(Handler::Orgs, &question, answer)),
            // A relation that the model does not have: this store has nothing to say.
            Err(_) => None,
        }
    }

    async fn orgs_store(&self) -> Option<StoreId> {
        {
            let mut known = self.orgs_store.lock();
            if known.found.is_some() {
                return known.found.clone();
            }
            if known.looked.is_some_and(|then| then.elapsed() < ORGS_STORE_PAUSE) {
                return None;
            }
            known.looked = Some(Instant::now());
        }
        let found = self.store.find_store(ORGS_STORE).await.ok().flatten()?;
        self.orgs_store.lock().found = Some(found.id.clone());
        Some(found.id)
    }

    /// kcp asks in the provider's cluster; who wants to bind is told by a group of the caller.
    async fn bind(&self, request: &Request, resource: &ResourceRequest, provider: &str) -> Judgement {
        let Some(consumer) = request.consumer() else {
            return no_opinion(Handler::Bind, "no group of the caller names the cluster that wants to bind");
        };
        let info = match self.account(consumer, Handler::Bind).await {
            Ok(info) => info,
            Err(judgement) => return judgement,
        };
        let question = Question::on_binding(self.naming, &info.account, provider, &resource.name);
        self.ask(Handler::Bind, &info.store, &question).await
    }

    async fn account(&self, cluster: &str, handler: Handler) -> Result<Arc<WorkspaceInfo>, Judgement> {
        match self.workspaces.find(cluster).await {
            Workspace::Known(info) => Ok(info),
            Workspace::Irrelevant => Err(no_opinion(handler, "the workspace belongs to no organisation")),
            Workspace::Resolving => Err(match self.misses.count(cluster) {
                Some(after) => Judgement {
                    answer: Answer::Retry(after),
                    ..no_opinion(handler, "the workspace is not known yet")
                },
                None => no_opinion(handler, "the workspace is not known"),
            }),
        }
    }

    async fn ask(&self, handler: Handler, store: &StoreId, question: &Question) -> Judgement {
        match self.check(store, question).await {
            Ok(answer) => judged(handler, question, answer),
            Err(error) => {
                tracing::debug!(store = %store, question = %question, %error, "the relationship store gave no answer");
                let verdict = Verdict::fault(Stage::Relationships, error.to_string());
                Judgement { answer: Answer::NoOpinion, verdict, handler }
            }
        }
    }

    async fn check(&self, store: &StoreId, question: &Question) -> Result<CheckAnswer, RelationshipError> {
        let start = Instant::now();
        let answer = self.store.check(store, question.to_check(Explain::Grounds)).await;
        self.metrics.asked(&answer, start.elapsed());
        answer
    }
}

fn allowed(handler: Handler, why: impl Into<verdict::Reason>) -> Judgement {
    Judgement { answer: Answer::Allowed, verdict: Verdict::allow(Stage::Relationships, why), handler }
}

fn no_opinion(handler: Handler, why: impl Into<verdict::Reason>) -> Judgement {
    Judgement { answer: Answer::NoOpinion, verdict: Verdict::no_opinion(Stage::Relationships, why), handler }
}

fn judged(handler: Handler, question: &Question, answer: CheckAnswer) -> Judgement {
    match answer {
        CheckAnswer::Allowed(grounds) if grounds.path.is_empty() => {
            allowed(handler, format!("{question} holds"))
        }
        CheckAnswer::Allowed(grounds) => allowed(handler, grounds.path),
        CheckAnswer::Denied(grounds) => {
            let asked = || Missing::relation(&question.object, &question.relation, &question.user);
            let missing = grounds.missing.unwrap_or_else(asked);
            let mut judgement = no_opinion(handler, format!("{question} does not hold"));
            judgement.verdict = judgement.verdict.missing(missing);
            judgement
        }
    }
}
