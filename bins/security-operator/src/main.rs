//! The security-operator as a process: flags to options, signals to a stop, errors to one sentence and a next step.

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::Parser;
use fga_client::{OpenFga, OpenFgaOptions};
use identity_provider::HttpsTransport;
use runtime::{LogFormat, Stop, init_logging, install_crypto};
use security_controller::{BootstrapConfig, Mode, Options, init_container, serve};

#[derive(Parser)]
#[command(
    name = "security-operator",
    version,
    about = "Stores, models, tuples, realms and invites of organisations"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Stores, models, invites; organisations and accounts that are ready.
    Fga(Box<Options>),
    /// Realms, clients, export policies.
    System(Box<Options>),
    /// One module for each bound resource.
    ModelGenerator(Box<Options>),
    /// New workspaces.
    Initializer(Box<Options>),
    /// Workspaces that go.
    Terminator(Box<Options>),
    /// Makes the first clients of an identity provider, once.
    InitContainer {
        /// What to make.
        #[arg(long, default_value = "/config/config.yaml")]
        config_file: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Fga(options) => mode(Mode::Fga, *options).await,
        Command::System(options) => mode(Mode::System, *options).await,
        Command::ModelGenerator(options) => mode(Mode::ModelGenerator, *options).await,
        Command::Initializer(options) => mode(Mode::Initializer, *options).await,
        Command::Terminator(options) => mode(Mode::Terminator, *options).await,
        Command::InitContainer { config_file } => first_clients(config_file).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("security-operator: {error:#}");
            if let Some(help) = error.downcast_ref::<security_controller::RunError>().and_then(|e| e.help()) {
                eprintln!("  help: {help}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn mode(mode: Mode, options: Options) -> anyhow::Result<()> {
    let format = if options.no_json { LogFormat::Text } else { LogFormat::Json };
    init_logging(&options.log_level, format)?;
    install_crypto();
    let store = OpenFga::new(OpenFgaOptions::plain(&options.fga_target))
        .with_context(|| format!("OpenFGA at `{}`", options.fga_target))?;
    let secret = std::env::var("KEYCLOAK_CLIENT_SECRET").unwrap_or_default();
    let stop = Stop::new();
    let serving = async {
        let outcome = serve(mode, options, Arc::new(store), &secret, stop.clone()).await;
        stop.stop();
        outcome
    };
    let (outcome, signals) = tokio::join!(serving, stop.clone().on_signals());
    signals.context("signals cannot be received")?;
    Ok(outcome?)
}

async fn first_clients(config_file: PathBuf) -> anyhow::Result<()> {
    init_logging("info", LogFormat::Text)?;
    install_crypto();
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).with_context(|| format!("file `{}` cannot be read", path.display()))
    };
    let config = BootstrapConfig::parse(&read(&config_file)?)?;
    let password = read(&config.password_file)?;
    let transport = HttpsTransport::new(Duration::from_secs(30), None).map_err(anyhow::Error::msg)?;
    let runtime = kube::Client::try_default().await.context("the runtime cluster cannot be reached")?;
    init_container(&config, &password, Arc::new(transport), &runtime).await?;
    Ok(())
}
