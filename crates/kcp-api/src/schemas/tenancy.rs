//! Schemas of Workspace and WorkspaceType.

use serde_json::{Value, json};

use super::notation::{
    Crd, Schema, Version, atomic, boolean, kind_schema, list, object, string, string_map, word_of,
};
use super::shared::{
    WORKSPACE_NAME, conditions, label_selector, life_cycle_names, path, phase, type_reference,
};
use crate::tenancy::v1alpha1::{ApiBindingLifecycleMode, VirtualWorkspaceType};

const TENANCY: &str = "tenancy.kcp.io";

fn workspace_name() -> Schema {
    string().not_empty().with("maxLength", 63).pattern(WORKSPACE_NAME)
}

pub(super) fn workspaces() -> Value {
    let schema = kind_schema(
        "A child workspace: an endpoint with the discovery, OpenAPI and resources of a Kubernetes cluster.",
    )
    .may("metadata", "", object().may("name", "", workspace_name()))
    .must("spec", "What kind of workspace it is, and where.", workspace_spec())
    .may("status", "State, mirrored from the logical cluster.", workspace_status());
    Crd::new(TENANCY, "Workspace", "workspaces")
        .short_name("ws")
        .version(
            Version::new("v1alpha1", schema)
                .column("Type", ".spec.type.name", "Type of the workspace")
                .column("Region", ".metadata.labels['region']", "Region of the workspace")
                .column("Phase", ".status.phase", "Phase of the life cycle")
                .column("URL", ".spec.URL", "Address of the workspace")
                .age()
                .status(),
        )
        .build()
}

fn workspace_spec() -> Schema {
    let mount_reference = object()
        .must("apiVersion", "Group and version of the object.", string())
        .must("kind", "Kind of the object.", string())
        .must("name", "Name of the object.", string())
        .may("namespace", "Namespace of the object, where it has one.", string())
        .rule("has(oldSelf.apiVersion) == has(self.apiVersion)", "apiVersion is immutable")
        .rule("has(oldSelf.kind) == has(self.kind)", "kind is immutable")
        .rule("has(oldSelf.name) == has(self.name)", "name is immutable");
    let mount = object()
        .must("ref", "The object behind the workspace.", mount_reference)
        .rule("self == oldSelf", "mount is immutable");
    let type_ = type_reference()
        .rule("self.name == oldSelf.name", "name is immutable")
        .rule("has(oldSelf.path) == has(self.path)", "path is immutable")
        .rule("!has(oldSelf.path) || !has(self.path) || self.path == oldSelf.path", "path is immutable");
    object()
        .may("URL", "Address of the workspace; kcp writes it.", string())
        .may(
            "cluster",
            "Name of the logical cluster; kcp writes it.",
            string().rule("self == oldSelf", "cluster is immutable"),
        )
        .may(
            "location",
            "Which shards may hold the workspace; any where it is missing.",
            object().may("selector", "Shards by label.", label_selector()),
        )
        .may("mount", "An object that answers in place of a logical cluster.", mount)
        .may(
            "type",
            "Type of the workspace; the parent's default where it is missing. Its use needs the verb `use`.",
            type_,
        )
        .rule("!has(oldSelf.URL) || has(self.URL)", "URL cannot be unset")
        .rule("!has(oldSelf.cluster) || has(self.cluster)", "cluster cannot be unset")
        .default(json!({}))
}

fn workspace_status() -> Schema {
    object()
        .may("conditions", "Conditions of the workspace.", conditions())
        .may("initializers", "Initializers that have not finished.", life_cycle_names())
        .may("phase", "Phase of the life cycle.", phase())
        .may("terminators", "Terminators that have not finished.", life_cycle_names())
        .default(json!({}))
}

pub(super) fn workspace_types() -> Value {
    let name = workspace_name().with("not", json!({"enum": ["system", "any"]}));
    let endpoint = object()
        .may("type", "Which half of the life cycle it serves.", word_of(VirtualWorkspaceType::KNOWN))
        .must("url", "Base URL of the virtual workspace.", string().not_empty());
    let status = object().may("conditions", "Conditions of the type.", conditions()).may(
        "virtualWorkspaces",
        "Where initializers and terminators work.",
        list(endpoint),
    );
    let schema = kind_schema("What workspaces of a type start with, and where they may stand.")
        .may("metadata", "", object().may("name", "", name))
        .may("spec", "Contributions and limits.", type_spec())
        .may("status", "What kcp made of the type.", status);
    Crd::new(TENANCY, "WorkspaceType", "workspacetypes")
        .version(Version::new("v1alpha1", schema).status())
        .build()
}

fn type_spec() -> Schema {
    let binding = object().must("export", "Name of the APIExport.", string()).may(
        "path",
        "Workspace path or cluster name of the export; the type's own where it is missing.",
        path(),
    );
    let default_child = type_reference().default(json!({"name": "universal", "path": "root"}));
    object()
        .may(
            "additionalWorkspaceLabels",
            "Labels that new workspaces get where they lack them.",
            string_map(),
        )
        .may(
            "authenticationConfigurations",
            "Token issuers that workspaces of the type trust, besides the server's.",
            list(object().must(
                "name",
                "Name of a WorkspaceAuthenticationConfiguration beside the type.",
                string(),
            )),
        )
        .may(
            "defaultAPIBindingLifecycle",
            "InitializeOnly binds at creation; Maintain follows later changes, too.",
            word_of(ApiBindingLifecycleMode::KNOWN),
        )
        .may("defaultAPIBindings", "Exports that a new workspace binds, claims accepted.", list(binding))
        .may("defaultChildWorkspaceType", "Type of children that name none.", default_child)
        .may(
            "extend",
            "Types whose contributions and limits this type takes over.",
            object().may("with", "The types.", list(type_reference())),
        )
        .may("initializer", "Whether new workspaces wait for the type's initializer.", boolean())
        .may(
            "initializerPermissions",
            "What the initializer may do in a workspace with its own identity.",
            permissions(),
        )
        .may("limitAllowedChildren", "Types that may stand below.", limit())
        .may("limitAllowedParents", "Types that may stand above.", limit())
        .may("terminator", "Whether deleted workspaces wait for the type's terminator.", boolean())
        .may(
            "terminatorPermissions",
            "What the terminator may do in a workspace with its own identity.",
            permissions(),
        )
}

fn limit() -> Schema {
    object()
        .may("none", "No type is allowed.", boolean())
        .may("types", "These types are allowed.", list(type_reference()).with("minItems", 1))
        .one_of(&["none", "types"])
}

fn permissions() -> Schema {
    list(
        object()
            .describe("A rule as RBAC has them.")
            .may("apiGroups", "API groups; `*` stands for all.", atomic(string()))
            .may("nonResourceURLs", "Paths that are no resources.", atomic(string()))
            .may("resourceNames", "Object names; any where it is empty.", atomic(string()))
            .may("resources", "Resources; `*` stands for all.", atomic(string()))
            .must("verbs", "Verbs; `*` stands for all.", atomic(string())),
    )
}
