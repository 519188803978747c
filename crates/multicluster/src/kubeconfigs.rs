//! Clusters by kubeconfig: one for each file of a folder or pattern, or for each labelled Secret of a namespace.

mod files; // which files are kubeconfigs

use std::{
    collections::{BTreeMap, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use futures::{
    StreamExt as _,
    future::BoxFuture,
    stream::{BoxStream, FuturesUnordered},
};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Client, Config, ResourceExt as _,
    config::{KubeConfigOptions, Kubeconfig},
};
use runtime::{Backoff as _, FullJitter, Ids};
use tokio::{sync::mpsc, time::Instant};

use crate::{
    ClientSpec, ClusterId, ClusterSeed, Demux, FleetEvent, Gone, ListWatch, Provider, ProviderError,
    ProviderName, Redial, ScopeId, Seen, WatchScope, WatchSink,
};
use files::Files;

/// How often files are looked at, unless set.
const LOOK: Duration = Duration::from_secs(5);
/// A cluster that does not say its version in this long is not there.
const ANSWER: Duration = Duration::from_secs(10);
/// The fleet counts as reported once each first kubeconfig was tried, or after this long.
const FIRST_REPORT: Duration = Duration::from_secs(15);

/// One cluster, with a scope of its own, for each kubeconfig that parses and whose server says its version within ten seconds. It goes when the
/// kubeconfig does; one whose content changes is another engagement. Servers that do not answer are tried again, each at its own pace.
///
/// ```no_run
/// use multicluster::{Fleet, Kubeconfigs};
///
/// # fn clusters(host: kube::Client) -> Result<(), multicluster::FleetError> {
/// let files = Kubeconfigs::files("/etc/clusters/*.kubeconfig").named("files");
/// let secrets = Kubeconfigs::secrets(host, "fleet-system", "fleet.example.io/cluster=true");
/// let fleet = Fleet::builder().provider(files).provider(secrets).build()?;
/// # drop(fleet); Ok(()) }
/// ```
pub struct Kubeconfigs {
    name: ProviderName,
    source: Source,
    look: Duration,
}

enum Source {
    Files(Files),
    Secrets { client: Client, namespace: String, label: String },
}

impl Kubeconfigs {
    /// Files by a folder, a pattern or a path, looked at every five seconds: of a folder those that end in `.kubeconfig`, `.yaml` or `.yml`;
    /// of a pattern such as `/etc/clusters/eu-*.conf` those whose name it matches (`*` is any text, `?` any character; not in names of
    /// folders, and names that begin with a dot only where the pattern does). The name without its ending is the cluster's id; of two files
    /// for one id the first by its name counts, and the other is reported.
    pub fn files(path: impl Into<PathBuf>) -> Self {
        let source = Source::Files(Files::new(path.into()));
        Kubeconfigs { name: "kubeconfigs".into(), source, look: LOOK }
    }

    /// Secrets of a namespace with a label (`key=value`), which hold a kubeconfig under `kubeconfig`; the Secret's name is the cluster's id.
    pub fn secrets(client: Client, namespace: impl Into<String>, label: impl Into<String>) -> Self {
        let source = Source::Secrets { client, namespace: namespace.into(), label: label.into() };
        Kubeconfigs { name: "kubeconfigs".into(), source, look: LOOK }
    }

    /// Names the provider; needed where a fleet has several.
    #[must_use]
    pub fn named(mut self, name: impl Into<ProviderName>) -> Self {
        self.name = name.into();
        self
    }

    /// How often files are looked at; 5 seconds unless set. Secrets are watched.
    #[must_use]
    pub fn look_every(mut self, look: Duration) -> Self {
        self.look = look;
        self
    }
}

impl Provider for Kubeconfigs {
    fn name(&self) -> ProviderName {
        self.name.clone()
    }

    fn fleet(self: Arc<Self>) -> BoxStream<'static, Result<FleetEvent, ProviderError>> {
        let events = async_stream::stream! {
            let (send, mut heard) = mpsc::channel(64);
            let source = follow(self.clone(), send);
            tokio::pin!(source);
            let mut known = Known::default();
            let report_by = Instant::now() + FIRST_REPORT;
            let (mut reported, mut listed) = (false, false);
            yield Ok(FleetEvent::Init);
            loop {
                let events = tokio::select! {
                    () = &mut source => break,
                    Some(heard) = heard.recv() => {
                        listed |= matches!(heard, Heard::Complete);
                        known.heard(heard)
                    }
                    Some(tried) = known.trying.next(), if !known.trying.is_empty() => known.tried(tried),
                    () = tokio::time::sleep_until(report_by), if !reported => Vec::new(),
                };
                for event in events {
                    yield Ok(event);
                }
                if !reported && (Instant::now() >= report_by || listed && known.all_tried()) {
                    reported = true;
                    yield Ok(FleetEvent::InitDone);
                }
            }
        };
        events.boxed()
    }
}

