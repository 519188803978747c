//! The model of a Store: its core module, what every workspace serves, and one module for each bound resource. A module
//! that does not fit is left out and told so; it never takes the others down.

use std::{collections::HashMap, sync::Arc};

use fga_client::{ModelId, StoreId};
use fga_model::{ModelLimits, ModuleFile, compose_isolated, module_file_name};
use multicluster::{
    Cluster, ClusterObjectRef, Cx, ObjectKey,
    lifecycle::{Outcome, Roles, SubError, Subroutine},
};
use parking_lot::Mutex;
use platform_mesh_api::{AuthorizationModel, Store, StoreStatus, names};

use super::{Extensions, discovery::Discovery};
use crate::app::{App, is_deleting};

pub(super) const NAME: &str = "AuthorizationModel";

/// What became of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It is in this model.
    Merged(ModelId),
    /// It does not fit, and why.
    Refused(String),
}

/// A judgement with the generation and the text it is about.
type Judged = (String, Judgement);

/// What became of each module, told to its own reconciler. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Judgements(Arc<Mutex<HashMap<ClusterObjectRef, Judged>>>);

impl Judgements {
    /// The judgement about a module as it is now.
    pub(crate) fn of(&self, at: &ClusterObjectRef, model: &AuthorizationModel) -> Option<Judgement> {
        let all = self.0.lock();
        all.get(at).filter(|(text, _)| *text == model.spec.model).map(|(_, judgement)| judgement.clone())
    }

    pub(crate) fn forget(&self, at: &ClusterObjectRef) {
        self.0.lock().remove(at);
    }

    fn set(&self, cluster: &Cluster, model: &AuthorizationModel, judgement: Judgement) {
        let at = cluster.object(ObjectKey::of(model));
        self.0.lock().insert(at, (model.spec.model.clone(), judgement));
    }
}

pub(super) struct ModelOf {
    extensions: Extensions,
    judgements: Judgements,
    discovery: Discovery,
}

impl ModelOf {
    pub(super) fn new(extensions: Extensions, judgements: Judgements) -> Self {
        Self { extensions, judgements, discovery: Discovery::default() }
    }
}

impl Subroutine<Store, App> for ModelOf {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roles(&self) -> Roles {
        Roles::PROCESS
    }

    async fn process(&self, store: &mut Store, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let name = store.metadata.name.clone().unwrap_or_default();
        // A list that lacks a shard would make a smaller model.
        self.extensions.models.ready().await;
        let mut base = vec![ModuleFile::new(module_file_name(&name), store.spec.core_module.clone())];
        if name != names::ORGS_STORE {
            match self.discovery.modules(&name, cx).await? {
                Ok(modules) => base.extend(modules),
                Err(why) => return Ok(cx.stop(NAME, cx, why)),
            }
        }
        // A module that goes leaves the model at once: its finalizer must not find it in use.
        let related = self.extensions.of(cx.cluster(), &name);
        let related: Vec<_> = related.into_iter().filter(|(_, model)| !is_deleting(model.as_ref())).collect();
        let extensions = files(&related);
        let composition = compose_isolated(&base, &extensions, ModelLimits::OPENFGA);
        let composition = composition.map_err(|errors| {
            self.discovery.forget(&name);
            format!("core module of Store {name} does not make a model: {errors}")
        })?;

        let status = store.status.get_or_insert_with(StoreStatus::default);
        let id = StoreId::from(status.store_id.clone().ok_or("the relationship store has no id")?);
        let held = match status.authorization_model_id.as_deref().filter(|id| !id.is_empty()) {
            None => None,
            Some(model) => match cx.relationships.read_model(&id, &ModelId::from(model)).await {
                Ok(held) => Some((ModelId::from(model), held)),
                Err(error) if error.is_not_found() => None,
                Err(error) => return Err(error.into()),
            },
        };
        let model = match held {
            Some((model, held)) if held.same_content(&composition.model) => model,
            _ => {
                let written = cx.relationships.write_model(&id, &composition.model).await?;
                tracing::info!(store = name, model = %written, types = composition.model.types.len(), "model written");
                status.authorization_model_id = Some(written.to_string());
                written
            }
        };
        for ((cluster, extension), file) in related.iter().zip(&extensions) {
            let refused = composition.refused.iter().find(|refused| refused.file == file.name);
            let judgement = match refused {
                None => Judgement::Merged(model.clone()),
                Some(refused) => {
                    tracing::warn!(store = name, file = file.name, error = %refused.errors, "module left out");
                    Judgement::Refused(refused.errors.to_string())
                }
            };
            self.judgements.set(cluster, extension, judgement);
        }
        Ok(cx.done(NAME, cx))
    }
}

/// The modules as files. Two providers may have given one name to their objects; files need one each.
fn files(related: &[(Cluster, Arc<AuthorizationModel>)]) -> Vec<ModuleFile> {
    let mut taken: HashMap<String, u32> = HashMap::new();
    let file = |(cluster, model): &(Cluster, Arc<AuthorizationModel>)| {
        let name = model.metadata.name.as_deref().unwrap_or_default();
        let count = taken.entry(name.to_owned()).or_default();
        *count += 1;
        let file = match *count {
            1 => module_file_name(name),
            _ => module_file_name(&format!("{}/{name}", cluster.id())),
        };
        ModuleFile::new(file, model.spec.model.clone())
    };
    related.iter().map(file).collect()
}
