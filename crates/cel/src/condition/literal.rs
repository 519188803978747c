//! Numbers and strings as they are written.

use super::lex::Token;

type Lexed = Result<(Token, usize), (usize, String)>;

/// How a string literal opens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prefix {
    raw: bool,
    bytes: bool,
    letters: usize,
    quote: char,
    triple: bool,
}

/// Whether a string literal begins here: `'`, `"`, with `r` and `b` before it in either case and order.
pub(crate) fn string_prefix(rest: &str) -> Option<Prefix> {
    let mut prefix = Prefix { raw: false, bytes: false, letters: 0, quote: '"', triple: false };
    for c in rest.chars().take(3) {
        match c {
            'r' | 'R' if !prefix.raw => prefix.raw = true,
            'b' | 'B' if !prefix.bytes && !prefix.raw => prefix.bytes = true,
            '"' | '\'' => {
                let quotes = &rest[prefix.letters..];
                let triple = if c == '"' { "\"\"\"" } else { "'''" };
                return Some(Prefix { quote: c, triple: quotes.starts_with(triple), ..prefix });
            }
            _ => return None,
        }
        prefix.letters += 1;
    }
    None
}

/// The literal that begins at the start of `rest`.
pub(crate) fn string(rest: &str, prefix: Prefix) -> Lexed {
    let open = prefix.letters + if prefix.triple { 3 } else { 1 };
    let close: String = std::iter::repeat_n(prefix.quote, if prefix.triple { 3 } else { 1 }).collect();
    let mut content = Content { bytes: Vec::new(), is_bytes: prefix.bytes };
    let mut at = open;
    loop {
        let left = &rest[at..];
        let Some(c) = left.chars().next() else {
            return Err((0, "string literal does not end".to_owned()));
        };
        if left.starts_with(close.as_str()) {
            at += close.len();
            break;
        }
        if c == '\\' && !prefix.raw {
            at += content.escape(left).map_err(|message| (at, message))?;
        } else if !prefix.triple && matches!(c, '\n' | '\r') {
            return Err((0, "string literal does not end on its line".to_owned()));
        } else if c == '\r' {
            // Line ends inside triple quotes are one newline each.
            at += if left.starts_with("\r\n") { 2 } else { 1 };
            content.push('\n');
        } else {
            content.push(c);
            at += c.len_utf8();
        }
    }
    let token = if prefix.bytes {
        Token::Bytes(content.bytes)
    } else {
        Token::Text(
            String::from_utf8(content.bytes).map_err(|_| (0, "string literal is not text".to_owned()))?,
        )
    };
    Ok((token, at))
}

struct Content {
    bytes: Vec<u8>,
    is_bytes: bool,
}

impl Content {
    fn push(&mut self, c: char) {
        self.bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// A number is a character of a text, but one byte of a bytes literal.
    fn push_code(&mut self, code: u32) -> Result<(), String> {
        if self.is_bytes {
            self.bytes.push(u8::try_from(code).map_err(|_| "escape is no byte".to_owned())?);
            return Ok(());
        }
        self.push(char::from_u32(code).ok_or("escape is no character")?);
        Ok(())
    }

    /// Takes the escape at the start of `left` and gives its length.
    fn escape(&mut self, left: &str) -> Result<usize, String> {
        let kind = left.chars().nth(1).ok_or("escape does not end")?;
        let plain = match kind {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '\\' | '\'' | '"' | '`' | '?' => kind,
            'x' | 'X' => return self.code(left, 2, 2, 16),
            'u' if !self.is_bytes => return self.code(left, 2, 4, 16),
            'U' if !self.is_bytes => return self.code(left, 2, 8, 16),
            '0'..='3' => return self.code(left, 1, 3, 8),
            _ => return Err(format!("`\\{}` is no escape", kind.escape_default())),
        };
        self.push(plain);
        Ok(2)
    }

    fn code(&mut self, left: &str, from: usize, digits: usize, radix: u32) -> Result<usize, String> {
        let end = from + digits;
        let code = left
            .get(from..end)
            .filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|text| u32::from_str_radix(text, radix).ok())
            .ok_or_else(|| format!("escape needs {digits} digits"))?;
        self.push_code(code)?;
        Ok(end)
    }
}

/// The number that begins at the start of `rest`.
pub(crate) fn number(rest: &str) -> Lexed {
    let bytes = rest.as_bytes();
    let digits = |from: usize, hex: bool| {
        let is = |b: &&u8| if hex { b.is_ascii_hexdigit() } else { b.is_ascii_digit() };
        bytes[from.min(bytes.len())..].iter().take_while(is).count()
    };
    let suffix = |end: usize| matches!(bytes.get(end), Some(b'u' | b'U'));
    if rest.starts_with("0x") && digits(2, true) > 0 {
        let end = 2 + digits(2, true);
        return if suffix(end) {
            uint(u64::from_str_radix(&rest[2..end], 16).ok(), end + 1)
        } else {
            Ok((Token::Int(rest[..end].to_owned()), end))
        };
    }
    let whole = digits(0, false);
    let mut end = whole;
    if bytes.get(end) == Some(&b'.') && digits(end + 1, false) > 0 {
        end += 1 + digits(end + 1, false);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign, false);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    if end > whole {
        return match rest[..end].parse::<f64>() {
            Ok(value) if value.is_finite() => Ok((Token::Double(value), end)),
            _ => Err((0, "number is out of the range of `double`".to_owned())),
        };
    }
    if suffix(end) {
        return uint(rest[..end].parse().ok(), end + 1);
    }
    Ok((Token::Int(rest[..end].to_owned()), end))
}

fn uint(value: Option<u64>, end: usize) -> Lexed {
    match value {
        Some(value) => Ok((Token::Uint(value), end)),
        None => Err((0, "number is out of the range of `uint`".to_owned())),
    }
}

/// The value of a whole number, with the sign before it.
pub(crate) fn int(text: &str, negative: bool) -> Option<i64> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    let magnitude = i128::from(u64::from_str_radix(digits, radix).ok()?);
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}
