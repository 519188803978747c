//! Every kind of this library as a table, for programs that learn an object's kind only when they read it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Kind, Lossless, LosslessError, apis, core, tenancy, topology};

/// A [`Lossless`] view whose kind the caller does not name.
pub trait AnyView: Send + Sync {
    /// Name, labels, annotations and the rest of the metadata.
    fn metadata(&self) -> &ObjectMeta;

    /// The same, to be changed.
    fn metadata_mut(&mut self) -> &mut ObjectMeta;

    /// The object as it was read, without changes.
    fn as_read(&self) -> &Value;

    /// What the type knows of the object, changes included; fields that it does not know are not there.
    ///
    /// # Errors
    /// The view must be one that JSON can express.
    fn known(&self) -> Result<Value, LosslessError>;

    /// Replaces the view by what a JSON object says; fields that the type does not know stay as they were read.
    ///
    /// # Errors
    /// The fields that the type knows must have their types; the error names the JSON path.
    fn set_known(&mut self, known: &Value) -> Result<(), LosslessError>;

    /// The object with every change of the view in it, see [`Lossless::to_value`].
    ///
    /// # Errors
    /// The view must be one that JSON can express.
    fn to_value(&self) -> Result<Value, LosslessError>;

    /// The JSON merge patch that brings the changes to a server, see [`Lossless::merge_patch`].
    ///
    /// # Errors
    /// The view must be one that JSON can express.
    fn merge_patch(&self) -> Result<Option<Value>, LosslessError>;
}

/// A kind of this library.
///
/// ```
/// use kcp_api::KnownKind;
/// use serde_json::json;
///
/// let object = json!({"apiVersion": "core.kcp.io/v1alpha1", "kind": "Shard", "spec": {"baseURL": "https://a"}});
/// let kind = KnownKind::of(&object).ok_or("not a kind of kcp")?;
/// assert_eq!(kind.plural, "shards");
/// assert_eq!(kind.view(object.clone())?.to_value()?, object);
/// assert!(KnownKind::of(&json!({"apiVersion": "v1", "kind": "Secret"})).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct KnownKind {
    /// API group.
    pub group: &'static str,
    /// Version.
    pub version: &'static str,
    /// `group/version`.
    pub api_version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Plural resource name.
    pub plural: &'static str,
    view: fn(Value) -> Result<Box<dyn AnyView>, LosslessError>,
}

/// Every kind of this library in every version, by group, kind and version.
pub const KINDS: &[KnownKind] = &[
    known::<apis::v1alpha1::ApiBinding>(),
    known::<apis::v1alpha2::ApiBinding>(),
    known::<apis::v1alpha1::ApiConversion>(),
    known::<apis::v1alpha1::ApiExport>(),
    known::<apis::v1alpha2::ApiExport>(),
    known::<apis::v1alpha1::ApiExportEndpointSlice>(),
    known::<apis::v1alpha1::ApiResourceSchema>(),
    known::<core::v1alpha1::LogicalCluster>(),
    known::<core::v1alpha1::Shard>(),
    known::<tenancy::v1alpha1::Workspace>(),
    known::<tenancy::v1alpha1::WorkspaceAuthenticationConfiguration>(),
    known::<tenancy::v1alpha1::WorkspaceType>(),
    known::<topology::v1alpha1::Partition>(),
    known::<topology::v1alpha1::PartitionSet>(),
];

impl KnownKind {
    /// The kind that an object's `apiVersion` and `kind` name; `None` for kinds of others, which stay raw JSON.
    pub fn of(object: &Value) -> Option<&'static Self> {
        let (api_version, kind) = (object.get("apiVersion")?.as_str()?, object.get("kind")?.as_str()?);
        KINDS.iter().find(|known| known.api_version == api_version && known.kind == kind)
    }

    /// The other versions of the same kind, into which [`crate::convert()`] converts.
    pub fn other_versions(&self) -> impl Iterator<Item = &'static Self> {
        let (group, kind, version) = (self.group, self.kind, self.version);
        KINDS
            .iter()
            .filter(move |known| known.group == group && known.kind == kind && known.version != version)
    }

    /// Reads an object of this kind.
    ///
    /// # Errors
    /// See [`Lossless::from_value`].
    pub fn view(&self, object: Value) -> Result<Box<dyn AnyView>, LosslessError> {
        (self.view)(object)
    }
}

const fn known<K: Kind + Serialize + DeserializeOwned + Send + Sync + 'static>() -> KnownKind {
    KnownKind {
        group: K::GROUP,
        version: K::VERSION,
        api_version: K::API_VERSION,
        kind: K::KIND,
        plural: K::PLURAL,
        view: |object| Ok(Box::new(Lossless::<K>::from_value(object)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kapi_01_the_table_has_every_definition_in_every_version() {
        let mut rows: Vec<String> =
            KINDS.iter().map(|k| format!("{}/{}/{}", k.group, k.plural, k.version)).collect();
        let mut defined: Vec<String> = Vec::new();
        for crd in crate::schemas::crds() {
            for version in crd["spec"]["versions"].as_array().unwrap() {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let (group, plural) = (text(&crd["spec"]["group"]), text(&crd["spec"]["names"]["plural"]));
                defined.push(format!("{group}/{plural}/{}", text(&version["name"])));
            }
        }
        rows.sort();
        defined.sort();
        assert_eq!(rows, defined);
        let export =
            KnownKind::of(&serde_json::json!({"apiVersion": "apis.kcp.io/v1alpha1", "kind": "APIExport"}));
        let others: Vec<&str> = export.unwrap().other_versions().map(|k| k.api_version).collect();
        assert_eq!(others, ["apis.kcp.io/v1alpha2"]);
    }
}
