//! YAML from strangers: manifests with one or more documents.

use serde_json::Value;
use serde_saphyr::options::DuplicateKeyPolicy;

use super::{ReadError, read};

/// Deepest nesting of YAML: its reader needs more stack for a level than that of JSON.
const YAML_DEPTH_MAX: usize = 64;

/// Reads the documents of a YAML text; those without content are left out. Anchors and merge keys are followed, within
/// the reader's budgets of nodes and replays, so that a short text cannot become a large object.
///
/// ```
/// let objects = kcp_api::read_yaml(b"kind: A\n---\nkind: B\n")?;
/// assert_eq!(objects.len(), 2);
/// let error = kcp_api::read_yaml(b"spec:\n  a: 1\n  a: 2\n").unwrap_err();
/// assert_eq!(error.path, "$.spec.a");
/// # Ok::<(), kcp_api::ReadError>(())
/// ```
///
/// # Errors
/// Broken YAML, text that is not UTF-8, duplicate keys, keys that are no texts, numbers that JSON does not have, nesting
/// beyond 64 levels, more than 250,000 nodes in a document. The path is that inside the document; the reason begins
/// with the document's number from 1 where it is not the first.
pub fn read_yaml(bytes: &[u8]) -> Result<Vec<Value>, ReadError> {
    let text = std::str::from_utf8(bytes).map_err(|error| top(format!("it is no UTF-8: {error}")))?;
    let mut objects = Vec::new();
    for (index, document) in documents(text).into_iter().enumerate() {
        let object = one(document).map_err(|error| match index {
            0 => error,
            _ => ReadError { why: format!("document {}: {}", index + 1, error.why), ..error },
        })?;
        if !object.is_null() {
            objects.push(object);
        }
    }
    Ok(objects)
}

fn one(document: &str) -> Result<Value, ReadError> {
    let is_empty = |line: &str| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#')
    };
    if document.lines().all(is_empty) {
        return Ok(Value::Null);
    }
    let options = serde_saphyr::options! {
        // The visitor refuses duplicates, and knows where.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        budget: serde_saphyr::budget! { max_depth: YAML_DEPTH_MAX },
        with_snippet: false,
    };
    let mut found = None;
    let outcome = serde_saphyr::with_deserializer_from_str_with_options(document, options, |reader| {
        found = Some(read(reader));
        Ok(())
    });
    match (found, outcome) {
        (Some(Err(error)), _) => Err(error),
        (Some(Ok(object)), Ok(())) => Ok(object),
        (_, Err(error)) => Err(top(error.to_string())),
        (None, Ok(())) => Ok(Value::Null),
    }
}

fn top(why: String) -> ReadError {
    ReadError { path: "$".to_owned(), why: why.chars().take(300).collect() }
}

/// The text between the lines that begin with `---`, which open a document wherever they stand.
fn documents(text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        let rest = line.strip_prefix("---");
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)) {
            documents.push(text.get(start..at).unwrap_or_default());
            start = at + 3;
        }
        at += line.len();
    }
    documents.push(text.get(start..).unwrap_or_default());
    // What stands before the first mark is no document of its own, unless there is content.
    if documents.len() > 1 && documents.first().is_some_and(|first| first.trim().is_empty()) {
        documents.remove(0);
    }
    documents
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn kapi_01_documents_are_read_in_their_order() {
        let text = "# head\n---\na: [1, -2, 2.5, true, ~, x]\n---\n\n# nothing\n--- {b: \"--- c\"}\n---\nd: |\n  --- e\n";
        let expected =
            [json!({"a": [1, -2, 2.5, true, null, "x"]}), json!({"b": "--- c"}), json!({"d": "--- e\n"})];
        assert_eq!(read_yaml(text.as_bytes()).unwrap(), expected);
        assert_eq!(read_yaml(b"").unwrap(), Vec::<Value>::new());
    }

    #[test]
    fn kapi_01_hostile_yaml_is_refused_with_its_place() {
        for (text, path) in [
            (&b"a:\n- b: 1\n- {b: 1, b: 2}\n"[..], "$.a[1].b"),
            (b"a: {b: [1, 2\n", "$.a.b[1]"),
            (b"a: \xff", "$"),
            (b"kind: A\n---\na: {b: .nan}\n", "$.a.b"),
            (b"a: &x [*x]\n", "$.a"),
        ] {
            let error = read_yaml(text).unwrap_err();
            assert!(error.path.starts_with(path), "{error}");
            assert!(!error.why.contains('\n'), "{error}");
        }
        assert!(read_yaml(b"kind: A\n---\na: {b: .nan}\n").unwrap_err().why.starts_with("document 2: "));
    }

    #[test]
    fn kapi_01_ten_megabytes_of_nesting_end_at_once() {
        for opening in ["[", "{a: ", "- ", "a:\n - "] {
            let text = opening.repeat(10_000_000 / opening.len());
            let error = read_yaml(text.as_bytes()).unwrap_err();
            assert!(error.to_string().len() < 700, "{}", error.to_string().len());
        }
        // Each anchor doubles the one before.
        let bomb: String = (1..64).map(|n| format!("a{n}: &a{n} [*a{}, *a{}]\n", n - 1, n - 1)).collect();
        assert!(read_yaml(format!("a0: &a0 [x, y]\n{bomb}").as_bytes()).is_err());
    }
}
