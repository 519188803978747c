//! Rules of apis.kcp.io: who may bind, what a binding carries, what cannot change.

use std::sync::Arc;

use apiserver::{
    ApiError, Cause, Partition, UserInfo,
    admission::{Admission, Attributes, Operation},
};
use async_trait::async_trait;
use kcp_api::{ClusterName, apis::v1alpha2::AcceptablePermissionClaim, builtins, claims, keys, labels};
use serde_json::{Value, json};

use crate::{
    authorization::ResourceAction,
    core::{Core, WeakCore, upgrade},
    records::{add_finalizer, set_annotation, set_label},
};

/// The plugin: kinds of apis.kcp.io, and the path annotation on those kinds that others find by path.
pub struct ApisAdmission(pub WeakCore);

const GROUP: &str = "apis.kcp.io";

/// Kinds whose objects carry `kcp.io/path`.
fn carries_path(group: &str, resource: &str) -> bool {
    matches!((group, resource), (GROUP, "apiexports" | "apibindings") | ("tenancy.kcp.io", "workspacetypes"))
}

#[async_trait]
impl Admission for ApisAdmission {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        if !is_write(attributes) {
            return Ok(());
        }
        let gr = attributes.resource.group_resource();
        if carries_path(&gr.group, &gr.resource) {
            let core = upgrade(&self.0)?;
            core.feeds.catch_up();
            let path = core.tree.path_of(attributes.partition);
            set_annotation(&mut attributes.object, keys::PATH, &*path);
        }
        if &*gr.group == GROUP && &*gr.resource == "apibindings" && attributes.subresource.is_none() {
            let core = upgrade(&self.0)?;
            prepare_binding(&core, attributes);
        }
        Ok(())
    }

    async fn validate(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        if !is_write(attributes) || &*attributes.resource.gvk.group != GROUP {
            return Ok(());
        }
        let core = upgrade(&self.0)?;
        match (&*attributes.resource.plural, attributes.subresource) {
            ("apibindings", None) => binding(&core, attributes).await,
            ("apibindings", Some("status")) => binding_status(attributes),
            ("apiexports", None) => export(attributes),
            ("apiexportendpointslices", None) => slice(&core, attributes).await,
            ("apiresourceschemas", None) => schema(attributes),
            _ => Ok(()),
        }
    }
}

fn is_write(attributes: &Attributes<'_>) -> bool {
    matches!(attributes.operation, Operation::Create | Operation::Update)
}

fn prepare_binding(core: &Core, attributes: &mut Attributes<'_>) {
    if attributes.operation == Operation::Create {
        add_finalizer(&mut attributes.object, keys::API_BINDING_FINALIZER);
    }
    let reference = attributes.object["spec"]["reference"]["export"].clone();
    let home = home_of(core, attributes.partition, &reference);
    let name = reference["name"].as_str().unwrap_or_default();
    if let Some(cluster) = home.and_then(|home| home.as_str().parse::<ClusterName>().ok()) {
        set_label(&mut attributes.object, keys::EXPORT_LABEL, labels::export_label(&cluster, name));
    }
}

/// The cluster that an export reference means.
fn home_of(core: &Core, own: &Partition, reference: &Value) -> Option<Partition> {
    match reference["path"].as_str().unwrap_or_default() {
        "" => Some(own.clone()),
        path => core.tree.find(path).map(|entry| entry.name.clone()),
    }
}

async fn binding(core: &Arc<Core>, attributes: &Attributes<'_>) -> Result<(), ApiError> {
    let object = &attributes.object;
    let reference = &object["spec"]["reference"]["export"];
    let mut causes = Vec::new();
    if !reference.is_object() {
        causes.push(Cause::required("spec.reference.export", ""));
    } else if reference["name"].as_str().unwrap_or_default().is_empty() {
        causes.push(Cause::required("spec.reference.export.name", ""));
    }
    let answers: Vec<AcceptablePermissionClaim> = match attributes.resource.gvk.version.as_ref() {
        "v1alpha1" => Vec::new(),
        _ => serde_json::from_value(object["spec"]["permissionClaims"].clone()).unwrap_or_default(),
    };
    for (index, why) in claims::check_answers(&answers) {
        let at = format!("spec.permissionClaims[{index}].selector");
        causes.push(Cause::invalid(at, &json!(answers[index].selector), why));
    }
    if !causes.is_empty() {
        return Err(refused(attributes, causes));
    }
    let old = &attributes.old;
    let same_reference = old["spec"]["reference"] == object["spec"]["reference"];
    let same_label =
        old["metadata"]["labels"][keys::EXPORT_LABEL] == object["metadata"]["labels"][keys::EXPORT_LABEL];
    if attributes.operation == Operation::Update && same_reference && same_label {
        return Ok(());
    }
    let verb = if attributes.operation == Operation::Create { "create" } else { "update" };
    may_bind(core, attributes, reference, verb).await
}

