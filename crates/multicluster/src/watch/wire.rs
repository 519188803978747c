//! What servers send: lists, events, refusals; and why a list or watch did not go on.

use std::{sync::Arc, time::Duration};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Why a list or watch did not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum WatchError {
    #[error("{verb} of `{kind}` was refused with {code}: {message}")]
    Refused { verb: &'static str, kind: Arc<str>, code: u16, message: String, retry_after: Option<Duration> },
    #[error("{verb} of `{kind}` failed: {source}")]
    Request { verb: &'static str, kind: Arc<str>, source: Box<kube::Error> },
    #[error("{verb} of `{kind}` got no answer in time")]
    Timeout { verb: &'static str, kind: Arc<str> },
    #[error("{verb} of `{kind}` sent what does not parse: {why}")]
    Garbled { verb: &'static str, kind: Arc<str>, why: String },
    #[error("streaming list of `{kind}` did not come to its end in time")]
    Unfinished { kind: Arc<str> },
}

impl WatchError {
    pub(super) fn code(&self) -> u16 {
        match self {
            WatchError::Refused { code, .. } => *code,
            _ => 0,
        }
    }

    /// How long the server asked us to stay away.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            WatchError::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// Why a watch ended without an error.
pub(super) enum Ended {
    /// The server closed it; go on from the last resource version.
    Closed,
    /// The resource version is too old: list again.
    Expired,
}

#[derive(Deserialize)]
pub(super) struct RawList {
    #[serde(default)]
    pub(super) metadata: RawListMeta,
    // Servers write null for an empty list.
    #[serde(default)]
    pub(super) items: Option<Vec<Box<RawValue>>>,
}

#[derive(Default, Deserialize)]
pub(super) struct RawListMeta {
    #[serde(rename = "resourceVersion", default)]
    pub(super) resource_version: String,
    #[serde(rename = "continue", default)]
    pub(super) continue_token: String,
}

#[derive(Deserialize)]
pub(super) struct RawEvent<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    #[serde(borrow)]
    pub(super) object: &'a RawValue,
}

#[derive(Deserialize)]
pub(super) struct OnlyMeta {
    pub(super) metadata: ObjectMeta,
}

impl OnlyMeta {
    /// Whether a bookmark ends the objects that were there when a streaming list began.
    pub(super) fn ends_initial_events(&self) -> bool {
        let annotations = self.metadata.annotations.as_ref();
        annotations.and_then(|all| all.get("k8s.io/initial-events-end")).is_some_and(|value| value == "true")
    }
}
