//! One function for every name that Platform Mesh gives to types, relations, objects and users.
//!
//! Generator, webhook and tuple writers all name through here, so they cannot disagree. Two modes: [`Naming::Injective`]
//! never gives two resources one name; [`Naming::Compat`] gives the names of the Go components, which cut long API
//! groups from the front. Names that nothing has to cut are the same in both.

use sha2::{Digest, Sha256};

/// Most bytes of a relation in OpenFGA.
pub const RELATION_BYTES_MAX: usize = 50;
/// Most bytes of a type name we give, so that an object with its id stays below OpenFGA's 256 characters.
pub const TYPE_BYTES_MAX: usize = 63;
/// Most bytes of `<group>_<plural>` behind the longest verb, `create_`.
const SUFFIX_BYTES_MAX: usize = RELATION_BYTES_MAX - "create_".len();
/// Hexadecimal digits of the hash that stands for what was cut.
const HASH_DIGITS: usize = 12;
/// Begins the hash. API groups and resources have no upper-case letters, so no uncut name ends like a cut one.
const HASH_MARK: char = 'H';

/// How names that do not fit are made to fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Naming {
    /// No two resources, objects or users share a name: what is cut is replaced by a hash, what OpenFGA forbids is
    /// escaped.
    #[default]
    Injective,
    /// As the Go components name: long groups lose their front, names of users lose their `:`.
    Compat,
}

/// The names of a resource that take part in the names of relationships.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceName {
    /// API group; empty for the core group.
    pub group: String,
    /// Plural, as in URLs.
    pub plural: String,
    /// Singular, in lower case.
    pub singular: String,
}

impl ResourceName {
    /// The names of a resource.
    pub fn new(group: impl Into<String>, plural: impl Into<String>, singular: impl Into<String>) -> Self {
        Self { group: group.into(), plural: plural.into(), singular: singular.into() }
    }
}

/// Verbs that are relations of the parent, because the object does not exist yet or there are many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParentVerb {
    /// `create`.
    Create,
    /// `list`.
    List,
    /// `watch`.
    Watch,
}

impl ParentVerb {
    /// The verb of a Kubernetes request, if its relation belongs to the parent.
    pub fn of(verb: &str) -> Option<Self> {
        match verb {
            "create" => Some(ParentVerb::Create),
            "list" => Some(ParentVerb::List),
            "watch" => Some(ParentVerb::Watch),
            _ => None,
        }
    }

    /// The Kubernetes verb.
    pub fn as_str(self) -> &'static str {
        match self {
            ParentVerb::Create => "create",
            ParentVerb::List => "list",
            ParentVerb::Watch => "watch",
        }
    }
}

impl Naming {
    /// The type of objects of a resource.
    pub fn type_name(self, resource: &ResourceName) -> String {
        let plain = format!("{}_{}", token(&resource.group), resource.singular);
        match self {
            Naming::Compat => format!("{}_{}", capped_group(resource).replace('.', "_"), resource.singular),
            Naming::Injective if self.fits(resource) => guarded(&resource.group, plain),
            Naming::Injective => hashed(&plain, resource),
        }
    }

    /// The relation on the parent (account or namespace) that a verb on a resource needs; at most 50 bytes.
    pub fn parent_relation(self, verb: ParentVerb, resource: &ResourceName) -> String {
        let plain = format!("{}_{}", token(&resource.group), resource.plural);
        let suffix = match self {
            Naming::Compat => compat_suffix(resource),
            Naming::Injective if self.fits(resource) => guarded(&resource.group, plain),
            Naming::Injective => hashed(&plain, resource),
        };
        format!("{}_{suffix}", verb.as_str())
    }

    /// Whether a resource keeps its plain name.
    fn fits(self, resource: &ResourceName) -> bool {
        let group = token(&resource.group);
        let guard = usize::from(needs_guard(&resource.group));
        guard + group.len() + 1 + resource.plural.len() <= SUFFIX_BYTES_MAX
            && guard + group.len() + 1 + resource.singular.len() <= TYPE_BYTES_MAX
            && group.is_ascii()
            && !format!("{}{}{}", resource.group, resource.plural, resource.singular)
                .contains(|c: char| c == '_' || c.is_ascii_uppercase())
    }

    /// An object of a cluster: `type:cluster/name`.
    pub fn object(self, type_name: &str, cluster: &str, name: &str) -> String {
        format!("{type_name}:{}/{}", self.escaped(cluster), self.escaped(name))
    }

    /// A user by name, `user:name`. In compat mode `:` becomes `.`, as the Go tuple writers do, and two users can
    /// share a name.
    pub fn user(self, name: &str) -> String {
        match self {
            Naming::Injective => format!("user:{}", self.escaped(name)),
            Naming::Compat => format!("user:{}", name.replace(':', ".")),
        }
    }

