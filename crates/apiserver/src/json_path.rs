//! The simple JSON paths of printer columns: keys, indexes, wildcards and equality filters.

use serde_json::Value;

#[derive(Debug, PartialEq)]
enum Step<'a> {
    Key(String),
    Index(i64),
    All,
    Filter(&'a str, bool, &'a str),
}

/// The first value a path finds, for example `.status.conditions[?(@.type=="Ready")].status`. Malformed paths find nothing.
pub(crate) fn first<'v>(object: &'v Value, path: &str) -> Option<&'v Value> {
    let steps = parse(path)?;
    let mut here = vec![object];
    for step in &steps {
        here = here.into_iter().flat_map(|value| advance(value, step)).collect();
    }
    here.into_iter().next()
}

fn advance<'v>(value: &'v Value, step: &Step<'_>) -> Vec<&'v Value> {
    match (step, value) {
        (Step::Key(key), Value::Object(map)) => map.get(key).into_iter().collect(),
        (Step::Index(index), Value::Array(list)) => {
            let at = if *index < 0 { list.len() as i64 + index } else { *index };
            usize::try_from(at).ok().and_then(|i| list.get(i)).into_iter().collect()
        }
        (Step::All, Value::Array(list)) => list.iter().collect(),
        (Step::All, Value::Object(map)) => map.values().collect(),
        (Step::Filter(path, equal, literal), Value::Array(list)) => {
            list.iter().filter(|item| (text_at(item, path).as_deref() == Some(*literal)) == *equal).collect()
        }
        _ => Vec::new(),
    }
}

fn text_at(item: &Value, path: &str) -> Option<String> {
    crate::object::at_path(item, path).and_then(crate::object::scalar_text)
}

fn parse(path: &str) -> Option<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    let mut rest = path.trim().trim_start_matches('{').trim_end_matches('}').trim_start_matches('$');
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix('[') {
            let end = closing(tail)?;
            steps.push(bracket(&tail[..end])?);
            rest = &tail[end + 1..];
        } else {
            let tail = rest.strip_prefix('.').unwrap_or(rest);
            let (key, after) = key(tail);
            if key == "*" {
                steps.push(Step::All);
            } else if !key.is_empty() {
                steps.push(Step::Key(key));
            } else if !after.starts_with('[') && !after.is_empty() {
                return None;
            }
            rest = after;
        }
    }
    Some(steps)
}

fn key(text: &str) -> (String, &str) {
    let (mut out, mut chars) = (String::new(), text.char_indices());
    while let Some((i, c)) = chars.next() {
        match c {
            '\\' => out.extend(chars.next().map(|(_, c)| c)),
            '.' | '[' => return (out, &text[i..]),
            c => out.push(c),
        }
    }
    (out, "")
}

fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, ']') => return Some(i),
            _ => {}
        }
    }
    None
}

fn bracket(text: &str) -> Option<Step<'_>> {
    if text == "*" {
        return Some(Step::All);
    }
    if let Some(filter) = text.strip_prefix("?(").and_then(|t| t.strip_suffix(')')) {
        let (path, equal, literal) = match filter.split_once("==") {
            Some((path, literal)) => (path, true, literal),
            None => filter.split_once("!=").map(|(path, literal)| (path, false, literal))?,
        };
        let path = path.trim().strip_prefix('@')?;
        return Some(Step::Filter(path, equal, unquote(literal.trim())));
    }
    if text.starts_with(['\'', '"']) {
        return Some(Step::Key(unquote(text).to_owned()));
    }
    text.parse().ok().map(Step::Index)
}

fn unquote(text: &str) -> &str {
    let inner = |q| text.strip_prefix(q).and_then(|t| t.strip_suffix(q));
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn dev_02_printer_column_paths_find_values() {
        let object = json!({
            "metadata": {"labels": {"a.b/c": "x"}},
            "spec": {"list": [{"n": 1}, {"n": 2}]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Bound", "status": "False"}]},
        });
        let check = |path: &str, expected: Value| assert_eq!(first(&object, path), Some(&expected), "{path}");
        check(".status.conditions[?(@.type==\"Bound\")].status", json!("False"));
        check(".spec.list[-1].n", json!(2));
        check(".spec.list[*].n", json!(1));
        check(".metadata.labels['a.b/c']", json!("x"));
        check(".metadata.labels.a\\.b/c", json!("x"));
        assert_eq!(first(&object, ".spec.none"), None);
        assert_eq!(first(&object, ".spec[?(oops"), None);
    }
}
