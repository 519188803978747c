//! The operator as a process: connections from kubeconfigs, certificates from files, health and metrics on their ports.

use std::{path::Path, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::{Client, Config};
use multicluster_kcp::{ApiExport, Connection, config_of};
use runtime::{Clock, End, Ids, Metrics, Ops, ServerTls, Stop, Tasks, TlsFiles, install_crypto, serve_ops};
use tokio::net::TcpListener;

use crate::{
    error::RunError,
    options::{Options, bind_address},
    run::{Parts, WebhookServer, run},
};

/// How often certificate files are compared with what is served.
const RELOAD: Duration = Duration::from_secs(10);

/// Runs the operator as a process of its own, until `stop`.
///
/// # Errors
/// What keeps it from starting, in words, or the part that ended.
///
/// # Cancellation
/// As [`run`].
pub async fn serve(options: Options, stop: Stop) -> Result<(), RunError> {
    install_crypto();
    let config = kcp_config(&options).await?;
    let ca = pem(config.root_cert.as_deref().unwrap_or_default());
    let connection = Connection::from_config(config).map_err(|error| refused("kcp", &error))?;
    let runtime = if options.leader_elect { Some(runtime_client(&options).await?) } else { None };
    let ops = Ops::new(Metrics::new());
    let tasks = Tasks::new();
    let mut addresses =
        vec![bind_address(&options.metrics_bind_address)?, bind_address(&options.health_probe_bind_address)?];
    addresses.dedup();
    for address in addresses.into_iter().flatten() {
        let listener = listen(&address.to_string()).await?;
        let ops = ops.clone();
        tasks.spawn_graceful("health and metrics", End::StopProcess, move |stop| {
            serve_ops(listener, ops, stop)
        });
    }
    let webhook = if options.webhooks_enabled { Some(webhook(&options, &tasks).await?) } else { None };
    let provider = ApiExport::new(connection, options.kcp_api_export_endpoint_slice_name.as_str());
    let parts = Parts {
        provider: Arc::new(provider),
        ca,
        runtime,
        webhook,
        clock: Clock::system(),
        ids: Ids::random(),
        ops,
    };
    let result = tokio::select! {
        ended = run(options, parts, stop) => ended,
        failure = tasks.failed() => Err(failure.into()),
    };
    tasks.shutdown().await;
    result
}

/// The flag first, then what kube looks for by itself.
async fn kcp_config(options: &Options) -> Result<Config, RunError> {
    if options.kubeconfig.is_empty() {
        return Config::infer().await.map_err(|error| refused("kcp", &error));
    }
    config_of(Path::new(&options.kubeconfig), None).await.map_err(|error| refused("kcp", &error))
}

async fn runtime_client(options: &Options) -> Result<Client, RunError> {
    let config = if options.runtime_kubeconfig.is_empty() {
        Config::incluster().map_err(|error| RunError::NoRuntimeCluster(error.to_string()))?
    } else {
        config_of(Path::new(&options.runtime_kubeconfig), None)
            .await
            .map_err(|error| refused("the runtime cluster", &error))?
    };
    Client::try_from(config).map_err(|error| refused("the runtime cluster", &error))
}

async fn webhook(options: &Options, tasks: &Tasks) -> Result<WebhookServer, RunError> {
    let files = TlsFiles {
        certificate: options.webhooks_cert_dir.join("tls.crt"),
        key: options.webhooks_cert_dir.join("tls.key"),
        client_authorities: None,
    };
    let tls = ServerTls::from_files(&files).await?;
    let followed = tls.clone();
    tasks.spawn_graceful("admission certificate", End::MayEnd, move |stop| {
        followed.follow(files, RELOAD, stop)
    });
    let listener = listen(&format!("0.0.0.0:{}", options.webhooks_port)).await?;
    Ok(WebhookServer { listener, tls })
}

async fn listen(address: &str) -> Result<TcpListener, RunError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| RunError::Listen { address: address.to_owned(), source })
}

/// An error with its causes, for people who do not see the chain.
fn refused(what: &'static str, error: &(dyn std::error::Error + 'static)) -> RunError {
    let mut why = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !why.contains(&text) {
            why = format!("{why}: {text}");
        }
        next = cause.source();
    }
    RunError::Connect { what, why }
}

/// Certificates as PEM text, one block each, whether the kubeconfig held them or named a file.
fn pem(certificates: &[Vec<u8>]) -> String {
    let mut text = String::new();
    for certificate in certificates {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        let body = STANDARD.encode(certificate);
        for line in body.as_bytes().chunks(64) {
            text.push_str(&String::from_utf8_lossy(line));
            text.push('\n');
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acc_b14_certificates_become_pem_blocks_of_64_columns() {
        let text = pem(&[vec![0; 100], vec![1; 3]]);
        assert_eq!(text.matches("-----BEGIN CERTIFICATE-----\n").count(), 2);
        assert!(text.lines().all(|line| line.len() <= 64));
        assert!(text.ends_with("AQEB\n-----END CERTIFICATE-----\n"));
        assert_eq!(pem(&[]), "");
    }

    #[tokio::test]
    async fn acc_a_missing_kubeconfig_is_named() {
        let options = Options { kubeconfig: "/nowhere/kubeconfig".to_owned(), ..Options::default() };
        let error = serve(options, Stop::new()).await.unwrap_err();
        assert!(error.to_string().contains("/nowhere/kubeconfig"), "{error}");
        assert!(error.help().is_some());
    }
}
