//! Relationships of accounts, as tuples of an organisation's store.

use fga_model::{Naming, ResourceName};
use platform_mesh_api::{AccountInfo, AccountLocation, Tuple};

use crate::bind::BindRelation;

/// Relation between a role and who has it.
pub const ASSIGNEE: &str = "assignee";
/// The role of who created an account.
pub const OWNER_ROLE: &str = "owner";
/// The role of who may use an account.
pub const MEMBER_ROLE: &str = "member";
/// The role object that stands for everybody who has logged in.
pub const AUTHENTICATED_ROLE: &str = "role:authenticated";

/// Names that tuples of accounts are made of; the security operator has a flag for each.
///
/// ```
/// use account_model::{AccountRef, TupleNames};
///
/// let names = TupleNames::default();
/// let [assignment, relation] = names.ownership(&AccountRef::new("2xkfq1", "acme"), "ann@acme.test");
/// assert_eq!(
///     assignment.to_string(),
///     "role:core_platform-mesh_io_account/2xkfq1/acme/owner#assignee@user:ann@acme.test"
/// );
/// assert_eq!(relation.relation, "owner");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TupleNames {
    /// Type of accounts.
    pub object_type: String,
    /// Relation between an account and its creator's role.
    pub creator_relation: String,
    /// Relation between an account and its parent.
    pub parent_relation: String,
    /// How names of users and objects become ids. The webhook that reads the tuples must be told the same.
    pub naming: Naming,
}

impl Default for TupleNames {
    fn default() -> Self {
        Self {
            object_type: "core_platform-mesh_io_account".to_owned(),
            creator_relation: "owner".to_owned(),
            parent_relation: "parent".to_owned(),
            naming: Naming::Compat,
        }
    }
}

/// An account as relationships know it: its name, and the logical cluster that holds the Account object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountRef {
    /// Logical cluster of the workspace that holds the Account.
    pub origin_cluster: String,
    /// Name of the Account.
    pub name: String,
}

impl From<&AccountLocation> for AccountRef {
    fn from(location: &AccountLocation) -> Self {
        Self { origin_cluster: location.origin_cluster_id.clone(), name: location.name.clone() }
    }
}

impl From<&AccountInfo> for AccountRef {
    fn from(info: &AccountInfo) -> Self {
        Self::from(&info.spec.account)
    }
}

impl AccountRef {
    /// An account by the logical cluster that holds it, and its name.
    pub fn new(origin_cluster: impl Into<String>, name: impl Into<String>) -> Self {
        Self { origin_cluster: origin_cluster.into(), name: name.into() }
    }
}

impl TupleNames {
    /// The account as an object: `core_platform-mesh_io_account:<cluster>/<name>`.
    pub fn account(&self, account: &AccountRef) -> String {
        self.naming.object(&self.object_type, &account.origin_cluster, &account.name)
    }

    /// A role of the account as an object: `role:core_platform-mesh_io_account/<cluster>/<name>/<role>`.
    pub fn role(&self, account: &AccountRef, role: &str) -> String {
        self.naming.role(&self.object_type, &account.origin_cluster, &account.name, role)
    }

    fn role_prefix(&self, account: &AccountRef) -> String {
        self.role(account, "")
    }

    /// What makes the creator the owner: two tuples.
    pub fn ownership(&self, account: &AccountRef, creator: &str) -> [Tuple; 2] {
        let role = self.role(account, OWNER_ROLE);
        [
            Tuple::new(role.clone(), ASSIGNEE, self.naming.user(creator)),
            Tuple::new(self.account(account), self.creator_relation.clone(), format!("{role}#{ASSIGNEE}")),
        ]
    }

    /// What puts an account below another one.
    pub fn parent(&self, account: &AccountRef, parent: &AccountRef) -> Tuple {
        Tuple::new(self.account(account), self.parent_relation.clone(), self.account(parent))
    }

    /// All tuples of a new account: ownership, and its parent unless it is an organisation.
    pub fn of_new_account(
        &self,
        account: &AccountRef,
        parent: Option<&AccountRef>,
        creator: &str,
    ) -> Vec<Tuple> {
        let mut tuples = self.ownership(account, creator).to_vec();
        tuples.extend(parent.map(|parent| self.parent(account, parent)));
        tuples
    }

    /// What makes everybody who has logged in a member of the organisation.
    pub fn open_membership(&self, organization: &AccountRef) -> [Tuple; 2] {
        [
            Tuple::new(AUTHENTICATED_ROLE, ASSIGNEE, "user:*"),
            Tuple::new(self.account(organization), MEMBER_ROLE, format!("{AUTHENTICATED_ROLE}#{ASSIGNEE}")),
        ]
    }

    /// What gives a user a role (`owner`, `member`) on an account: the assignment, and the role's own relation, which
    /// may be there already.
    pub fn grant(&self, account: &AccountRef, role: &str, user: &str) -> [Tuple; 2] {
        let object = self.role(account, role);
        [
            Tuple::new(object.clone(), ASSIGNEE, self.naming.user(user)),
            Tuple::new(self.account(account), role, format!("{object}#{ASSIGNEE}")),
        ]
    }

    /// What takes the role away again: the assignment only, others may have the role too.
    pub fn revoke(&self, account: &AccountRef, role: &str, user: &str) -> Tuple {
        Tuple::new(self.role(account, role), ASSIGNEE, self.naming.user(user))
    }

    /// Who has a role on the account, by name, sorted; `*` is everybody who has logged in.
    pub fn assignees(&self, account: &AccountRef, role: &str, tuples: &[Tuple]) -> Vec<String> {
        let object = self.role(account, role);
        let mut users: Vec<String> = tuples
            .iter()
            .filter(|tuple| tuple.object == object && tuple.relation == ASSIGNEE)
            .filter_map(|tuple| tuple.user.strip_prefix("user:"))
            .map(|id| self.naming.user_name(id))
            .collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    /// What lets an account (or it and all below) bind an export of a provider.
    pub fn bind(
        &self,
        account: &AccountRef,
        relation: BindRelation,
        provider_cluster: &str,
        export: &str,
    ) -> Tuple {
        let exports = ResourceName::new("apis.kcp.io", "apiexports", "apiexport");
        let export = self.naming.object(&self.naming.type_name(&exports), provider_cluster, export);
        Tuple::new(self.account(account), relation.as_str(), export)
    }

    /// Whether a tuple names the account: as its object, as its user, or by one of its roles.
    pub fn names_account(&self, tuple: &Tuple, account: &AccountRef) -> bool {
        let object = self.account(account);
        let roles = self.role_prefix(account);
        [tuple.object.as_str(), subject_object(&tuple.user)]
            .into_iter()
            .any(|side| side == object || side.strip_prefix(roles.as_str()).is_some_and(is_role_name))
    }

    /// The tuples that have to go when the account goes: exactly those that name it.
    pub fn of_deleted_account<'a>(&self, account: &AccountRef, tuples: &'a [Tuple]) -> Vec<&'a Tuple> {
        tuples.iter().filter(|tuple| self.names_account(tuple, account)).collect()
    }
}

/// The object part of a user: `role:x` of `role:x#assignee`.
fn subject_object(user: &str) -> &str {
    user.split_once('#').map_or(user, |(object, _)| object)
}

fn is_role_name(rest: &str) -> bool {
    !rest.is_empty() && !rest.contains('/')
}
