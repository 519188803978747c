//! `platform-mesh up`: start, say what to type next, run until a signal.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Result;
use clap::Args;
use kcp_embedded::{
    Options,
    options::{Batteries, FeatureGates, OptionsError, WebhookOptions, parse_duration, parse_order},
};
use mesh::{Bare, BareOptions, DEVELOPMENT_PASSWORD, Mesh, MeshOptions, MeshPart, PEOPLE};
use runtime::{LogFormat, Stop, init_logging};

use crate::say::say;

/// Flags of `up`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The control plane alone, empty as `kcp start` leaves it.
    #[arg(long)]
    bare: bool,
    /// Port of the HTTPS listener; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Address of the HTTPS listener.
    #[arg(long, default_value = "127.0.0.1")]
    bind_address: IpAddr,
    /// Folder that gets the kubeconfig files.
    #[arg(long, default_value = ".platform-mesh")]
    kubeconfig_dir: PathBuf,
    /// Host name in all published URLs; the listener's address unless given.
    #[arg(long)]
    external_hostname: Option<String>,
    /// Parts that somebody else runs: account-operator, security-operator, webhook. What they need is written into the
    /// folder; `operators.env` says where.
    #[arg(long, value_delimiter = ',', value_name = "PART", conflicts_with = "bare")]
    without: Vec<MeshPart>,
    /// For ids, names and tokens that repeat from run to run. Secrets are then as secret as the number.
    #[arg(long)]
    seed: Option<u64>,
    /// Least level of the log: trace, debug, info, warn, error, or a filter.
    #[arg(long, default_value = "warn")]
    log_level: String,
    /// Form of the log on standard error: text or json.
    #[arg(long, default_value = "text")]
    log_format: String,
    /// Password of the people of this mesh, for development.
    #[arg(long, env = "PLATFORM_MESH_PASSWORD", default_value = DEVELOPMENT_PASSWORD, hide_env_values = true)]
    password: String,
    #[command(flatten)]
    kcp: KcpFlags,
}

/// Flags of `kcp start` that are understood with `--bare`.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --bare, as in kcp")]
struct KcpFlags {
    /// CSV file of static tokens: token,user,uid,"group1,group2".
    #[arg(long, requires = "bare")]
    token_auth_file: Option<PathBuf>,
    /// CA bundle for client certificates.
    #[arg(long, requires = "bare")]
    client_ca_file: Option<PathBuf>,
    /// Kubeconfig file of an authorization webhook.
    #[arg(long, requires = "bare")]
    authorization_webhook_config_file: Option<PathBuf>,
    /// Version of the webhook's SubjectAccessReview.
    #[arg(long, default_value = "v1")]
    authorization_webhook_version: String,
    /// How long grants of the webhook are kept.
    #[arg(long, default_value = "5m")]
    authorization_webhook_cache_authorized_ttl: String,
    /// How long refusals of the webhook are kept.
    #[arg(long, default_value = "30s")]
    authorization_webhook_cache_unauthorized_ttl: String,
    /// Order of the authorizers.
    #[arg(long, default_value = "AlwaysAllowGroups,AlwaysAllowPaths,RBAC,Webhook")]
    authorization_order: String,
    /// What root holds beyond the necessary: workspace-types, admin, user.
    #[arg(long, default_value = "workspace-types,admin")]
    batteries_included: String,
    /// Comma list of Gate=true|false.
    #[arg(long, default_value = "")]
    feature_gates: String,
}

/// Runs until SIGINT or SIGTERM.
pub async fn run(arguments: Arguments) -> Result<()> {
    let started = Instant::now();
    init_logging(&arguments.log_level, arguments.log_format.parse::<LogFormat>()?)?;
    // Signals count from the first moment on: a start that hangs can be ended too.
    let stop = Stop::new();
    let tasks = runtime::Tasks::new();
    tasks.spawn("signals", runtime::End::MayEnd, stop.clone().on_signals());
    if arguments.bare { bare(arguments, started, stop).await } else { whole(arguments, started, stop).await }
}

