//! Reviews: creates that store nothing and are answered by the host.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::plain::BuiltIn;
use super::row::built_in;
use crate::error::ApiError;
use crate::names::Verb;
use crate::resource::ServedResource;
use crate::server::RequestCx;
use crate::subresource::VirtualCreate;

/// Who answers which review; a missing handler leaves the resource out.
#[derive(Clone, Default)]
pub struct Reviews {
    /// TokenReview: whose token is this?
    pub token: Option<Arc<dyn VirtualCreate>>,
    /// SubjectAccessReview: may that user do this?
    pub subject_access: Option<Arc<dyn VirtualCreate>>,
    /// LocalSubjectAccessReview: the same in one namespace.
    pub local_subject_access: Option<Arc<dyn VirtualCreate>>,
    /// SelfSubjectAccessReview: may I do this?
    pub self_subject_access: Option<Arc<dyn VirtualCreate>>,
    /// SelfSubjectRulesReview: what may I do?
    pub self_subject_rules: Option<Arc<dyn VirtualCreate>>,
}

impl Reviews {
    pub(super) fn resources(&self) -> Vec<ServedResource> {
        let who: Option<Arc<dyn VirtualCreate>> = Some(Arc::new(SelfSubjectReview));
        let rows = [
            ("authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews", false, &who),
            ("authentication.k8s.io", "TokenReview", "tokenreviews", false, &self.token),
            (
                "authorization.k8s.io",
                "LocalSubjectAccessReview",
                "localsubjectaccessreviews",
                true,
                &self.local_subject_access,
            ),
            (
                "authorization.k8s.io",
                "SelfSubjectAccessReview",
                "selfsubjectaccessreviews",
                false,
                &self.self_subject_access,
            ),
            (
                "authorization.k8s.io",
                "SelfSubjectRulesReview",
                "selfsubjectrulesreviews",
                false,
                &self.self_subject_rules,
            ),
            (
                "authorization.k8s.io",
                "SubjectAccessReview",
                "subjectaccessreviews",
                false,
                &self.subject_access,
            ),
        ];
        rows.into_iter()
            .filter_map(|(group, kind, plural, namespaced, handler)| {
                let virtual_create = Some(handler.clone()?);
                let verbs = vec![Verb::Create];
                let row = built_in(group, "v1", kind, plural, namespaced, BuiltIn::uncounted());
                Some(ServedResource { verbs, virtual_create, ..row })
            })
            .collect()
    }
}

/// SelfSubjectReview: who am I? Answered from the request itself.
pub struct SelfSubjectReview;

#[async_trait]
impl VirtualCreate for SelfSubjectReview {
    async fn create(
        &self,
        cx: &RequestCx,
        _namespace: Option<&str>,
        _object: Value,
    ) -> Result<Value, ApiError> {
        Ok(json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview",
            "metadata": {"creationTimestamp": null}, "status": {"userInfo": cx.user.to_value()},
        }))
    }
}
