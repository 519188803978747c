//! Kubeconfig files: build, write, read.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{FileError, Identity, files::write_private};

/// Why a kubeconfig was not written or read.
#[derive(Debug, thiserror::Error)]
pub enum KubeconfigError {
    /// The file could not be written.
    #[error(transparent)]
    Write(#[from] FileError),
    /// The file could not be read.
    #[error("kubeconfig `{path}` does not read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The content is no kubeconfig.
    #[error("kubeconfig `{path}` is not valid: {why}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// The parser's words.
        why: String,
    },
    /// The value could not be turned into YAML.
    #[error("kubeconfig cannot be written as YAML: {0}")]
    Yaml(String),
}

/// How a user of a kubeconfig proves who it is.
#[derive(Clone, Debug)]
pub enum Credential {
    /// No credential: the anonymous user.
    Anonymous,
    /// A bearer token.
    Token(String),
    /// A client certificate.
    Certificate(Identity),
    /// An ExecCredential plugin that prints a token.
    Exec {
        /// The program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Named {
    name: String,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// A kubeconfig file. Fields that this type does not know survive reading and writing.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Kubeconfig {
    #[serde(rename = "apiVersion", default = "v1")]
    api_version: String,
    #[serde(default = "config")]
    kind: String,
    #[serde(default)]
    clusters: Vec<Named>,
    #[serde(default)]
    users: Vec<Named>,
    #[serde(default)]
    contexts: Vec<Named>,
    #[serde(default)]
    current_context: String,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

fn v1() -> String {
    "v1".into()
}

fn config() -> String {
    "Config".into()
}

impl Default for Kubeconfig {
    fn default() -> Self {
        Kubeconfig {
            api_version: v1(),
            kind: config(),
            clusters: Vec::new(),
            users: Vec::new(),
            contexts: Vec::new(),
            current_context: String::new(),
            rest: Map::new(),
        }
    }
}

impl Kubeconfig {
    /// A file without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// The usual file: one server, one user, one context, all with one name.
    pub fn single(name: &str, server: &str, authority_pem: Option<&str>, credential: &Credential) -> Self {
        Kubeconfig::new()
            .cluster(name, server, authority_pem)
            .user(name, credential)
            .context(name, name, name)
            .current(name)
    }

    /// Adds or replaces a cluster; without an authority the system's roots count.
    #[must_use]
    pub fn cluster(mut self, name: &str, server: &str, authority_pem: Option<&str>) -> Self {
        let mut cluster = json!({ "server": server });
        if let Some(pem) = authority_pem {
            cluster["certificate-authority-data"] = STANDARD.encode(pem).into();
        }
        put(&mut self.clusters, name, "cluster", cluster);
        self
    }

    /// Adds or replaces a user.
    #[must_use]
    pub fn user(mut self, name: &str, credential: &Credential) -> Self {
        let user = match credential {
            Credential::Anonymous => json!({}),
            Credential::Token(token) => json!({ "token": token }),
            Credential::Certificate(identity) => json!({
                "client-certificate-data": STANDARD.encode(&identity.certificate_pem),
                "client-key-data": STANDARD.encode(&identity.key_pem),
            }),
            Credential::Exec { command, args } => json!({ "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": command,
                "args": args,
                "interactiveMode": "IfAvailable",
                "provideClusterInfo": true,
            }}),
        };
        put(&mut self.users, name, "user", user);
        self
    }

    /// Adds or replaces a context.
    #[must_use]
    pub fn context(mut self, name: &str, cluster: &str, user: &str) -> Self {
        put(&mut self.contexts, name, "context", json!({ "cluster": cluster, "user": user }));
        self
    }

    /// Chooses the context that counts without `--context`.
    #[must_use]
    pub fn current(mut self, context: &str) -> Self {
        context.clone_into(&mut self.current_context);
        self
    }

    /// The name of the context that counts.
    pub fn current_context(&self) -> &str {
        &self.current_context
    }

    /// The server URL of a context, or of the current one.
    pub fn server(&self, context: Option<&str>) -> Option<&str> {
        let context = find(&self.contexts, context.unwrap_or(&self.current_context))?;
        let cluster = context.rest.get("context")?.get("cluster")?.as_str()?;
        find(&self.clusters, cluster)?.rest.get("cluster")?.get("server")?.as_str()
    }

    /// The file's text.
    pub fn to_yaml(&self) -> Result<String, KubeconfigError> {
        serde_saphyr::to_string(self).map_err(|error| KubeconfigError::Yaml(error.to_string()))
    }

    /// Writes the file by rename, readable by its owner only.
    pub async fn write(&self, path: &Path) -> Result<(), KubeconfigError> {
        Ok(write_private(path, self.to_yaml()?).await?)
    }

    /// Reads a file.
    pub async fn read(path: &Path) -> Result<Self, KubeconfigError> {
        let text = tokio::fs::read_to_string(path)
            .await
            .map_err(|source| KubeconfigError::Read { path: path.to_owned(), source })?;
        serde_saphyr::from_str(&text)
            .map_err(|error| KubeconfigError::Parse { path: path.to_owned(), why: error.to_string() })
    }
}

fn put(list: &mut Vec<Named>, name: &str, key: &str, value: Value) {
    let rest = Map::from_iter([(key.to_owned(), value)]);
    match list.iter_mut().find(|named| named.name == name) {
        Some(named) => named.rest = rest,
        None => list.push(Named { name: name.to_owned(), rest }),
    }
}

fn find<'a>(list: &'a [Named], name: &str) -> Option<&'a Named> {
    list.iter().find(|named| named.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_written_kubeconfig_reads_back_with_its_contexts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.kubeconfig");
        let file = Kubeconfig::single(
            "root",
            "https://127.0.0.1:1/clusters/root",
            Some("PEM"),
            &Credential::Token("t".into()),
        )
        .cluster("base", "https://127.0.0.1:1", None)
        .context("base", "base", "root");
        file.write(&path).await.unwrap();
        let read = Kubeconfig::read(&path).await.unwrap();
        assert_eq!(read.current_context(), "root");
        assert_eq!(read.server(None), Some("https://127.0.0.1:1/clusters/root"));
        assert_eq!(read.server(Some("base")), Some("https://127.0.0.1:1"));
        assert_eq!(read.server(Some("none")), None);
    }

    #[tokio::test]
    async fn fields_of_others_survive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        std::fs::write(&path, "apiVersion: v1\nkind: Config\npreferences: {colors: true}\nclusters: []\nusers: []\ncontexts: []\ncurrent-context: ''\n").unwrap();
        let read = Kubeconfig::read(&path).await.unwrap();
        assert!(read.to_yaml().unwrap().contains("colors: true"));
        std::fs::write(&path, "clusters: 3").unwrap();
        assert!(matches!(Kubeconfig::read(&path).await, Err(KubeconfigError::Parse { .. })));
    }
}
