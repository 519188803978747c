//! `admin.kubeconfig`: contexts `root`, `base`, `system:admin` and `shard-base`, users by token.

use runtime::{Credential, Ids, Kubeconfig};

/// Tokens of the administrators, made at start.
#[derive(Clone, Debug)]
pub struct AdminTokens {
    /// User `kcp-admin`, group `system:kcp:admin`.
    pub kcp_admin: String,
    /// User `shard-admin`, group `system:masters`.
    pub shard_admin: String,
    /// User `user`, without groups.
    pub user: String,
}

impl AdminTokens {
    /// Fresh tokens.
    pub fn generate(ids: &Ids) -> Self {
        Self { kcp_admin: ids.token(32), shard_admin: ids.token(32), user: ids.token(32) }
    }
}

/// The file for a server at `url`.
pub fn admin_kubeconfig(
    url: &str,
    ca_pem: Option<&str>,
    tokens: &AdminTokens,
    with_user: bool,
) -> Kubeconfig {
    let root = format!("{url}/clusters/root");
    let mut file = Kubeconfig::new()
        .cluster("root", &root, ca_pem)
        .cluster("base", url, ca_pem)
        .cluster("system:admin", &format!("{url}/clusters/system:admin"), ca_pem)
        .user("kcp-admin", &Credential::Token(tokens.kcp_admin.clone()))
        .user("shard-admin", &Credential::Token(tokens.shard_admin.clone()))
        .context("root", "root", "kcp-admin")
        .context("base", "base", "kcp-admin")
        .context("system:admin", "system:admin", "shard-admin")
        .context("shard-base", "base", "shard-admin")
        .current("root");
    if with_user {
        file = file.user("user", &Credential::Token(tokens.user.clone())).context("user", "root", "user");
    }
    file
}
