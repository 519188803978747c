//! What built-in kinds and the fields people ask about are for, in a sentence each.

/// The sentence of a message of the table, or of one of its fields (`core/v1.ConfigMap data`).
pub(super) fn of(name: &str) -> Option<&'static str> {
    WORDS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

const WORDS: [(&str, &str); 66] = [
    ("core/v1.Namespace", "A scope for names. Objects of namespaced kinds live in one and vanish with it."),
    ("core/v1.Namespace spec", "What the namespace should be: the finalizers that hold up its end."),
    ("core/v1.Namespace status", "Whether the namespace is active or ending, and what holds it up."),
    ("core/v1.ConfigMap", "Configuration that is not confidential, as text or bytes by key."),
    ("core/v1.ConfigMap data", "Text by key. A key occurs here or in binaryData, not in both."),
    ("core/v1.ConfigMap binaryData", "Bytes by key, written as base64."),
    (
        "core/v1.ConfigMap immutable",
        "If true, the data can no longer be changed; the object can be deleted only.",
    ),
    ("core/v1.Secret", "Confidential data, such as passwords, tokens and keys, by key."),
    ("core/v1.Secret data", "Bytes by key, written as base64."),
    ("core/v1.Secret stringData", "Text by key, for writing only: it is merged into data and never shown."),
    (
        "core/v1.Secret immutable",
        "If true, the data can no longer be changed; the object can be deleted only.",
    ),
    ("core/v1.Secret type", "What the data is for; programs look for secrets of the type they understand."),
    ("core/v1.ServiceAccount", "An identity for programs, for which tokens can be requested."),
    ("core/v1.ServiceAccount secrets", "Secrets that programs with this identity may use."),
    ("core/v1.ServiceAccount imagePullSecrets", "Secrets for pulling images."),
    (
        "core/v1.ServiceAccount automountServiceAccountToken",
        "Whether a token is mounted without being asked for.",
    ),
    ("core/v1.Event", "A report of something that happened to an object. Events are kept for a while only."),
    (
        "events/v1.Event",
        "A report of something that happened to an object. Events are kept for a while only.",
    ),
    ("core/v1.ResourceQuota", "Bounds on what a namespace may hold."),
    ("core/v1.LimitRange", "Bounds and defaults for single objects of a namespace."),
    ("rbac/v1.Role", "Permissions within one namespace. Permissions only add up; there is no denial."),
    ("rbac/v1.Role rules", "What the role permits."),
    ("rbac/v1.ClusterRole", "Permissions over all namespaces, for cluster-wide kinds and for URLs."),
    ("rbac/v1.ClusterRole rules", "What the role permits."),
    ("rbac/v1.ClusterRole aggregationRule", "Selects other roles; their rules are copied into this one."),
    ("rbac/v1.RoleBinding", "Gives a role to subjects within one namespace."),
    ("rbac/v1.RoleBinding roleRef", "The role that is given; it cannot be changed afterwards."),
    ("rbac/v1.RoleBinding subjects", "Who gets it: users, groups and service accounts."),
    ("rbac/v1.ClusterRoleBinding", "Gives a cluster role to subjects everywhere."),
    ("rbac/v1.ClusterRoleBinding roleRef", "The role that is given; it cannot be changed afterwards."),
    ("rbac/v1.ClusterRoleBinding subjects", "Who gets it: users, groups and service accounts."),
    ("rbac/v1.PolicyRule", "Verbs on resources or URLs that are permitted together."),
    ("rbac/v1.PolicyRule verbs", "Verbs, such as get, list, create; `*` for all."),
    (
        "rbac/v1.PolicyRule apiGroups",
        "Groups of the resources; an empty text for the core group, `*` for all.",
    ),
    (
        "rbac/v1.PolicyRule resources",
        "Plural names, with `/` and a subresource where one is meant; `*` for all.",
    ),
    ("rbac/v1.PolicyRule resourceNames", "Names of single objects; nothing for all objects."),
    (
        "rbac/v1.PolicyRule nonResourceURLs",
        "Paths that are no resources; `*` at the end stands for the rest.",
    ),
    ("coordination/v1.Lease", "Says who leads, and until when, among processes of which one may work."),
    ("coordination/v1.Lease spec", "Holder, duration and times of the lease."),
    (
        "admissionregistration/v1.MutatingWebhookConfiguration",
        "Webhooks that may change objects before they are stored.",
    ),
    (
        "admissionregistration/v1.ValidatingWebhookConfiguration",
        "Webhooks that may refuse objects before they are stored.",
    ),
    (
        "admissionregistration/v1.ValidatingAdmissionPolicy",
        "Rules in CEL that may refuse objects before they are stored.",
    ),
    (
        "admissionregistration/v1.ValidatingAdmissionPolicyBinding",
        "Puts an admission policy into force for a set of objects.",
    ),
    ("apiextensions/v1.CustomResourceDefinition", "Defines a resource: its names, versions and schemas."),
    ("apiextensions/v1.CustomResourceDefinition spec", "What the resource should be."),
    (
        "apiextensions/v1.CustomResourceDefinition status",
        "Names that were accepted, and whether the resource is served.",
    ),
    (
        "apiextensions/v1.CustomResourceDefinitionSpec group",
        "Group of the resource; the name of the definition is the plural, a dot, and the group.",
    ),
    ("apiextensions/v1.CustomResourceDefinitionSpec names", "Plural, singular, kind and other names."),
    ("apiextensions/v1.CustomResourceDefinitionSpec scope", "`Cluster` or `Namespaced`."),
    ("apiextensions/v1.CustomResourceDefinitionSpec versions", "Versions; exactly one is stored."),
    (
        "apiextensions/v1.CustomResourceDefinitionSpec conversion",
        "How objects are converted between versions.",
    ),
    ("authentication/v1.TokenReview", "Asks whom a token belongs to."),
    ("authentication/v1.TokenRequest", "Asks for a token of a service account."),
    ("authentication/v1.SelfSubjectReview", "Asks who the caller is."),
    ("authorization/v1.SubjectAccessReview", "Asks whether somebody may do something."),
    ("authorization/v1.LocalSubjectAccessReview", "Asks whether somebody may do something in one namespace."),
    ("authorization/v1.SelfSubjectAccessReview", "Asks whether the caller may do something."),
    ("authorization/v1.SelfSubjectRulesReview", "Asks what the caller may do in a namespace."),
    ("certificates/v1.CertificateSigningRequest", "Asks for a certificate."),
    ("meta/v1.ObjectMeta", "Name, labels, owners and history of an object."),
    (
        "meta/v1.ObjectMeta name",
        "The name, unique among objects of the kind in their namespace; it cannot be changed.",
    ),
    ("meta/v1.ObjectMeta namespace", "The namespace; it cannot be changed."),
    ("meta/v1.ObjectMeta labels", "Short texts by which objects are selected."),
    ("meta/v1.ObjectMeta annotations", "Texts for tools; objects are not selected by them."),
    ("meta/v1.ObjectMeta ownerReferences", "Objects without which this one is collected as garbage."),
    ("meta/v1.ObjectMeta finalizers", "Names of those who have to act before a deleted object vanishes."),
];
