//! The store against a model: every revision can be listed, every watch sees every change once and in order.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::BTreeMap;

use apiserver::store::{Change, ObjectKey, Range, StoreError};
use apiserver::{Partition, Scope, StoragePrefix, Store};
use proptest::prelude::*;

type Model = BTreeMap<(String, String, String), u64>;

fn shown(store: &Store, prefix: &StoragePrefix, range: &Range, at: Option<u64>) -> Model {
    let page = store.list(prefix, range, at, 0, None).unwrap();
    page.items
        .iter()
        .map(|s| {
            let key = (s.key.partition().to_string(), s.key.namespace().to_owned(), s.key.name().to_owned());
            (key, s.revision)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn dev_04_every_retained_revision_lists_as_it_was(
        steps in prop::collection::vec((0..3u8, 0..2u8, 0..2u8, 0..3u8), 1..60),
    ) {
        let (store, prefix) = (Store::default(), StoragePrefix::new("x.io", "things"));
        let mut watcher = store.watch(&prefix, Range::scope(Scope::All), None).unwrap();
        let (mut model, mut moments) = (Model::new(), vec![(store.revision(), Model::new())]);
        let mut changes = 0;
        for (action, partition, namespace, name) in steps {
            let texts = (format!("p{partition}"), format!("n{namespace}"), format!("o{name}"));
            let key = ObjectKey::new(Partition::from(texts.0.clone()), &texts.1, &texts.2);
            let bytes = b"{}".to_vec().into();
            let expected = model.get(&texts).copied();
            let outcome = match action {
                0 => store.create(&prefix, key, bytes),
                1 => store.update(&prefix, &key, expected.unwrap_or(1), bytes),
                _ => store.delete(&prefix, &key, expected.unwrap_or(1)),
            };
            match (action, expected, outcome) {
                (0, None, Ok(revision)) | (1, Some(_), Ok(revision)) => { model.insert(texts, revision); changes += 1; }
                (2, Some(_), Ok(_)) => { model.remove(&texts); changes += 1; }
                (0, Some(_), Err(StoreError::AlreadyExists(_))) | (_, None, Err(StoreError::NotFound(_))) => {}
                (action, expected, outcome) => prop_assert!(false, "{action} {expected:?} {outcome:?}"),
            }
            moments.push((store.revision(), model.clone()));
        }
        for (revision, then) in &moments {
            let everything = shown(&store, &prefix, &Range::scope(Scope::All), Some(*revision));
            prop_assert_eq!(&everything, then);
            let part = Range::in_namespace(Scope::One(Partition::from("p1")), "n1");
            let expected: Model =
                then.iter().filter(|((p, n, _), _)| p == "p1" && n == "n1").map(|(k, v)| (k.clone(), *v)).collect();
            prop_assert_eq!(shown(&store, &prefix, &part, Some(*revision)), expected);
        }
        let (mut seen, mut last) = (0, 0);
        while let Some(Ok(event)) = watcher.try_next() {
            prop_assert!(event.revision > last);
            prop_assert_eq!(event.change == Change::Added, event.previous.is_none());
            (seen, last) = (seen + 1, event.revision);
        }
        prop_assert_eq!(seen, changes);
    }
}

#[test]
fn dev_05_a_removed_partition_leaves_others_alone() {
    let (store, prefix) = (Store::default(), StoragePrefix::new("x.io", "things"));
    for partition in ["a", "a0", "b"] {
        let key = ObjectKey::new(Partition::from(partition), "n", "o");
        store.create(&prefix, key, b"{}".to_vec().into()).unwrap();
    }
    let mut watcher = store.watch(&prefix, Range::scope(Scope::One(Partition::from("a"))), None).unwrap();
    assert_eq!(store.remove_partition(&Partition::from("a")), 1);
    assert_eq!(store.count(&prefix, &Range::scope(Scope::All)), 2);
    assert!(watcher.try_next().unwrap().is_ok(), "the removal is seen before the end");
    assert!(watcher.try_next().unwrap().is_err());
}
