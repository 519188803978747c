//! Tuples of accounts: different things have different names, and a deleted account takes exactly its own.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::BTreeSet;

use account_model::{AccountRef, BindRelation, TupleNames};
use platform_mesh_api::Tuple;
use proptest::prelude::*;

fn accounts() -> impl Strategy<Value = AccountRef> {
    ("[ab1]{1,2}", "[ab](-?[ab]){0,2}").prop_map(|(cluster, name)| AccountRef::new(cluster, name))
}

fn tuples_of(names: &TupleNames, account: &AccountRef, parent: &AccountRef) -> Vec<Tuple> {
    let mut tuples = names.of_new_account(account, Some(parent), "system:serviceaccount:ns:ann");
    tuples.extend(names.grant(account, "member", "bob@x.y"));
    tuples.push(names.bind(account, BindRelation::Bind, "p", "export"));
    tuples
}

proptest! {
    #[test]
    fn fga_names_of_accounts_and_roles_are_injective(
        accounts in proptest::collection::vec(accounts(), 2..8),
    ) {
        let names = TupleNames::default();
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
    ) {
        let names = TupleNames::default();
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
    // An account whose name begins like another's is another account.
    let tuples = names.of_new_account(&AccountRef::new("c", "dev2"), None, "x");
    assert!(names.of_deleted_account(&AccountRef::new("c", "dev"), &tuples).is_empty());
}
