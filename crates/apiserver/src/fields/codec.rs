//! `FieldsV1`: the JSON form of a field set.

use serde_json::{Map, Value};

use super::{FieldSet, PathElement};

/// Deeper sets are refused: no object nests so far.
const DEPTH_MAX: usize = 256;

/// Why a `FieldsV1` document was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldsError {
    /// A path element is not of the form `f:`, `k:`, `v:`, `i:` or `.`.
    #[error("path element `{element}` of fieldsV1 is not valid: {why}")]
    Element {
        /// The element as it was sent.
        element: String,
        /// What is wrong with it.
        why: String,
    },
    /// A node is not an object.
    #[error("fieldsV1 below `{at}` is not an object")]
    NotAnObject {
        /// The element whose content is wrong; empty at the root.
        at: String,
    },
    /// The document nests too deeply.
    #[error("fieldsV1 nests deeper than {DEPTH_MAX} levels")]
    TooDeep,
}

impl FieldSet {
    /// Reads `FieldsV1` JSON.
    ///
    /// # Errors
    /// Elements of unknown form, nodes that are no objects, too deep nesting.
    pub fn from_json(json: &Value) -> Result<FieldSet, FieldsError> {
        match json {
            Value::Null => Ok(FieldSet::new()),
            Value::Object(node) => read(node, 0).map(|(set, _)| set),
            _ => Err(FieldsError::NotAnObject { at: String::new() }),
        }
    }

    /// Writes `FieldsV1` JSON.
    pub fn to_json(&self) -> Value {
        let mut node = Map::new();
        for member in &self.members {
            node.insert(write_element(member), Value::Object(Map::new()));
        }
        for (element, child) in self.children.iter().filter(|(_, child)| !child.is_empty()) {
            let mut below = child.to_json();
            if let (true, Value::Object(below)) = (self.members.contains(element), &mut below) {
                below.insert(".".to_owned(), Value::Object(Map::new()));
            }
            node.insert(write_element(element), below);
        }
        Value::Object(node)
    }
}

/// Reads one node; the flag says whether the node itself is a member (`.` inside, or nothing inside).
fn read(node: &Map<String, Value>, depth: usize) -> Result<(FieldSet, bool), FieldsError> {
    if depth > DEPTH_MAX {
        return Err(FieldsError::TooDeep);
    }
    let mut set = FieldSet::new();
    let mut member = node.is_empty();
    for (name, below) in node {
        if name == "." {
            member = true;
            continue;
        }
        let element = read_element(name)?;
        let below = match below {
            Value::Object(below) => below,
            Value::Null => &Map::new(),
            _ => return Err(FieldsError::NotAnObject { at: name.clone() }),
        };
        let (child, is_member) = read(below, depth + 1)?;
        if is_member {
            set.members.insert(element.clone());
        }
        if !child.is_empty() {
            set.children.insert(element, child);
        }
    }
    Ok((set, member))
}

fn read_element(text: &str) -> Result<PathElement, FieldsError> {
    let fault = |why: String| FieldsError::Element { element: text.to_owned(), why };
    let Some((kind, content)) = text.split_once(':') else {
        return Err(fault("it has no colon".to_owned()));
    };
    match kind {
        "f" => Ok(PathElement::field(content)),
        "v" => serde_json::from_str(content).map(PathElement::Value).map_err(|e| fault(e.to_string())),
        "k" => serde_json::from_str::<Map<String, Value>>(content)
            .map(PathElement::key)
            .map_err(|e| fault(e.to_string())),
        "i" => {
            content.parse().map(PathElement::Index).map_err(|_| fault("the index is not a number".to_owned()))
        }
        _ => Err(fault("its kind is none of f, k, v, i".to_owned())),
    }
}

fn write_element(element: &PathElement) -> String {
    match element {
        PathElement::Field(name) => format!("f:{name}"),
        PathElement::Value(value) => format!("v:{value}"),
        PathElement::Index(index) => format!("i:{index}"),
        PathElement::Key(fields) => {
            let fields: Map<String, Value> = fields.iter().map(|(n, v)| (n.to_string(), v.clone())).collect();
            format!("k:{}", Value::Object(fields))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_v1_keeps_every_kind_of_element() {
        let wire = json!({
            "f:metadata": {"f:finalizers": {".": {}, "v:\"a\"": {}}},
            "f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}, "i:3": {}},
        });
        let set = FieldSet::from_json(&wire).unwrap();
        assert_eq!(set.to_json(), wire);
        assert_eq!(set.len(), 5);
    }

    #[test]
    fn malformed_fields_v1_is_refused_by_name() {
        for (wire, part) in [
            (json!({"x:a": {}}), "x:a"),
            (json!({"v:{": {}}), "v:{"),
            (json!({"plain": {}}), "plain"),
            (json!({"f:a": 3}), "f:a"),
        ] {
            assert!(FieldSet::from_json(&wire).unwrap_err().to_string().contains(part));
        }
    }
}
