//! The circumstances of a write: who, when, in which version, through which subresource.

use jiff::Timestamp;
use serde_json::Value;

use crate::fields::{FieldPath, FieldSet, MergeSchema};

/// How objects of a kind look in its versions. Managers may own fields in a version other than the one written now.
pub trait Versions: Sync {
    /// The schema of a version (`group/version`), none if it is no longer served.
    fn schema(&self, api_version: &str) -> Option<&dyn MergeSchema>;

    /// The object in another version, none if that is no longer served.
    ///
    /// # Errors
    /// A conversion that failed, in its own words.
    fn convert(&self, object: &Value, api_version: &str) -> Option<Result<Value, String>>;
}

/// A kind of which only one version counts.
pub struct OneVersion<'a> {
    /// The version, `group/version` or `v1`.
    pub api_version: &'a str,
    /// Its schema.
    pub schema: &'a dyn MergeSchema,
}

impl Versions for OneVersion<'_> {
    fn schema(&self, api_version: &str) -> Option<&dyn MergeSchema> {
        (api_version == self.api_version).then_some(self.schema)
    }

    fn convert(&self, object: &Value, api_version: &str) -> Option<Result<Value, String>> {
        (api_version == self.api_version).then(|| Ok(object.clone()))
    }
}

/// A kind whose versions differ in `apiVersion` only.
pub struct SameShape<'a>(pub Vec<(&'a str, &'a dyn MergeSchema)>);

impl Versions for SameShape<'_> {
    fn schema(&self, api_version: &str) -> Option<&dyn MergeSchema> {
        self.0.iter().find(|(v, _)| *v == api_version).map(|(_, schema)| *schema)
    }

    fn convert(&self, object: &Value, api_version: &str) -> Option<Result<Value, String>> {
        self.schema(api_version)?;
        let mut object = object.clone();
        if let Value::Object(fields) = &mut object {
            fields.insert("apiVersion".to_owned(), api_version.into());
        }
        Some(Ok(object))
    }
}

/// The circumstances of one write.
pub struct Tracking<'a> {
    /// The version that the request speaks, `group/version` or `v1`.
    pub api_version: &'a str,
    /// The schema of that version.
    pub schema: &'a dyn MergeSchema,
    /// Other versions of the kind; without it, ownership in other versions is dropped as obsolete.
    pub versions: Option<&'a dyn Versions>,
    /// The field manager; empty becomes `unknown`.
    pub manager: &'a str,
    /// The subresource that is written; empty for the object itself.
    pub subresource: &'a str,
    /// Fields that this endpoint never writes (`status` on the main endpoint, `spec` on the status endpoint).
    pub reset: FieldSet,
    /// The time stamp of a changed entry; cut to seconds.
    pub now: Timestamp,
}

impl<'a> Tracking<'a> {
    /// A write to the object itself, of a kind without subresources and with one version.
    pub fn new(api_version: &'a str, schema: &'a dyn MergeSchema, manager: &'a str, now: Timestamp) -> Self {
        Self { api_version, schema, versions: None, manager, subresource: "", reset: FieldSet::new(), now }
    }

    /// The same write to a kind that has a status subresource: through `status` it never owns `spec`, otherwise it
    /// never owns `status`.
    #[must_use]
    pub fn with_status_subresource(mut self, subresource: &'a str) -> Self {
        self.subresource = subresource;
        let untouched = if subresource == "status" { "spec" } else { "status" };
        self.reset.insert(&FieldPath::names([untouched]));
        self
    }

    pub(super) fn manager(&self) -> &str {
        if self.manager.is_empty() { "unknown" } else { self.manager }
    }

    pub(super) fn stamp(&self) -> String {
        self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The object and its schema in another version; none if that version is gone.
    pub(super) fn at(&self, object: &Value, api_version: &str) -> Option<Result<Value, String>> {
        if api_version == self.api_version {
            return Some(Ok(object.clone()));
        }
        self.versions?.convert(object, api_version)
    }

    pub(super) fn schema_at(&self, api_version: &str) -> Option<&dyn MergeSchema> {
        if api_version == self.api_version {
            return Some(self.schema);
        }
        self.versions?.schema(api_version)
    }
}
