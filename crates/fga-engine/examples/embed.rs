//! Relationships in this process: ask, and see what the answer rests on.
//!
//! `cargo run -p fga-engine --example embed` prints:
//!
//! ```text
//! anne may read book:1
//!   book:1#reader@book:1#owner
//!   book:1#owner@user:anne
//! bob may not read book:1; missing: book:1#owner@user:bob
//! ```

use fga_engine::{CheckAnswer, CheckRequest, Engine, WriteRequest};
use fga_model::parse_model;

const MODEL: &str = "
model
  schema 1.1
type user
type book
  relations
    define owner: [user]
    define reader: owner
";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::default();
    let store = engine.create_store("library")?.id;
    engine.write_model(&store, &parse_model(MODEL)?)?;
    engine.write(&store, &WriteRequest::writes(["book:1#owner@user:anne".parse()?]))?;
    for name in ["anne", "bob"] {
        match engine.check(&store, &CheckRequest::new("book:1", "reader", format!("user:{name}")))? {
            CheckAnswer::Allowed(grounds) => {
                println!("{name} may read book:1");
                grounds.path.iter().for_each(|step| println!("  {step}"));
            }
            CheckAnswer::Denied(grounds) => {
                let missing = grounds.missing.map(|fact| fact.to_string()).unwrap_or_default();
                println!("{name} may not read book:1; missing: {missing}");
            }
        }
    }
    Ok(())
}
