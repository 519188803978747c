//! Pieces of schemas that several kinds have.

use super::notation::{Schema, atomic, boolean, list, object, string, string_map, word_of};

/// Workspace path or cluster name.
pub(super) const PATH: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(:[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// API group, empty for core.
pub(super) const GROUP: &str = r"^(|[a-z0-9]([-a-z0-9]*[a-z0-9](\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?)$";
/// Plural resource name.
pub(super) const RESOURCE: &str = "^[a-z][-a-z0-9]*[a-z0-9]$";
/// API version.
pub(super) const VERSION: &str = "^v[1-9][0-9]*([a-z]+[1-9][0-9]*)?$";
/// Name of a Workspace or WorkspaceType.
pub(super) const WORKSPACE_NAME: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
/// Name in a reference to a WorkspaceType; kcp does not anchor its end.
pub(super) const TYPE_NAME: &str = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?";
/// Initializer or terminator.
const INITIALIZER: &str = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(:[a-z0-9]([-a-z0-9]*[a-z0-9])?)*(:[a-z0-9][a-z0-9]([-a-z0-9]*[a-z0-9])?))|(system:.+)$";

pub(super) const REFERENCE_UNCHANGED: (&str, &str) =
    ("self == oldSelf", "APIExport reference must not be changed");

pub(super) fn path() -> Schema {
    string().pattern(PATH)
}

pub(super) fn conditions() -> Schema {
    list(
        object()
            .describe("One observation of the object's state.")
            .must(
                "lastTransitionTime",
                "When the condition last changed.",
                string().with("format", "date-time"),
            )
            .may("message", "A sentence for people.", string())
            .may("reason", "One CamelCase word for why.", string())
            .may(
                "severity",
                "How bad it is: Error, Warning or Info; only where the status is False.",
                string(),
            )
            .must("status", "True, False or Unknown.", string())
            .must("type", "What is observed, in CamelCase.", string()),
    )
}

/// Fields of a label selector.
pub(super) fn selector_fields(schema: Schema) -> Schema {
    let requirement = object()
        .describe("A requirement on one label.")
        .must("key", "Label key.", string())
        .must("operator", "In, NotIn, Exists or DoesNotExist.", string())
        .may("values", "Values for In and NotIn; empty for the others.", atomic(string()));
    schema
        .may("matchExpressions", "Requirements, all of which must hold.", atomic(requirement))
        .may("matchLabels", "Labels, all of which must be there.", string_map())
        .whole()
}

pub(super) fn label_selector() -> Schema {
    selector_fields(object())
}

/// A reference to an APIExport by path and name.
pub(super) fn export_reference() -> Schema {
    object().must("name", "Name of the APIExport.", string()).may(
        "path",
        "Workspace path or cluster name of the export; the own logical cluster where it is missing.",
        path(),
    )
}

/// Where an identity key is.
pub(super) fn identity() -> Schema {
    object().may(
        "secretRef",
        "Secret that holds the key under `key`.",
        object()
            .may("name", "Name of the Secret.", string())
            .may("namespace", "Namespace of the Secret.", string())
            .whole(),
    )
}

/// Endpoints of a slice, with the shards behind each.
pub(super) fn endpoints() -> Schema {
    let shards = object()
        .may("matchAll", "Every shard.", boolean())
        .may("selector", "Shards by label.", label_selector())
        .rule(
            "!(has(self.matchAll) && self.matchAll && has(self.selector))",
            "matchAll and selector are mutually exclusive",
        );
    super::notation::keyed(
        &["url"],
        object().may("shards", "Shards behind the URL; by URL prefix where it is missing.", shards).must(
            "url",
            "Base URL of the virtual workspace.",
            string().not_empty(),
        ),
    )
}

/// Initializers or terminators.
pub(super) fn life_cycle_names() -> Schema {
    list(
        string()
            .describe("Name of a life cycle controller: `<cluster>:<type>` or a `system:` word.")
            .pattern(INITIALIZER),
    )
}

/// Phase of a logical cluster.
pub(super) fn phase() -> Schema {
    word_of(crate::core::v1alpha1::LogicalClusterPhase::KNOWN).default(serde_json::json!("Scheduling"))
}

/// A reference to a WorkspaceType.
pub(super) fn type_reference() -> Schema {
    object().must("name", "Name of the WorkspaceType.", string().pattern(TYPE_NAME)).may(
        "path",
        "Workspace path or cluster name that holds the type.",
        path(),
    )
}
