//! Client certificates: the common name is the user, organizations are groups.

use apiserver::UserInfo;
use runtime::PeerCertificate;

use super::AuthenticationError;

/// The user a verified certificate stands for.
///
/// # Errors
/// [`AuthenticationError::InvalidCertificate`] if it has no common name.
pub fn user_of(certificate: &PeerCertificate) -> Result<UserInfo, AuthenticationError> {
    let name = certificate.common_name();
    if name.is_empty() {
        return Err(AuthenticationError::InvalidCertificate("no common name".to_owned()));
    }
    Ok(UserInfo {
        name: name.to_owned(),
        groups: certificate.organizations().to_vec(),
        ..UserInfo::default()
    })
}
