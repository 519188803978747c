//! List, with selectors, revisions and pages, and deletecollection.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Target, Writer, delete, leaving, served};
use crate::error::{ApiError, Cause, Details};
use crate::field_selector::FieldSelector;
use crate::partition::{Partition, Scope};
use crate::query::{DeleteOptions, ListOptions, VersionMatch};
use crate::resource::ServedResource;
use crate::selector::LabelSelector;
use crate::server::ApiServer;
use crate::store::{ObjectKey, Page, Range, StoreError, Stored};

/// Which objects of a resource a list or watch shows.
#[derive(Clone)]
pub(crate) struct Filter {
    pub resource: Arc<ServedResource>,
    pub range: Range,
    pub labels: LabelSelector,
    pub fields: FieldSelector,
}

impl Filter {
    /// Reads the selectors and narrows the range by them.
    pub(crate) fn new(
        resource: Arc<ServedResource>,
        scope: Scope,
        namespace: &str,
        name: &str,
        options: &ListOptions,
    ) -> Result<Self, ApiError> {
        let labels = LabelSelector::parse(&options.label_selector)
            .map_err(|e| ApiError::bad_request(format!("unable to parse requirement: {e}")))?;
        let fields = FieldSelector::parse(&options.field_selector)?;
        fields.check(&resource)?;
        let mut range = Range::in_namespace(scope, namespace);
        if let Some(name) = Some(name).filter(|n| !n.is_empty()).or(fields.required("metadata.name")) {
            range.name = Some(name.into());
        }
        if let Some(wanted) = fields.required("metadata.namespace") {
            range.namespace = range.namespace.or_else(|| Some(wanted.into()));
        }
        Ok(Self { resource, range, labels, fields })
    }

    /// Whether every object of the range is shown.
    pub(crate) fn is_open(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty() && self.resource.restrict.is_none()
    }

    /// Whether the object (in the served version) is shown.
    pub(crate) fn shows(&self, object: &Value) -> bool {
        self.labels.matches(object)
            && self.resource.restrict.as_ref().is_none_or(|r| r.matches(object))
            && (self.fields.is_empty() || self.fields.matches(&self.resource, object))
    }
}

/// A page of objects, decorated.
pub(crate) struct Listed {
    pub items: Vec<(Partition, Value)>,
    pub revision: u64,
    pub continue_token: String,
    pub remaining: Option<usize>,
}

impl Listed {
    /// The list object.
    pub(crate) fn into_value(self, resource: &ServedResource) -> Value {
        let mut metadata = json!({"resourceVersion": self.revision.to_string()});
        if let Some(map) = metadata.as_object_mut() {
            if !self.continue_token.is_empty() {
                map.insert("continue".to_owned(), self.continue_token.into());
            }
            if let Some(remaining) = self.remaining {
                map.insert("remainingItemCount".to_owned(), remaining.into());
            }
        }
        let items: Vec<Value> = self.items.into_iter().map(|(_, object)| object).collect();
        let mut list =
            json!({"kind": resource.list_kind, "apiVersion": resource.api_version(), "metadata": metadata});
        if let Some(map) = list.as_object_mut() {
            map.insert("items".to_owned(), Value::Array(items));
        }
        list
    }
}

/// Where a page begins.
struct Start {
    at: Option<u64>,
    after: Option<ObjectKey>,
}

/// Lists what the filter shows.
pub(crate) fn list(server: &ApiServer, filter: &Filter, options: &ListOptions) -> Result<Listed, ApiError> {
    let start = start(server, options)?;
    let mut items = Vec::new();
    let mut after = start.after;
    let mut at = start.at;
    loop {
        let page = page(server, filter, options, at, after.as_ref())?;
        at = Some(page.revision);
        let mut last_taken = None;
        for stored in &page.items {
            let object = leaving(server, &filter.resource, stored)?;
            if filter.is_open() || filter.shows(&object) {
                items.push((stored.key.partition().clone(), object));
            }
            last_taken = Some(stored);
            if options.limit > 0 && items.len() == options.limit {
                break;
            }
        }
        let more = more(&page, last_taken);
        if more > 0 && (options.limit == 0 || items.len() < options.limit) {
            after = last_taken.map(|s| s.key.clone());
            continue;
        }
        let token = match last_taken.filter(|_| more > 0) {
            Some(stored) => encode_token(page.revision, &stored.key),
            None => String::new(),
        };
        let remaining = (more > 0 && filter.is_open()).then_some(more);
        return Ok(Listed { items, revision: page.revision, continue_token: token, remaining });
    }
}

/// How many objects of the range follow the last one taken.
fn more(page: &Page, last_taken: Option<&Stored>) -> usize {
    let Some(last) = last_taken else { return 0 };
    let left = page.items.iter().rev().take_while(|s| s.key != last.key).count();
    page.remaining + left
}

