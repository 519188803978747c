//! Ownership over versions: who loses what when an object changes, and what an apply may remove.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Conflicts, ManagedFields, ManagerId, ObjectSchema, OwnedFields, Tracking, compare::Comparison,
    merge::merge, reconcile::reconcile, remove::remove,
};
use crate::fields::{FieldSet, field_set_of, field_set_with_empty_lists};

/// Why ownership could not be computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EngineError {
    /// Others own what would change.
    Conflicts(Conflicts),
    /// A conversion between versions failed.
    Conversion { api_version: String, why: String },
}

/// Ownership computed in the circumstances of one write.
pub(super) struct Engine<'a>(pub(super) &'a Tracking<'a>);

impl Engine<'_> {
    /// Moves ownership after `old` became `new` by an update; gives the fields that the writer now owns.
    pub(super) fn update(
        &self,
        old: &Value,
        new: &Value,
        managed: &mut ManagedFields,
    ) -> Result<FieldSet, EngineError> {
        self.follow_schema(managed);
        let found = self.take(old, new, managed, None, Force::Yes)?;
        Ok(found.written())
    }

    /// Merges `applied` into `live` for the manager `me`; none if the object stays as it is.
    pub(super) fn apply(
        &self,
        live: &Value,
        applied: &Value,
        managed: &mut ManagedFields,
        me: &ManagerId,
        force: Force,
    ) -> Result<Option<Value>, EngineError> {
        self.follow_schema(managed);
        let schema = ObjectSchema(self.0.schema);
        let merged = merge(&schema, live, applied);
        let set = field_set_of(&schema, applied).difference_below(&self.0.reset);
        let last = managed
            .owners
            .insert(me.clone(), OwnedFields { set, api_version: self.0.api_version.to_owned() });
        let new = match last {
            Some(last) if !last.set.is_empty() => self.prune(merged, managed, &last)?,
            _ => merged,
        };
        self.take(live, &new, managed, Some(me), force)?;
        Ok((!crate::fields::same_value(live, &new)).then_some(new))
    }

    /// Takes every changed field from its other owners, or refuses.
    fn take(
        &self,
        old: &Value,
        new: &Value,
        managed: &mut ManagedFields,
        me: Option<&ManagerId>,
        force: Force,
    ) -> Result<Comparison, EngineError> {
        let own = Comparison::of(&ObjectSchema(self.0.schema), old, new).without(&self.0.reset);
        let mut by_version = BTreeMap::from([(self.0.api_version.to_owned(), Some(own.clone()))]);
        for fields in managed.owners.values() {
            if !by_version.contains_key(&fields.api_version) {
                let found = self.compare_at(&fields.api_version, old, new)?;
                by_version.insert(fields.api_version.clone(), found);
            }
        }
        // Versions that are gone take their entries with them.
        managed
            .owners
            .retain(|id, f| me == Some(id) || matches!(by_version.get(&f.api_version), Some(Some(_))));
        let comparison = |f: &OwnedFields| by_version.get(&f.api_version).and_then(Option::as_ref);
        let mut conflicts = BTreeMap::new();
        for (id, fields) in managed.owners.iter().filter(|(id, _)| me != Some(*id)) {
            let taken = comparison(fields).map(|c| fields.set.intersection(&c.written())).unwrap_or_default();
            if !taken.is_empty() {
                conflicts.insert(id.clone(), taken);
            }
        }
        if force == Force::No && !conflicts.is_empty() {
            return Err(EngineError::Conflicts(Conflicts::of(&conflicts)));
        }
        for (id, fields) in managed.owners.iter_mut().filter(|(id, _)| me != Some(*id)) {
            if let Some(taken) = conflicts.get(id) {
                fields.set = fields.set.difference(taken);
            }
            if let Some(found) = by_version.get(&fields.api_version).and_then(Option::as_ref) {
                fields.set = fields.set.difference(&found.removed);
            }
        }
        managed.owners.retain(|_, f| !f.set.is_empty());
        Ok(own)
    }

    fn compare_at(&self, version: &str, old: &Value, new: &Value) -> Result<Option<Comparison>, EngineError> {
        let (Some(schema), Some(old), Some(new)) =
            (self.0.schema_at(version), self.convert(old, version)?, self.convert(new, version)?)
        else {
            return Ok(None);
        };
        Ok(Some(Comparison::of(&ObjectSchema(schema), &old, &new).without(&self.0.reset)))
    }

    /// None if the version is gone.
    fn convert(&self, object: &Value, version: &str) -> Result<Option<Value>, EngineError> {
        let conversion = self.0.at(object, version).transpose();
        conversion.map_err(|why| EngineError::Conversion { api_version: version.to_owned(), why })
    }

    /// Brings owned sets in line with a schema that turned atomic; drops entries of versions that are gone.
    fn follow_schema(&self, managed: &mut ManagedFields) {
        managed.owners.retain(|_, fields| match self.0.schema_at(&fields.api_version) {
            Some(schema) => {
                fields.set = reconcile(&ObjectSchema(schema), &fields.set);
                true
            }
            None => false,
        });
    }

    /// Removes what the manager applied last time, does not apply now, and nobody else owns.
    fn prune(
        &self,
        merged: Value,
        managed: &ManagedFields,
        last: &OwnedFields,
    ) -> Result<Value, EngineError> {
        let version = last.api_version.as_str();
        let (Some(schema), Some(merged_then)) = (self.0.schema_at(version), self.convert(&merged, version)?)
        else {
            return Ok(merged);
        };
        let schema = ObjectSchema(schema);
        let last_set = last.set.with_named_parents(&schema);
        let pruned = remove(&schema, &merged_then, &last_set);
        let pruned = self.add_back_owned(&merged_then, pruned, version, managed)?;
        // Only what this manager owned may go: add back what nobody owns.
        let had = field_set_of(&schema, &merged_then).with_named_parents(&schema);
        let has = field_set_with_empty_lists(&schema, &pruned).with_named_parents(&schema);
        let pruned = remove(&schema, &merged_then, &had.difference(&has).intersection(&last_set));
        match self.back(pruned, version)? {
            Some(pruned) => Ok(pruned),
            None => Ok(merged),
        }
    }

    fn add_back_owned(
        &self,
        merged: &Value,
        pruned: Value,
        version: &str,
        managed: &ManagedFields,
    ) -> Result<Value, EngineError> {
        let mut versions: Vec<&str> = managed.owners.values().map(|f| f.api_version.as_str()).collect();
        // The version of the last apply first: conversion may need the fields that it still owns.
        versions.sort_by_key(|v| (*v != version, *v));
        versions.dedup();
        let mut pruned = pruned;
        for other in versions {
            let (Some(schema), Some(full), Some(part)) = (
                self.0.schema_at(other),
                self.between(merged, version, other)?,
                self.between(&pruned, version, other)?,
            ) else {
                continue;
            };
            let schema = ObjectSchema(schema);
            let had = field_set_of(&schema, &full).with_named_parents(&schema);
            let has = field_set_with_empty_lists(&schema, &part).with_named_parents(&schema);
            let owned = managed.owned_at(other).with_named_parents(&schema);
            let kept = remove(&schema, &full, &had.difference(&has.union(&owned)));
            if let Some(kept) = self.between(&kept, other, version)? {
                pruned = kept;
            }
        }
        Ok(pruned)
    }

    fn between(&self, object: &Value, from: &str, to: &str) -> Result<Option<Value>, EngineError> {
        if from == to {
            return Ok(Some(object.clone()));
        }
        let conversion = self.0.versions.and_then(|versions| versions.convert(object, to)).transpose();
        conversion.map_err(|why| EngineError::Conversion { api_version: to.to_owned(), why })
    }

    fn back(&self, object: Value, from: &str) -> Result<Option<Value>, EngineError> {
        self.between(&object, from, self.0.api_version)
    }
}

/// Whether an apply may take fields from other managers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Force {
    /// Take them.
    Yes,
    /// Refuse with the conflicts.
    No,
}
