//! The parts put together: a running server as a handle, its service, its addresses.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, atomic::Ordering},
    task::{Context, Poll},
};

use apiserver::{
    ApiServer, Partition, Store, UserInfo,
    admission::Chain as Plugins,
    body::Body,
    kinds::{BuiltIns, Reviews},
    server::Parts as ApiParts,
    subresource::VirtualCreate,
};
use futures::future::BoxFuture;
use http::{Request, Response};
use runtime::{
    Authority, Clock, Ids, Kubeconfig, Seed, ServeOptions, ServerNames, ServerTls, Stop, TaskFailure, Tasks,
};
use token_verifier::{Fetch, HttpsFetch};
use tokio::net::TcpListener;

use crate::{
    api_sets::KcpApis,
    authentication::{
        Authentication, TokenAuthenticator,
        issuers::Issuers,
        service_accounts::{ServiceAccountKey, ServiceAccountKeyError, ServiceAccountTokens},
        tokens::{StaticTokens, TokenFileError},
        workspace_oidc::{GlobalOidc, JwtVerifier, WorkspaceOidc},
    },
    authorization::{Authorizer, BoundPolicies, Chain, decisions::Decisions, webhook::Webhook},
    bindings::admission::ApisAdmission,
    bootstrap::{self, AdminTokens, admin_kubeconfig},
    bound::Bound,
    claims::ClaimLabels,
    controllers,
    core::{ClusterAnnotation, Core, WeakCore},
    crd_admission::CrdAdmission,
    definitions,
    feeds::Feeds,
    identity::{GROUP_KCP_ADMIN, GROUP_MASTERS},
    logical_clusters::LogicalClusterAdmission,
    options::Options,
    pipeline::{self, TrustedCaller},
    policies::{Policies, PolicyAdmission},
    rbac_admission::RbacAdmission,
    rbac_index::RbacIndex,
    reviews::{Review, ReviewHandler},
    service_accounts::{Issuer, StoredAccounts},
    tree::Tree,
    webhook_client::WebhookClientError,
    webhooks::{Configurations, Webhooks},
    workspace_issuers::StoredIssuers,
    workspace_types::WorkspaceTypeAdmission,
    workspaces::WorkspaceAdmission,
};

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file cannot be read or written.
    #[error("file `{path}` cannot be used: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// Cause.
        why: String,
    },
    /// The address cannot be listened on.
    #[error("address {address} cannot be listened on: {why}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Cause.
        why: String,
    },
    /// Certificates cannot be made or read.
    #[error("serving certificate: {0}")]
    Certificate(String),
    /// The token file is malformed.
    #[error("token file `{path}`: {source}")]
    Tokens {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: TokenFileError,
    },
    /// The signing key is unusable.
    #[error(transparent)]
    Key(#[from] ServiceAccountKeyError),
    /// The authorization webhook is not described well.
    #[error("authorization webhook `{path}`: {source}")]
    Webhook {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: WebhookClientError,
    },
    /// The server's own content is refused; a defect.
    #[error("content of root cannot be made: {0}")]
    Bootstrap(String),
}

impl StartError {
    /// The next step.
    pub fn help(&self) -> &'static str {
        match self {
            StartError::File { .. } => "check that the path exists and may be read and written",
            StartError::Listen { .. } => "take another port, or 0 for a free one",
            StartError::Certificate(_) => "remove apiserver.crt and apiserver.key to have them made anew",
            StartError::Tokens { source, .. } => source.help(),
            StartError::Key(_) => "remove sa.key to have it made anew",
            StartError::Webhook { .. } => "the file is a kubeconfig whose current context names the webhook",
            StartError::Bootstrap(_) => "please report this",
        }
    }
}

