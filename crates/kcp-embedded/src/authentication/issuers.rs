//! Verifies tokens of issuers and maps their claims to users, as Kubernetes' structured authentication does.
//!
//! An authenticator is compiled once for its text; a changed configuration is another text and counts at once.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use kcp_api::tenancy::v1alpha1::{ClaimOrExpression, JwtAuthenticator, PrefixedClaimOrExpression};
use mesh_cel::{Budget, CelEngine as _, CelProgram, Environment, Input, KubernetesCel, Outcome, Shape};
use parking_lot::Mutex;
use runtime::Clock;
use serde_json::{Map, Value, json};
use token_verifier::{Fetch, Issuer, Verifier};

use super::workspace_oidc::{JwtVerifier, MappedUser};

/// Compiled authenticators kept; a mesh has a few per organization.
const COMPILED_MAX: usize = 1024;
/// Groups one token may bring by an expression.
const LIST_MAX: i64 = 1000;

/// Verifies against any number of issuers; keeps their keys.
pub struct Issuers {
    fetch: Arc<dyn Fetch>,
    clock: Clock,
    compiled: Mutex<HashMap<String, Result<Arc<Compiled>, String>>>,
}

impl Issuers {
    /// Issuers whose documents come through `fetch`, judged by `clock`.
    pub fn new(fetch: Arc<dyn Fetch>, clock: Clock) -> Self {
        Self { fetch, clock, compiled: Mutex::default() }
    }

    fn compiled(&self, authenticator: &Value) -> Result<Arc<Compiled>, String> {
        let text = authenticator.to_string();
        if let Some(known) = self.compiled.lock().get(&text) {
            return known.clone();
        }
        let compiled = Compiled::new(authenticator, &self.fetch).map(Arc::new);
        let mut cache = self.compiled.lock();
        if cache.len() >= COMPILED_MAX {
            cache.clear();
        }
        cache.insert(text, compiled.clone());
        compiled
    }
}

#[async_trait]
impl JwtVerifier for Issuers {
    async fn verify(&self, authenticator: &Value, token: &str) -> Result<MappedUser, String> {
        let compiled = self.compiled(authenticator)?;
        let claims =
            compiled.verifier.verify(token, self.clock.now()).await.map_err(|error| error.to_string())?;
        compiled.map(&claims)
    }
}

struct Compiled {
    verifier: Verifier,
    username: Text,
    groups: Option<Text>,
    uid: Option<Text>,
    extra: Vec<(String, Expression)>,
    claim_rules: Vec<ClaimRule>,
    user_rules: Vec<(Expression, String)>,
}

enum Text {
    Claim { name: String, prefix: String },
    Expression(Expression),
}

enum ClaimRule {
    Equals { claim: String, value: String },
    Holds(Expression, String),
}

impl Compiled {
    fn new(authenticator: &Value, fetch: &Arc<dyn Fetch>) -> Result<Self, String> {
        let typed: JwtAuthenticator =
            serde_json::from_value(authenticator.clone()).map_err(|e| e.to_string())?;
        if let Some(fault) = oidc_config::validate_jwt("jwt", std::slice::from_ref(&typed)).first() {
            return Err(format!("issuer `{}` is not usable: {fault}", typed.issuer.url));
        }
        let issuer = Issuer {
            url: typed.issuer.url.clone(),
            discovery_url: typed.issuer.discovery_url.clone(),
            audiences: typed.issuer.audiences.clone().unwrap_or_default(),
            certificate_authority: typed.issuer.certificate_authority.clone(),
        };
        let mappings = &typed.claim_mappings;
        let username =
            mappings.username.as_ref().ok_or("claimMappings.username: claim or expression is required")?;
        let claim_rules =
            typed.claim_validation_rules.iter().map(|rule| match (&rule.claim, &rule.expression) {
                (Some(claim), _) => Ok(ClaimRule::Equals {
                    claim: claim.clone(),
                    value: rule.required_value.clone().unwrap_or_default(),
                }),
                (None, Some(text)) => {
                    let message =
                        rule.message.clone().unwrap_or_else(|| format!("expression `{text}` does not hold"));
                    Ok(ClaimRule::Holds(Expression::new(text, "claims")?, message))
                }
                (None, None) => Err("claimValidationRules: claim or expression is required".to_owned()),
            });
        let user_rules = typed
            .user_validation_rules
            .iter()
            .map(|rule| Ok((Expression::new(&rule.expression, "user")?, rule.message.clone())));
        let extra = mappings
            .extra
            .iter()
            .map(|extra| Ok((extra.key.clone(), Expression::new(&extra.value_expression, "claims")?)));
        Ok(Self {
            verifier: Verifier::new(issuer, fetch.clone()),
            username: prefixed(username)?.ok_or("claimMappings.username: claim or expression is required")?,
            groups: mappings.groups.as_ref().map(prefixed).transpose()?.flatten(),
            uid: mappings.uid.as_ref().map(plain).transpose()?.flatten(),
            extra: extra.collect::<Result<_, String>>()?,
            claim_rules: claim_rules.collect::<Result<_, String>>()?,
            user_rules: user_rules.collect::<Result<_, String>>()?,
        })
    }

