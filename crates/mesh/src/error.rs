//! What keeps a mesh from starting or a command from working, each with the next step.

use std::path::PathBuf;

/// Why a mesh did not start, or a part of it ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeshError {
    /// The control plane did not start.
    #[error(transparent)]
    ControlPlane(#[from] kcp_embedded::StartError),
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] runtime::FileError),
    /// A kubeconfig could not be written or read.
    #[error(transparent)]
    Kubeconfig(#[from] runtime::KubeconfigError),
    /// A part that must not end did.
    #[error(transparent)]
    Ended(#[from] runtime::TaskFailure),
    /// The certificate authority of the mesh.
    #[error(transparent)]
    Certificate(#[from] runtime::AuthorityError),
    /// A certificate cannot be served.
    #[error(transparent)]
    Tls(#[from] runtime::TlsError),
    /// The issuer.
    #[error(transparent)]
    Issuer(#[from] identity_provider::IdentityError),
    /// The content of the mesh.
    #[error(transparent)]
    Bootstrap(#[from] crate::BootstrapError),
    /// An address cannot be listened on.
    #[error("address {address} cannot be listened on: {why}")]
    Listen {
        /// The address.
        address: String,
        /// What the system said.
        why: String,
    },
    /// The control plane refused a call of the mesh itself.
    #[error("{what} is refused: {why}")]
    Call {
        /// What was asked for.
        what: String,
        /// The server's words.
        why: String,
    },
    /// No running mesh writes into the folder.
    #[error("no mesh is known in `{folder}`: {why}")]
    NoMesh {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with its file.
        why: String,
    },
    /// A realm that the issuer does not have.
    #[error("the issuer has no realm `{0}`")]
    NoRealm(String),
    /// A realm without a client for kubectl.
    #[error("realm `{realm}` has no client `{client}`")]
    NoClient {
        /// The realm.
        realm: String,
        /// The client.
        client: String,
    },
    /// A login that did not end in tokens.
    #[error(transparent)]
    Login(#[from] identity_provider::LoginError),
    /// The relationship store refused, or does not answer.
    #[error(transparent)]
    Relationships(#[from] fga_client::RelationshipError),
    /// A workspace that is no account's.
    #[error("workspace `{path}` is no account's: {why}")]
    NoAccount {
        /// Path of the workspace.
        path: String,
        /// Why.
        why: String,
    },
    /// An account must keep an owner.
    #[error("`{user}` is the last owner of `{path}`")]
    LastOwner {
        /// The owner.
        user: String,
        /// Path of the account's workspace.
        path: String,
    },
    /// Nothing to take away.
    #[error("`{user}` is no {role} of `{path}`")]
    NotMember {
        /// Who.
        user: String,
        /// The role.
        role: &'static str,
        /// Path of the account's workspace.
        path: String,
    },
    /// The gRPC server of the relationship stores.
    #[error(transparent)]
    RelationshipServer(#[from] fga_engine::server::ServerError),
    /// A defect.
    #[error("the mesh contradicts itself: {0}")]
    Internal(String),
    /// A folder cannot be written.
    #[error("folder `{path}` cannot be written: {why}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
}

impl MeshError {
    /// A call that the control plane refused.
    pub(crate) fn call(what: String, error: kube::Error) -> Self {
        let why = match error {
            kube::Error::Api(status) => status.message.clone(),
            other => other.to_string(),
        };
        MeshError::Call { what, why }
    }

    /// The next step, as half a sentence.
    pub fn help(&self) -> String {
        match self {
            MeshError::ControlPlane(error) => error.help().to_owned(),
            MeshError::File(_) | MeshError::Folder { .. } => {
                "choose a folder that you may write with --kubeconfig-dir".to_owned()
            }
            MeshError::Kubeconfig(_) => "check that the path exists and holds a kubeconfig".to_owned(),
            MeshError::Listen { .. } => "take another port, or 0 for a free one".to_owned(),
            MeshError::NoMesh { .. } => {
                "start one with `platform-mesh up`, or name its folder with --mesh".to_owned()
            }
            MeshError::NoRealm(_) => {
                "`welcome` is for everybody; an organisation has a realm of its name once it is ready"
                    .to_owned()
            }
            MeshError::NoClient { .. } => "check the name of the realm, or wait until it is ready".to_owned(),
            MeshError::Login(_) => "check user, realm and password".to_owned(),
            MeshError::Relationships(_) => "check that the mesh runs".to_owned(),
            MeshError::NoAccount { .. } => {
                "write the workspace as `acme` or `acme:dev`, and wait until it is ready".to_owned()
            }
            MeshError::LastOwner { .. } => "make somebody else an owner first".to_owned(),
            MeshError::NotMember { .. } => "see who is with `platform-mesh members`".to_owned(),
            MeshError::RelationshipServer(_)
            | MeshError::Certificate(_)
            | MeshError::Tls(_)
            | MeshError::Issuer(_)
            | MeshError::Bootstrap(_)
            | MeshError::Call { .. }
            | MeshError::Internal(_) => "run again with --log-level debug, and please report it".to_owned(),
            MeshError::Ended(_) => "run again with --log-level debug and look at the last lines".to_owned(),
        }
    }
}
