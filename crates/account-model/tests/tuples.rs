//! Tuples of accounts: different things have different names, and a deleted account takes exactly its own.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::BTreeSet;

use account_model::{AccountPath, AccountRef, BindExpression, BindRelation, TupleNames};
use fga_model::Naming;
use platform_mesh_api::Tuple;
use proptest::prelude::*;

fn accounts() -> impl Strategy<Value = AccountRef> {
    ("[ab1]{1,2}", "[ab](-?[ab]){0,2}").prop_map(|(cluster, name)| AccountRef::new(cluster, name))
}

fn naming() -> impl Strategy<Value = TupleNames> {
    prop_oneof![Just(Naming::Compat), Just(Naming::Injective)]
        .prop_map(|naming| TupleNames { naming, ..TupleNames::default() })
}

fn tuples_of(names: &TupleNames, account: &AccountRef, parent: &AccountRef) -> Vec<Tuple> {
    let mut tuples = names.of_new_account(account, Some(parent), "system:serviceaccount:ns:ann");
    tuples.extend(names.grant(account, "member", "bob@x.y"));
    tuples.push(names.bind(account, BindRelation::Bind, "p", "export"));
    tuples
}

proptest! {
    /// Tuples are told apart by user as well, so that nobody inherits what another one was given.
    #[test]
    fn fga_names_of_users_are_injective_unless_upstreams_are_wanted(
        users in proptest::collection::btree_set("[a:.*#%@ ]{1,4}", 2..8),
    ) {
        let names = TupleNames { naming: Naming::Injective, ..TupleNames::default() };
        let dev = AccountRef::new("c", "dev");
        let granted: Vec<Tuple> = users.iter().flat_map(|user| names.grant(&dev, "member", user)).collect();
        let ids: BTreeSet<&str> =
            granted.iter().filter(|tuple| tuple.relation == "assignee").map(|tuple| tuple.user.as_str()).collect();
        prop_assert_eq!(ids.len(), users.len());
        prop_assert!(!ids.contains("user:*"), "nobody is everybody");
        prop_assert_eq!(names.assignees(&dev, "member", &granted), users.into_iter().collect::<Vec<_>>());
    }

    /// The tuples of a policy say which account and how far, and nothing else says the same.
    #[test]
    fn policy_expressions_and_paths_are_written_as_they_are_read(
        parts in proptest::collection::vec("[a-z0-9]([a-z0-9-]{0,3}[a-z0-9])?", 1..5), below: bool,
    ) {
        let path = format!("root:orgs:{}", parts.join(":"));
        prop_assert_eq!(AccountPath::parse(&path).unwrap().to_string(), path.clone());
        let text = format!(":{path}{}", if below { ":*" } else { "" });
        let expression = BindExpression::parse(&text).unwrap();
        prop_assert_eq!(expression.to_string(), text);
        let expected = if below { BindRelation::BindInherited } else { BindRelation::Bind };
        prop_assert_eq!(expression.relation(), expected);
        prop_assert_eq!(expression.path().unwrap().parent(), path.rsplit_once(':').unwrap().0);
    }

    #[test]
    fn fga_names_of_accounts_and_roles_are_injective(
        names in naming(),
        accounts in proptest::collection::vec(accounts(), 2..8),
    ) {
        let distinct: BTreeSet<&AccountRef> = accounts.iter().collect();
        let objects: BTreeSet<String> = distinct.iter().map(|account| names.account(account)).collect();
        let roles: BTreeSet<String> = distinct.iter()
            .flat_map(|account| ["owner", "member"].map(|role| names.role(account, role))).collect();
        prop_assert_eq!(objects.len(), distinct.len());
        prop_assert_eq!(roles.len(), 2 * distinct.len());
    }

    #[test]
    fn ten_11_a_deleted_account_takes_exactly_the_tuples_that_name_it(
        all in proptest::collection::vec((accounts(), accounts()), 1..8),
        gone in accounts(),
        names in naming(),
    ) {
        let mut tuples: Vec<Tuple> = names.open_membership(&AccountRef::new("o", "acme")).to_vec();
        for (account, parent) in &all {
            tuples.extend(tuples_of(&names, account, parent));
        }
        let deleted: BTreeSet<&Tuple> = names.of_deleted_account(&gone, &tuples).into_iter().collect();
        let object = names.account(&gone);
        let role = format!("role:{}/", object.replacen(':', "/", 1));
        for tuple in &tuples {
            let user = tuple.user.split('#').next().unwrap();
            let names_it = [tuple.object.as_str(), user].iter().any(|side| **side == object || side.starts_with(&role));
            prop_assert_eq!(deleted.contains(tuple), names_it, "{}", tuple);
        }
    }
}

#[test]
fn fga_names_of_users_are_escaped() {
    let names = TupleNames::default();
    let [assignment, _] = names.ownership(&AccountRef::new("c", "a"), "system:serviceaccount:ns:name");
    assert_eq!(
        assignment.to_string(),
        "role:core_platform-mesh_io_account/c/a/owner#assignee@user:system.serviceaccount.ns.name"
    );
    let names = TupleNames { naming: Naming::Injective, ..names };
    let [assignment, _] = names.ownership(&AccountRef::new("c", "a"), "system:serviceaccount:ns:name");
    assert_eq!(assignment.user, "user:system%3Aserviceaccount%3Ans%3Aname");
    // An account whose name begins like another's is another account.
    let tuples = names.of_new_account(&AccountRef::new("c", "dev2"), None, "x");
    assert!(names.of_deleted_account(&AccountRef::new("c", "dev"), &tuples).is_empty());
}
