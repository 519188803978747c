//! Resources that a permission claim may name without an identity hash: the built-in ones.

/// A resource that every logical cluster serves by itself and that claims may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BuiltIn {
    /// API group; empty is core.
    pub group: &'static str,
    /// Plural resource name.
    pub resource: &'static str,
    /// Whether objects are stored, hence labelled when claimed; reviews are not.
    pub persisted: bool,
}

const fn stored(group: &'static str, resource: &'static str) -> BuiltIn {
    BuiltIn { group, resource, persisted: true }
}

const fn review(group: &'static str, resource: &'static str) -> BuiltIn {
    BuiltIn { group, resource, persisted: false }
}

const ADMISSION: &str = "admissionregistration.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";

/// Every claimable built-in resource that has a fixed name.
pub const CLAIMABLE: &[BuiltIn] = &[
    stored("", "namespaces"),
    stored("", "configmaps"),
    stored("", "events"),
    stored("", "resourcequotas"),
    stored("", "secrets"),
    stored("", "serviceaccounts"),
    stored(RBAC, "clusterroles"),
    stored(RBAC, "clusterrolebindings"),
    stored(RBAC, "roles"),
    stored(RBAC, "rolebindings"),
    stored("certificates.k8s.io", "certificatesigningrequests"),
    stored("coordination.k8s.io", "leases"),
    stored("events.k8s.io", "events"),
    stored(ADMISSION, "mutatingwebhookconfigurations"),
    stored(ADMISSION, "validatingwebhookconfigurations"),
    stored(ADMISSION, "mutatingadmissionpolicies"),
    stored(ADMISSION, "mutatingadmissionpolicybindings"),
    stored(ADMISSION, "validatingadmissionpolicies"),
    stored(ADMISSION, "validatingadmissionpolicybindings"),
    stored("apiextensions.k8s.io", "customresourcedefinitions"),
    stored("core.kcp.io", "logicalclusters"),
    stored("apis.kcp.io", "apibindings"),
    stored("apis.kcp.io", "apiexports"),
    stored("apis.kcp.io", "apiresourceschemas"),
    stored("apis.kcp.io", "apiexportendpointslices"),
    stored("apis.kcp.io", "apiconversions"),
    review("authorization.k8s.io", "subjectaccessreviews"),
    review("authorization.k8s.io", "localsubjectaccessreviews"),
    review("authentication.k8s.io", "tokenreviews"),
];

/// The built-in resource of a group and name; `None` where a claim needs an identity hash.
pub fn claimable(group: &str, resource: &str) -> Option<&'static BuiltIn> {
    CLAIMABLE.iter().find(|known| known.group == group && known.resource == resource)
}

/// Whether kcp's admission accepts a claim on it without an identity hash.
///
/// Every name in group `apis.kcp.io` passes, known or not.
pub fn needs_no_identity(group: &str, resource: &str) -> bool {
    group == "apis.kcp.io" || claimable(group, resource).is_some()
}

/// Group and resource under which objects are matched and labelled: both kinds of events are core events.
pub fn normalized<'a>(group: &'a str, resource: &'a str) -> (&'a str, &'a str) {
    match (group, resource) {
        ("events.k8s.io", "events") => ("", "events"),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clm_01_workspaces_need_an_identity_and_secrets_do_not() {
        assert!(needs_no_identity("", "secrets"));
        assert!(needs_no_identity("apis.kcp.io", "anything"));
        assert!(!needs_no_identity("tenancy.kcp.io", "workspaces"));
        assert!(!needs_no_identity("authorization.k8s.io", "selfsubjectaccessreviews"));
        assert!(!claimable("authentication.k8s.io", "tokenreviews").unwrap().persisted);
        assert_eq!(normalized("events.k8s.io", "events"), ("", "events"));
    }
}
