//! Schemas of APIExport and APIBinding, in both versions.

use serde_json::{Value, json};

use super::notation::{
    Crd, Schema, Version, boolean, keyed, kind_schema, list, object, set, string, word_of,
};
use super::shared::{
    GROUP, REFERENCE_UNCHANGED, RESOURCE, conditions, export_reference, identity, selector_fields,
};
use crate::apis::v1alpha1::{BindingPhase, ClaimState};

const APIS: &str = "apis.kcp.io";
const EXPORT: &str = "An API that a provider publishes for others to bind with an APIBinding.";
const BINDING: &str = "An API of a provider in use in this workspace.";
const CLAIMS: &str = "Resources of the consumer that the provider asks for. Nothing is granted until the consumer accepts it; claims on the export's own resources have no effect.";
const ANSWERS: &str =
    "The consumer's answers to the export's claims; access is granted per group, resource and identity.";

pub(super) fn api_exports() -> Value {
    let v1alpha1 = object()
        .may("identity", IDENTITY, identity())
        .may(
            "latestResourceSchemas",
            "Names of the APIResourceSchemas that are published; bindings follow changes.",
            set(string()),
        )
        .may("maximalPermissionPolicy", POLICY, policy())
        .may("permissionClaims", CLAIMS, keyed(&["group", "resource"], claim_v1(true)));
    let v1alpha2 = object()
        .may("identity", IDENTITY, identity())
        .may("maximalPermissionPolicy", POLICY, policy())
        .may("permissionClaims", CLAIMS, keyed(&["group", "resource"], claim_v2()))
        .may("resources", "Published resources.", keyed(&["name", "group"], published_resource()));
    let schema = |spec: Schema| {
        kind_schema(EXPORT).may("spec", "What is published and what is asked.", spec).may(
            "status",
            "What kcp knows about the export.",
            export_status(),
        )
    };
    Crd::new(APIS, "APIExport", "apiexports")
        .no_conversion()
        .version(
            Version::new("v1alpha1", schema(v1alpha1))
                .age()
                .column("Ready", r#".status.conditions[?(@.type=="VirtualWorkspaceURLsReady")].status"#, "")
                .status()
                .served_only(),
        )
        .version(Version::new("v1alpha2", schema(v1alpha2)).age().status())
        .build()
}

const IDENTITY: &str = "Secret with the identity key. kcp makes one named like the export where none is given. The identity decides where instances are stored and never changes; whoever holds the key can publish under it.";
const POLICY: &str =
    "Upper bound of what consumers may do with this API, besides their own workspace's RBAC.";

fn policy() -> Schema {
    object()
        .may(
            "local",
            "RBAC in the export's workspace decides, with users and groups prefixed `apis.kcp.io:binding:`.",
            object(),
        )
        .one_of(&["local"])
}

fn published_resource() -> Schema {
    let reference = object()
        .may("apiGroup", "API group of the object.", string())
        .must("kind", "Kind of the object.", string())
        .must("name", "Name of the object.", string())
        .whole();
    let virtual_ = object().must("identityHash", "Identity of the virtual resource.", string()).must(
        "reference",
        "Object in the same workspace that names the endpoint.",
        reference,
    );
    let storage = object()
        .may("crd", "Instances are stored as custom resources.", object())
        .may("virtual", "Instances come from a virtual resource.", virtual_)
        .one_of(&["crd", "virtual"])
        .rule("has(self.crd) != has(self.virtual)", "Exactly one of crd or virtual must be set")
        .default(json!({"crd": {}}));
    object()
        .must("group", "API group; empty for core.", string())
        .must("name", "Plural resource name.", string())
        .must("schema", "Name of an APIResourceSchema in the same workspace.", string())
        .may("storage", "Where instances live.", storage)
}

fn export_status() -> Schema {
    object()
        .may("conditions", "Conditions of the export.", conditions())
        .may("identityHash", "SHA-256 of the identity key; never changes once set.", string())
        .may(
            "virtualWorkspaces",
            "Deprecated: URLs stand in APIExportEndpointSlices.",
            list(object().must("url", "URL of a virtual workspace.", string().not_empty())),
        )
}

fn group() -> Schema {
    string().pattern(GROUP)
}

const IDENTITY_OF_CLAIM: &str =
    "Identity of the export that provides the resource, from its status; empty for built-in resources.";
const GROUP_OF_CLAIM: &str = "API group; empty for core.";

/// A claim in v1alpha1; only the export defaults its group.
fn claim_v1(in_export: bool) -> Schema {
    let group = if in_export { group().default(json!("")) } else { group() };
    let named = object()
        .may(
            "name",
            "Object name; in every namespace where none is given.",
            string().not_empty().with("maxLength", 253).pattern("^([a-z0-9][-a-z0-9_.]*)?[a-z0-9]$"),
        )
        .may("namespace", "Namespace; every object in it where no name is given.", string().not_empty())
        .rule("has(self.__namespace__) || has(self.name)", "at least one field must be set");
    object()
        .describe("A resource of the consumer that the provider asks for.")
        .may("all", "Every object; excludes resourceSelector.", boolean())
        .may("group", GROUP_OF_CLAIM, group)
        .may("identityHash", IDENTITY_OF_CLAIM, string())
        .must("resource", "Plural resource name.", string().pattern(RESOURCE))
        .may("resourceSelector", "Objects by name and namespace.", list(named))
        .rule(
            "(has(self.all) && self.all) != (has(self.resourceSelector) && size(self.resourceSelector) > 0)",
            r#"either "all" or "resourceSelector" must be set"#,
        )
}

/// A claim in v1alpha2.
fn claim_v2() -> Schema {
    object()
        .describe("A resource of the consumer that the provider asks for.")
        .may(
            "defaultSelector",
            "Scope that default bindings of workspace types accept; every object where it is missing.",
            claim_selector(),
        )
        .may("group", GROUP_OF_CLAIM, group().default(json!("")))
        .may("identityHash", IDENTITY_OF_CLAIM, string().default(json!("")))
        .must("resource", "Plural resource name.", string().pattern(RESOURCE))
        .must("verbs", "Verbs asked; `*` stands for all.", set(string()).with("minItems", 1))
}

fn claim_selector() -> Schema {
    selector_fields(object().may("matchAll", "Every object.", boolean()))
}

/// A claim with the scope in which the consumer answers it.
fn scoped_claim() -> Schema {
    let selector = claim_selector().rule("self == oldSelf", "Permission claim selector is immutable");
    claim_v2().must("selector", "Objects granted; it never changes inside an entry.", selector)
}

fn answer_state() -> Schema {
    word_of(ClaimState::KNOWN)
}

pub(super) fn api_bindings() -> Value {
    const STATE: &str = "Whether the consumer accepts the claim.";
    let keys = &["group", "resource", "identityHash"];
    let reference = || {
        object()
            .may(
                "export",
                "The APIExport; who creates the binding needs the verb `bind` on it.",
                export_reference(),
            )
            .rule(REFERENCE_UNCHANGED.0, REFERENCE_UNCHANGED.1)
    };
    let v1alpha1 = object()
        .may("permissionClaims", ANSWERS, list(claim_v1(false).must("state", STATE, answer_state())))
        .must("reference", "What is bound.", reference().one_of(&["export"]));
    let v1alpha2 = object()
        .may("permissionClaims", ANSWERS, keyed(keys, scoped_claim().must("state", STATE, answer_state())))
        .must("reference", "What is bound.", reference());
    let schema = |spec: Schema, status: Schema| {
        kind_schema(BINDING).must("spec", "What is bound and which claims are answered.", spec).may(
            "status",
            "What kcp made of the binding.",
            status,
        )
    };
    let v1_status = binding_status(list(claim_v1(false)), list(claim_v1(false)));
    let v2_status = binding_status(keyed(keys, scoped_claim()), list(claim_v2()));
    let columns = |version: Version| {
        version.age().column("Ready", r#".status.conditions[?(@.type=="Ready")].status"#, "").status()
    };
    Crd::new(APIS, "APIBinding", "apibindings")
        .no_conversion()
        .version(columns(Version::new("v1alpha1", schema(v1alpha1, v1_status))).served_only())
        .version(columns(Version::new("v1alpha2", schema(v1alpha2, v2_status))))
        .build()
}

fn binding_status(applied: Schema, asked: Schema) -> Schema {
    let schema_reference = object()
        .must("UID", "UID of the APIResourceSchema.", string().not_empty())
        .must(
            "identityHash",
            "Identity of the export: part of where instances are stored.",
            string().not_empty(),
        )
        .must("name", "Name of the APIResourceSchema.", string().not_empty());
    let bound = object()
        .describe("A resource that the binding serves.")
        .must("group", "API group; empty for core.", string())
        .must("resource", "Plural resource name.", string())
        .must("schema", "The schema behind it.", schema_reference)
        .may(
            "storageVersions",
            "Versions that objects were ever stored in; one may go once no object is left in it.",
            set(string()),
        );
    object()
        .may(
            "apiExportClusterName",
            "Name, not path, of the logical cluster that holds the export.",
            string(),
        )
        .may("appliedPermissionClaims", "Claims in force.", applied)
        .may("boundResources", "Resources that the binding serves.", keyed(&["group", "resource"], bound))
        .may("conditions", "Conditions of the binding.", conditions())
        .may("exportPermissionClaims", "Claims that the export asks.", asked)
        .may("phase", "Progress: empty, Binding, Bound.", word_of(BindingPhase::KNOWN))
}
