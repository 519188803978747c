//! Authoring validation: the rules of OpenFGA's editors, with places in the text.

use std::collections::{BTreeMap, HashSet, VecDeque};

use indexmap::IndexMap;

use super::{entry::EntryPoints, search::Search};
use crate::{
    Category, Diagnostic, ModelErrors, Relation, Rewrite, Span, TYPE_LENGTH_MAX, TypeDefinition,
    dsl::{Document, LeafPlace, RelationPlace, RestrictionPlace, TypePlace},
    tuple::RELATION_LENGTH_MAX,
};

/// Checks a document by the rules of authoring tools; all findings in the order of the text's types.
///
/// Names and schema come first; definitions and conditions only where names fit; duplicates and entry points only where
/// nothing was found before.
pub fn validate_document(document: &Document) -> Result<(), ModelErrors> {
    let findings = findings_of(document);
    if findings.is_empty() { Ok(()) } else { Err(ModelErrors(findings)) }
}

pub(crate) fn findings_of(document: &Document) -> Vec<Diagnostic> {
    let mut check = Authoring {
        document,
        types: document.model.types.iter().map(|t| (t.name.as_str(), t)).collect(),
        findings: Vec::new(),
    };
    check.names();
    let names_fit = check.findings.is_empty();
    if check.schema() && names_fit {
        check.definitions();
        if check.findings.is_empty() {
            check.duplicates();
        }
        if check.findings.is_empty() {
            check.entry_points();
        }
        check.conditions();
    }
    check.files();
    check.findings
}

struct Authoring<'a> {
    document: &'a Document,
    types: IndexMap<&'a str, &'a TypeDefinition>,
    findings: Vec<Diagnostic>,
}

/// A relation with everything a finding about it needs.
#[derive(Clone, Copy)]
struct Site<'a> {
    definition: &'a TypeDefinition,
    name: &'a str,
    relation: &'a Relation,
    place: Option<&'a RelationPlace>,
    file: Option<&'a str>,
}

impl<'a> Site<'a> {
    fn restriction(&self, index: usize) -> Option<&'a RestrictionPlace> {
        self.place.and_then(|p| p.restrictions.get(index))
    }

    fn leaf(&self, index: usize) -> Option<&'a LeafPlace> {
        self.place.and_then(|p| p.leaves.get(index))
    }

    /// Where OpenFGA's tools mark `symbol`: at its first occurrence in the relation's line. Where it is not there, because
    /// the relation goes over several lines, the place it was read from.
    fn marked(&self, symbol: &str, search: Search, read: Option<Span>) -> Option<Span> {
        let place = self.place?;
        match search.find(&place.line, symbol) {
            Some(column) => Some(Span::new(place.name.line, column, column + symbol.chars().count())),
            None => read,
        }
    }
}

impl<'a> Authoring<'a> {
    fn find(
        &mut self,
        site: Option<Site<'a>>,
        span: Option<Span>,
        category: Category,
        symbol: &str,
        message: String,
    ) {
        let file = site.and_then(|s| s.file);
        self.findings.push(Diagnostic::new(category, symbol, message).at(span).in_file(file));
    }

