//! The grammar of names, against a naive one, on texts that nearly fit.

use kcp_api::{ClusterName, InitializerName, WorkspacePath};
use proptest::prelude::*;

/// `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`, spelt out.
fn is_label(part: &str) -> bool {
    let bytes = part.as_bytes();
    let alnum = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=63).contains(&bytes.len())
        && bytes.first().is_some_and(alnum)
        && bytes.last().is_some_and(alnum)
        && bytes.iter().all(|byte| alnum(byte) || *byte == b'-')
}

proptest! {
    #[test]
    fn kapi_04_paths_follow_the_grammar(text in "([a-c0-1A_-]{0,4}:){0,3}[a-c0-1-]{0,4}|\\PC{0,12}|a{60,66}") {
        let parsed = text.parse::<WorkspacePath>();
        if !text.starts_with("system:") {
            prop_assert_eq!(parsed.is_ok(), text.split(':').all(is_label));
        }
        match parsed {
            Ok(path) => {
                prop_assert_eq!(path.as_str(), &text);
                if let Some(parent) = path.parent() {
                    prop_assert_eq!(&parent.join(path.base()).unwrap(), &path);
                    prop_assert!(path.is_within(&parent) && !parent.is_within(&path));
                }
            }
            Err(error) => {
                if let Some(meant) = error.suggestion() {
                    prop_assert!(meant.parse::<WorkspacePath>().is_ok(), "{meant}");
                }
                prop_assert!(!error.help().is_empty() && error.at() <= text.len());
            }
        }
    }

    #[test]
    fn kapi_04_cluster_names_are_labels_of_two_or_more(text in "[a-c0-1A_:-]{0,5}|a{60,66}") {
        let expected = is_label(&text) && text.len() > 1;
        prop_assert_eq!(text.parse::<ClusterName>().is_ok(), expected);
    }

    #[test]
    fn wsp_05_initializers_come_apart_as_they_were_put_together(cluster in "[a-z0-9]{2,16}", name in "[a-z][a-z0-9]{1,10}") {
        let cluster: ClusterName = cluster.parse().unwrap();
        let initializer = InitializerName::of_type(&cluster, &name).unwrap();
        prop_assert_eq!(initializer.workspace_type(), Some((cluster, name.as_str())));
    }
}
