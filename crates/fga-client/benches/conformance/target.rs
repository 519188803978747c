//! Who is asked: the engine in process, or a server over gRPC or HTTP, ours or another.

mod grpc; // the wire client
mod http; // JSON
mod in_process; // function calls

use std::{fmt, sync::Arc};

use fga_client::Context;
use fga_engine::{
    Engine, EngineParts, Limits,
    server::{ServerOptions, serve, serve_http},
};
use fga_model::{ModelId, StoreId, TupleKey};
use runtime::Stop;
use serde_json::Value;
use tokio::{net::TcpListener, runtime::Runtime};

/// An answer that is no answer: OpenFGA's code, and what was said. Code 0 is none of OpenFGA's.
#[derive(Debug)]
pub struct Failure {
    pub code: u32,
    message: String,
}

impl Failure {
    /// A refusal with a code.
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Something that is no refusal.
    pub fn text(message: impl Into<String>) -> Self {
        Self::new(0, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.message)
    }
}

/// What every question carries.
pub struct Question<'a> {
    pub store: &'a StoreId,
    pub model: &'a ModelId,
    pub contextual: Vec<TupleKey>,
    pub context: Context,
}

/// One answer, or one object after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    Unary,
    Streamed,
}

/// A write with its options as they are sent.
#[derive(Default)]
pub struct RawWrite {
    pub writes: Vec<TupleKey>,
    pub deletes: Vec<TupleKey>,
    pub on_duplicate: String,
    pub on_missing: String,
}

/// Somebody who is asked.
pub trait Target {
    /// The column of its cells.
    fn path(&self) -> &'static str;
    /// Its limit of keys in one write, where it is known not to be the one asked for.
    fn write_keys_max(&self) -> Option<usize>;
    fn create_store(&self) -> Result<StoreId, Failure>;
    fn write_model(&self, store: &StoreId, dsl: &str) -> Result<ModelId, Failure>;
    fn write_raw(&self, store: &StoreId, model: Option<&ModelId>, request: &RawWrite) -> Result<(), Failure>;
    fn read_all(&self, store: &StoreId) -> Result<Vec<TupleKey>, Failure>;
    fn check(&self, question: &Question<'_>, key: &TupleKey) -> Result<bool, Failure>;
    fn list_objects(
        &self,
        question: &Question<'_>,
        type_name: &str,
        relation: &str,
        user: &str,
        list: List,
    ) -> Result<Vec<String>, Failure>;
    fn list_users(
        &self,
        question: &Question<'_>,
        object: &str,
        relation: &str,
        filter: &str,
    ) -> Result<Vec<String>, Failure>;
    /// The root of the tree as JSON of the protocol.
    fn expand(&self, question: &Question<'_>, object: &str, relation: &str) -> Result<Value, Failure>;

    /// Writes tuples.
    fn write(&self, store: &StoreId, model: Option<&ModelId>, tuples: &[TupleKey]) -> Result<(), Failure> {
        self.write_raw(store, model, &RawWrite { writes: tuples.to_vec(), ..RawWrite::default() })
    }
}

/// Limits that our own targets run with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// OpenFGA's defaults.
    Strict,
    /// The same, but for the keys of one write.
    WriteKeys(usize),
}

/// All targets of a run, and what serves them.
pub struct Targets {
    targets: Vec<Box<dyn Target>>,
    stop: Stop,
    runtime: Arc<Runtime>,
}

/// Keys of one write on a server with default settings.
const FOREIGN_WRITE_KEYS_MAX: usize = 100;

type Broken = Box<dyn std::error::Error>;

impl Targets {
    /// The engine in process, and one engine of ours behind gRPC and HTTP.
    pub fn ours(limit: Limit) -> Result<Self, Broken> {
        let mut limits = Limits::strict();
        if let Limit::WriteKeys(keys) = limit {
            limits.write_keys_max = keys;
        }
        let engine = || Engine::open(EngineParts { limits, ..EngineParts::default() }).map(Arc::new);
        let runtime = Arc::new(Runtime::new()?);
        let (served, stop) = (engine()?, Stop::new());
        let bind = || runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let (grpc, http) = (bind()?, bind()?);
        let addresses = (grpc.local_addr()?, http.local_addr()?);
        let (engine_grpc, engine_http) = (served.clone(), served);
        let (stop_grpc, stop_http) = (stop.clone(), stop.clone());
        let grpc_server = serve(engine_grpc, grpc, ServerOptions::strict(), stop_grpc);
        let http_server = serve_http(engine_http, http, ServerOptions::strict(), stop_http);
        // Both end with `stop`, when the targets are dropped.
        let handle = runtime.handle().clone();
        std::thread::spawn(move || {
            let ended = handle.block_on(async { tokio::join!(grpc_server, http_server) });
            for error in [ended.0.err(), ended.1.err()].into_iter().flatten() {
                eprintln!("conformance: {error}");
            }
        });
        let targets: Vec<Box<dyn Target>> = vec![
            Box::new(in_process::InProcess::new(engine()?)),
            Box::new(grpc::Grpc::new(&format!("http://{}", addresses.0), runtime.clone(), None)?),
            Box::new(http::Http::new(&format!("http://{}", addresses.1), runtime.clone(), None)?),
        ];
        Ok(Self { targets, stop, runtime })
    }

    /// Servers of somebody else.
    pub fn at(urls: &[String]) -> Result<Self, Broken> {
        let runtime = Arc::new(Runtime::new()?);
        let keys = Some(FOREIGN_WRITE_KEYS_MAX);
        let mut targets: Vec<Box<dyn Target>> = Vec::new();
        for url in urls {
            match url.split_once("://") {
                Some(("grpc", address)) => {
                    let url = format!("http://{address}");
                    targets.push(Box::new(grpc::Grpc::new(&url, runtime.clone(), keys)?));
                }
                Some(("http" | "https", _)) => {
                    targets.push(Box::new(http::Http::new(url, runtime.clone(), keys)?));
                }
                _ => return Err(format!("`{url}` is no target: http://host:port or grpc://host:port").into()),
            }
        }
        Ok(Self { targets, stop: Stop::new(), runtime })
    }

    /// Calls for each target.
    pub fn each(&self, mut call: impl FnMut(&dyn Target)) {
        self.targets.iter().for_each(|target| call(target.as_ref()));
    }
}

impl Drop for Targets {
    fn drop(&mut self) {
        self.stop.stop();
        // The servers are still being polled by the runtime until the last client lets go of it.
        let _ = &self.runtime;
    }
}

/// A model as the text of the protocol's JSON and as a value.
fn parsed(dsl: &str) -> Result<fga_model::AuthorizationModel, Failure> {
    fga_model::parse_model(dsl).map_err(|error| Failure::text(format!("the model cannot be read: {error}")))
}

/// Type and relation of a filter.
fn filter_of(filter: &str) -> (String, String) {
    let (type_name, relation) = filter.split_once('#').unwrap_or((filter, ""));
    (type_name.to_owned(), relation.to_owned())
}
