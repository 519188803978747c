//! The shared query, expand and write suites against the engine in process. Skipped with a line where the data is
//! absent; `cargo xtask conformance fga` runs them over the wire too.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use fga_engine::{
    Cap, CheckRequest, Engine, EngineError, EngineParts, ExpandKind, ExpandNode, ExpandRequest, Explain,
    Limits, ListObjectsRequest, ListUsersRequest, OnDuplicate, OnMissing, UserFilter, WriteRequest,
};
use fga_model::{ErrorCode, ModelId, StoreId, TupleCondition, TupleKey, parse_model};
use serde_json::Value;

fn folder() -> Option<PathBuf> {
    let root = std::env::var_os("MESH_CONFORMANCE")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"));
    let folder = root.join("fga");
    if !folder.is_dir() {
        println!("no conformance data at {}: passed over", folder.display());
        return None;
    }
    Some(folder)
}

fn yaml(path: PathBuf) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(path).expect("readable suite")).expect("valid suite")
}

fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn tuple(value: &Value) -> TupleKey {
    let condition = value.get("condition").map(|c| TupleCondition {
        name: text(c, "name"),
        context: c.get("context").and_then(Value::as_object).cloned().unwrap_or_default(),
    });
    TupleKey {
        condition,
        ..TupleKey::new(text(value, "object"), text(value, "relation"), text(value, "user"))
    }
}

fn tuples(value: &Value, key: &str) -> Vec<TupleKey> {
    items(value, key).iter().map(tuple).collect()
}

#[derive(Default)]
struct Count {
    ok: usize,
    not_applicable: usize,
    red: Vec<String>,
}

impl Count {
    fn add<T: PartialEq + std::fmt::Debug>(
        &mut self,
        what: String,
        wanted: Result<T, u64>,
        got: Result<T, EngineError>,
    ) {
        let got = match got {
            Err(error) if error.code() == ErrorCode::Unimplemented => {
                self.not_applicable += 1;
                return;
            }
            got => got.map_err(|error| u64::from(error.code().number())),
        };
        if got == wanted {
            self.ok += 1;
        } else {
            self.red.push(format!("{what}: wanted {wanted:?}, got {got:?}"));
        }
    }

    fn report(self, name: &str) -> usize {
        let total = self.ok + self.not_applicable + self.red.len();
        println!(
            "{name}: {total} total, {} ok, {} n/a, {} red",
            self.ok,
            self.not_applicable,
            self.red.len()
        );
        for line in self.red.iter().take(40) {
            println!("  {line}");
        }
        self.red.len()
    }
}

struct Run<'a> {
    engine: &'a Engine,
    store: StoreId,
    model: ModelId,
    context: fga_engine::Context,
    contextual: Vec<TupleKey>,
}

