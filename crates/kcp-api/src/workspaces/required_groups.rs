//! Groups that a request needs, from the annotation `authorization.kcp.io/required-groups`.

use std::fmt;

/// Alternatives of groups: one alternative must be met whole.
///
/// ```
/// use kcp_api::workspaces::RequiredGroups;
///
/// let required = RequiredGroups::parse("staff,oncall;admins");
/// assert!(required.are_met_by(|group| group == "admins"));
/// assert!(!required.are_met_by(|group| group == "staff"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequiredGroups {
    alternatives: Vec<Vec<String>>,
    /// Something is written, though it may name no group.
    is_required: bool,
}

impl RequiredGroups {
    /// Reads `a,b;c`: both a and b, or c. An empty text requires nothing. An alternative without a group admits nobody,
    /// as in kcp, and so does a text of separators alone.
    pub fn parse(annotation: &str) -> Self {
        let alternative = |text: &str| -> Vec<String> {
            text.split(',').map(str::trim).filter(|group| !group.is_empty()).map(str::to_owned).collect()
        };
        Self {
            alternatives: annotation
                .split(';')
                .map(alternative)
                .filter(|groups| !groups.is_empty())
                .collect(),
            is_required: !annotation.is_empty(),
        }
    }

    /// Whether somebody who is in the groups that `has` accepts meets one alternative.
    pub fn are_met_by(&self, has: impl Fn(&str) -> bool) -> bool {
        let is_met = |alternative: &Vec<String>| alternative.iter().all(|group| has(group));
        !self.is_required || self.alternatives.iter().any(is_met)
    }

    /// The alternatives.
    pub fn alternatives(&self) -> &[Vec<String>] {
        &self.alternatives
    }
}

impl fmt::Display for RequiredGroups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_required && self.alternatives.is_empty() {
            return f.write_str(";");
        }
        let alternatives: Vec<String> = self.alternatives.iter().map(|groups| groups.join(",")).collect();
        f.write_str(&alternatives.join(";"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ann_03_semicolons_separate_alternatives_and_commas_conjunctions() {
        let required = RequiredGroups::parse(" a, b;c");
        let met = |groups: &[&str]| required.are_met_by(|group| groups.contains(&group));
        assert!(met(&["a", "b"]) && met(&["c", "x"]));
        assert!(!met(&["a"]) && !met(&[]));
        assert_eq!(required.to_string(), "a,b;c");
        assert!(RequiredGroups::parse("").are_met_by(|_| false));
    }

    #[test]
    fn ann_03_separators_alone_admit_nobody() {
        for text in [";", " ; ", ",", " "] {
            let required = RequiredGroups::parse(text);
            assert!(!required.are_met_by(|_| true) && required.alternatives().is_empty(), "{text:?}");
            assert_eq!(RequiredGroups::parse(&required.to_string()), required);
        }
    }
}
