//! Which resources every workspace of an organisation serves, asked of the organisation's own workspace, or where we are
//! not let in of `root:orgs`, which serves the same of what counts here.

use std::{collections::HashMap, time::Duration};

use fga_model::{
    ApiResource, DISCOVERED_PRIVILEGED, DISCOVERED_STANDARD, ModuleFile, Template, discovered_module,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIResource, APIResourceList};
use kube::Client;
use multicluster::lifecycle::SubError;
use parking_lot::Mutex;
use platform_mesh_api::names;
use tokio::time::Instant;

use crate::{app::App, orgs::Orgs, write::has_code};

/// How long an answer counts: what every workspace serves changes with kcp or with the core export only.
const FRESH: Duration = Duration::from_secs(300);
/// Answers kept.
const KEPT_MAX: usize = 1000;

/// Modules of what is served, by organisation.
#[derive(Default)]
pub(super) struct Discovery(Mutex<HashMap<String, (Instant, Vec<ModuleFile>)>>);

impl Discovery {
    /// The modules of an organisation's workspace, or what is not served there yet.
    pub(super) async fn modules(
        &self,
        org: &str,
        app: &App,
    ) -> Result<Result<Vec<ModuleFile>, String>, SubError> {
        let known =
            self.0.lock().get(org).filter(|(at, _)| at.elapsed() < FRESH).map(|(_, found)| found.clone());
        if let Some(found) = known {
            return Ok(Ok(found));
        }
        let mut client = app.direct(&format!("{}:{org}", names::ORGS));
        let mut modules: Vec<ModuleFile> = Vec::new();
        let standard = DISCOVERED_STANDARD.iter().map(|version| (*version, Template::Standard));
        let privileged = DISCOVERED_PRIVILEGED.iter().map(|version| (*version, Template::Privileged));
        for (version, template) in standard.chain(privileged) {
            let mut listed = list(&client, version).await;
            if listed.as_ref().is_err_and(|error| has_code(error, &[401, 403])) {
                client = Orgs::client(app);
                listed = list(&client, version).await;
            }
            let listed = match listed {
                Ok(listed) => listed,
                Err(error) if has_code(&error, &[403, 404]) => {
                    return Ok(Err(format!("workspace of organisation {org} does not serve {version} yet")));
                }
                Err(error) => {
                    return Err(format!("discovery of {version} in organisation {org}: {error}").into());
                }
            };
            for resource in listed.resources.iter().filter(|resource| !resource.name.contains('/')) {
                let resource = described(version, resource);
                modules.push(discovered_module(app.naming, &resource, template, &app.names.object_type));
            }
        }
        let mut kept = self.0.lock();
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, (at, _)| at.elapsed() < FRESH);
        }
        if kept.len() < KEPT_MAX {
            kept.insert(org.to_owned(), (Instant::now(), modules.clone()));
        }
        Ok(Ok(modules))
    }

    pub(super) fn forget(&self, org: &str) {
        self.0.lock().remove(org);
    }
}

async fn list(client: &Client, version: &str) -> Result<APIResourceList, kube::Error> {
    match version.contains('/') {
        true => client.list_api_group_resources(version).await,
        false => client.list_core_api_resources(version).await,
    }
}

/// A discovered resource; its group is that of the list unless it says so itself.
fn described(version: &str, resource: &APIResource) -> ApiResource {
    let listed = version.split_once('/').map_or("", |(group, _)| group);
    let group = resource.group.as_deref().filter(|group| !group.is_empty()).unwrap_or(listed);
    let singular = match resource.singular_name.as_str() {
        "" => resource.kind.to_lowercase(),
        singular => singular.to_owned(),
    };
    if resource.namespaced {
        ApiResource::namespaced(group, resource.name.as_str(), singular)
    } else {
        ApiResource::cluster_scoped(group, resource.name.as_str(), singular)
    }
}
