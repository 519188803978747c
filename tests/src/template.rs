//! The part of Go's templates that upstream's manifests use: fields, `index`, `if`, `if eq`, `with`, `range`, `else`.

use std::collections::BTreeMap;

/// What the placeholders stand for; an unknown one is empty, and so is the block that asks for it.
pub type Values = BTreeMap<String, String>;

enum Token<'a> {
    Text(&'a str),
    Action(&'a str),
}

/// The text with its placeholders filled.
///
/// # Panics
/// With the action that is not known, or a block that does not end.
pub fn fill(text: &str, values: &Values) -> String {
    let mut out = String::new();
    // Whether each open block is shown; its value where it moves the dot.
    let mut open: Vec<(bool, Option<String>)> = Vec::new();
    for token in tokens(text) {
        let shown = open.iter().all(|(shown, _)| *shown);
        match token {
            Token::Text(text) if shown => out.push_str(text),
            Token::Text(_) => {}
            Token::Action("end") => {
                open.pop().expect("`end` closes a block");
            }
            Token::Action("else") => {
                let block = open.last_mut().expect("`else` stands in a block");
                block.0 = !block.0;
            }
            Token::Action(action) => match action.split_once(' ') {
                Some(("if", condition)) => {
                    let holds = match condition.trim().strip_prefix("eq ") {
                        Some(pair) => {
                            let (name, wanted) = pair.rsplit_once(' ').expect("`eq` compares two");
                            value(name, values, None) == wanted.trim_matches('"')
                        }
                        None => !value(condition, values, None).is_empty(),
                    };
                    open.push((holds, None));
                }
                Some(("with" | "range", name)) => {
                    let found = value(name, values, None);
                    open.push((!found.is_empty(), Some(found)));
                }
                _ if shown => {
                    let dot = open.iter().rev().find_map(|(_, dot)| dot.as_deref());
                    out.push_str(&value(action, values, dot));
                }
                _ => {}
            },
        }
    }
    assert!(open.is_empty(), "a block does not end in {text}");
    out
}

fn value(action: &str, values: &Values, dot: Option<&str>) -> String {
    let mut parts = action.split('|').map(str::trim);
    let first = parts.next().unwrap_or_default();
    let name = match first.strip_prefix("index . ") {
        Some(key) => key.trim_matches('"'),
        None => first.strip_prefix('.').unwrap_or_else(|| panic!("template action `{action}` is not known")),
    };
    let mut found = match (name, dot) {
        ("", dot) => dot.unwrap_or_default().to_owned(),
        (name, _) => values.get(name).cloned().unwrap_or_default(),
    };
    for filter in parts {
        let width = filter.strip_prefix("indent ").and_then(|n| n.parse().ok());
        let width: usize = width.unwrap_or_else(|| panic!("template filter `{filter}` is not known"));
        let indented: Vec<String> = found.lines().map(|line| format!("{:width$}{line}", "")).collect();
        found = indented.join("\n");
    }
    found
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut all, mut rest) = (Vec::new(), text);
    while let Some((mut before, behind)) = rest.split_once("{{") {
        let (mut action, mut after) = behind.split_once("}}").expect("an action ends");
        if let Some(trimmed) = action.strip_prefix('-') {
            (action, before) = (trimmed, before.trim_end());
        }
        if let Some(trimmed) = action.strip_suffix('-') {
            (action, after) = (trimmed, after.trim_start());
        }
        all.push(Token::Text(before));
        all.push(Token::Action(action.trim()));
        rest = after;
    }
    all.push(Token::Text(rest));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_fields_and_trimming_follow_go() {
        let values: Values =
            [("a".to_owned(), "x\ny".to_owned()), ("on".to_owned(), "true".to_owned())].into();
        let text = "k:\n  {{- if .none }}\n  - {{ . }}\n  {{- else }} []\n  {{- end }}\nca: |\n{{ .a | indent 2 }}\n";
        assert_eq!(fill(text, &values), "k: []\nca: |\n  x\n  y\n");
        let text = "{{ if eq .on \"true\" }}yes{{ else }}no{{ end }} {{- range .a }} <{{ . }}>{{ end }}";
        assert_eq!(fill(text, &values), "yes <x\ny>");
        assert_eq!(fill("{{ index . \"a\" }}{{ .b }}", &values), "x\ny");
    }
}