    /// The name of a user by its id, the part behind `user:`: what [`Naming::user`] escaped is written out again. In
    /// compat mode the id is the name.
    pub fn user_name(self, id: &str) -> String {
        if self == Naming::Compat || !id.contains('%') {
            return id.to_owned();
        }
        let mut bytes = Vec::with_capacity(id.len());
        let mut rest = id;
        while let Some((before, after)) = rest.split_once('%') {
            bytes.extend_from_slice(before.as_bytes());
            match after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                Some(byte) => {
                    bytes.push(byte);
                    rest = after.get(2..).unwrap_or_default();
                }
                // Not one of ours; kept as it is.
                None => {
                    bytes.push(b'%');
                    rest = after;
                }
            }
        }
        bytes.extend_from_slice(rest.as_bytes());
        String::from_utf8(bytes).unwrap_or_else(|_| id.to_owned())
    }

    /// The role object of a resource's object: `role:type/cluster/name/role`.
    pub fn role(self, type_name: &str, cluster: &str, name: &str, role: &str) -> String {
        format!("role:{type_name}/{}/{}/{}", self.escaped(cluster), self.escaped(name), self.escaped(role))
    }

    /// In injective mode, characters that OpenFGA forbids or reads as something else become `%` and two digits.
    fn escaped(self, text: &str) -> String {
        let special = |c: char| matches!(c, ':' | '#' | '*' | '%') || c.is_whitespace() || c.is_control();
        if self == Naming::Compat || !text.contains(special) {
            return text.to_owned();
        }
        let mut escaped = String::with_capacity(text.len() + 8);
        for c in text.chars() {
            if special(c) {
                let mut buffer = [0; 4];
                c.encode_utf8(&mut buffer).bytes().for_each(|byte| escaped.push_str(&format!("%{byte:02X}")));
            } else {
                escaped.push(c);
            }
        }
        escaped
    }
}

/// The group as part of a name: dots become underscores, the core group is `core`.
fn token(group: &str) -> String {
    if group.is_empty() { "core".to_owned() } else { group.replace('.', "_") }
}

/// Whether the plain token of a group needs a leading `_`: it begins with no letter, or is the token of the core group.
fn needs_guard(group: &str) -> bool {
    group == "core" || (!group.is_empty() && !group.starts_with(|c: char| c.is_ascii_alphabetic()))
}

fn guarded(group: &str, name: String) -> String {
    if needs_guard(group) { format!("_{name}") } else { name }
}

/// The end of a name that is too long, with a hash of the whole resource behind it.
fn hashed(plain: &str, resource: &ResourceName) -> String {
    let digest = Sha256::digest(format!("{}/{}/{}", resource.group, resource.plural, resource.singular));
    let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let keep = SUFFIX_BYTES_MAX - 1 - HASH_DIGITS;
    let lower = plain.to_ascii_lowercase();
    let tail = last_bytes(&lower, keep).trim_start_matches(|c: char| !(c.is_ascii_lowercase() || c == '_'));
    let tail: String =
        tail.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    // Two name separators in a row or one before the mark would be no name in the language.
    let tail = tail.trim_end_matches(['-', '_']);
    format!("{tail}{HASH_MARK}{}", hash.get(..HASH_DIGITS).unwrap_or(&hash))
}

/// The longest end of a text with at most this many bytes, cut between characters.
fn last_bytes(text: &str, bytes_max: usize) -> &str {
    let mut start = text.len().saturating_sub(bytes_max);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text.get(start..).unwrap_or_default()
}

/// The group without as many leading bytes as `create_<group>_<plural>` has above the limit.
fn capped_group(resource: &ResourceName) -> &str {
    let group = if resource.group.is_empty() { "core" } else { resource.group.as_str() };
    let length = "create_".len() + resource.group.len() + 1 + resource.plural.len();
    last_bytes(group, group.len().saturating_sub(length.saturating_sub(RELATION_BYTES_MAX)))
}

