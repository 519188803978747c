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
    /// The next step, as half a sentence.
    pub fn help(&self) -> String {
        match self {
            MeshError::ControlPlane(error) => error.help().to_owned(),
            MeshError::File(_) | MeshError::Folder { .. } => {
                "choose a folder that you may write with --kubeconfig-dir".to_owned()
            }
            MeshError::Kubeconfig(_) => "check that the path exists and holds a kubeconfig".to_owned(),
            MeshError::Ended(_) => "run again with --log-level debug and look at the last lines".to_owned(),
        }
    }
}
