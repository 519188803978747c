//! Which crate stands on which floor of the house. A crate depends on lower floors only.

/// Crate folders, lowest floor first.
const FLOORS: [&[&str]; 8] = [
    &["runtime", "verdict", "cel"],
    &["kcp-api", "platform-mesh-api", "fga-model"],
    &["account-model", "oidc-config", "fga-proto"],
    &["apiserver", "fga-engine", "multicluster", "identity-provider", "token-verifier"],
    &["multicluster-kcp", "kcp-embedded", "fga-client"],
    &["account-controller", "security-controller", "rebac-authorizer"],
    &["mesh"],
    &["account-operator", "security-operator", "rebac-authz-webhook", "platform-mesh"],
];

/// The floor of a crate folder; `None` for `tests` and `xtask`, which stand outside the house.
pub fn floor(folder: &str) -> Option<usize> {
    FLOORS.iter().position(|crates| crates.contains(&folder))
}
