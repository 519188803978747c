//! A typed view over raw JSON that never loses a field.

mod merge; // what changed in the view goes into the raw object, nothing else

use std::ops::{Deref, DerefMut};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube_core::Resource;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::Value;

#[cfg(feature = "testing")]
pub(crate) use merge::is_key;

use crate::{AnyView, ConversionError, Kind};

/// An object as it was read, and a typed view of it. Writing merges what the view changed into what was read, so
/// that fields which the type does not know survive at every level, inside lists, too.
///
/// Works for every kind known at compile time: those of this library, of other crates, of `k8s_openapi`.
///
/// ```
/// use kcp_api::{Lossless, tenancy::v1alpha1::Workspace};
/// use serde_json::json;
///
/// let mut workspace = Lossless::<Workspace>::from_value(json!({
///     "metadata": {"name": "acme", "futureField": 1},
///     "spec": {"type": {"name": "org", "path": "root", "newer": true}},
/// }))?;
/// workspace.metadata.labels.get_or_insert_default().insert("team".into(), "a".into());
/// assert_eq!(workspace.merge_patch()?, Some(json!({"metadata": {"labels": {"team": "a"}}})));
/// assert_eq!(workspace.to_value()?["spec"]["type"]["newer"], true);
/// # Ok::<(), kcp_api::LosslessError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Lossless<K> {
    /// As read.
    raw: Value,
    /// The view as read, written back: what the type knows of `raw`.
    base: Value,
    view: K,
}

/// Why an object cannot be viewed or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LosslessError {
    /// A field has another type than the kind says.
    #[error("{kind} cannot be read: field `{path}`: {why}")]
    Field {
        /// Kind of the view.
        kind: String,
        /// JSON path of the field.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The object says it is something else.
    #[error("`{found}` is not `{wanted}`")]
    OtherKind {
        /// apiVersion and kind found.
        found: String,
        /// apiVersion and kind of the view.
        wanted: String,
    },
    /// The view cannot be written as JSON.
    #[error("{kind} cannot be written: {why}")]
    Write {
        /// Kind of the view.
        kind: String,
        /// What is wrong.
        why: String,
    },
    /// The object cannot become the other version.
    #[error(transparent)]
    Conversion(#[from] ConversionError),
}

impl LosslessError {
    /// The next step.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Field { .. } => "compare the field with the schema of its kind",
            Self::OtherKind { .. } => "read the object as the kind that it is, or convert it first",
            Self::Write { .. } => "leave out what JSON cannot say, such as numbers that are not finite",
            Self::Conversion(error) => error.help(),
        }
    }
}

impl<K: Resource<DynamicType = ()> + Serialize + DeserializeOwned> Lossless<K> {
    /// Reads an object. A missing `apiVersion` or `kind` is accepted, as items of lists have it; another is not.
    ///
    /// # Errors
    /// The fields that the type knows must have their types; the error names the JSON path.
    pub fn from_value(raw: Value) -> Result<Self, LosslessError> {
        let text = |key: &str| raw.get(key).and_then(Value::as_str);
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        if api_version.is_some_and(|found| found != K::api_version(&()))
            || kind.is_some_and(|found| found != K::kind(&()))
        {
            let found: String =
                format!("{} {}", api_version.unwrap_or("?"), kind.unwrap_or("?")).chars().take(200).collect();
            let wanted = format!("{} {}", K::api_version(&()), K::kind(&()));
            return Err(LosslessError::OtherKind { found, wanted });
        }
        let view: K = read_view(&raw)?;
        let base = write(&view)?;
        if let Some(path) = merge::shape_fault(&raw, &base, "") {
            let kind = K::kind(&()).into_owned();
            return Err(LosslessError::Field { kind, path, why: "it must be an object".to_owned() });
        }
        Ok(Self { raw, base, view })
    }

    /// A new object; nothing was read.
    ///
    /// # Errors
    /// The value must be one that JSON can express.
    pub fn new(view: K) -> Result<Self, LosslessError> {
        let raw = write(&view)?;
        Ok(Self { base: raw.clone(), raw, view })
    }

    /// The object with every change of the view in it.
    ///
    /// # Errors
    /// The view must be one that JSON can express.
    pub fn to_value(&self) -> Result<Value, LosslessError> {
        let now = write(&self.view)?;
        let mut out = self.raw.clone();
        merge::apply(&mut out, &self.base, &now);
        Ok(out)
    }

    /// The JSON merge patch (RFC 7386) that brings the changes of the view to a server; `None` where there is none.
    ///
    /// # Errors
    /// The view must be one that JSON can express.
    pub fn merge_patch(&self) -> Result<Option<Value>, LosslessError> {
        let changed = self.to_value()?;
        Ok(merge::patch(&self.raw, &changed))
    }

