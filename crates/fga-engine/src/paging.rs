//! Pages and their tokens: base64 of an id, valid across writes.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};

use crate::{EngineError, answer::Page, question::PageRequest};

const SIZE_DEFAULT: usize = 50;
const SIZE_MAX: u32 = 100;
/// Longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 5_120;

/// The size of a page.
pub(crate) fn size(page: &PageRequest) -> Result<usize, EngineError> {
    match page.size {
        None => Ok(SIZE_DEFAULT),
        Some(size @ 1..=SIZE_MAX) => Ok(size as usize),
        Some(size) => Err(EngineError::PageSize { size }),
    }
}

/// The text inside a token; `None` for the first page.
pub(crate) fn token(token: &str) -> Result<Option<String>, EngineError> {
    if token.is_empty() {
        return Ok(None);
    }
    if token.len() > TOKEN_BYTES_MAX {
        return Err(EngineError::Token);
    }
    let bytes = URL_SAFE.decode(token).map_err(|_| EngineError::Token)?;
    String::from_utf8(bytes).map(Some).map_err(|_| EngineError::Token)
}

pub(crate) fn to_token(text: &str) -> String {
    URL_SAFE.encode(text)
}

/// The first entries, and the token of the last if there are more.
pub(crate) fn page<T>(
    entries: impl Iterator<Item = T>,
    size: usize,
    token_of: impl Fn(&T) -> String,
) -> Page<T> {
    let mut entries = entries.peekable();
    let items: Vec<T> = entries.by_ref().take(size).collect();
    let token = match (entries.peek(), items.last()) {
        (Some(_), Some(last)) => token_of(last),
        _ => String::new(),
    };
    Page { items, token }
}
