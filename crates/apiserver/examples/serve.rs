//! An API server for kubectl, without clusters, authentication or authorization.
//!
//! `cargo run -p platform-mesh-apiserver --example serve -- 127.0.0.1:8080`, then in another shell
//! `kubectl -s http://127.0.0.1:8080 create configmap hello --from-literal=a=b` prints `configmap/hello created`.

use std::sync::Arc;

use apiserver::body::boxed;
use apiserver::controllers::Controllers;
use apiserver::defined::DefinedApis;
use apiserver::kinds::BuiltIns;
use apiserver::server::Parts;
use apiserver::{ApiServer, Partition, RequestCx, UserInfo};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use runtime::{End, Stop, Tasks};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let server = ApiServer::new(Parts::default());
    let apis = Arc::new(DefinedApis::new(server.store().clone(), BuiltIns::default().resources()));
    let tenant = Partition::from("only");
    apiserver::lifecycle::ensure_namespace(&server, &tenant, "default");
    let controllers = Controllers {
        server: server.clone(),
        apis: apis.clone(),
        root_certificates: String::new(),
        tokens: None,
        default_accounts: true,
    };
    let tasks = Tasks::new();
    let stop = Stop::new();
    let controllers_stop = stop.clone();
    tasks.spawn("controllers", End::StopProcess, async move { controllers.run(controllers_stop).await });
    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("serving on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let (server, cx) =
            (server.clone(), RequestCx::new(tenant.clone(), apis.clone(), UserInfo::system("me")));
        tasks.spawn("connection", End::MayEnd, async move {
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let (server, cx) = (server.clone(), cx.clone());
                async move { Ok::<_, std::convert::Infallible>(server.handle(cx, request.map(boxed)).await) }
            });
            // A broken connection is the client's matter.
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
