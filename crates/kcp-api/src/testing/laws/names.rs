//! Laws of the grammar of names.

use super::{Outcome, holds, same};
use crate::schemas::SchemaName;
use crate::testing::Choices;
use crate::testing::names::{label, path};
use crate::{ClusterName, ClusterTarget, InitializerName, WorkspacePath};

/// Paths, cluster names, initializers and schema names parse exactly where a naive reading of the grammar accepts them,
/// come apart as they were put together, and what a refusal suggests is valid.
///
/// # Errors
/// The text for which a law does not hold.
pub fn names_follow_their_grammar(choices: &mut Choices<'_>) -> Outcome {
    let text = path(choices);
    a_path(&text)?;
    let name = text.parse::<ClusterName>();
    if !text.starts_with("system:") {
        let expected = is_label(&text) && text.len() > 1;
        holds(name.is_ok() == expected, || format!("cluster name {text:?}: {name:?}"))?;
    }

    let (mut cluster, mut type_name) = (label(choices), label(choices));
    cluster.truncate(16);
    type_name.truncate(20);
    if let (true, Ok(cluster)) = (is_label(&type_name), cluster.parse::<ClusterName>()) {
        let initializer =
            InitializerName::of_type(&cluster, &type_name).map_err(|error| error.to_string())?;
        same("parts of an initializer", &initializer.workspace_type(), &Some((cluster, type_name.as_str())))?;
    }

    let group = choices.word(&["", "a.io", "core.a.io"]);
    let resource = choices.word(&["buckets", "x"]);
    let prefix = format!("v{}", label(choices));
    let schema = SchemaName::new(&prefix, resource, group).map_err(|error| error.to_string())?;
    same("a schema name", &schema.to_string().parse::<SchemaName>().ok(), &Some(schema.clone()))
}

fn a_path(text: &str) -> Outcome {
    let parsed = text.parse::<WorkspacePath>();
    if !text.starts_with("system:") {
        let expected = text.split(':').all(is_label);
        holds(parsed.is_ok() == expected, || format!("path {text:?}: {parsed:?}"))?;
    }
    match parsed {
        Ok(path) => {
            same("text of a path", &path.as_str(), &text)?;
            same(
                "target of a path",
                &text.parse::<ClusterTarget>().ok(),
                &Some(ClusterTarget::Path(path.clone())),
            )?;
            if let Some(parent) = path.parent() {
                same("parent and base", &parent.join(path.base()).ok().as_ref(), &Some(&path))?;
                holds(path.is_within(&parent) && !parent.is_within(&path), || {
                    format!("{path} within {parent}")
                })?;
            }
            same("number of parts", &path.parts().count(), &(path.ancestors().count() + 1))
        }
        Err(error) => {
            if let Some(meant) = error.suggestion() {
                holds(meant.parse::<WorkspacePath>().is_ok(), || format!("{text:?} suggests {meant:?}"))?;
            }
            let is_placed = error.at() <= text.len() && text.is_char_boundary(error.at());
            holds(is_placed && !error.help().is_empty(), || format!("{error} of {text:?}"))
        }
    }
}

/// `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`, spelt out.
fn is_label(part: &str) -> bool {
    let bytes = part.as_bytes();
    let is_alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=63).contains(&bytes.len())
        && bytes.first().is_some_and(is_alphanumeric)
        && bytes.last().is_some_and(is_alphanumeric)
        && bytes.iter().all(|byte| is_alphanumeric(byte) || *byte == b'-')
}
