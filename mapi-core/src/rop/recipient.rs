use crate::property::{Form, PropertyRow, PropertyTag};
use crate::wire::{Reader, WireErrorKind, WireResult, Writer};

use super::codec::{get_text, latin1, put_text};

/// Bits of RecipientFlags ([MS-OXCDATA] 2.8.3.1).
#[allow(missing_docs, reason = "the names say what the bits mean")]
pub mod recipient_flags {
    /// Mask of the address type.
    pub const TYPE: u16 = 0x0007;
    pub const EMAIL_ADDRESS: u16 = 0x0008;
    pub const DISPLAY_NAME: u16 = 0x0010;
    pub const TRANSMITTABLE_DISPLAY_NAME: u16 = 0x0020;
    /// The transmittable display name is the display name.
    pub const SAME: u16 = 0x0040;
    pub const RESPONSIBLE: u16 = 0x0080;
    pub const NO_RICH_INFO: u16 = 0x0100;
    pub const UNICODE: u16 = 0x0200;
    pub const SIMPLE_DISPLAY_NAME: u16 = 0x0400;
    /// With type 0: the address type is spelt out.
    pub const NON_STANDARD: u16 = 0x8000;
}

use recipient_flags as bits;

/// The address of a recipient, as its type demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipientAddress {
    /// Type 0: none.
    None,
    /// Type 0 with the O flag: another address type, e.g. `SMTP`; the address is the e-mail address.
    Other {
        /// The address type, ASCII.
        address_type: String,
    },
    /// Type 1: an entry of the address book.
    X500 {
        /// How many characters of the session's DnPrefix stand before `x500_dn`.
        address_prefix_used: u8,
        /// 0 user, 1 distribution list, ...
        display_type: u8,
        /// The rest of the distinguished name, ASCII.
        x500_dn: String,
    },
    /// Type 2 Microsoft Mail, 3 SMTP, 4 fax, 5 Professional Office System: the address is the e-mail address.
    Known(u8),
    /// Types 6 and 7: a personal distribution list.
    PersonalList {
        /// 6 or 7.
        kind: u8,
        /// Its EntryID.
        entry_id: Vec<u8>,
        /// Its search key.
        search_key: Vec<u8>,
    },
}

/// A RecipientRow ([MS-OXCDATA] 2.8.3).
#[derive(Debug, Clone, PartialEq)]
pub struct RecipientRow {
    /// RecipientFlags. Type, E, D, T and I are overwritten on encoding by what is there; the others ([`recipient_flags`])
    /// count.
    pub recipient_flags: u16,
    /// The address or its type.
    pub address: RecipientAddress,
    /// The e-mail address.
    pub email_address: Option<String>,
    /// The display name.
    pub display_name: Option<String>,
    /// The simple display name.
    pub simple_display_name: Option<String>,
    /// The transmittable display name.
    pub transmittable_display_name: Option<String>,
    /// Values of the first columns of the ROP's RecipientColumns, as many as there are.
    pub properties: PropertyRow,
    /// Bytes behind the last field, kept for exact re-encoding. Normally none.
    pub rest: Vec<u8>,
}

impl RecipientRow {
    /// An Internet recipient without further columns.
    pub fn smtp(email_address: impl Into<String>, display_name: impl Into<String>) -> Self {
        Self {
            recipient_flags: 3 | bits::EMAIL_ADDRESS | bits::DISPLAY_NAME | bits::UNICODE,
            address: RecipientAddress::Known(3),
            email_address: Some(email_address.into()),
            display_name: Some(display_name.into()),
            simple_display_name: None,
            transmittable_display_name: None,
            properties: PropertyRow::new(Vec::new()),
            rest: Vec::new(),
        }
    }

    /// Whether the strings are written as UTF-16.
    pub fn is_unicode(&self) -> bool {
        self.recipient_flags & bits::UNICODE != 0
    }