fn page(
    server: &ApiServer,
    filter: &Filter,
    options: &ListOptions,
    at: Option<u64>,
    after: Option<&ObjectKey>,
) -> Result<Page, ApiError> {
    let page = server.store().list(&filter.resource.storage, &filter.range, at, options.limit, after);
    page.map_err(|error| match error {
        StoreError::Future { requested, current } => too_large(requested, current),
        StoreError::Expired { .. } if options.continue_token.is_empty() => {
            ApiError::expired(format!("The resourceVersion for the provided list is too old: {error}"))
        }
        _ => {
            let mut error = ApiError::expired(
                "The provided continue parameter is too old to display a consistent list result. You can start a new list without \
                 the continue parameter, or use the continue token in this response to retrieve the remainder of the results. \
                 Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted \
                 between the time the first chunk was returned and now may show up in the list.",
            );
            error.continue_token = after.map(|key| encode_token(0, key));
            error
        }
    })
}

/// 504 for a revision that this server has not reached.
pub(crate) fn too_large(requested: u64, current: u64) -> ApiError {
    let mut error =
        ApiError::timeout(format!("Too large resource version: {requested}, current: {current}"), 1);
    if let Some(details) = &mut error.details {
        **details = Details {
            causes: vec![Cause::field("ResourceVersionTooLarge", "", "Too large resource version")],
            retry_after_seconds: 1,
            ..Details::default()
        };
    }
    error
}

fn start(server: &ApiServer, options: &ListOptions) -> Result<Start, ApiError> {
    if !options.continue_token.is_empty() {
        if !options.resource_version.is_empty() && options.resource_version != "0" {
            return Err(ApiError::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        let (revision, key) = decode_token(&options.continue_token).ok_or_else(|| {
            ApiError::bad_request("continue key is not valid: it was not given by this server")
        })?;
        return Ok(Start { at: (revision > 0).then_some(revision), after: Some(key) });
    }
    let revision = parse_revision(&options.resource_version)?;
    let current = server.store().revision();
    if revision > current {
        return Err(too_large(revision, current));
    }
    // A paged list of a given revision without match rule means exactly that revision, as it always has.
    let exact = options.version_match == Some(VersionMatch::Exact)
        || (options.version_match.is_none() && options.limit > 0 && revision > 0);
    Ok(Start { at: exact.then_some(revision), after: None })
}

/// Reads a resourceVersion parameter; empty is 0.
pub(crate) fn parse_revision(text: &str) -> Result<u64, ApiError> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        let cause = Cause::invalid(
            "resourceVersion",
            &text.into(),
            format!("strconv.ParseUint: parsing \"{text}\": invalid syntax"),
        );
        ApiError::invalid(&crate::names::GroupVersionKind::new("", "", "resourceVersion"), "", vec![cause])
    })
}

fn encode_token(revision: u64, key: &ObjectKey) -> String {
    let token = json!({"v": "meta.k8s.io/v1", "rv": revision, "partition": key.partition().as_str(), "start": key.path()});
    URL_SAFE_NO_PAD.encode(token.to_string())
}

fn decode_token(text: &str) -> Option<(u64, ObjectKey)> {
    let token: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let partition = Partition::from(token.get("partition")?.as_str()?);
    let key = ObjectKey::from_path(partition, token.get("start")?.as_str()?);
    Some((token.get("rv")?.as_u64()?, key))
}

/// Deletes everything the filter shows; answers the objects.
pub(crate) async fn delete_collection(
    writer: &Writer<'_>,
    filter: &Filter,
    list_options: &ListOptions,
    options: &DeleteOptions,
) -> Result<Listed, ApiError> {
    let listed = list(writer.server, filter, list_options)?;
    let mut items = Vec::with_capacity(listed.items.len());
    for (partition, object) in listed.items {
        let target = Target {
            resource: filter.resource.clone(),
            partition: partition.clone(),
            namespace: crate::object::namespace(&object).to_owned(),
            name: crate::object::name(&object).to_owned(),
            subresource: String::new(),
        };
        match delete::delete(writer, &target, options).await {
            Ok(deleted) => items.push((partition, deleted.object().clone())),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Listed {
        items,
        revision: listed.revision,
        continue_token: listed.continue_token,
        remaining: listed.remaining,
    })
}

/// The object in the served version if the filter shows it; not decorated.
pub(crate) fn shown(filter: &Filter, stored: &Stored) -> Result<Option<Value>, ApiError> {
    let object = served(&filter.resource, stored)?;
    Ok((filter.is_open() || filter.shows(&object)).then_some(object))
}
