//! Paths, expressions, names and URLs of accounts: what is accepted is written as it was read.
#![no_main]

use account_model::{AccountPath, BindExpression, names, path_of_url};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(path) = AccountPath::parse(text) {
        assert_eq!(path.to_string(), text);
        assert!(text.starts_with(&path.organization_path()));
    }
    if let Ok(expression) = BindExpression::parse(text) {
        assert_eq!(BindExpression::parse(&expression.to_string()), Ok(expression));
    }
    if names::check_org_name(text).is_ok() {
        assert!(names::check_label(&names::workspace_type_name(text, "account")).is_ok());
    }
    let _ = path_of_url(text);
    let _ = oidc_config::parse_duration(text);
});