impl Run<'_> {
    fn check(&self, key: &TupleKey) -> Result<bool, EngineError> {
        let request = CheckRequest {
            contextual: self.contextual.clone(),
            context: self.context.clone(),
            model: Some(self.model.clone()),
            explain: Explain::DecisionOnly,
            ..CheckRequest::new(&key.object, &key.relation, &key.user)
        };
        let fast = self.engine.check(&self.store, &request);
        let explained =
            self.engine.check(&self.store, &CheckRequest { explain: Explain::Grounds, ..request });
        match (fast, explained) {
            (Ok(a), Ok(b)) => {
                assert_eq!(a.is_allowed(), b.is_allowed(), "explanation changes the decision of {key}");
                assert!(
                    !b.is_allowed()
                        || !b.grounds().path.is_empty()
                        || key.user == format!("{}#{}", key.object, key.relation),
                    "no path for {key}"
                );
                Ok(a.is_allowed())
            }
            (fast, _) => fast.map(|a| a.is_allowed()),
        }
    }

    fn list_objects(
        &self,
        user: &str,
        relation: &str,
        type_name: &str,
    ) -> Result<BTreeSet<String>, EngineError> {
        let request = ListObjectsRequest {
            type_name: type_name.to_owned(),
            relation: relation.to_owned(),
            user: user.to_owned(),
            contextual: self.contextual.clone(),
            context: self.context.clone(),
            model: Some(self.model.clone()),
            ..ListObjectsRequest::default()
        };
        let found = self.engine.list_objects(&self.store, &request, Cap::Limited)?;
        let set: BTreeSet<String> = found.iter().cloned().collect();
        assert_eq!(set.len(), found.len(), "a list has no duplicates");
        Ok(set)
    }

    fn list_users(
        &self,
        object: &str,
        relation: &str,
        filter: &str,
    ) -> Result<BTreeSet<String>, EngineError> {
        let (type_name, of) = filter.split_once('#').map_or((filter, None), |(t, r)| (t, Some(r.to_owned())));
        let request = ListUsersRequest {
            object: object.to_owned(),
            relation: relation.to_owned(),
            filter: UserFilter { type_name: type_name.to_owned(), relation: of },
            contextual: self.contextual.clone(),
            context: self.context.clone(),
            model: Some(self.model.clone()),
            ..ListUsersRequest::default()
        };
        let found = self.engine.list_users(&self.store, &request)?;
        let set: BTreeSet<String> = found.iter().cloned().collect();
        assert_eq!(set.len(), found.len(), "a list has no duplicates");
        Ok(set)
    }

    fn stage(&mut self, name: &str, stage: &Value, base: &[TupleKey], through: bool, count: &mut Count) {
        for assertion in items(stage, "checkAssertions") {
            self.scope(assertion, base);
            let key = tuple(&assertion["tuple"]);
            let what = format!("{name}: check {key}");
            let wanted = wanted(assertion, |v| v.as_bool().unwrap_or_default());
            count.add(what.clone(), wanted, self.check(&key));
            if through {
                self.through(&what, assertion, &key, count);
            }
        }
        for assertion in items(stage, "listObjectsAssertions") {
            self.scope(assertion, base);
            let request = &assertion["request"];
            let (user, relation, type_name) =
                (text(request, "user"), text(request, "relation"), text(request, "type"));
            let got = self.list_objects(&user, &relation, &type_name);
            if let Ok(found) = &got {
                for object in found {
                    let key = TupleKey::new(object, &relation, &user);
                    count.add(format!("{name}: listed {key}"), Ok(true), self.check(&key));
                }
            }
            count.add(format!("{name}: list objects {request}"), wanted(assertion, set), got);
        }
        for assertion in items(stage, "listUsersAssertions") {
            self.scope(assertion, base);
            let request = &assertion["request"];
            let (object, relation) = (text(request, "object"), text(request, "relation"));
            let filter = request["filters"][0].as_str().unwrap_or_default();
            let got = self.list_users(&object, &relation, filter);
            if let Ok(found) = &got {
                for user in found {
                    let key = TupleKey::new(&object, &relation, user);
                    count.add(format!("{name}: listed {key}"), Ok(true), self.check(&key));
                }
            }
            count.add(format!("{name}: list users {request}"), wanted(assertion, set), got);
        }
    }

    fn scope(&mut self, assertion: &Value, base: &[TupleKey]) {
        self.contextual = tuples(assertion, "contextualTuples");
        self.contextual.extend(base.iter().cloned());
        self.context = assertion.get("context").and_then(Value::as_object).cloned().unwrap_or_default();
    }

    /// The matrices ask every check through both lists too.
    fn through(&self, what: &str, assertion: &Value, key: &TupleKey, count: &mut Count) {
        let expectation = assertion.get("expectation").and_then(Value::as_bool);
        let code = |name: &str| assertion.get(name).and_then(Value::as_u64);
        let type_name = key.object.split(':').next().unwrap();
        let got = self.list_objects(&key.user, &key.relation, type_name);
        let any = assertion.get("listObjectsExpectation").is_some();
        let code_wanted = code("listObjectsErrorCode").or(if any { None } else { code("errorCode") });
        match code_wanted {
            Some(code) => count.add(format!("{what} by list objects"), Err(code), got.map(|_| true)),
            None => {
                let got = got.map(|found| any || Some(found.contains(&key.object)) == expectation);
                count.add(format!("{what} by list objects"), Ok(true), got);
            }
        }
        let (user_type, of) = key.user.split_once(':').unwrap();
        let filter = of.split_once('#').map_or(user_type.to_owned(), |(_, r)| format!("{user_type}#{r}"));
        let got = self.list_users(&key.object, &key.relation, &filter);
        match code("listUsersErrorCode").or(code("errorCode")) {
            Some(code) => count.add(format!("{what} by list users"), Err(code), got.map(|_| true)),
            None => {
                let fits = |found: BTreeSet<String>| match expectation {
                    Some(true) => found.contains(&key.user) || found.iter().any(|u| u.ends_with(":*")),
                    _ => !found.contains(&key.user),
                };
                count.add(format!("{what} by list users"), Ok(true), got.map(fits));
            }
        }
    }
}

