//! A running mesh from outside: its public addresses only, with the credentials of the folder it writes.

use std::{path::Path, sync::Arc, time::Duration};

use fga_client::{OpenFga, OpenFgaOptions, RelationshipStore};
use identity_provider::{HttpsTransport, IdentityError, IdentityProvider as _, Keycloak, Login, Tokens};
use kube::{Client, Config, config::KubeConfigOptions};
use platform_mesh_api::names;
use runtime::{Credential, Ids, Kubeconfig};

use crate::{MeshError, MeshFile};

/// Domain of the people of a development mesh.
const PEOPLE_DOMAIN: &str = "example.org";
/// Deadline of one call.
const DEADLINE: Duration = Duration::from_secs(10);

/// A way to a running mesh.
#[derive(Clone)]
pub struct Reach {
    file: MeshFile,
    transport: Arc<HttpsTransport>,
}

impl Reach {
    /// To the mesh that writes into this folder.
    ///
    /// # Errors
    /// [`MeshError::NoMesh`] if none does.
    pub async fn to(folder: &Path) -> Result<Self, MeshError> {
        runtime::install_crypto();
        Self::by(MeshFile::read(folder).await?)
    }

    /// By its addresses.
    ///
    /// # Errors
    /// If its certificate authority is not PEM.
    pub fn by(file: MeshFile) -> Result<Self, MeshError> {
        let transport = HttpsTransport::new(DEADLINE, Some(&file.ca)).map_err(MeshError::Internal)?;
        Ok(Self { file, transport: Arc::new(transport) })
    }

    /// Addresses and secrets.
    pub fn file(&self) -> &MeshFile {
        &self.file
    }

    /// A client at the server's root, or at a workspace, with a bearer token.
    ///
    /// # Errors
    /// A token that no header may carry.
    pub async fn client(&self, token: &str, workspace: Option<&str>) -> Result<Client, MeshError> {
        let server = match workspace {
            Some(workspace) => format!("{}/clusters/{workspace}", self.file.url),
            None => self.file.url.clone(),
        };
        let file =
            Kubeconfig::single("mesh", &server, Some(&self.file.ca), &Credential::Token(token.to_owned()));
        let config = self.config(&file).await?;
        Client::try_from(config).map_err(|error| MeshError::call(format!("a client for `{server}`"), error))
    }

    /// The same as a configuration, to dial with.
    ///
    /// # Errors
    /// As [`Reach::client`].
    pub async fn config(&self, file: &Kubeconfig) -> Result<Config, MeshError> {
        let invalid = |error: kube::config::KubeconfigError| MeshError::Internal(error.to_string());
        let file = kube::config::Kubeconfig::from_yaml(&file.to_yaml()?).map_err(invalid)?;
        let mut config =
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.map_err(invalid)?;
        // Watches may be silent for minutes.
        config.read_timeout = None;
        Ok(config)
    }

    /// Logs a person in at a realm, as kubectl would.
    ///
    /// # Errors
    /// A realm without a client for kubectl, or a login that the issuer refused.
    pub async fn login(&self, user: &str, realm: &str, password: &str) -> Result<Tokens, MeshError> {
        let (client, redirect) = if realm == names::WELCOME_REALM {
            ("welcome-kubectl", "http://localhost:8000/")
        } else {
            (names::KUBECTL_CLIENT, "http://localhost:8000")
        };
        let login = Login {
            issuer: format!("{}/realms/{realm}", self.file.issuer),
            client_id: self.client_id(realm, client).await?,
            client_secret: None,
            redirect_uri: redirect.to_owned(),
            username: mail_address(user),
            password: password.to_owned(),
            new_password: Some(self.file.password.clone()),
        };
        Ok(login.run(self.transport.as_ref(), &Ids::random()).await?)
    }

    /// The id of a client, which the issuer chose.
    async fn client_id(&self, realm: &str, name: &str) -> Result<String, MeshError> {
        let clients = self.realms().clients(realm).await.map_err(|error| match error {
            IdentityError::Status { status: 404, .. } => MeshError::NoRealm(realm.to_owned()),
            other => other.into(),
        })?;
        let found = clients.into_iter().find(|client| client.name.as_deref() == Some(name));
        found
            .map(|client| client.client_id)
            .ok_or_else(|| MeshError::NoClient { realm: realm.to_owned(), client: name.to_owned() })
    }

    /// The issuer's administration.
    pub fn realms(&self) -> Keycloak {
        let file = &self.file;
        Keycloak::new(&file.issuer, &file.issuer_client, &file.issuer_secret, self.transport.clone())
    }

    /// The relationship stores.
    ///
    /// # Errors
    /// An address that is none.
    pub fn relationships(&self) -> Result<Arc<dyn RelationshipStore>, MeshError> {
        let options = OpenFgaOptions {
            token: self.file.relationships_token.clone(),
            ..OpenFgaOptions::plain(&self.file.relationships)
        };
        Ok(Arc::new(OpenFga::new(options)?))
    }

    /// A client with the operator's rights.
    ///
    /// # Errors
    /// As [`Reach::client`].
    pub async fn operator(&self, workspace: Option<&str>) -> Result<Client, MeshError> {
        self.client(&self.file.operator_token, workspace).await
    }
}

/// `alice` is `alice@example.org`; a full address is itself.
pub fn mail_address(user: &str) -> String {
    if user.contains('@') { user.to_owned() } else { format!("{user}@{PEOPLE_DOMAIN}") }
}
