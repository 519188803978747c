//! APIBinding: answers to claims, and the claims in the status.

use serde_json::Value;

use super::claims::{self, Scope};
use super::{ConversionError, put_list, retained, take_list};

/// A list of claims, and the annotations that keep what each version cannot express.
struct ClaimList {
    section: &'static str,
    field: &'static str,
    path: &'static str,
    scope: Scope,
    /// On the v1alpha1 object.
    newer: &'static str,
    /// On the v1alpha2 object.
    older: &'static str,
}

const LISTS: [ClaimList; 3] = [
    ClaimList {
        section: "spec",
        field: "permissionClaims",
        path: "spec.permissionClaims",
        scope: Scope::Scoped,
        newer: retained::ANSWERS,
        older: retained::V1_CLAIMS,
    },
    ClaimList {
        section: "status",
        field: "exportPermissionClaims",
        path: "status.exportPermissionClaims",
        scope: Scope::Asked,
        newer: retained::STATUS_ASKED,
        older: retained::V1_STATUS_ASKED,
    },
    ClaimList {
        section: "status",
        field: "appliedPermissionClaims",
        path: "status.appliedPermissionClaims",
        scope: Scope::Scoped,
        newer: retained::STATUS_APPLIED,
        older: retained::V1_STATUS_APPLIED,
    },
];

pub(super) fn to_v1alpha2(object: &mut Value) -> Result<(), ConversionError> {
    for row in LISTS {
        let known = retained::take(object, row.newer)?;
        if let Some(mut list) = take_list(object, row.section, row.field)? {
            let keep = claims::to_v1alpha2(&mut list, &known, row.scope, row.path)?;
            put_list(object, row.section, row.field, list);
            retained::put(object, row.older, &keep);
        }
    }
    Ok(())
}

pub(super) fn to_v1alpha1(object: &mut Value) -> Result<(), ConversionError> {
    for row in LISTS {
        let known = retained::take(object, row.older)?;
        if let Some(mut list) = take_list(object, row.section, row.field)? {
            let keep = claims::to_v1alpha1(&mut list, &known, row.scope, row.path)?;
            put_list(object, row.section, row.field, list);
            retained::put(object, row.newer, &keep);
        }
    }
    Ok(())
}
