//! A finding about a model text: where, what, which rule, and the next step.

use std::fmt;

/// A place in one line of a text. Lines and columns count from zero; columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The line.
    pub line: usize,
    /// First column.
    pub start: usize,
    /// Column after the last.
    pub end: usize,
}

impl Span {
    /// A place in a line.
    pub fn new(line: usize, start: usize, end: usize) -> Self {
        Self { line, start, end }
    }
}

macro_rules! categories {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $help:literal;)*) => {
        /// The rule that a finding is about; the names are OpenFGA's and stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Category {
            $($(#[$doc])* $variant,)*
        }

        impl Category {
            /// OpenFGA's name of the rule.
            pub fn name(self) -> &'static str {
                match self { $(Category::$variant => $name,)* }
            }

            /// What to do about a finding of this rule.
            pub fn help(self) -> &'static str {
                match self { $(Category::$variant => $help,)* }
            }
        }
    };
}

categories! {
    /// The text does not follow the grammar.
    Syntax = "syntax", "compare the line with the form `define relation: [type] or other from parent`";
    /// Modules do not fit together.
    Assembly = "assembly", "each type and condition is defined once; `extend type` adds relations to a type of another file";
    /// No schema version.
    SchemaVersionRequired = "schema-version-required", "begin with `model` and `schema 1.1`";
    /// A schema version other than 1.1 and 1.2.
    InvalidSchema = "invalid-schema", "use `schema 1.1`, or `schema 1.2` for modules";
    /// A type named `self` or `this`.
    ReservedTypeKeywords = "reserved-type-keywords", "choose another name";
    /// A relation named `self` or `this`.
    ReservedRelationKeywords = "reserved-relation-keywords", "choose another name";
    /// A name with a forbidden character or of a forbidden length.
    InvalidName = "invalid-name", "types have 1 to 254 characters, relations 1 to 50, without `:`, `#`, `@`, `*` and white space";
    /// A relation that is used but not defined.
    MissingDefinition = "missing-definition", "define the relation on this type, or correct its name";
    /// A type that is used but not defined.
    InvalidType = "invalid-type", "define the type, or correct its name";
    /// A relation that another type does not have.
    InvalidRelationType = "invalid-relation-type", "define the relation there, or correct its name";
    /// The relation after `from` is not purely direct.
    TuplesetNotDirect = "tupleuserset-not-direct", "the relation after `from` lists plain types only: `define parent: [folder]`";
    /// No type that `from` leads to has the relation.
    InvalidRelationOnTupleset = "invalid-relation-on-tupleset", "define the relation on one of the types that `from` leads to";
    /// A restriction with both a wildcard and a relation.
    TypeWildcardRelation = "type-wildcard-relation", "use `type:*` or `type#relation`, not both";
    /// A direct part without a list of types.
    AssignableRelationMustHaveType = "assignable-relation-must-have-type", "list at least one type in brackets";
    /// The same thing twice.
    DuplicatedError = "duplicated-error", "remove one of the two";
    /// No user can ever have the relation.
    RelationNoEntryPoint = "relation-no-entry-point", "let the relation, or one it is computed from, list a plain type";
    /// A restriction names a condition that is not defined.
    ConditionNotDefined = "condition-not-defined", "define the condition, or correct its name";
    /// A condition that no restriction names.
    ConditionNotUsed = "condition-not-used", "use it in a restriction, as `[user with name]`, or remove it";
    /// A condition whose key is not its name.
    DifferentNestedConditionName = "different-nested-condition-name", "give key and name the same text";
    /// Definitions of two modules in one file.
    MultipleModulesInFile = "multiple-modules-in-file", "keep the definitions of one module in files of their own";
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, where there are several.
    pub file: Option<String>,
    /// The place, where there is a text.
    pub span: Option<Span>,
    /// The rule.
    pub category: Category,
    /// The name the finding is about, as written.
    pub symbol: String,
    /// What is wrong, in OpenFGA's words.
    pub message: String,
}

impl Diagnostic {
    /// A finding without a place.
    pub fn new(category: Category, symbol: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: None, span: None, category, symbol: symbol.into(), message: message.into() }
    }

    /// The same finding at a place.
    #[must_use]
    pub fn at(mut self, span: Option<Span>) -> Self {
        self.span = span;
        self
    }

    /// The same finding in a file.
    #[must_use]
    pub fn in_file(mut self, file: Option<&str>) -> Self {
        self.file = file.map(str::to_owned);
        self
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        self.category.help()
    }

    /// The finding with the source line, a caret below it, and the next step.
    pub fn render(&self, source: &str) -> String {
        let mut text = format!("{self}\n");
        if let Some((span, line)) = self.span.and_then(|s| source.lines().nth(s.line).map(|l| (s, l))) {
            let number = (span.line + 1).to_string();
            let margin = " ".repeat(number.len());
            // Tabs keep their width under the caret.
            let indent: String =
                line.chars().take(span.start).map(|c| if c == '\t' { c } else { ' ' }).collect();
            let carets = "^".repeat(span.end.saturating_sub(span.start).clamp(1, 200));
            text.push_str(&format!("{margin} |\n{number} | {line}\n{margin} | {indent}{carets}\n"));
        }
        text.push_str(&format!("help: {}\n", self.help()));
        text
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.span) {
            (Some(file), Some(span)) => write!(f, "{file}:{}:{}: ", span.line + 1, span.start + 1)?,
            (Some(file), None) => write!(f, "{file}: ")?,
            (None, Some(span)) => write!(f, "{}:{}: ", span.line + 1, span.start + 1)?,
            (None, None) => {}
        }
        write!(f, "{} [{}]", self.message, self.category.name())
    }
}

/// A model text or value with at least one finding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", summary(.0))]
pub struct ModelErrors(pub Vec<Diagnostic>);

fn summary(findings: &[Diagnostic]) -> String {
    match findings {
        [] => "the model is not valid".to_owned(),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first}; and {} more", rest.len()),
    }
}

impl ModelErrors {
    /// All findings with their source lines. `source` gives the text of a file; `None` is the only text.
    pub fn render<'a>(&self, source: impl Fn(Option<&str>) -> Option<&'a str>) -> String {
        self.0
            .iter()
            .map(|d| d.render(source(d.file.as_deref()).unwrap_or_default()))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl From<Diagnostic> for ModelErrors {
    fn from(finding: Diagnostic) -> Self {
        ModelErrors(vec![finding])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fgm_11_finding_shows_line_caret_and_next_step() {
        let finding =
            Diagnostic::new(Category::MissingDefinition, "allowed", "the relation `allowed` does not exist.")
                .at(Some(Span::new(1, 19, 26)))
                .in_file(Some("core.fga"));
        let text = finding.render("type a\n\tdefine reader: x or allowed\n");
        assert!(text.starts_with("core.fga:2:20: the relation `allowed` does not exist."), "{text}");
        assert!(
            text.contains("2 | \tdefine reader: x or allowed\n  | \t                  ^^^^^^^\n"),
            "{text}"
        );
        assert!(text.ends_with("correct its name\n"), "{text}");
    }
}
