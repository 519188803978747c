//! From the resources of an export to AuthorizationModels.

use fga_model::{ApiResource, ResourceName, Template, authorization_model_name, resource_module};
use kcp_api::apis::{
    v1alpha1::{ApiResourceSchema, ResourceScope},
    v1alpha2::{ApiBinding, ApiExport},
};
use kube::{Api, Client};
use multicluster::{Cluster, lifecycle::SubError};
use platform_mesh_api::{AuthorizationModel, AuthorizationModelSpec, StoreRef};
use serde_json::{Value, json};

use crate::{
    app::App,
    write::{Written, ensure_spec, find},
};

/// A resource by group and plural: what the name of its AuthorizationModel is made of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Resource {
    group: String,
    plural: String,
}

impl Resource {
    /// Name of the AuthorizationModel of the resource in an organisation, as Kubernetes takes it.
    pub(super) fn model_name(&self, org: &str) -> String {
        let name = ResourceName::new(self.group.as_str(), self.plural.as_str(), "");
        authorization_model_name(&name, org).to_lowercase().trim_matches('-').to_owned()
    }
}

/// The resources that a binding serves.
pub(super) fn bound(binding: &ApiBinding) -> Vec<Resource> {
    let all = binding.status.as_ref().map(|status| status.bound_resources.as_slice()).unwrap_or_default();
    all.iter().map(|bound| Resource { group: bound.group.clone(), plural: bound.resource.clone() }).collect()
}

/// The resources that an export publishes now; none of an export that is gone.
pub(super) async fn exported(client: &Client, export: &str) -> Result<Vec<Resource>, SubError> {
    let api: Api<ApiExport> = Api::all(client.clone());
    let found = find(&api, export).await.map_err(|error| format!("reading APIExport {export}: {error}"))?;
    let resources = found.map(|export| export.spec.resources).unwrap_or_default();
    Ok(resources.into_iter().map(|listed| Resource { group: listed.group, plural: listed.name }).collect())
}

/// Whether a binding that stays needs the module of a resource.
pub(super) fn needs(binding: &ApiBinding, export: Option<&str>, resource: &Resource) -> bool {
    let bound = bound(binding);
    // What a binding serves is not known before it is bound; one to the same export will serve the same.
    bound.contains(resource) || (bound.is_empty() && super::export_name(binding) == export)
}

/// A module as it should be.
pub(super) struct Module {
    name: String,
    spec: AuthorizationModelSpec,
}

/// The modules of an export for an organisation whose Store is in `home`.
pub(super) async fn modules(
    provider: &Cluster,
    export: &str,
    org: &str,
    home: &str,
    app: &App,
) -> Result<Vec<Module>, SubError> {
    let api: Api<ApiExport> = provider.all();
    let found = api.get(export).await.map_err(|error| format!("reading APIExport {export}: {error}"))?;
    let schemas: Api<ApiResourceSchema> = provider.all();
    let mut modules = Vec::new();
    for listed in &found.spec.resources {
        let schema = schemas.get(&listed.schema).await;
        let schema =
            schema.map_err(|error| format!("reading APIResourceSchema {}: {error}", listed.schema))?;
        let names = &schema.spec.names;
        let singular = match names.singular.as_str() {
            "" => names.kind.to_lowercase(),
            singular => singular.to_owned(),
        };
        let group = schema.spec.group.as_str();
        let resource = match schema.spec.scope {
            ResourceScope::Namespaced => ApiResource::namespaced(group, names.plural.as_str(), singular),
            _ => ApiResource::cluster_scoped(group, names.plural.as_str(), singular),
        };
        let model = resource_module(app.naming, &resource, Template::Standard, &app.names.object_type);
        let store_ref = StoreRef { name: org.to_owned(), cluster: home.to_owned(), ..StoreRef::default() };
        let named = Resource { group: group.to_owned(), plural: names.plural.clone() };
        modules.push(Module {
            name: named.model_name(org),
            spec: AuthorizationModelSpec { store_ref, model, ..AuthorizationModelSpec::default() },
        });
    }
    Ok(modules)
}

impl Module {
    /// Makes the object in the provider's workspace what it should be.
    pub(super) async fn ensure(self, provider: &Cluster) -> Result<(), SubError> {
        let name = self.name;
        let api: Api<AuthorizationModel> = provider.all();
        let refused = |error: kube::Error| format!("writing AuthorizationModel {name}: {error}");
        let seen = find(&api, &name).await.map_err(refused)?;
        if seen.as_ref().is_some_and(crate::app::is_deleting) {
            return Err(format!("AuthorizationModel {name} is being deleted").into());
        }
        let fields =
            json!({ "storeRef": self.spec.store_ref, "model": self.spec.model, "tuples": Value::Null });
        let written =
            ensure_spec(&api, seen.as_ref(), &AuthorizationModel::new(&name, self.spec), fields).await;
        match written.map_err(refused)? {
            Written::Outdated => Err(format!("AuthorizationModel {name} has changed meanwhile").into()),
            Written::Done => {
                tracing::info!(object = name, cluster = %provider.key(), "module written");
                Ok(())
            }
            Written::Unchanged => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_names_of_generated_objects_are_upstreams() {
        let name = |group: &str, plural: &str| {
            Resource { group: group.to_owned(), plural: plural.to_owned() }.model_name("acme")
        };
        assert_eq!(
            name("process.test.example.com", "testresources"),
            "process-test-example-com-testresources-acme"
        );
        assert_eq!(name("", "widgets"), "widgets-acme");
    }
}
