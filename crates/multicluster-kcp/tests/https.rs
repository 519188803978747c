//! The same provider over real sockets: kubeconfig with a client certificate, HTTPS, endpoint URLs dialed with the same credentials.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::time::Duration;

use common::{VIRTUAL, binding, engaged, slice};
use http_body_util::BodyExt as _;
use kube::client::Body;
use multicluster::{Fleet, testing::FakeServer};
use multicluster_kcp::{ApiExport, Connection};
use runtime::{
    Authority, Clock, Credential, End, Kubeconfig, PeerCertificate, ServeOptions, ServerNames, ServerTls,
    Stop, Tasks, install_crypto, serve_https,
};
use serde_json::json;
use tokio::net::TcpListener;

#[tokio::test]
async fn an_outside_process_dials_the_slices_urls_with_the_credentials_of_its_kubeconfig() {
    install_crypto();
    let server = FakeServer::new();
    server.endpoint(VIRTUAL, |_| true);
    server.put("c1", binding("storage.example.io", Some("root:one"), "True"), "apibindings");

    let authority = Authority::new("test", &Clock::system()).unwrap();
    let identity = authority.issue_server("kcp", &ServerNames::local_and([])).unwrap();
    let tls = ServerTls::new(&identity, Some(authority.certificate_pem())).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let behind = server.client();
    let service = tower::service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let behind = behind.clone();
        async move {
            // Only the user of the kubeconfig may come in.
            let user =
                request.extensions().get::<PeerCertificate>().map(|peer| peer.common_name().to_owned());
            assert_eq!(user.as_deref(), Some("provider"));
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes().to_vec();
            behind.send(http::Request::from_parts(parts, Body::from(body))).await
        }
    });
    let (stop, tasks) = (Stop::new(), Tasks::new());
    let options = ServeOptions { drain: Duration::from_millis(100), ..ServeOptions::default() };
    tasks.spawn("https", End::MayEnd, serve_https(listener, tls, service, options, stop.clone()));

    let mut published = slice(&[]);
    published["status"]["endpoints"] = json!([{ "url": format!("{url}{VIRTUAL}") }]);
    server.put("p1", published, "apiexportendpointslices");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("provider.kubeconfig");
    let user = Credential::Certificate(authority.issue_client("provider", &[]).unwrap());
    let file =
        Kubeconfig::single("kcp", &format!("{url}/clusters/p1"), Some(authority.certificate_pem()), &user);
    file.write(&path).await.unwrap();

    let connection = Connection::from_kubeconfig(&path, None).await.unwrap();
    let fleet = Fleet::builder().provider(ApiExport::new(connection, "storage.example.io")).build().unwrap();
    common::run(&fleet, async {
        engaged(&fleet, &["c1"]).await;
        let cluster = fleet.resolve("root:one").unwrap();
        let maps = cluster.namespaced::<k8s_openapi::api::core::v1::ConfigMap>("default");
        assert!(maps.get_opt("none").await.unwrap().is_none());
        assert_eq!(
            server.count(&format!("GET {VIRTUAL}/clusters/c1/api/v1/namespaces/default/configmaps/none")),
            1
        );
    })
    .await;
    stop.stop();
}
