//! Assembly in which one bad module does not take the others down.

use std::collections::HashSet;

use super::assemble::{ModuleFile, assemble_modules};
use crate::{AuthorizationModel, Category, Diagnostic, ModelErrors, ModelLimits, validate_for_write};

/// A model made of all modules that fit together.
#[derive(Clone, Debug, PartialEq)]
pub struct Composition {
    /// The model; a server with the same limits accepts it.
    pub model: AuthorizationModel,
    /// Extensions that were left out, in their order.
    pub refused: Vec<RefusedModule>,
}

/// A module that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedModule {
    /// Name of its file.
    pub file: String,
    /// What is wrong with it.
    pub errors: ModelErrors,
}

/// Assembles `base` with every module of `extensions` that fits; the order of the input is the order of the model.
///
/// # Errors
/// The base alone does not make a valid model: then there is nothing to isolate from.
pub fn compose_isolated(
    base: &[ModuleFile],
    extensions: &[ModuleFile],
    limits: ModelLimits,
) -> Result<Composition, ModelErrors> {
    let mut refused: Vec<(usize, RefusedModule)> = Vec::new();
    let mut open: Vec<(usize, &ModuleFile)> = extensions.iter().enumerate().collect();
    // Findings that name an extension's file remove that extension; usually one round is enough.
    loop {
        let files: Vec<ModuleFile> = base.iter().chain(open.iter().map(|(_, f)| *f)).cloned().collect();
        let errors = match checked(&files, limits) {
            Ok(model) => return Ok(finish(model, refused)),
            Err(errors) => errors,
        };
        let blamed: HashSet<&str> = errors.0.iter().filter_map(|d| d.file.as_deref()).collect();
        let base_blamed = base.iter().any(|f| blamed.contains(f.name.as_str()));
        let before = open.len();
        if !base_blamed {
            open.retain(|(position, file)| {
                let mine: Vec<Diagnostic> =
                    errors.0.iter().filter(|d| d.file.as_deref() == Some(&file.name)).cloned().collect();
                if mine.is_empty() {
                    return true;
                }
                refused
                    .push((*position, RefusedModule { file: file.name.clone(), errors: ModelErrors(mine) }));
                false
            });
        }
        if open.len() == before {
            return one_by_one(base, open, limits, refused);
        }
    }
}

/// For findings that name no extension: each is added alone and kept if the model still holds together.
fn one_by_one(
    base: &[ModuleFile],
    open: Vec<(usize, &ModuleFile)>,
    limits: ModelLimits,
    mut refused: Vec<(usize, RefusedModule)>,
) -> Result<Composition, ModelErrors> {
    let mut files = base.to_vec();
    let mut model = checked(&files, limits)?;
    for (position, file) in open {
        files.push(file.clone());
        match checked(&files, limits) {
            Ok(larger) => model = larger,
            Err(errors) => {
                files.pop();
                refused.push((position, RefusedModule { file: file.name.clone(), errors }));
            }
        }
    }
    Ok(finish(model, refused))
}

fn finish(model: AuthorizationModel, mut refused: Vec<(usize, RefusedModule)>) -> Composition {
    refused.sort_by_key(|(position, _)| *position);
    Composition { model, refused: refused.into_iter().map(|(_, module)| module).collect() }
}

fn checked(files: &[ModuleFile], limits: ModelLimits) -> Result<AuthorizationModel, ModelErrors> {
    let model = assemble_modules(files, "1.2")?;
    match validate_for_write(&model, limits) {
        Ok(()) => Ok(model),
        Err(fault) => Err(Diagnostic::new(Category::Assembly, "", fault.to_string()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fgm_12_a_bad_module_is_left_out_and_named_and_the_others_stand() -> Result<(), ModelErrors> {
        let base = [ModuleFile::new(
            "core.fga",
            "module core\n\ntype user\n\ntype account\n  relations\n    define owner: [user]\n",
        )];
        let good = "module a\n\nextend type account\n  relations\n    define create_a: owner\n\ntype a\n  relations\n    define get: [user]\n";
        let extensions = [
            ModuleFile::new("a.fga", good),
            ModuleFile::new("again.fga", good),
            ModuleFile::new("broken.fga", "module b\n\ntype\n"),
            ModuleFile::new("unknown.fga", "module c\n\ntype c\n  relations\n    define get: nothing\n"),
            ModuleFile::new(
                "nowhere.fga",
                "module d\n\nextend type nowhere\n  relations\n    define x: [user]\n",
            ),
            ModuleFile::new("z.fga", "module z\n\ntype z\n"),
        ];
        let composition = compose_isolated(&base, &extensions, ModelLimits::RAISED)?;
        let refused: Vec<&str> = composition.refused.iter().map(|r| r.file.as_str()).collect();
        assert_eq!(refused, ["again.fga", "broken.fga", "unknown.fga", "nowhere.fga"]);
        let types: Vec<&str> = composition.model.types.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(types, ["user", "account", "a", "z"]);
        assert!(composition.model.relation("account", "create_a").is_some());
        assert!(compose_isolated(&extensions[2..3], &[], ModelLimits::RAISED).is_err());
        Ok(())
    }
}
