//! `fga.mod`: the list of a modular model's files.

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::{Category, Diagnostic, ModelErrors, Span};

/// A value with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// The content of an `fga.mod` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FgaMod {
    /// The schema version; only `1.2` knows modules.
    pub schema: Placed<String>,
    /// The module files, relative to this file, with `/` between folders.
    pub contents: Vec<Placed<String>>,
}

#[derive(Deserialize)]
struct Loose {
    #[serde(default)]
    schema: Option<Spanned<serde_json::Value>>,
    #[serde(default)]
    contents: Option<Spanned<serde_json::Value>>,
}

#[derive(Deserialize)]
struct Items {
    contents: Vec<Spanned<serde_json::Value>>,
}

impl FgaMod {
    /// Reads the YAML text; all findings are collected.
    pub fn parse(text: &str) -> Result<Self, ModelErrors> {
        let broken = |error: serde_saphyr::Error| {
            let span = error.location().map(|at| place(text, at.line(), at.column()));
            ModelErrors::from(
                Diagnostic::new(Category::Syntax, "", format!("the file is no YAML mapping: {error}"))
                    .at(span),
            )
        };
        let loose: Loose = serde_saphyr::from_str(text).map_err(broken)?;
        let mut findings = Vec::new();
        let schema = schema_of(text, loose.schema, &mut findings);
        let contents = match loose.contents {
            None => {
                findings.push(missing("contents"));
                Vec::new()
            }
            Some(list) if list.value.is_array() => {
                let items: Items = serde_saphyr::from_str(text).map_err(broken)?;
                items.contents.into_iter().filter_map(|item| item_of(text, item, &mut findings)).collect()
            }
            Some(other) => {
                let span = spot(text, &other);
                let found = raw(text, span);
                let message = format!("unexpected contents type, expected list of strings got value {found}");
                findings.push(Diagnostic::new(Category::Syntax, found, message).at(Some(span)));
                Vec::new()
            }
        };
        match schema {
            Some(schema) if findings.is_empty() => Ok(FgaMod { schema, contents }),
            _ => Err(ModelErrors(findings)),
        }
    }
}

fn missing(field: &str) -> Diagnostic {
    Diagnostic::new(Category::Syntax, field, format!("missing {field} field")).at(Some(Span::default()))
}

fn schema_of(
    text: &str,
    schema: Option<Spanned<serde_json::Value>>,
    findings: &mut Vec<Diagnostic>,
) -> Option<Placed<String>> {
    let Some(schema) = schema else {
        findings.push(missing("schema"));
        return None;
    };
    let span = spot(text, &schema);
    let (symbol, message) = match schema.value.as_str() {
        Some("1.2") => return Some(Placed { value: "1.2".to_owned(), span }),
        Some(other) => (
            other.to_owned(),
            "unsupported schema version, fga.mod only supported in version `1.2`".to_owned(),
        ),
        None => {
            let found = raw(text, span);
            let message = format!("unexpected schema type, expected string got value {found}");
            (found, message)
        }
    };
    findings.push(Diagnostic::new(Category::InvalidSchema, symbol, message).at(Some(span)));
    None
}

fn item_of(
    text: &str,
    item: Spanned<serde_json::Value>,
    findings: &mut Vec<Diagnostic>,
) -> Option<Placed<String>> {
    let span = spot(text, &item);
    let written = item.value.as_str().map_or_else(|| raw(text, span), str::to_owned);
    let refused = match item.value.as_str() {
        None => format!("unexpected contents item type, expected string got value {written}"),
        Some(_) => match percent_decoded(&written).map(|path| path.replace('\\', "/")) {
            None => format!("failed to decode path: {written}"),
            Some(path) if path.contains("../") || path.starts_with('/') => {
                format!("invalid contents item {written}")
            }
            Some(path) if !path.ends_with(".fga") => {
                format!("contents items should use fga file extension, got {written}")
            }
            Some(path) => return Some(Placed { value: path, span }),
        },
    };
    findings.push(Diagnostic::new(Category::Syntax, &written, refused).at(Some(span)));
    None
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |b: Option<u8>| (b? as char).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

fn spot<T>(text: &str, value: &Spanned<T>) -> Span {
    place(text, value.referenced.line(), value.referenced.column())
}

/// The scalar that begins at a one-based place: up to the end of the line, comments and trailing blanks cut.
fn place(text: &str, line: u64, column: u64) -> Span {
    let zero = |n: u64| usize::try_from(n.saturating_sub(1)).unwrap_or_default();
    let (line, start) = (zero(line), zero(column));
    let source = text.lines().nth(line).unwrap_or_default();
    let source = source.split(" #").next().unwrap_or_default().trim_end();
    Span::new(line, start, source.chars().count().max(start))
}

fn raw(text: &str, span: Span) -> String {
    let line = text.lines().nth(span.line).unwrap_or_default();
    line.chars().skip(span.start).take(span.end - span.start).collect()
}
