//! The URL space of kcp: `/clusters/<name, path or *>/…`, `/services/<virtual workspace>/…`, and paths without a prefix.
//!
//! A pure parser: it does not know which clusters exist (that is [`crate::tree::Tree`]).

use std::fmt;

/// Longest cluster segment that is looked at; a longer one is refused as invalid.
const SEGMENT_BYTES_MAX: usize = 1024;

/// What the cluster segment of a URL names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// `*`: every logical cluster.
    Wildcard,
    /// A literal name with the prefix `system:`.
    System(String),
    /// A cluster name or a workspace path; one segment may be either.
    Named(String),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Wildcard => f.write_str("*"),
            Target::System(name) | Target::Named(name) => f.write_str(name),
        }
    }
}

/// Where a request goes, with the rest of its path (always beginning with `/`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// No prefix: health, version, metrics, and API paths without a cluster.
    Bare(String),
    /// `/clusters/<target>/<rest>`.
    Cluster(Target, String),
    /// `/services/<name>/<rest>`.
    Service(String, String),
}

/// Why a URL leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The cluster segment is neither a name nor a path.
    #[error("logical cluster `{0}` in the URL is not a cluster name or workspace path")]
    InvalidCluster(String),
    /// A second `/clusters/` prefix follows the first.
    #[error("the path names two logical clusters")]
    TwoClusters,
    /// The path is not valid percent-encoding.
    #[error("path segment `{0}` is not valid percent-encoding")]
    Encoding(String),
}

impl Destination {
    /// Reads the path of a request (percent-encoded, without the query).
    ///
    /// # Errors
    /// [`UrlError`] for an invalid cluster segment or two nested cluster prefixes.
    pub fn parse(path: &str) -> Result<Self, UrlError> {
        if let Some(rest) = path.strip_prefix("/clusters/") {
            let (segment, rest) = split_segment(rest);
            let target = parse_target(&decode(segment)?)?;
            if rest == "/clusters" || rest.starts_with("/clusters/") {
                return Err(UrlError::TwoClusters);
            }
            return Ok(Destination::Cluster(target, rest));
        }
        if let Some(rest) = path.strip_prefix("/services/") {
            let (name, rest) = split_segment(rest);
            return Ok(Destination::Service(decode(name)?, rest));
        }
        Ok(Destination::Bare(if path.is_empty() { "/".to_owned() } else { path.to_owned() }))
    }
}

/// The first segment and the rest, which begins with `/`.
pub fn split_segment(path: &str) -> (&str, String) {
    match path.split_once('/') {
        Some((segment, rest)) => (segment, format!("/{rest}")),
        None => (path, "/".to_owned()),
    }
}

/// The cluster segment as a target.
///
/// # Errors
/// [`UrlError::InvalidCluster`] if it is neither `*`, a name with the prefix `system:`, nor segments of a path.
pub fn parse_target(segment: &str) -> Result<Target, UrlError> {
    let invalid = || UrlError::InvalidCluster(segment.chars().take(128).collect());
    if segment == "*" {
        return Ok(Target::Wildcard);
    }
    if segment.is_empty() || segment.len() > SEGMENT_BYTES_MAX {
        return Err(invalid());
    }
    if let Some(rest) = segment.strip_prefix("system:") {
        let fine =
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b":-._".contains(&b));
        return if fine { Ok(Target::System(segment.to_owned())) } else { Err(invalid()) };
    }
    if segment.split(':').all(kcp_api::names::is_path_part) {
        Ok(Target::Named(segment.to_owned()))
    } else {
        Err(invalid())
    }
}

/// Percent-decodes one segment.
///
/// # Errors
/// [`UrlError::Encoding`] for a broken escape or bytes that are not UTF-8.
pub fn decode(segment: &str) -> Result<String, UrlError> {
    if !segment.contains('%') {
        return Ok(segment.to_owned());
    }
    let broken = || UrlError::Encoding(segment.chars().take(128).collect());
    let mut out = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16)).ok_or_else(broken);
        let (high, low) = (digit()?, digit()?);
        out.push(u8::try_from(high * 16 + low).map_err(|_| broken())?);
    }
    String::from_utf8(out).map_err(|_| broken())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(target: &str, rest: &str) -> Result<Destination, UrlError> {
        Ok(Destination::Cluster(Target::Named(target.into()), rest.into()))
    }

    #[test]
    fn dev_02_cluster_prefix_is_read_in_every_form() {
        assert_eq!(Destination::parse("/clusters/root/api/v1"), cluster("root", "/api/v1"));
        assert_eq!(Destination::parse("/clusters/root:orgs:acme"), cluster("root:orgs:acme", "/"));
        assert_eq!(Destination::parse("/clusters/root%3Aorgs/version"), cluster("root:orgs", "/version"));
        assert_eq!(
            Destination::parse("/clusters/%2A/apis"),
            Ok(Destination::Cluster(Target::Wildcard, "/apis".into()))
        );
        assert_eq!(
            Destination::parse("/clusters/system:admin/api"),
            Ok(Destination::Cluster(Target::System("system:admin".into()), "/api".into()))
        );
        assert_eq!(Destination::parse("/healthz"), Ok(Destination::Bare("/healthz".into())));
        assert_eq!(
            Destination::parse("/services/apiexport/x/y"),
            Ok(Destination::Service("apiexport".into(), "/x/y".into()))
        );
    }

    #[test]
    fn dev_02_nested_and_invalid_prefixes_are_refused_and_a_resource_named_clusters_is_not() {
        assert_eq!(Destination::parse("/clusters/root/clusters/b/api"), Err(UrlError::TwoClusters));
        assert!(matches!(Destination::parse("/clusters/Root/api"), Err(UrlError::InvalidCluster(_))));
        assert!(matches!(Destination::parse("/clusters//api"), Err(UrlError::InvalidCluster(_))));
        assert!(matches!(Destination::parse("/clusters/a%zz/api"), Err(UrlError::Encoding(_))));
        assert_eq!(
            Destination::parse("/clusters/root/apis/x.io/v1/clusters/b"),
            cluster("root", "/apis/x.io/v1/clusters/b")
        );
    }
}
