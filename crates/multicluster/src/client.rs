//! Clients for one of many clusters behind one base client.

use std::{collections::HashMap, sync::Arc, time::Duration};

use http::Uri;
use kube::{Client, client::Body};
use parking_lot::Mutex;

use crate::{ClientSpec, Epoch};

/// A request without an answer in this long has failed, so a hanging cluster gives its workers back.
const ANSWER: Duration = Duration::from_secs(30);

/// A client whose requests go to `path` below the root of `base`: `/clusters/root` + `/api/v1/namespaces`.
///
/// Makes a task for its buffer; keep it, or use [`Cluster::client`](crate::Cluster::client), which does.
pub fn prefix_client(base: &Client, path: &str) -> Client {
    let base = base.clone();
    let prefix: Arc<str> = path.trim_end_matches('/').into();
    let namespace = base.default_namespace().to_owned();
    let service = tower::service_fn(move |mut request: http::Request<Body>| {
        let base = base.clone();
        let uri = prefixed(&prefix, request.uri());
        async move {
            *request.uri_mut() = uri?;
            // Only the head of the answer has a deadline: the body of a watch lasts for minutes.
            let sent = tokio::time::timeout(ANSWER, base.send(request)).await;
            sent.unwrap_or_else(|_| Err(kube::Error::Service("no answer in 30 seconds".into())))
        }
    });
    Client::new(service, namespace)
}

fn prefixed(prefix: &str, uri: &Uri) -> Result<Uri, kube::Error> {
    let rest = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut parts = uri.clone().into_parts();
    let joined = format!("{prefix}{rest}");
    parts.path_and_query =
        Some(joined.parse().map_err(|error| kube::Error::HttpError(http::Error::from(error)))?);
    Uri::from_parts(parts).map_err(|error| kube::Error::HttpError(http::Error::from(error)))
}

/// A tick for each use, and the clients with the tick of their last use.
type Kept = (u64, HashMap<Epoch, (Client, u64)>);

/// Scoped clients, made when first asked for; a bounded number is kept, the least used go first.
pub(crate) struct ClientCache {
    bound: usize,
    state: Mutex<Kept>,
}

impl ClientCache {
    pub(crate) fn new(bound: usize) -> Self {
        ClientCache { bound: bound.max(1), state: Mutex::default() }
    }

    pub(crate) fn get(&self, epoch: Epoch, spec: &ClientSpec) -> Client {
        let (base, path) = match spec {
            ClientSpec::Own(client) => return client.clone(),
            ClientSpec::Prefix { base, path } => (base, path),
        };
        let mut state = self.state.lock();
        let (tick, clients) = &mut *state;
        *tick += 1;
        if let Some((client, used)) = clients.get_mut(&epoch) {
            *used = *tick;
            return client.clone();
        }
        if clients.len() >= self.bound {
            // An eighth goes at once, so that the scan is paid for once in many misses.
            let mut ticks: Vec<u64> = clients.values().map(|(_, used)| *used).collect();
            ticks.sort_unstable();
            let limit = ticks[self.bound / 8];
            clients.retain(|_, (_, used)| *used > limit);
        }
        let client = prefix_client(base, path);
        clients.insert(epoch, (client.clone(), *tick));
        client
    }

    pub(crate) fn forget(&self, epoch: Epoch) {
        self.state.lock().1.remove(&epoch);
    }
}
