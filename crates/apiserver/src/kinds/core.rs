//! The core group, and the newer face of events.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::cells;
use super::plain::BuiltIn;
use super::row::{age, built_in, column, texts, wide};
use crate::error::{ApiError, Cause};
use crate::name_rules::{config_key_fault, label_fault};
use crate::names::{GroupVersionKind, Verb};
use crate::object;
use crate::resource::{ServedResource, StoragePrefix, Subresources};
use crate::strategy::ResourceStrategy;
use crate::subresource::{SubresourceHandler, SubresourceRequest, SubresourceRoute};
use crate::tokens::{TokenIssuer, TokenRoute};
use crate::verbs;

pub(super) fn resources(tokens: Option<Arc<dyn TokenIssuer>>) -> Vec<ServedResource> {
    let mut accounts = ServedResource {
        short_names: texts(&["sa"]),
        columns: vec![column("Secrets", "integer", ""), age()],
        ..built_in("", "v1", "ServiceAccount", "serviceaccounts", true, ServiceAccounts)
    };
    if let Some(issuer) = tokens {
        accounts.subresources.routes.push(SubresourceRoute {
            name: "token".to_owned(),
            gvk: GroupVersionKind::new("authentication.k8s.io", "v1", "TokenRequest"),
            verbs: vec![Verb::Create],
            handler: Arc::new(TokenRoute(issuer)),
        });
    }
    vec![
        ServedResource {
            short_names: texts(&["cm"]),
            columns: vec![column("Data", "integer", ""), age()],
            ..built_in("", "v1", "ConfigMap", "configmaps", true, ConfigMaps)
        },
        core_events(),
        namespaces(),
        ServedResource {
            short_names: texts(&["quota"]),
            subresources: Subresources { status: true, ..Subresources::default() },
            columns: vec![age()],
            ..built_in("", "v1", "ResourceQuota", "resourcequotas", true, BuiltIn::counted())
        },
        ServedResource {
            columns: vec![column("Type", "string", ".type"), column("Data", "integer", ""), age()],
            selectable_fields: texts(&["type"]),
            ..built_in("", "v1", "Secret", "secrets", true, Secrets)
        },
        accounts,
    ]
}

fn namespaces() -> ServedResource {
    let finalize = SubresourceRoute {
        name: "finalize".to_owned(),
        gvk: GroupVersionKind::new("", "v1", "Namespace"),
        verbs: vec![Verb::Update],
        handler: Arc::new(Finalize),
    };
    ServedResource {
        short_names: texts(&["ns"]),
        verbs: Verb::ALL.into_iter().filter(|v| *v != Verb::DeleteCollection).collect(),
        subresources: Subresources { status: true, routes: vec![finalize], ..Subresources::default() },
        columns: vec![column("Status", "string", ".status.phase"), age()],
        selectable_fields: texts(&["status.phase"]),
        ..built_in("", "v1", "Namespace", "namespaces", false, Namespaces)
    }
}

fn core_events() -> ServedResource {
    ServedResource {
        short_names: texts(&["ev"]),
        selectable_fields: texts(&[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ]),
        columns: vec![
            column("Last Seen", "date", ".lastTimestamp"),
            column("Type", "string", ".type"),
            column("Reason", "string", ".reason"),
            column("Object", "string", ""),
            wide("Source", "string", ".source.component"),
            column("Message", "string", ".message"),
            wide("Count", "string", ".count"),
        ],
        converter: Some(Arc::new(EventFaces)),
        versions: texts(&["v1"]),
        ..built_in("", "v1", "Event", "events", true, Events)
    }
}

/// `events.k8s.io/v1`: the same objects, stored in the core form.
pub(super) fn new_events() -> ServedResource {
    ServedResource {
        storage: StoragePrefix::new("", "events"),
        storage_api_version: "v1".into(),
        selectable_fields: texts(&[
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
            "reason",
            "reportingController",
            "type",
        ]),
        converter: Some(Arc::new(EventFaces)),
        columns: vec![
            column("Last Seen", "date", ".deprecatedLastTimestamp"),
            column("Type", "string", ".type"),
            column("Reason", "string", ".reason"),
            column("Object", "string", ""),
            column("Message", "string", ".note"),
        ],
        short_names: texts(&["ev"]),
        ..built_in("events.k8s.io", "v1", "Event", "events", true, Events)
    }
}

/// Field names of an event, in the core group and in `events.k8s.io`.
const EVENT_FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

struct EventFaces;

