//! Texts that nearly are names.

use super::Choices;

/// A text near the grammar of paths: mostly labels joined by colons, with a fault here and there.
pub fn path(choices: &mut Choices<'_>) -> String {
    match choices.below(8) {
        0..5 => {
            let parts = choices.below(4) + 1;
            (0..parts).map(|_| choices.text("ab0-zA_", 5)).collect::<Vec<_>>().join(":")
        }
        5 => (0..choices.below(4) + 1).map(|_| label(choices)).collect::<Vec<_>>().join(":"),
        6 => "a".repeat(60 + choices.below(7)),
        _ => choices.text("ab:./ *é\u{0}\u{1F600}", 12),
    }
}

/// A DNS label.
pub fn label(choices: &mut Choices<'_>) -> String {
    let end = |choices: &mut Choices<'_>| choices.word(&["a", "b", "z", "0", "9"]);
    let (first, middle, last) = (end(choices), choices.text("ab-09z", 8), end(choices));
    format!("{first}{middle}{last}")
}

/// Bytes for hashes and keys.
pub fn bytes(choices: &mut Choices<'_>) -> [u8; 32] {
    std::array::from_fn(|_| u8::try_from(choices.below(256)).unwrap_or_default())
}
