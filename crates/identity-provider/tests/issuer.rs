//! The client of Keycloak's calls against the development issuer: realms, clients, users, logins.
#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use identity_provider::{
    ClientHandle, ClientMetadata, Credential, DevelopmentIssuer, IdentityProvider, Keycloak, Login,
    LoginError, NewUser, RealmChange, RealmSettings, Registration, RequiredAction, ServiceTransport,
    TokenEndpointAuth, Tokens,
};
use runtime::{Clock, Ids};
use serde_json::Value;

const BASE: &str = "https://127.0.0.1:8443/keycloak";

struct Played {
    issuer: DevelopmentIssuer,
    transport: Arc<ServiceTransport>,
    keycloak: Keycloak,
    clock: Clock,
}

fn played() -> Played {
    let clock = Clock::manual(jiff::Timestamp::from_second(1_000_000).unwrap());
    let issuer = DevelopmentIssuer::new(BASE, clock.clone(), Ids::seeded(7)).unwrap();
    let secret = issuer.add_admin_client("security-operator");
    let transport = Arc::new(ServiceTransport::new(issuer.router()));
    let keycloak = Keycloak::new(BASE, "security-operator", &secret, transport.clone());
    Played { issuer, transport, keycloak, clock }
}

fn kubectl() -> ClientMetadata {
    ClientMetadata {
        client_id: None,
        client_name: "kubectl".into(),
        redirect_uris: vec!["http://localhost:8000/*".into()],
        grant_types: vec!["authorization_code".into(), "refresh_token".into()],
        token_endpoint_auth_method: TokenEndpointAuth::None,
        post_logout_redirect_uris: Vec::new(),
    }
}

fn handle(registration: &Registration) -> ClientHandle {
    ClientHandle {
        client_id: registration.client_id.clone(),
        registration_client_uri: registration.registration_client_uri.clone(),
        registration_access_token: registration.registration_access_token.clone(),
    }
}

async fn acme_with_kubectl(p: &Played) -> Registration {
    p.keycloak.ensure_realm(&RealmSettings::new("acme")).await.unwrap();
    p.keycloak.register_client("acme", &kubectl()).await.unwrap()
}

fn login(client: &Registration, username: &str, password: &str, new: Option<&str>) -> Login {
    Login {
        issuer: format!("{BASE}/realms/acme"),
        client_id: client.client_id.clone(),
        client_secret: None,
        redirect_uri: "http://localhost:8000/callback".into(),
        username: username.into(),
        password: password.into(),
        new_password: new.map(str::to_owned),
    }
}

fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

async fn run(p: &Played, login: Login) -> Result<Tokens, LoginError> {
    login.run(p.transport.as_ref(), &Ids::seeded(1)).await
}

#[tokio::test]
async fn kcl_01_realm_is_created_updated_and_deleted_and_each_call_can_be_repeated() {
    let p = played();
    p.keycloak.ping().await.unwrap();
    let mut acme = RealmSettings::new("acme");
    assert_eq!(p.keycloak.ensure_realm(&acme).await.unwrap(), RealmChange::Created);
    acme.registration_allowed = true;
    assert_eq!(p.keycloak.ensure_realm(&acme).await.unwrap(), RealmChange::Updated);
    assert!(p.keycloak.realm_exists("acme").await.unwrap());
    p.keycloak.delete_realm("acme").await.unwrap();
    p.keycloak.delete_realm("acme").await.unwrap();
    assert!(!p.keycloak.realm_exists("acme").await.unwrap());
}

#[tokio::test]
async fn kcl_01_wrong_secret_is_refused_as_the_operators_matter() {
    let p = played();
    let stranger = Keycloak::new(BASE, "security-operator", "guess", p.transport.clone());
    let refused = stranger.realm_exists("master").await.unwrap_err();
    assert_eq!(refused.status(), Some(401), "{refused}");
}

#[tokio::test]
async fn idp_03_client_is_registered_updated_with_a_rotating_token_and_deleted() {
    let p = played();
    let first = acme_with_kubectl(&p).await;
    assert!(first.client_secret.is_none(), "a public client has no secret");
    let changed = ClientMetadata { redirect_uris: vec!["http://localhost:18000/*".into()], ..kubectl() };
    let second = p.keycloak.update_client("acme", &handle(&first), &changed).await.unwrap();
    assert_ne!(first.registration_access_token, second.registration_access_token);
    assert!(changed.is_held_by(&second.as_metadata()));
    p.keycloak.delete_client("acme", &handle(&second)).await.unwrap();
    p.keycloak.delete_client("acme", &handle(&second)).await.unwrap();
    assert!(p.keycloak.clients("acme").await.unwrap().is_empty());
}

