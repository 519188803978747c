//! Which relationship decides a request. Pure: the same request is always the same question.

use std::fmt;

use fga_client::{CheckRequest, Explain, TupleKey};
use fga_model::{Naming, ParentVerb, ResourceName};

use crate::{ApiEntry, ResourceRequest};

/// The account behind a logical cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// The cluster made for the account.
    pub cluster: String,
    /// The cluster that holds the Account object.
    pub parent: String,
    /// Name of the Account.
    pub name: String,
}

/// A question to a relationship store.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// `type:id`.
    pub object: String,
    /// Relation asked for.
    pub relation: String,
    /// Who may have it.
    pub user: String,
    /// Places in the account tree that are stored nowhere, for this question only.
    pub contextual: Vec<TupleKey>,
}

const PARENT: &str = "parent";

fn account_resource() -> ResourceName {
    ResourceName::new("core.platform-mesh.io", "accounts", "account")
}

impl Account {
    /// The account as an object of relationships.
    pub fn object(&self, naming: Naming) -> String {
        naming.object(&naming.type_name(&account_resource()), &self.parent, &self.name)
    }
}

impl Question {
    /// A request for a resource in an account's workspace.
    ///
    /// Create, list and watch are relations of what the object would lie in; everything else is a relation of the
    /// object, which lies in its namespace or in the account.
    pub fn on_resource(
        naming: Naming,
        account: &Account,
        request: &ResourceRequest,
        api: &ApiEntry,
        user: &str,
    ) -> Self {
        let resource = ResourceName::new(&api.group, &request.resource, &api.singular);
        let account_object = account.object(naming);
        let object = naming.object(&naming.type_name(&resource), &account.cluster, &request.name);
        let namespace = || {
            let core = ResourceName::new("", "namespaces", "namespace");
            naming.object(&naming.type_name(&core), &account.cluster, &request.namespace)
        };
        let user = naming.user(user);
        match (ParentVerb::of(&request.verb), api.is_namespaced) {
            (Some(verb), false) => Self {
                relation: naming.parent_relation(verb, &resource),
                contextual: vec![TupleKey::new(object, PARENT, account_object.clone())],
                object: account_object,
                user,
            },
            (Some(verb), true) => Self {
                relation: naming.parent_relation(verb, &resource),
                contextual: vec![TupleKey::new(namespace(), PARENT, account_object)],
                object: namespace(),
                user,
            },
            (None, false) => Self {
                relation: request.verb.clone(),
                contextual: vec![TupleKey::new(object.clone(), PARENT, account_object)],
                object,
                user,
            },
            (None, true) => Self {
                relation: request.verb.clone(),
                contextual: vec![
                    TupleKey::new(namespace(), PARENT, account_object),
                    TupleKey::new(object.clone(), PARENT, namespace()),
                ],
                object,
                user,
            },
        }
    }

    /// Whether a consumer's account may bind an export: the export itself is the user of the relation.
    pub fn on_binding(naming: Naming, consumer: &Account, provider_cluster: &str, export: &str) -> Self {
        let exports = ResourceName::new("apis.kcp.io", "apiexports", "apiexport");
        Self {
            object: consumer.object(naming),
            relation: "bind".to_owned(),
            user: naming.object(&naming.type_name(&exports), provider_cluster, export),
            contextual: Vec::new(),
        }
    }

    /// A request in the workspace of all organisations: every verb is a relation of the one workspace object.
    pub fn on_orgs(naming: Naming, request: &ResourceRequest, user: &str) -> Self {
        let resource = ResourceName::new(&request.group, &request.resource, "");
        // The suffix behind the verb is the same for every verb.
        let create = naming.parent_relation(ParentVerb::Create, &resource);
        let suffix = create.strip_prefix("create").unwrap_or_default();
        Self {
            object: "tenancy_kcp_io_workspace:orgs".to_owned(),
            relation: format!("{}{suffix}", request.verb),
            user: naming.user(user),
            contextual: Vec::new(),
        }
    }

    /// The question as a relationship store takes it.
    pub(crate) fn to_check(&self, explain: Explain) -> CheckRequest {
        CheckRequest {
            contextual: self.contextual.clone(),
            explain,
            ..CheckRequest::new(&self.object, &self.relation, &self.user)
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}@{}", self.object, self.relation, self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account { cluster: "c1".into(), parent: "p1".into(), name: "dev".into() }
    }

    fn api(group: &str, singular: &str, is_namespaced: bool) -> ApiEntry {
        ApiEntry { group: group.into(), singular: singular.into(), is_namespaced }
    }

    fn request(verb: &str, resource: &str, namespace: &str, name: &str) -> ResourceRequest {
        ResourceRequest {
            verb: verb.into(),
            resource: resource.into(),
            namespace: namespace.into(),
            name: name.into(),
            ..ResourceRequest::default()
        }
    }

    #[track_caller]
    fn check(request: &ResourceRequest, api: &ApiEntry, question: &str, contextual: &[&str]) {
        let asked = Question::on_resource(Naming::Injective, &account(), request, api, "alice@example.io");
        let tuples: Vec<String> =
            asked.contextual.iter().map(|t| format!("{}#{}@{}", t.object, t.relation, t.user)).collect();
        assert_eq!(
            (asked.to_string().as_str(), tuples.iter().map(String::as_str).collect::<Vec<_>>()),
            (question, contextual.to_vec())
        );
    }

    const ACC: &str = "core_platform-mesh_io_account:p1/dev";

    #[test]
    fn rbw_05_cluster_scoped_resource_lies_in_the_account() {
        check(
            &request("get", "buckets", "", "b"),
            &api("s.io", "bucket", false),
            "s_io_bucket:c1/b#get@user:alice@example.io",
            &[&format!("s_io_bucket:c1/b#parent@{ACC}")],
        );
        check(
            &request("create", "buckets", "", ""),
            &api("s.io", "bucket", false),
            &format!("{ACC}#create_s_io_buckets@user:alice@example.io"),
            &[&format!("s_io_bucket:c1/#parent@{ACC}")],
        );
    }

    #[test]
    fn rbw_05_namespaced_resource_lies_in_its_namespace() {
        let namespace = format!("core_namespace:c1/ns#parent@{ACC}");
        check(
            &request("update", "configmaps", "ns", "m"),
            &api("", "configmap", true),
            "core_configmap:c1/m#update@user:alice@example.io",
            &[&namespace, "core_configmap:c1/m#parent@core_namespace:c1/ns"],
        );
        check(
            &request("list", "configmaps", "ns", ""),
            &api("", "configmap", true),
            "core_namespace:c1/ns#list_core_configmaps@user:alice@example.io",
            &[&namespace],
        );
    }

    #[test]
    fn rbw_06_bind_asks_whether_the_export_may_reach_the_account() {
        let asked = Question::on_binding(Naming::Injective, &account(), "prov", "storage.example.io");
        assert_eq!(asked.to_string(), format!("{ACC}#bind@apis_kcp_io_apiexport:prov/storage.example.io"));
    }

    #[test]
    fn rbw_03_every_verb_in_the_orgs_workspace_is_a_relation_of_it() {
        let accounts = ResourceRequest {
            group: "core.platform-mesh.io".into(),
            ..request("get", "accounts", "", "acme")
        };
        let asked = Question::on_orgs(Naming::Injective, &accounts, "alice");
        assert_eq!(
            asked.to_string(),
            "tenancy_kcp_io_workspace:orgs#get_core_platform-mesh_io_accounts@user:alice"
        );
    }
}
