//! Query parameters and the options of verbs, from the URL and from option bodies.

use serde_json::{Map, Value};

use crate::apply::validate_manager_name;
use crate::error::{ApiError, Cause};
use crate::names::GroupVersionKind;

/// Decoded query parameters; the first of a name counts.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes the part of a URL after `?`.
    pub fn parse(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// A parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(k, _)| k == name).map(|(_, v)| v.as_str())
    }

    /// A boolean parameter; present without value is true.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|v| !matches!(v, "false" | "0" | "False" | "FALSE" | "f"))
    }

    fn maybe_flag(&self, name: &str) -> Option<bool> {
        self.get(name).map(|_| self.flag(name))
    }

    fn number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        match self.get(name) {
            None | Some("") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| {
                ApiError::bad_request(format!("strconv.ParseInt: parsing \"{text}\": invalid syntax"))
            }),
        }
    }
}

/// How a resourceVersion is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionMatch {
    /// That version or newer.
    NotOlderThan,
    /// Exactly that version.
    Exact,
}

/// Options of list, watch and deletecollection.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// Raw label selector.
    pub label_selector: String,
    /// Raw field selector.
    pub field_selector: String,
    /// Raw resourceVersion.
    pub resource_version: String,
    /// How it is meant.
    pub version_match: Option<VersionMatch>,
    /// Page size; 0: no paging.
    pub limit: usize,
    /// Token of the next page.
    pub continue_token: String,
    /// Follow instead of list.
    pub watch: bool,
    /// Whether bookmarks are wanted.
    pub bookmarks: bool,
    /// Whether the watch begins with the present state.
    pub send_initial_events: Option<bool>,
    /// How long a watch may last.
    pub timeout_seconds: Option<u64>,
}

fn options_kind(kind: &str) -> GroupVersionKind {
    GroupVersionKind::new("meta.k8s.io", "v1", kind)
}

impl ListOptions {
    /// Reads and checks the parameters.
    ///
    /// # Errors
    /// 400 and 422 as Kubernetes.
    pub fn parse(query: &Query) -> Result<Self, ApiError> {
        let text = |name: &str| query.get(name).unwrap_or_default().to_owned();
        let version_match = match query.get("resourceVersionMatch") {
            None | Some("") => None,
            Some("NotOlderThan") => Some(VersionMatch::NotOlderThan),
            Some("Exact") => Some(VersionMatch::Exact),
            Some(other) => {
                let cause = Cause::not_supported(
                    "resourceVersionMatch",
                    &other.into(),
                    &["Exact", "NotOlderThan", ""],
                );
                return Err(ApiError::invalid(&options_kind("ListOptions"), "", vec![cause]));
            }
        };
        let options = Self {
            label_selector: text("labelSelector"),
            field_selector: text("fieldSelector"),
            resource_version: text("resourceVersion"),
            version_match,
            limit: usize::try_from(query.number("limit")?.unwrap_or(0)).unwrap_or(0),
            continue_token: text("continue"),
            watch: query.flag("watch"),
            bookmarks: query.flag("allowWatchBookmarks"),
            send_initial_events: query.maybe_flag("sendInitialEvents"),
            timeout_seconds: query
                .number("timeoutSeconds")?
                .and_then(|n| u64::try_from(n).ok())
                .filter(|n| *n > 0),
        };
        match options.fault() {
            Some(cause) => Err(ApiError::invalid(&options_kind("ListOptions"), "", vec![cause])),
            None => Ok(options),
        }
    }

    fn fault(&self) -> Option<Cause> {
        let field = "resourceVersionMatch";
        if self.watch {
            return match (self.send_initial_events, self.version_match) {
                (None, Some(_)) => Some(Cause::forbidden(
                    field,
                    "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
                )),
                (Some(_), m) if m != Some(VersionMatch::NotOlderThan) => Some(Cause::forbidden(
                    field,
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                )),
                (Some(true), _) if !self.bookmarks => Some(Cause::forbidden(
                    "allowWatchBookmarks",
                    "sendInitialEvents requires setting allowWatchBookmarks to true",
                )),
                _ => None,
            };
        }
        if self.send_initial_events.is_some() {
            return Some(Cause::forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
        }
        match self.version_match {
            Some(_) if self.resource_version.is_empty() => Some(Cause::forbidden(
                field,
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            )),
            Some(_) if !self.continue_token.is_empty() => {
                Some(Cause::forbidden(field, "resourceVersionMatch is forbidden when continue is provided"))
            }
            Some(VersionMatch::Exact) if self.resource_version == "0" => Some(Cause::forbidden(
                field,
                "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
            )),
            _ => None,
        }
    }
}

/// What happens to fields that nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// Dropped.
    Ignore,
    /// Dropped, with a `Warning` header each.
    #[default]
    Warn,
    /// Refused.
    Strict,
}

/// Options of create, update and patch.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Validate and admit, store nothing.
    pub dry_run: bool,
    /// Name of the field manager; empty: taken from the user agent.
    pub manager: String,
    /// Take over fields of other managers.
    pub force: Option<bool>,
    /// Unknown fields.
    pub validation: FieldValidation,
}

