//! Which names an account may have, and what is named after it.

use std::collections::BTreeSet;

use platform_mesh_api::names::{ACCOUNT_TYPE_ACCOUNT, ACCOUNT_TYPE_ORG, KUBECTL_CLIENT};

/// Longest name of a workspace: a DNS label.
pub const LABEL_LENGTH_MAX: usize = kcp_api::names::NAME_LEN_MAX;
/// Longest name of an organisation: `<name>-account` still has to be a DNS label.
pub const ORG_NAME_LENGTH_MAX: usize = LABEL_LENGTH_MAX - "-account".len();
/// Shortest name of an organisation.
pub const ORG_NAME_LENGTH_MIN: usize = 3;
/// Names that no organisation may have: the bootstrap store, the realm of newcomers, Keycloak's own realm, and the
/// client of kubectl, for a realm has a client of the organisation's name beside it.
pub const RESERVED_ORG_NAMES: [&str; 4] = ["orgs", "welcome", "master", KUBECTL_CLIENT];

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// Nothing there.
    #[error("is empty")]
    Empty,
    /// Too many characters.
    #[error("has more than {0} characters")]
    TooLong(usize),
    /// A character that a DNS label has not.
    #[error("contains `{0}`; allowed are a-z, 0-9 and `-`")]
    Character(char),
    /// A dash at an end.
    #[error("begins or ends with `-`")]
    Dash,
    /// kcp wants the names of types to begin with a letter, and organisations give theirs to types.
    #[error("does not begin with a letter")]
    NoLetter,
}

/// Checks that a name is a DNS label, as names of workspaces must be.
///
/// # Errors
/// The first fault found.
pub fn check_label(name: &str) -> Result<(), NameFault> {
    use kcp_api::names::NameFault as Fault;
    kcp_api::names::check_path_part(name).map_err(|fault| match fault {
        Fault::UpperCase(letter) | Fault::Character(letter) => NameFault::Character(letter),
        Fault::OuterHyphen => NameFault::Dash,
        Fault::TooLong { len_max, .. } => NameFault::TooLong(len_max),
        _ => NameFault::Empty,
    })
}

/// Checks what the name of an organisation must be besides a DNS label.
///
/// # Errors
/// The first fault found.
pub fn check_org_name(name: &str) -> Result<(), NameFault> {
    check_label(name)?;
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(NameFault::NoLetter);
    }
    if name.len() > ORG_NAME_LENGTH_MAX {
        return Err(NameFault::TooLong(ORG_NAME_LENGTH_MAX));
    }
    Ok(())
}

/// Name of the WorkspaceType of accounts of a type in an organisation: `<org>-<type>`.
pub fn workspace_type_name(org: &str, account_type: &str) -> String {
    format!("{org}-{account_type}")
}

/// Name of the Secret with the credentials of a client of an organisation's realm, in `root:orgs`.
///
/// An organisation has two clients: one of its own name, and `kubectl`. Their Secrets stay apart from those of every
/// other organisation unless a name [ends like the second](collides_with_kubectl).
pub fn client_secret_name(org: &str, client: &str) -> String {
    format!("portal-client-secret-{org}-{client}")
}

/// Whether the Secrets of an organisation could be those of another one: `a-kubectl` has `…-a-kubectl-a-kubectl`, and
/// so has client `kubectl` of `a-kubectl-a`.
pub fn collides_with_kubectl(org: &str) -> bool {
    org.strip_suffix(KUBECTL_CLIENT).is_some_and(|rest| rest.is_empty() || rest.ends_with('-'))
}

/// The account types of a platform: `org`, and those that the operator is told of.
///
/// Names of WorkspaceTypes are `<org>-<type>`. They stay apart only if no type ends like another one: with types `org`
/// and `b-org`, organisation `a` and organisation `a-b` would share `a-b-org`. Such a set is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountTypes(BTreeSet<String>);

/// A set of account types that would give two things one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountTypesError {
    /// One type ends like another.
    #[error(
        "account type `{longer}` ends with `-{shorter}`: workspace type `a-{longer}` could belong to organisation `a` or to another one"
    )]
    Ambiguous {
        /// The type that has to go.
        longer: String,
        /// The type that it ends like.
        shorter: String,
    },
    /// A type that no WorkspaceType can be named after.
    #[error("account type `{name}` {fault}")]
    Invalid {
        /// The type.
        name: String,
        /// What is wrong with it.
        fault: NameFault,
    },
}

