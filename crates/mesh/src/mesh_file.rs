//! `mesh.json`: what commands of other processes need to reach a running mesh. Readable by its owner only.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::MeshError;

/// Name of the file in the folder of a mesh.
pub const MESH_FILE: &str = "mesh.json";

/// Addresses and secrets of a running mesh.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeshFile {
    /// Base URL of the control plane, without a slash at the end.
    pub url: String,
    /// What clients trust, PEM.
    pub ca: String,
    /// Base URL of the issuer; realms lie below it.
    pub issuer: String,
    /// Client that administers the issuer.
    pub issuer_client: String,
    /// Its secret.
    pub issuer_secret: String,
    /// gRPC address of the relationship stores, `host:port`.
    pub relationships: String,
    /// URL of their HTTP API, for OpenFGA's SDKs and command line.
    #[serde(default)]
    pub relationships_url: String,
    /// Bearer token for both; none where operators run outside, who send none.
    pub relationships_token: Option<String>,
    /// Token of the mesh's operator: reads decisions, keeps providers.
    pub operator_token: String,
    /// Password of the people of this mesh.
    pub password: String,
}

impl MeshFile {
    /// Reads the file in the folder of a running mesh.
    ///
    /// # Errors
    /// [`MeshError::NoMesh`] if there is none or it does not read.
    pub async fn read(folder: &Path) -> Result<Self, MeshError> {
        let path = place(folder);
        let refused = |why: String| MeshError::NoMesh { folder: folder.to_owned(), why };
        let text = tokio::fs::read(&path).await.map_err(|error| refused(error.to_string()))?;
        serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))
    }

    pub(crate) async fn write(&self, folder: &Path) -> Result<(), MeshError> {
        let text =
            serde_json::to_string_pretty(self).map_err(|error| MeshError::Internal(error.to_string()))?;
        Ok(runtime::write_private(&place(folder), text).await?)
    }
}

fn place(folder: &Path) -> PathBuf {
    folder.join(MESH_FILE)
}
