//! Groups that a request needs, from the annotation `authorization.kcp.io/required-groups`.

use std::fmt;

/// Alternatives of groups: one alternative must be met whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequiredGroups(Vec<Vec<String>>);

impl RequiredGroups {
    /// Reads `a,b;c`: both a and b, or c. Empty alternatives do not count; without any, nothing is required.
    pub fn parse(annotation: &str) -> Self {
        let alternative = |text: &str| -> Vec<String> {
            text.split(',').map(str::trim).filter(|group| !group.is_empty()).map(str::to_owned).collect()
        };
        Self(annotation.split(';').map(alternative).filter(|groups| !groups.is_empty()).collect())
    }

    /// Whether somebody in these groups meets one alternative.
    pub fn are_met_by(&self, groups: &[impl AsRef<str>]) -> bool {
        let is_in = |wanted: &String| groups.iter().any(|group| group.as_ref() == wanted);
        self.0.is_empty() || self.0.iter().any(|alternative| alternative.iter().all(is_in))
    }

    /// The alternatives.
    pub fn alternatives(&self) -> &[Vec<String>] {
        &self.0
    }
}

impl fmt::Display for RequiredGroups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alternatives: Vec<String> = self.0.iter().map(|groups| groups.join(",")).collect();
        f.write_str(&alternatives.join(";"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ann_03_semicolons_separate_alternatives_and_commas_conjunctions() {
        let required = RequiredGroups::parse("a,b;c");
        assert!(required.are_met_by(&["a", "b"]) && required.are_met_by(&["c", "x"]));
        assert!(!required.are_met_by(&["a"]) && !required.are_met_by(&[] as &[&str]));
        assert_eq!(required.to_string(), "a,b;c");
        assert!(RequiredGroups::parse("").are_met_by(&[] as &[&str]));
        assert!(RequiredGroups::parse(" ; ").alternatives().is_empty());
    }
}
