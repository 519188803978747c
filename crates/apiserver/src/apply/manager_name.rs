//! The field manager of a request: named in the query, or taken from the user agent.

/// Longest name of a field manager, in bytes.
const NAME_MAX: usize = 128;

/// The manager named by the query, or else the part of the user agent before the first slash, printable characters
/// only, cut to 128 bytes. May be empty; ownership then goes to `unknown`.
pub fn manager_name(field_manager: &str, user_agent: &str) -> String {
    if !field_manager.is_empty() {
        return field_manager.to_owned();
    }
    let product = user_agent.split('/').next().unwrap_or_default();
    let mut name = String::new();
    for c in product.chars().filter(|c| is_printable(*c)) {
        if name.len() + c.len_utf8() > NAME_MAX {
            break;
        }
        name.push(c);
    }
    name
}

/// Checks a manager that a query names.
///
/// # Errors
/// Names longer than 128 bytes or with characters that cannot be printed, in Kubernetes' words.
pub fn validate_manager_name(name: &str) -> Result<(), String> {
    if name.len() > NAME_MAX {
        return Err(format!("may not be more than {NAME_MAX} bytes"));
    }
    match name.chars().position(|c| !is_printable(c)) {
        Some(at) => Err(format!("should only contain printable characters, character {at} is not")),
        None => Ok(()),
    }
}

fn is_printable(c: char) -> bool {
    c == ' '
        || !(c.is_control() || c.is_whitespace() || ('\u{200b}'..='\u{200f}').contains(&c) || c == '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manager_is_the_product_of_the_user_agent() {
        assert_eq!(manager_name("", "kubectl/v1.36.0 (linux/amd64) kubernetes/abc"), "kubectl");
        assert_eq!(manager_name("mine", "kubectl/v1"), "mine");
        assert_eq!(manager_name("", "a\u{7}b\tc"), "abc");
        assert_eq!(manager_name("", &"ä".repeat(100)).len(), 128);
        assert!(validate_manager_name(&"x".repeat(129)).is_err());
    }
}
