//! Role-based access: which rule of which role, bound how, grants a request — and what may be granted further.
//!
//! Pure: roles and bindings come through [`RuleSource`]; [`RbacIndex`] is one that is kept in memory and finds the
//! bindings of a user without looking at the others. Answers name the rule; nobody is asked twice.
//!
//! ```
//! use apiserver::rbac::{RbacIndex, Request, bootstrap_objects, grant};
//! use apiserver::UserInfo;
//!
//! let mut index = RbacIndex::new();
//! bootstrap_objects().iter().for_each(|object| index.put(object));
//! let root = UserInfo { name: "root".to_owned(), groups: vec!["system:masters".to_owned()], ..UserInfo::default() };
//! let found = grant(&index, &root, &Request::resource("get", "", "secrets").in_namespace("default"));
//! assert_eq!(found.map(|rule| rule.role), Some("cluster-admin".to_owned()));
//! ```

mod aggregation; // cluster roles made of others
mod bootstrap;
mod escalation; // may this caller grant that much?
mod evaluate; // is it granted, and by what? Start here.
mod index; // roles and bindings in memory
mod rule; // one rule: what it grants
mod source; // roles and bindings, wherever they stand
mod subject; // who a binding reaches // Kubernetes' standard policy

pub use aggregation::{aggregated_rules, needs_aggregation};
pub use bootstrap::bootstrap_objects;
pub use escalation::{binding_refusal, escalation_message, role_refusal, uncovered};
pub use evaluate::{grant, rules_for};
pub use index::RbacIndex;
pub use rule::{Request, Rule};
pub use source::{Binding, Layered, Role, RoleRef, RuleSource};
pub use subject::Subject;

/// The API group of roles and bindings.
pub const GROUP: &str = "rbac.authorization.k8s.io";