#[tokio::test]
async fn idp_03_lost_registration_token_is_replaced_through_the_admin_api() {
    let p = played();
    let client = acme_with_kubectl(&p).await;
    for token in [None, Some("stale".to_owned())] {
        let lost = ClientHandle {
            registration_access_token: token,
            registration_client_uri: None,
            ..handle(&client)
        };
        let read = p.keycloak.read_client("acme", &lost).await.unwrap().unwrap();
        assert_eq!(read.metadata.client_name, "kubectl");
    }
    let gone = ClientHandle {
        client_id: "nobody".into(),
        registration_client_uri: None,
        registration_access_token: None,
    };
    assert!(p.keycloak.read_client("acme", &gone).await.unwrap().is_none());
}

#[tokio::test]
async fn inv_02_user_is_found_by_the_whole_address_only_and_mail_waits_in_the_outbox() {
    let p = played();
    let client = acme_with_kubectl(&p).await;
    p.keycloak.create_user("acme", &NewUser::new("carol@example.io")).await.unwrap();
    p.keycloak.create_user("acme", &NewUser::new("carol@example.io")).await.unwrap();
    assert!(p.keycloak.find_user("acme", "arol@example.io").await.unwrap().is_none());
    let carol = p.keycloak.find_user("acme", "carol@example.io").await.unwrap().unwrap();
    let mail = |uri: &'static str| p.keycloak.send_actions_mail("acme", &carol.id, &client.client_id, uri);
    mail("http://localhost:8000/").await.unwrap();
    assert_eq!(mail("https://elsewhere.example.io/").await.unwrap_err().status(), Some(400));
    assert_eq!(p.issuer.outbox().len(), 1);
    assert_eq!(p.issuer.outbox()[0].to, "carol@example.io");
}

#[tokio::test]
async fn kcl_02_login_by_code_and_pkce_gives_keycloaks_claims() {
    let p = played();
    let client = acme_with_kubectl(&p).await;
    let mut alice = NewUser::new("alice@example.io");
    alice.email_verified = true;
    alice.credentials = vec![Credential::password("correct horse", false)];
    p.keycloak.create_user("acme", &alice).await.unwrap();
    let tokens = run(&p, login(&client, "alice@example.io", "correct horse", None)).await.unwrap();
    let id = claims(&tokens.id_token);
    assert_eq!(id["iss"], format!("{BASE}/realms/acme"));
    assert_eq!((&id["aud"], &id["typ"]), (&Value::from(client.client_id.clone()), &Value::from("ID")));
    assert_eq!((&id["email"], &id["email_verified"]), (&Value::from("alice@example.io"), &Value::from(true)));
    assert_eq!(id["exp"].as_i64().unwrap() - id["iat"].as_i64().unwrap(), 28_800);
    assert_eq!(claims(&tokens.access_token)["aud"], "account", "the access token is not for the API server");
    let wrong = run(&p, login(&client, "alice@example.io", "battery", None)).await.unwrap_err();
    assert!(matches!(wrong, LoginError::Refused { .. }), "{wrong}");
}

#[tokio::test]
async fn inv_03_temporary_password_must_be_changed_at_the_first_login() {
    let p = played();
    let client = acme_with_kubectl(&p).await;
    let mut bob = NewUser::new("bob@example.io");
    bob.required_actions = vec![RequiredAction::UpdatePassword, RequiredAction::VerifyEmail];
    bob.credentials = vec![Credential::password("password", true)];
    p.keycloak.create_user("acme", &bob).await.unwrap();
    let first = run(&p, login(&client, "bob@example.io", "password", None)).await.unwrap_err();
    assert!(matches!(first, LoginError::NewPasswordNeeded { .. }), "{first}");
    let tokens = run(&p, login(&client, "bob@example.io", "password", Some("own words"))).await.unwrap();
    assert_eq!(claims(&tokens.id_token)["email_verified"], true);
    run(&p, login(&client, "bob@example.io", "own words", None)).await.unwrap();
    assert!(run(&p, login(&client, "bob@example.io", "password", None)).await.is_err());
}

#[tokio::test]
async fn kcl_02_foreign_redirect_unknown_realm_and_deleted_realm_give_no_token() {
    let p = played();
    let client = acme_with_kubectl(&p).await;
    let mut alice = NewUser::new("alice@example.io");
    alice.credentials = vec![Credential::password("x", false)];
    p.keycloak.create_user("acme", &alice).await.unwrap();
    let elsewhere = Login {
        redirect_uri: "https://evil.example.io/".into(),
        ..login(&client, "alice@example.io", "x", None)
    };
    assert!(run(&p, elsewhere).await.is_err());
    p.keycloak.delete_realm("acme").await.unwrap();
    let gone = run(&p, login(&client, "alice@example.io", "x", None)).await.unwrap_err();
    assert!(matches!(gone, LoginError::NoSuchIssuer(_)), "{gone}");
}

#[tokio::test(start_paused = true)]
async fn kcl_01_admin_token_that_ended_is_replaced_without_an_error() {
    let p = played();
    p.keycloak.realm_exists("master").await.unwrap();
    p.clock.advance(std::time::Duration::from_secs(61));
    p.keycloak.realm_exists("master").await.unwrap();
}