/// What the embedding program brings.
#[derive(Clone, Default)]
pub struct Parts {
    /// Time; the machine's unless given.
    pub clock: Option<Clock>,
    /// Source of ids and secrets; the machine's unless seeded.
    pub seed: Option<Seed>,
    /// Authorizers asked in process at the webhook's place, before a webhook of the options.
    pub authorizers: Vec<Arc<dyn Authorizer>>,
    /// Verifier of tokens against issuers; unless given, one that asks issuers through `fetch`.
    pub verifier: Option<Arc<dyn JwtVerifier>>,
    /// How documents of issuers are fetched; over HTTPS unless given.
    pub fetch: Option<Arc<dyn Fetch>>,
    /// The store; a fresh one in memory unless given.
    pub store: Option<Store>,
    /// Where the embedding program serves this server, if it listens itself.
    pub hosting: Option<Hosting>,
}

/// How clients reach a server whose program listens in its stead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosting {
    /// Base URL, without a slash at the end.
    pub url: String,
    /// CA of the serving certificate, PEM.
    pub ca_pem: String,
}

/// Starts servers.
#[derive(Clone, Copy, Debug)]
pub struct KcpServer;

impl KcpServer {
    /// Starts a server: ready when this returns, listening if the options say so.
    ///
    /// # Errors
    /// [`StartError`].
    ///
    /// # Cancellation
    /// Files may have been written; nothing runs.
    pub async fn start(options: Options, parts: Parts) -> Result<RunningServer, StartError> {
        runtime::install_crypto();
        let clock = parts.clock.clone().unwrap_or_else(Clock::system);
        let seed = parts.seed.unwrap_or_else(Seed::os);
        let ids = seed.ids("kcp");
        let listening = match &parts.hosting {
            Some(Hosting { url, ca_pem }) => {
                Listening { url: url.clone(), ca_pem: Some(ca_pem.clone()), listener: None }
            }
            None => Listening::open(&options, &clock).await?,
        };
        let tokens = AdminTokens::generate(&seed.ids("tokens"));
        let key = signing_key(options.root_directory.clone()).await?;
        let (core, account_tokens) = assemble(&options, &parts, &clock, &ids, key).await?;
        let _ = core.external_url.set(listening.url.clone());
        if let Some(ca) = &listening.ca_pem {
            let _ = core.ca_pem.set(ca.clone());
        }
        bootstrap::run(&core).map_err(|error| StartError::Bootstrap(error.message))?;
        let tasks = Tasks::new();
        controllers::start(&core, &tasks, account_tokens.clone());
        let authentication = authentication(&core, &options, &parts, &tokens, account_tokens).await?;
        let _ = core.authentication.set(authentication);
        core.feeds.catch_up();
        let service = KcpService { core: core.clone(), caller: None };
        let kubeconfig =
            admin_kubeconfig(&listening.url, listening.ca_pem.as_deref(), &tokens, options.batteries.user);
        let (url, ca_pem) = (listening.url.clone(), listening.ca_pem.clone());
        listening.serve(&tasks, service.clone());
        let running = RunningServer { core, service, url, ca_pem, tokens, kubeconfig, tasks };
        running.write_files(&options).await?;
        Ok(running)
    }
}

/// A server that runs until it is stopped or dropped.
pub struct RunningServer {
    core: Arc<Core>,
    service: KcpService,
    url: String,
    ca_pem: Option<String>,
    tokens: AdminTokens,
    kubeconfig: Kubeconfig,
    tasks: Tasks,
}

impl RunningServer {
    /// The server as a tower service, for `kube::Client::new` and the like. Callers authenticate by header.
    pub fn service(&self) -> KcpService {
        self.service.clone()
    }

    /// The same for a caller whom the program vouches for.
    pub fn service_as(&self, user: UserInfo) -> KcpService {
        KcpService { caller: Some(user), ..self.service.clone() }
    }

    /// Base URL, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// CA of the serving certificate; none without a listener.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Tokens of the administrators.
    pub fn tokens(&self) -> &AdminTokens {
        &self.tokens
    }

    /// The administrators' kubeconfig.
    pub fn kubeconfig(&self) -> &Kubeconfig {
        &self.kubeconfig
    }

