use crate::property::PropertyType;

/// Finds out how many bytes a value takes before it is decoded, without starting over when more bytes arrive.
#[derive(Debug, Clone)]
pub(super) struct Measurer {
    shape: Shape,
    /// Bytes of the value already accounted for.
    passed: u64,
    /// Elements of a list not yet accounted for; `None` until its count was read.
    elements: Option<u64>,
}

/// What is known of a value's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// It is all there: so many bytes.
    Complete(usize),
    /// It is not all there and takes at least so many bytes.
    AtLeast(u64),
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Fixed(u64),
    Sized,
    FixedList(u64),
    SizedList,
}

impl Measurer {
    /// For values of type `kind`; `None` if FastTransfer streams have no such values.
    pub(super) fn new(kind: PropertyType) -> Option<Self> {
        let shape = if kind.is_multiple() {
            match shape(kind.element())? {
                Shape::Fixed(size) if size > 0 => Shape::FixedList(size),
                Shape::Sized => Shape::SizedList,
                _ => return None,
            }
        } else {
            shape(kind)?
        };
        Some(Self { shape, passed: 0, elements: None })
    }

    /// `value`: everything there is from the value's first byte on.
    pub(super) fn measure(&mut self, value: &[u8]) -> Measure {
        let available = value.len() as u64;
        let needed = match self.shape {
            Shape::Fixed(size) => size,
            Shape::Sized => match u32_at(value, 0) {
                None => return Measure::AtLeast(4),
                Some(size) => 4 + size,
            },
            Shape::FixedList(size) => match u32_at(value, 0) {
                None => return Measure::AtLeast(4),
                Some(count) => 4 + count * size,
            },
            Shape::SizedList => {
                let mut left = match self.elements {
                    Some(left) => left,
                    None => match u32_at(value, 0) {
                        None => return Measure::AtLeast(4),
                        Some(count) => {
                            self.passed = 4;
                            count
                        }
                    },
                };
                while left > 0 {
                    let Some(size) = u32_at(value, self.passed).filter(|size| self.passed + 4 + size <= available)
                    else {
                        break;
                    };
                    self.passed += 4 + size;
                    left -= 1;
                }
                self.elements = Some(left);
                let begun = u32_at(value, self.passed).filter(|_| left > 0).unwrap_or(0);
                self.passed + left * 4 + begun
            }
        };
        match usize::try_from(needed) {
            Ok(len) if needed <= available => Measure::Complete(len),
            _ => Measure::AtLeast(needed),
        }
    }
}

fn shape(kind: PropertyType) -> Option<Shape> {
    Some(match kind.0 {
        0x0001 => Shape::Fixed(0),
        0x0002 | 0x000B => Shape::Fixed(2),
        0x0003 | 0x0004 | 0x000A => Shape::Fixed(4),
        0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => Shape::Fixed(8),
        0x0048 => Shape::Fixed(16),
        0x001E | 0x001F | 0x00FB | 0x00FD | 0x00FE | 0x0102 | 0x000D => Shape::Sized,
        _ if kind.is_code_page_string() => Shape::Sized,
        _ => return None,
    })
}

fn u32_at(bytes: &[u8], at: u64) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    let field = bytes.get(at..at.checked_add(4)?)?;
    Some(u64::from(u32::from_le_bytes(field.try_into().ok()?)))
}
