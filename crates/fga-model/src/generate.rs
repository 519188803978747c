//! Modules that Platform Mesh generates: one for each API resource, and the core modules they extend.
//!
//! Pure functions: what should exist for a resource. Who fetches resources and writes models is somebody else.

use crate::{
    ModuleFile,
    naming::{Naming, ParentVerb, ResourceName},
};

/// Type of accounts, the parent of cluster-scoped resources.
pub const ACCOUNT_TYPE: &str = "core_platform-mesh_io_account";
/// Type of namespaces, the parent of namespaced resources.
pub const NAMESPACE_TYPE: &str = "core_namespace";
/// Group-versions whose resources every organisation's model gets, in their order.
pub const DISCOVERED_STANDARD: [&str; 5] = [
    "authentication.k8s.io/v1",
    "authorization.k8s.io/v1",
    "v1",
    "apis.kcp.io/v1alpha1",
    "ui.platform-mesh.io/v1alpha1",
];
/// Group-versions whose resources only owners may change; they come after the standard ones.
pub const DISCOVERED_PRIVILEGED: [&str; 1] = ["rbac.authorization.k8s.io/v1"];

/// Where objects of a resource live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResourceScope {
    /// In the workspace; the parent is the account.
    Cluster,
    /// In a namespace, which is the parent.
    Namespaced,
}

/// Who may change objects of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Template {
    /// Members.
    #[default]
    Standard,
    /// Owners only; they may also bind and escalate. For the RBAC group.
    Privileged,
}

/// A resource as a model needs to know it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiResource {
    /// Its names.
    pub name: ResourceName,
    /// Where its objects live.
    pub scope: ResourceScope,
}

impl ApiResource {
    /// A resource without a namespace.
    pub fn cluster_scoped(
        group: impl Into<String>,
        plural: impl Into<String>,
        singular: impl Into<String>,
    ) -> Self {
        Self { name: ResourceName::new(group, plural, singular), scope: ResourceScope::Cluster }
    }

    /// A resource in namespaces.
    pub fn namespaced(
        group: impl Into<String>,
        plural: impl Into<String>,
        singular: impl Into<String>,
    ) -> Self {
        Self { name: ResourceName::new(group, plural, singular), scope: ResourceScope::Namespaced }
    }
}

/// The module of one resource: its type, and three relations on its parent.
///
/// Text and blank lines are those of the Go generator, so that an upgrade rewrites no AuthorizationModel object.
pub fn resource_module(
    naming: Naming,
    resource: &ApiResource,
    template: Template,
    account_type: &str,
) -> String {
    let type_name = naming.type_name(&resource.name);
    let relation = |verb| naming.parent_relation(verb, &resource.name);
    let (create, list, watch) =
        (relation(ParentVerb::Create), relation(ParentVerb::List), relation(ParentVerb::Watch));
    let (parent, before_extend, before_type) = match resource.scope {
        ResourceScope::Cluster => (account_type, "\n\n", "\n\n\n\n"),
        ResourceScope::Namespaced => (NAMESPACE_TYPE, "\n\n\n\n", "\n\n"),
    };
    let prefix = if template == Template::Privileged { "internal_core_types_" } else { "" };
    let module = format!("{prefix}{}", module_name(&resource.name.plural));
    let (changes, extra) = match template {
        Template::Standard => ("member", String::new()),
        Template::Privileged => {
            ("owner", "\n\t\tdefine bind: owner\n\t\tdefine escalate: owner\n".to_owned())
        }
    };
    format!(
        "module {module}\n{before_extend}\
         extend type {parent}\n\
         \trelations\n\
         \t\tdefine {create}: owner\n\
         \t\tdefine {list}: member\n\
         \t\tdefine {watch}: member\n{before_type}\
         type {type_name}\n\
         \trelations\n\
         \t\tdefine parent: [{parent}]\n\
         \t\tdefine member: [role#assignee] or owner or member from parent\n\
         \t\tdefine owner: [role#assignee] or owner from parent\n\
         \t\t\n\
         \t\tdefine get: member\n\
         \t\tdefine update: {changes}\n\
         \t\tdefine delete: {changes}\n\
         \t\tdefine patch: {changes}\n\
         \t\tdefine watch: member\n{extra}\
         \n\
         \t\tdefine manage_iam_roles: owner\n\
         \t\tdefine get_iam_roles: member\n\
         \t\tdefine get_iam_users: member\n\
         \n"
    )
}

/// A plural as a module's name. Words of the language and names that begin with no letter get a `_`; the Go
/// generator writes a module there that nobody can read.
fn module_name(plural: &str) -> String {
    let reserved =
        ["and", "or", "from", "with", "define", "relations", "condition", "in", "true", "false", "null"];
    let letter = plural.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if letter && !reserved.contains(&plural) { plural.to_owned() } else { format!("_{plural}") }
}

/// The module file of a resource that every organisation's model gets (see [`DISCOVERED_STANDARD`] and
/// [`DISCOVERED_PRIVILEGED`]).
pub fn discovered_module(
    naming: Naming,
    resource: &ApiResource,
    template: Template,
    account_type: &str,
) -> ModuleFile {
    let name = format!("internal_core_types_{}.fga", resource.name.plural);
    ModuleFile::new(name, resource_module(naming, resource, template, account_type))
}

