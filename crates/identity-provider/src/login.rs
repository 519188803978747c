//! A person's login without a browser: authorization code with PKCE, filling the form of the login page.
//!
//! Works with Keycloak's own pages as with the development issuer's: it reads the form's address from the page and
//! sends the fields that Keycloak's login theme has.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Method, Request, Response, header};
use runtime::Ids;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::Transport;

/// Who logs in where, for which client.
#[derive(Clone)]
pub struct Login {
    /// Issuer URL of the realm.
    pub issuer: String,
    /// A client that allows the authorization code grant.
    pub client_id: String,
    /// Its secret, if it is confidential.
    pub client_secret: Option<String>,
    /// One of the client's redirect URIs; nothing has to listen there.
    pub redirect_uri: String,
    /// User name or mail address.
    pub username: String,
    /// Password.
    pub password: String,
    /// The password to choose if the provider asks for a new one.
    pub new_password: Option<String>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("issuer", &self.issuer)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// What a login gives.
#[derive(Clone, Serialize, Deserialize)]
pub struct Tokens {
    /// The token for Kubernetes API servers.
    pub id_token: String,
    /// The token for the provider's own services.
    pub access_token: String,
    /// Exchanged for new tokens without a password.
    #[serde(default)]
    pub refresh_token: Option<String>,
    /// Life of the tokens, in seconds.
    #[serde(default)]
    pub expires_in: i64,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// Why a login did not end in tokens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The provider did not answer.
    #[error("issuer `{issuer}` does not answer: {cause}")]
    Unreachable {
        /// Issuer URL.
        issuer: String,
        /// What the network said.
        cause: String,
    },
    /// There is no such realm.
    #[error("issuer `{0}` does not exist")]
    NoSuchIssuer(String),
    /// User name or password is wrong, or the account is disabled.
    #[error("login of `{username}` at `{issuer}` was refused: {why}")]
    Refused {
        /// User name.
        username: String,
        /// Issuer URL.
        issuer: String,
        /// What the page says.
        why: String,
    },
    /// The provider asks for a new password and none was given.
    #[error("`{username}` has to choose a new password at `{issuer}` first")]
    NewPasswordNeeded {
        /// User name.
        username: String,
        /// Issuer URL.
        issuer: String,
    },
    /// The provider answered something that a login does not have.
    #[error("issuer `{issuer}` answered the {step} in an unknown way: {what}")]
    Unexpected {
        /// Issuer URL.
        issuer: String,
        /// Which step.
        step: &'static str,
        /// What it answered.
        what: String,
    },
}

impl Login {
    /// Logs in.
    ///
    /// # Errors
    /// A [`LoginError`]; the password is in none of them.
    pub async fn run(&self, transport: &dyn Transport, ids: &Ids) -> Result<Tokens, LoginError> {
        let mut browser = Browser { transport, cookies: Vec::new(), issuer: &self.issuer };
        let endpoints = self.discover(&mut browser).await?;
        let verifier = ids.token(32);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let state = ids.token(12);
        let query = encode(&[
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("response_type", "code"),
            ("scope", "openid"),
            ("state", &state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let page = browser.get(&format!("{}?{query}", endpoints.authorization)).await?;
        let code = self.fill_forms(&mut browser, page, &state).await?;
        self.exchange(&mut browser, &endpoints.token, &code, &verifier).await
    }

    async fn discover(&self, browser: &mut Browser<'_>) -> Result<Endpoints, LoginError> {
        let answer = browser.get(&format!("{}/.well-known/openid-configuration", self.issuer)).await?;
        if answer.status() == http::StatusCode::NOT_FOUND {
            return Err(LoginError::NoSuchIssuer(self.issuer.clone()));
        }
        let document: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        match (document["authorization_endpoint"].as_str(), document["token_endpoint"].as_str()) {
            (Some(authorization), Some(token)) => {
                Ok(Endpoints { authorization: authorization.to_owned(), token: token.to_owned() })
            }
            _ => Err(self.unexpected("discovery", format!("status {}, no endpoints", answer.status()))),
        }
    }

    /// Fills the pages until one sends us back with a code. Three pages are the most: login, password, profile.
    async fn fill_forms(
        &self,
        browser: &mut Browser<'_>,
        page: Response<Bytes>,
        state: &str,
    ) -> Result<String, LoginError> {
        let mut page = page;
        let mut asked_password = false;
        for _ in 0..4 {
            if page.status().is_redirection() {
                return self.code_of(&page, state);
            }
            let html = String::from_utf8_lossy(page.body()).into_owned();
            let Some(action) = form_action(&html) else {
                return Err(self.unexpected("login page", format!("status {}, no form", page.status())));
            };
            let fields = if html.contains("password-new") {
                let Some(new) = &self.new_password else {
                    return Err(LoginError::NewPasswordNeeded {
                        username: self.username.clone(),
                        issuer: self.issuer.clone(),
                    });
                };
                encode(&[("password-new", new), ("password-confirm", new)])
            } else if asked_password {
                return Err(self.refused("invalid user name or password, or the account is disabled"));
            } else {
                asked_password = true;
                encode(&[("username", &self.username), ("password", &self.password)])
            };
            page = browser.post(&action, fields).await?;
        }
        Err(self.refused("the provider keeps asking for more than a password"))
    }

    fn code_of(&self, answer: &Response<Bytes>, state: &str) -> Result<String, LoginError> {
        let location =
            answer.headers().get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let target = url::Url::parse(location)
            .map_err(|_| self.unexpected("login", "a redirect to nowhere".into()))?;
        let field = |name: &str| target.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned());
        if let Some(error) = field("error") {
            return Err(self.refused(&error));
        }
        match (field("code"), field("state")) {
            (Some(code), Some(returned)) if returned == state => Ok(code),
            _ => Err(self.unexpected("login", "a redirect without our code".into())),
        }
    }

    async fn exchange(
        &self,
        browser: &mut Browser<'_>,
        at: &str,
        code: &str,
        verifier: &str,
    ) -> Result<Tokens, LoginError> {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("client_id", self.client_id.as_str()),
            ("code_verifier", verifier),
        ];
        if let Some(secret) = &self.client_secret {
            fields.push(("client_secret", secret));
        }
        let answer = browser.post(at, encode(&fields)).await?;
        serde_json::from_slice(answer.body()).map_err(|_| {
            let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
            let why = body["error_description"].as_str().or(body["error"].as_str()).unwrap_or("no ID token");
            self.unexpected("token exchange", format!("status {}, {why}", answer.status()))
        })
    }

    fn refused(&self, why: &str) -> LoginError {
        LoginError::Refused {
            username: self.username.clone(),
            issuer: self.issuer.clone(),
            why: why.to_owned(),
        }
    }

    fn unexpected(&self, step: &'static str, what: String) -> LoginError {
        LoginError::Unexpected { issuer: self.issuer.clone(), step, what }
    }
}

struct Endpoints {
    authorization: String,
    token: String,
}

/// As much of a browser as a login needs: cookies of one server.
struct Browser<'a> {
    transport: &'a dyn Transport,
    cookies: Vec<(String, String)>,
    issuer: &'a str,
}

impl Browser<'_> {
    async fn get(&mut self, address: &str) -> Result<Response<Bytes>, LoginError> {
        self.send(Method::GET, address, Bytes::new()).await
    }

