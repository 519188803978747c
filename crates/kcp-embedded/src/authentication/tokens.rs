//! Static tokens: those the server makes for its administrators, and a file in Kubernetes' token format.

use std::collections::HashMap;

use apiserver::{Partition, UserInfo};
use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::{AuthenticationError, TokenAuthenticator};

/// Why a token file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFileError {
    /// A line has fewer than three columns.
    #[error("line {line} of the token file has {columns} columns, at least 3 are needed (token,user,uid)")]
    Columns {
        /// Line number, from 1.
        line: usize,
        /// Columns found.
        columns: usize,
    },
    /// A line has an empty token.
    #[error("line {line} of the token file has an empty token")]
    EmptyToken {
        /// Line number, from 1.
        line: usize,
    },
    /// A quoted column does not end.
    #[error("line {line} of the token file has a quote that does not end")]
    Quote {
        /// Line number, from 1.
        line: usize,
    },
}

impl TokenFileError {
    /// The next step.
    pub fn help(&self) -> &'static str {
        "write one line per token: token,user,uid,\"group1,group2\""
    }
}

/// Tokens known by heart. Only their digests are kept.
#[derive(Clone, Debug, Default)]
pub struct StaticTokens {
    users: HashMap<[u8; 32], UserInfo>,
}

impl StaticTokens {
    /// Adds a token.
    pub fn add(&mut self, token: &str, user: UserInfo) {
        self.users.insert(Sha256::digest(token.as_bytes()).into(), user);
    }

    /// Adds the lines of a token file: `token,user,uid,"group1,group2"`, the groups optional.
    ///
    /// # Errors
    /// [`TokenFileError`] names the first line that is not of this form.
    pub fn add_file(&mut self, text: &str) -> Result<(), TokenFileError> {
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                continue;
            }
            let line_number = index + 1;
            let columns = columns(line).ok_or(TokenFileError::Quote { line: line_number })?;
            let [token, name, uid, rest @ ..] = columns.as_slice() else {
                return Err(TokenFileError::Columns { line: line_number, columns: columns.len() });
            };
            if token.is_empty() {
                return Err(TokenFileError::EmptyToken { line: line_number });
            }
            let groups = rest
                .first()
                .map(|groups| {
                    groups.split(',').map(str::trim).filter(|g| !g.is_empty()).map(str::to_owned).collect()
                })
                .unwrap_or_default();
            self.add(token, UserInfo { name: name.clone(), uid: uid.clone(), groups, ..UserInfo::default() });
        }
        Ok(())
    }
}

#[async_trait]
impl TokenAuthenticator for StaticTokens {
    async fn authenticate(
        &self,
        token: &str,
        _cluster: Option<&Partition>,
    ) -> Result<Option<UserInfo>, AuthenticationError> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        Ok(self.users.get(&digest).cloned())
    }
}

/// Columns of one line of comma-separated values; `None` if a quote does not end.
fn columns(line: &str) -> Option<Vec<String>> {
    let mut columns = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.trim_end().chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                columns.last_mut()?.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => columns.push(String::new()),
            ' ' if !quoted && columns.last().is_some_and(String::is_empty) => {}
            other => columns.last_mut()?.push(other),
        }
    }
    (!quoted).then_some(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn dev_01_token_file_gives_user_uid_and_groups() {
        let mut tokens = StaticTokens::default();
        tokens.add_file("user-1-token,user-1,1111,\"team-1,team-x\"\n\nplain, user-2 ,2\n").unwrap();
        let one = tokens.authenticate("user-1-token", None).await.unwrap().unwrap();
        assert_eq!((one.name.as_str(), one.uid.as_str(), one.groups.len()), ("user-1", "1111", 2));
        assert!(tokens.authenticate("plain", None).await.unwrap().unwrap().groups.is_empty());
        assert_eq!(tokens.authenticate("other", None).await, Ok(None));
    }

    #[test]
    fn dev_01_malformed_token_file_names_the_line() {
        let mut tokens = StaticTokens::default();
        assert_eq!(tokens.add_file("a,b\n"), Err(TokenFileError::Columns { line: 1, columns: 2 }));
        assert_eq!(tokens.add_file("\n,b,c"), Err(TokenFileError::EmptyToken { line: 2 }));
        assert_eq!(tokens.add_file("a,b,c,\"d"), Err(TokenFileError::Quote { line: 1 }));
    }
}
