//! A server over HTTP, called with JSON.

use std::sync::Arc;

use fga_model::{ErrorCode, ModelId, StoreId, TupleKey};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{Failure, List, Question, RawWrite, Target, filter_of, parsed};

/// A server over HTTP.
pub struct Http {
    client: reqwest::Client,
    base: String,
    runtime: Arc<Runtime>,
    write_keys_max: Option<usize>,
}

impl Http {
    /// Asks the server at a URL.
    pub fn new(
        url: &str,
        runtime: Arc<Runtime>,
        write_keys_max: Option<usize>,
    ) -> Result<Self, reqwest::Error> {
        runtime::install_crypto();
        let client = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { client, base: url.trim_end_matches('/').to_owned(), runtime, write_keys_max })
    }

    fn text(&self, path: &str, body: &Value) -> Result<String, Failure> {
        let broken = |error: reqwest::Error| Failure::text(format!("{path}: {error}"));
        self.runtime.block_on(async {
            let url = format!("{}{path}", self.base);
            let response = self.client.post(url).json(body).send().await.map_err(broken)?;
            let status = response.status();
            let text = response.text().await.map_err(broken)?;
            if status.is_success() {
                return Ok(text);
            }
            Err(refusal(&serde_json::from_str(&text).unwrap_or_default(), &format!("{status} {text}")))
        })
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let text = self.text(path, body)?;
        serde_json::from_str(&text).map_err(|error| Failure::text(format!("{path}: {error} in {text}")))
    }

    fn ask(&self, question: &Question<'_>, call: &str, mut body: Value) -> Result<String, Failure> {
        body["authorization_model_id"] = question.model.as_str().into();
        if !question.context.is_empty() {
            body["context"] = Value::Object(question.context.clone());
        }
        self.text(&format!("/stores/{}/{call}", question.store), &body)
    }

    fn asked(&self, question: &Question<'_>, call: &str, body: Value) -> Result<Value, Failure> {
        let text = self.ask(question, call, body)?;
        serde_json::from_str(&text).map_err(|error| Failure::text(format!("{call}: {error} in {text}")))
    }
}

/// The number of a refusal: as a word in the body, or as a number in the line of a stream.
fn refusal(body: &Value, shown: &str) -> Failure {
    let body = body.get("error").unwrap_or(body);
    let number = body["code"].as_u64().and_then(|number| u32::try_from(number).ok());
    let word = body["code"].as_str().and_then(ErrorCode::from_name).map(ErrorCode::number);
    Failure::new(number.or(word).unwrap_or(0), shown)
}

fn key(key: &TupleKey) -> Value {
    let mut json = json!({"object": key.object, "relation": key.relation, "user": key.user});
    if let Some(condition) = &key.condition {
        json["condition"] = json!({"name": condition.name});
        if !condition.context.is_empty() {
            json["condition"]["context"] = Value::Object(condition.context.clone());
        }
    }
    json
}

