//! `fga.mod`, store files and module files from strangers end in an answer.
#![no_main]

use fga_model::{FgaMod, ModuleFile, check_store_file, compose_modules};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = FgaMod::parse(text);
    let _ = check_store_file(text);
    let (first, second) = text.split_at(text.floor_char_boundary(text.len() / 2));
    let files = [ModuleFile::new("a.fga", first), ModuleFile::new("b.fga", second)];
    let _ = compose_modules(&files, "1.2");
});
