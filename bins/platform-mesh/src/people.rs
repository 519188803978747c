//! `token`, `kubeconfig`, `grant`, `revoke`, `members`: people of a running mesh.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use mesh::{Members, Reach, Role, full_path, mail_address};
use runtime::{Credential, Kubeconfig};
use serde_json::json;

use crate::say::say;

/// The folder of a running mesh.
#[derive(Debug, Args)]
pub struct Folder {
    /// Folder of the running mesh.
    #[arg(long, default_value = ".platform-mesh", env = "PLATFORM_MESH")]
    mesh: PathBuf,
}

/// Flags of `token`.
#[derive(Debug, Args)]
pub struct TokenArguments {
    #[command(flatten)]
    folder: Folder,
    /// Who: a mail address, or the part before the @ of one of the people of this mesh.
    #[arg(long)]
    user: String,
    /// The realm: `welcome`, or an organisation.
    #[arg(long)]
    realm: String,
    /// Password; that of the mesh's people unless given.
    #[arg(long, env = "PLATFORM_MESH_USER_PASSWORD", hide_env_values = true)]
    password: Option<String>,
}

/// Prints an ExecCredential.
pub async fn token(arguments: TokenArguments) -> Result<()> {
    let reach = Reach::to(&arguments.folder.mesh).await?;
    let password = arguments.password.unwrap_or_else(|| reach.file().password.clone());
    let tokens = reach.login(&arguments.user, &arguments.realm, &password).await?;
    let mut status = json!({"token": tokens.id_token});
    if let Some(until) = expiry(tokens.expires_in) {
        status["expirationTimestamp"] = until.into();
    }
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": status,
    });
    say(&format!("{credential}\n"))
}

/// When kubectl should ask again: a little before the token's end.
fn expiry(seconds: i64) -> Option<String> {
    let now = runtime::Clock::system().now_seconds().as_second();
    let until = now.checked_add(seconds.saturating_sub(10).max(1))?;
    jiff::Timestamp::from_second(until).ok().map(|time| time.to_string())
}

/// Flags of `kubeconfig`.
#[derive(Debug, Args)]
pub struct KubeconfigArguments {
    #[command(flatten)]
    folder: Folder,
    /// Who logs in.
    #[arg(long)]
    user: String,
    /// Path of the workspace: `root:orgs`, `acme`, `acme:dev`.
    #[arg(long)]
    workspace: String,
}

/// Prints a kubeconfig that logs in by `token`.
pub async fn kubeconfig(arguments: KubeconfigArguments) -> Result<()> {
    let reach = Reach::to(&arguments.folder.mesh).await?;
    let path = full_path(&arguments.workspace);
    let realm = match path.strip_prefix("root:orgs") {
        Some("") => "welcome",
        Some(below) => below.trim_start_matches(':').split(':').next().unwrap_or_default(),
        None => bail!("nobody logs in at workspace `{path}`; name `root:orgs` or a workspace below it"),
    };
    let program = std::env::current_exe()?;
    let folder = std::path::absolute(&arguments.folder.mesh)?;
    let args = ["token", "--mesh", &folder.to_string_lossy(), "--user", &arguments.user, "--realm", realm];
    let credential = Credential::Exec {
        command: program.to_string_lossy().into_owned(),
        args: args.map(str::to_owned).to_vec(),
    };
    let file = reach.file();
    let server = format!("{}/clusters/{path}", file.url);
    say(&Kubeconfig::single(&path, &server, Some(&file.ca), &credential).to_yaml()?)
}

/// Flags of `grant` and `revoke`.
#[derive(Debug, Args)]
pub struct RoleArguments {
    #[command(flatten)]
    folder: Folder,
    /// Who.
    user: String,
    /// owner or member.
    role: Role,
    /// The account's workspace: `acme`, `acme:dev`.
    workspace: String,
}

/// Gives somebody a role.
pub async fn grant(arguments: RoleArguments) -> Result<()> {
    let reach = Reach::to(&arguments.folder.mesh).await?;
    Members::of(&reach, &arguments.workspace).await?.grant(&arguments.user, arguments.role).await?;
    say(&sentence(&arguments, "is now"))
}

/// Takes a role away.
pub async fn revoke(arguments: RoleArguments) -> Result<()> {
    let reach = Reach::to(&arguments.folder.mesh).await?;
    Members::of(&reach, &arguments.workspace).await?.revoke(&arguments.user, arguments.role).await?;
    say(&sentence(&arguments, "is no longer"))
}

fn sentence(arguments: &RoleArguments, verb: &str) -> String {
    let (user, path) = (mail_address(&arguments.user), full_path(&arguments.workspace));
    format!("{user} {verb} {} of {path}\n", arguments.role)
}

/// Flags of `members`.
#[derive(Debug, Args)]
pub struct MembersArguments {
    #[command(flatten)]
    folder: Folder,
    /// The account's workspace: `acme`, `acme:dev`.
    workspace: String,
}

/// Prints who has a role.
pub async fn members(arguments: MembersArguments) -> Result<()> {
    let reach = Reach::to(&arguments.folder.mesh).await?;
    let mut text = String::new();
    for member in Members::of(&reach, &arguments.workspace).await?.list().await? {
        text.push_str(&format!("{}\t{}\n", member.role, member.user));
    }
    say(&text)
}