    fn map(&self, claims: &Map<String, Value>) -> Result<MappedUser, String> {
        let all = Value::Object(claims.clone());
        for rule in &self.claim_rules {
            match rule {
                ClaimRule::Equals { claim, value }
                    if claims.get(claim).and_then(Value::as_str) != Some(value) =>
                {
                    return Err(format!("claim `{claim}` is not `{value}`"));
                }
                ClaimRule::Holds(expression, message) if !expression.holds(&all)? => {
                    return Err(message.clone());
                }
                _ => {}
            }
        }
        // An address that its issuer did not verify names nobody.
        let by_email = matches!(&self.username, Text::Claim { name, .. } if name == "email");
        if by_email && claims.get("email_verified").is_some_and(|verified| verified != true) {
            return Err("the email address is not verified".to_owned());
        }
        let name =
            self.username.one(&all)?.filter(|name| !name.is_empty()).ok_or("no user name in the token")?;
        let groups = self.groups.as_ref().map(|groups| groups.many(&all)).transpose()?.unwrap_or_default();
        let uid = self.uid.as_ref().map(|uid| uid.one(&all)).transpose()?.flatten().unwrap_or_default();
        let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, expression) in &self.extra {
            let values = expression.texts(&all)?;
            if !values.is_empty() {
                extra.insert(key.clone(), values);
            }
        }
        let user = json!({"username": name, "groups": groups, "uid": uid, "extra": extra});
        for (expression, message) in &self.user_rules {
            if !expression.holds(&user)? {
                return Err(message.clone());
            }
        }
        Ok(MappedUser { name, uid, groups, extra })
    }
}

fn prefixed(mapping: &PrefixedClaimOrExpression) -> Result<Option<Text>, String> {
    Ok(match (&mapping.claim, &mapping.expression) {
        (Some(name), _) if !name.is_empty() => {
            Some(Text::Claim { name: name.clone(), prefix: mapping.prefix.clone().unwrap_or_default() })
        }
        (_, Some(text)) if !text.is_empty() => Some(Text::Expression(Expression::new(text, "claims")?)),
        _ => None,
    })
}

fn plain(mapping: &ClaimOrExpression) -> Result<Option<Text>, String> {
    let ClaimOrExpression { claim, expression } = mapping.clone();
    prefixed(&PrefixedClaimOrExpression { claim, expression, prefix: None })
}

impl Text {
    fn one(&self, claims: &Value) -> Result<Option<String>, String> {
        match self {
            Text::Claim { name, prefix } => Ok(claims[name].as_str().map(|text| format!("{prefix}{text}"))),
            Text::Expression(expression) => Ok(expression.texts(claims)?.into_iter().next()),
        }
    }

    fn many(&self, claims: &Value) -> Result<Vec<String>, String> {
        match self {
            Text::Claim { name, prefix } => match &claims[name] {
                Value::Null => Ok(Vec::new()),
                Value::String(text) => Ok(vec![format!("{prefix}{text}")]),
                Value::Array(items) => items
                    .iter()
                    .map(|item| item.as_str().map(|text| format!("{prefix}{text}")))
                    .collect::<Option<_>>()
                    .ok_or_else(|| format!("claim `{name}` is not a list of texts")),
                _ => Err(format!("claim `{name}` is neither text nor a list")),
            },
            Text::Expression(expression) => expression.texts(claims),
        }
    }
}

/// An expression over one variable. Its result is a truth value, a text, or a list of texts; elements of a list are
/// asked for one by one.
struct Expression {
    text: String,
    itself: Arc<dyn CelProgram>,
    size: Option<Arc<dyn CelProgram>>,
    element: Option<Arc<dyn CelProgram>>,
}

impl Expression {
    fn new(text: &str, variable: &str) -> Result<Self, String> {
        let environment = Environment::new().with(variable, Shape::dynamic());
        let indexed =
            Environment::new().with(variable, Shape::dynamic()).with("element_index", Shape::dynamic());
        let itself = KubernetesCel
            .compile(text, &environment)
            .map_err(|error| format!("expression `{text}` is not valid: {error}"))?;
        Ok(Self {
            size: KubernetesCel.compile(&format!("size({text})"), &environment).ok(),
            element: KubernetesCel.compile(&format!("({text})[element_index]"), &indexed).ok(),
            itself,
            text: text.to_owned(),
        })
    }

