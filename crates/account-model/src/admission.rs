//! Who may create and change accounts. Both admission answers are pure functions of the request.

use std::collections::BTreeSet;

use platform_mesh_api::names::{ACCOUNT_TYPE_ORG, ORGS};
use serde_json::{Value, json};

use crate::names::{
    AccountTypes, ORG_NAME_LENGTH_MIN, RESERVED_ORG_NAMES, check_label, check_org_name, collides_with_kubectl,
};

/// What the platform owner allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmissionRules {
    /// Types that accounts may be created with.
    pub types: AccountTypes,
    /// Names that no organisation may have, besides the reserved ones.
    pub denied_org_names: BTreeSet<String>,
}

impl AdmissionRules {
    /// Rules from a deny list as the flag carries it: names separated by commas.
    pub fn new(types: AccountTypes, deny_list: &str) -> Self {
        let denied =
            deny_list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Self { types, denied_org_names: denied }
    }
}

/// The workspace that an Account is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `root:orgs`.
    Orgs,
    /// Any other workspace.
    Elsewhere,
    /// Not known; the reconciler checks again.
    Unknown,
}

/// A write of an Account. Objects are raw: what a webhook gets may be anything.
#[derive(Clone, Copy, Debug)]
pub enum AccountRequest<'a> {
    /// A new Account.
    Create {
        /// The new object.
        object: &'a Value,
    },
    /// A change.
    Update {
        /// The object before.
        old: &'a Value,
        /// The object after.
        new: &'a Value,
    },
    /// A deletion.
    Delete,
}

/// Whether a write of an Account may happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountVerdict {
    /// It may.
    Allowed,
    /// It may not; the text goes to the client.
    Denied(Denial),
}

/// Why a write of an Account may not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// A type that the platform does not have.
    #[error("account type {0} not in allowlist")]
    TypeNotAllowed(String),
    /// Fewer than three characters.
    #[error("organization name \"{0}\" is too short, must be at least {min} characters", min = ORG_NAME_LENGTH_MIN)]
    OrgNameTooShort(String),
    /// On the deny list, or reserved.
    #[error("organization name \"{0}\" is not allowed")]
    OrgNameNotAllowed(String),
    /// A name whose Secrets could be those of another organisation.
    #[error(
        "organization name \"{0}\" is not allowed: it must not end with -kubectl, the name of another client"
    )]
    OrgNameLikeClient(String),
    /// A name that no workspace, or no type, can have.
    #[error("account name \"{name}\" {fault}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        fault: crate::names::NameFault,
    },
    /// An organisation outside `root:orgs`.
    #[error("an account of type org can only be created in {ORGS}")]
    OrgElsewhere,
    /// Something else in `root:orgs`.
    #[error("only accounts of type org can be created in {ORGS}, not {0}")]
    NoOrgInOrgs(String),
    /// A field that never changes.
    #[error("spec.{0} is immutable")]
    Immutable(&'static str),
}

/// The validating answer.
///
/// ```
/// use account_model::{admission::{AccountRequest, AccountVerdict, AdmissionRules, Place, validate}, names::AccountTypes};
///
/// let rules = AdmissionRules::new(AccountTypes::new(["account"])?, "admin, www");
/// let object = serde_json::json!({"metadata": {"name": "www"}, "spec": {"type": "org", "displayName": "W"}});
/// let AccountVerdict::Denied(why) = validate(&rules, Place::Orgs, AccountRequest::Create { object: &object }) else {
///     panic!("the name is on the list");
/// };
/// assert_eq!(why.to_string(), r#"organization name "www" is not allowed"#);
/// # Ok::<(), account_model::names::AccountTypesError>(())
/// ```
///
/// Rules for names and types hold for new accounts only: a name that is denied later does not keep an existing account
/// from being changed or deleted.
pub fn validate(rules: &AdmissionRules, place: Place, request: AccountRequest<'_>) -> AccountVerdict {
    let denial = match request {
        AccountRequest::Delete => None,
        AccountRequest::Create { object } => denied_creation(rules, place, object),
        AccountRequest::Update { old, new } => denied_change(old, new),
    };
    denial.map_or(AccountVerdict::Allowed, AccountVerdict::Denied)
}

fn denied_creation(rules: &AdmissionRules, place: Place, object: &Value) -> Option<Denial> {
    let account_type = text(&object["spec"]["type"]);
    let name = text(&object["metadata"]["name"]);
    if !rules.types.contains(account_type) {
        return Some(Denial::TypeNotAllowed(account_type.to_owned()));
    }
    let is_org = account_type == ACCOUNT_TYPE_ORG;
    if is_org {
        if name.trim().chars().count() < ORG_NAME_LENGTH_MIN {
            return Some(Denial::OrgNameTooShort(name.to_owned()));
        }
        if rules.denied_org_names.contains(name) || RESERVED_ORG_NAMES.contains(&name) {
            return Some(Denial::OrgNameNotAllowed(name.to_owned()));
        }
        if collides_with_kubectl(name) {
            return Some(Denial::OrgNameLikeClient(name.to_owned()));
        }
    }
    let checked = if is_org { check_org_name(name) } else { check_label(name) };
    if let Err(fault) = checked {
        return Some(Denial::Name { name: name.to_owned(), fault });
    }
    match (place, is_org) {
        (Place::Elsewhere, true) => Some(Denial::OrgElsewhere),
        (Place::Orgs, false) => Some(Denial::NoOrgInOrgs(account_type.to_owned())),
        _ => None,
    }
}

fn denied_change(old: &Value, new: &Value) -> Option<Denial> {
    // Whatever an account is like, its finalizers must come off.
    if !new["metadata"]["deletionTimestamp"].is_null() {
        return None;
    }
    if text(&old["spec"]["type"]) != text(&new["spec"]["type"]) {
        return Some(Denial::Immutable("type"));
    }
    // An account that was made while no admission was registered has no creator, and needs one.
    let creator = text(&old["spec"]["creator"]);
    if !creator.is_empty() && creator != text(&new["spec"]["creator"]) {
        return Some(Denial::Immutable("creator"));
    }
    None
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The mutating answer for a new Account: a JSON patch that stamps the authenticated user as its creator, whatever the
/// client has sent. Nothing else is touched.
pub fn creator_patch(object: &Value, user: &str) -> Value {
    if object["spec"]["creator"] == user {
        return json!([]);
    }
    let stamp = json!({"op": "add", "path": "/spec/creator", "value": user});
    match object.get("spec") {
        Some(Value::Object(_)) => json!([stamp]),
        _ => json!([{"op": "add", "path": "/spec", "value": {"creator": user}}]),
    }
}
