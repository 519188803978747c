//! Assembly of module files into one model of schema 1.2.

use std::collections::HashMap;

use crate::{
    Category, Diagnostic, ModelErrors, Span,
    dsl::{Document, Header, TypePlace, parse_document},
    model::AuthorizationModel,
    validate::findings_of,
};

/// A module file: its name, as the model's source info tells it, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleFile {
    /// Name of the file.
    pub name: String,
    /// `module NAME` and definitions.
    pub text: String,
}

impl ModuleFile {
    /// A file with this name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// Assembles files in their order and checks the whole by the rules of authoring tools; all findings are collected.
pub fn compose_modules(
    files: &[ModuleFile],
    schema_version: &str,
) -> Result<AuthorizationModel, ModelErrors> {
    let (document, mut findings) = assemble(files, schema_version);
    findings.extend(findings_of(&document));
    if findings.is_empty() { Ok(document.model) } else { Err(ModelErrors(findings)) }
}

/// Assembles files in their order without checking references: what the result means, a server checks.
///
/// Base types keep their order and carry module and file; relations added by `extend type` carry their own.
pub fn assemble_modules(
    files: &[ModuleFile],
    schema_version: &str,
) -> Result<AuthorizationModel, ModelErrors> {
    let (document, findings) = assemble(files, schema_version);
    if findings.is_empty() { Ok(document.model) } else { Err(ModelErrors(findings)) }
}

struct Part<'a> {
    file: &'a str,
    module: String,
    document: Document,
}

fn assemble(files: &[ModuleFile], schema_version: &str) -> (Document, Vec<Diagnostic>) {
    let mut findings = Vec::new();
    let mut whole = Document { header: Header::Model, ..Document::default() };
    whole.model.schema_version = schema_version.to_owned();
    let mut index: HashMap<String, usize> = HashMap::new();
    let mut parts = Vec::new();
    for file in files {
        match parse_document(&file.text) {
            Err(errors) => findings.extend(errors.0.into_iter().map(|d| d.in_file(Some(&file.name)))),
            Ok(document) => match document.header.clone() {
                Header::Module(module) => {
                    let mut part = Part { file: &file.name, module, document };
                    take_base(&mut part, &mut whole, &mut index, &mut findings);
                    parts.push(part);
                }
                Header::Model => {
                    let finding = Diagnostic::new(Category::Assembly, &file.name, "file is not a module");
                    findings.push(finding.at(Some(Span::default())).in_file(Some(&file.name)));
                }
            },
        }
    }
    for part in parts {
        take_extensions(part, &mut whole, &index, &mut findings);
    }
    (whole, findings)
}

/// Moves the types and conditions that a file defines.
fn take_base(
    part: &mut Part<'_>,
    whole: &mut Document,
    index: &mut HashMap<String, usize>,
    findings: &mut Vec<Diagnostic>,
) {
    let refuse = |name: &str, message: String, span: Span| {
        Diagnostic::new(Category::Assembly, name, message).at(Some(span)).in_file(Some(part.file))
    };
    let source = (Some(part.module.clone()), Some(part.file.to_owned()));
    for (definition, place) in part.document.model.types.iter().zip(&part.document.types) {
        if place.extends {
            continue;
        }
        if index.contains_key(&definition.name) {
            let message = format!("duplicate type definition {}", definition.name);
            findings.push(refuse(&definition.name, message, place.name));
            continue;
        }
        index.insert(definition.name.clone(), whole.model.types.len());
        let mut definition = definition.clone();
        (definition.module, definition.file) = source.clone();
        whole.model.types.push(definition);
        whole.types.push(TypePlace { file: source.1.clone(), ..place.clone() });
    }
    for (name, condition) in &part.document.model.conditions {
        let place = part.document.conditions.get(name).cloned().unwrap_or_default();
        if whole.model.conditions.contains_key(name) {
            findings.push(refuse(name, format!("duplicate condition {name}"), place.name));
            continue;
        }
        let mut condition = condition.clone();
        (condition.module, condition.file) = source.clone();
        whole.model.conditions.insert(name.clone(), condition);
        whole.conditions.insert(name.clone(), crate::dsl::ConditionPlace { file: source.1.clone(), ..place });
    }
}

/// Adds the relations of `extend type` to types of other files.
fn take_extensions(
    part: Part<'_>,
    whole: &mut Document,
    index: &HashMap<String, usize>,
    findings: &mut Vec<Diagnostic>,
) {
    let Part { file, module, document } = part;
    for (extension, place) in document.model.types.into_iter().zip(document.types) {
        if !place.extends {
            continue;
        }
        let mut refuse = |symbol: &str, message: String, span: Span| {
            let finding = Diagnostic::new(Category::Assembly, symbol, message);
            findings.push(finding.at(Some(span)).in_file(Some(file)));
        };
        let base = index.get(&extension.name).copied();
        let target = base.and_then(|i| Some((whole.model.types.get_mut(i)?, whole.types.get_mut(i)?)));
        let Some((definition, places)) = target else {
            let message = format!("extended type {} does not exist", extension.name);
            refuse(&extension.name, message, place.name);
            continue;
        };
        for (name, mut relation) in extension.relations {
            let mut at = place.relations.get(&name).cloned().unwrap_or_default();
            if definition.relations.contains_key(&name) {
                let message = format!("relation {name} already exists on type {}", definition.name);
                refuse(&name, message, at.name);
                continue;
            }
            (relation.module, relation.file) = (Some(module.clone()), Some(file.to_owned()));
            at.file = Some(file.to_owned());
            places.relations.insert(name.clone(), at);
            definition.relations.insert(name, relation);
        }
    }
}
