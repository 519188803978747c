//! Answers over HTTP: routes a request to a verb or a document, and dresses what comes back.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, StatusCode};
use http_body::Frame as BodyFrame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::{Value, json};

use crate::apply::manager_name;
use crate::body::{self, Body, full};
use crate::decode;
use crate::discovery;
use crate::error::ApiError;
use crate::local::PatchKind;
use crate::names::Verb;
use crate::negotiate::{Accepted, BodyForm, Form, accepted, body_form, patch_kind};
use crate::partition::Scope;
use crate::patching::patched;
use crate::query::{DeleteOptions, FieldValidation, ListOptions, Query, WriteOptions};
use crate::request::RequestInfo;
use crate::resource::{Origin, ServedResource};
use crate::server::{ApiServer, RequestCx};
use crate::subresource::SubresourceRequest;
use crate::table::{self, IncludeObject};
use crate::verbs::collection::{self, Filter};
use crate::verbs::delete::{self, Deleted};
use crate::verbs::patch::Patch;
use crate::verbs::{self, Target, Writer, Written, scale, watch};

const WARNING: HeaderName = HeaderName::from_static("warning");
const WARNINGS_MAX: usize = 20;

pub(crate) async fn respond(
    server: &ApiServer,
    cx: RequestCx,
    request: http::Request<Body>,
) -> http::Response<Body> {
    let (head, body) = request.into_parts();
    let is_head = head.method == Method::HEAD;
    let mut response = match route(server, &cx, &head, body).await {
        Ok(response) => response,
        Err(refusal) => error(&refusal),
    };
    if is_head {
        *response.body_mut() = body::empty();
    }
    response
}

/// A `Status` answer.
pub fn error(error: &ApiError) -> http::Response<Body> {
    let mut response = json(error.code, &error.to_status());
    if let Some(details) = error.details.as_ref().filter(|d| d.retry_after_seconds > 0) {
        response
            .headers_mut()
            .insert(http::header::RETRY_AFTER, HeaderValue::from(details.retry_after_seconds));
    }
    response
}

/// A JSON answer.
pub fn json(code: u16, value: &Value) -> http::Response<Body> {
    bytes_answer(code, "application/json", serde_json::to_vec(value).unwrap_or_default())
}

fn bytes_answer(code: u16, media: &'static str, bytes: Vec<u8>) -> http::Response<Body> {
    let mut response = http::Response::new(full(bytes));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

async fn route(
    server: &ApiServer,
    cx: &RequestCx,
    head: &http::request::Parts,
    body: Body,
) -> Result<http::Response<Body>, ApiError> {
    let path = head.uri.path();
    crate::request::check_path(path)?;
    let info = RequestInfo::parse(&head.method, path, head.uri.query().unwrap_or_default());
    if !info.is_resource {
        if head.method != Method::GET && head.method != Method::HEAD {
            return Err(ApiError::method_not_allowed());
        }
        return discovery::document(cx, path, &head.headers);
    }
    let resource =
        cx.apis.lookup(&cx.scope, &info.group, &info.version, &info.resource, info.identity.as_deref())?;
    let query = Query::parse(head.uri.query().unwrap_or_default());
    let call = Call { server, cx, head: &head.headers, query: &query, info: &info, resource };
    call.check()?;
    call.run(&head.method, body).await
}

/// One request to a resource.
struct Call<'a> {
    server: &'a ApiServer,
    cx: &'a RequestCx,
    head: &'a HeaderMap,
    query: &'a Query,
    info: &'a RequestInfo,
    resource: Arc<ServedResource>,
}

