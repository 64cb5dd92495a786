//! ROPs that send messages ([MS-OXCROPS] 2.2.7, [MS-OXOMSG] 2.2.3).

use crate::id::{FolderId, MessageId};
use crate::property::TaggedValue;
use crate::wire::{Reader, WireResult, Writer};

use super::codec::{Codec, Count16, Wire, get_names, latin1, wire_struct};

wire_struct! {
    /// RopSubmitMessage request ([MS-OXCROPS] 2.2.7.1.1).
    pub struct SubmitMessageRequest {
        /// 0, 1 pre-process, 2 needs the spooler.
        pub submit_flags: u8,
    }

    /// RopAbortSubmit request ([MS-OXCROPS] 2.2.7.2.1).
    pub struct AbortSubmitRequest {
        pub folder_id: FolderId,
        pub message_id: MessageId,
    }

    /// RopSpoolerLockMessage request ([MS-OXCROPS] 2.2.7.5.1).
    pub struct SpoolerLockMessageRequest {
        pub message_id: MessageId,
        /// 0 lock, 1 unlock, 2 finished.
        pub lock_state: u8,
    }

    /// RopGetTransportFolder response ([MS-OXCROPS] 2.2.7.8.2).
    pub struct GetTransportFolderResponse {
        pub folder_id: FolderId,
    }
}

/// RopGetAddressTypes response ([MS-OXCROPS] 2.2.7.3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetAddressTypesResponse {
    /// E.g. `EX`, `SMTP`.
    pub address_types: Vec<String>,
}

impl Wire for GetAddressTypesResponse {
    const MIN_SIZE: usize = 4;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        let count = usize::from(reader.u16("AddressTypeCount")?);
        let size = usize::from(reader.u16("AddressTypeSize")?);
        let mut inner = reader.sub(size, "AddressTypes")?;
        let address_types = get_names(&mut inner, count, "AddressTypes")?;
        inner.finish("AddressTypes")?;
        Ok(Self { address_types })
    }

    fn put(&self, writer: &mut Writer) {
        let mut inner = Writer::new();
        for name in &self.address_types {
            inner.z8(&latin1(name));
        }
        writer.len16(self.address_types.len()).len16(inner.len()).bytes(inner.as_slice());
    }
}

/// RopTransportSend response ([MS-OXCROPS] 2.2.7.6.2).
#[derive(Debug, Clone, PartialEq)]
pub struct TransportSendResponse {
    /// Properties that the server set on the message. `None`: NoPropertiesReturned.
    pub property_values: Option<Vec<TaggedValue>>,
}

impl Wire for TransportSendResponse {
    const MIN_SIZE: usize = 1;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        let none = reader.bool8("NoPropertiesReturned")?;
        Ok(Self { property_values: if none { None } else { Some(Count16::get(reader, "PropertyValues")?) } })
    }

    fn put(&self, writer: &mut Writer) {
        writer.bool8(self.property_values.is_none());
        if let Some(values) = &self.property_values {
            Count16::put(values, writer);
        }
    }
}
