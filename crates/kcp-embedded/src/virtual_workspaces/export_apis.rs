//! Which resources a provider sees: what it exports, what it claims, and the bindings to its export.

use std::sync::Arc;

use apiserver::{ApiError, ApiSets, Catalog, LabelSelector, Scope, ServedResource};
use kcp_api::{ClusterName, apis::v1alpha2::PermissionClaim, builtins, keys, labels};

use crate::{api_sets::BoundResources as _, claims, core::Core, exports::ExportEntry};

const APIS: &str = "apis.kcp.io";

/// The API set of one export's virtual workspace.
pub(super) struct ExportApis {
    core: Arc<Core>,
    export: Arc<ExportEntry>,
    claims: Vec<PermissionClaim>,
}

impl ExportApis {
    pub(super) fn new(core: Arc<Core>, export: Arc<ExportEntry>) -> Self {
        let claims = serde_json::from_value(export.claims.clone()).unwrap_or_default();
        Self { core, export, claims }
    }

    /// What the export offers, in every served version.
    fn exported(&self) -> Vec<Arc<ServedResource>> {
        let Some(identity) = &self.export.identity else { return Vec::new() };
        let schemas = self.export.resources.iter().filter_map(|resource| {
            let schema = self.core.bound.schemas.find(self.export.cluster(), &resource.schema)?;
            self.core.bound.schemas.served(&schema.uid, identity).ok()
        });
        schemas
            .flat_map(|versions| versions.to_vec())
            .map(|resource| Arc::new(without_scale(&resource)))
            .collect()
    }

    /// A claimed resource as the scope serves it, with only the objects that carry the claim's label.
    fn claimed(&self, scope: &Scope, claim: &PermissionClaim) -> Vec<Arc<ServedResource>> {
        if self.export.offers(&claim.group, &claim.resource) {
            return Vec::new();
        }
        let groups: &[&str] = match (claim.group.as_str(), claim.resource.as_str()) {
            // Both groups store the same events.
            ("" | "events.k8s.io", "events") => &["", "events.k8s.io"],
            (group, _) => &[group],
        };
        let base = groups.iter().flat_map(|group| self.base(scope, group, claim));
        let restrict = self.claim_selector(claim);
        base.map(|resource| {
            let mut resource = without_scale(&resource);
            if resource.virtual_create.is_none() {
                resource.restrict.clone_from(&restrict);
            }
            Arc::new(resource)
        })
        .collect()
    }

    /// The resource behind a claim: built in, or bound in the consumer with the claim's identity.
    fn base(&self, scope: &Scope, group: &str, claim: &PermissionClaim) -> Vec<Arc<ServedResource>> {
        if claim.identity_hash.is_empty() {
            let all = self.core.apis.everywhere().iter();
            return all.filter(|r| *r.gvk.group == *group && *r.plural == *claim.resource).cloned().collect();
        }
        match scope {
            Scope::One(consumer) => {
                let served = self.core.bound.served(consumer).into_iter();
                let fits = |r: &Arc<ServedResource>| {
                    *r.gvk.group == *group
                        && *r.plural == *claim.resource
                        && r.storage.identity.as_deref() == Some(claim.identity_hash.as_str())
                };
                served.filter(fits).collect()
            }
            Scope::All => self.everywhere_bound(group, claim),
        }
    }

    fn everywhere_bound(&self, group: &str, claim: &PermissionClaim) -> Vec<Arc<ServedResource>> {
        for export in self.core.bound.exports.of_identity(&claim.identity_hash) {
            let offered = export.resources.iter().find(|r| r.group == group && r.name == claim.resource);
            let schema = offered.and_then(|r| self.core.bound.schemas.find(export.cluster(), &r.schema));
            if let Some(versions) =
                schema.and_then(|s| self.core.bound.schemas.served(&s.uid, &claim.identity_hash).ok())
            {
                return versions.to_vec();
            }
        }
        Vec::new()
    }

    fn claim_selector(&self, claim: &PermissionClaim) -> Option<LabelSelector> {
        let (group, resource) = builtins::normalized(&claim.group, &claim.resource);
        let (key, value) = claims::label_of(&self.export.key, group, resource, &claim.identity_hash)?;
        if group == APIS && resource == "apibindings" {
            // A claim on bindings widens the view; the own ones stay in it.
            return LabelSelector::parse(&format!("{key} in ({value},{})", keys::REFLEXIVE_CLAIM)).ok();
        }
        Some(LabelSelector::equals(&key, &value))
    }

    /// The bindings to this export, in both versions, where no claim shows more.
    fn own_bindings(&self) -> Vec<Arc<ServedResource>> {
        if self.claims.iter().any(|c| c.group == APIS && c.resource == "apibindings") {
            return Vec::new();
        }
        let Ok(cluster) = self.export.cluster().as_str().parse::<ClusterName>() else { return Vec::new() };
        let label = labels::export_label(&cluster, self.export.name());
        let restrict = LabelSelector::equals(keys::EXPORT_LABEL, &label);
        let all = self.core.apis.everywhere().iter();
        all.filter(|r| *r.gvk.group == *APIS && &*r.plural == "apibindings")
            .map(|r| {
                Arc::new(ServedResource { restrict: Some(restrict.clone()), ..ServedResource::clone(r) })
            })
            .collect()
    }

    fn all(&self, scope: &Scope) -> Vec<Arc<ServedResource>> {
        let mut all = self.exported();
        all.extend(self.claims.iter().flat_map(|claim| self.claimed(scope, claim)));
        all.extend(self.own_bindings());
        all
    }
}

fn without_scale(resource: &Arc<ServedResource>) -> ServedResource {
    let mut resource = ServedResource::clone(resource);
    resource.subresources.scale = None;
    resource
}

impl ApiSets for ExportApis {
    fn lookup(
        &self,
        scope: &Scope,
        group: &str,
        version: &str,
        resource: &str,
        identity: Option<&str>,
    ) -> Result<Arc<ServedResource>, ApiError> {
        self.core.feeds.catch_up();
        self.all(scope)
            .into_iter()
            .find(|r| *r.gvk.group == *group && *r.gvk.version == *version && *r.plural == *resource)
            .filter(|r| identity.is_none_or(|wanted| r.storage.identity.as_deref() == Some(wanted)))
            .ok_or_else(ApiError::no_such_resource)
    }

    fn catalog(&self, scope: &Scope) -> Arc<Catalog> {
        self.core.feeds.catch_up();
        Arc::new(Catalog::new(self.all(scope)))
    }
}