fn set(value: &Value) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn wanted<T>(assertion: &Value, read: impl Fn(&Value) -> T) -> Result<T, u64> {
    match assertion.get("errorCode").and_then(Value::as_u64) {
        Some(code) => Err(code),
        None => Ok(read(assertion.get("expectation").unwrap_or(&Value::Null))),
    }
}

fn engine(limits: Limits) -> Engine {
    Engine::open(EngineParts { limits, ..EngineParts::default() }).unwrap()
}

fn run_suite(folder: &std::path::Path, file: &str) -> usize {
    let suite = yaml(folder.join("query").join(file));
    let shared = suite
        .get("modelFile")
        .and_then(Value::as_str)
        .map(|f| fs::read_to_string(folder.join("query").join(f)).unwrap());
    let through = suite.get("assertThrough").is_some() && file.starts_with("check-matrix");
    let engine = engine(Limits::strict());
    let mut count = Count::default();
    for test in items(&suite, "tests") {
        let stages = items(test, "stages");
        let name = format!("{} {}", test["index"], text(test, "name"));
        let store = engine.create_store("conformance").unwrap().id;
        for stage in stages {
            let dsl = shared.clone().unwrap_or_else(|| text(stage, "model"));
            let model = engine.write_model(&store, &parse_model(&dsl).unwrap()).unwrap();
            for chunk in tuples(stage, "tuples").chunks(40) {
                let write = WriteRequest {
                    model: Some(model.clone()),
                    ..WriteRequest::writes(chunk.iter().cloned())
                };
                engine.write(&store, &write).unwrap_or_else(|e| panic!("{name}: {e}"));
            }
            let mut run = Run {
                engine: &engine,
                store: store.clone(),
                model,
                context: Default::default(),
                contextual: Vec::new(),
            };
            run.stage(&name, stage, &[], through, &mut count);
        }
        // The same with all tuples contextual.
        if let [stage] = stages
            && items(stage, "tuples").len() <= 100
        {
            let dsl = shared.clone().unwrap_or_else(|| text(stage, "model"));
            let store = engine.create_store("conformance").unwrap().id;
            let model = engine.write_model(&store, &parse_model(&dsl).unwrap()).unwrap();
            let base = tuples(stage, "tuples");
            let mut run =
                Run { engine: &engine, store, model, context: Default::default(), contextual: Vec::new() };
            run.stage(&format!("{name}_ctxTuples"), stage, &base, through, &mut count);
        }
    }
    count.report(file)
}

