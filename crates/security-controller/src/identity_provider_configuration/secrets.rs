//! Secrets of clients, in `root:orgs`. Values are never logged.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use multicluster::{Cx, lifecycle::SubError};
use platform_mesh_api::{SecretRef, names};
use serde_json::json;

use crate::{
    app::App,
    orgs::Orgs,
    write::{delete, find, has_code},
};

const SECRET_KEY: &str = "client_secret";
const TOKEN_KEY: &str = "registration_access_token";

/// What a Secret holds of a client.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) client_secret: Option<String>,
    pub(super) registration_access_token: Option<String>,
}

pub(super) struct Secrets {
    client: Client,
}

impl Secrets {
    pub(super) fn new(cx: &Cx<App>) -> Self {
        Self { client: Orgs::client(cx) }
    }

    fn at<'a>(&self, reference: &'a SecretRef) -> Option<(Api<Secret>, &'a str)> {
        let name = reference.name.as_deref().filter(|name| !name.is_empty())?;
        let namespace = reference.namespace.as_deref().filter(|namespace| !namespace.is_empty());
        Some((Api::namespaced(self.client.clone(), namespace.unwrap_or("default")), name))
    }

    /// What a Secret holds; nothing where there is none.
    pub(super) async fn read(&self, reference: &SecretRef) -> Result<Credentials, SubError> {
        let Some((api, name)) = self.at(reference) else { return Ok(Credentials::default()) };
        let found = find(&api, name).await.map_err(|error| format!("reading Secret {name}: {error}"))?;
        let data = found.and_then(|secret| secret.data).unwrap_or_default();
        let value = |key: &str| {
            let text = data.get(key).and_then(|value| String::from_utf8(value.0.clone()).ok());
            text.filter(|text| !text.is_empty())
        };
        Ok(Credentials { client_secret: value(SECRET_KEY), registration_access_token: value(TOKEN_KEY) })
    }

    /// Writes what is known; what is not known stays as it is.
    pub(super) async fn write(
        &self,
        reference: &SecretRef,
        credentials: &Credentials,
        labels: &[(&str, &str)],
    ) -> Result<(), SubError> {
        let Some((api, name)) = self.at(reference) else { return Ok(()) };
        let held = self.read(reference).await?;
        let wanted = Credentials {
            client_secret: credentials.client_secret.clone().or(held.client_secret.clone()),
            registration_access_token: credentials
                .registration_access_token
                .clone()
                .or(held.registration_access_token.clone()),
        };
        if wanted == held && held != Credentials::default() {
            return Ok(());
        }
        let mut data = BTreeMap::new();
        for (key, value) in
            [(SECRET_KEY, wanted.client_secret), (TOKEN_KEY, wanted.registration_access_token)]
        {
            if let Some(value) = value {
                data.insert(key.to_owned(), ByteString(value.into_bytes()));
            }
        }
        let mut secret = Secret { data: Some(data), type_: Some("Opaque".to_owned()), ..Secret::default() };
        secret.metadata.name = Some(name.to_owned());
        secret.metadata.labels =
            Some(labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect());
        let manager = Some(names::SECURITY_OPERATOR.to_owned());
        let params = PostParams { field_manager: manager.clone(), ..PostParams::default() };
        let written = match api.create(&params, &secret).await {
            Err(error) if has_code(&error, &[409]) => {
                let body = json!({ "data": secret.data });
                let params = PatchParams { field_manager: manager, ..PatchParams::default() };
                api.patch(name, &params, &Patch::Merge(body)).await
            }
            other => other,
        };
        written.map(drop).map_err(|error| format!("writing Secret {name}: {error}").into())
    }

    pub(super) async fn delete(&self, reference: &SecretRef) -> Result<(), SubError> {
        let Some((api, name)) = self.at(reference) else { return Ok(()) };
        delete(&api, name).await.map(drop).map_err(|error| format!("deleting Secret {name}: {error}").into())
    }
}