impl WriteOptions {
    /// Reads and checks the parameters.
    ///
    /// # Errors
    /// 422 for values Kubernetes does not know.
    pub fn parse(query: &Query, kind: &str) -> Result<Self, ApiError> {
        let mut causes = Vec::new();
        let dry_run = dry_run(query.all("dryRun"), &mut causes);
        let manager = query.get("fieldManager").unwrap_or_default().to_owned();
        if let Err(why) = validate_manager_name(&manager) {
            causes.push(Cause::invalid("fieldManager", &manager.as_str().into(), why));
        }
        let validation = match query.get("fieldValidation") {
            None | Some("" | "Warn") => FieldValidation::Warn,
            Some("Ignore") => FieldValidation::Ignore,
            Some("Strict") => FieldValidation::Strict,
            Some(other) => {
                causes.push(Cause::not_supported(
                    "fieldValidation",
                    &other.into(),
                    &["", "Ignore", "Strict", "Warn"],
                ));
                FieldValidation::Warn
            }
        };
        if !causes.is_empty() {
            return Err(ApiError::invalid(&options_kind(kind), "", causes));
        }
        Ok(Self { dry_run, manager, force: query.maybe_flag("force"), validation })
    }

    /// The options object admission sees.
    pub fn to_value(&self, kind: &str) -> Value {
        let mut map = Map::new();
        map.insert("kind".to_owned(), kind.into());
        map.insert("apiVersion".to_owned(), "meta.k8s.io/v1".into());
        if self.dry_run {
            map.insert("dryRun".to_owned(), vec!["All"].into());
        }
        if !self.manager.is_empty() {
            map.insert("fieldManager".to_owned(), self.manager.clone().into());
        }
        if let Some(force) = self.force {
            map.insert("force".to_owned(), force.into());
        }
        map.into()
    }
}

fn dry_run<'a>(values: impl Iterator<Item = &'a str>, causes: &mut Vec<Cause>) -> bool {
    let mut dry = false;
    for value in values {
        match value {
            "All" => dry = true,
            "" => {}
            other => causes.push(Cause::not_supported("dryRun", &vec![other].into(), &["All"])),
        }
    }
    dry
}

/// Who deletes the dependents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// The garbage collector, after the owner is gone.
    Background,
    /// The garbage collector, before the owner goes.
    Foreground,
    /// Nobody: they lose the reference.
    Orphan,
}

/// Options of delete.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Answer as if, delete nothing.
    pub dry_run: bool,
    /// The uid the object must have.
    pub uid: Option<String>,
    /// The resourceVersion the object must have.
    pub resource_version: Option<String>,
    /// Who deletes the dependents.
    pub propagation: Option<Propagation>,
    /// The older form of it.
    pub orphan_dependents: Option<bool>,
    /// Grace period.
    pub grace_period_seconds: Option<i64>,
}

impl DeleteOptions {
    /// Reads the parameters, and the body where there is one (null: none). The body wins.
    ///
    /// # Errors
    /// 400 and 422 as Kubernetes.
    pub fn parse(query: &Query, body: &Value) -> Result<Self, ApiError> {
        let mut causes = Vec::new();
        let kind = body.get("kind").and_then(Value::as_str).unwrap_or("DeleteOptions");
        if kind != "DeleteOptions" {
            return Err(ApiError::bad_request(format!(
                "the body of a delete must be of kind DeleteOptions, got `{kind}`"
            )));
        }
        let body_dry: Vec<&str> = body
            .get("dryRun")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let dry_run = dry_run(query.all("dryRun").chain(body_dry), &mut causes);
        let policy = body.get("propagationPolicy").and_then(Value::as_str).or(query.get("propagationPolicy"));
        let propagation = match policy {
            None | Some("") => None,
            Some("Background") => Some(Propagation::Background),
            Some("Foreground") => Some(Propagation::Foreground),
            Some("Orphan") => Some(Propagation::Orphan),
            Some(other) => {
                let supported = ["Background", "Foreground", "Orphan"];
                causes.push(Cause::not_supported("propagationPolicy", &other.into(), &supported));
                None
            }
        };
        let orphan_dependents =
            body.get("orphanDependents").and_then(Value::as_bool).or(query.maybe_flag("orphanDependents"));
        if propagation.is_some() && orphan_dependents.is_some() {
            let why = "orphanDependents and deletionPropagation cannot be both set";
            causes.push(Cause::invalid("propagationPolicy", &policy.unwrap_or_default().into(), why));
        }
        let grace = body.get("gracePeriodSeconds").and_then(Value::as_i64);
        let grace = if grace.is_some() { grace } else { query.number("gracePeriodSeconds")? };
        if !causes.is_empty() {
            return Err(ApiError::invalid(&options_kind("DeleteOptions"), "", causes));
        }
        let precondition = |key: &str| {
            body.pointer("/preconditions").and_then(|p| p.get(key)).and_then(Value::as_str).map(str::to_owned)
        };
        Ok(Self {
            dry_run,
            uid: precondition("uid"),
            resource_version: precondition("resourceVersion"),
            propagation,
            orphan_dependents,
            grace_period_seconds: grace,
        })
    }

    /// The policy that was asked for in either form.
    pub fn policy(&self) -> Option<Propagation> {
        match self.orphan_dependents {
            Some(true) => Some(Propagation::Orphan),
            Some(false) => Some(Propagation::Background),
            None => self.propagation,
        }
    }

    /// The options object admission sees.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("kind".to_owned(), "DeleteOptions".into());
        map.insert("apiVersion".to_owned(), "meta.k8s.io/v1".into());
        if self.dry_run {
            map.insert("dryRun".to_owned(), vec!["All"].into());
        }
        if let Some(policy) = self.policy() {
            let text = match policy {
                Propagation::Background => "Background",
                Propagation::Foreground => "Foreground",
                Propagation::Orphan => "Orphan",
            };
            map.insert("propagationPolicy".to_owned(), text.into());
        }
        if let Some(seconds) = self.grace_period_seconds {
            map.insert("gracePeriodSeconds".to_owned(), seconds.into());
        }
        map.into()
    }
}