    /// The parts, for what runs in the same process.
    pub fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Runs until `stop`, or until a part that must not end does, then ends everything.
    ///
    /// # Errors
    /// The part that ended.
    pub async fn run_until(&self, stop: Stop) -> Result<(), TaskFailure> {
        self.tasks.run_until(stop).await
    }

    /// Ends everything, in bounded time.
    pub async fn stop(&self) {
        self.tasks.shutdown().await;
    }

    async fn write_files(&self, options: &Options) -> Result<(), StartError> {
        let path = options
            .kubeconfig_path
            .clone()
            .or_else(|| options.root_directory.as_ref().map(|folder| folder.join("admin.kubeconfig")));
        let Some(path) = path.filter(|_| options.batteries.admin) else { return Ok(()) };
        self.kubeconfig.write(&path).await.map_err(|error| StartError::File { path, why: error.to_string() })
    }
}

/// The server as a tower service.
#[derive(Clone)]
pub struct KcpService {
    core: Arc<Core>,
    caller: Option<UserInfo>,
}

impl<B> tower::Service<Request<B>> for KcpService
where
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<tower::BoxError>,
{
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, std::convert::Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if let Some(user) = &self.caller {
            request.extensions_mut().insert(TrustedCaller(user.clone()));
        }
        let core = self.core.clone();
        Box::pin(async move { Ok(pipeline::handle(core, request).await) })
    }
}

/// The core without its content.
async fn assemble(
    options: &Options,
    parts: &Parts,
    clock: &Clock,
    ids: &Ids,
    key: ServiceAccountKey,
) -> Result<(Arc<Core>, Arc<ServiceAccountTokens>), StartError> {
    let store = parts.store.clone().unwrap_or_default();
    let getter = Arc::new(StoredAccounts(store.clone()));
    let tokens = Arc::new(ServiceAccountTokens::new(key, getter, clock.clone(), ids.part("tokens")));
    let feeds = Arc::new(Feeds::new(store.clone()));
    let tree = Arc::new(Tree::default());
    tree.follow(&feeds);
    let rbac = Arc::new(RbacIndex::default());
    rbac.follow(&feeds);
    let mut authorizers = parts.authorizers.clone();
    if let Some(webhook) = &options.webhook {
        let path = webhook.config_file.clone();
        let text = read_text(&path).await?;
        let webhook = Webhook::from_kubeconfig(&text, webhook.ttls)
            .map_err(|source| StartError::Webhook { path, source })?;
        authorizers.push(Arc::new(webhook));
    }
    let core = Arc::new_cyclic(|weak: &WeakCore| {
        let apis = Arc::new(KcpApis::new(everywhere(weak, tokens.clone()), feeds.clone()));
        let generation = apis.generation();
        let bound = Arc::new(Bound::new(tree.clone(), &feeds, move || {
            generation.fetch_add(1, Ordering::Release);
        }));
        apis.connect_bound(bound.clone());
        let webhooks = Arc::new(Configurations::default());
        webhooks.follow(&feeds);
        let admission_policies = Arc::new(Policies::default());
        admission_policies.follow(&feeds);
        let policies: Arc<dyn BoundPolicies> = apis.clone();
        let chain =
            Chain::new(&options.authorization_order, tree.clone(), rbac.clone(), policies, authorizers);
        let protected = tree.clone();
        let server = ApiServer::new(ApiParts {
            store,
            admission: Arc::new(plugins(weak)),
            decorator: Arc::new(ClusterAnnotation),
            clock: clock.clone(),
            ids: ids.part("objects"),
            namespace_lifecycle: true,
            protects_namespaces: Arc::new(move |cluster: &Partition| {
                protected.cluster(cluster).is_some_and(|entry| !entry.deleting)
            }),
        });
        Core {
            server,
            apis,
            bound,
            webhooks,
            policies: admission_policies,
            tree,
            rbac,
            feeds,
            chain,
            authentication: OnceLock::new(),
            decisions: Decisions::default(),
            clock: clock.clone(),
            ids: ids.clone(),
            options: options.clone(),
            external_url: OnceLock::new(),
            tenancy_identity: OnceLock::new(),
            ca_pem: OnceLock::new(),
        }
    });
    Ok((core, tokens))
}

