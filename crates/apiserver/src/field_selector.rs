//! Field selectors: `metadata.name=a,spec.type!=b`.

use serde_json::Value;

use crate::error::ApiError;
use crate::object::{at_path, scalar_text};
use crate::resource::ServedResource;

/// Terms that must all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    field: String,
    equal: bool,
    value: String,
}

impl FieldSelector {
    /// Reads a selector; `\,`, `\=` and `\\` are escapes in values.
    ///
    /// # Errors
    /// 400 where it is malformed.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let mut terms = Vec::new();
        for part in split_terms(text) {
            let bad =
                || ApiError::bad_request(format!("invalid selector: '{part}'; can't understand '{part}'"));
            let (field, equal, value) = split_operator(&part).ok_or_else(bad)?;
            terms.push(Term { field: field.to_owned(), equal, value: unescape(value) });
        }
        Ok(Self { terms })
    }

    /// Whether everything matches.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Refuses fields that the resource does not offer.
    ///
    /// # Errors
    /// 400.
    pub fn check(&self, resource: &ServedResource) -> Result<(), ApiError> {
        for term in &self.terms {
            let known = term.field == "metadata.name"
                || (term.field == "metadata.namespace")
                || resource.selectable_fields.iter().any(|f| f.trim_start_matches('.') == term.field);
            if !known {
                return Err(ApiError::bad_request(format!("field label not supported: {}", term.field)));
            }
        }
        Ok(())
    }

    /// The value a term demands of a field, if one does.
    pub fn required(&self, field: &str) -> Option<&str> {
        self.terms.iter().find(|t| t.equal && t.field == field).map(|t| t.value.as_str())
    }

    /// Whether the object fulfils all terms.
    pub fn matches(&self, resource: &ServedResource, object: &Value) -> bool {
        self.terms.iter().all(|term| {
            let value = resource
                .strategy
                .field_value(object, &term.field)
                .or_else(|| at_path(object, &term.field).and_then(scalar_text))
                .unwrap_or_default();
            (value == term.value) == term.equal
        })
    }
}

fn split_terms(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut escaped) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            ',' if !escaped => parts.push(std::mem::take(&mut part)),
            c => part.push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    parts.push(part);
    parts.into_iter().filter(|p| !p.is_empty()).collect()
}

fn split_operator(part: &str) -> Option<(&str, bool, &str)> {
    let at = part.find(['=', '!'])?;
    let (field, rest) = part.split_at(at);
    if let Some(value) = rest.strip_prefix("!=") {
        Some((field, false, value))
    } else {
        let value = rest.strip_prefix("==").or_else(|| rest.strip_prefix('='))?;
        Some((field, true, value))
    }
}

fn unescape(value: &str) -> String {
    let (mut out, mut chars) = (String::new(), value.chars());
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::GroupVersionKind;
    use serde_json::json;

    #[test]
    fn dev_03_field_selectors_match_and_refuse_unknown_fields() {
        let mut resource = ServedResource::new(GroupVersionKind::new("x.io", "v1", "Thing"), "things", true);
        resource.selectable_fields.push(".spec.color".to_owned());
        let object = json!({"metadata": {"name": "a"}, "spec": {"color": "r,d"}});
        let matches = |text: &str| FieldSelector::parse(text).unwrap().matches(&resource, &object);
        assert!(matches("metadata.name=a,spec.color==r\\,d"));
        assert!(!matches("metadata.name!=a"));
        assert!(matches("spec.missing="));
        let unknown = FieldSelector::parse("spec.size=1").unwrap().check(&resource).unwrap_err();
        assert_eq!((unknown.code, unknown.message.as_str()), (400, "field label not supported: spec.size"));
        assert!(FieldSelector::parse("oops").is_err());
    }
}
