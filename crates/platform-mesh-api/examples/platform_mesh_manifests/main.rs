//! Prints every manifest of Platform Mesh, for `cargo xtask codegen`, which writes them into `generated/`:
//!
//! ```text
//! cargo run -p platform-mesh-api --example platform_mesh_manifests
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