/// The verb `bind` on the export, judged where the export stands. One text for a missing right, export or path.
async fn may_bind(
    core: &Arc<Core>,
    attributes: &Attributes<'_>,
    reference: &Value,
    verb: &str,
) -> Result<(), ApiError> {
    core.feeds.catch_up();
    let path = reference["path"].as_str().unwrap_or_default();
    let name = reference["name"].as_str().unwrap_or_default();
    let shown =
        if path.is_empty() { core.tree.path_of(attributes.partition).to_string() } else { path.to_owned() };
    let why = format!(
        "unable to {verb} {}: no permission to bind to export {shown}:{name}",
        attributes.resource.gvk.kind
    );
    let refusal = || ApiError::forbidden(&attributes.resource.group_resource(), attributes.name, &why);
    let home = home_of(core, attributes.partition, reference).ok_or_else(refusal)?;
    let elsewhere = !matches!(path, "" | "root");
    if elsewhere && core.bound.exports.find(&home, name).is_none() {
        return Err(refusal());
    }
    if allowed(core, attributes.user, &home, name).await { Ok(()) } else { Err(refusal()) }
}

async fn allowed(core: &Arc<Core>, user: &UserInfo, home: &Partition, export: &str) -> bool {
    let question = ResourceAction {
        verb: "bind".into(),
        group: GROUP.into(),
        version: "v1alpha2".into(),
        resource: "apiexports".into(),
        name: export.to_owned(),
        ..ResourceAction::default()
    };
    core.deep_allowed(user, home, question).await
}

fn binding_status(attributes: &Attributes<'_>) -> Result<(), ApiError> {
    let phase = |object: &Value| object["status"]["phase"].as_str().unwrap_or_default().to_owned();
    if phase(&attributes.object).is_empty() && !phase(&attributes.old).is_empty() {
        let cause = Cause::invalid("status.phase", &json!(""), "cannot be changed back to empty");
        return Err(refused(attributes, vec![cause]));
    }
    Ok(())
}

fn export(attributes: &Attributes<'_>) -> Result<(), ApiError> {
    let spec = &attributes.object["spec"];
    let mut causes = Vec::new();
    for (index, claim) in spec["permissionClaims"].as_array().into_iter().flatten().enumerate() {
        let text = |field: &str| claim[field].as_str().unwrap_or_default();
        if text("identityHash").is_empty() && !builtins::needs_no_identity(text("group"), text("resource")) {
            let at = format!("spec.permissionClaims[{index}].identityHash");
            causes.push(Cause::invalid(
                at,
                &json!(""),
                "identityHash is required for API types that are not built-in",
            ));
        }
    }
    for (index, resource) in spec["resources"].as_array().into_iter().flatten().enumerate() {
        let text = |field: &str| resource[field].as_str().unwrap_or_default();
        let suffix = kcp_api::schemas::SchemaName::suffix(text("name"), text("group"));
        if !text("schema").ends_with(&format!(".{suffix}")) {
            let at = format!("spec.resources[{index}].schema");
            let why = format!("must end in .{suffix}");
            causes.push(Cause::invalid(at, &resource["schema"], why));
        }
    }
    if causes.is_empty() { Ok(()) } else { Err(refused(attributes, causes)) }
}

async fn slice(core: &Arc<Core>, attributes: &Attributes<'_>) -> Result<(), ApiError> {
    if attributes.operation != Operation::Create {
        return Ok(());
    }
    may_bind(core, attributes, &attributes.object["spec"]["export"], "create").await
}

fn schema(attributes: &Attributes<'_>) -> Result<(), ApiError> {
    let object = &attributes.object;
    let gvk = &attributes.resource.gvk;
    if attributes.operation == Operation::Update {
        if object["spec"] == attributes.old["spec"] {
            return Ok(());
        }
        let cause = Cause::invalid("spec", &object["spec"], "field is immutable");
        return Err(ApiError::invalid(gvk, attributes.name, vec![cause]));
    }
    let causes = crate::schemas::faults(object);
    if causes.is_empty() { Ok(()) } else { Err(ApiError::invalid(gvk, attributes.name, causes)) }
}

/// Refusals of these plugins are Forbidden and carry the list of field errors in their text.
fn refused(attributes: &Attributes<'_>, causes: Vec<Cause>) -> ApiError {
    let texts: Vec<String> = causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
    let why = if texts.len() == 1 { texts.join("") } else { format!("[{}]", texts.join(", ")) };
    ApiError::forbidden(&attributes.resource.group_resource(), attributes.name, why)
}
