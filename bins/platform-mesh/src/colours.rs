//! Colours for people at a terminal; plain text for everything else, and where NO_COLOR is set.

use std::io::IsTerminal as _;

/// Whether text is coloured.
#[derive(Clone, Copy, Debug)]
pub struct Colours(bool);

impl Colours {
    /// As standard output and NO_COLOR want it.
    pub fn of_stdout() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self(wanted && std::io::stdout().is_terminal())
    }

    /// Stands out.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Steps back.
    pub fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// Went well.
    pub fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Did not.
    pub fn red(self, text: &str) -> String {
        self.paint("31", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
