//! Who has which role on an account: reads and writes the tuples that access management keeps.

use std::{fmt, str::FromStr};

use account_model::{
    AccountRef, TupleNames,
    tuples::{MEMBER_ROLE, OWNER_ROLE},
};
use fga_client::{RelationshipStore, StoreId, TupleFilter, TupleKey};
use http::Request;
use kube::api::ObjectList;
use platform_mesh_api::{AccountInfo, Tuple, names};
use serde_json::Value;

use crate::{MeshError, Reach, mail_address, parts::NAMING};

/// A role on an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// May do everything in the account and below.
    Owner,
    /// May use the account.
    Member,
}

impl Role {
    /// Both.
    pub const ALL: [Role; 2] = [Role::Owner, Role::Member];

    /// As tuples name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Owner => OWNER_ROLE,
            Role::Member => MEMBER_ROLE,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Role::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no role: `owner` and `member` are"))
    }
}

/// Somebody with a role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// The role.
    pub role: Role,
    /// Who; `*` is everybody who has logged in.
    pub user: String,
}

/// The members of one account.
pub struct Members {
    names: TupleNames,
    account: AccountRef,
    path: String,
    id: StoreId,
    store: std::sync::Arc<dyn RelationshipStore>,
}

impl Members {
    /// Of the account with this workspace: `root:orgs:acme:dev`, or `acme:dev` for short.
    ///
    /// # Errors
    /// A workspace that is no account's, or whose organisation has no store.
    pub async fn of(reach: &Reach, workspace: &str) -> Result<Self, MeshError> {
        let path = full_path(workspace);
        let info = account_info(reach, &path).await?;
        let store = reach.relationships()?;
        let organization = &info.spec.organization.name;
        let Some(found) = store.find_store(organization).await? else {
            return Err(MeshError::NoAccount { path, why: format!("there is no store `{organization}`") });
        };
        let account = AccountRef::from(&info);
        let names = TupleNames { naming: NAMING, ..TupleNames::default() };
        Ok(Self { names, account, path, id: found.id, store })
    }

    /// Everybody with a role, owners first.
    ///
    /// # Errors
    /// A store that does not answer.
    pub async fn list(&self) -> Result<Vec<Member>, MeshError> {
        let mut members = Vec::new();
        for role in Role::ALL {
            let filter = TupleFilter {
                object: Some(self.names.role(&self.account, role.as_str())),
                ..TupleFilter::default()
            };
            let tuples: Vec<Tuple> = self
                .store
                .read_all(&self.id, filter)
                .await?
                .into_iter()
                .map(|key| Tuple::new(key.object, key.relation, key.user))
                .collect();
            let users = self.names.assignees(&self.account, role.as_str(), &tuples);
            members.extend(users.into_iter().map(|user| Member { role, user }));
        }
        Ok(members)
    }

    /// Gives somebody a role. Repeating it changes nothing.
    ///
    /// # Errors
    /// A store that does not answer.
    pub async fn grant(&self, user: &str, role: Role) -> Result<(), MeshError> {
        let tuples = self.names.grant(&self.account, role.as_str(), &mail_address(user));
        Ok(self.store.ensure_tuples(&self.id, &tuples.map(key)).await?)
    }

    /// Takes a role away.
    ///
    /// # Errors
    /// [`MeshError::LastOwner`], [`MeshError::NotMember`], or a store that does not answer.
    pub async fn revoke(&self, user: &str, role: Role) -> Result<(), MeshError> {
        let user = mail_address(user);
        let members = self.list().await?;
        let held = |member: &&Member| member.role == role;
        if !members.iter().filter(held).any(|member| member.user == user) {
            return Err(MeshError::NotMember { user, role: role.as_str(), path: self.path.clone() });
        }
        if role == Role::Owner && members.iter().filter(held).count() == 1 {
            return Err(MeshError::LastOwner { user, path: self.path.clone() });
        }
        let tuple = self.names.revoke(&self.account, role.as_str(), &user);
        Ok(self.store.ensure_no_tuples(&self.id, &[key(tuple)]).await?)
    }
}

fn key(tuple: Tuple) -> TupleKey {
    TupleKey::new(tuple.object, tuple.relation, tuple.user)
}

/// `acme:dev` is `root:orgs:acme:dev`.
pub fn full_path(workspace: &str) -> String {
    let workspace = workspace.trim_start_matches(':');
    if workspace == names::ROOT || workspace.starts_with("root:") {
        workspace.to_owned()
    } else {
        format!("{}:{workspace}", names::ORGS)
    }
}

/// The AccountInfo of a workspace, through the platform's own export, which knows workspaces by cluster name only.
async fn account_info(reach: &Reach, path: &str) -> Result<AccountInfo, MeshError> {
    let refused = |why: String| MeshError::NoAccount { path: path.to_owned(), why };
    let root = reach.operator(None).await?;
    for endpoint in core_endpoints(reach).await? {
        let all = format!("{endpoint}/clusters/*/apis/{}/{}/accountinfos", names::GROUP, names::VERSION);
        let all = Request::get(all).body(Vec::new()).map_err(|error| refused(error.to_string()))?;
        let all: ObjectList<AccountInfo> = root.request(all).await.map_err(|error| match error {
            kube::Error::Api(status) => refused(status.message.clone()),
            other => refused(other.to_string()),
        })?;
        let mut found = all.items.into_iter().filter(|info| info.spec.account.path == path);
        if let Some(info) = found.next() {
            return Ok(info);
        }
    }
    Err(refused("no AccountInfo speaks of it".to_owned()))
}

/// Paths of the core export's endpoints, without a slash at the end.
pub(crate) async fn core_endpoints(reach: &Reach) -> Result<Vec<String>, MeshError> {
    let what = || format!("the endpoints of export `{}`", names::CORE_EXPORT);
    let slice = format!("/apis/apis.kcp.io/v1alpha1/apiexportendpointslices/{}", names::CORE_EXPORT);
    let request =
        Request::get(slice).body(Vec::new()).map_err(|error| MeshError::Internal(error.to_string()))?;
    let client = reach.operator(Some(names::SYSTEM)).await?;
    let slice: Value = client.request(request).await.map_err(|error| MeshError::call(what(), error))?;
    let endpoints = slice["status"]["endpoints"].as_array().cloned().unwrap_or_default();
    let paths = endpoints.iter().filter_map(|endpoint| {
        let url: http::Uri = endpoint["url"].as_str()?.parse().ok()?;
        Some(url.path().trim_end_matches('/').to_owned())
    });
    Ok(paths.collect())
}