    fn failed(&self, error: impl std::fmt::Display) -> String {
        format!("expression `{}`: {error}", self.text)
    }

    fn holds(&self, variable: &Value) -> Result<bool, String> {
        self.itself
            .holds(&[Input::Json(variable)], &mut Budget::default())
            .map_err(|error| self.failed(error))
    }

    fn texts(&self, variable: &Value) -> Result<Vec<String>, String> {
        let mut budget = Budget::default();
        let outcome = self
            .itself
            .evaluate(&[Input::Json(variable)], &mut budget)
            .map_err(|error| self.failed(error))?;
        match outcome {
            Outcome::Text(text) if text.is_empty() => Ok(Vec::new()),
            Outcome::Text(text) => Ok(vec![text]),
            Outcome::Other("null" | "null_type") => Ok(Vec::new()),
            Outcome::Other(_) => self.elements(variable, &mut budget),
            other => Err(self.failed(format!("gives {}, not text or a list of texts", other.type_name()))),
        }
    }

    fn elements(&self, variable: &Value, budget: &mut Budget) -> Result<Vec<String>, String> {
        let (Some(size), Some(element)) = (&self.size, &self.element) else {
            return Err(self.failed("gives neither text nor a list of texts"));
        };
        let count =
            match size.evaluate(&[Input::Json(variable)], budget).map_err(|error| self.failed(error))? {
                Outcome::Int(count) if (0..=LIST_MAX).contains(&count) => count,
                _ => return Err(self.failed("gives a list that is too long, or no list")),
            };
        (0..count)
            .map(|index| {
                let index = Value::from(index);
                let inputs = [Input::Json(variable), Input::Json(&index)];
                match element.evaluate(&inputs, budget).map_err(|error| self.failed(error))? {
                    Outcome::Text(text) => Ok(text),
                    other => {
                        Err(self
                            .failed(format!("gives a list with an element of type {}", other.type_name())))
                    }
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use token_verifier::FetchError;

    use super::*;

    struct Nobody;
    #[async_trait]
    impl Fetch for Nobody {
        async fn get(&self, _url: &str, _authority: Option<&str>) -> Result<Value, FetchError> {
            Err(FetchError::Authority("no network in this test".into()))
        }
    }

    fn compile(mappings: Value, rules: Value) -> Result<Compiled, String> {
        let authenticator = json!({"issuer": {"url": "https://issuer.example.io", "audiences": ["kubectl"]},
            "claimMappings": mappings, "claimValidationRules": rules});
        Compiled::new(&authenticator, &(Arc::new(Nobody) as Arc<dyn Fetch>))
    }

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn wac_03_claims_become_a_user_and_an_unverified_address_nobody() {
        let compiled = compile(
            json!({"username": {"claim": "email", "prefix": ""}, "groups": {"claim": "groups", "prefix": "oidc:"}, "uid": {"claim": "sub"}}),
            json!([]),
        )
        .unwrap();
        let user = compiled.map(&claims(json!({"email": "a@b", "groups": ["dev"], "sub": "1"}))).unwrap();
        assert_eq!(
            (user.name.as_str(), user.groups, user.uid.as_str()),
            ("a@b", vec!["oidc:dev".to_owned()], "1")
        );
        assert!(compiled.map(&claims(json!({"email": "a@b", "email_verified": false}))).is_err());
        assert!(compiled.map(&claims(json!({"groups": []}))).is_err());
    }

    #[test]
    fn wac_03_expressions_map_and_validate() {
        let rule =
            "claims.?email_verified.orValue(true) == true || claims.?email_verified.orValue(true) == false";
        let compiled = compile(
            json!({"username": {"expression": "claims.email"}, "groups": {"expression": "claims.roles"},
                "extra": [{"key": "example.io/team", "valueExpression": "claims.team"}]}),
            json!([{"expression": rule, "message": "email must be verified"}, {"claim": "hd", "requiredValue": "example.io"}]),
        )
        .unwrap();
        let given = json!({"email": "a@b", "roles": ["x", "y"], "team": "t", "hd": "example.io"});
        let user = compiled.map(&claims(given.clone())).unwrap();
        assert_eq!((user.groups.len(), user.extra["example.io/team"].as_slice()), (2, &["t".to_owned()][..]));
        let mut elsewhere = given;
        elsewhere["hd"] = "other".into();
        assert!(compiled.map(&claims(elsewhere)).unwrap_err().contains("`hd`"));
    }

    #[test]
    fn wac_03_unusable_authenticators_say_why() {
        assert!(compile(json!({}), json!([])).is_err());
        assert!(compile(json!({"username": {"expression": "claims."}}), json!([])).is_err());
    }
}