async fn whole(arguments: Arguments, started: Instant, stop: Stop) -> Result<()> {
    let usual = arguments.password == DEVELOPMENT_PASSWORD;
    let options = MeshOptions {
        bind: arguments.bind_address,
        port: arguments.port,
        external_hostname: arguments.external_hostname,
        folder: arguments.kubeconfig_dir.clone(),
        seed: arguments.seed,
        without: arguments.without.iter().copied().collect(),
        password: arguments.password,
    };
    let Some(mesh) = stop.or(Mesh::up(options)).await else { return Ok(()) };
    let mesh = mesh?;
    let folder = arguments.kubeconfig_dir.display();
    ready(started, mesh.url(), &folder.to_string())?;
    say(&next(&arguments.kubeconfig_dir, &arguments.without, usual))?;
    Ok(mesh.run_until(stop).await?)
}

/// What to type next.
fn next(folder: &Path, without: &[MeshPart], usual_password: bool) -> String {
    // As it was typed, so that the lines can be pasted: `cargo run` starts a path that no search path holds.
    let program = std::env::args().next().unwrap_or_else(|| "platform-mesh".to_owned());
    let at = folder.display();
    let mut text = String::from("next:\n");
    if !without.is_empty() {
        let parts: Vec<&str> = without.iter().map(|part| part.as_str()).collect();
        text.push_str(&format!("  . {at}/operators.env    # then start {}\n", parts.join(", ")));
    }
    text.push_str(&format!(
        "  {program} demo --mesh {at}\n  \
         {program} kubeconfig --mesh {at} --user alice --workspace root:orgs > alice.kubeconfig\n  \
         kubectl --kubeconfig alice.kubeconfig get accounts\n  \
         kubectl --kubeconfig {at}/admin.kubeconfig get workspaces\n\
         people: {}; password: {}\n",
        PEOPLE.join(", "),
        if usual_password { DEVELOPMENT_PASSWORD } else { "the one you chose" },
    ));
    text
}

async fn bare(arguments: Arguments, started: Instant, stop: Stop) -> Result<()> {
    let options = BareOptions {
        folder: arguments.kubeconfig_dir.clone(),
        kcp: kcp_options(&arguments)?,
        seed: arguments.seed,
    };
    let Some(bare) = stop.or(Bare::up(options)).await else { return Ok(()) };
    let bare = bare?;
    let folder = arguments.kubeconfig_dir.display();
    ready(started, bare.server().url(), &folder.to_string())?;
    let kubeconfig = arguments.kubeconfig_dir.join("admin.kubeconfig");
    say(&format!(
        "next:\n  export KUBECONFIG={}\n  kubectl get workspaces\n  kubectl --context base api-resources\n",
        kubeconfig.display()
    ))?;
    Ok(bare.run_until(stop).await?)
}

fn kcp_options(arguments: &Arguments) -> Result<Options, OptionsError> {
    let flags = &arguments.kcp;
    let webhook = match &flags.authorization_webhook_config_file {
        None => None,
        Some(_) if flags.authorization_webhook_version != "v1" => {
            return Err(OptionsError::WebhookVersion(flags.authorization_webhook_version.clone()));
        }
        Some(config_file) => Some(WebhookOptions {
            config_file: config_file.clone(),
            ttls: kcp_embedded::authorization::webhook::CacheTtls {
                allowed: parse_duration(&flags.authorization_webhook_cache_authorized_ttl)?,
                denied: parse_duration(&flags.authorization_webhook_cache_unauthorized_ttl)?,
            },
        }),
    };
    Ok(Options {
        listen: Some((arguments.bind_address, arguments.port)),
        external_hostname: arguments.external_hostname.clone(),
        client_ca_file: flags.client_ca_file.clone(),
        token_auth_file: flags.token_auth_file.clone(),
        webhook,
        authorization_order: parse_order(&flags.authorization_order)?,
        gates: FeatureGates::parse(&flags.feature_gates)?,
        batteries: Batteries::parse(&flags.batteries_included)?,
        ..Options::default()
    })
}

/// The line that programs wait for.
fn ready(started: Instant, url: &str, folder: &str) -> Result<()> {
    say(&format!("ready in {:.3} s  {url}  {folder}\n", started.elapsed().as_secs_f64()))
}