/// The last 43 bytes of `<group>_<plural>`; the same as the capped group and the plural wherever the group is longer
/// than what is cut, and still a relation where it is not.
fn compat_suffix(resource: &ResourceName) -> String {
    let group = if resource.group.is_empty() { "core" } else { resource.group.as_str() };
    last_bytes(&format!("{group}_{}", resource.plural), SUFFIX_BYTES_MAX).replace('.', "_")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(group: &str, plural: &str, singular: &str, type_name: &str, create: &str) {
        let resource = ResourceName::new(group, plural, singular);
        assert_eq!(Naming::Compat.type_name(&resource), type_name);
        assert_eq!(Naming::Compat.parent_relation(ParentVerb::Create, &resource), create);
    }

    #[test]
    fn fgm_08_compat_names_are_those_of_the_go_components() {
        check("", "namespaces", "namespace", "core_namespace", "create_core_namespaces");
        check(
            "storage.example.io",
            "buckets",
            "bucket",
            "storage_example_io_bucket",
            "create_storage_example_io_buckets",
        );
        check(
            "dns.networking.example-cloud.io",
            "zonedelegations",
            "zonedelegation",
            "networking_example-cloud_io_zonedelegation",
            "create_networking_example-cloud_io_zonedelegations",
        );
        check(
            "authorization.k8s.io",
            "selfsubjectaccessreviews",
            "selfsubjectaccessreview",
            "thorization_k8s_io_selfsubjectaccessreview",
            "create_thorization_k8s_io_selfsubjectaccessreviews",
        );
        check(
            "rbac.authorization.k8s.io",
            "clusterrolebindings",
            "clusterrolebinding",
            "ac_authorization_k8s_io_clusterrolebinding",
            "create_ac_authorization_k8s_io_clusterrolebindings",
        );
        check(
            "edge.compute.example.io",
            "virtualmachinesnapshots",
            "virtualmachinesnapshot",
            "_compute_example_io_virtualmachinesnapshot",
            "create__compute_example_io_virtualmachinesnapshots",
        );
        check(
            "networking.example-corp.platform-mesh.io.test",
            "dns",
            "dns",
            "king_example-corp_platform-mesh_io_test_dns",
            "create_king_example-corp_platform-mesh_io_test_dns",
        );
        check(
            "generators.external-secrets.io",
            "beyondtrustworkloadcredentialsdynamicsecrets",
            "beyondtrustworkloadcredentialsdynamicsecret",
            "_beyondtrustworkloadcredentialsdynamicsecret",
            "create_eyondtrustworkloadcredentialsdynamicsecrets",
        );
    }

    #[test]
    fn fgm_08_names_that_fit_are_the_same_in_both_modes_and_others_are_not_merged() {
        let buckets = ResourceName::new("storage.example.io", "buckets", "bucket");
        assert_eq!(Naming::Injective.type_name(&buckets), Naming::Compat.type_name(&buckets));
        let a = ResourceName::new(
            "a.edge.compute.example.io",
            "virtualmachinesnapshots",
            "virtualmachinesnapshot",
        );
        let b = ResourceName::new(
            "b.edge.compute.example.io",
            "virtualmachinesnapshots",
            "virtualmachinesnapshot",
        );
        assert_eq!(Naming::Compat.type_name(&a), Naming::Compat.type_name(&b));
        assert_ne!(Naming::Injective.type_name(&a), Naming::Injective.type_name(&b));
        let core = ResourceName::new("core", "pods", "pod");
        assert_ne!(Naming::Injective.type_name(&core), "core_pod");
    }

    #[test]
    fn qrk_03_users_that_differ_keep_different_ids_and_service_accounts_have_one() {
        assert_eq!(
            Naming::Injective.user("system:serviceaccount:ns:sa"),
            "user:system%3Aserviceaccount%3Ans%3Asa"
        );
        assert_eq!(Naming::Compat.user("system:serviceaccount:ns:sa"), "user:system.serviceaccount.ns.sa");
        assert_ne!(Naming::Injective.user("*"), "user:*");
        assert_eq!(Naming::Injective.user("alice@example.org"), "user:alice@example.org");
    }

    proptest! {
        #[test]
        fn fgm_08_injective_names_differ_and_fit(
            a in ("[a-z0-9][a-z0-9.-]{0,70}", "[a-z][a-z0-9-]{0,50}"),
            b in ("[a-z0-9][a-z0-9.-]{0,70}", "[a-z][a-z0-9-]{0,50}"),
        ) {
            let name = |(group, plural): &(String, String)| ResourceName::new(group.clone(), plural.clone(), plural.clone());
            let (a, b) = (name(&a), name(&b));
            let naming = Naming::Injective;
            prop_assert!(naming.type_name(&a).len() <= TYPE_BYTES_MAX);
            prop_assert!(naming.parent_relation(ParentVerb::Create, &a).len() <= RELATION_BYTES_MAX);
            prop_assert!(Naming::Compat.parent_relation(ParentVerb::Create, &a).len() <= RELATION_BYTES_MAX);
            if a != b {
                prop_assert_ne!(naming.type_name(&a), naming.type_name(&b));
                prop_assert_ne!(
                    naming.parent_relation(ParentVerb::List, &a),
                    naming.parent_relation(ParentVerb::List, &b)
                );
            }
        }

        #[test]
        fn fgm_08_any_text_gets_a_name_without_panic(group in ".{0,80}", plural in ".{0,80}", user in ".{0,40}") {
            let resource = ResourceName::new(group, plural.clone(), plural);
            for naming in [Naming::Injective, Naming::Compat] {
                prop_assert!(!naming.type_name(&resource).is_empty());
                prop_assert!(naming.parent_relation(ParentVerb::Watch, &resource).len() <= RELATION_BYTES_MAX);
            }
            let named = Naming::Injective.user(&user);
            prop_assert_eq!(Naming::Injective.user_name(named.strip_prefix("user:").unwrap()), user.clone());
            prop_assert!(user.is_empty() || crate::UserRef::parse(&named).is_ok());
        }
    }
}
