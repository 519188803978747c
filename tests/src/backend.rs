//! Which control plane a scenario of providers runs against: one in this process, or a kcp that runs elsewhere.

use std::path::PathBuf;

use kube::{
    Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::Plane;

/// A control plane with an administrator.
pub struct ControlPlane {
    kubeconfig: PathBuf,
    /// None where it runs elsewhere.
    here: Option<Plane>,
}

impl ControlPlane {
    /// The one that `MESH_BACKEND` asks for: `embedded` (without a word) is started here, `real` is the kcp whose administrator's kubeconfig
    /// `MESH_KCP_KUBECONFIG` names.
    ///
    /// # Panics
    /// Where `real` is asked for and no kubeconfig is named.
    pub async fn start() -> Self {
        match std::env::var("MESH_BACKEND").as_deref() {
            Ok("real") => {
                let kubeconfig = std::env::var_os("MESH_KCP_KUBECONFIG");
                let kubeconfig = kubeconfig.expect(
                    "MESH_KCP_KUBECONFIG names a kubeconfig; `cargo xtask backends up kcp` prints one",
                );
                Self { kubeconfig: kubeconfig.into(), here: None }
            }
            Ok("embedded" | "") | Err(_) => {
                let plane = Plane::start().await;
                Self { kubeconfig: plane.kubeconfig(), here: Some(plane) }
            }
            Ok(other) => panic!("MESH_BACKEND is `{other}`; it may be `embedded` or `real`"),
        }
    }

    /// [`start`](Self::start), and its administrator in workspace `root`.
    pub async fn with_admin() -> (Self, Config) {
        let plane = Self::start().await;
        let admin = plane.admin().await;
        (plane, admin)
    }

    /// Whether it is a kcp that runs elsewhere.
    pub fn is_real(&self) -> bool {
        self.here.is_none()
    }

    /// The administrator in workspace `root`.
    pub async fn admin(&self) -> Config {
        self.config("root").await
    }

    /// The administrator of the shard, at its root.
    pub async fn shard_admin(&self) -> Config {
        self.config("shard-base").await
    }

    async fn config(&self, context: &str) -> Config {
        runtime::install_crypto();
        let file = Kubeconfig::read_from(&self.kubeconfig).unwrap();
        let options = KubeConfigOptions { context: Some(context.to_owned()), ..Default::default() };
        Config::from_custom_kubeconfig(file, &options).await.unwrap()
    }
}