    /// Reads a row that fills `reader` to its end. `columns` are the RecipientColumns of the ROP.
    ///
    /// # Errors
    /// Truncated rows, and rows over more columns than there are.
    pub fn decode(reader: &mut Reader<'_>, columns: &[PropertyTag]) -> WireResult<Self> {
        let flags = reader.u16("RecipientFlags")?;
        let address = match flags & bits::TYPE {
            0 if flags & bits::NON_STANDARD != 0 => {
                RecipientAddress::Other { address_type: reader.z8_text("AddressType")? }
            }
            0 => RecipientAddress::None,
            1 => RecipientAddress::X500 {
                address_prefix_used: reader.u8("AddressPrefixUsed")?,
                display_type: reader.u8("DisplayType")?,
                x500_dn: reader.z8_text("X500DN")?,
            },
            kind @ (6 | 7) => {
                let size = usize::from(reader.u16("EntryIdSize")?);
                let entry_id = reader.bytes(size, "EntryID")?.to_vec();
                let size = usize::from(reader.u16("SearchKeySize")?);
                let search_key = reader.bytes(size, "SearchKey")?.to_vec();
                RecipientAddress::PersonalList { kind: low_byte(kind), entry_id, search_key }
            }
            kind => RecipientAddress::Known(low_byte(kind)),
        };
        let unicode = flags & bits::UNICODE != 0;
        let mut text = |bit: u16, context: &'static str| {
            if flags & bit != 0 { get_text(reader, unicode, context).map(Some) } else { Ok(None) }
        };
        let email_address = text(bits::EMAIL_ADDRESS, "EmailAddress")?;
        let display_name = text(bits::DISPLAY_NAME, "DisplayName")?;
        let simple_display_name = text(bits::SIMPLE_DISPLAY_NAME, "SimpleDisplayName")?;
        let transmittable_display_name = text(bits::TRANSMITTABLE_DISPLAY_NAME, "TransmittableDisplayName")?;
        let at = reader.clone();
        let count = usize::from(reader.u16("RecipientColumnCount")?);
        let Some(columns) = columns.get(..count) else {
            let kind = WireErrorKind::TooLarge { asked: count as u64, limit: columns.len() as u64 };
            return Err(at.error("RecipientColumnCount", kind));
        };
        let properties = PropertyRow::decode(reader, columns, Form::Rop)?;
        Ok(Self {
            recipient_flags: flags,
            address,
            email_address,
            display_name,
            simple_display_name,
            transmittable_display_name,
            properties,
            rest: reader.rest().to_vec(),
        })
    }

    /// Writes the row.
    pub fn encode(&self, writer: &mut Writer, columns: &[PropertyTag]) {
        let unicode = self.is_unicode();
        writer.u16(self.flags());
        match &self.address {
            RecipientAddress::None | RecipientAddress::Known(_) => {}
            RecipientAddress::Other { address_type } => drop(writer.z8(&latin1(address_type))),
            RecipientAddress::X500 { address_prefix_used, display_type, x500_dn } => {
                writer.u8(*address_prefix_used).u8(*display_type).z8(&latin1(x500_dn));
            }
            RecipientAddress::PersonalList { entry_id, search_key, .. } => {
                writer.len16(entry_id.len()).bytes(entry_id).len16(search_key.len()).bytes(search_key);
            }
        }
        let texts =
            [&self.email_address, &self.display_name, &self.simple_display_name, &self.transmittable_display_name];
        for text in texts.into_iter().flatten() {
            put_text(writer, text, unicode);
        }
        writer.len16(self.properties.values.len());
        self.properties.encode(writer, columns, Form::Rop);
        writer.bytes(&self.rest);
    }

    /// RecipientFlags as they are written.
    pub fn flags(&self) -> u16 {
        let (kind, other) = match &self.address {
            RecipientAddress::None => (0, Some(false)),
            RecipientAddress::Other { .. } => (0, Some(true)),
            RecipientAddress::X500 { .. } => (1, None),
            RecipientAddress::Known(kind) | RecipientAddress::PersonalList { kind, .. } => {
                (u16::from(*kind) & bits::TYPE, None)
            }
        };
        let mut flags = self.recipient_flags & !bits::TYPE | kind;
        let mut set = |bit: u16, on: bool| if on { flags |= bit } else { flags &= !bit };
        if let Some(other) = other {
            set(bits::NON_STANDARD, other);
        }
        set(bits::EMAIL_ADDRESS, self.email_address.is_some());
        set(bits::DISPLAY_NAME, self.display_name.is_some());
        set(bits::SIMPLE_DISPLAY_NAME, self.simple_display_name.is_some());
        set(bits::TRANSMITTABLE_DISPLAY_NAME, self.transmittable_display_name.is_some());
        flags
    }
}

fn low_byte(kind: u16) -> u8 {
    kind.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_smtp_recipient() {
        let mut wire = vec![0x5B, 0x02];
        for text in ["alice@example.org\0", "Alice\0"] {
            wire.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        }
        wire.extend([0, 0, 0]);
        let row = RecipientRow::decode(&mut Reader::new(&wire), &[]).expect("a whole row");
        let mut expected = RecipientRow::smtp("alice@example.org", "Alice");
        expected.recipient_flags |= bits::SAME;
        assert_eq!(row, expected);
        let mut writer = Writer::new();
        row.encode(&mut writer, &[]);
        assert_eq!(writer.as_slice(), wire);
    }

    #[test]
    fn more_columns_than_there_are() {
        let wire = [0, 0, 1, 0, 0];
        let error = RecipientRow::decode(&mut Reader::new(&wire), &[]).expect_err("no such column");
        assert_eq!(error.offset, 2);
        assert_eq!(error.kind, WireErrorKind::TooLarge { asked: 1, limit: 0 });
    }
}
