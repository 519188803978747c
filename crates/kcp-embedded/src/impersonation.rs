//! Who may act as whom: the `Impersonate-*` headers, the groups nobody may assume, and the scope of the result.

use std::collections::BTreeMap;

use apiserver::{ApiError, Partition, UserInfo};
use http::HeaderMap;

use crate::{
    authorization::{Action, AuthorizationAttributes, Chain, ResourceAction, forbidden_because},
    identity::{
        EXTRA_CLUSTER_NAME, GROUP_AUTHENTICATED, GROUP_BOOTSTRAPPER, GROUP_EXTERNAL_LOGICAL_CLUSTER_ADMIN,
        GROUP_KCP_ADMIN, GROUP_LOGICAL_CLUSTER_ADMIN, GROUP_MASTERS, GROUP_UNAUTHENTICATED, USER_ANONYMOUS,
        in_group, scope_to, service_account,
    },
    urls::decode,
};

/// Groups that only a member may impersonate.
const GUARDED_GROUPS: [&str; 5] = [
    GROUP_MASTERS,
    GROUP_LOGICAL_CLUSTER_ADMIN,
    GROUP_EXTERNAL_LOGICAL_CLUSTER_ADMIN,
    GROUP_BOOTSTRAPPER,
    GROUP_KCP_ADMIN,
];

/// The identity that the headers ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `Impersonate-User`.
    pub user: String,
    /// `Impersonate-Uid`.
    pub uid: String,
    /// `Impersonate-Group`, one per header.
    pub groups: Vec<String>,
    /// `Impersonate-Extra-<key>`.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Wanted {
    /// Reads the headers; `None` without any.
    ///
    /// # Errors
    /// 400 if groups, extras or a uid come without a user, or a header is not text.
    pub fn from_headers(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let mut wanted = Self::default();
        let mut any = false;
        for (name, value) in headers {
            let Some(what) = name.as_str().strip_prefix("impersonate-") else { continue };
            let value = value
                .to_str()
                .map_err(|_| ApiError::bad_request(format!("header `{name}` is not readable text")))?
                .to_owned();
            any = true;
            match what {
                "user" => wanted.user = value,
                "uid" => wanted.uid = value,
                "group" => wanted.groups.push(value),
                other => match other.strip_prefix("extra-") {
                    Some(key) => {
                        let key = decode(key).map_err(|_| {
                            ApiError::bad_request(format!("header `{name}` is not valid percent-encoding"))
                        })?;
                        wanted.extra.entry(key.to_ascii_lowercase()).or_default().push(value);
                    }
                    None => return Err(ApiError::bad_request(format!("header `{name}` is not known"))),
                },
            }
        }
        if any && wanted.user.is_empty() {
            return Err(ApiError::bad_request(
                "requested impersonation without impersonating a user: header `Impersonate-User` is missing",
            ));
        }
        Ok(any.then_some(wanted))
    }

    /// What the caller needs verb `impersonate` on.
    fn actions(&self) -> Vec<ResourceAction> {
        let core = |resource: &str, namespace: &str, name: &str| ResourceAction {
            verb: "impersonate".into(),
            resource: resource.into(),
            namespace: namespace.into(),
            name: name.into(),
            version: "v1".into(),
            ..ResourceAction::default()
        };
        let review = |resource: &str, subresource: &str, name: &str| ResourceAction {
            group: "authentication.k8s.io".into(),
            subresource: subresource.into(),
            ..core(resource, "", name)
        };
        let user = UserInfo { name: self.user.clone(), ..UserInfo::default() };
        let mut actions = vec![match service_account(&user) {
            Some((namespace, name)) => core("serviceaccounts", namespace, name),
            None => core("users", "", &self.user),
        }];
        actions.extend(self.groups.iter().map(|group| core("groups", "", group)));
        if !self.uid.is_empty() {
            actions.push(review("uids", "", &self.uid));
        }
        for (key, values) in &self.extra {
            actions.extend(values.iter().map(|value| review("userextras", key, value)));
        }
        actions
    }

    /// The identity asked for, with the groups Kubernetes adds.
    fn identity(&self) -> UserInfo {
        let mut user = UserInfo {
            name: self.user.clone(),
            uid: self.uid.clone(),
            groups: self.groups.clone(),
            extra: self.extra.clone(),
        };
        if self.groups.is_empty() {
            let account = service_account(&user).map(|(namespace, _)| namespace.to_owned());
            if let Some(namespace) = account {
                user.groups =
                    vec!["system:serviceaccounts".into(), format!("system:serviceaccounts:{namespace}")];
            }
        }
        let implied = if user.name == USER_ANONYMOUS { GROUP_UNAUTHENTICATED } else { GROUP_AUTHENTICATED };
        let known = user.groups.iter().any(|g| g == GROUP_AUTHENTICATED || g == GROUP_UNAUTHENTICATED);
        if !known {
            user.groups.push(implied.to_owned());
        }
        user
    }
}

