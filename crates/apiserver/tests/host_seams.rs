//! What hosts plug in: decoration, admission, forced selectors, tokens.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::sync::Arc;

use apiserver::defined::DefinedApis;
use apiserver::kinds::BuiltIns;
use apiserver::server::{Decorator, Parts};
use apiserver::tokens::{SignedToken, TokenClaims, TokenIssuer};
use apiserver::{Admission, ApiError, ApiServer, Attributes, LabelSelector, Operation, Partition, object};
use serde_json::{Value, json};
use support::{Host, WIDGETS, host, host_of, widget};

struct Mark;

impl Decorator for Mark {
    fn decorate(&self, partition: &Partition, object: &mut Value) {
        object::set_annotation(object, "kcp.io/cluster", partition.as_str());
    }

    fn strip(&self, _partition: &Partition, object: &mut Value) {
        object::remove_annotation(object, "kcp.io/cluster");
    }
}

#[tokio::test]
async fn dev_05_decoration_is_seen_everywhere_and_stored_nowhere() {
    let host = host_of(Parts { decorator: Arc::new(Mark), ..Parts::default() });
    let made = host.post(WIDGETS, widget("a", 1)).await.body;
    assert_eq!(made["metadata"]["annotations"], json!({"kcp.io/cluster": "a"}));
    let same = host.call("PUT", &format!("{WIDGETS}/a"), made.clone()).await.body;
    assert_eq!(
        same["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"],
        "a write-back changes nothing"
    );
    let mut without = made.clone();
    without["metadata"].as_object_mut().unwrap().remove("annotations");
    let same = host.call("PUT", &format!("{WIDGETS}/a"), without).await.body;
    assert_eq!(same, made);
    let list = host.get(WIDGETS).await.body;
    assert_eq!(list["items"][0]["metadata"]["annotations"]["kcp.io/cluster"], "a");
    assert!(!list["items"][0]["metadata"]["managedFields"].to_string().contains("kcp.io/cluster"));
    let stored = host.server.store().prefixes_of(&Partition::from("a"));
    for prefix in stored {
        for item in host
            .server
            .store()
            .list_all(&prefix, &apiserver::store::Range::scope(apiserver::Scope::All))
            .items
        {
            assert!(!String::from_utf8_lossy(&item.bytes).contains("kcp.io/cluster"));
        }
    }
}

struct Stamp;

#[async_trait::async_trait]
impl Admission for Stamp {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        if attributes.operation == Operation::Create && &*attributes.resource.plural == "widgets" {
            attributes.object["spec"]["color"] = "stamped".into();
            attributes.object["spec"]["nobody-knows"] = true.into();
            attributes.warnings.push("stamped".to_owned());
        }
        Ok(())
    }

    async fn validate(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        let size = attributes.object.pointer("/spec/size").and_then(Value::as_i64).unwrap_or(0);
        if size > 9 {
            return Err(ApiError::forbidden(
                &attributes.resource.group_resource(),
                attributes.name,
                "too big",
            ));
        }
        Ok(())
    }
}

#[tokio::test]
async fn dev_03_admission_changes_then_the_schema_prunes_then_admission_judges() {
    let host = host_of(Parts { admission: Arc::new(Stamp), ..Parts::default() });
    let made = host.post(WIDGETS, widget("a", 1)).await;
    assert_eq!(made.body["spec"], json!({"size": 1, "color": "stamped"}), "{made:?}");
    assert_eq!(made.headers["warning"], "299 - \"stamped\"");
    let big = host.post(WIDGETS, widget("b", 10)).await;
    assert_eq!(big.code, 403);
    assert_eq!(big.body["message"], "widgets.example.com \"b\" is forbidden: too big");
    let patch = json!({"spec": {"size": 10}});
    let url = format!("{WIDGETS}/a");
    assert_eq!(host.call_as("a", "PATCH", &url, "", "application/merge-patch+json", patch).await.code, 403);
}