impl Call<'_> {
    /// The URL must fit the resource.
    fn check(&self) -> Result<(), ApiError> {
        let info = self.info;
        let is_namespace = info.resource == "namespaces" && info.group.is_empty();
        if !self.resource.namespaced && !info.namespace.is_empty() && !is_namespace {
            return Err(ApiError::no_such_resource());
        }
        if self.resource.namespaced && info.namespace.is_empty() {
            if !info.name.is_empty() {
                return Err(ApiError::no_such_resource());
            }
            if !matches!(info.verb.as_str(), "list" | "watch" | "create") {
                return Err(ApiError::method_not_allowed());
            }
        }
        if self.cx.scope == Scope::All && !matches!(info.verb.as_str(), "list" | "watch") {
            return Err(ApiError::method_not_supported(&self.resource.group_resource(), &info.verb));
        }
        Ok(())
    }

    fn target(&self) -> Result<Target, ApiError> {
        Ok(Target {
            resource: self.resource.clone(),
            partition: self.cx.partition()?.clone(),
            namespace: if self.resource.namespaced { self.info.namespace.clone() } else { String::new() },
            name: self.info.name.clone(),
            subresource: self.info.subresource.clone(),
        })
    }

    fn verb(&self, method: &Method) -> Result<Verb, ApiError> {
        let named = !self.info.name.is_empty();
        let verb = Verb::parse(&self.info.verb).ok_or_else(ApiError::method_not_allowed)?;
        match (method, named, self.info.subresource.is_empty()) {
            (&Method::PUT | &Method::PATCH, false, _) | (&Method::POST, true, true) => {
                Err(ApiError::method_not_allowed())
            }
            _ => Ok(verb),
        }
    }

    async fn run(&self, method: &Method, body: Body) -> Result<http::Response<Body>, ApiError> {
        let verb = self.verb(method)?;
        if !self.info.subresource.is_empty() {
            return self.subresource(verb, body).await;
        }
        if !self.resource.serves(verb) {
            return Err(ApiError::method_not_supported(&self.resource.group_resource(), verb.as_str()));
        }
        match verb {
            Verb::Get => self.answer(200, verbs::read::get(self.server, &self.target()?)?, &[]),
            Verb::List => self.list(),
            Verb::Watch => self.watch(),
            Verb::Create => self.create(body).await,
            Verb::Update => {
                let (writer, target) = (self.writer("UpdateOptions")?, self.target()?);
                self.update(&writer, &target, body).await
            }
            Verb::Patch => self.patch(body).await,
            Verb::Delete => self.delete(body).await,
            Verb::DeleteCollection => self.delete_collection(body).await,
        }
    }

    async fn subresource(&self, verb: Verb, body: Body) -> Result<http::Response<Body>, ApiError> {
        let target = self.target()?;
        match (self.info.subresource.as_str(), verb) {
            ("status", _) if !self.resource.subresources.status => self.route(verb, body, target).await,
            ("status", Verb::Get) => self.answer(200, verbs::read::get(self.server, &target)?, &[]),
            ("status", Verb::Update) => {
                let writer = self.writer("UpdateOptions")?;
                self.update(&writer, &target, body).await
            }
            ("status", Verb::Patch) => self.patch(body).await,
            ("scale", Verb::Get) => self.answer(200, scale::get(self.server, &target)?, &[]),
            ("scale", Verb::Update) => {
                let (writer, wanted) = (self.writer("UpdateOptions")?, self.object(body).await?);
                self.written(scale::change(&writer, &target, |_| Ok(wanted.clone())).await?)
            }
            ("scale", Verb::Patch) => self.patch_scale(&target, body).await,
            ("status" | "scale", _) => {
                Err(ApiError::method_not_supported(&self.resource.group_resource(), verb.as_str()))
            }
            _ => self.route(verb, body, target).await,
        }
    }

    async fn route(&self, verb: Verb, body: Body, target: Target) -> Result<http::Response<Body>, ApiError> {
        let route = self.resource.route(&self.info.subresource).ok_or_else(ApiError::no_such_resource)?;
        if !route.verbs.contains(&verb) {
            return Err(ApiError::method_not_supported(&self.resource.group_resource(), verb.as_str()));
        }
        let options = WriteOptions::parse(self.query, "CreateOptions")?;
        let request = SubresourceRequest {
            server: self.server,
            cx: self.cx,
            resource: &self.resource,
            namespace: &target.namespace,
            name: &target.name,
            verb,
            body: if verb == Verb::Get { Value::Null } else { self.object(body).await? },
            dry_run: options.dry_run,
        };
        let code = if verb == Verb::Create { 201 } else { 200 };
        self.answer(code, route.handler.handle(request).await?, &[])
    }

    fn writer(&self, kind: &str) -> Result<Writer<'_>, ApiError> {
        let options = WriteOptions::parse(self.query, kind)?;
        let agent = self.head.get(USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        Ok(Writer {
            server: self.server,
            user: &self.cx.user,
            manager: manager_name(&options.manager, agent),
            dry_run: options.dry_run,
            strict: options.validation,
            options: options.to_value(kind),
        })
    }

    async fn object(&self, body: Body) -> Result<Value, ApiError> {
        Ok(self.object_of_write(body, FieldValidation::Ignore).await?.0)
    }

    /// The object of a write, with a warning for each field that its JSON has twice.
    async fn object_of_write(
        &self,
        body: Body,
        validation: FieldValidation,
    ) -> Result<(Value, Vec<String>), ApiError> {
        let form = body_form(self.head)?;
        let bytes = body::read(body).await?;
        let value = decode::decode(&bytes, form)?;
        if !value.is_object() {
            return Err(ApiError::bad_request("the body of the request must be an object"));
        }
        if form != BodyForm::Json || validation == FieldValidation::Ignore {
            return Ok((value, Vec::new()));
        }
        let twice: Vec<String> =
            decode::duplicates(&bytes).iter().map(|field| format!("duplicate field \"{field}\"")).collect();
        if validation == FieldValidation::Strict && !twice.is_empty() {
            let (kind, version) = (&self.resource.gvk.kind, &self.resource.gvk.version);
            return Err(ApiError::bad_request(format!(
                "{kind} in version \"{version}\" cannot be handled as a {kind}: strict decoding error: {}",
                twice.join(", ")
            )));
        }
        Ok((value, twice))
    }

    async fn update(
        &self,
        writer: &Writer<'_>,
        target: &Target,
        body: Body,
    ) -> Result<http::Response<Body>, ApiError> {
        let (value, twice) = self.object_of_write(body, writer.strict).await?;
        let mut written = verbs::update::update(writer, target, value).await?;
        written.warnings.extend(twice);
        self.written(written)
    }

    fn filter(&self, options: &ListOptions) -> Result<Filter, ApiError> {
        let namespace = if self.resource.namespaced { self.info.namespace.as_str() } else { "" };
        Filter::new(self.resource.clone(), self.cx.scope.clone(), namespace, &self.info.name, options)
    }

    fn list(&self) -> Result<http::Response<Body>, ApiError> {
        let options = ListOptions::parse(self.query)?;
        let listed = collection::list(self.server, &self.filter(&options)?, &options)?;
        let mut list = listed.into_value(&self.resource);
        // Kubernetes names the kind once for lists of its own kinds, and clients compare objects they listed.
        if self.resource.origin == Origin::BuiltIn && accepted(self.head)?.form == Form::Object {
            for item in list.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(item) = item.as_object_mut() {
                    item.remove("apiVersion");
                    item.remove("kind");
                }
            }
        }
        self.answer(200, list, &[])
    }

    async fn create(&self, body: Body) -> Result<http::Response<Body>, ApiError> {
        let writer = self.writer("CreateOptions")?;
        let (value, twice) = self.object_of_write(body, writer.strict).await?;
        let target = self.target()?;
        if let Some(handler) = &self.resource.virtual_create {
            let mut value = value;
            verbs::checks::check_type(&target, &mut value)?;
            let namespace = Some(target.namespace.as_str()).filter(|n| !n.is_empty());
            return self.answer(201, handler.create(self.cx, namespace, value).await?, &[]);
        }
        if self.resource.namespaced && target.namespace.is_empty() {
            return Err(ApiError::method_not_allowed());
        }
        let mut written = verbs::create::create(&writer, &target, value).await?;
        written.warnings.extend(twice);
        self.written(written)
    }

    async fn patch(&self, body: Body) -> Result<http::Response<Body>, ApiError> {
        let kind = patch_kind(self.head)?;
        let target = self.target()?;
        let mut writer = self.writer("PatchOptions")?;
        let bytes = body::read(body).await?;
        let form = if kind == PatchKind::Apply { BodyForm::Yaml } else { BodyForm::Json };
        let value = decode::decode(&bytes, form)?;
        if kind == PatchKind::Apply {
            writer.manager = self.query.get("fieldManager").unwrap_or_default().to_owned();
        } else if self.query.get("force").is_some() {
            let cause = crate::error::Cause::forbidden("force", "may not be specified for non-apply patch");
            let gvk = crate::names::GroupVersionKind::new("meta.k8s.io", "v1", "PatchOptions");
            return Err(ApiError::invalid(&gvk, "", vec![cause]));
        }
        let patch = Patch { kind, body: value, force: self.query.flag("force") };
        self.written(verbs::patch::patch(&writer, &target, &patch).await?)
    }

    async fn patch_scale(&self, target: &Target, body: Body) -> Result<http::Response<Body>, ApiError> {
        let kind = patch_kind(self.head)?;
        let writer = self.writer("PatchOptions")?;
        let form = if kind == PatchKind::Apply { BodyForm::Yaml } else { BodyForm::Json };
        let value = decode::decode(&body::read(body).await?, form)?;
        let written = scale::change(&writer, target, |scale| patched(&self.resource, kind, &scale, &value));
        self.written(written.await?)
    }

    async fn delete_options(&self, body: Body) -> Result<DeleteOptions, ApiError> {
        let bytes = body::read(body).await?;
        let value =
            if bytes.is_empty() { Value::Null } else { decode::decode(&bytes, body_form(self.head)?)? };
        DeleteOptions::parse(self.query, &value)
    }

    fn deleter(&self, options: &DeleteOptions) -> Writer<'_> {
        Writer {
            server: self.server,
            user: &self.cx.user,
            manager: String::new(),
            dry_run: options.dry_run,
            strict: FieldValidation::Ignore,
            options: options.to_value(),
        }
    }

    async fn delete(&self, body: Body) -> Result<http::Response<Body>, ApiError> {
        let (target, options) = (self.target()?, self.delete_options(body).await?);
        match delete::delete(&self.deleter(&options), &target, &options).await? {
            Deleted::Waits(object) => {
                let code = if options.orphan_dependents == Some(false) { 202 } else { 200 };
                self.answer(code, object, &[])
            }
            Deleted::Gone(object) if self.resource.strategy.returns_deleted_object() => {
                self.answer(200, object, &[])
            }
            Deleted::Gone(object) => Ok(json(200, &delete::success(&target, &object))),
        }
    }

    async fn delete_collection(&self, body: Body) -> Result<http::Response<Body>, ApiError> {
        let list_options = ListOptions::parse(self.query)?;
        let options = self.delete_options(body).await?;
        let filter = self.filter(&list_options)?;
        let deleter = self.deleter(&options);
        let listed = collection::delete_collection(&deleter, &filter, &list_options, &options).await?;
        self.answer(200, listed.into_value(&self.resource), &[])
    }

    fn watch(&self) -> Result<http::Response<Body>, ApiError> {
        let options = ListOptions::parse(self.query)?;
        let accepted = accepted(self.head)?;
        let include = IncludeObject::parse(self.query)?;
        let filter = self.filter(&options)?;
        let watch = watch::open(self.server, filter, &options, self.cx.stop.clone())?;
        let filter = watch.filter().clone();
        let now = self.server.parts().clock.clone();
        let mut first = true;
        let frames = watch.frames().map(move |frame| {
            let event = match frame {
                Ok(frame) => {
                    let type_text = frame.type_text();
                    let object = frame.into_object(&filter);
                    let object = match accepted.form {
                        Form::Object => object,
                        Form::Metadata | Form::MetadataList => table::metadata_only(object),
                        Form::Table => {
                            let header = std::mem::take(&mut first);
                            table::table_of_one(&filter.resource, object, include, header, now.now())
                        }
                    };
                    json!({"type": type_text, "object": object})
                }
                Err(error) => json!({"type": "ERROR", "object": error.to_status()}),
            };
            let mut line = serde_json::to_vec(&event).unwrap_or_default();
            line.push(b'\n');
            Ok(BodyFrame::data(Bytes::from(line)))
        });
        let mut response = http::Response::new(StreamBody::new(frames).boxed_unsync());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.warn(&mut response, &[]);
        Ok(response)
    }

    fn written(&self, written: Written) -> Result<http::Response<Body>, ApiError> {
        self.answer(if written.created { 201 } else { 200 }, written.object, &written.warnings)
    }

    /// The object or list in the form the client accepts.
    fn answer(
        &self,
        code: u16,
        object: Value,
        warnings: &[String],
    ) -> Result<http::Response<Body>, ApiError> {
        let accepted = accepted(self.head)?;
        let object = match accepted.form {
            Form::Object => object,
            Form::Metadata | Form::MetadataList => table::metadata_only(object),
            Form::Table => {
                let include = IncludeObject::parse(self.query)?;
                table::table(&self.resource, object, include, self.server.parts().clock.now())
            }
        };
        let mut response = dress(code, &object, accepted, self.query);
        self.warn(&mut response, warnings);
        Ok(response)
    }

    fn warn(&self, response: &mut http::Response<Body>, warnings: &[String]) {
        let deprecation = self.resource.deprecation_warning.iter();
        for text in deprecation.chain(warnings).take(WARNINGS_MAX) {
            let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
            if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
                response.headers_mut().append(WARNING, value);
            }
        }
    }
}

fn dress(code: u16, object: &Value, accepted: Accepted, query: &Query) -> http::Response<Body> {
    if accepted.yaml {
        return match serde_saphyr::to_string(object) {
            Ok(text) => bytes_answer(code, "application/yaml", text.into_bytes()),
            Err(_) => json(code, object),
        };
    }
    if accepted.pretty || query.flag("pretty") {
        let mut bytes = serde_json::to_vec_pretty(object).unwrap_or_default();
        bytes.push(b'\n');
        return bytes_answer(code, "application/json", bytes);
    }
    json(code, object)
}
