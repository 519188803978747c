//! One HTTP call: address, token, accepted answers.

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Keycloak;
use crate::IdentityError;

/// Longest part of an error body that is kept, in bytes.
const ERROR_BODY_MAX: usize = 4096;

pub(super) struct Call {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    body: Bytes,
    content_type: Option<&'static str>,
}

pub(super) struct Answer {
    method: Method,
    path: String,
    pub(super) status: StatusCode,
    body: Bytes,
}

pub(super) struct JsonAnswer {
    method: Method,
    path: String,
    pub(super) value: Value,
}

impl Call {
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), body: Bytes::new(), content_type: None }
    }

    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    pub(super) fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn json(mut self, value: &Value) -> Self {
        self.body = value.to_string().into();
        self.content_type = Some("application/json");
        self
    }

    pub(super) fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(fields);
        self.body = text.finish().into();
        self.content_type = Some("application/x-www-form-urlencoded");
        self
    }

    /// Sends without a token.
    pub(super) async fn send(&self, server: &Keycloak) -> Result<Answer, IdentityError> {
        self.with_bearer(server, None).await
    }

    /// Sends as the admin client; a refused token is replaced once, for it may be older than the realm.
    pub(super) async fn as_admin(&self, server: &Keycloak) -> Result<Answer, IdentityError> {
        let token = server.admin_token().await?;
        let answer = self.with_bearer(server, Some(&token)).await?;
        if !matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Ok(answer);
        }
        server.forget_token();
        let token = server.admin_token().await?;
        self.with_bearer(server, Some(&token)).await
    }

    pub(super) async fn with_bearer(
        &self,
        server: &Keycloak,
        token: Option<&str>,
    ) -> Result<Answer, IdentityError> {
        // Registration URIs come from the provider in full; everything else is a path below its base.
        let mut address = if self.path.starts_with('/') {
            format!("{}{}", server.base, self.path)
        } else {
            self.path.clone()
        };
        if !self.query.is_empty() {
            let mut text = url::form_urlencoded::Serializer::new(String::new());
            text.extend_pairs(&self.query);
            address = format!("{address}?{}", text.finish());
        }
        let failed = |cause: String| IdentityError::Transport {
            method: self.method.to_string(),
            path: self.path.clone(),
            cause,
        };
        let mut request =
            Request::builder().method(&self.method).uri(&address).header(header::ACCEPT, "application/json");
        if let Some(kind) = self.content_type {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(self.body.clone()).map_err(|e| failed(e.to_string()))?;
        let (parts, body) = server.transport.send(request).await.map_err(failed)?.into_parts();
        Ok(Answer { method: self.method.clone(), path: self.path.clone(), status: parts.status, body })
    }
}

impl Answer {
    /// An error for a status that the call cannot have.
    pub(super) fn refused(&self) -> IdentityError {
        let shown = &self.body[..self.body.len().min(ERROR_BODY_MAX)];
        IdentityError::Status {
            method: self.method.to_string(),
            path: self.path.clone(),
            status: self.status.as_u16(),
            body: String::from_utf8_lossy(shown).into_owned(),
        }
    }

    pub(super) fn expect(&self, accepted: &[u16]) -> Result<(), IdentityError> {
        if accepted.contains(&self.status.as_u16()) { Ok(()) } else { Err(self.refused()) }
    }

    pub(super) fn expect_json(self, accepted: &[u16]) -> Result<JsonAnswer, IdentityError> {
        self.expect(accepted)?;
        let value = serde_json::from_slice(&self.body).map_err(|e| IdentityError::Body {
            method: self.method.to_string(),
            path: self.path.clone(),
            cause: format!("the answer is not JSON: {e}"),
        })?;
        Ok(JsonAnswer { method: self.method, path: self.path, value })
    }
}

impl JsonAnswer {
    pub(super) fn text(&self, field: &str) -> Result<String, IdentityError> {
        self.value[field].as_str().map(str::to_owned).ok_or_else(|| self.wrong(format!("no field `{field}`")))
    }

    pub(super) fn number(&self, field: &str) -> Option<u64> {
        self.value[field].as_u64()
    }

    pub(super) fn parse<T: DeserializeOwned>(self) -> Result<T, IdentityError> {
        serde_json::from_value(self.value.clone()).map_err(|e| self.wrong(e.to_string()))
    }

    fn wrong(&self, cause: String) -> IdentityError {
        IdentityError::Body { method: self.method.to_string(), path: self.path.clone(), cause }
    }
}
