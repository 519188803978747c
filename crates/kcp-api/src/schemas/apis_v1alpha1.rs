//! Schemas of the kinds of apis.kcp.io that have one version.

use serde_json::{Value, json};

use super::notation::{
    Crd, Schema, Version, atomic, boolean, integer, keyed, kind_schema, list, object, string, word_of,
};
use super::shared::{REFERENCE_UNCHANGED, VERSION, conditions, endpoints, export_reference};
use crate::apis::v1alpha1::{ConversionStrategy, NameValidation, ResourceScope};

const APIS: &str = "apis.kcp.io";

fn version_name() -> Schema {
    string().not_empty().pattern(VERSION)
}

pub(super) fn api_resource_schemas() -> Value {
    let names = object()
        .may("categories", "Groups of resources, such as `all`.", atomic(string()))
        .must("kind", "Kind of one object.", string())
        .may("listKind", "Kind of a list.", string())
        .must("plural", "Resource name in URLs.", string())
        .may("shortNames", "Short names for command lines.", atomic(string()))
        .may("singular", "Singular name.", string());
    let spec = object()
        .may("conversion", "How versions become each other.", conversion())
        .must("group", "API group; empty for core.", string())
        .may(
            "nameValidation",
            "How names of instances are checked.",
            word_of(NameValidation::KNOWN).default(json!("DNS1123Subdomain")),
        )
        .must("names", "How the resource is called.", names)
        .must("scope", "Whether instances live in namespaces.", word_of(ResourceScope::KNOWN))
        .must(
            "versions",
            "Versions of the resource; exactly one is stored.",
            keyed(&["name"], resource_version()).with("minItems", 1),
        )
        .rule(
            "size(self.versions) == 1 || (size(self.versions) > 1 && has(self.conversion))",
            "Conversion must be specified when multiple versions exist",
        );
    let schema = kind_schema("The schema of one resource, for APIExports to name. It never changes.").may(
        "spec",
        "The resource that the schema defines.",
        spec,
    );
    Crd::new(APIS, "APIResourceSchema", "apiresourceschemas")
        .version(Version::new("v1alpha1", schema).age().no_subresources())
        .build()
}

fn conversion() -> Schema {
    let client = object().may("caBundle", "PEM certificates, base64.", string().with("format", "byte")).may(
        "url",
        "HTTPS URL of the server.",
        string().with("format", "uri"),
    );
    let webhook = object().may("clientConfig", "How the server is reached.", client).must(
        "conversionReviewVersions",
        "ConversionReview versions that the server understands, best first.",
        atomic(string()),
    );
    object()
        .must(
            "strategy",
            "None changes apiVersion only; Webhook asks a server.",
            word_of(ConversionStrategy::KNOWN),
        )
        .may("webhook", "The server that converts.", webhook)
        .rule(
            "(self.strategy == 'None' && !has(self.webhook))  || (self.strategy == 'Webhook' && has(self.webhook))",
            "Webhook must be specified if strategy=Webhook",
        )
}

fn resource_version() -> Schema {
    let column = object()
        .describe("A column of tables.")
        .may("description", "What the column shows.", string())
        .may("format", "OpenAPI format of the cell.", string())
        .must("jsonPath", "Where the value is.", string())
        .must("name", "Heading.", string())
        .may("priority", "0 is always shown; above only in wide output.", integer().with("format", "int32"))
        .must("type", "OpenAPI type of the cell.", string());
    let scale = object()
        .may("labelSelectorPath", "JSON path of the serialized selector.", string())
        .must("specReplicasPath", "JSON path of the wanted number.", string())
        .must("statusReplicasPath", "JSON path of the observed number.", string());
    let subresources = object().may("scale", "The scale subresource.", scale).may(
        "status",
        "The status subresource.",
        object(),
    );
    object()
        .describe("One version of the resource.")
        .may("additionalPrinterColumns", "Columns of tables, besides the name.", keyed(&["name"], column))
        .may("deprecated", "Whether clients get a warning.", boolean())
        .may("deprecationWarning", "The text of that warning.", string())
        .must("name", "Version, such as v1alpha1.", version_name())
        .must(
            "schema",
            "The structural OpenAPI v3 schema itself.",
            object().whole().with("x-kubernetes-preserve-unknown-fields", true),
        )
        .may(
            "selectableFields",
            "Fields for field selectors.",
            atomic(object().must("jsonPath", "Simple JSON path of the field.", string())),
        )
        .must("served", "Whether clients can use the version.", boolean().default(json!(true)))
        .must("storage", "Whether objects are stored in the version.", boolean())
        .may("subresources", "Subresources of the version.", subresources)
}

pub(super) fn api_export_endpoint_slices() -> Value {
    let spec = object()
        .must(
            "export",
            "The APIExport; it never changes.",
            export_reference().rule(REFERENCE_UNCHANGED.0, REFERENCE_UNCHANGED.1),
        )
        .may("partition", "Name of a Partition in the same workspace that limits the shards.", string());
    let status = object()
        .may("conditions", "Conditions of the slice.", conditions())
        .may("endpoints", "One entry per shard that has consumers.", endpoints())
        .may("shardSelector", "The partition's label selector as text.", string());
    let schema = kind_schema("Where a provider reaches the consumers of an APIExport.")
        .may("spec", "Which export, seen from which shards.", spec)
        .may("status", "The URLs.", status);
    Crd::new(APIS, "APIExportEndpointSlice", "apiexportendpointslices")
        .version(
            Version::new("v1alpha1", schema)
                .column("Export", ".spec.export.name", "")
                .column("Partition", ".spec.partition", "")
                .age()
                .status(),
        )
        .build()
}

pub(super) fn api_conversions() -> Value {
    let rule = object()
        .describe("Where a field goes.")
        .must("destination", "JSON path in the target.", string().not_empty())
        .must("field", "JSON path in the source.", string().not_empty())
        .may("transformation", "CEL over self that makes the value.", string());
    let conversion = object()
        .describe("How one version becomes another.")
        .must("from", "Source version.", version_name())
        .may("preserve", "JSON paths that an annotation keeps.", list(string()))
        .must("rules", "Field rules.", keyed(&["destination"], rule))
        .must("to", "Target version.", version_name());
    let spec = object().must("conversions", "One entry per direction.", keyed(&["from", "to"], conversion));
    let schema = kind_schema("Conversion rules of the APIResourceSchema of the same name.")
        .must("spec", "The rules.", spec)
        .require(&["metadata"]);
    Crd::new(APIS, "APIConversion", "apiconversions")
        .version(Version::new("v1alpha1", schema).age().no_subresources())
        .build()
}
