//! HTTPS with client certificates, over real sockets on free ports.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use runtime::{
    Authority, Clock, End, Identity, PeerCertificate, ServeOptions, ServerNames, ServerTls, Stop, Tasks,
    install_crypto, serve_https,
};
use tokio::net::TcpListener;

struct Server {
    url: String,
    authority: Authority,
    tls: ServerTls,
    stop: Stop,
    tasks: Tasks,
}

async fn server() -> Server {
    install_crypto();
    let authority = Authority::new("test", &Clock::system()).unwrap();
    let identity = authority.issue_server("server", &ServerNames::local_and([])).unwrap();
    let tls = ServerTls::new(&identity, Some(authority.certificate_pem())).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let service = tower::service_fn(|request: Request<hyper::body::Incoming>| async move {
        let peer = request.extensions().get::<PeerCertificate>();
        let text = match peer {
            Some(peer) => {
                format!("{} {:?} {:?}", peer.common_name(), peer.organizations(), request.version())
            }
            None => "anonymous".to_owned(),
        };
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
    });
    let (stop, tasks) = (Stop::new(), Tasks::new());
    let options = ServeOptions { drain: Duration::from_millis(200), ..ServeOptions::default() };
    tasks.spawn("https", End::MayEnd, serve_https(listener, tls.clone(), service, options, stop.clone()));
    Server { url, authority, tls, stop, tasks }
}

fn client(server: &Server, identity: Option<&Identity>) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(server.authority.certificate_pem().as_bytes()).unwrap();
    let mut builder = reqwest::Client::builder().tls_certs_only([root]);
    if let Some(identity) = identity {
        let pem = format!("{}{}", identity.key_pem, identity.certificate_pem);
        builder = builder.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap());
    }
    builder.build().unwrap()
}

#[tokio::test]
async fn a_verified_client_certificate_is_user_and_groups_of_the_request() {
    let server = server().await;
    let alice = server.authority.issue_client("alice", &["a".into(), "b".into()]).unwrap();
    let answer = client(&server, Some(&alice)).get(&server.url).send().await.unwrap().text().await.unwrap();
    assert_eq!(answer, r#"alice ["a", "b"] HTTP/2.0"#);
    let answer = client(&server, None).get(&server.url).send().await.unwrap().text().await.unwrap();
    assert_eq!(answer, "anonymous");
    assert!(server.authority.issue_client("x", &["a".into(), "b".into(), "c".into()]).is_err());
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let server = server().await;
    let mallory = Authority::new("test", &Clock::system()).unwrap().issue_client("alice", &[]).unwrap();
    assert!(client(&server, Some(&mallory)).get(&server.url).send().await.is_err());
}

#[tokio::test]
async fn a_reloaded_certificate_serves_new_connections() {
    let server = server().await;
    let saved =
        Authority::from_pem(server.authority.certificate_pem(), server.authority.key_pem(), &Clock::system())
            .unwrap();
    let other =
        saved.issue_server("other", &ServerNames { dns: vec!["elsewhere".into()], ips: vec![] }).unwrap();
    assert!(client(&server, None).get(&server.url).send().await.is_ok());
    server.tls.reload(&other, None).unwrap();
    assert!(
        client(&server, None).get(&server.url).send().await.is_err(),
        "the new certificate names another host"
    );
}

#[tokio::test]
async fn stop_closes_the_listener_and_idle_connections() {
    let server = server().await;
    let client = client(&server, None);
    client.get(&server.url).send().await.unwrap().text().await.unwrap();
    server.stop.stop();
    while !server.tasks.names().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(client.get(&server.url).send().await.is_err());
}
