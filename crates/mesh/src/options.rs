//! What a mesh is started with: plain values.

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    str::FromStr,
};

/// Password of the people of a development mesh unless another one is chosen.
pub const DEVELOPMENT_PASSWORD: &str = "password";
/// People that realm `welcome` knows from the start.
pub const PEOPLE: [&str; 2] = ["alice@example.org", "bob@example.org"];

/// A part that can run as a process of its own instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MeshPart {
    /// Accounts to workspaces.
    AccountOperator,
    /// Stores, models, tuples, realms.
    SecurityOperator,
    /// Authorization by relationships.
    Webhook,
}

impl MeshPart {
    /// All parts, in the order in which they start.
    pub const ALL: [MeshPart; 3] = [MeshPart::AccountOperator, MeshPart::SecurityOperator, MeshPart::Webhook];

    /// Name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            MeshPart::AccountOperator => "account-operator",
            MeshPart::SecurityOperator => "security-operator",
            MeshPart::Webhook => "webhook",
        }
    }
}

impl fmt::Display for MeshPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that no part has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("part `{0}` is not known: `account-operator`, `security-operator` and `webhook` are")]
pub struct UnknownPart(pub String);

impl FromStr for MeshPart {
    type Err = UnknownPart;

    fn from_str(text: &str) -> Result<Self, UnknownPart> {
        let found = MeshPart::ALL.into_iter().find(|part| part.as_str() == text.trim());
        found.ok_or_else(|| UnknownPart(text.to_owned()))
    }
}

/// What a mesh is started with.
#[derive(Clone, Debug)]
pub struct MeshOptions {
    /// Address of the HTTPS listener.
    pub bind: IpAddr,
    /// Its port; 0 takes a free one.
    pub port: u16,
    /// Host in all published URLs; the listener's address unless given.
    pub external_hostname: Option<String>,
    /// Folder that gets kubeconfigs and `mesh.json`; made if it is not there.
    pub folder: PathBuf,
    /// For ids, names and tokens that repeat; nothing: the system's entropy.
    pub seed: Option<u64>,
    /// Parts that somebody else runs.
    pub without: BTreeSet<MeshPart>,
    /// Password of [`PEOPLE`]; fit for development only.
    pub password: String,
}

impl MeshOptions {
    /// Everything in this process, on a free port of loopback.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            external_hostname: None,
            folder: folder.into(),
            seed: None,
            without: BTreeSet::new(),
            password: DEVELOPMENT_PASSWORD.to_owned(),
        }
    }

    /// Whether a part runs in this process.
    pub fn runs(&self, part: MeshPart) -> bool {
        !self.without.contains(&part)
    }
}