impl AccountTypes {
    /// `org` and the given types; empty ones are passed over.
    ///
    /// # Errors
    /// A type that cannot be part of a name, or that makes names ambiguous.
    pub fn new<S: AsRef<str>>(additional: impl IntoIterator<Item = S>) -> Result<Self, AccountTypesError> {
        let mut types = BTreeSet::from([ACCOUNT_TYPE_ORG.to_owned()]);
        types.extend(
            additional
                .into_iter()
                .map(|name| name.as_ref().trim().to_owned())
                .filter(|name| !name.is_empty()),
        );
        for name in &types {
            check_label(name).map_err(|fault| AccountTypesError::Invalid { name: name.clone(), fault })?;
        }
        // `org` and `account` exist for every organisation, whether or not an account may be created with them.
        let known: BTreeSet<&str> =
            types.iter().map(String::as_str).chain([ACCOUNT_TYPE_ACCOUNT, ACCOUNT_TYPE_ORG]).collect();
        for longer in &types {
            if let Some(shorter) = known.iter().find(|shorter| longer.ends_with(&format!("-{shorter}"))) {
                return Err(AccountTypesError::Ambiguous {
                    longer: longer.clone(),
                    shorter: (*shorter).to_owned(),
                });
            }
        }
        Ok(Self(types))
    }

    /// Whether accounts of this type may be created.
    pub fn contains(&self, account_type: &str) -> bool {
        self.0.contains(account_type)
    }

    /// The types in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn acc_n4_names_that_kcp_refuses_are_named_with_their_fault() {
        assert_eq!(check_label("a.b"), Err(NameFault::Character('.')));
        assert_eq!(check_label(&"a".repeat(64)), Err(NameFault::TooLong(63)));
        assert_eq!(check_label("1a"), Ok(()));
        assert_eq!(check_org_name("1a"), Err(NameFault::NoLetter));
        assert_eq!(check_org_name(&"a".repeat(55)), Ok(()));
        assert_eq!(check_org_name(&"a".repeat(56)), Err(NameFault::TooLong(55)));
        assert_eq!(check_label("a-"), Err(NameFault::Dash));
        assert_eq!(check_label(""), Err(NameFault::Empty));
    }

    #[test]
    fn acc_12_names_that_would_share_a_secret_are_known() {
        assert_eq!(
            client_secret_name("a-kubectl", "a-kubectl"),
            client_secret_name("a-kubectl-a", "kubectl"),
            "the case that the rule is for"
        );
        assert!(collides_with_kubectl("kubectl") && collides_with_kubectl("a-kubectl"));
        assert!(!collides_with_kubectl("mykubectl") && !collides_with_kubectl("kubectl-a"));
    }

    #[test]
    fn acc_n8_types_that_end_alike_are_refused() {
        assert!(matches!(AccountTypes::new(["b-org"]), Err(AccountTypesError::Ambiguous { .. })));
        assert!(matches!(AccountTypes::new(["team", "sub-team"]), Err(AccountTypesError::Ambiguous { .. })));
        assert!(matches!(AccountTypes::new(["my-account"]), Err(AccountTypesError::Ambiguous { .. })));
        assert!(AccountTypes::new(["account", "team", " ", "data-lab"]).is_ok());
    }

    proptest! {
        #[test]
        fn acc_12_secrets_of_clients_are_injective(
            orgs in proptest::collection::btree_set("(a|b|kubectl)(-(a|b|kubectl)){0,4}", 2..12),
        ) {
            let orgs: Vec<_> = orgs.into_iter().filter(|org| !collides_with_kubectl(org)).collect();
            let secrets: BTreeSet<String> = orgs
                .iter()
                .flat_map(|org| [client_secret_name(org, org), client_secret_name(org, KUBECTL_CLIENT)])
                .collect();
            prop_assert_eq!(secrets.len(), 2 * orgs.len());
        }

        #[test]
        fn acc_n8_workspace_type_names_are_injective(
            types in proptest::collection::vec("[a-z]{1,3}(-[a-z]{1,3}){0,2}", 0..5),
            orgs in proptest::collection::vec("[a-z]{1,3}(-[a-z]{1,3}){0,3}", 2..6),
        ) {
            if let Ok(types) = AccountTypes::new(&types) {
                let orgs: BTreeSet<_> = orgs.iter().collect();
                let mut seen = std::collections::BTreeMap::new();
                for org in orgs {
                    for account_type in types.iter() {
                        if let Some(other) = seen.insert(workspace_type_name(org, account_type), (org, account_type.to_owned())) {
                            prop_assert!(false, "{other:?} and {org} {account_type}");
                        }
                    }
                }
            }
        }
    }
}
