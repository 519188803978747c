//! Admission by what users wrote: match conditions of webhooks, admission policies beside resources and exports.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod harness;

use harness::{Answer, Server, admin, server};
use http::Method;
use serde_json::{Value, json};

const ADMISSION: &str = "apis/admissionregistration.k8s.io/v1";

async fn put_up(server: &Server, cluster: &str, plural: &str, kind: &str, name: &str, spec: Value) -> Answer {
    let mut object =
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": name}});
    let field = if plural.ends_with("webhookconfigurations") { "webhooks" } else { "spec" };
    object[field] = spec;
    server.post(&admin(), &format!("/clusters/{cluster}/{ADMISSION}/{plural}"), object).await
}

async fn policy(server: &Server, cluster: &str, name: &str, spec: Value, binding: Value) {
    let answer =
        put_up(server, cluster, "validatingadmissionpolicies", "ValidatingAdmissionPolicy", name, spec).await;
    assert_eq!(answer.code, 201, "{:#}", answer.body);
    let kind = "ValidatingAdmissionPolicyBinding";
    let answer = put_up(server, cluster, "validatingadmissionpolicybindings", kind, name, binding).await;
    assert_eq!(answer.code, 201, "{:#}", answer.body);
}

fn on(group: &str, resource: &str) -> Value {
    json!({"resourceRules": [{"operations": ["CREATE", "UPDATE"], "apiGroups": [group], "apiVersions": ["*"], "resources": [resource]}]})
}

async fn config_map(server: &Server, cluster: &str, name: &str, data: Value) -> Answer {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data});
    server.post(&admin(), &format!("/clusters/{cluster}/api/v1/namespaces/default/configmaps"), object).await
}

#[tokio::test]
async fn dev_16_a_policy_holds_in_its_workspace_and_says_why() {
    let server = server().await;
    let spec = json!({
        "matchConstraints": on("", "configmaps"),
        "validations": [{"expression": "!has(object.data) || object.data.mode != 'bad'"}],
    });
    policy(&server, "root", "modes", spec, json!({"policyName": "modes", "validationActions": ["Deny"]}))
        .await;
    let refused = config_map(&server, "root", "a", json!({"mode": "bad"})).await;
    assert_eq!((refused.code, &refused.body["reason"]), (422, &"Invalid".into()), "{:#}", refused.body);
    let said = "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'modes' with binding 'modes' denied request: failed expression: !has(object.data) || object.data.mode != 'bad'";
    assert_eq!(refused.body["message"], said);
    let made = config_map(&server, "root", "a", json!({"mode": "good"})).await;
    assert_eq!(made.code, 201, "{:#}", made.body);
    let path = "/clusters/root/api/v1/namespaces/default/configmaps/a";
    let changed = server.call(&admin(), Method::PATCH, path, json!({"data": {"mode": "bad"}})).await;
    assert_eq!(changed.code, 422, "{:#}", changed.body);
    // The policy says that its expressions were looked at.
    let stored = format!("/clusters/root/{ADMISSION}/validatingadmissionpolicies/modes");
    server
        .until(&stored, |a| {
            a.body["status"]["observedGeneration"] == 1 && a.body["status"]["typeChecking"].is_object()
        })
        .await;
    // Without its binding it says nothing.
    let binding = format!("/clusters/root/{ADMISSION}/validatingadmissionpolicybindings/modes");
    assert_eq!(server.call(&admin(), Method::DELETE, &binding, Value::Null).await.code, 200);
    assert_eq!(config_map(&server, "root", "b", json!({"mode": "bad"})).await.code, 201);
}

