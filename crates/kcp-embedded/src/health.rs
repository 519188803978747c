//! Health endpoints, answered for everybody: `/healthz`, `/livez`, `/readyz`, their single checks, and `?verbose`.

use apiserver::body::Body;
use http::Response;

use crate::{core::Core, pipeline::text};

const PING: &str = "ping";
const BOOTSTRAP: &str = "poststarthook/kcp-bootstrap";

/// The answer to a health path; none for other paths.
pub(crate) fn answer(core: &Core, path: &str, query: Option<&str>) -> Option<Response<Body>> {
    let mut parts = path.trim_start_matches('/').trim_end_matches('/').splitn(2, '/');
    let endpoint = parts.next().filter(|name| matches!(*name, "healthz" | "livez" | "readyz"))?;
    let is_set_up = core.authentication.get().is_some();
    let all: &[(&str, bool)] = &[(PING, true), (BOOTSTRAP, is_set_up)];
    // Only readiness waits for root.
    let checks = if endpoint == "readyz" { all } else { &all[..1] };
    let wanted: Vec<(&str, bool)> = match parts.next() {
        None => checks.to_vec(),
        Some(name) => vec![*checks.iter().find(|(known, _)| *known == name)?],
    };
    let is_fine = wanted.iter().all(|(_, fine)| *fine);
    let is_verbose =
        query.unwrap_or_default().split('&').any(|p| p == "verbose" || p.starts_with("verbose="));
    if is_fine && !is_verbose {
        return Some(text(200, "ok".to_owned()));
    }
    let mut lines = String::new();
    for (name, fine) in wanted {
        lines.push_str(&if fine {
            format!("[+]{name} ok\n")
        } else {
            format!("[-]{name} failed: not finished\n")
        });
    }
    let word = if is_fine { "passed" } else { "failed" };
    lines.push_str(&format!("{endpoint} check {word}\n"));
    Some(text(if is_fine { 200 } else { 503 }, lines))
}
