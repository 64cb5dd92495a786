use crate::wire::{Reader, WireResult, Writer};

/// AvId ([MS-NLMP] 2.2.2.1).
pub mod av_id {
    /// Ends the list.
    pub const EOL: u16 = 0;
    /// NetBIOS name of the server.
    pub const NB_COMPUTER_NAME: u16 = 1;
    /// NetBIOS name of its domain.
    pub const NB_DOMAIN_NAME: u16 = 2;
    /// DNS name of the server.
    pub const DNS_COMPUTER_NAME: u16 = 3;
    /// DNS name of its domain.
    pub const DNS_DOMAIN_NAME: u16 = 4;
    /// Bits, see [`super::av_flag`].
    pub const FLAGS: u16 = 6;
    /// The server's time, as FILETIME.
    pub const TIMESTAMP: u16 = 7;
    /// Service principal name that the client means to speak to.
    pub const TARGET_NAME: u16 = 9;
    /// MD5 of the channel bindings; zeros for none.
    pub const CHANNEL_BINDINGS: u16 = 10;
}

/// Bits of MsvAvFlags ([MS-NLMP] 2.2.2.1).
pub mod av_flag {
    /// The client gives a message integrity code.
    pub const MIC_PRESENT: u32 = 2;
}

/// Attributes and values in their order ([MS-NLMP] 2.2.2.1), without the EOL that ends them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AvPairs(Vec<(u16, Vec<u8>)>);

impl AvPairs {
    /// Reads a list up to its EOL; what follows stays. A list that ends without EOL is taken, too.
    ///
    /// # Errors
    /// A value that is longer than what is there.
    pub fn decode(reader: &mut Reader<'_>) -> WireResult<Self> {
        let mut pairs = Vec::new();
        while !reader.is_empty() {
            let id = reader.u16("AvId")?;
            let length = reader.u16("AvLen")?;
            let value = reader.bytes(usize::from(length), "AV_PAIR value")?;
            if id == av_id::EOL {
                break;
            }
            pairs.push((id, value.to_vec()));
        }
        Ok(Self(pairs))
    }

    /// Writes the list with its EOL.
    pub fn encode(&self, writer: &mut Writer) {
        for (id, value) in &self.0 {
            // `set` cuts longer values off.
            writer.u16(*id).u16(value.len() as u16).bytes(value);
        }
        writer.u16(av_id::EOL).u16(0);
    }

    /// The value of the first pair with `id`.
    pub fn get(&self, id: u16) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| *known == id).map(|(_, value)| value.as_slice())
    }

    /// MsvAvFlags; 0 if there are none.
    pub fn flags(&self) -> u32 {
        self.get(av_id::FLAGS).and_then(|value| value.try_into().ok()).map_or(0, u32::from_le_bytes)
    }

    /// MsvAvTimestamp, as FILETIME.
    pub fn timestamp(&self) -> Option<u64> {
        self.get(av_id::TIMESTAMP).and_then(|value| value.try_into().ok()).map(u64::from_le_bytes)
    }

    /// Puts `value`, of which the first 65,535 bytes count, in the place of the pair with `id`, or at the end.
    pub fn set(&mut self, id: u16, mut value: Vec<u8>) {
        value.truncate(usize::from(u16::MAX));
        match self.0.iter_mut().find(|(known, _)| *known == id) {
            Some((_, old)) => *old = value,
            None => self.0.push((id, value)),
        }
    }

    /// The same with a text.
    pub fn set_text(&mut self, id: u16, text: &str) {
        self.set(id, super::utf16::utf16(text));
    }
}
