//! Which names Kubernetes allows, with its own wording of why not.

use std::sync::LazyLock;

use regex::Regex;

const SUBDOMAIN: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const QUALIFIED: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

fn is_subdomain(name: &str) -> bool {
    name.split('.').all(is_label_text)
}

fn is_label_text(part: &str) -> bool {
    let bytes = part.as_bytes();
    let edge = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    !bytes.is_empty()
        && bytes.first().is_some_and(edge)
        && bytes.last().is_some_and(edge)
        && bytes.iter().all(|b| edge(b) || *b == b'-')
}

/// DNS-1123 subdomain: at most 253 characters.
pub fn subdomain_fault(name: &str) -> Option<String> {
    if name.len() > 253 {
        return Some("must be no more than 253 characters".to_owned());
    }
    (!is_subdomain(name)).then(|| {
        format!(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{SUBDOMAIN}')"
        )
    })
}

/// DNS-1123 label: at most 63 characters.
pub fn label_fault(name: &str) -> Option<String> {
    if name.len() > 63 {
        return Some("must be no more than 63 characters".to_owned());
    }
    (!is_label_text(name)).then(|| {
        format!(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{LABEL}')"
        )
    })
}

/// A path segment: anything but `.`, `..`, and names with `/` or `%` (RBAC objects).
pub fn path_segment_fault(name: &str) -> Option<String> {
    if name == "." || name == ".." {
        return Some(format!("may not be '{name}'"));
    }
    ['/', '%'].into_iter().find(|c| name.contains(*c)).map(|c| format!("may not contain '{c}'"))
}

/// A qualified name, the rule of label and annotation keys.
pub fn qualified_name_fault(key: &str) -> Option<String> {
    static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(&format!("^{QUALIFIED}$")).ok());
    let name = match key.split_once('/') {
        None => key,
        Some((prefix, name)) => {
            if name.contains('/') {
                return Some(qualified_text());
            }
            if prefix.is_empty() {
                return Some("prefix part must be non-empty".to_owned());
            }
            if let Some(fault) = subdomain_fault(prefix) {
                return Some(format!("prefix part {fault}"));
            }
            name
        }
    };
    if name.is_empty() {
        return Some("name part must be non-empty".to_owned());
    }
    if name.len() > 63 {
        return Some("name part must be no more than 63 characters".to_owned());
    }
    (!NAME.as_ref().is_some_and(|re| re.is_match(name))).then(qualified_text)
}

fn qualified_text() -> String {
    format!(
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{QUALIFIED}')"
    )
}

/// A label value: empty, or at most 63 characters of a qualified name.
pub fn label_value_fault(value: &str) -> Option<String> {
    static VALUE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(&format!("^({QUALIFIED})?$")).ok());
    if value.len() > 63 {
        return Some("must be no more than 63 characters".to_owned());
    }
    (!VALUE.as_ref().is_some_and(|re| re.is_match(value))).then(|| {
        format!(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '({QUALIFIED})?')"
        )
    })
}

/// A key of ConfigMap and Secret data.
pub fn config_key_fault(key: &str) -> Option<String> {
    if key.len() > 253 {
        return Some("must be no more than 253 characters".to_owned());
    }
    let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if key.is_empty() || !plain {
        return Some(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
                .to_owned(),
        );
    }
    if key == "." || key == ".." {
        return Some(format!("must not be '{key}'"));
    }
    key.starts_with("..").then(|| "must not start with '..'".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dev_03_names_follow_the_rules_of_kubernetes() {
        assert!(subdomain_fault("a.b-c.d1").is_none());
        for bad in ["", "A", "a..b", "-a", "a-", "a_b", &"a".repeat(254)] {
            assert!(subdomain_fault(bad).is_some(), "{bad}");
        }
        assert!(label_fault("a.b").is_some());
        assert!(path_segment_fault("system:masters").is_none());
        assert!(path_segment_fault("a/b").is_some());
        assert!(qualified_name_fault("kcp.io/cluster").is_none());
        assert!(qualified_name_fault("a/b/c").is_some());
        assert!(label_value_fault("").is_none());
        assert!(label_value_fault("-a").is_some());
        assert!(config_key_fault("ca.crt").is_none());
        assert!(config_key_fault("a/b").is_some());
    }
}
