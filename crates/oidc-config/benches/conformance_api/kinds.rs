//! Kinds of both crates, as rows.

use kcp_api::{AnyView, KINDS, KnownKind, Lossless, LosslessError};
use serde_json::Value;

/// A view, or why the object cannot be viewed.
type Outcome = Result<Box<dyn AnyView>, LosslessError>;

/// Reads an object of a kind.
pub type View = Box<dyn Fn(Value) -> Outcome + Sync>;

/// How an object of a group, version and kind is viewed; `None` where no crate has a type for it.
pub fn view(group: &str, version: &str, kind: &str) -> Option<View> {
    let is_known = |known: &&KnownKind| (known.group, known.version, known.kind) == (group, version, kind);
    if let Some(known) = KINDS.iter().find(is_known) {
        return Some(Box::new(move |object| known.view(object)));
    }
    if group != platform_mesh_api::names::GROUP || version != platform_mesh_api::names::VERSION {
        return None;
    }
    let (_, view) = MESH.iter().find(|(known, _)| *known == kind)?;
    Some(Box::new(*view))
}

/// A kind by name, and how an object of it is viewed.
type Row = (&'static str, fn(Value) -> Outcome);

/// Kinds of core.platform-mesh.io.
static MESH: [Row; 7] = [
    ("Account", of::<platform_mesh_api::Account>),
    ("AccountInfo", of::<platform_mesh_api::AccountInfo>),
    ("APIExportPolicy", of::<platform_mesh_api::ApiExportPolicy>),
    ("AuthorizationModel", of::<platform_mesh_api::AuthorizationModel>),
    ("IdentityProviderConfiguration", of::<platform_mesh_api::IdentityProviderConfiguration>),
    ("Invite", of::<platform_mesh_api::Invite>),
    ("Store", of::<platform_mesh_api::Store>),
];

fn of<K>(object: Value) -> Outcome
where
    K: kube_core::Resource<DynamicType = ()>
        + serde::Serialize
        + serde::de::DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    Ok(Box::new(Lossless::<K>::from_value(object)?))
}

/// Our definition of a resource.
pub fn definition(group: &str, plural: &str) -> Option<Value> {
    let mesh = || platform_mesh_api::definition(&format!("{plural}.{group}")).map(|found| found.crd());
    kcp_api::schemas::crd(group, plural).or_else(mesh)
}

/// Every definition of ours.
pub fn definitions() -> Vec<Value> {
    let mut all = kcp_api::schemas::crds();
    all.extend(platform_mesh_api::definitions().iter().map(platform_mesh_api::Definition::crd));
    all
}

/// Why a kind has no type here, as the specification of the API marks it; `None` where it must have one.
pub fn left_out(group: &str, kind: &str) -> Option<&'static str> {
    match (group, kind) {
        ("cache.kcp.io", "CachedObject") => Some("needed with several shards only"),
        ("cache.kcp.io", _) => Some("LATER"),
        ("migration.kcp.io", _) => Some("out of scope"),
        _ if !is_ours(group) => Some("a group of others: raw"),
        _ => None,
    }
}

/// Whether the group is one whose kinds these crates are for.
fn is_ours(group: &str) -> bool {
    group == "kcp.io" || group.ends_with(".kcp.io") || group == platform_mesh_api::names::GROUP
}
