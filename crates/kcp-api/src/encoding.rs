//! Big-endian numbers as text, in kcp's two alphabets.

const DIGITS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Digits `0-9a-z`; leading zero bytes vanish.
pub(crate) fn base36(bytes: &[u8]) -> String {
    encode(bytes, 36)
}

/// Digits `0-9a-zA-Z`; leading zero bytes vanish.
pub(crate) fn base62(bytes: &[u8]) -> String {
    encode(bytes, 62)
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0xf)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

fn encode(bytes: &[u8], base: u16) -> String {
    let mut number = bytes.to_vec();
    let mut digits = Vec::new();
    while number.iter().any(|byte| *byte != 0) {
        let mut rest = 0u16;
        for byte in &mut number {
            let value = (rest << 8) | u16::from(*byte);
            // The quotient fits: `rest` is below the base, so `value` is below 256 times the base.
            *byte = u8::try_from(value / base).unwrap_or(u8::MAX);
            rest = value % base;
        }
        digits.push(DIGITS[usize::from(rest)]);
    }
    digits.iter().rev().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_big_endian_without_leading_zeros() {
        assert_eq!(base36(&[]), "");
        assert_eq!(base36(&[0, 0]), "");
        assert_eq!(base36(&[0, 36]), "10");
        assert_eq!(base62(&[1, 0]), "48");
        assert_eq!(base36(&u64::MAX.to_be_bytes()), "3w5e11264sgsf");
        assert_eq!(hex(&[0x0f, 0xa0]), "0fa0");
    }
}
