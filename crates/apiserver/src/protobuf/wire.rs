//! The wire format: tagged fields of varints, fixed numbers and lengths, with the place of every fault.

use super::ProtobufError;

/// Reads the fields of one message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'b> {
    bytes: &'b [u8],
    /// Position of the first byte in the body.
    offset: usize,
}

/// One field as it stands on the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct WireField<'b> {
    pub(super) number: u32,
    offset: usize,
    value: WireValue<'b>,
}

#[derive(Clone, Copy, Debug)]
enum WireValue<'b> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'b [u8]),
}

fn fault(offset: usize, field: &str, why: impl Into<String>) -> ProtobufError {
    ProtobufError::Malformed { offset, field: field.to_owned(), why: why.into() }
}

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8], offset: usize) -> Self {
        Self { bytes, offset }
    }

    pub(super) fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// A fault at the current place.
    pub(super) fn fault(&self, field: &str, why: impl Into<String>) -> ProtobufError {
        fault(self.offset, field, why)
    }

    /// The next field; none at the end. `within` names the message in faults.
    pub(super) fn next(&mut self, within: &str) -> Result<Option<WireField<'b>>, ProtobufError> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let offset = self.offset;
        let tag = self.varint(within)?;
        let number = u32::try_from(tag >> 3).map_err(|_| fault(offset, within, "field number too large"))?;
        if number == 0 {
            return Err(fault(offset, within, "field number 0"));
        }
        let value = match tag & 7 {
            0 => WireValue::Varint(self.varint(within)?),
            1 => WireValue::Fixed64(u64::from_le_bytes(self.fixed(within)?)),
            2 => {
                let length = self.varint(within)?;
                let length = usize::try_from(length).ok().filter(|l| *l <= self.bytes.len());
                let length = length.ok_or_else(|| fault(offset, within, "length reaches past the end"))?;
                let content = Reader::new(self.bytes.get(..length).unwrap_or_default(), self.offset);
                self.skip(length);
                return Ok(Some(WireField {
                    number,
                    offset: content.offset,
                    value: WireValue::Bytes(content.bytes),
                }));
            }
            5 => WireValue::Fixed32(u32::from_le_bytes(self.fixed(within)?)),
            other => {
                return Err(fault(offset, within, format!("wire type {other} is not used by Kubernetes")));
            }
        };
        Ok(Some(WireField { number, offset, value }))
    }

    /// The next varint of a packed list; none at the end.
    pub(super) fn packed(&mut self, within: &str) -> Result<Option<u64>, ProtobufError> {
        if self.bytes.is_empty() { Ok(None) } else { self.varint(within).map(Some) }
    }

    fn skip(&mut self, count: usize) {
        self.bytes = self.bytes.get(count..).unwrap_or_default();
        self.offset += count;
    }

    fn varint(&mut self, within: &str) -> Result<u64, ProtobufError> {
        let mut value = 0u64;
        for (i, byte) in self.bytes.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                self.skip(i + 1);
                return Ok(value);
            }
        }
        let why = if self.bytes.len() < 10 { "unexpected end" } else { "varint longer than 10 bytes" };
        Err(self.fault(within, why))
    }

    fn fixed<const N: usize>(&mut self, within: &str) -> Result<[u8; N], ProtobufError> {
        let fixed = self.bytes.first_chunk::<N>().copied();
        let fixed = fixed.ok_or_else(|| self.fault(within, "unexpected end"))?;
        self.skip(N);
        Ok(fixed)
    }
}

impl<'b> WireField<'b> {
    pub(super) fn fault(&self, field: &str, why: impl Into<String>) -> ProtobufError {
        fault(self.offset, field, why)
    }

    pub(super) fn content(&self, field: &str) -> Result<Reader<'b>, ProtobufError> {
        match self.value {
            WireValue::Bytes(bytes) => Ok(Reader::new(bytes, self.offset)),
            _ => Err(self.fault(field, "a number where bytes belong")),
        }
    }

    pub(super) fn text(&self, field: &str) -> Result<String, ProtobufError> {
        let bytes = self.content(field)?.bytes;
        let text = std::str::from_utf8(bytes).map_err(|_| self.fault(field, "text is not UTF-8"))?;
        Ok(text.to_owned())
    }

    pub(super) fn number(&self, field: &str) -> Result<u64, ProtobufError> {
        match self.value {
            WireValue::Varint(number) => Ok(number),
            _ => Err(self.fault(field, "not a whole number")),
        }
    }

    pub(super) fn fraction(&self, field: &str) -> Result<f64, ProtobufError> {
        match self.value {
            WireValue::Fixed64(bits) => Ok(f64::from_bits(bits)),
            WireValue::Fixed32(bits) => Ok(f32::from_bits(bits).into()),
            _ => Err(self.fault(field, "not a fraction")),
        }
    }

    /// Whether the field holds bytes: a packed list, where numbers are expected.
    pub(super) fn is_bytes(&self) -> bool {
        matches!(self.value, WireValue::Bytes(_))
    }
}

/// A whole number that was written as 64 bits in two's complement.
#[expect(clippy::cast_possible_wrap, reason = "protobuf writes negative numbers so")]
pub(super) fn signed(number: u64) -> i64 {
    number as i64
}