    async fn post(&mut self, address: &str, form: String) -> Result<Response<Bytes>, LoginError> {
        self.send(Method::POST, address, form.into()).await
    }

    async fn send(
        &mut self,
        method: Method,
        address: &str,
        body: Bytes,
    ) -> Result<Response<Bytes>, LoginError> {
        let failed = |cause: String| LoginError::Unreachable { issuer: self.issuer.to_owned(), cause };
        let mut request = Request::builder().method(&method).uri(address);
        if method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        let request = request.body(body).map_err(|e| failed(e.to_string()))?;
        let answer = self.transport.send(request).await.map_err(failed)?;
        for value in answer.headers().get_all(header::SET_COOKIE) {
            let pair = value.to_str().ok().and_then(|text| text.split(';').next()?.split_once('='));
            if let Some((name, value)) = pair {
                self.cookies.retain(|(n, _)| n != name);
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        Ok(answer)
    }
}

fn encode(fields: &[(&str, &str)]) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(fields);
    text.finish()
}

/// The address of the first form of a page.
fn form_action(html: &str) -> Option<String> {
    let form = &html[html.find("<form")?..];
    let value = &form[form.find("action=\"")? + 8..];
    let address = &value[..value.find('"')?];
    Some(address.replace("&amp;", "&").replace("&#39;", "'").replace("&#x3D;", "="))
}
