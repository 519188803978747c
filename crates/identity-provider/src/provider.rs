//! The seam: what an identity provider can be asked to do.

use async_trait::async_trait;

use crate::{
    ClientHandle, ClientMetadata, ClientSummary, IdentityError, NewUser, RealmChange, RealmSettings,
    Registration, User,
};

/// Administration of realms, clients and users. Every call is safe to repeat.
///
/// # Cancellation
/// A dropped future leaves the call either done or not done at the provider; repeating it is safe.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// Whether the provider answers at all with our credentials.
    async fn ping(&self) -> Result<(), IdentityError>;

    /// Makes the realm if it is not there, and gives it these settings if it is.
    async fn ensure_realm(&self, realm: &RealmSettings) -> Result<RealmChange, IdentityError>;

    /// Whether the realm is there.
    async fn realm_exists(&self, realm: &str) -> Result<bool, IdentityError>;

    /// Deletes the realm with its clients and users; one that is gone is no error.
    async fn delete_realm(&self, realm: &str) -> Result<(), IdentityError>;

    /// All clients of the realm.
    async fn clients(&self, realm: &str) -> Result<Vec<ClientSummary>, IdentityError>;

    /// Whether the realm has a client of this id.
    async fn client_exists(&self, realm: &str, client_id: &str) -> Result<bool, IdentityError>;

    /// Registers a client.
    async fn register_client(
        &self,
        realm: &str,
        client: &ClientMetadata,
    ) -> Result<Registration, IdentityError>;

    /// What the provider holds of a registered client; `None` when it is gone.
    async fn read_client(
        &self,
        realm: &str,
        client: &ClientHandle,
    ) -> Result<Option<Registration>, IdentityError>;

    /// Gives a registered client this metadata; rotates its registration access token.
    async fn update_client(
        &self,
        realm: &str,
        client: &ClientHandle,
        metadata: &ClientMetadata,
    ) -> Result<Registration, IdentityError>;

    /// Deletes a registered client; one that is gone is no error.
    async fn delete_client(&self, realm: &str, client: &ClientHandle) -> Result<(), IdentityError>;

    /// The user with exactly this mail address.
    async fn find_user(&self, realm: &str, email: &str) -> Result<Option<User>, IdentityError>;

    /// Creates a user; one that is there is left as it is.
    async fn create_user(&self, realm: &str, user: &NewUser) -> Result<(), IdentityError>;

    /// Mails the user a link to what they must do, which returns to `redirect_uri` of the client.
    async fn send_actions_mail(
        &self,
        realm: &str,
        user_id: &str,
        client_id: &str,
        redirect_uri: &str,
    ) -> Result<(), IdentityError>;
}
