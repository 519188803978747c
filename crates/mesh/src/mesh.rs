//! A mesh: all parts wired, started in order, stopped in reverse.

use std::{path::PathBuf, sync::Arc, time::Duration};

use fga_client::{InProcess, RelationshipStore};
use fga_engine::{Engine, EngineParts, server::ServerOptions};
use identity_provider::{Credential, DevelopmentIssuer, KEYCLOAK_PATH, NewUser, RealmSettings};
use kcp_embedded::{
    Hosting, KcpServer, RunningServer, authorization::webhook::CacheTtls, options::WebhookOptions,
};
use kube::Client;
use platform_mesh_api::{
    bootstrap::{Parameters, Phase, steps_of},
    names,
};
use runtime::{Authority, Clock, End, Kubeconfig, Ops, Seed, ServeOptions, Stop, Tasks, serve_https};

use crate::{
    MeshError, MeshFile, MeshOptions, MeshPart, apply_bootstrap,
    bare::writable,
    bootstrap::{apply_object, cluster_of},
    clients,
    front::{Address, Front, listen_anywhere, local_port},
    operator,
    options::PEOPLE,
    outside::{self, Places},
    parts::{self, Surroundings},
    relationships::Relationships,
    tokens::IssuerDocuments,
};

/// The client by which the command line administers the issuer.
const CLI_CLIENT: &str = "platform-mesh";
/// All of it ends in this time.
const SHUTDOWN: Duration = Duration::from_secs(4);

/// The relationship stores as other processes reach them.
struct Served {
    address: String,
    url: String,
    token: Option<String>,
}

/// A running mesh.
pub struct Mesh {
    options: MeshOptions,
    domain: String,
    authority: Authority,
    kcp: RunningServer,
    issuer: DevelopmentIssuer,
    relationships: InProcess,
    /// Where they are served, and the token for them.
    served: Served,
    ops: Ops,
    /// Everything but the control plane, which ends last.
    tasks: Tasks,
}

impl Mesh {
    /// Starts a mesh: ready, with its files written, when this returns.
    ///
    /// # Errors
    /// [`MeshError`]: the folder, the port, or the part that did not start.
    ///
    /// # Cancellation
    /// Everything started so far is dropped.
    pub async fn up(options: MeshOptions) -> Result<Self, MeshError> {
        runtime::install_crypto();
        writable(&options.folder).await?;
        let clock = Clock::system();
        let seed = options.seed.map_or_else(Seed::os, Seed::from);
        let address =
            Address::open(options.bind, options.port, options.external_hostname.as_deref(), &clock).await?;
        let Address { listener, tls, domain, authority } = address;
        let base = format!("https://{domain}/keycloak");
        let issuer = DevelopmentIssuer::new(&base, clock.clone(), seed.ids("issuer"))?;
        let engine = Engine::open(EngineParts {
            clock: clock.clone(),
            ids: seed.ids("fga"),
            ..EngineParts::default()
        });
        let engine = engine.map_err(|error| MeshError::Internal(error.to_string()))?;
        let relationships = InProcess::new(Arc::new(engine));
        let place = Relationships::default();

        let mut places = Places::default();
        let mut kcp_options = kcp_embedded::Options::default();
        if !options.runs(MeshPart::Webhook) {
            let at = outside::Place::choose(&options.folder, &authority, names::REBAC_AUTHZ_WEBHOOK).await?;
            let config_file = outside::authorization_file(&options.folder, &authority, &at).await?;
            // A grant has to count at once.
            let ttls = CacheTtls { allowed: Duration::ZERO, denied: Duration::ZERO };
            kcp_options.webhook = Some(WebhookOptions { config_file, ttls });
            places.webhook = Some(at);
        }
        let kcp_parts = kcp_embedded::Parts {
            clock: Some(clock.clone()),
            seed: Some(seed),
            authorizers: vec![Arc::new(place.clone())],
            verifier: None,
            fetch: Some(Arc::new(IssuerDocuments::new(&base, issuer.router()))),
            store: None,
            hosting: Some(Hosting {
                url: format!("https://{domain}"),
                ca_pem: authority.certificate_pem().to_owned(),
            }),
        };
        let kcp = KcpServer::start(kcp_options, kcp_parts).await?;
        let tasks = Tasks::with_grace(parts::DRAIN);
        let front = Front { issuer: issuer.router(), kcp: kcp.service() };
        tasks.spawn_graceful("https", End::StopProcess, move |stop| {
            let bounds = ServeOptions { drain: parts::DRAIN, ..ServeOptions::default() };
            serve_https(listener, tls, front, bounds, stop)
        });

        // Operators outside send no token; without any, only those who may read the folder get in.
        let token = options.without.is_empty().then(|| seed.ids("fga-token").token(32));
        let served = serve_relationships(&relationships, token, &tasks).await?;
        let ops = parts::ops();
        let mesh = Self { options, domain, authority, kcp, issuer, relationships, served, ops, tasks };
        let operator = mesh.populate(&clock, seed, &place, &mut places).await?;
        mesh.write_files(operator, &places).await?;
        Ok(mesh)
    }

