//! The seam's calls, in Keycloak's words.

use async_trait::async_trait;
use http::{Method, StatusCode};

use super::{Keycloak, call::Call};
use crate::{
    ClientHandle, ClientMetadata, ClientSummary, IdentityError, IdentityProvider, NewUser, RealmChange,
    RealmSettings, Registration, User,
};

#[async_trait]
impl IdentityProvider for Keycloak {
    async fn ping(&self) -> Result<(), IdentityError> {
        Call::get("/realms/master/.well-known/openid-configuration").send(self).await?.expect_json(&[200])?;
        self.forget_token();
        self.admin_token().await.map(drop)
    }

    async fn ensure_realm(&self, realm: &RealmSettings) -> Result<RealmChange, IdentityError> {
        let wanted = realm.to_json();
        let created = Call::post("/admin/realms").json(&wanted).as_admin(self).await?;
        match created.status {
            StatusCode::CREATED => {
                self.forget_token();
                Ok(RealmChange::Created)
            }
            StatusCode::CONFLICT => {
                let path = format!("/admin/realms/{}", realm.name);
                Call::new(Method::PUT, path).json(&wanted).as_admin(self).await?.expect(&[200, 204])?;
                Ok(RealmChange::Updated)
            }
            _ => Err(created.refused()),
        }
    }

    async fn realm_exists(&self, realm: &str) -> Result<bool, IdentityError> {
        let answer = Call::get(format!("/admin/realms/{realm}")).as_admin(self).await?;
        answer.expect(&[200, 404])?;
        Ok(answer.status == StatusCode::OK)
    }

    async fn delete_realm(&self, realm: &str) -> Result<(), IdentityError> {
        let call = Call::new(Method::DELETE, format!("/admin/realms/{realm}"));
        call.as_admin(self).await?.expect(&[200, 204, 404])
    }

    async fn clients(&self, realm: &str) -> Result<Vec<ClientSummary>, IdentityError> {
        Call::get(format!("/admin/realms/{realm}/clients")).as_admin(self).await?.expect_json(&[200])?.parse()
    }

    async fn client_exists(&self, realm: &str, client_id: &str) -> Result<bool, IdentityError> {
        let call = Call::get(format!("/admin/realms/{realm}/clients")).query("clientId", client_id);
        let found: Vec<ClientSummary> = call.as_admin(self).await?.expect_json(&[200])?.parse()?;
        Ok(found.iter().any(|c| c.client_id == client_id))
    }

    async fn register_client(
        &self,
        realm: &str,
        client: &ClientMetadata,
    ) -> Result<Registration, IdentityError> {
        self.register(realm, client).await
    }

    async fn read_client(
        &self,
        realm: &str,
        client: &ClientHandle,
    ) -> Result<Option<Registration>, IdentityError> {
        match self.manage(Method::GET, realm, client, None).await? {
            Some(answer) => answer.expect_json(&[200])?.parse().map(Some),
            None => Ok(None),
        }
    }

    async fn update_client(
        &self,
        realm: &str,
        client: &ClientHandle,
        metadata: &ClientMetadata,
    ) -> Result<Registration, IdentityError> {
        match self.manage(Method::PUT, realm, client, Some(metadata)).await? {
            Some(answer) => answer.expect_json(&[200])?.parse(),
            None => Err(IdentityError::Status {
                method: "PUT".into(),
                path: format!("/realms/{realm}/clients-registrations/openid-connect/{}", client.client_id),
                status: 404,
                body: format!("client `{}` is gone", client.client_id),
            }),
        }
    }

    async fn delete_client(&self, realm: &str, client: &ClientHandle) -> Result<(), IdentityError> {
        match self.manage(Method::DELETE, realm, client, None).await? {
            Some(answer) => answer.expect(&[200, 204]),
            None => Ok(()),
        }
    }

    async fn find_user(&self, realm: &str, email: &str) -> Result<Option<User>, IdentityError> {
        let call = Call::get(format!("/admin/realms/{realm}/users"))
            .query("email", email)
            .query("exact", "true")
            .query("max", "1")
            .query("briefRepresentation", "true");
        let users: Vec<User> = call.as_admin(self).await?.expect_json(&[200])?.parse()?;
        Ok(users.into_iter().find(|u| u.email.as_deref().is_some_and(|e| e.eq_ignore_ascii_case(email))))
    }

    async fn create_user(&self, realm: &str, user: &NewUser) -> Result<(), IdentityError> {
        let body = serde_json::to_value(user).map_err(|e| IdentityError::Configuration(e.to_string()))?;
        Call::post(format!("/admin/realms/{realm}/users"))
            .json(&body)
            .as_admin(self)
            .await?
            .expect(&[201, 409])
    }

    async fn send_actions_mail(
        &self,
        realm: &str,
        user_id: &str,
        client_id: &str,
        redirect_uri: &str,
    ) -> Result<(), IdentityError> {
        let call =
            Call::new(Method::PUT, format!("/admin/realms/{realm}/users/{user_id}/execute-actions-email"))
                .query("client_id", client_id)
                .query("redirect_uri", redirect_uri);
        call.as_admin(self).await?.expect(&[200, 204])
    }
}