/// What the source of kubeconfigs says.
enum Heard {
    /// A kubeconfig is there, with this text.
    There(String, Vec<u8>),
    Gone(String),
    /// A complete list begins, in which everything that is there is said again.
    Begin,
    /// … and ends.
    Complete,
    Fault(String),
    Healthy,
}

struct Candidate {
    /// Of its text: the same text is the same cluster.
    content: u64,
    /// Counts texts, so that an answer to an older one is told from the newest.
    turn: u64,
    engaged: bool,
    tried: bool,
    listed: bool,
}

/// A server that answered, or why it did not.
struct Tried {
    id: String,
    turn: u64,
    client: Result<(Client, Redial), String>,
    again: Attempt,
}

/// What is needed to try once more.
struct Attempt {
    text: Vec<u8>,
    pause: FullJitter,
}

#[derive(Default)]
struct Known {
    candidates: BTreeMap<String, Candidate>,
    trying: FuturesUnordered<BoxFuture<'static, Tried>>,
    turns: u64,
}

impl Known {
    fn all_tried(&self) -> bool {
        self.candidates.values().all(|candidate| candidate.tried)
    }

    fn heard(&mut self, heard: Heard) -> Vec<FleetEvent> {
        match heard {
            Heard::There(id, text) => self.there(id, text),
            Heard::Gone(id) => self.gone(&id),
            Heard::Begin => {
                self.candidates.values_mut().for_each(|candidate| candidate.listed = false);
                Vec::new()
            }
            Heard::Complete => {
                let unlisted = self.candidates.iter().filter(|(_, candidate)| !candidate.listed);
                let unlisted: Vec<String> = unlisted.map(|(id, _)| id.clone()).collect();
                unlisted.iter().flat_map(|id| self.gone(id)).collect()
            }
            Heard::Fault(reason) => vec![FleetEvent::Degraded { scope: None, reason }],
            Heard::Healthy => vec![FleetEvent::Recovered { scope: None }],
        }
    }

    fn there(&mut self, id: String, text: Vec<u8>) -> Vec<FleetEvent> {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let content = hasher.finish();
        if let Some(known) = self.candidates.get_mut(&id).filter(|known| known.content == content) {
            known.listed = true;
            return Vec::new();
        }
        let events = self.gone(&id);
        self.turns += 1;
        let turn = self.turns;
        let candidate = Candidate { content, turn, engaged: false, tried: false, listed: true };
        self.candidates.insert(id.clone(), candidate);
        let pause = FullJitter::new(Duration::from_secs(1), Duration::from_secs(300), Ids::random());
        self.trying.push(Box::pin(try_once(id, turn, Attempt { text, pause }, Duration::ZERO)));
        events
    }

    fn gone(&mut self, id: &str) -> Vec<FleetEvent> {
        let Some(candidate) = self.candidates.remove(id) else { return Vec::new() };
        let scope = ScopeId::from(id);
        if !candidate.engaged {
            return vec![FleetEvent::Recovered { scope: Some(scope) }];
        }
        let down = FleetEvent::Down { id: ClusterId::from(id), scope: scope.clone(), why: Gone::Removed };
        vec![down, FleetEvent::ScopeDown(scope)]
    }