#[tokio::test]
async fn dev_16_a_policy_reads_its_parameters_and_its_namespace() {
    let server = server().await;
    let spec = json!({
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": on("", "secrets"),
        "variables": [{"name": "most", "expression": "int(params.data.most)"}],
        "validations": [{
            "expression": "size(object.data) <= variables.most",
            "messageExpression": "'at most ' + string(variables.most) + ' keys in ' + namespaceObject.metadata.name",
            "reason": "Forbidden",
        }],
    });
    let binding = json!({"policyName": "few", "validationActions": ["Deny"],
        "paramRef": {"name": "limits", "namespace": "default", "parameterNotFoundAction": "Deny"}});
    policy(&server, "root", "few", spec, binding).await;
    let secret = |name: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"a": "1", "b": "2"}});
    let path = "/clusters/root/api/v1/namespaces/default/secrets";
    let without = server.post(&admin(), path, secret("s")).await;
    assert!(without.body["message"].as_str().unwrap().contains("no params found"), "{:#}", without.body);
    assert_eq!(config_map(&server, "root", "limits", json!({"most": "1"})).await.code, 201);
    let refused = server.post(&admin(), path, secret("s")).await;
    assert_eq!((refused.code, &refused.body["reason"]), (403, &"Forbidden".into()), "{:#}", refused.body);
    assert!(
        refused.body["message"].as_str().unwrap().ends_with("at most 1 keys in default"),
        "{:#}",
        refused.body
    );
    let patch = json!({"data": {"most": "2"}});
    let limits = "/clusters/root/api/v1/namespaces/default/configmaps/limits";
    assert_eq!(server.call(&admin(), Method::PATCH, limits, patch).await.code, 200);
    assert_eq!(server.post(&admin(), path, secret("s")).await.code, 201);
}

#[tokio::test]
async fn dev_16_policies_and_bindings_that_cannot_work_are_refused() {
    let server = server().await;
    let spec =
        json!({"matchConstraints": on("", "configmaps"), "validations": [{"expression": "object.x ="}]});
    let kind = "ValidatingAdmissionPolicy";
    let answer = put_up(&server, "root", "validatingadmissionpolicies", kind, "p", spec).await;
    assert_eq!(answer.code, 422, "{:#}", answer.body);
    assert_eq!(answer.body["details"]["causes"][0]["field"], "spec.validations[0].expression");
    let spec = json!({"policyName": "p", "validationActions": ["Deny", "Warn"]});
    let kind = "ValidatingAdmissionPolicyBinding";
    let answer = put_up(&server, "root", "validatingadmissionpolicybindings", kind, "p", spec).await;
    assert_eq!(answer.code, 422, "{:#}", answer.body);
}

#[tokio::test]
async fn dev_16_match_conditions_decide_whether_a_webhook_is_asked() {
    let server = server().await;
    // Nobody listens there: who is asked about fails, who is not passes.
    let webhook = |conditions: Value| {
        json!([{
            "name": "nobody.example.io", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "clientConfig": {"url": "https://127.0.0.1:1/"},
            "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}],
            "matchConditions": conditions,
        }])
    };
    let (plural, kind) = ("validatingwebhookconfigurations", "ValidatingWebhookConfiguration");
    let conditions = json!([
        {"name": "named", "expression": "object.metadata.name.startsWith('asked')"},
        {"name": "not-bob", "expression": "request.userInfo.username != 'bob' && object.metadata.annotations['kcp.io/cluster'] == 'root'"},
    ]);
    let made = put_up(&server, "root", plural, kind, "w", webhook(conditions)).await;
    assert_eq!(made.code, 201, "{:#}", made.body);
    assert_eq!(config_map(&server, "root", "other", json!({})).await.code, 201);
    let asked = config_map(&server, "root", "asked", json!({})).await;
    assert_eq!(asked.code, 500, "{:#}", asked.body);
    assert!(asked.body["message"].as_str().unwrap().contains("failed calling webhook"), "{:#}", asked.body);
    let broken = webhook(json!([{"name": "x", "expression": "object."}]));
    let refused = put_up(&server, "root", plural, kind, "broken", broken).await;
    assert_eq!(refused.code, 422, "{:#}", refused.body);
    assert_eq!(refused.body["details"]["causes"][0]["field"], "webhooks[0].matchConditions[0].expression");
}