/// Built-ins and system CRDs.
fn everywhere(weak: &WeakCore, tokens: Arc<ServiceAccountTokens>) -> Vec<Arc<apiserver::ServedResource>> {
    let handler = |review: Review| -> Option<Arc<dyn VirtualCreate>> {
        Some(Arc::new(ReviewHandler { review, core: weak.clone() }))
    };
    let built_ins = BuiltIns {
        reviews: Reviews {
            token: handler(Review::Token),
            subject_access: handler(Review::SubjectAccess),
            local_subject_access: handler(Review::LocalSubjectAccess),
            self_subject_access: handler(Review::SelfSubjectAccess),
            self_subject_rules: handler(Review::SelfSubjectRules),
        },
        tokens: Some(Arc::new(Issuer(tokens))),
    };
    let mut resources = built_ins.resources();
    resources.extend(definitions::system());
    resources
}

/// Admission in order.
fn plugins(weak: &WeakCore) -> Plugins {
    Plugins(vec![
        Arc::new(ApisAdmission(weak.clone())),
        Arc::new(WorkspaceAdmission(weak.clone())),
        Arc::new(WorkspaceTypeAdmission(weak.clone())),
        Arc::new(LogicalClusterAdmission),
        Arc::new(RbacAdmission(weak.clone())),
        Arc::new(CrdAdmission(weak.clone())),
        Arc::new(ClaimLabels(weak.clone())),
        Arc::new(PolicyAdmission(weak.clone())),
        Arc::new(Webhooks::new(weak.clone())),
    ])
}

async fn authentication(
    core: &Arc<Core>,
    options: &Options,
    parts: &Parts,
    tokens: &AdminTokens,
    account_tokens: Arc<ServiceAccountTokens>,
) -> Result<Authentication, StartError> {
    let mut known = StaticTokens::default();
    let user = |name: &str, groups: &[&str]| UserInfo {
        name: name.to_owned(),
        groups: groups.iter().map(|g| (*g).to_owned()).collect(),
        ..UserInfo::default()
    };
    if options.batteries.admin {
        known.add(&tokens.kcp_admin, user("kcp-admin", &[GROUP_KCP_ADMIN]));
    }
    known.add(&tokens.shard_admin, user("shard-admin", &[GROUP_MASTERS]));
    if options.batteries.user {
        known.add(&tokens.user, user("user", &[]));
    }
    if let Some(path) = &options.token_auth_file {
        known
            .add_file(&read_text(path).await?)
            .map_err(|source| StartError::Tokens { path: path.clone(), source })?;
    }
    let mut chain: Vec<Arc<dyn TokenAuthenticator>> = vec![Arc::new(known), account_tokens];
    let verifier = parts.verifier.clone().unwrap_or_else(|| {
        let fetch = parts.fetch.clone().unwrap_or_else(|| Arc::new(HttpsFetch::default()));
        Arc::new(Issuers::new(fetch, core.clock.clone()))
    });
    if let Some(path) = &options.authentication_config {
        let text = read_text(path).await?;
        let config: serde_json::Value = serde_saphyr::from_str(&text)
            .map_err(|error| StartError::File { path: path.clone(), why: error.to_string() })?;
        let jwt = config["jwt"].as_array().cloned().unwrap_or_default();
        chain.push(Arc::new(GlobalOidc::new(jwt, verifier.clone())));
    }
    if options.gates.workspace_authentication {
        let issuers = Arc::new(StoredIssuers(Arc::downgrade(core)));
        chain.push(Arc::new(WorkspaceOidc::new(issuers, verifier.clone())));
    }
    Ok(Authentication::new(chain, options.drop_privileged_groups))
}

async fn read_text(path: &Path) -> Result<String, StartError> {
    tokio::fs::read_to_string(path)
        .await
        .map_err(|error| StartError::File { path: path.to_owned(), why: error.to_string() })
}