/// Name of the AuthorizationModel object of a resource that an organisation binds: `<group>-<plural>-<org>`.
pub fn authorization_model_name(resource: &ResourceName, organisation: &str) -> String {
    format!("{}-{}-{organisation}", resource.group, resource.plural).replace('.', "-")
}

/// File name of the module of a Store's core module or of an AuthorizationModel object.
pub fn module_file_name(object_name: &str) -> String {
    format!("/{object_name}.fga")
}

/// Whether resources of an export of this name get modules; those of the platform and of kcp do not.
pub fn is_generated_export(export: &str) -> bool {
    !matches!(export, "core.platform-mesh.io" | "system.platform-mesh.io") && !export.ends_with("kcp.io")
}

/// The core module of an organisation: users, roles, accounts and what belongs to them. It refers to the type of
/// APIExports, which [`discovered_module`] makes, so it is no model alone.
pub fn core_module(account_type: &str) -> String {
    format!(
        "module core

type user

type role
  relations
    define assignee: [user, user:*]

type {account_type}
  relations
    define parent: [{account_type}]

    define owner: [role#assignee] or owner from parent
    define member: [role#assignee] or owner

    define get: member
    define update: member
    define patch: member
    define watch: member
    define delete: owner

    define create_core_platform-mesh_io_accounts: member
    define list_core_platform-mesh_io_accounts: member
    define watch_core_platform-mesh_io_accounts: member

    define create_core_platform-mesh_io_accountinfos: member
    define list_core_platform-mesh_io_accountinfos: member
    define watch_core_platform-mesh_io_accountinfos: member

    define list_core_kcp_io_logicalclusters: member
    define watch_core_kcp_io_logicalclusters: member

    define manage_iam_roles: owner
    define get_iam_roles: member
    define get_iam_users: member

    define bind_inherited: [apis_kcp_io_apiexport] or bind_inherited from parent
    define bind: [apis_kcp_io_apiexport] or bind_inherited

type core_platform-mesh_io_accountinfo
  relations
    define parent: [{account_type}]
    define member: member from parent
    define owner: owner from parent

    define get: member
    define watch: member

    define manage_iam_roles: owner
    define get_iam_roles: member
    define get_iam_users: member

type core_kcp_io_logicalcluster
  relations
    define parent: [{account_type}]
    define member: member from parent

    define get: member
    define watch: member
"
    )
}

/// The whole module of the store `orgs`: who may see and make organisations.
pub fn orgs_module() -> &'static str {
    "module core

type user

type role
  relations
    define assignee: [user, user:*]

type tenancy_kcp_io_workspace
  relations
    define owner: [role#assignee]
    define member: [role#assignee]

    define create_core_platform-mesh_io_accounts: member
    define list_core_platform-mesh_io_accounts: member
    define get_core_platform-mesh_io_accounts: member
    define watch_core_platform-mesh_io_accounts: member
"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ModelErrors, ModelLimits, compose_isolated};

    #[test]
    fn fgm_03_privileged_resources_need_the_owner_for_changes() -> Result<(), ModelErrors> {
        let namespaces = ApiResource::cluster_scoped("", "namespaces", "namespace");
        let exports = ApiResource::cluster_scoped("apis.kcp.io", "apiexports", "apiexport");
        let roles = ApiResource::namespaced("rbac.authorization.k8s.io", "roles", "role");
        let base = [
            ModuleFile::new("/acme.fga", core_module(ACCOUNT_TYPE)),
            discovered_module(Naming::Compat, &namespaces, Template::Standard, ACCOUNT_TYPE),
            discovered_module(Naming::Compat, &exports, Template::Standard, ACCOUNT_TYPE),
        ];
        let extension = [discovered_module(Naming::Compat, &roles, Template::Privileged, ACCOUNT_TYPE)];
        let composition = compose_isolated(&base, &extension, ModelLimits::OPENFGA)?;
        assert_eq!(composition.refused, []);
        let model = composition.model;
        let rewrite = |t: &str, r: &str| model.relation(t, r).map(|r| r.rewrite.clone());
        let owner = Some(crate::Rewrite::Computed("owner".to_owned()));
        let role = "rbac_authorization_k8s_io_role";
        for verb in ["update", "delete", "patch", "bind", "escalate"] {
            assert_eq!(rewrite(role, verb), owner, "{verb}");
        }
        assert_ne!(rewrite(role, "get"), owner);
        assert_eq!(rewrite("core_namespace", "create_rbac_authorization_k8s_io_roles"), owner);
        Ok(())
    }

    #[test]
    fn b_05_a_plural_that_is_a_word_of_the_language_still_makes_a_module() {
        let resource = ApiResource::cluster_scoped("example.io", "relations", "relation");
        let text = resource_module(Naming::Injective, &resource, Template::Standard, ACCOUNT_TYPE);
        assert!(crate::parse_document(&text).is_ok(), "{text}");
    }
}