impl crate::resource::Converter for EventFaces {
    fn convert(&self, mut object: Value, _version: &str) -> Result<Value, ApiError> {
        // Both groups have one version each: an event in one form is wanted in the other.
        let to_core = object::api_version(&object) != "v1";
        let Some(map) = object.as_object_mut() else { return Ok(object) };
        for (core, new) in EVENT_FIELDS {
            let (from, to) = if to_core { (new, core) } else { (core, new) };
            if let Some(value) = map.remove(from) {
                map.insert(to.to_owned(), value);
            }
        }
        map.insert("apiVersion".to_owned(), if to_core { "v1" } else { "events.k8s.io/v1" }.into());
        Ok(object)
    }
}

struct Events;

impl ResourceStrategy for Events {
    fn allows_unconditional_update(&self) -> bool {
        true
    }

    fn allows_create_on_update(&self) -> bool {
        true
    }

    fn counts_generation(&self) -> bool {
        false
    }

    fn field_value(&self, object: &Value, field: &str) -> Option<String> {
        (field == "source").then(|| {
            let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
            let component = text("/source/component");
            if component.is_empty() { text("/reportingComponent").to_owned() } else { component.to_owned() }
        })
    }

    fn cell(&self, object: &Value, column: &str) -> Option<Value> {
        if column != "Object" {
            return None;
        }
        let about = object.get("involvedObject").or_else(|| object.get("regarding"))?;
        let text = |key: &str| about.get(key).and_then(Value::as_str).unwrap_or_default();
        Some(format!("{}/{}", text("kind").to_lowercase(), text("name")).into())
    }
}

struct ConfigMaps;

fn immutable_faults(object: &Value, old: Option<&Value>, fields: &[&str]) -> Vec<Cause> {
    let Some(old) = old.filter(|o| o.get("immutable").and_then(Value::as_bool) == Some(true)) else {
        return Vec::new();
    };
    let text = "field is immutable when `immutable` is set";
    let mut causes = Vec::new();
    if object.get("immutable").and_then(Value::as_bool) != Some(true) {
        causes.push(Cause::forbidden("immutable", text));
    }
    causes.extend(
        fields.iter().filter(|f| object.get(**f) != old.get(**f)).map(|f| Cause::forbidden(*f, text)),
    );
    causes
}

fn key_faults(object: &Value, field: &str) -> Vec<Cause> {
    let keys = object.get(field).and_then(Value::as_object).into_iter().flat_map(Map::keys);
    keys.filter_map(|key| {
        config_key_fault(key).map(|f| Cause::invalid(format!("{field}[{key}]"), &key.as_str().into(), f))
    })
    .collect()
}

const DATA_BYTES_MAX: usize = 1024 * 1024;

/// The bytes of `texts`, and of `encoded` as decoded from base64, must stay below the limit together.
fn size_faults(object: &Value, texts: &[&str], encoded: &[&str]) -> Vec<Cause> {
    let bytes = |fields: &[&str], size: fn(&str) -> usize| -> usize {
        let maps = fields.iter().filter_map(|f| object.get(*f).and_then(Value::as_object));
        maps.flat_map(Map::values).filter_map(Value::as_str).map(size).sum()
    };
    let decoded =
        |text: &str| text.len() / 4 * 3 - text.bytes().rev().take_while(|b| *b == b'=').count().min(2);
    if bytes(texts, str::len) + bytes(encoded, decoded) <= DATA_BYTES_MAX {
        return Vec::new();
    }
    let field = texts.iter().chain(encoded).next().copied().unwrap_or_default();
    let text = format!("Too long: may not be more than {DATA_BYTES_MAX} bytes");
    vec![Cause::field("FieldValueTooLong", field, text)]
}

impl ResourceStrategy for ConfigMaps {
    fn allows_unconditional_update(&self) -> bool {
        true
    }

    fn counts_generation(&self) -> bool {
        false
    }

    fn validate(&self, object: &Value, old: Option<&Value>) -> Vec<Cause> {
        let mut causes = key_faults(object, "data");
        causes.extend(key_faults(object, "binaryData"));
        causes.extend(immutable_faults(object, old, &["data", "binaryData"]));
        causes.extend(size_faults(object, &["data"], &["binaryData"]));
        causes
    }

    fn cell(&self, object: &Value, column: &str) -> Option<Value> {
        (column == "Data").then(|| cells::count(object, &["data", "binaryData"]))
    }
}

struct Secrets;

impl Secrets {
    /// The clear text of a write moves into the encoded data.
    fn merge_string_data(object: &mut Value) {
        let Some(map) = object.as_object_mut() else { return };
        let Some(Value::Object(clear)) = map.remove("stringData") else { return };
        let data = map.entry("data").or_insert_with(|| Value::Object(Map::new()));
        if !data.is_object() {
            *data = Value::Object(Map::new());
        }
        if let Some(data) = data.as_object_mut() {
            for (key, value) in clear {
                if let Some(text) = value.as_str() {
                    data.insert(key, STANDARD.encode(text).into());
                }
            }
        }
    }

