//! Logical clusters as an initializer or terminator sees them: those that carry its marker, to be read, and to lose it.

use std::sync::Arc;

use apiserver::{
    ApiError, ApiSets, Catalog, Cause, LabelSelector, ResourceStrategy, Scope, ServedResource, Verb,
};
use kcp_api::{InitializerName, keys, labels};
use serde_json::Value;

use super::lifecycle::Stage;
use crate::{core::Core, records::strings};

/// The API set of one marker.
pub(super) struct LifecycleApis {
    resource: Arc<ServedResource>,
}

impl LifecycleApis {
    /// # Errors
    /// 503 while the server starts.
    pub(super) fn new(core: &Core, marker: &InitializerName, stage: Stage) -> Result<Self, ApiError> {
        let base = core
            .apis
            .everywhere()
            .iter()
            .find(|r| &*r.gvk.group == "core.kcp.io" && &*r.plural == "logicalclusters")
            .ok_or_else(|| ApiError::unavailable("logical clusters are not served yet"))?;
        let (key, value) = match stage {
            Stage::Initializing => labels::initializer_label(marker),
            Stage::Terminating => labels::terminator_label(marker),
        };
        let phase = stage.phase().as_str();
        let restrict = LabelSelector::parse(&format!("{key}={value},{}={phase}", keys::PHASE))
            .map_err(ApiError::internal)?;
        let mut resource = ServedResource::clone(base);
        // The verbs are those of the main resource; status keeps update and patch, which the strategy bounds.
        resource.verbs = vec![Verb::Get, Verb::List, Verb::Watch];
        resource.restrict = Some(restrict);
        resource.strategy =
            Arc::new(OnlyRemoves { inner: base.strategy.clone(), marker: marker.to_string(), stage });
        Ok(Self { resource: Arc::new(resource) })
    }
}

impl ApiSets for LifecycleApis {
    fn lookup(
        &self,
        _scope: &Scope,
        group: &str,
        version: &str,
        resource: &str,
        identity: Option<&str>,
    ) -> Result<Arc<ServedResource>, ApiError> {
        let own = &self.resource;
        let fits = *own.gvk.group == *group && *own.gvk.version == *version && *own.plural == *resource;
        if fits && identity.is_none() { Ok(own.clone()) } else { Err(ApiError::no_such_resource()) }
    }

    fn catalog(&self, _scope: &Scope) -> Arc<Catalog> {
        Arc::new(Catalog::new([self.resource.clone()]))
    }
}

/// The rules of logical clusters, and one more: the list of markers may lose our own, and nothing else may change in it.
struct OnlyRemoves {
    inner: Arc<dyn ResourceStrategy>,
    marker: String,
    stage: Stage,
}

impl ResourceStrategy for OnlyRemoves {
    fn name_fault(&self, name: &str) -> Option<String> {
        self.inner.name_fault(name)
    }

    fn default(&self, object: &mut Value) {
        self.inner.default(object);
    }

    fn prepare_for_create(&self, object: &mut Value) {
        self.inner.prepare_for_create(object);
    }

    fn prepare_for_update(&self, object: &mut Value, old: &Value) {
        self.inner.prepare_for_update(object, old);
    }

    fn validate(&self, object: &Value, old: Option<&Value>) -> Vec<Cause> {
        let mut causes = self.inner.validate(object, old);
        let field = self.stage.field();
        if let Some(old) = old {
            let (now, before) = (strings(&object["status"][field]), strings(&old["status"][field]));
            let without: Vec<&str> = before.iter().copied().filter(|m| *m != self.marker).collect();
            if now != before && now != without {
                let word = self.stage.marker();
                let text = format!("only removing the \"{}\" {word} is supported", self.marker);
                causes.push(Cause::invalid(format!("status.{field}"), &object["status"][field], text));
            }
        }
        causes
    }

    fn allows_unconditional_update(&self) -> bool {
        self.inner.allows_unconditional_update()
    }

    fn allows_create_on_update(&self) -> bool {
        self.inner.allows_create_on_update()
    }

    fn counts_generation(&self) -> bool {
        self.inner.counts_generation()
    }

    fn may_vanish(&self, object: &Value) -> bool {
        self.inner.may_vanish(object)
    }

    fn begin_delete(&self, object: &mut Value) {
        self.inner.begin_delete(object);
    }

    fn field_value(&self, object: &Value, field: &str) -> Option<String> {
        self.inner.field_value(object, field)
    }

    fn returns_deleted_object(&self) -> bool {
        self.inner.returns_deleted_object()
    }
}
