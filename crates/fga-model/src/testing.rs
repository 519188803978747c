//! Random models, tuples and questions for tests: the same from the same seed.

mod any_model; // models as texts
mod cases; // models that servers accept, with tuples and questions
mod dice; // numbers from a seed

pub use any_model::any_model;
pub use cases::{Case, Question, case};
pub use dice::Dice;
