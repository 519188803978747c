//! The authentication of one realm: its issuer, its clients as audiences, and how claims become a user.

use std::collections::BTreeSet;

use kcp_api::tenancy::v1alpha1::{
    ClaimMappings, ClaimValidationRule, Issuer, JwtAuthenticator, PrefixedClaimOrExpression,
    WorkspaceAuthenticationConfiguration, WorkspaceAuthenticationConfigurationSpec,
};
use serde_json::{Value, json};

use crate::authentication::AuthenticationConfiguration;

/// The rule that lets people in whether or not their mail address is verified. A server refuses an expression on
/// `claims.email` unless some rule speaks of `claims.email_verified`.
pub const UNVERIFIED_EMAIL_RULE: &str =
    "claims.?email_verified.orValue(true) == true || claims.?email_verified.orValue(true) == false";
/// What that rule says of itself.
pub const UNVERIFIED_EMAIL_MESSAGE: &str = "Allowing both verified and unverified emails";

/// A realm as the control plane has to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm {
    /// URL of the issuer, equal to the claim `iss` of its tokens.
    pub issuer_url: String,
    /// Ids of the clients whose tokens count; the order is of no meaning.
    pub audiences: BTreeSet<String>,
    /// Certificates of the issuer, PEM; none: the system's.
    pub certificate_authority: Option<String>,
    /// Claim that holds the user's name.
    pub user_claim: String,
    /// Claim that holds the groups.
    pub group_claim: String,
    /// Let people in whose mail address is not verified. For development.
    pub allow_unverified_emails: bool,
}

impl Realm {
    /// A realm with its clients; users are named by `email`, groups by `groups`.
    pub fn new<S: Into<String>>(
        issuer_url: impl Into<String>,
        audiences: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            issuer_url: issuer_url.into(),
            audiences: audiences.into_iter().map(Into::into).collect(),
            certificate_authority: None,
            user_claim: "email".to_owned(),
            group_claim: "groups".to_owned(),
            allow_unverified_emails: false,
        }
    }

    /// The one entry of `jwt` for this realm. Names and groups get no prefix: relationships know users by their mail
    /// address, and the entry counts only in workspaces of the types that refer to it.
    pub fn authenticator(&self) -> JwtAuthenticator {
        let claim = |name: &str| PrefixedClaimOrExpression {
            claim: Some(name.to_owned()),
            prefix: Some(String::new()),
            expression: None,
        };
        let (username, rules) = if self.allow_unverified_emails {
            let username = PrefixedClaimOrExpression {
                expression: Some(format!("claims.{}", self.user_claim)),
                ..PrefixedClaimOrExpression::default()
            };
            let rule = ClaimValidationRule {
                expression: Some(UNVERIFIED_EMAIL_RULE.to_owned()),
                message: Some(UNVERIFIED_EMAIL_MESSAGE.to_owned()),
                ..ClaimValidationRule::default()
            };
            (username, vec![rule])
        } else {
            (claim(&self.user_claim), Vec::new())
        };
        JwtAuthenticator {
            issuer: Issuer {
                url: self.issuer_url.clone(),
                discovery_url: None,
                certificate_authority: self.certificate_authority.clone(),
                audiences: Some(self.audiences.iter().cloned().collect()),
                audience_match_policy: Some("MatchAny".to_owned()),
                egress_selector_type: None,
            },
            claim_mappings: ClaimMappings {
                username: Some(username),
                groups: Some(claim(&self.group_claim)),
                ..ClaimMappings::default()
            },
            claim_validation_rules: rules,
            user_validation_rules: Vec::new(),
        }
    }

    /// The WorkspaceAuthenticationConfiguration of this realm alone.
    pub fn workspace_authentication(&self, name: &str) -> WorkspaceAuthenticationConfiguration {
        let spec = WorkspaceAuthenticationConfigurationSpec { jwt: vec![self.authenticator()] };
        WorkspaceAuthenticationConfiguration::new(name, spec)
    }

    /// The file for a whole server that knows this realm alone. Here names and groups get a prefix, because they count
    /// in every workspace, beside people of the same name from other realms.
    pub fn server_authentication(&self, prefix: &str) -> AuthenticationConfiguration {
        let mut authenticator = self.authenticator();
        let mappings = &mut authenticator.claim_mappings;
        for (mapping, name) in
            [(&mut mappings.username, &self.user_claim), (&mut mappings.groups, &self.group_claim)]
        {
            *mapping = Some(match mapping.take() {
                Some(PrefixedClaimOrExpression { expression: Some(_), .. }) => PrefixedClaimOrExpression {
                    expression: Some(format!("{} + claims.{name}", quoted(prefix))),
                    ..PrefixedClaimOrExpression::default()
                },
                _ => PrefixedClaimOrExpression {
                    claim: Some(name.clone()),
                    prefix: Some(prefix.to_owned()),
                    expression: None,
                },
            });
        }
        AuthenticationConfiguration::new(vec![authenticator])
    }
}

/// What a WorkspaceType has to carry so that its workspaces use a configuration: `spec.authenticationConfigurations`.
pub fn authentication_reference(configuration: &str) -> Value {
    json!([{"name": configuration}])
}

/// A text as a CEL literal; JSON's escapes are CEL's too.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
