//! Modular models: module files, the list of them, and their assembly into one model.

mod assemble; // files to one model. Start here.
mod fga_mod; // the list of files
mod isolate; // one bad module does not take the others down

pub use assemble::{ModuleFile, assemble_modules, compose_modules};
pub use fga_mod::{FgaMod, Placed};
pub use isolate::{Composition, RefusedModule, compose_isolated};