    /// Makes a mesh of the empty control plane, and starts the parts as soon as what they need is there.
    async fn populate(
        &self,
        clock: &Clock,
        seed: Seed,
        place: &Relationships,
        places: &mut Places,
    ) -> Result<String, MeshError> {
        let root = clients::bootstrapper(&self.kcp);
        let mut parameters = self.parameters();
        apply(&root, &parameters, Phase::Platform).await?;
        let around = Surroundings {
            tasks: &self.tasks,
            authority: &self.authority,
            clock,
            ids: seed.ids("operators"),
            ops: &self.ops,
        };
        if self.options.runs(MeshPart::AccountOperator) {
            let client = self.operator(&root, names::ACCOUNT_OPERATOR).await?;
            parameters.account_webhook = Some(parts::account_operator(&around, &client).await?);
        } else {
            let at = self.place(names::ACCOUNT_OPERATOR).await?;
            parameters.account_webhook = Some(at.endpoint(&self.authority));
            places.account_operator = Some(at);
        }
        if self.options.runs(MeshPart::Webhook) {
            let client = self.operator(&root, names::REBAC_AUTHZ_WEBHOOK).await?;
            parts::webhook(&around, &client, self.relationships(), place)?;
        }
        if self.options.runs(MeshPart::SecurityOperator) {
            let client = self.operator(&root, names::SECURITY_OPERATOR).await?;
            let store = self.relationships();
            let endpoint =
                parts::security_operator(&around, &client, store, &self.issuer, &self.domain).await?;
            parameters.identity_webhook = Some(endpoint);
            apply(&root, &parameters, Phase::Identity).await?;
        } else {
            let at = self.place(names::SECURITY_OPERATOR).await?;
            parameters.identity_webhook = Some(at.endpoint(&self.authority));
            places.security_operator = Some(at);
            self.identity_later(root.clone(), parameters.clone());
        }
        apply(&root, &parameters, Phase::Admission).await?;
        self.introduce(names::WELCOME_REALM)?;
        self.employ_operator(&root).await
    }

    /// Makes the operator's account; answers its token.
    async fn employ_operator(&self, root: &Client) -> Result<String, MeshError> {
        let home = cluster_of(root, names::SYSTEM).await?;
        for (workspace, object) in operator::objects(&home) {
            apply_object(root, workspace, &object).await?;
        }
        clients::service_account_token(root, names::SYSTEM, names::SYSTEM_NAMESPACE, operator::MESH_OPERATOR)
            .await
    }

    /// A place for a server outside.
    async fn place(&self, name: &str) -> Result<outside::Place, MeshError> {
        outside::Place::choose(&self.options.folder, &self.authority, name).await
    }

    /// Realm `welcome` gets its clients from an operator outside; people can log in once it has made them.
    fn identity_later(&self, root: Client, parameters: Parameters) {
        self.tasks.spawn("identity", End::MayEnd, async move {
            while let Err(error) = apply(&root, &parameters, Phase::Identity).await {
                tracing::info!(%error, "realm `welcome` waits for the security operator");
            }
        });
    }

    /// A client with the rights of an operator's service account.
    async fn operator(&self, root: &Client, account: &str) -> Result<Client, MeshError> {
        let token =
            clients::service_account_token(root, names::SYSTEM, names::SYSTEM_NAMESPACE, account).await?;
        clients::with_token(&self.kcp, &token)
    }

    /// Tells a realm of the people of this mesh.
    fn introduce(&self, realm: &str) -> Result<(), MeshError> {
        self.issuer.add_realm(&RealmSettings::new(realm))?;
        for email in PEOPLE {
            let user = NewUser {
                email_verified: true,
                credentials: vec![Credential::password(&self.options.password, false)],
                ..NewUser::new(email)
            };
            self.issuer.add_user(realm, &user)?;
        }
        Ok(())
    }

    fn parameters(&self) -> Parameters {
        Parameters {
            domain_ca: Some(self.ca_pem().to_owned()),
            // People are invited without a mail server, so nobody could prove an address.
            allow_unverified_emails: true,
            ..Parameters::new(&self.domain)
        }
    }

    async fn write_files(&self, operator_token: String, places: &Places) -> Result<(), MeshError> {
        let folder = &self.options.folder;
        let server = format!("{}/clusters/{}", self.url(), names::PROVIDERS);
        let credential = runtime::Credential::Token(operator_token.clone());
        Kubeconfig::single("operator", &server, Some(self.ca_pem()), &credential)
            .write(&folder.join("operator.kubeconfig"))
            .await?;
        self.kcp.kubeconfig().write(&folder.join("admin.kubeconfig")).await?;
        let file = self.mesh_file(operator_token);
        if !self.options.without.is_empty() {
            self.write_operators(&file, places).await?;
        }
        file.write(folder).await
    }