/// The signing key: read from the root directory, or made and kept there.
async fn signing_key(folder: Option<PathBuf>) -> Result<ServiceAccountKey, StartError> {
    let path = folder.map(|folder| folder.join("sa.key"));
    if let Some(path) = path.as_deref().filter(|path| path.exists()) {
        return Ok(ServiceAccountKey::from_pem(&read_text(path).await?)?);
    }
    // Making a key keeps a core busy; the runtime's threads stay free.
    let key = tokio::task::spawn_blocking(ServiceAccountKey::generate)
        .await
        .map_err(|error| ServiceAccountKeyError::Generate(error.to_string()))??;
    if let Some(path) = path {
        let failed =
            |error: runtime::FileError| StartError::File { path: path.clone(), why: error.to_string() };
        runtime::write_private(&path, key.private_pem()).await.map_err(failed)?;
        runtime::write_public(&path.with_extension("pub"), key.public_pem()).await.map_err(failed)?;
    }
    Ok(key)
}

/// The listener and what clients must know to reach it.
struct Listening {
    url: String,
    ca_pem: Option<String>,
    listener: Option<(TcpListener, ServerTls)>,
}

impl Listening {
    async fn open(options: &Options, clock: &Clock) -> Result<Self, StartError> {
        let Some((address, port)) = options.listen else {
            let host = options.external_hostname.as_deref().unwrap_or("localhost");
            return Ok(Self { url: format!("https://{host}:6443"), ca_pem: None, listener: None });
        };
        let address = SocketAddr::new(address, port);
        let failed = |error: std::io::Error| StartError::Listen { address, why: error.to_string() };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let host = options.external_hostname.clone().unwrap_or_else(|| match address.ip() {
            ip if ip.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
            ip => ip.to_string(),
        });
        let (tls, ca_pem) = tls(options, &host, clock).await?;
        Ok(Self {
            url: format!("https://{host}:{port}"),
            ca_pem: Some(ca_pem),
            listener: Some((listener, tls)),
        })
    }

    fn serve(self, tasks: &Tasks, service: KcpService) {
        let Some((listener, tls)) = self.listener else { return };
        tasks.spawn_graceful("https", runtime::End::StopProcess, move |stop| {
            runtime::serve_https(listener, tls, service, ServeOptions::default(), stop)
        });
    }
}

/// The certificate in the root directory, or a fresh one; with the CA that clients trust.
async fn tls(options: &Options, host: &str, clock: &Clock) -> Result<(ServerTls, String), StartError> {
    let certificate = |error: &dyn std::fmt::Display| StartError::Certificate(error.to_string());
    let client_authorities = match &options.client_ca_file {
        Some(path) => Some(read_text(path).await?),
        None => None,
    };
    let files = options.root_directory.as_ref().map(|f| (f.join("apiserver.crt"), f.join("apiserver.key")));
    if let Some((crt, key)) = files.as_ref().filter(|(crt, key)| crt.exists() && key.exists()) {
        let identity =
            runtime::Identity { certificate_pem: read_text(crt).await?, key_pem: read_text(key).await? };
        let tls = ServerTls::new(&identity, client_authorities.as_deref()).map_err(|e| certificate(&e))?;
        return Ok((tls, identity.certificate_pem));
    }
    let authority = Authority::new("kcp", clock).map_err(|e| certificate(&e))?;
    let hosts = options.certificate_hosts.iter().map(String::as_str).chain([host]);
    let identity =
        authority.issue_server("kcp", &ServerNames::local_and(hosts)).map_err(|e| certificate(&e))?;
    let tls = ServerTls::new(&identity, client_authorities.as_deref()).map_err(|e| certificate(&e))?;
    if let Some((crt, key)) = files {
        let chain = format!("{}\n{}", identity.certificate_pem.trim_end(), authority.certificate_pem());
        for (path, content) in [(crt, chain), (key, identity.key_pem.clone())] {
            runtime::write_private(&path, content)
                .await
                .map_err(|error| StartError::File { path: path.clone(), why: error.to_string() })?;
        }
    }
    Ok((tls, authority.certificate_pem().to_owned()))
}