    fn required_keys(kind: &str) -> &'static [&'static str] {
        match kind {
            "kubernetes.io/dockercfg" => &[".dockercfg"],
            "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
            "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
            "kubernetes.io/tls" => &["tls.crt", "tls.key"],
            _ => &[],
        }
    }
}

impl ResourceStrategy for Secrets {
    fn allows_unconditional_update(&self) -> bool {
        true
    }

    fn counts_generation(&self) -> bool {
        false
    }

    fn default(&self, object: &mut Value) {
        Self::merge_string_data(object);
        if let Some(map) = object.as_object_mut() {
            let kind = map.entry("type").or_insert(Value::Null);
            if kind.as_str().unwrap_or_default().is_empty() {
                *kind = "Opaque".into();
            }
        }
    }

    fn prepare_for_update(&self, object: &mut Value, _old: &Value) {
        Self::merge_string_data(object);
    }

    fn validate(&self, object: &Value, old: Option<&Value>) -> Vec<Cause> {
        let mut causes = key_faults(object, "data");
        causes.extend(size_faults(object, &[], &["data"]));
        let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
        let data = object.get("data").and_then(Value::as_object);
        for key in Self::required_keys(kind) {
            if !data.is_some_and(|d| d.contains_key(*key)) {
                causes.push(Cause::required(format!("data[{key}]"), ""));
            }
        }
        if kind == "kubernetes.io/service-account-token"
            && object::annotation(object, "kubernetes.io/service-account.name").unwrap_or_default().is_empty()
        {
            causes.push(Cause::required("metadata.annotations[kubernetes.io/service-account.name]", ""));
        }
        if let Some(old) = old
            && old.get("type") != object.get("type")
        {
            causes.push(Cause::invalid("type", &kind.into(), "field is immutable"));
        }
        causes.extend(immutable_faults(object, old, &["data"]));
        causes
    }

    fn cell(&self, object: &Value, column: &str) -> Option<Value> {
        (column == "Data").then(|| cells::count(object, &["data"]))
    }
}

struct ServiceAccounts;

impl ResourceStrategy for ServiceAccounts {
    fn allows_unconditional_update(&self) -> bool {
        true
    }

    fn counts_generation(&self) -> bool {
        false
    }

    fn returns_deleted_object(&self) -> bool {
        true
    }

    fn cell(&self, object: &Value, column: &str) -> Option<Value> {
        (column == "Secrets").then(|| cells::count(object, &["secrets"]))
    }
}

struct Namespaces;

fn spec_finalizers(object: &Value) -> usize {
    object.pointer("/spec/finalizers").and_then(Value::as_array).map_or(0, Vec::len)
}

impl ResourceStrategy for Namespaces {
    fn name_fault(&self, name: &str) -> Option<String> {
        label_fault(name)
    }

    fn allows_unconditional_update(&self) -> bool {
        true
    }

    fn counts_generation(&self) -> bool {
        false
    }

    fn drops_status_on_create(&self) -> bool {
        false
    }

    fn prepare_for_create(&self, object: &mut Value) {
        let name = object::name(object).to_owned();
        object["status"] = json!({"phase": "Active"});
        if spec_finalizers(object) == 0 {
            object["spec"] = json!({"finalizers": ["kubernetes"]});
        }
        set_name_label(object, &name);
    }

    fn prepare_for_update(&self, object: &mut Value, old: &Value) {
        // Finalizers of the spec change through `finalize` only.
        object["spec"] = old.get("spec").cloned().unwrap_or_else(|| json!({}));
        let name = object::name(object).to_owned();
        set_name_label(object, &name);
    }

    fn may_vanish(&self, object: &Value) -> bool {
        spec_finalizers(object) == 0
    }

    fn begin_delete(&self, object: &mut Value) {
        object["status"]["phase"] = "Terminating".into();
    }
}

fn set_name_label(object: &mut Value, name: &str) {
    if let Some(metadata) = object::metadata_mut(object) {
        let labels = metadata.entry("labels").or_insert_with(|| Value::Object(Map::new()));
        if let Some(labels) = labels.as_object_mut() {
            labels.insert("kubernetes.io/metadata.name".to_owned(), name.into());
        }
    }
}

/// `namespaces/finalize`: changes the finalizers of the spec; the last one lets a marked namespace vanish.
struct Finalize;

#[async_trait]
impl SubresourceHandler for Finalize {
    async fn handle(&self, request: SubresourceRequest<'_>) -> Result<Value, ApiError> {
        verbs::finalize::finalize(&request)
    }
}
