//! Prints the definitions and schemas of every kind of kcp, for `cargo xtask codegen`, which writes them into
//! `generated/`:
//!
//! ```text
//! cargo run -p kcp-api --example kcp_manifests
//! ```
//!
//! A line for each file: `::file {"path": …, "text": …}`.

mod files; // which files, and what stands in them

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (path, text) in files::all()? {
        println!("::file {}", serde_json::json!({"path": path, "text": text}));
    }
    Ok(())
}