    fn tried(&mut self, tried: Tried) -> Vec<FleetEvent> {
        let Tried { id, turn, client, mut again } = tried;
        let Some(candidate) = self.candidates.get_mut(&id).filter(|candidate| candidate.turn == turn) else {
            return Vec::new();
        };
        candidate.tried = true;
        let scope = ScopeId::from(id.as_str());
        match client {
            Err(why) => {
                let wait = again.pause.next_delay();
                let reason = format!("kubeconfig `{id}`: {why}");
                self.trying.push(Box::pin(try_once(id, turn, again, wait)));
                vec![FleetEvent::Degraded { scope: Some(scope), reason }]
            }
            Ok((client, redial)) => {
                candidate.engaged = true;
                let cluster = ClusterId::from(id.as_str());
                let seed = ClusterSeed {
                    id: cluster.clone(),
                    scope: scope.clone(),
                    aliases: Vec::new(),
                    client: ClientSpec::Own(client.clone()),
                    meta: Arc::default(),
                };
                let demux = Demux::Single(cluster);
                let opened = WatchScope { id: scope.clone(), client, redial: Some(redial), demux };
                vec![
                    FleetEvent::Recovered { scope: Some(scope) },
                    FleetEvent::ScopeUp(opened),
                    FleetEvent::Up(seed),
                ]
            }
        }
    }
}

async fn try_once(id: String, turn: u64, again: Attempt, wait: Duration) -> Tried {
    tokio::time::sleep(wait).await;
    let client = match tokio::time::timeout(ANSWER, dial(&again.text)).await {
        Ok(client) => client,
        Err(_) => Err(format!("no answer in {} seconds", ANSWER.as_secs())),
    };
    Tried { id, turn, client, again }
}

/// A client for the current context of a kubeconfig, whose server said its version.
async fn dial(text: &[u8]) -> Result<(Client, Redial), String> {
    let text = std::str::from_utf8(text).map_err(|_| "it is no text".to_owned())?;
    let file = Kubeconfig::from_yaml(text).map_err(|error| error.to_string())?;
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(file, &options).await;
    let mut config = config.map_err(|error| error.to_string())?;
    // A watch may be silent for minutes; each request carries its own deadline instead.
    config.read_timeout = None;
    config.default_retry = false;
    let client = Client::try_from(config.clone()).map_err(|error| error.to_string())?;
    client.apiserver_version().await.map_err(|error| error.to_string())?;
    Ok((client, Arc::new(move || Client::try_from(config.clone()))))
}

async fn follow(provider: Arc<Kubeconfigs>, send: mpsc::Sender<Heard>) {
    match &provider.source {
        Source::Files(files) => loop {
            for heard in look(files).await {
                // The receiver lives as long as the stream that drives this.
                let _ = send.send(heard).await;
            }
            tokio::time::sleep(provider.look).await;
        },
        Source::Secrets { client, namespace, label } => {
            let what = ListWatch::<Secret> {
                namespace: Some(namespace.clone()),
                label_selector: Some(label.clone()),
                ..ListWatch::new(client.clone(), ())
            };
            what.run(Ids::random(), &mut Secrets(send)).await;
        }
    }
}

/// All files, as a complete list. Where they cannot be read, what is known stays.
async fn look(files: &Files) -> Vec<Heard> {
    let found = match files.read().await {
        Ok(found) => found,
        Err(reason) => return vec![Heard::Fault(reason)],
    };
    let health = match found.faults.is_empty() {
        true => vec![Heard::Healthy],
        false => found.faults.into_iter().map(Heard::Fault).collect(),
    };
    let there = found.texts.into_iter().map(|(id, text)| Heard::There(id, text));
    health.into_iter().chain([Heard::Begin]).chain(there).chain([Heard::Complete]).collect()
}

struct Secrets(mpsc::Sender<Heard>);

impl WatchSink<Secret> for Secrets {
    async fn seen(&mut self, seen: Seen<Secret>) {
        let heard = match seen {
            Seen::ListBegin => Heard::Begin,
            Seen::ListEnd => Heard::Complete,
            Seen::Applied(secret) => {
                let text = secret.data.as_ref().and_then(|data| data.get("kubeconfig"));
                match text {
                    // One that is being deleted counts as gone; its finalizers may take their time.
                    Some(text) if secret.metadata.deletion_timestamp.is_none() => {
                        Heard::There(secret.name_any(), text.0.clone())
                    }
                    _ => Heard::Gone(secret.name_any()),
                }
            }
            Seen::Deleted(meta) => Heard::Gone(meta.name.unwrap_or_default()),
            Seen::Unreadable { meta, .. } => Heard::Gone(meta.and_then(|meta| meta.name).unwrap_or_default()),
            Seen::Fault { reason, .. } => Heard::Fault(reason),
            Seen::Healthy => Heard::Healthy,
            Seen::Expired | Seen::FellBack => return,
        };
        let _ = self.0.send(heard).await;
    }
}
