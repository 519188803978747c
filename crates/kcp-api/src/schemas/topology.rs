//! Schemas of topology.kcp.io.

use serde_json::Value;

use super::notation::{Crd, Schema, Version, atomic, integer, kind_schema, list, object, string, word_of};
use super::shared::{conditions, label_selector};

const TOPOLOGY: &str = "topology.kcp.io";
/// Prefix of a label key.
const PREFIX: &str = "^[a-z0-9]([-a-z0-9]{0,251}[a-z0-9])?$";
/// Name of a label key, and its value.
const NAME: &str = "^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";

pub(super) fn partitions() -> Value {
    let spec = object().may("selector", "Shards by label.", label_selector());
    let schema = kind_schema("Some of the shards.").must("spec", "Which shards.", spec);
    Crd::new(TOPOLOGY, "Partition", "partitions")
        .version(
            Version::new("v1alpha1", schema)
                .column("Owner", ".metadata.ownerReferences[*].name", "")
                .age()
                .no_subresources(),
        )
        .build()
}

pub(super) fn partition_sets() -> Value {
    let spec = object()
        .may("dimensions", "Label keys whose values tell partitions apart.", list(string()))
        .may("shardSelector", "Shards that take part.", shard_selector());
    let status = object().may("conditions", "Conditions of the set.", conditions()).may(
        "count",
        "Number of partitions.",
        integer(),
    );
    let schema = kind_schema("Partitions made from the labels of shards.")
        .must("spec", "How shards are grouped.", spec)
        .may("status", "State of the set.", status);
    Crd::new(TOPOLOGY, "PartitionSet", "partitionsets")
        .version(
            Version::new("v1alpha1", schema)
                .column("Count", ".status.count", "Number of partitions")
                .age()
                .status(),
        )
        .build()
}

/// Text of the refusal of a label key, as kcp words it.
fn key_message() -> String {
    format!(
        "Label key prefixes are optional and limited to 253 characters. They should match \"{PREFIX}\". \
         Names are limited to 63 characters and should match \"{NAME}\". \"/\" is used as separator."
    )
}

/// Whether a CEL variable is a label key.
fn key_rule(key: &str) -> String {
    format!(
        "{key}.contains(\"/\") ? {key}.split(\"/\", 2)[0].matches(\"{PREFIX}\") && \
         {key}.split(\"/\", 2)[1].matches(\"{NAME}\") : {key}.matches(\"{NAME}\")"
    )
}

fn shard_selector() -> Schema {
    let requirement = object()
        .must(
            "key",
            "Label key.",
            string().with("maxLength", 317).rule(&key_rule("self"), &key_message()),
        )
        .must("operator", "How label and values relate.", word_of(&["In", "NotIn", "Exists", "DoesNotExist"]))
        .may(
            "values",
            "Values for In and NotIn.",
            atomic(string().with("maxLength", 63).pattern(NAME)),
        )
        .rule(
            "self.operator in [\"In\", \"NotIn\"] ? size(self.values) > 0 : (self.operator in [\"Exists\", \"DoesNotExist\"] ? !has(self.values) : true)",
            "There should be at least one value for In and NotIn operators. There should not be any value for Exists and DoesNotExist operators.",
        );
    let labels = object()
        .values(string().with("maxLength", 380))
        .with("maxProperties", 10)
        .rule(&format!("self.all(k, {})", key_rule("k")), &key_message())
        .rule(
            &format!("self.all(k, self[k].matches(\"{NAME}\"))"),
            &format!("Label values are limited to 63 characters and should match \"{NAME}\"."),
        );
    object()
        .may(
            "matchExpressions",
            "Requirements, all of which must hold.",
            atomic(requirement).with("maxItems", 10),
        )
        .may("matchLabels", "Labels, all of which must be there.", labels)
        .whole()
}
