use std::fmt;

/// A GUID in wire order ([MS-DTYP] 2.3.4.2): the first three groups of its text form little-endian.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// The GUID of its five text groups, e.g. `00062008-0000-0000-C000-000000000046`.
    pub const fn from_groups(a: u32, b: u16, c: u16, d: u16, e: u64) -> Self {
        let (a, b, c, d, e) = (a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes(), d.to_be_bytes(), e.to_be_bytes());
        Self([a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], d[0], d[1], e[2], e[3], e[4], e[5], e[6], e[7]])
    }

    /// The GUID of its text form, with or without braces.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start_matches('{').trim_end_matches('}');
        let mut groups = text.split('-');
        let mut next = |digits: usize| {
            let group = groups.next().filter(|g| g.len() == digits)?;
            u64::from_str_radix(group, 16).ok()
        };
        let (a, b, c, d, e) = (next(8)?, next(4)?, next(4)?, next(4)?, next(12)?);
        if groups.next().is_some() {
            return None;
        }
        Some(Self::from_groups(
            u32::try_from(a).ok()?,
            u16::try_from(b).ok()?,
            u16::try_from(c).ok()?,
            u16::try_from(d).ok()?,
            e,
        ))
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let b = &self.0;
        write!(
            f,
            "{:02x}{:02x}{:02x}{:02x}-{:02x}{:02x}-{:02x}{:02x}-",
            b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6]
        )?;
        write!(f, "{:02x}{:02x}-", b[8], b[9])?;
        b[10..].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_wire_order() {
        let guid = Guid::parse("{00062008-0000-0000-C000-000000000046}").expect("a GUID");
        assert_eq!(guid, Guid::from_groups(0x0006_2008, 0, 0, 0xC000, 0x46));
        assert_eq!(guid.0, [0x08, 0x20, 6, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46]);
        assert_eq!(guid.to_string(), "00062008-0000-0000-c000-000000000046");
        assert_eq!(Guid::parse("00062008-0000"), None);
    }
}
