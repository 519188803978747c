//! Kinds of other groups that the platform's exports also carry. No controller here acts on them, so they have
//! manifests but no Rust types.

use crate::{
    definition::{Definition, PrinterColumn, READY_COLUMN},
    identity_provider_configuration::secret_ref,
    schema::{Schema, any, conditions, date_time, integer64, list, map_of, object, string},
};
use serde_json::json;

pub(crate) fn definitions() -> [Definition; 4] {
    [CONTENT_CONFIGURATION, PROVIDER_METADATA, PROVIDER, PROVIDER_PERMISSIONS]
}

const CONTENT_CONFIGURATION: Definition = Definition {
    group: "ui.platform-mesh.io",
    short_names: &["cc"],
    revision: "v250704",
    columns: &[
        READY_COLUMN,
        PrinterColumn {
            name: "Valid",
            type_: "string",
            json_path: r#".status.conditions[?(@.type=="Valid")].status"#,
        },
    ],
    spec: || {
        let content_type = || string().one_of(&["yaml", "json"]).doc("How the content is written.");
        let secret =
            object([("name", string().default_value(json!("")).doc("Name of the Secret."))]).atomic_map();
        object([
            (
                "inlineConfiguration",
                object([("content", string().doc("The content.")), ("contentType", content_type())])
                    .required(&["content", "contentType"])
                    .doc("Content that stands here."),
            ),
            (
                "remoteConfiguration",
                object([
                    ("url", string().doc("Where the content is fetched.")),
                    ("internalUrl", string().doc("The same from inside the platform.")),
                    ("contentType", content_type()),
                    (
                        "authentication",
                        object([("type", string().doc("How to authenticate.")), ("secretRef", secret)])
                            .doc("Credentials for fetching."),
                    ),
                ])
                .required(&["contentType", "url"])
                .doc("Content that is fetched."),
            ),
        ])
        .doc("Where the content comes from.")
    },
    status: || {
        object([
            ("conditions", conditions()),
            ("configurationResult", string().doc("The content as the portal uses it.")),
            ("observedGeneration", integer64().doc("Generation of the spec that the status speaks of.")),
            ("nextReconcileTime", date_time().doc("When the next look out of turn is due.")),
        ])
        .doc("What was read.")
    },
    ..Definition::core(
        "ContentConfiguration",
        "contentconfigurations",
        "A piece of the portal's user interface.",
    )
};

const PROVIDER_METADATA: Definition = Definition {
    group: "ui.platform-mesh.io",
    revision: "v250725",
    spec: || {
        let link = || {
            object([
                ("displayName", string().doc("What people see.")),
                ("url", string().doc("Where it leads.")),
            ])
        };
        let picture =
            || object([("data", string().doc("The picture.")), ("url", string().doc("Where it lies."))]);
        let contact = object([
            ("displayName", string().doc("What people see.")),
            ("email", string().doc("Mail address.")),
            ("role", list(string()).doc("What they are asked for.")),
        ])
        .required(&["displayName"]);
        object([
            ("displayName", string().doc("What people see.")),
            ("description", string().doc("A sentence for people.")),
            ("tags", list(string()).doc("Words to find it by.")),
            ("contacts", list(contact).doc("People to ask.")),
            ("documentation", list(link()).doc("What to read.")),
            ("helpCenterData", list(link()).doc("Where help is.")),
            ("links", list(link()).doc("Further links.")),
            ("preferredSupportChannels", list(link()).doc("Where to ask first.")),
            (
                "icon",
                object([("dark", picture()), ("light", picture())])
                    .required(&["dark", "light"])
                    .doc("Pictures for dark and light backgrounds."),
            ),
            ("data", any().doc("Anything; kept as it is.")),
        ])
        .required(&["displayName"])
        .doc("What people see of a provider.")
    },
    status: || object([]).doc("Empty."),
    ..Definition::core("ProviderMetadata", "providermetadatas", "What people see of a provider.")
};

const PROVIDER: Definition = Definition {
    group: "providers.platform-mesh.io",
    revision: "v260630",
    spec_required: true,
    columns: &[
        PrinterColumn { name: "Phase", type_: "string", json_path: ".status.phase" },
        PrinterColumn {
            name: "KubeconfigSecret",
            type_: "string",
            json_path: ".status.kubeconfigSecretRef.name",
        },
        PrinterColumn {
            name: "Ready",
            type_: "string",
            json_path: ".status.conditions[?(@.type=='Ready')].status",
        },
    ],
    spec: || {
        object([
            ("hostOverride", string().doc("Host to write into the kubeconfig.")),
            (
                "providerKubeconfigSecret",
                object([
                    ("key", string().doc("Key in the Secret.")),
                    ("name", string().doc("Name of the Secret.")),
                    ("namespace", string().doc("Namespace of the Secret.")),
                ])
                .required(&["key", "name", "namespace"])
                .doc("Where the kubeconfig is written."),
            ),
        ])
        .doc("What the provider needs.")
    },
    status: || {
        object([
            ("phase", string().doc("How far the provider has come.")),
            ("observedGeneration", integer64().doc("Generation of the spec that the status speaks of.")),
            ("providerKubeconfigSecretRef", secret_ref().doc("Secret that holds the kubeconfig.")),
            ("conditions", conditions().keyed_list(&["type"])),
        ])
        .doc("How far the provider has come.")
    },
    ..Definition::core("Provider", "providers", "Somebody who offers APIs.")
};

const PROVIDER_PERMISSIONS: Definition = Definition {
    group: "providers.platform-mesh.io",
    revision: "v260703",
    spec: || {
        object([
            (
                "apiExport",
                object([(
                    "ref",
                    object([("name", string().doc("Name of the export."))]).required(&["name"]),
                )])
                .required(&["ref"])
                .doc("The export that this is about."),
            ),
            ("permissions", map_of(permission()).doc("Who may do what, by resource.")),
            ("roles", list(role()).doc("Roles that people may be given.")),
        ])
        .required(&["apiExport"])
        .doc("Who may do what with an export's resources.")
    },
    status: || {
        object([
            ("conditions", conditions()),
            ("observedGeneration", integer64().doc("Generation of the spec that the status speaks of.")),
        ])
        .doc("What was read.")
    },
    ..Definition::core(
        "ProviderPermissions",
        "providerpermissions",
        "Who may do what with an export's resources.",
    )
};

fn permission() -> Schema {
    let expression = || string().doc("Relation expression.");
    object([
        ("additionalPermissions", map_of(expression()).doc("Further permissions by name.")),
        (
            "defaultPermissions",
            object([
                ("delete", expression()),
                ("get", expression()),
                ("patch", expression()),
                ("update", expression()),
                ("watch", expression()),
            ])
            .doc("Permissions of the usual verbs."),
        ),
    ])
}

fn role() -> Schema {
    let entry = object([
        ("id", string().doc("Name of the relation.")),
        ("displayName", string().doc("What people see.")),
        ("description", string().doc("A sentence for people.")),
        ("definition", string().doc("Relation expression.")),
    ])
    .required(&["description", "displayName", "id"]);
    object([
        ("groupResource", string().doc("Resource that the roles are for.")),
        ("roles", list(entry).doc("The roles.")),
    ])
    .required(&["groupResource", "roles"])
}