    /// The same, refused by the server where the object has changed since it was read.
    ///
    /// # Errors
    /// The view must be one that JSON can express.
    pub fn guarded_merge_patch(&self) -> Result<Option<Value>, LosslessError> {
        let Some(mut patch) = self.merge_patch()? else { return Ok(None) };
        if let Some(version) = self.raw.pointer("/metadata/resourceVersion") {
            patch["metadata"]["resourceVersion"] = version.clone();
        }
        Ok(Some(patch))
    }

    /// Whether the view was changed.
    ///
    /// # Errors
    /// The view must be one that JSON can express.
    pub fn is_changed(&self) -> Result<bool, LosslessError> {
        Ok(write(&self.view)? != self.base)
    }

    /// The object in another version, changes included.
    ///
    /// # Errors
    /// See [`crate::convert()`].
    pub fn convert<L>(&self) -> Result<Lossless<L>, LosslessError>
    where
        L: Resource<DynamicType = ()> + Serialize + DeserializeOwned,
    {
        let mut value = self.to_value()?;
        // Items of lists leave these out.
        value["apiVersion"] = K::api_version(&()).into();
        value["kind"] = K::kind(&()).into();
        Lossless::from_value(crate::convert(value, &L::api_version(&()))?)
    }
}

impl<K> AnyView for Lossless<K>
where
    K: Resource<DynamicType = ()> + Serialize + DeserializeOwned + Send + Sync,
{
    fn metadata(&self) -> &ObjectMeta {
        self.view.meta()
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        self.view.meta_mut()
    }

    fn as_read(&self) -> &Value {
        &self.raw
    }

    fn known(&self) -> Result<Value, LosslessError> {
        write(&self.view)
    }

    fn set_known(&mut self, known: &Value) -> Result<(), LosslessError> {
        self.view = read_view(known)?;
        Ok(())
    }

    fn to_value(&self) -> Result<Value, LosslessError> {
        Self::to_value(self)
    }

    fn merge_patch(&self) -> Result<Option<Value>, LosslessError> {
        Self::merge_patch(self)
    }
}

impl<K> Lossless<K> {
    /// The object as it was read, without changes.
    pub fn as_read(&self) -> &Value {
        &self.raw
    }

    /// The view alone.
    pub fn into_view(self) -> K {
        self.view
    }
}

fn read_view<K: Resource<DynamicType = ()> + DeserializeOwned>(raw: &Value) -> Result<K, LosslessError> {
    serde_path_to_error::deserialize(raw).map_err(|error| LosslessError::Field {
        kind: K::kind(&()).into_owned(),
        path: error.path().to_string(),
        why: error.inner().to_string(),
    })
}

fn write<K: Resource<DynamicType = ()> + Serialize>(view: &K) -> Result<Value, LosslessError> {
    serde_json::to_value(view)
        .map_err(|error| LosslessError::Write { kind: K::kind(&()).into_owned(), why: error.to_string() })
}

impl<K> Deref for Lossless<K> {
    type Target = K;

    fn deref(&self) -> &K {
        &self.view
    }
}

impl<K> DerefMut for Lossless<K> {
    fn deref_mut(&mut self) -> &mut K {
        &mut self.view
    }
}

impl<K: Resource<DynamicType = ()> + Serialize + DeserializeOwned> Serialize for Lossless<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de, K: Resource<DynamicType = ()> + Serialize + DeserializeOwned> Deserialize<'de> for Lossless<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl<K: Resource<DynamicType = ()>> Resource for Lossless<K> {
    type DynamicType = ();
    type Scope = K::Scope;

    fn kind(dt: &()) -> std::borrow::Cow<'_, str> {
        K::kind(dt)
    }
    fn group(dt: &()) -> std::borrow::Cow<'_, str> {
        K::group(dt)
    }
    fn version(dt: &()) -> std::borrow::Cow<'_, str> {
        K::version(dt)
    }
    fn plural(dt: &()) -> std::borrow::Cow<'_, str> {
        K::plural(dt)
    }
    fn meta(&self) -> &ObjectMeta {
        self.view.meta()
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.view.meta_mut()
    }
}

impl<K: Kind> Kind for Lossless<K> {
    const GROUP: &'static str = K::GROUP;
    const VERSION: &'static str = K::VERSION;
    const API_VERSION: &'static str = K::API_VERSION;
    const KIND: &'static str = K::KIND;
    const PLURAL: &'static str = K::PLURAL;
}
