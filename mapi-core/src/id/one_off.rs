use crate::wire::{Reader, WireResult, Writer};

/// The provider of one-off EntryIDs ([MS-OXCDATA] 2.2.5.1).
const PROVIDER: [u8; 16] =
    [0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54, 0x02];
/// MAPI_UNICODE
const UNICODE: u16 = 0x8000;
/// MAPI_ONE_OFF_NO_RICH_INFO and the usual format hints.
const WRITTEN_FLAGS: u16 = 0x9001;

/// A one-off EntryID ([MS-OXCDATA] 2.2.5.1): somebody who need not be in the address book.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OneOff {
    /// The name to show.
    pub display_name: String,
    /// How the address is to be read: `SMTP`, …
    pub address_type: String,
    /// The address.
    pub address: String,
}

impl OneOff {
    /// Somebody with an Internet address.
    pub fn smtp(display_name: impl Into<String>, address: impl Into<String>) -> Self {
        Self { display_name: display_name.into(), address_type: "SMTP".into(), address: address.into() }
    }

    /// Reads an EntryID; `None` if it is of another kind.
    ///
    /// # Errors
    /// A one-off EntryID that is truncated.
    pub fn decode(bytes: &[u8]) -> WireResult<Option<Self>> {
        if bytes.get(4..20) != Some(&PROVIDER[..]) {
            return Ok(None);
        }
        let mut reader = Reader::new(bytes);
        reader.bytes(22, "one-off EntryID")?;
        let unicode = reader.u16("one-off flags")? & UNICODE != 0;
        let mut text = |context| if unicode { reader.z16(context) } else { reader.z8_text(context) };
        Ok(Some(Self {
            display_name: text("one-off DisplayName")?,
            address_type: text("one-off AddressType")?,
            address: text("one-off EmailAddress")?,
        }))
    }

    /// The EntryID, in its Unicode form. NUL characters of the texts are left out.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u32(0).bytes(&PROVIDER).u16(0).u16(WRITTEN_FLAGS);
        for text in [&self.display_name, &self.address_type, &self.address] {
            writer.z16(&text.replace('\0', ""));
        }
        writer.into_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_entry_id() {
        // A sender's EntryID as Gromox wrote it.
        let hex = "00000000812b1fa4bea310199d6e00dd010f540200000180450078007400650072006e0061006c002c002000500065007200\
                   73006f006e00200028006500780074002900000053004d0054005000000078002e007400650072006e0061006c0040006500\
                   780061006d0070006c0065002e006f00720067000000";
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect();
        let expected = OneOff::smtp("External, Person (ext)", "x.ternal@example.org");
        assert_eq!(OneOff::decode(&bytes), Ok(Some(expected.clone())));
        let mut written = expected.encode();
        assert_eq!(written[22..24], [0x01, 0x90]);
        written[23] = 0x80;
        assert_eq!(written, bytes);
        assert_eq!(OneOff::decode(&bytes[..30]).map_err(|error| error.offset), Err(24));
        assert_eq!(OneOff::decode(&[0; 40]), Ok(None));
    }
}
