use super::{EntryId, ONE_OFF_PROVIDER, OneOffEntryId};
use crate::wire::WireResult;

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
        if bytes.get(4..20) != Some(&ONE_OFF_PROVIDER.0[..]) {
            return Ok(None);
        }
        let EntryId::OneOff(id) = EntryId::decode(bytes)? else { return Ok(None) };
        let OneOffEntryId { display_name, address_type, email_address: address, .. } = id;
        Ok(Some(Self { display_name, address_type, address }))
    }

    /// The EntryID, in its Unicode form. NUL characters of the texts are left out.
    pub fn encode(&self) -> Vec<u8> {
        let text = |text: &str| text.replace('\0', "");
        let id = OneOffEntryId::smtp(text(&self.display_name), text(&self.address));
        OneOffEntryId { address_type: text(&self.address_type), ..id }.to_bytes()
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