/// The gate: guarded groups may be impersonated by their members and by `system:masters` alone.
pub fn may_assume_groups(caller: &UserInfo, groups: &[String]) -> Result<(), String> {
    if in_group(caller, GROUP_MASTERS) {
        return Ok(());
    }
    match groups.iter().find(|g| GUARDED_GROUPS.contains(&g.as_str()) && !in_group(caller, g)) {
        Some(group) => Err(format!("group `{group}` cannot be impersonated")),
        None => Ok(()),
    }
}

/// The caller after impersonation. The result of a caller outside `system:masters` counts in `cluster` only.
///
/// # Errors
/// 403 if the caller may not act as the one it asks for.
pub async fn impersonate(
    chain: &Chain,
    caller: UserInfo,
    wanted: Wanted,
    cluster: Option<&Partition>,
) -> Result<UserInfo, ApiError> {
    let question = |action: ResourceAction| AuthorizationAttributes {
        user: caller.clone(),
        cluster: cluster.cloned(),
        action: Action::Resource(action),
        deep: false,
    };
    let actions = wanted.actions();
    if let (Err(why), Some(first)) = (may_assume_groups(&caller, &wanted.groups), actions.first()) {
        return Err(forbidden_because(&question(first.clone()), &why));
    }
    for action in actions {
        let question = question(action);
        if !chain.authorize(&question).await.outcome().is_allow() {
            return Err(forbidden_because(&question, "access denied"));
        }
    }
    let mut user = wanted.identity();
    if !in_group(&caller, GROUP_MASTERS)
        && let Some(cluster) = cluster
    {
        scope_to(&mut user, cluster.as_str());
        if service_account(&user).is_some() {
            user.extra.insert(EXTRA_CLUSTER_NAME.to_owned(), vec![cluster.as_str().to_owned()]);
        }
    }
    Ok(user)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn ann_04_headers_name_user_groups_and_escaped_extras() {
        let mut headers = HeaderMap::new();
        assert_eq!(Wanted::from_headers(&headers), Ok(None));
        headers.append("Impersonate-Group", HeaderValue::from_static("a"));
        assert_eq!(Wanted::from_headers(&headers).map_err(|e| e.code), Err(400));
        headers.append("Impersonate-Group", HeaderValue::from_static("b"));
        headers.insert("Impersonate-User", HeaderValue::from_static("alice"));
        headers.insert("Impersonate-Extra-Acme%2Fscope", HeaderValue::from_static("x"));
        let wanted = Wanted::from_headers(&headers).unwrap().unwrap();
        assert_eq!((wanted.groups.len(), wanted.extra["acme/scope"].len()), (2, 1));
        assert_eq!(wanted.identity().groups, ["a", "b", "system:authenticated"]);
    }

    #[test]
    fn ann_04_privileged_groups_are_assumed_by_members_only() {
        let alice = UserInfo { name: "alice".into(), ..UserInfo::default() };
        let admin =
            UserInfo { name: "admin".into(), groups: vec![GROUP_KCP_ADMIN.into()], ..UserInfo::default() };
        assert!(may_assume_groups(&alice, &["developers".into()]).is_ok());
        assert!(may_assume_groups(&alice, &[GROUP_KCP_ADMIN.into()]).is_err());
        assert!(may_assume_groups(&admin, &[GROUP_KCP_ADMIN.into()]).is_ok());
        assert!(may_assume_groups(&admin, &[GROUP_MASTERS.into()]).is_err());
    }
}