fn restricted() -> Host {
    let host = host();
    let widgets = host.apis.lookup(&host.cx("a").scope, "example.com", "v1", "widgets", None).unwrap();
    let mut widgets = (*widgets).clone();
    widgets.restrict = Some(LabelSelector::equals("claimed", "yes"));
    let mut resources = BuiltIns::default().resources();
    resources.push(Arc::new(widgets));
    let apis = Arc::new(DefinedApis::new(host.server.store().clone(), resources));
    Host { server: host.server.clone(), apis }
}

#[tokio::test]
async fn dev_08_a_forced_selector_hides_other_objects() {
    let restricted = restricted();
    let open = Host { server: restricted.server.clone(), apis: host().apis };
    open.post(WIDGETS, widget("hidden", 1)).await;
    let mut claimed = widget("seen", 1);
    claimed["metadata"]["labels"] = json!({"claimed": "yes"});
    open.post(WIDGETS, claimed).await;
    assert_eq!(restricted.get(&format!("{WIDGETS}/hidden")).await.code, 404);
    assert_eq!(restricted.call("DELETE", &format!("{WIDGETS}/hidden"), Value::Null).await.code, 404);
    assert_eq!(restricted.get(WIDGETS).await.body["items"].as_array().unwrap().len(), 1);
    let unlabel = json!({"metadata": {"labels": {"claimed": null}}});
    let url = format!("{WIDGETS}/seen");
    let escape = restricted.call_as("a", "PATCH", &url, "", "application/merge-patch+json", unlabel).await;
    assert_eq!(escape.code, 403, "{escape:?}");
}

struct Issuer;

#[async_trait::async_trait]
impl TokenIssuer for Issuer {
    async fn issue(&self, claims: &TokenClaims) -> Result<SignedToken, ApiError> {
        let token = format!("{}/{}/{}/{:?}", claims.partition, claims.namespace, claims.name, claims.seconds);
        let expires = "2031-01-01T00:00:00Z".parse().map_err(ApiError::internal)?;
        Ok(SignedToken { token, expires, audiences: vec!["server".to_owned()] })
    }
}

#[tokio::test(start_paused = true)]
async fn dev_03_tokens_are_issued_for_accounts_and_filled_into_secrets() {
    let server = ApiServer::new(Parts::default());
    let tokens: Option<Arc<dyn TokenIssuer>> = Some(Arc::new(Issuer));
    let resources = BuiltIns { tokens: tokens.clone(), ..BuiltIns::default() }.resources();
    let host = Host { apis: Arc::new(DefinedApis::new(server.store().clone(), resources)), server };
    let mut controllers = host.controllers();
    controllers.tokens = tokens;
    let story = async {
        let base = "/api/v1/namespaces/default";
        host.post(&format!("{base}/serviceaccounts"), json!({"metadata": {"name": "robot"}})).await;
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 604800}});
        let issued = host.post(&format!("{base}/serviceaccounts/robot/token"), request).await;
        assert_eq!(
            (issued.code, &issued.body["status"]["token"]),
            (201, &json!("a/default/robot/Some(604800)")),
            "{issued:?}"
        );
        let short = json!({"spec": {"expirationSeconds": 5}});
        assert_eq!(host.post(&format!("{base}/serviceaccounts/robot/token"), short).await.code, 422);
        assert_eq!(host.post(&format!("{base}/serviceaccounts/none/token"), json!({})).await.code, 404);
        let secret = json!({"metadata": {"name": "s", "annotations": {"kubernetes.io/service-account.name": "robot"}}, "type": "kubernetes.io/service-account-token"});
        assert_eq!(host.post(&format!("{base}/secrets"), secret).await.code, 201);
        let url = format!("{base}/secrets/s");
        host.until(&url, |a| a.body["data"]["token"].is_string()).await;
        host.call("DELETE", &format!("{base}/serviceaccounts/robot"), Value::Null).await;
        host.until_gone(&url).await;
    };
    tokio::select! {
        () = controllers.run(runtime::Stop::new()) => panic!("the controllers ended"),
        () = story => {}
    }
}