    /// What parts outside need.
    async fn write_operators(&self, file: &MeshFile, places: &Places) -> Result<(), MeshError> {
        let (root, folder) = (clients::bootstrapper(&self.kcp), &self.options.folder);
        for part in &self.options.without {
            let account = match part {
                MeshPart::AccountOperator => names::ACCOUNT_OPERATOR,
                MeshPart::SecurityOperator => names::SECURITY_OPERATOR,
                MeshPart::Webhook => names::REBAC_AUTHZ_WEBHOOK,
            };
            let token =
                clients::service_account_token(&root, names::SYSTEM, names::SYSTEM_NAMESPACE, account)
                    .await?;
            outside::kubeconfigs(folder, file, account, &token).await?;
        }
        let secret =
            places.security_operator.as_ref().map(|_| self.issuer.add_admin_client(names::SECURITY_OPERATOR));
        outside::operators_env(folder, file, &self.domain, secret.as_deref(), places).await
    }

    fn mesh_file(&self, operator_token: String) -> MeshFile {
        MeshFile {
            url: self.url().to_owned(),
            ca: self.ca_pem().to_owned(),
            issuer: format!("https://{}{KEYCLOAK_PATH}", self.domain),
            issuer_client: CLI_CLIENT.to_owned(),
            issuer_secret: self.issuer.add_admin_client(CLI_CLIENT),
            relationships: self.served.address.clone(),
            relationships_url: self.served.url.clone(),
            relationships_token: self.served.token.clone(),
            operator_token,
            password: self.options.password.clone(),
        }
    }

    /// Base URL of the control plane, without a slash at the end.
    pub fn url(&self) -> &str {
        self.kcp.url()
    }

    /// Host and port of the mesh; its issuer lies below `https://<domain>/keycloak`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// What clients trust, PEM.
    pub fn ca_pem(&self) -> &str {
        self.authority.certificate_pem()
    }

    /// The folder with the files of this mesh.
    pub fn folder(&self) -> &PathBuf {
        &self.options.folder
    }

    /// The control plane.
    pub fn kcp(&self) -> &RunningServer {
        &self.kcp
    }

    /// The issuer.
    pub fn issuer(&self) -> &DevelopmentIssuer {
        &self.issuer
    }

    /// The relationship stores.
    pub fn relationships(&self) -> Arc<dyn RelationshipStore> {
        Arc::new(self.relationships.clone())
    }

    /// Runs until `stop`, or until a part that must not end does, then ends everything in a few seconds.
    ///
    /// # Errors
    /// The part that ended by itself.
    pub async fn run_until(&self, stop: Stop) -> Result<(), MeshError> {
        let ended = tokio::select! {
            () = stop.cancelled() => Ok(()),
            failure = self.tasks.failed() => Err(failure.into()),
        };
        self.stop().await;
        ended
    }

    /// Ends the parts, then the control plane, in bounded time.
    pub async fn stop(&self) {
        let ending = async {
            self.tasks.shutdown().await;
            self.kcp.stop().await;
        };
        if tokio::time::timeout(SHUTDOWN, ending).await.is_err() {
            tracing::warn!("parts did not end in time, dropping them");
        }
    }
}

/// Serves the stores on free ports of loopback, over gRPC and HTTP.
async fn serve_relationships(
    relationships: &InProcess,
    token: Option<String>,
    tasks: &Tasks,
) -> Result<Served, MeshError> {
    let (grpc, http) = (listen_anywhere().await?, listen_anywhere().await?);
    let address = format!("127.0.0.1:{}", local_port(&grpc)?);
    let url = format!("http://127.0.0.1:{}", local_port(&http)?);
    let options = ServerOptions { token: token.clone(), ..ServerOptions::default() };
    let (engine, same) = (relationships.engine().clone(), options.clone());
    tasks.spawn_graceful("relationships", End::StopProcess, move |stop| {
        fga_engine::server::serve(engine, grpc, same, stop)
    });
    let engine = relationships.engine().clone();
    tasks.spawn_graceful("relationships over http", End::StopProcess, move |stop| {
        fga_engine::server::serve_http(engine, http, options, stop)
    });
    Ok(Served { address, url, token })
}

async fn apply(root: &Client, parameters: &Parameters, phase: Phase) -> Result<(), MeshError> {
    apply_bootstrap(root, &steps_of(parameters, phase), |step, change| {
        tracing::debug!(workspace = step.workspace, kind = step.kind(), name = step.name(), %change, "bootstrap");
    })
    .await?;
    Ok(())
}
