//! Names, paths and other short texts: they parse, or the refusal points into the text.
#![no_main]

use kcp_api::schemas::SchemaName;
use kcp_api::workspaces::RequiredGroups;
use kcp_api::{ClusterName, ClusterTarget, IdentityHash, InitializerName, NameError, WorkspacePath};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let placed = |error: NameError| {
        assert!(text.is_char_boundary(error.at()) && !error.help().is_empty(), "{error}");
        assert!(error.to_string().len() < 1000);
    };
    match text.parse::<WorkspacePath>() {
        Ok(path) => assert_eq!(path.as_str(), text),
        Err(error) => placed(error),
    }
    let _ = text.parse::<ClusterName>().map_err(placed);
    let _ = text.parse::<InitializerName>().map_err(placed);
    let _ = text.parse::<ClusterTarget>().map_err(placed);
    let _ = text.parse::<IdentityHash>();
    if let Ok(name) = text.parse::<SchemaName>() {
        assert_eq!(name.to_string(), text);
    }
    let groups = RequiredGroups::parse(text);
    assert_eq!(RequiredGroups::parse(&groups.to_string()), groups);
});