fn contextual(question: &Question<'_>) -> Value {
    json!({"tuple_keys": question.contextual.iter().map(key).collect::<Vec<_>>()})
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn name(value: &Value, key: &str) -> Result<String, Failure> {
    let found = value[key].as_str().map(str::to_owned);
    found.ok_or_else(|| Failure::text(format!("the answer has no `{key}`: {value}")))
}

impl Target for Http {
    fn path(&self) -> &'static str {
        "HTTP"
    }

    fn write_keys_max(&self) -> Option<usize> {
        self.write_keys_max
    }

    fn create_store(&self) -> Result<StoreId, Failure> {
        Ok(StoreId::new(name(&self.post("/stores", &json!({"name": "conformance"}))?, "id")?))
    }

    fn write_model(&self, store: &StoreId, dsl: &str) -> Result<ModelId, Failure> {
        let made = self.post(&format!("/stores/{store}/authorization-models"), &parsed(dsl)?.to_json())?;
        Ok(ModelId::new(name(&made, "authorization_model_id")?))
    }

    fn write_raw(&self, store: &StoreId, model: Option<&ModelId>, request: &RawWrite) -> Result<(), Failure> {
        let mut body = json!({});
        if !request.writes.is_empty() || !request.on_duplicate.is_empty() {
            body["writes"] = json!({"tuple_keys": request.writes.iter().map(key).collect::<Vec<_>>()});
            if !request.on_duplicate.is_empty() {
                body["writes"]["on_duplicate"] = request.on_duplicate.as_str().into();
            }
        }
        if !request.deletes.is_empty() || !request.on_missing.is_empty() {
            let keys =
                request.deletes.iter().map(|tuple| key(&TupleKey { condition: None, ..tuple.clone() }));
            body["deletes"] = json!({"tuple_keys": keys.collect::<Vec<_>>()});
            if !request.on_missing.is_empty() {
                body["deletes"]["on_missing"] = request.on_missing.as_str().into();
            }
        }
        if let Some(model) = model {
            body["authorization_model_id"] = model.as_str().into();
        }
        self.post(&format!("/stores/{store}/write"), &body).map(drop)
    }

    fn read_all(&self, store: &StoreId) -> Result<Vec<TupleKey>, Failure> {
        let found = self.post(&format!("/stores/{store}/read"), &json!({"page_size": 100}))?;
        let tuples = found["tuples"].as_array().into_iter().flatten();
        Ok(tuples.map(|tuple| crate::data::tuple(&without_null(&tuple["key"]))).collect())
    }

    fn check(&self, question: &Question<'_>, tuple: &TupleKey) -> Result<bool, Failure> {
        let body = json!({"tuple_key": key(tuple), "contextual_tuples": contextual(question)});
        let answer = self.asked(question, "check", body)?;
        answer["allowed"].as_bool().ok_or_else(|| Failure::text(format!("no decision in {answer}")))
    }

    fn list_objects(
        &self,
        question: &Question<'_>,
        type_name: &str,
        relation: &str,
        user: &str,
        list: List,
    ) -> Result<Vec<String>, Failure> {
        let body = json!({"type": type_name, "relation": relation, "user": user,
            "contextual_tuples": contextual(question)});
        if list == List::Unary {
            return Ok(strings(&self.asked(question, "list-objects", body)?["objects"]));
        }
        let text = self.ask(question, "streamed-list-objects", body)?;
        let mut objects = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let value: Value =
                serde_json::from_str(line).map_err(|error| Failure::text(error.to_string()))?;
            if value.get("error").is_some() {
                return Err(refusal(&value, line));
            }
            objects.push(name(&value["result"], "object")?);
        }
        Ok(objects)
    }

    fn list_users(
        &self,
        question: &Question<'_>,
        object: &str,
        relation: &str,
        filter: &str,
    ) -> Result<Vec<String>, Failure> {
        let (object_type, id) = object.split_once(':').unwrap_or((object, ""));
        let (type_name, of) = filter_of(filter);
        let filter = if of.is_empty() {
            json!({"type": type_name})
        } else {
            json!({"type": type_name, "relation": of})
        };
        let body = json!({"object": {"type": object_type, "id": id}, "relation": relation,
            "user_filters": [filter],
            "contextual_tuples": question.contextual.iter().map(key).collect::<Vec<_>>()});
        let answer = self.asked(question, "list-users", body)?;
        let users = answer["users"].as_array().into_iter().flatten();
        users.map(user).collect()
    }

    fn expand(&self, question: &Question<'_>, object: &str, relation: &str) -> Result<Value, Failure> {
        let body = json!({"tuple_key": {"object": object, "relation": relation},
            "contextual_tuples": contextual(question)});
        Ok(self.asked(question, "expand", body)?["tree"]["root"].clone())
    }
}

/// A user in the notation of tuples.
fn user(value: &Value) -> Result<String, Failure> {
    if let Some(object) = value.get("object").filter(|v| !v.is_null()) {
        return Ok(format!("{}:{}", name(object, "type")?, name(object, "id")?));
    }
    if let Some(set) = value.get("userset").filter(|v| !v.is_null()) {
        return Ok(format!("{}:{}#{}", name(set, "type")?, name(set, "id")?, name(set, "relation")?));
    }
    Ok(format!("{}:*", name(&value["wildcard"], "type")?))
}

fn without_null(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect(),
        ),
        other => other.clone(),
    }
}
