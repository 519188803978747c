//! Whatever comes: an answer that names the field, and no more work than the input is worth.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use oidc_config::{
    AuthenticationConfiguration, AuthorizationConfiguration, Configuration, ReadError, TEXT_BYTES_MAX,
    read_workspace_authentication,
};
use proptest::prelude::*;

const AUTHENTICATION: &str = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n";
const AUTHORIZATION: &str = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\n";

/// The field that a text is refused at.
#[track_caller]
fn refused_at(text: &[u8]) -> String {
    match Configuration::read(text) {
        Err(ReadError::Field { path, why }) => {
            assert!(path.chars().count() <= 200 && why.chars().count() <= 200, "{path} {why}");
            path
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn acf_01_wrong_types_duplicates_and_unknown_fields_are_refused_at_their_field() {
    for (body, field) in [
        ("jwt: 7", "jwt"),
        ("jwt: [7]", "jwt[0]"),
        ("jwt: [{issuer: {url: [], audiences: [a]}, claimMappings: {}}]", "jwt[0].issuer.url"),
        ("jwt: [{issuer: {url: a, audiences: [a, {}]}, claimMappings: {}}]", "jwt[0].issuer.audiences[1]"),
        ("jwt: [{issuer: {url: a, url: b}, claimMappings: {}}]", "jwt[0].issuer.url"),
        ("jwt: []\njwt: []", "jwt"),
        (
            "jwt: [{issuer: {url: a}, claimMappings: {username: {claims: a}}}]",
            "jwt[0].claimMappings.username.claims",
        ),
        (
            "jwt: [{issuer: {url: a}, claimMappings: {}, claimValidationRules: [{claim: a}, {calim: b}]}]",
            "jwt[0].claimValidationRules[1].calim",
        ),
        ("anonymous: {enabled: maybe}", "anonymous.enabled"),
        ("anonymous: {enabled: true, conditions: [{path: /x}, {paht: /y}]}", "anonymous.conditions[1].paht"),
        ("jwts: []", "jwts"),
    ] {
        assert_eq!(refused_at(format!("{AUTHENTICATION}{body}").as_bytes()), field, "{body}");
    }
    for (body, field) in [
        ("authorizers: {}", "authorizers"),
        ("authorizers: [{type: RBAC, name: rbac}, {type: 1}]", "authorizers[1].type"),
        ("authorizers: [{type: Webhook, webhook: {timeout: 3}}]", "authorizers[0].webhook.timeout"),
        ("authorizers: [{type: Webhook, webhook: {timeOut: 3s}}]", "authorizers[0].webhook.timeOut"),
        (
            "authorizers: [{type: Webhook, webhook: {matchConditions: [{expression: a}, {expression: b, expression: c}]}}]",
            "authorizers[0].webhook.matchConditions[1].expression",
        ),
    ] {
        assert_eq!(refused_at(format!("{AUTHORIZATION}{body}").as_bytes()), field, "{body}");
    }
    let object = |jwt: &str| {
        format!(
            "apiVersion: tenancy.kcp.io/v1alpha1\nkind: WorkspaceAuthenticationConfiguration\nspec: {{jwt: {jwt}}}"
        )
    };
    assert_eq!(
        refused_at(object("[{issuer: {url: a}, claimMappings: 3}]").as_bytes()),
        "spec.jwt[0].claimMappings"
    );
    // An object of a server may be newer than we are; a file is read strictly by the server as well.
    let newer = object("[{issuer: {url: a, newer: 1}, claimMappings: {}}]");
    let read = read_workspace_authentication(newer.as_bytes()).unwrap();
    assert_eq!(read.to_value().unwrap()["spec"]["jwt"][0]["issuer"]["newer"], 1);
}

#[test]
fn acf_01_what_is_no_configuration_is_refused_as_a_whole() {
    for text in [&b""[..], b"[]", b"{", b"7", b"\xff\xfe", b"a: \xc3\x28", b"a: &a [*a]", b"--- {}\n--- {}\n"]
    {
        for refused in [
            AuthenticationConfiguration::read(text).err(),
            AuthorizationConfiguration::read(text).err(),
            read_workspace_authentication(text).err(),
            Configuration::read(text).err(),
        ] {
            assert!(refused.is_some(), "{}", String::from_utf8_lossy(text));
        }
    }
    for (version, kind) in [("apiserver.config.k8s.io/v2", "AuthenticationConfiguration"), ("v1", "Secret")] {
        let text = format!("apiVersion: {version}\nkind: {kind}\njwt: []");
        let error = Configuration::read(text.as_bytes()).unwrap_err();
        assert!(
            matches!(&error, ReadError::Kind { found, .. } if *found == format!("{version} {kind}")),
            "{error}"
        );
    }
}

/// Ten megabytes are refused by their size; what is just small enough is refused by its depth, its aliases, its keys.
#[test]
fn acf_01_large_and_deep_texts_are_refused_early() {
    for pattern in ["[", "{a: ", "- ", "a: &a\n "] {
        let large = pattern.repeat(10_000_000 / pattern.len());
        assert!(matches!(Configuration::read(large.as_bytes()), Err(ReadError::TooLarge { .. })));
        let deep = format!("{AUTHENTICATION}jwt: {}", pattern.repeat((TEXT_BYTES_MAX - 200) / pattern.len()));
        assert!(refused_at(deep.as_bytes()).len() <= 200);
    }
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..30 {
        let before = format!("*a{}", level - 1);
        laughs.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", ")));
    }
    assert!(Configuration::read(format!("{AUTHENTICATION}{laughs}").as_bytes()).is_err());
    let keys: String = (0..50_000).map(|index| format!("k{index}: 1\n")).collect();
    assert_eq!(refused_at(format!("{AUTHENTICATION}{keys}").as_bytes()), "k0");
}

fn any_text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("jwt".to_owned()),
        Just("issuer".to_owned()),
        Just("url".to_owned()),
        Just("claimMappings".to_owned()),
        Just("authorizers".to_owned()),
        Just("webhook".to_owned()),
        Just("timeout".to_owned()),
        Just("spec".to_owned()),
        Just(": ".to_owned()),
        Just("\n".to_owned()),
        Just("- ".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just(", ".to_owned()),
        Just("  ".to_owned()),
        Just("null".to_owned()),
        Just("&a ".to_owned()),
        Just("*a".to_owned()),
        Just("<<: ".to_owned()),
        Just("!!binary ".to_owned()),
        ".{0,3}",
    ];
    proptest::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn acf_01_whatever_comes_there_is_an_answer(head in 0..3usize, text in any_text()) {
        let head = [AUTHENTICATION, AUTHORIZATION, "kind: WorkspaceAuthenticationConfiguration\n"][head];
        if let Ok(configuration) = Configuration::read(format!("{head}{text}").as_bytes()) {
            let faults = configuration.validate();
            prop_assert!(faults.iter().all(|fault| !fault.field.is_empty() && !fault.message.is_empty()));
            let findings = configuration.lint();
            prop_assert!(findings.iter().all(|finding| !finding.remedy.is_empty()));
        }
    }
}