    fn type_place(&self, index: usize) -> Option<&'a TypePlace> {
        self.document.types.get(index)
    }

    fn sites(&self) -> Vec<Site<'a>> {
        let document = self.document;
        let mut sites = Vec::new();
        for (index, definition) in document.model.types.iter().enumerate() {
            let type_place = document.types.get(index);
            for (name, relation) in &definition.relations {
                let place = type_place.and_then(|p| p.relations.get(name));
                let file = place
                    .and_then(|p| p.file.as_deref())
                    .or_else(|| type_place.and_then(|p| p.file.as_deref()));
                sites.push(Site { definition, name, relation, place, file });
            }
        }
        sites
    }

    /// One module a file.
    fn files(&mut self) {
        let model = &self.document.model;
        let mut modules: IndexMap<&str, Vec<&str>> = IndexMap::new();
        let mut add = |file: &'a Option<String>, module: &'a Option<String>| {
            if let (Some(file), Some(module)) = (file, module) {
                let of_file = modules.entry(file).or_default();
                if !of_file.contains(&module.as_str()) {
                    of_file.push(module);
                }
            }
        };
        for definition in &model.types {
            add(&definition.file, &definition.module);
            definition.relations.values().for_each(|r| add(&r.file, &r.module));
        }
        model.conditions.values().for_each(|c| add(&c.file, &c.module));
        for (file, names) in modules.into_iter().filter(|(_, names)| names.len() > 1) {
            let message = format!(
                "file {file} would contain multiple module definitions ({}) when transforming to DSL. Only one module can be defined per file.",
                names.join(", ")
            );
            self.find(None, None, Category::MultipleModulesInFile, file, message);
        }
    }

    fn names(&mut self) {
        let document = self.document;
        for (index, definition) in document.model.types.iter().enumerate() {
            let place = self.type_place(index);
            let file = place.and_then(|p| p.file.as_deref());
            let name = definition.name.as_str();
            let span = place.map(|p| p.name);
            let mut add = |category, message: String| {
                self.findings.push(Diagnostic::new(category, name, message).at(span).in_file(file));
            };
            if is_reserved(name) {
                add(Category::ReservedTypeKeywords, "a type cannot be named 'self' or 'this'.".to_owned());
            }
            if !is_name(name, TYPE_LENGTH_MAX) {
                let message = format!("type '{name}' does not match naming rule: '^[^:#@\\*\\s]{{1,254}}$'.");
                add(Category::InvalidName, message);
            }
            for site in self.sites().into_iter().filter(|s| std::ptr::eq(s.definition, definition)) {
                let span = site.place.map(|p| p.name);
                if is_reserved(site.name) {
                    let message = "a relation cannot be named 'self' or 'this'.".to_owned();
                    self.find(Some(site), span, Category::ReservedRelationKeywords, site.name, message);
                }
                if !is_name(site.name, RELATION_LENGTH_MAX) {
                    let message = format!(
                        "relation '{}' of type '{name}' does not match naming rule: '^[^:#@\\*\\s]{{1,50}}$'.",
                        site.name
                    );
                    self.find(Some(site), span, Category::InvalidName, site.name, message);
                }
            }
        }
    }

    /// Whether the schema is one whose definitions can be checked.
    fn schema(&mut self) -> bool {
        let version = self.document.model.schema_version.as_str();
        match version {
            "1.1" | "1.2" => true,
            "" => {
                let start = (!self.document.types.is_empty()).then(|| Span::new(0, 0, 0));
                let message = "schema version required".to_owned();
                self.find(None, start, Category::SchemaVersionRequired, "", message);
                false
            }
            other => {
                let message = format!("invalid schema {other}");
                self.find(None, self.document.schema_place, Category::InvalidSchema, other, message);
                false
            }
        }
    }

    /// All leaves of a relation, those of outer operators first.
    fn definitions(&mut self) {
        for site in self.sites() {
            let mut open = VecDeque::from([(&site.relation.rewrite, 0)]);
            while let Some((rewrite, first_leaf)) = open.pop_front() {
                let mut leaf = first_leaf;
                let mut later = |operand: &'a Rewrite| {
                    open.push_back((operand, leaf));
                    leaf += leaves(operand);
                };
                match rewrite {
                    Rewrite::This => self.direct(site),
                    Rewrite::Computed(name) => self.computed(site, name, leaf),
                    Rewrite::TupleToUserset { tupleset, computed } => {
                        self.tuple_to_userset(site, tupleset, computed, leaf);
                    }
                    Rewrite::Union(operands) | Rewrite::Intersection(operands) => {
                        operands.iter().for_each(later);
                    }
                    Rewrite::Difference { base, subtract } => {
                        later(base);
                        later(subtract);
                    }
                }
            }
        }
    }

    fn computed(&mut self, site: Site<'a>, name: &str, leaf: usize) {
        if !site.definition.relations.contains_key(name) {
            let message = format!("the relation `{name}` does not exist.");
            let span = site.marked(name, Search::Word, site.leaf(leaf).map(|l| l.whole));
            self.find(Some(site), span, Category::MissingDefinition, name, message);
        }
    }

    fn direct(&mut self, site: Site<'a>) {
        if site.relation.restrictions.is_empty() {
            let message = format!("assignable relation '{}' must have types", site.name);
            let span = site.place.map(|p| p.name);
            self.find(Some(site), span, Category::AssignableRelationMustHaveType, site.name, message);
        }
        for (index, restriction) in site.relation.restrictions.iter().enumerate() {
            let place = site.restriction(index).copied();
            let type_name = restriction.type_name.as_str();
            let known = self.types.get(type_name).copied();
            if known.is_none() {
                let message = format!("`{type_name}` is not a valid type.");
                let span = site.marked(type_name, Search::Definition, place.map(|p| p.type_name));
                self.find(Some(site), span, Category::InvalidType, type_name, message);
            }
            if let Some(condition) = &restriction.condition
                && !self.document.model.conditions.contains_key(condition)
            {
                let message = format!("`{condition}` is not a defined condition in the model.");
                let span = site.marked(condition, Search::Word, place.and_then(|p| p.condition));
                self.find(Some(site), span, Category::ConditionNotDefined, condition, message);
            }
            let Some(relation) = &restriction.relation else { continue };
            let symbol = format!("{type_name}#{relation}");
            let span = site.marked(&symbol, Search::Word, place.map(|p| p.shape));
            if restriction.wildcard {
                let message = format!(
                    "type restriction `{type_name}` cannot contain both wildcard and relation `{relation}`"
                );
                self.find(Some(site), span, Category::TypeWildcardRelation, &symbol, message);
            } else if known.is_none_or(|t| !t.relations.contains_key(relation)) {
                let message = format!("`{relation}` is not a valid relation for `{type_name}`.");
                self.find(Some(site), span, Category::InvalidRelationType, &symbol, message);
            }
        }
    }

    fn tuple_to_userset(&mut self, site: Site<'a>, tupleset: &str, computed: &str, leaf: usize) {
        let place = site.leaf(leaf);
        let symbol = format!("{computed} from {tupleset}");
        let whole = site.marked(&symbol, Search::Word, place.map(|p| p.whole));
        let Some(from) = site.definition.relations.get(tupleset) else {
            let message = format!("`{tupleset}` is not a valid relation for `{}`.", site.definition.name);
            return self.find(Some(site), whole, Category::InvalidRelationType, &symbol, message);
        };
        let direct = from.rewrite.is_purely_direct() && !from.restrictions.is_empty();
        let shaped = from.restrictions.iter().filter(|r| r.relation.is_some() || r.wildcard).count();
        if !direct || shaped > 0 {
            let span = site.marked(tupleset, Search::From, place.and_then(|p| p.tupleset));
            // One for each entry that is no plain type.
            for _ in 0..if direct { shaped } else { 1 } {
                let message = format!("`{tupleset}` relation used inside from allows only direct relation.");
                self.find(Some(site), span, Category::TuplesetNotDirect, tupleset, message);
            }
            return;
        }
        let has = |t: &str| self.types.get(t).is_some_and(|t| t.relations.contains_key(computed));
        if from.restrictions.iter().any(|r| has(&r.type_name)) {
            return;
        }
        for restriction in &from.restrictions {
            let (type_name, of) = (&restriction.type_name, &site.definition.name);
            let message = format!(
                "the `{computed}` relation definition on type `{of}` is not valid: `{computed}` does not exist on `{tupleset}`, which is of type `{type_name}`."
            );
            self.find(Some(site), whole, Category::InvalidRelationOnTupleset, &symbol, message);
        }
    }

    fn duplicates(&mut self) {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, definition) in self.document.model.types.iter().enumerate() {
            if let Some(first) = seen.get(definition.name.as_str()) {
                let place = self.type_place(*first);
                let message = format!("the type `{}` is a duplicate.", definition.name);
                let file = place.and_then(|p| p.file.as_deref());
                let finding = Diagnostic::new(Category::DuplicatedError, &definition.name, message);
                self.findings.push(finding.at(place.map(|p| p.name)).in_file(file));
            }
            seen.entry(&definition.name).or_insert(index);
        }
        for site in self.sites() {
            self.duplicate_restrictions(site);
            self.duplicate_operands(site);
        }
    }

    fn duplicate_restrictions(&mut self, site: Site<'a>) {
        let mut seen: IndexMap<String, usize> = IndexMap::new();
        for (index, restriction) in site.relation.restrictions.iter().enumerate() {
            let text = restriction.to_string();
            if let Some(first) = seen.get(&text) {
                let message =
                    format!("the type restriction `{text}` is a duplicate in the relation `{}`.", site.name);
                let span = site.marked(&text, Search::Word, site.restriction(*first).map(|p| p.whole));
                self.find(Some(site), span, Category::DuplicatedError, &text, message);
            }
            seen.entry(text).or_insert(index);
        }
    }

    fn duplicate_operands(&mut self, site: Site<'a>) {
        let operands: Vec<&Rewrite> = match &site.relation.rewrite {
            Rewrite::Union(operands) | Rewrite::Intersection(operands) => operands.iter().collect(),
            Rewrite::Difference { base, subtract } => vec![base, subtract],
            _ => return,
        };
        let mut seen: IndexMap<String, usize> = IndexMap::new();
        let mut leaf = 0;
        for operand in operands {
            let text = match operand {
                Rewrite::Computed(name) => Some(name.clone()),
                Rewrite::TupleToUserset { tupleset, computed } => Some(format!("{computed} from {tupleset}")),
                _ => None,
            };
            if let Some(text) = text {
                if let Some(first) = seen.get(&text) {
                    let message = format!(
                        "the partial relation definition `{text}` is a duplicate in the relation `{}`.",
                        site.name
                    );
                    let span = site.marked(&text, Search::Word, site.leaf(*first).map(|p| p.whole));
                    self.find(Some(site), span, Category::DuplicatedError, &text, message);
                }
                seen.entry(text).or_insert(leaf);
            }
            leaf += leaves(operand);
        }
    }

    fn entry_points(&mut self) {
        let entry = EntryPoints::of(&self.document.model);
        for site in self.sites() {
            if entry.has(&site.definition.name, site.name) {
                continue;
            }
            let cause = if entry.is_loop(&site.definition.name, site.name) {
                "potential loop"
            } else {
                "no entrypoint"
            };
            let message = format!(
                "`{}` is an impossible relation for `{}` ({cause}).",
                site.name, site.definition.name
            );
            let span = site.place.map(|p| p.name);
            self.find(Some(site), span, Category::RelationNoEntryPoint, site.name, message);
        }
    }

    fn conditions(&mut self) {
        let used: HashSet<&str> = self
            .document
            .model
            .types
            .iter()
            .flat_map(|t| t.relations.values())
            .flat_map(|r| r.restrictions.iter())
            .filter_map(|r| r.condition.as_deref())
            .collect();
        for (key, condition) in &self.document.model.conditions {
            let place = self.document.conditions.get(key);
            let file = place.and_then(|p| p.file.as_deref());
            let mut add = |category, message: String| {
                let finding = Diagnostic::new(category, key, message);
                self.findings.push(finding.at(place.map(|p| p.name)).in_file(file));
            };
            if *key != condition.name {
                let message =
                    format!("condition key is `{key}` but nested name property is {}", condition.name);
                add(Category::DifferentNestedConditionName, message);
            }
            if !used.contains(key.as_str()) {
                add(Category::ConditionNotUsed, format!("`{key}` condition is not used in the model."));
            }
        }
    }
}

fn leaves(rewrite: &Rewrite) -> usize {
    match rewrite {
        Rewrite::This => 0,
        Rewrite::Computed(_) | Rewrite::TupleToUserset { .. } => 1,
        Rewrite::Union(operands) | Rewrite::Intersection(operands) => operands.iter().map(leaves).sum(),
        Rewrite::Difference { base, subtract } => leaves(base) + leaves(subtract),
    }
}

fn is_reserved(name: &str) -> bool {
    matches!(name, "self" | "this")
}

pub(super) fn is_name(name: &str, length_max: usize) -> bool {
    let length = name.chars().count();
    (1..=length_max).contains(&length) && !name.chars().any(|c| ":#@*".contains(c) || c.is_whitespace())
}
