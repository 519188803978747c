//! Schemas of core.kcp.io.

use serde_json::{Value, json};

use super::notation::{Crd, Schema, Version, boolean, kind_schema, list, object, string, word_of};
use super::shared::{conditions, life_cycle_names, phase};
use crate::keys;

const CORE: &str = "core.kcp.io";

pub(super) fn logical_clusters() -> Value {
    let owner = object()
        .must("apiVersion", "Group and version of the owner.", string().pattern("^([^/]+/)?[^/]+$"))
        .must("cluster", "Logical cluster that holds the owner.", string().not_empty())
        .must("name", "Name of the owner.", string().not_empty())
        .may("namespace", "Namespace of the owner, where it has one.", string())
        .must("resource", "Plural resource name of the owner.", string().not_empty())
        .must("uid", "UID of the owner.", string());
    let creator = object()
        .may("extra", "Further attributes.", object().values(list(string())))
        .may("groups", "Groups of the user.", list(string()))
        .may("uid", "Unique id of the user.", string())
        .may("username", "Name of the user.", string());
    let spec = object()
        .may("createdBy", "Who asked for the logical cluster.", creator)
        .may(
            "directlyDeletable",
            "Whether it may be deleted other than through its owner.",
            boolean().default(json!(false)),
        )
        .may("initializers", "Initializers that it starts with.", life_cycle_names())
        .may("owner", "The object that it belongs to.", owner)
        .may("terminators", "Terminators wanted at deletion.", life_cycle_names())
        .default(json!({}));
    let status = object()
        .may("URL", "Address of the logical cluster.", string())
        .may("conditions", "Conditions of the logical cluster.", conditions())
        .may("initializers", "Initializers that have not finished.", life_cycle_names())
        .may("phase", "Phase of the life cycle.", phase())
        .may("terminators", "Terminators that have not finished.", life_cycle_names())
        .default(json!({}));
    let metadata = object().may("name", "", word_of(&[keys::LOGICAL_CLUSTER_NAME]));
    let schema = kind_schema("The one object that makes a logical cluster exist.")
        .may("metadata", "", metadata)
        .may("spec", "Owner and life cycle.", spec)
        .may("status", "State.", status);
    Crd::new(CORE, "LogicalCluster", "logicalclusters")
        .version(
            Version::new("v1alpha1", schema)
                .column("Phase", ".status.phase", "Phase of the life cycle")
                .column("URL", ".status.URL", "Address of the logical cluster")
                .age()
                .status(),
        )
        .build()
}

pub(super) fn shards() -> Value {
    fn url() -> Schema {
        string().not_empty().with("format", "uri")
    }
    let quantity = Schema::quantity();
    let spec = object()
        .must("baseURL", "Address for other parts of kcp.", url())
        .may("externalURL", "Address for clients; baseURL where it is missing.", url())
        .may("virtualWorkspaceURL", "Address of the virtual workspaces; baseURL where it is missing.", url());
    let status = object().may("capacity", "Resources of the shard.", object().values(quantity)).may(
        "conditions",
        "Conditions of the shard.",
        conditions(),
    );
    let schema = kind_schema("One server of a kcp.").may("spec", "Where the shard is reached.", spec).may(
        "status",
        "State of the shard.",
        status,
    );
    Crd::new(CORE, "Shard", "shards")
        .version(
            Version::new("v1alpha1", schema)
                .column("Region", ".metadata.labels['region']", "Region of the shard")
                .column("URL", ".spec.baseURL", "Address for other parts of kcp")
                .column("External URL", ".spec.externalURL", "Address for clients")
                .age()
                .status(),
        )
        .build()
}
