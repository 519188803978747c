//! The control plane alone, empty as `kcp start` leaves it: a stand-in for kcp in other people's tests.

use std::path::{Path, PathBuf};

use kcp_embedded::{KcpServer, Options, Parts, RunningServer};
use runtime::{Seed, Stop};

use crate::MeshError;

/// What a bare control plane is started with.
#[derive(Clone, Debug)]
pub struct BareOptions {
    /// Folder that gets `admin.kubeconfig`; made if it is not there.
    pub folder: PathBuf,
    /// The control plane's own options; the kubeconfig lies in `folder` unless they say where.
    pub kcp: Options,
    /// For ids and tokens that repeat; nothing: the system's entropy.
    pub seed: Option<u64>,
}

/// A running control plane.
pub struct Bare {
    server: RunningServer,
}

impl Bare {
    /// Starts it: ready, and `admin.kubeconfig` written, when this returns.
    ///
    /// # Errors
    /// [`MeshError`]: the folder, the port, a file of the options.
    pub async fn up(mut options: BareOptions) -> Result<Self, MeshError> {
        writable(&options.folder).await?;
        options.kcp.kubeconfig_path.get_or_insert_with(|| options.folder.join("admin.kubeconfig"));
        let seed = options.seed.map(Seed::from);
        let server = KcpServer::start(options.kcp, Parts { seed, ..Parts::default() }).await?;
        Ok(Self { server })
    }

    /// The control plane.
    pub fn server(&self) -> &RunningServer {
        &self.server
    }

    /// Runs until `stop`, then ends everything.
    ///
    /// # Errors
    /// The part that ended by itself.
    pub async fn run_until(&self, stop: Stop) -> Result<(), MeshError> {
        Ok(self.server.run_until(stop).await?)
    }
}

/// Makes the folder and finds out early that nothing can be written there.
pub(crate) async fn writable(folder: &Path) -> Result<(), MeshError> {
    let refused =
        |error: std::io::Error| MeshError::Folder { path: folder.to_owned(), why: error.to_string() };
    tokio::fs::create_dir_all(folder).await.map_err(refused)?;
    let probe = folder.join(format!(".probe.{}", std::process::id()));
    tokio::fs::write(&probe, b"").await.map_err(refused)?;
    tokio::fs::remove_file(&probe).await.map_err(refused)
}