#[test]
fn fga_02_query_suites_answer_as_openfga_does() {
    let Some(folder) = folder() else { return };
    let mut files: Vec<String> = fs::read_dir(folder.join("query"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let red: usize = files.iter().map(|file| run_suite(&folder, file)).sum();
    assert_eq!(red, 0);
}

fn tree(node: &ExpandNode) -> Value {
    use serde_json::json;
    let mut value = match &node.kind {
        ExpandKind::Users(users) => json!({"leaf": {"users": {"users": users}}}),
        ExpandKind::Computed(userset) => json!({"leaf": {"computed": {"userset": userset}}}),
        ExpandKind::TupleToUserset { tupleset, computed } => {
            let computed: Vec<Value> = computed.iter().map(|u| json!({ "userset": u })).collect();
            json!({"leaf": {"tupleToUserset": {"tupleset": tupleset, "computed": computed}}})
        }
        ExpandKind::Union(nodes) => json!({"union": {"nodes": nodes.iter().map(tree).collect::<Vec<_>>()}}),
        ExpandKind::Intersection(nodes) => {
            json!({"intersection": {"nodes": nodes.iter().map(tree).collect::<Vec<_>>()}})
        }
        ExpandKind::Difference(base, subtract) => {
            json!({"difference": {"base": tree(base), "subtract": tree(subtract)}})
        }
    };
    value["name"] = Value::String(node.name.clone());
    value
}

/// Empty lists and absent ones are the same.
fn pruned(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let entries = map.iter().map(|(k, v)| (k.clone(), pruned(v)));
            Value::Object(entries.filter(|(_, v)| v.as_array().is_none_or(|a| !a.is_empty())).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(pruned).collect()),
        other => other.clone(),
    }
}

#[test]
fn fga_02_expand_suite_answers_as_openfga_does() {
    let Some(folder) = folder() else { return };
    let suite = yaml(folder.join("expand/expand.yaml"));
    let engine = engine(Limits::strict());
    let mut count = Count::default();
    for test in items(&suite, "tests") {
        if test["tuplesBypassValidation"] == true {
            count.not_applicable += 1;
            continue;
        }
        let store = engine.create_store("expand").unwrap().id;
        engine.write_model(&store, &parse_model(&text(test, "model")).unwrap()).unwrap();
        let stored = tuples(test, "tuples");
        if !stored.is_empty() {
            engine.write(&store, &WriteRequest::writes(stored)).unwrap();
        }
        let request = ExpandRequest {
            object: text(&test["request"], "object"),
            relation: text(&test["request"], "relation"),
            contextual: tuples(test, "contextualTuples"),
            ..ExpandRequest::default()
        };
        let got = engine.expand(&store, &request).map(|node| pruned(&tree(&node)));
        count.add(text(test, "name"), wanted(test, |v| pruned(&v["tree"]["root"])), got);
    }
    assert_eq!(count.report("expand"), 0);
}

fn repeated(value: &Value) -> Value {
    if let Some(repeat) = value.get("$repeat") {
        let count = repeat["count"].as_u64().unwrap() as usize;
        return Value::String(repeat["text"].as_str().unwrap().repeat(count));
    }
    match value {
        Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (k.clone(), repeated(v))).collect()),
        Value::Array(list) => Value::Array(list.iter().map(repeated).collect()),
        other => other.clone(),
    }
}

#[test]
fn fga_02_write_suite_answers_as_openfga_does() {
    let Some(folder) = folder() else { return };
    let suite = yaml(folder.join("write/write.yaml"));
    let dsl = fs::read_to_string(folder.join("write/write.model.fga")).unwrap();
    // Upstream mocks the model store; a server refuses a relation that nobody can ever have.
    let dsl = dsl.replace("[document#implicit]", "[user, document#implicit]");
    let mut limits = Limits::strict();
    limits.write_keys_max = suite["limits"]["maxTuplesPerWrite"].as_u64().unwrap() as usize;
    let engine = engine(limits);
    let mut count = Count::default();
    for test in items(&suite, "tests") {
        let test = &repeated(test);
        let model = text(test, "model");
        if test["run"] == "faultInjection"
            || test["storedBypassesValidation"] == true
            || matches!(model.as_str(), "unsupportedSchema" | "unreadable")
        {
            count.not_applicable += 1;
            continue;
        }
        let store = engine.create_store("write").unwrap().id;
        engine.write_model(&store, &parse_model(&dsl).unwrap()).unwrap();
        let stored = tuples(test, "stored");
        if !stored.is_empty() {
            engine.write(&store, &WriteRequest::writes(stored)).unwrap();
        }
        let part = |key: &str| test["request"].get(key).cloned().unwrap_or_default();
        let (writes, deletes) = (part("writes"), part("deletes"));
        let option = |part: &Value, key: &str| match part.get(key).and_then(Value::as_str) {
            None | Some("" | "error") => Some(false),
            Some("ignore") => Some(true),
            _ => None,
        };
        // Other words than `error` and `ignore` are refused where requests are read from the wire.
        let (Some(duplicate), Some(missing)) =
            (option(&writes, "onDuplicate"), option(&deletes, "onMissing"))
        else {
            count.not_applicable += 1;
            continue;
        };
        let request = WriteRequest {
            writes: tuples(&writes, "tuples"),
            deletes: tuples(&deletes, "tuples"),
            on_duplicate: if duplicate { OnDuplicate::Ignore } else { OnDuplicate::Error },
            on_missing: if missing { OnMissing::Ignore } else { OnMissing::Error },
            model: (model == "missing").then(|| ModelId::new("01JCC8ZD4X84K2W0H0ZA5AQ948")),
        };
        count.add(text(test, "name"), wanted(test, |_| ()), engine.write(&store, &request));
    }
    assert_eq!(count.report("write"), 0);
}
