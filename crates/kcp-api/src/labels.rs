//! Labels and names that kcp derives by hashing, byte for byte.

use serde::Serialize;
use sha2::{Digest, Sha224};

use crate::encoding::{base62, hex};
use crate::{ClusterName, InitializerName, keys};

/// Value of the label `internal.apis.kcp.io/export` on bindings of an export: base-62 SHA-224 of
/// `<cluster>:<export>`.
pub fn export_label(cluster: &ClusterName, export: &str) -> String {
    base62(&Sha224::digest(format!("{cluster}:{export}")))
}

/// Key of the label that objects claimed by an export carry.
pub fn claim_label_key(cluster: &ClusterName, export: &str) -> String {
    format!("{}{}", keys::CLAIMED_PREFIX, export_label(cluster, export))
}

/// Value of the claim label: base-62 SHA-224 of the claim as compact JSON without verbs and selectors.
///
/// kcp hashes the JSON of its own claim type with the verbs set to `null`; group and identity are left out
/// where empty.
pub fn claim_label_value(group: &str, resource: &str, identity_hash: &str) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Hashed<'a> {
        #[serde(skip_serializing_if = "str::is_empty")]
        group: &'a str,
        resource: &'a str,
        verbs: (),
        #[serde(skip_serializing_if = "str::is_empty")]
        identity_hash: &'a str,
    }
    let json = serde_json::to_vec(&Hashed { group, resource, verbs: (), identity_hash }).unwrap_or_default();
    base62(&Sha224::digest(json))
}

/// Key and value of the label that a logical cluster carries while an initializer is left.
pub fn initializer_label(name: &InitializerName) -> (String, String) {
    hashed_label(keys::INITIALIZER_PREFIX, name.as_str(), 35)
}

/// Key and value of the label that a logical cluster carries while a terminator is left.
pub fn terminator_label(name: &InitializerName) -> (String, String) {
    hashed_label(keys::TERMINATOR_PREFIX, name.as_str(), 36)
}

/// The two lengths differ because kcp trims prefix and hash to the label limit differently.
fn hashed_label(prefix: &str, name: &str, digits: usize) -> (String, String) {
    let hash = hex(&Sha224::digest(name));
    (format!("{prefix}{}", hash.get(..digits).unwrap_or(&hash)), hash)
}

/// Name of a default binding: `<export>-<5 characters>` from consumer cluster, export path and export.
///
/// The characters are the lower-cased beginning of the base-62 SHA-224 of `<cluster>|<path>|<export>`.
pub fn default_binding_name(consumer: &ClusterName, export_path: &str, export: &str) -> String {
    let hash = base62(&Sha224::digest(format!("{consumer}|{export_path}|{export}"))).to_lowercase();
    format!("{export}-{}", hash.get(..5).unwrap_or(&hash))
}

/// How a maximal permission policy spells a user or a group of a consumer.
pub fn binding_subject(user_or_group: &str) -> String {
    format!("{}{user_or_group}", keys::BINDING_SUBJECT_PREFIX)
}

/// The name of a service account that is valid in every logical cluster.
pub fn service_account_global_name(cluster: &ClusterName, namespace: &str, name: &str) -> String {
    format!("system:kcp:serviceaccount:{cluster}:{namespace}:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(name: &str) -> ClusterName {
        name.parse().unwrap()
    }

    #[test]
    fn bnd_04_export_labels_match_kcps_vectors() {
        assert_eq!(
            export_label(&cluster("root"), "tenancy.kcp.io"),
            "bmCdly9xXiUpEHe3ypvDwvXMTfoVZUE92mqAQf"
        );
        assert_eq!(export_label(&cluster("abcd1234"), "my-export"), "phGj1BkmdNY3LKTrtFc1KGLYTBs8Nt50p8PIU");
        assert_eq!(
            claim_label_key(&cluster("root"), "tenancy.kcp.io"),
            "claimed.internal.apis.kcp.io/bmCdly9xXiUpEHe3ypvDwvXMTfoVZUE92mqAQf"
        );
    }

    #[test]
    fn clm_01_claim_labels_match_kcps_vectors() {
        assert_eq!(claim_label_value("", "configmaps", ""), "3QVjs6pfBjMpLEVYYhysJnroYGsQGlWm05E4qe");
        assert_eq!(
            claim_label_value("apps", "deployments", "deadbeef"),
            "4CpOMiJ5JL9ZC4cG8ne7nGNQbSOEUiwZ89KHal"
        );
        // Seen on a LogicalCluster of kcp 0.31.2 that the core export of Platform Mesh claims.
        assert_eq!(
            claim_label_value("core.kcp.io", "logicalclusters", ""),
            "UyAMVlAwqbvOxopXfyelflRzShqUBuPkFnZkA"
        );
        assert_eq!(
            claim_label_value("apis.kcp.io", "apibindings", ""),
            "6719jSXePkPLHBgcm4bCDNiA7asY6qpDrj7oWS"
        );
    }

    #[test]
    fn wsp_05_initializer_labels_match_kcps_vectors() {
        let (key, value) = initializer_label(&InitializerName::api_bindings());
        assert_eq!(key, "initializer.internal.kcp.io/dd58c810629ccc3e49c7d8225b9bcfaa42a");
        assert_eq!(value, "dd58c810629ccc3e49c7d8225b9bcfaa42a4a2ecbb7e4a9be76614e3");
        let (key, value) = initializer_label(&"root:universal".parse().unwrap());
        assert_eq!(key, "initializer.internal.kcp.io/d1d6459a03641b6fd7560fc2849f6c66fa9");
        assert_eq!(value, "d1d6459a03641b6fd7560fc2849f6c66fa971a0afeded6ba2d2743f2");
    }

    #[test]
    fn wsp_06_terminator_labels_match_a_real_logical_cluster() {
        let (key, value) = terminator_label(&"root:security".parse().unwrap());
        assert_eq!(key, "terminator.internal.kcp.io/a311c874e60da2adc2a1d37a748c0d008ff9");
        assert_eq!(value, "a311c874e60da2adc2a1d37a748c0d008ff97f2116be0d2604c8d2d5");
    }
}
