//! Content negotiation: which form of an answer a client accepts, and which form its body has.

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};

use crate::error::ApiError;
use crate::local::PatchKind;

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The object.
    Object,
    /// Rows and columns; the version of `meta.k8s.io`.
    Table,
    /// Metadata only.
    Metadata,
    /// Metadata only, of lists.
    MetadataList,
}

/// What was negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub form: Form,
    /// Whether the client wants YAML.
    pub yaml: bool,
    pub pretty: bool,
}

const OFFERED: &str = "application/json, application/yaml";

/// Chooses the form of the answer. Protobuf is never given: clients that ask for it accept JSON too.
pub(crate) fn accepted(headers: &HeaderMap) -> Result<Accepted, ApiError> {
    let text = headers.get_all(ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect::<Vec<_>>().join(",");
    let mut wishes: Vec<(i32, &str)> = text
        .split(',')
        .map(str::trim)
        .filter(|w| !w.is_empty())
        .map(|wish| (-(quality(wish) * 1000.0) as i32, wish))
        .collect();
    if wishes.is_empty() {
        return Ok(Accepted { form: Form::Object, yaml: false, pretty: false });
    }
    wishes.sort_by_key(|(rank, _)| *rank);
    wishes.iter().find_map(|(_, wish)| read_wish(wish)).ok_or_else(|| ApiError::not_acceptable(OFFERED))
}

fn quality(wish: &str) -> f32 {
    parameters(wish).find(|(k, _)| *k == "q").and_then(|(_, v)| v.parse().ok()).unwrap_or(1.0)
}

fn parameters(wish: &str) -> impl Iterator<Item = (&str, &str)> {
    wish.split(';').skip(1).filter_map(|p| p.trim().split_once('='))
}

fn read_wish(wish: &str) -> Option<Accepted> {
    let media = wish.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let yaml = match media.as_str() {
        "application/json" | "application/*" | "*/*" => false,
        "application/yaml" => true,
        _ => return None,
    };
    let parameter = |name: &str| parameters(wish).find(|(k, _)| *k == name).map(|(_, v)| v);
    let pretty = parameter("pretty") == Some("1");
    let form = match (parameter("as"), parameter("g"), parameter("v")) {
        (None, _, _) => Form::Object,
        (Some("Table"), Some("meta.k8s.io"), Some("v1" | "v1beta1")) => Form::Table,
        (Some("PartialObjectMetadata"), Some("meta.k8s.io"), Some("v1" | "v1beta1")) => Form::Metadata,
        (Some("PartialObjectMetadataList"), Some("meta.k8s.io"), Some("v1" | "v1beta1")) => {
            Form::MetadataList
        }
        _ => return None,
    };
    Some(Accepted { form, yaml, pretty })
}

/// Whether the client asks for aggregated discovery.
pub(crate) fn wants_aggregated_discovery(headers: &HeaderMap) -> bool {
    let text = headers.get_all(ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect::<Vec<_>>().join(",");
    text.split(',').any(|wish| {
        let parameter = |name: &str| parameters(wish).find(|(k, _)| *k == name).map(|(_, v)| v);
        parameter("as") == Some("APIGroupDiscoveryList") && parameter("v") == Some("v2")
    })
}

/// The form of a request body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyForm {
    Json,
    Yaml,
    Protobuf,
}

/// Reads the content type of a body.
pub(crate) fn body_form(headers: &HeaderMap) -> Result<BodyForm, ApiError> {
    match media_type(headers).as_str() {
        "" | "application/json" | "*/*" => Ok(BodyForm::Json),
        "application/yaml" => Ok(BodyForm::Yaml),
        "application/vnd.kubernetes.protobuf" => Ok(BodyForm::Protobuf),
        _ => Err(ApiError::unsupported_media_type(
            "application/json, application/yaml, application/vnd.kubernetes.protobuf",
        )),
    }
}

/// Reads the content type of a patch.
pub(crate) fn patch_kind(headers: &HeaderMap) -> Result<PatchKind, ApiError> {
    match media_type(headers).as_str() {
        "application/merge-patch+json" => Ok(PatchKind::Merge),
        "application/json-patch+json" => Ok(PatchKind::Json),
        "application/strategic-merge-patch+json" => Ok(PatchKind::Strategic),
        "application/apply-patch+yaml" => Ok(PatchKind::Apply),
        _ => Err(ApiError::unsupported_media_type(
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml, application/strategic-merge-patch+json",
        )),
    }
}

fn media_type(headers: &HeaderMap) -> String {
    let text = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(text: &str) -> Result<Accepted, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, text.parse().unwrap());
        accepted(&headers)
    }

    #[test]
    fn dev_02_the_first_form_both_sides_know_is_given() {
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert_eq!(accept(table).unwrap().form, Form::Table);
        assert_eq!(
            accept("application/vnd.kubernetes.protobuf,application/json").unwrap().form,
            Form::Object
        );
        let metadata = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
        assert_eq!(accept(metadata).unwrap().form, Form::Metadata);
        assert!(accept("application/yaml").unwrap().yaml);
        assert_eq!(accept("application/vnd.kubernetes.protobuf").unwrap_err().code, 406);
        assert_eq!(accept("Application/JSON").unwrap().form, Form::Object);
        assert_eq!(accept("text/html, */*;q=0.1").unwrap().form, Form::Object);
    }
}
