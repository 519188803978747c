//! Get.

use serde_json::Value;

use super::{Target, current, leaving};
use crate::error::ApiError;
use crate::server::ApiServer;

/// Reads one object.
pub(crate) fn get(server: &ApiServer, target: &Target) -> Result<Value, ApiError> {
    let stored = current(server, target).ok_or_else(|| target.not_found())?;
    leaving(server, &target.resource, &stored)
}
